//! What a server may ask of any backend.

use crate::{Outcome, Query, Range, Revision, StoreError, Transaction, Watch};
use async_trait::async_trait;
use std::{path::Path, time::Duration};

/// Names a lease; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

/// Keys and values with a history.
///
/// Every change of anything has a revision, one greater than the last; all changes of one transaction have
/// the same. What a call has answered is durable and is seen by every later call.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Reads keys, now or as they were at a revision.
    ///
    /// # Errors
    /// `Compacted` if the revision is older than the history, `Future` if there is no such revision yet.
    async fn range(&self, query: Query) -> Result<Range, StoreError>;

    /// Writes all of a transaction if every precondition holds, else nothing.
    ///
    /// # Errors
    /// A failed precondition is no error but [`Outcome::Conflict`]. After an error of kind `Unknown` the
    /// transaction may have happened or not: retry it only with preconditions or an idempotency key.
    async fn commit(&self, transaction: Transaction) -> Result<Outcome, StoreError>;

    /// Follows the keys with a prefix, from this revision on, itself included: what happened already, then
    /// what happens, in order and without gaps, each commit once.
    ///
    /// # Errors
    /// `Compacted` if the history does not reach back so far: read everything and watch from there.
    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch, StoreError>;

    /// Makes a lease: keys written under it are deleted when nobody has kept it alive for `ttl`.
    async fn grant(&self, ttl: Duration) -> Result<LeaseId, StoreError>;

    /// Lets a lease live its whole time to live once more from now on.
    ///
    /// # Errors
    /// `NoSuchLease` if it has run out.
    async fn keep_alive(&self, lease: LeaseId) -> Result<(), StoreError>;

    /// Ends a lease now and deletes its keys.
    ///
    /// # Errors
    /// `NoSuchLease` if it has run out.
    async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError>;

    /// Forgets the history up to this revision, itself included; what is current stays.
    ///
    /// A backend may forget what is old by itself, too: whoever is told `Compacted` begins anew.
    async fn compact(&self, up_to: Revision) -> Result<(), StoreError>;

    /// The newest revision.
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// Writes a consistent copy of everything to a new file, while others go on reading and writing.
    async fn backup(&self, to: &Path) -> Result<Revision, StoreError>;
}
