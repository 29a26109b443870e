//! Why a store could not do what was asked.

use crate::{LeaseId, Revision};

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The history does not reach back so far.
    #[error("revision {} is no longer kept, the history begins behind {}", asked.0, floor.0)]
    Compacted {
        /// The revision that was asked for.
        asked: Revision,
        /// The newest one that is forgotten.
        floor: Revision,
    },
    /// There is no such revision yet.
    #[error("revision {} does not exist yet, the newest is {}", asked.0, newest.0)]
    Future {
        /// The revision that was asked for.
        asked: Revision,
        /// The newest one.
        newest: Revision,
    },
    /// The lease has run out, or never was.
    #[error("lease {} does not exist or has run out", .0.0)]
    NoSuchLease(LeaseId),
    /// The transaction makes no sense.
    #[error("the transaction is not valid: {0}")]
    Invalid(String),
    /// The file could not be opened as a store.
    #[error("could not open the store {path}")]
    Open {
        /// Where it is.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process has the store open.
    #[error("the store {0} is in use by another process")]
    InUse(String),
    /// A read failed.
    #[error("could not read from the store")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A write failed; whether it happened is not known.
    #[error("could not write to the store")]
    Write(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// What callers decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// Read everything anew.
    Compacted,
    /// The caller's mistake.
    Invalid,
    /// The lease is gone.
    NoSuchLease,
    /// Nothing was changed; try later.
    Unavailable,
    /// It may have happened or not.
    Unknown,
}

impl StoreError {
    /// What callers decide by.
    pub fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Compacted { .. } => StoreErrorKind::Compacted,
            Self::Future { .. } | Self::Invalid(_) => StoreErrorKind::Invalid,
            Self::NoSuchLease(_) => StoreErrorKind::NoSuchLease,
            Self::Open { .. } | Self::InUse(_) | Self::Read(_) => StoreErrorKind::Unavailable,
            Self::Write(_) | Self::Closed => StoreErrorKind::Unknown,
        }
    }
}
