//! What is written together, and under which conditions.

use crate::{LeaseId, Revision};

/// Writes that happen together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// All must hold, or nothing is written.
    pub compares: Vec<Compare>,
    /// The writes, each key at most once.
    pub operations: Vec<Operation>,
    /// Who wants it, for the audit of the history.
    pub actor: String,
}

impl Transaction {
    /// An empty transaction of this actor.
    pub fn by(actor: impl Into<String>) -> Self {
        Self { actor: actor.into(), ..Self::default() }
    }

    /// Only if the key was last written at this revision.
    pub fn if_modified_at(mut self, key: impl Into<String>, revision: Revision) -> Self {
        self.compares.push(Compare { key: key.into(), modified: revision });
        self
    }

    /// Only if there is no such key.
    pub fn if_absent(self, key: impl Into<String>) -> Self {
        self.if_modified_at(key, Revision(0))
    }

    /// Writes a key.
    pub fn put(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.operations.push(Operation::Put { key: key.into(), value: value.into(), lease: None });
        self
    }

    /// Writes a key that ends with a lease.
    pub fn put_leased(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>, lease: LeaseId) -> Self {
        self.operations.push(Operation::Put { key: key.into(), value: value.into(), lease: Some(lease) });
        self
    }

    /// Deletes a key; nothing happens if there is none.
    pub fn delete(mut self, key: impl Into<String>) -> Self {
        self.operations.push(Operation::Delete { key: key.into() });
        self
    }
}

/// A precondition: the key was last written at exactly this revision; 0 means that there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// The key.
    pub key: String,
    /// When it must have been written.
    pub modified: Revision,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Writes a key.
    Put {
        /// The key; not empty.
        key: String,
        /// Its new value.
        value: Vec<u8>,
        /// The lease it ends with.
        lease: Option<LeaseId>,
    },
    /// Deletes a key.
    Delete {
        /// The key.
        key: String,
    },
}

impl Operation {
    /// The key that is written.
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable under this revision; the present one if there was nothing to write.
    Committed(Revision),
    /// A precondition did not hold, and nothing was written.
    Conflict {
        /// The first key whose precondition failed.
        key: String,
        /// When that key was last written; 0 if there is none.
        modified: Revision,
    },
}
