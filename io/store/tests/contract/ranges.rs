//! Clauses about reading.

use super::*;
use havip_store::{Sqlite, StoreErrorKind};

pub async fn a_range_holds_the_keys_of_its_prefix_in_order(backend: &impl Backend) {
    let store = backend.open().await;
    put(&store, &[("vip/b", "1"), ("vip/a", "2"), ("vip", "3"), ("vip0", "4"), ("vpc/a", "5"), ("ü/a", "6")])
        .await;
    assert_eq!(keys(&store, Query::prefix("vip/")).await, ["vip/a", "vip/b"]);
    assert_eq!(keys(&store, Query::key("vip")).await, ["vip"]);
    assert_eq!(keys(&store, Query::key("nothing")).await, [""; 0]);
    assert_eq!(keys(&store, Query::prefix("")).await, ["vip", "vip/a", "vip/b", "vip0", "vpc/a", "ü/a"]);
    assert_eq!(keys(&store, Query::prefix("ü")).await, ["ü/a"]);
}

pub async fn a_range_can_be_read_page_by_page_in_both_directions(backend: &impl Backend) {
    let store = backend.open().await;
    put(&store, &[("e/1", ""), ("e/2", ""), ("e/3", ""), ("f/1", "")]).await;

    let first = store.range(Query::prefix("e/").limit(2)).await.unwrap();
    assert_eq!((first.entries.len(), first.more), (2, true));
    let second = store.range(Query::prefix("e/").after("e/2").limit(2)).await.unwrap();
    assert_eq!((second.entries[0].key.as_str(), second.entries.len(), second.more), ("e/3", 1, false));

    let last = store.range(Query::prefix("e/").descending().limit(1)).await.unwrap();
    assert_eq!((last.entries[0].key.as_str(), last.more), ("e/3", true));
    assert_eq!(keys(&store, Query::prefix("e/").descending().before("e/3")).await, ["e/2", "e/1"]);
    // A cursor before the prefix does not widen it, nor one behind it.
    assert_eq!(keys(&store, Query::prefix("e/").after("a")).await, ["e/1", "e/2", "e/3"]);
    assert_eq!(keys(&store, Query::prefix("e/").before("z")).await, ["e/1", "e/2", "e/3"]);
}

pub async fn a_range_at_an_old_revision_shows_what_was_there_then(backend: &impl Backend) {
    let store = backend.open().await;
    put(&store, &[("a", "1"), ("b", "1")]).await;
    put(&store, &[("a", "2")]).await;
    delete(&store, "b").await;
    put(&store, &[("b", "4"), ("c", "4")]).await;
    let then = |revision| store.range(Query::prefix("").at(Revision(revision)));
    let seen = [
        (1, vec![("a", "1", 1, 1), ("b", "1", 1, 1)]),
        (2, vec![("a", "2", 2, 2), ("b", "1", 1, 1)]),
        (3, vec![("a", "2", 2, 2)]),
        (4, vec![("a", "2", 2, 2), ("b", "4", 4, 1), ("c", "4", 4, 1)]),
        (0, vec![]),
    ];
    for (revision, expected) in seen {
        let range = then(revision).await.unwrap();
        assert_eq!(range.revision, Revision(revision));
        let found: Vec<_> = range.entries.into_iter().collect();
        let found: Vec<_> = found
            .iter()
            .map(|e| (e.key.as_str(), std::str::from_utf8(&e.value).unwrap(), e.modified.0, e.version))
            .collect();
        assert_eq!(found, expected, "at {revision}");
    }
    let page = store.range(Query::prefix("").at(Revision(2)).descending().limit(1)).await.unwrap();
    assert_eq!((page.entries[0].key.as_str(), page.more), ("b", true));
}

pub async fn a_revision_that_is_forgotten_or_yet_to_come_is_refused(backend: &impl Backend) {
    let store = backend.open().await;
    for n in 0..5 {
        put(&store, &[("a", &n.to_string())]).await;
    }
    store.compact(Revision(3)).await.unwrap();
    store.compact(Revision(2)).await.unwrap(); // further back: nothing to do

    let at = |revision| store.range(Query::key("a").at(Revision(revision)));
    assert_eq!(at(2).await.unwrap_err().kind(), StoreErrorKind::Compacted);
    assert_eq!(text(at(3).await.unwrap().entries.remove(0)), "2");
    assert_eq!(text(at(4).await.unwrap().entries.remove(0)), "3");
    assert_eq!(at(6).await.unwrap_err().kind(), StoreErrorKind::Invalid);
    assert_eq!(store.compact(Revision(6)).await.unwrap_err().kind(), StoreErrorKind::Invalid);
    assert_eq!(get(&store, "a").await, Some("4".into()));
}

/// A backup of any backend is a store of its own; that of SQLite can be looked at here.
pub async fn a_backup_is_the_store_of_its_revision(backend: &impl Backend) {
    let store = backend.open().await;
    put(&store, &[("a", "1"), ("b", "1")]).await;
    delete(&store, "b").await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");

    let revision = store.backup(&path).await.unwrap();
    put(&store, &[("a", "later")]).await;

    assert_eq!(revision, Revision(2));
    assert!(store.backup(&path).await.is_err(), "a backup never overwrites");
    let copy = Sqlite::open(&path).unwrap();
    assert_eq!((get(&copy, "a").await, copy.revision().await.unwrap()), (Some("1".into()), revision));
    assert_eq!(put(&copy, &[("c", "1")]).await, Revision(3));
}
