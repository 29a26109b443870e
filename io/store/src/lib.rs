//! Revisions of keys that survive power loss: SQLite behind a small trait.
//!
//! [`Store`] is what a server may ask of any backend, in the manner of etcd: revisions, transactions with
//! preconditions, watches, leases. [`Sqlite`] is the embedded one.

mod error;
mod query;
mod sqlite;
mod store;
pub mod stored;
mod transaction;
mod watch;

pub use error::{StoreError, StoreErrorKind};
pub use query::{Entry, Query, Range, Revision};
pub use sqlite::Sqlite;
pub use store::{LeaseId, Store};
pub use transaction::{Compare, Operation, Outcome, Transaction};
pub use watch::{Commit, Event, Watch};
