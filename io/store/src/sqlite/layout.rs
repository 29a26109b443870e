//! The tables, and how a connection to them is opened.

use crate::{Revision, StoreError};
use rusqlite::{Connection, params};
use std::{fs::File, path::Path, path::PathBuf, time::Duration};

/// Where the file is.
#[derive(Debug, Clone)]
pub struct Place {
    pub path: PathBuf,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error("it has layout {found}, written by a newer version; this one knows {LAYOUT}")]
    Newer { found: u64 },
    #[error("the file system does not allow write-ahead logging (journal mode is {0})")]
    NoWal(String),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Opens the writer's connection and makes what is missing.
pub fn open(place: &Place) -> Result<Connection, LayoutError> {
    let mut connection = connect(place)?;
    let mode: String = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(LayoutError::NoWal(mode));
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute("INSERT OR IGNORE INTO meta VALUES ('layout', ?1)", [LAYOUT])?;
    let found = get(&transaction, "layout")?;
    if found > LAYOUT {
        return Err(LayoutError::Newer { found });
    }
    transaction.commit()?;
    Ok(connection)
}

/// Opens a connection as all of them must be.
pub fn connect(place: &Place) -> rusqlite::Result<Connection> {
    let connection = Connection::open(&place.path)?;
    // Nobody but a person with a tool could keep this program out.
    connection.busy_timeout(Duration::from_secs(3))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -65_536)?; // 64 MiB
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?; // the WAL shrinks to that after a burst
    Ok(connection)
}

/// Reads a number of `meta`; 0 if it is not there.
pub fn get(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    let mut rows = statement.query([name])?;
    rows.next()?.map_or(Ok(0), |row| row.get(0))
}

/// Writes a number of `meta`.
pub fn set(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?;
    statement.execute(params![name, value]).map(drop)
}

/// Writes a consistent copy to a new file and says of which revision it is.
pub fn copy(connection: &Connection, to: &Path) -> Result<Revision, StoreError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Write(source.into());
    let target = to.to_string_lossy();
    connection.execute("VACUUM INTO ?1", [&target]).map_err(|source| failed(source.into()))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|source| failed(source.into()))?;
    let copy = Connection::open(to).map_err(|source| failed(source.into()))?;
    get(&copy, "revision").map(Revision).map_err(|source| failed(source.into()))
}

/// Counts changes of the tables below that an older version could not read.
const LAYOUT: u64 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kv (
    key TEXT PRIMARY KEY, value BLOB NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, version INTEGER NOT NULL, lease INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kv_lease ON kv (lease) WHERE lease IS NOT NULL;
CREATE TABLE IF NOT EXISTS log (
    revision INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL,
    value BLOB, created INTEGER, version INTEGER, lease INTEGER, -- NULL: deleted
    old_value BLOB, old_created INTEGER, old_modified INTEGER, old_version INTEGER, old_lease INTEGER, -- NULL: new
    actor TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (revision, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (id INTEGER PRIMARY KEY, ttl_ms INTEGER NOT NULL);
";
