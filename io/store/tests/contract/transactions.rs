//! Clauses about writing.

use super::*;
use havip_store::{LeaseId, StoreErrorKind};

pub async fn a_key_remembers_when_it_was_made_and_how_often_it_was_written(backend: &impl Backend) {
    let store = backend.open().await;
    let made = put(&store, &[("a", "1")]).await;
    let written = put(&store, &[("a", "2")]).await;
    assert_eq!((made, written), (Revision(1), Revision(2)));

    let entry = store.range(Query::key("a")).await.unwrap().entries.remove(0);
    assert_eq!((entry.created, entry.modified, entry.version, entry.lease), (made, written, 2, None));

    delete(&store, "a").await;
    assert_eq!(get(&store, "a").await, None);
    let again = put(&store, &[("a", "3")]).await;
    let entry = store.range(Query::key("a")).await.unwrap().entries.remove(0);
    assert_eq!((entry.created, entry.modified, entry.version), (again, again, 1));
}

pub async fn all_changes_of_a_transaction_have_one_revision(backend: &impl Backend) {
    let store = backend.open().await;
    put(&store, &[("old", "1")]).await;
    let both = Transaction::by("test").put("a", "1").put("b", "2").delete("old");
    let revision = committed(store.commit(both).await.unwrap());

    let range = store.range(Query::prefix("")).await.unwrap();
    assert_eq!(range.revision, revision);
    let found: Vec<_> = range.entries.into_iter().map(|entry| (entry.key, entry.modified)).collect();
    assert_eq!(found, [("a".into(), revision), ("b".into(), revision)]);
    assert_eq!(store.revision().await.unwrap(), revision);
}

pub async fn a_transaction_that_changes_nothing_has_no_revision(backend: &impl Backend) {
    let store = backend.open().await;
    let before = put(&store, &[("a", "1")]).await;
    assert_eq!(delete(&store, "not there").await, before);
    let only_a_check = Transaction::by("test").if_modified_at("a", before);
    assert_eq!(store.commit(only_a_check).await.unwrap(), Outcome::Committed(before));
    assert_eq!(store.revision().await.unwrap(), before);
}

pub async fn a_failed_precondition_writes_nothing_and_is_named(backend: &impl Backend) {
    let store = backend.open().await;
    let first = put(&store, &[("a", "1")]).await;
    let second = put(&store, &[("a", "2")]).await;

    let outcomes = [
        (
            Transaction::by("test").if_modified_at("a", first),
            Outcome::Conflict { key: "a".into(), modified: second },
        ),
        (Transaction::by("test").if_absent("a"), Outcome::Conflict { key: "a".into(), modified: second }),
        (
            Transaction::by("test").if_modified_at("a", second).if_modified_at("b", first),
            Outcome::Conflict { key: "b".into(), modified: Revision(0) },
        ),
    ];
    for (transaction, expected) in outcomes {
        assert_eq!(store.commit(transaction.put("c", "3").delete("a")).await.unwrap(), expected);
    }
    assert_eq!(store.revision().await.unwrap(), second);
    assert_eq!((get(&store, "a").await, get(&store, "c").await), (Some("2".into()), None));

    let good = Transaction::by("test").if_modified_at("a", second).if_absent("c").put("c", "3");
    assert!(matches!(store.commit(good).await.unwrap(), Outcome::Committed(_)));
}

pub async fn of_many_who_race_exactly_one_wins(backend: &impl Backend) {
    let store = std::sync::Arc::new(backend.open().await);
    for round in 0..20 {
        let key = format!("lock/{round}");
        let racers = (0..16).map(|who| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                let transaction = Transaction::by("test").if_absent(&key).put(&key, who.to_string());
                (who, store.commit(transaction).await.unwrap())
            })
        });
        let mut winners = Vec::new();
        for racer in racers.collect::<Vec<_>>() {
            let (who, outcome) = racer.await.unwrap();
            winners.extend(matches!(outcome, Outcome::Committed(_)).then_some(who));
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(get(&*store, &key).await, Some(winners[0].to_string()));
    }
    assert_eq!(store.revision().await.unwrap(), Revision(20));
}

pub async fn a_transaction_that_makes_no_sense_is_refused(backend: &impl Backend) {
    let store = backend.open().await;
    let senseless = [
        Transaction::by("test").put("", "1"),
        Transaction::by("test").put("k".repeat(1025), "1"),
        Transaction::by("test").put("a", vec![0; 1_500_001]),
        Transaction::by("test").put("a", "1").delete("a"),
    ];
    for transaction in senseless {
        assert_eq!(store.commit(transaction).await.unwrap_err().kind(), StoreErrorKind::Invalid);
    }
    let leased = Transaction::by("test").put_leased("a", "1", LeaseId(77));
    assert_eq!(store.commit(leased).await.unwrap_err().kind(), StoreErrorKind::NoSuchLease);
    assert_eq!(store.revision().await.unwrap(), Revision(0));
}

pub async fn what_was_answered_is_there_after_opening_again(backend: &impl Backend) {
    let store = backend.open().await;
    put(&store, &[("a", "1"), ("b", "1")]).await;
    put(&store, &[("a", "2")]).await;
    delete(&store, "b").await;
    let before = store.range(Query::prefix("")).await.unwrap();
    drop(store);

    let store = backend.open().await;
    assert_eq!(store.range(Query::prefix("")).await.unwrap(), before);
    assert_eq!(store.revision().await.unwrap(), Revision(3));
    assert_eq!(put(&store, &[("c", "1")]).await, Revision(4));
    assert_eq!(keys(&store, Query::prefix("").at(Revision(1))).await, ["a", "b"]);
}
