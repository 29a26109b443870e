//! The contract of a store, held against SQLite.

mod contract;

use contract::{Backend, get, put};
use havip_store::{Query, Revision, Sqlite, Store, StoreError, StoreErrorKind, Transaction};
use tempfile::TempDir;

struct SqliteBackend(TempDir);

impl Backend for SqliteBackend {
    type Store = Sqlite;

    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> Sqlite {
        Sqlite::open(&self.0.path().join("store.db")).unwrap()
    }
}

contract_holds_for!(SqliteBackend);

#[test]
fn a_second_process_cannot_open_the_store_until_the_first_has_closed_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let first = Sqlite::open(&path).unwrap();

    let error = Sqlite::open(&path).err().unwrap();

    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    drop(first);
    Sqlite::open(&path).unwrap();
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    std::fs::write(&path, "a letter to grandmother, longer than any header".repeat(50)).unwrap();

    let error = Sqlite::open(&path).err().unwrap();

    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("a letter"));
}

#[tokio::test]
async fn a_store_forgets_by_itself_what_is_older_than_its_history() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open_with_history(&dir.path().join("store.db"), 100).unwrap();
    for n in 0..1000 {
        put(&store, &[("a", &n.to_string())]).await;
    }
    let at = |revision| store.range(Query::key("a").at(Revision(revision)));
    assert_eq!(at(500).await.unwrap_err().kind(), StoreErrorKind::Compacted);
    assert_eq!(at(901).await.unwrap().entries[0].modified, Revision(901));
    assert_eq!(get(&store, "a").await, Some("999".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_cannot_be_written_is_answered_with_the_failure_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = Sqlite::open(&path).unwrap();
    put(&store, &[("a", "1")]).await;
    let mut watch = store.watch("", Revision(2)).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap(); // somebody looks into the file with a tool, and stays

    let write = |key: &'static str| store.commit(Transaction::by("test").put(key, "1"));
    let (first, second) = tokio::join!(write("b"), write("c"));
    for outcome in [first, second] {
        assert_eq!(outcome.unwrap_err().kind(), StoreErrorKind::Unknown);
    }
    assert_eq!(store.range(Query::prefix("")).await.unwrap().entries.len(), 1);

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(put(&store, &[("d", "1")]).await, Revision(2));
    assert_eq!(watch.next().await.unwrap().events[0].key(), "d");
}
