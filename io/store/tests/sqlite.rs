//! The contract of a store, held against SQLite.

mod contract;

use contract::Backend;
use havip_store::{Sqlite, StoreError, StoreErrorKind};
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
