//! The embedded backend: one SQLite file, one writer, as many readers as are needed.
//!
//! | table | holds |
//! |---|---|
//! | `meta` | the newest revision, the newest forgotten one, the next lease, the layout's version |
//! | `kv` | what is current: key, value, created, modified, version, lease |
//! | `log` | every change behind the floor with what it replaced: watches replay it, old revisions are read from it, and it says who did it when |
//! | `lease` | leases and their times to live |
//!
//! The file is in WAL mode with `synchronous=FULL`: a transaction is answered when it has reached the disk.
//! Transactions that arrive while another is being synced share the next sync (group commit).

mod apply;
mod follow;
mod group;
mod layout;
mod lease;
mod read;
mod writer;

use crate::{
    LeaseId, Outcome, Query, Range, Revision, Store, StoreError, Transaction, Watch, query::end_of_prefix,
};
use async_trait::async_trait;
use follow::Follower;
use read::Readers;
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use writer::{Order, Writer};

/// The embedded backend.
pub struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
    /// Held as long as the store is open, so that no second server writes beside this one.
    _lock: File,
}

impl Sqlite {
    /// Revisions that are kept for watches and old ranges unless said otherwise: minutes of a busy server, a day of a calm one.
    pub const HISTORY: u64 = 20_000;

    /// Opens a store, making it if there is none.
    ///
    /// # Errors
    /// `InUse` if another process has it open; `Open` if the file cannot be used, or is of a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with_history(path, Self::HISTORY)
    }

    /// Opens a store that keeps so many revisions of history and forgets older ones by itself.
    ///
    /// # Errors
    /// As of [`Sqlite::open`].
    pub fn open_with_history(path: &Path, revisions: u64) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let place = layout::Place { path: path.to_owned() };
        let connection = layout::open(&place).map_err(|source| open_error(path, source))?;
        let readers = Arc::new(Readers::new(place));
        let writer = Writer::start(connection, revisions).map_err(|source| open_error(path, source))?;
        Ok(Self { writer, readers, _lock: lock })
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn range(&self, query: Query) -> Result<Range, StoreError> {
        self.readers.run(move |connection| read::range(connection, &query)).await
    }

    async fn commit(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        apply::check(&transaction)?;
        self.writer.ask(|answer| Order::Commit { transaction, answer }).await
    }

    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch, StoreError> {
        let commits = self.writer.subscribe();
        let floor = self.readers.run(read::floor).await?;
        if from <= floor && floor > Revision(0) {
            return Err(StoreError::Compacted { asked: from, floor });
        }
        let (start, end) = (prefix.to_owned(), end_of_prefix(prefix));
        Ok(Watch::new(Follower::new(self.readers.clone(), commits, start, end, from)))
    }

    async fn grant(&self, ttl: Duration) -> Result<LeaseId, StoreError> {
        self.writer.ask(|answer| Order::Grant { ttl, answer }).await
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.writer.ask(|answer| Order::KeepAlive { lease, answer }).await
    }

    async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.writer.ask(|answer| Order::Revoke { lease, answer }).await
    }

    async fn compact(&self, up_to: Revision) -> Result<(), StoreError> {
        self.writer.ask(|answer| Order::Compact { up_to, answer }).await
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        self.readers.run(read::revision).await
    }

    async fn backup(&self, to: &Path) -> Result<Revision, StoreError> {
        let to: PathBuf = to.to_owned();
        self.readers.run(move |connection| layout::copy(connection, &to)).await
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let file = File::options().create(true).append(true).open(&beside);
    let file = file.map_err(|source| open_error(path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.display().to_string())),
        Err(TryLockError::Error(source)) => Err(open_error(path, source)),
    }
}

fn open_error(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Open { path: path.display().to_string(), source: source.into() }
}
