//! What every backend of the store must do; a backend joins by one line, `contract_holds_for!(Backend)`.

mod leases;
mod model;
mod ranges;
mod transactions;
mod watches;

pub use {leases::*, model::*, ranges::*, transactions::*, watches::*};

use havip_store::{Entry, Outcome, Query, Revision, Store, Transaction};
use std::{future::Future, time::Duration};

/// A place for one store, which may be opened, closed by dropping, and opened again.
pub trait Backend {
    type Store: Store;
    /// An empty one.
    fn new() -> Self;
    fn open(&self) -> impl Future<Output = Self::Store>;
}

/// Makes a test of each clause.
#[macro_export]
macro_rules! contract_holds_for {
    ($backend:ty) => {
        $crate::contract_holds_for! { $backend:
            a_key_remembers_when_it_was_made_and_how_often_it_was_written
            all_changes_of_a_transaction_have_one_revision
            a_transaction_that_changes_nothing_has_no_revision
            a_failed_precondition_writes_nothing_and_is_named
            of_many_who_race_exactly_one_wins
            a_transaction_that_makes_no_sense_is_refused
            what_was_answered_is_there_after_opening_again
            a_range_holds_the_keys_of_its_prefix_in_order
            a_range_can_be_read_page_by_page_in_both_directions
            a_range_at_an_old_revision_shows_what_was_there_then
            a_revision_that_is_forgotten_or_yet_to_come_is_refused
            a_backup_is_the_store_of_its_revision
            a_watch_sees_what_happened_and_then_what_happens
            a_watch_sees_only_its_prefix
            a_watch_that_falls_behind_misses_nothing
            a_watch_that_is_abandoned_while_it_waits_loses_nothing
            a_watch_from_a_forgotten_revision_is_refused
            a_watch_from_a_revision_to_come_begins_there
            a_lease_that_nobody_keeps_alive_ends_with_its_keys
            a_lease_lives_as_long_as_it_is_kept_alive
            a_lease_can_be_ended_at_once
            a_key_that_is_written_without_a_lease_no_longer_ends_with_one
            a_store_does_what_a_simple_model_does
        }
    };
    ($backend:ty: $($clause:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $clause() {
            let backend = <$backend as $crate::contract::Backend>::new();
            // Far more than any clause needs; a hang must not hang the suite.
            let done = tokio::time::timeout($crate::contract::LIMIT, $crate::contract::$clause(&backend));
            done.await.expect("the clause took longer than a minute");
        }
    )*};
}

pub const LIMIT: Duration = Duration::from_secs(60);

/// Writes keys in one transaction and says at which revision.
pub async fn put(store: &impl Store, pairs: &[(&str, &str)]) -> Revision {
    let transaction = pairs.iter().fold(Transaction::by("test"), |all, (key, value)| all.put(*key, *value));
    committed(store.commit(transaction).await.unwrap())
}

/// Deletes a key and says at which revision.
pub async fn delete(store: &impl Store, key: &str) -> Revision {
    committed(store.commit(Transaction::by("test").delete(key)).await.unwrap())
}

pub fn committed(outcome: Outcome) -> Revision {
    match outcome {
        Outcome::Committed(revision) => revision,
        Outcome::Conflict { key, modified } => panic!("{key} was written at {modified:?}"),
    }
}

/// The value of a key, if there is one.
pub async fn get(store: &impl Store, key: &str) -> Option<String> {
    let range = store.range(Query::key(key)).await.unwrap();
    range.entries.into_iter().next().map(text)
}

/// All keys that a query finds.
pub async fn keys(store: &impl Store, query: Query) -> Vec<String> {
    store.range(query).await.unwrap().entries.into_iter().map(|entry| entry.key).collect()
}

pub fn text(entry: Entry) -> String {
    String::from_utf8(entry.value).unwrap()
}
