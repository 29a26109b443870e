//! Following what is committed.

use crate::{Entry, Revision, StoreError};
use async_trait::async_trait;

/// What one transaction changed of the watched keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its revision.
    pub revision: Revision,
    /// The changes, in the order in which they were written; never empty.
    pub events: Vec<Event>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A key was written.
    Put(Entry),
    /// A key was deleted.
    Delete {
        /// The key.
        key: String,
    },
}

impl Event {
    /// The key that was changed.
    pub fn key(&self) -> &str {
        match self {
            Self::Put(entry) => &entry.key,
            Self::Delete { key } => key,
        }
    }
}

/// A watch that was begun; dropping it ends it.
pub struct Watch(Box<dyn Follow>);

impl Watch {
    /// Waits for the next commit that changes a watched key.
    ///
    /// Safe to abandon while it waits: nothing is lost.
    ///
    /// # Errors
    /// `Compacted` if this watch was so slow that the history no longer reaches back to where it is;
    /// `Closed` if the store was closed. The watch is over then.
    pub async fn next(&mut self) -> Result<Commit, StoreError> {
        self.0.next().await
    }

    pub(crate) fn new(follow: impl Follow + 'static) -> Self {
        Self(Box::new(follow))
    }
}

/// How a backend finds the next commit; must be safe to abandon while it waits.
#[async_trait]
pub(crate) trait Follow: Send {
    async fn next(&mut self) -> Result<Commit, StoreError>;
}
