//! Clauses about leases.

use super::*;
use havip_store::{Event, StoreErrorKind};
use std::time::Instant;

pub async fn a_lease_that_nobody_keeps_alive_ends_with_its_keys(backend: &impl Backend) {
    let store = backend.open().await;
    let ttl = Duration::from_millis(300);
    let begun = Instant::now();
    let lease = store.grant(ttl).await.unwrap();
    let leased =
        Transaction::by("test").put_leased("a", "1", lease).put_leased("b", "1", lease).put("c", "1");
    let revision = committed(store.commit(leased).await.unwrap());
    let mut watch = store.watch("", revision.next()).await.unwrap();

    let end = watch.next().await.unwrap();

    assert!(begun.elapsed() >= ttl);
    let deleted = ["a", "b"].map(|key| Event::Delete { key: key.into() });
    assert_eq!(end.events, deleted);
    assert_eq!(keys(&store, Query::prefix("")).await, ["c"]);
    assert_eq!(store.keep_alive(lease).await.unwrap_err().kind(), StoreErrorKind::NoSuchLease);
    assert_ne!(store.grant(ttl).await.unwrap(), lease);
}

pub async fn a_lease_lives_as_long_as_it_is_kept_alive(backend: &impl Backend) {
    let store = backend.open().await;
    let ttl = Duration::from_millis(1500);
    let lease = store.grant(ttl).await.unwrap();
    let revision =
        committed(store.commit(Transaction::by("test").put_leased("a", "1", lease)).await.unwrap());
    let mut watch = store.watch("", revision.next()).await.unwrap();

    // Twice its time to live, asked for every 50 ms.
    let until = Instant::now() + 2 * ttl;
    while Instant::now() < until {
        store.keep_alive(lease).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), watch.next()).await.is_err());
    }
    let last_kept = Instant::now();
    watch.next().await.unwrap();
    assert!(last_kept.elapsed() >= ttl - Duration::from_millis(100));
}

pub async fn a_lease_can_be_ended_at_once(backend: &impl Backend) {
    let store = backend.open().await;
    let lease = store.grant(Duration::from_secs(600)).await.unwrap();
    store.commit(Transaction::by("test").put_leased("a", "1", lease)).await.unwrap();
    store.revoke(lease).await.unwrap();
    assert_eq!(get(&store, "a").await, None);
    assert_eq!(store.revoke(lease).await.unwrap_err().kind(), StoreErrorKind::NoSuchLease);
}

pub async fn a_key_that_is_written_without_a_lease_no_longer_ends_with_one(backend: &impl Backend) {
    let store = backend.open().await;
    let lease = store.grant(Duration::from_secs(600)).await.unwrap();
    store
        .commit(Transaction::by("test").put_leased("a", "1", lease).put_leased("b", "1", lease))
        .await
        .unwrap();
    put(&store, &[("a", "2")]).await;
    drop(store);

    // A lease survives that the store is closed.
    let store = backend.open().await;
    let entry = store.range(Query::key("b")).await.unwrap().entries.remove(0);
    assert_eq!(entry.lease, Some(lease));
    store.revoke(lease).await.unwrap();
    assert_eq!(keys(&store, Query::prefix("")).await, ["a"]);
}
