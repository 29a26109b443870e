//! Clauses about watching.

use super::*;
use havip_store::{Commit, Event, StoreErrorKind, Watch};

async fn next(watch: &mut Watch) -> Commit {
    watch.next().await.unwrap()
}

fn changes(commit: &Commit) -> Vec<(String, Option<String>)> {
    let change = |event: &Event| match event {
        Event::Put(entry) => (entry.key.clone(), Some(text(entry.clone()))),
        Event::Delete { key } => (key.clone(), None),
    };
    commit.events.iter().map(change).collect()
}

pub async fn a_watch_sees_what_happened_and_then_what_happens(backend: &impl Backend) {
    let store = backend.open().await;
    put(&store, &[("a", "1")]).await;
    let second = put(&store, &[("a", "2"), ("b", "2")]).await;
    let mut watch = store.watch("", second).await.unwrap();
    delete(&store, "a").await;

    let seen = [next(&mut watch).await, next(&mut watch).await];
    assert_eq!(seen[0].revision, second);
    assert_eq!(changes(&seen[0]), [("a".into(), Some("2".into())), ("b".into(), Some("2".into()))]);
    assert_eq!(changes(&seen[1]), [("a".into(), None)]);

    let third = put(&store, &[("c", "3")]).await;
    let live = next(&mut watch).await;
    assert_eq!((live.revision, changes(&live)), (third, vec![("c".into(), Some("3".into()))]));
    let Event::Put(entry) = &live.events[0] else { panic!("{live:?}") };
    assert_eq!(*entry, store.range(Query::key("c")).await.unwrap().entries[0]);
}

pub async fn a_watch_sees_only_its_prefix(backend: &impl Backend) {
    let store = backend.open().await;
    put(&store, &[("vip/a", "1"), ("vpc/a", "1")]).await;
    put(&store, &[("vpc/b", "1")]).await;
    let mut watch = store.watch("vip/", Revision(1)).await.unwrap();
    put(&store, &[("vpc/c", "1")]).await;
    put(&store, &[("vpc/d", "1"), ("vip/d", "1")]).await;

    assert_eq!(changes(&next(&mut watch).await), [("vip/a".into(), Some("1".into()))]);
    assert_eq!(changes(&next(&mut watch).await), [("vip/d".into(), Some("1".into()))]);
}

pub async fn a_watch_that_falls_behind_misses_nothing(backend: &impl Backend) {
    let store = backend.open().await;
    let mut watch = store.watch("", Revision(0)).await.unwrap();
    put(&store, &[("n", "0")]).await;
    assert_eq!(next(&mut watch).await.revision, Revision(1)); // it follows the writer now

    // More than the writer keeps for those who are slow.
    let writes: Vec<_> = (1..=6000).map(|n| Transaction::by("test").put("n", n.to_string())).collect();
    let writes = writes.into_iter().map(|transaction| store.commit(transaction));
    for write in futures_of(writes).await {
        committed(write.unwrap());
    }
    for revision in 2..=6001 {
        assert_eq!(next(&mut watch).await.revision, Revision(revision));
    }
}

pub async fn a_watch_that_is_abandoned_while_it_waits_loses_nothing(backend: &impl Backend) {
    let store = backend.open().await;
    let mut watch = store.watch("", Revision(1)).await.unwrap();
    for n in 1..=50 {
        // Nothing is there yet, so this gives up; at whatever point it does.
        let patience = Duration::from_micros(n * 40);
        assert!(tokio::time::timeout(patience, watch.next()).await.is_err());
        put(&store, &[("n", &n.to_string())]).await;
        assert_eq!(next(&mut watch).await.revision, Revision(n));
    }
}

pub async fn a_watch_from_a_forgotten_revision_is_refused(backend: &impl Backend) {
    let store = backend.open().await;
    for _ in 0..5 {
        put(&store, &[("a", "1")]).await;
    }
    let mut slow = store.watch("", Revision(1)).await.unwrap();
    store.compact(Revision(3)).await.unwrap();

    assert_eq!(slow.next().await.unwrap_err().kind(), StoreErrorKind::Compacted);
    let error = store.watch("", Revision(3)).await.err().unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Compacted);
    let mut watch = store.watch("", Revision(4)).await.unwrap();
    assert_eq!(next(&mut watch).await.revision, Revision(4));
}

pub async fn a_watch_from_a_revision_to_come_begins_there(backend: &impl Backend) {
    let store = backend.open().await;
    let mut watch = store.watch("", Revision(3)).await.unwrap();
    for _ in 0..3 {
        put(&store, &[("a", "1")]).await;
    }
    assert_eq!(next(&mut watch).await.revision, Revision(3));
}

/// Runs all at once and waits for all.
async fn futures_of<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in pending.iter_mut().zip(&mut done).filter(|(_, slot)| slot.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().map(|slot| slot.unwrap()).collect()
}
