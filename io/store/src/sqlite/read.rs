//! Reading, now and as it was.

use super::{
    apply::entry,
    layout::{self, Place},
};
use crate::{Commit, Entry, Event, LeaseId, Query, Range, Revision, StoreError};
use rusqlite::{Connection, params};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Connections for reading, as many as there were readers at once.
pub struct Readers {
    place: Place,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub fn new(place: Place) -> Self {
        Self { place, idle: Mutex::new(Vec::new()) }
    }

    /// Reads on a thread that may block, within one SQLite transaction: all that is read is of one moment.
    pub async fn run<T: Send + 'static>(
        self: &std::sync::Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let connection = readers.take().map_err(read_error)?;
            let result = work(&connection);
            // A connection that has failed is not used again.
            if result.is_ok() {
                readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            result
        });
        done.await.map_err(read_error)?
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| layout::connect(&self.place), Ok)
    }
}

/// The newest revision.
pub fn revision(connection: &Connection) -> Result<Revision, StoreError> {
    layout::get(connection, "revision").map(Revision).map_err(read_error)
}

/// The newest forgotten revision.
pub fn floor(connection: &Connection) -> Result<Revision, StoreError> {
    layout::get(connection, "floor").map(Revision).map_err(read_error)
}

/// Answers a query.
pub fn range(connection: &Connection, query: &Query) -> Result<Range, StoreError> {
    let snapshot = connection.unchecked_transaction().map_err(read_error)?;
    let newest = revision(&snapshot)?;
    let floor = floor(&snapshot)?;
    let asked = query.at.unwrap_or(newest);
    if asked > newest {
        return Err(StoreError::Future { asked, newest });
    }
    if asked < floor {
        return Err(StoreError::Compacted { asked, floor });
    }
    let limit = query.limit.map_or(usize::MAX, |limit| limit.saturating_add(1));
    let mut entries = match asked == newest {
        true => current(&snapshot, query, limit).map_err(read_error)?,
        false => past(&snapshot, query, asked).map_err(read_error)?,
    };
    let most = query.limit.unwrap_or(usize::MAX);
    let more = entries.len() > most;
    entries.truncate(most);
    Ok(Range { revision: asked, entries, more })
}

fn current(connection: &Connection, query: &Query, limit: usize) -> rusqlite::Result<Vec<Entry>> {
    let order = if query.descending { "DESC" } else { "ASC" };
    let select = format!(
        "SELECT key, value, created, modified, version, lease FROM kv
        WHERE key >= ?1 AND key < ?2 ORDER BY key {order} LIMIT ?3"
    );
    let end = query.end.as_deref().unwrap_or(END_OF_ALL);
    let mut statement = connection.prepare_cached(&select)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement.query_map(params![query.start, end, limit], |row| entry(row, 0))?.collect()
}

/// What is current with everything undone that happened after a revision.
fn past(connection: &Connection, query: &Query, at: Revision) -> rusqlite::Result<Vec<Entry>> {
    let all = current(connection, query, usize::MAX)?;
    let mut entries: BTreeMap<String, Entry> =
        all.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
    let select = "SELECT key, old_value, old_created, old_modified, old_version, old_lease FROM log
        WHERE revision > ?1 AND key >= ?2 AND key < ?3 ORDER BY revision DESC, position DESC";
    let end = query.end.as_deref().unwrap_or(END_OF_ALL);
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![at.0, query.start, end])?;
    while let Some(row) = rows.next()? {
        let was_new = row.get_ref(1)? == rusqlite::types::ValueRef::Null;
        match was_new {
            true => entries.remove(&row.get::<_, String>(0)?),
            false => entries.insert(row.get(0)?, entry(row, 0)?),
        };
    }
    let ordered = entries.into_values();
    Ok(if query.descending { ordered.rev().collect() } else { ordered.collect() })
}

/// What was committed from one revision on, in at most so many revisions; and the first one not looked at.
pub fn replay(
    connection: &Connection,
    start: &str,
    end: Option<&str>,
    from: Revision,
    most: u64,
) -> Result<(Vec<Commit>, Revision), StoreError> {
    let snapshot = connection.unchecked_transaction().map_err(read_error)?;
    let floor = floor(&snapshot)?;
    if from <= floor && floor > Revision(0) {
        return Err(StoreError::Compacted { asked: from, floor });
    }
    let until = revision(&snapshot)?.next().min(Revision(from.0.saturating_add(most))).max(from);
    Ok((commits(&snapshot, start, end, from, until).map_err(read_error)?, until))
}

fn commits(
    connection: &Connection,
    start: &str,
    end: Option<&str>,
    from: Revision,
    until: Revision,
) -> rusqlite::Result<Vec<Commit>> {
    let select = "SELECT revision, key, value, created, version, lease FROM log
        WHERE revision >= ?1 AND revision < ?2 AND key >= ?3 AND key < ?4 ORDER BY revision, position";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![from.0, until.0, start, end.unwrap_or(END_OF_ALL)])?;
    let mut commits: Vec<Commit> = Vec::new();
    while let Some(row) = rows.next()? {
        let revision = Revision(row.get(0)?);
        let key: String = row.get(1)?;
        let event = match row.get::<_, Option<Vec<u8>>>(2)? {
            None => Event::Delete { key },
            Some(value) => Event::Put(Entry {
                key,
                value,
                created: Revision(row.get(3)?),
                modified: revision,
                version: row.get(4)?,
                lease: row.get::<_, Option<u64>>(5)?.map(LeaseId),
            }),
        };
        match commits.last_mut() {
            Some(last) if last.revision == revision => last.events.push(event),
            _ => commits.push(Commit { revision, events: vec![event] }),
        }
    }
    Ok(commits)
}

pub fn read_error(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Read(source.into())
}

/// Greater than every key: no UTF-8 text begins with a greater character.
const END_OF_ALL: &str = "\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}";
