//! Random writes, held against a map.

use super::*;
use havip_store::{Compare, Event, Operation};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;

type Model = BTreeMap<String, (Vec<u8>, Revision)>;

pub async fn a_store_does_what_a_simple_model_does(backend: &impl Backend) {
    for seed in 0..8 {
        let mut random = StdRng::seed_from_u64(seed);
        let store = backend.open().await;
        let base = store.revision().await.unwrap();
        let mut model: Model = read(&store, Query::prefix("")).await;
        let mut history = vec![model.clone()];

        for _ in 0..200 {
            let transaction = transaction(&mut random, &model, Revision(base.0 + history.len() as u64 - 1));
            let expected = apply(&mut model, &transaction, Revision(base.0 + history.len() as u64));
            let outcome = store.commit(transaction).await.unwrap();
            match (&outcome, expected) {
                (Outcome::Committed(revision), Some(true)) => {
                    assert_eq!(revision.0, base.0 + history.len() as u64, "seed {seed}");
                    history.push(model.clone());
                }
                (Outcome::Committed(_), Some(false)) | (Outcome::Conflict { .. }, None) => {}
                (outcome, expected) => panic!("seed {seed}: {outcome:?}, the model says {expected:?}"),
            }
        }

        for (back, then) in history.iter().enumerate() {
            let at = Revision(base.0 + back as u64);
            assert_eq!(read(&store, Query::prefix("").at(at)).await, *then, "seed {seed} at {at:?}");
        }
        let mut replayed = history[0].clone();
        let mut watch = store.watch("", base.next()).await.unwrap();
        for then in &history[1..] {
            let commit = watch.next().await.unwrap();
            for event in commit.events {
                match event {
                    Event::Put(entry) => drop(replayed.insert(entry.key, (entry.value, entry.modified))),
                    Event::Delete { key } => drop(replayed.remove(&key)),
                }
            }
            assert_eq!(replayed, *then, "seed {seed}");
        }
    }
}

async fn read(store: &impl Store, query: Query) -> Model {
    let entries = store.range(query).await.unwrap().entries;
    entries.into_iter().map(|entry| (entry.key, (entry.value, entry.modified))).collect()
}

fn transaction(random: &mut StdRng, model: &Model, newest: Revision) -> Transaction {
    let mut keys: Vec<_> = ["a", "a/b", "a/c", "b", "ü", "z"].map(String::from).into();
    let mut transaction = Transaction::by("test");
    for _ in 0..random.random_range(0..3) {
        let key = keys[random.random_range(0..keys.len())].clone();
        let known = model.get(&key).map_or(Revision(0), |(_, modified)| *modified);
        let modified =
            if random.random_bool(0.8) { known } else { Revision(random.random_range(0..=newest.0)) };
        transaction.compares.push(Compare { key, modified });
    }
    for _ in 0..random.random_range(0..4) {
        let key = keys.swap_remove(random.random_range(0..keys.len()));
        transaction = match random.random_bool(0.6) {
            true => transaction.put(key, vec![random.random(); random.random_range(0..4)]),
            false => transaction.delete(key),
        };
    }
    transaction
}

/// None: refused; whether anything changed otherwise.
fn apply(model: &mut Model, transaction: &Transaction, revision: Revision) -> Option<bool> {
    let modified = |key: &String| model.get(key).map_or(Revision(0), |(_, modified)| *modified);
    if transaction.compares.iter().any(|compare| modified(&compare.key) != compare.modified) {
        return None;
    }
    let mut has_changed = false;
    for operation in &transaction.operations {
        has_changed |= match operation {
            Operation::Put { key, value, .. } => {
                model.insert(key.clone(), (value.clone(), revision));
                true
            }
            Operation::Delete { key } => model.remove(key).is_some(),
        };
    }
    Some(has_changed)
}
