//! Reading everything from the store, at the start and after a conflict.

use super::{COMMITS_BEHIND, Decisions, Durable, Ledger, State, trail};
use crate::agents::Tracker;
use anyhow::{Context, Result};
use havip_model::{Parts, World};
use havip_store::{
    Query, Revision, Store,
    stored::{self, Stored},
};
use std::sync::{Arc, Mutex, RwLock};
use tokio::sync::{Notify, broadcast, watch};

impl Ledger {
    /// Reads the store and begins to commit.
    pub async fn open(store: Arc<dyn Store>, tracker: Arc<Tracker>) -> Result<Arc<Self>> {
        let durable = read(&*store).await?;
        let ledger = Arc::new(Self {
            decisions: Mutex::new(Decisions { ahead: durable.state.clone(), queue: vec![], is_stuck: false }),
            revision: watch::Sender::new(durable.revision),
            durable: RwLock::new(durable),
            wake: Notify::new(),
            commits: broadcast::Sender::new(COMMITS_BEHIND),
            store,
            tracker,
        });
        tokio::spawn(Self::commit_for_ever(Arc::downgrade(&ledger)));
        Ok(ledger)
    }
}

/// Reads everything at one revision.
pub(super) async fn read(store: &dyn Store) -> Result<Durable> {
    let revision = store.revision().await.context("could not read the store's revision")?;
    let (mut state, mut resources, mut counters) = (State::default(), vec![], vec![]);
    let mut newest = Revision(0);
    let mut query = Query::prefix("").at(revision).limit(ROWS);
    if revision > Revision(0) {
        loop {
            let range = store.range(query.clone()).await.context("could not read the store")?;
            for entry in &range.entries {
                if entry.key == stored::NEWEST {
                    newest = entry.modified;
                }
                // Only their ends are kept in memory.
                if entry.key.starts_with(stored::AUDIT) {
                    continue;
                }
                let stored = Stored::read(&entry.key, &entry.value)?;
                state.read(stored, &mut resources, &mut counters);
            }
            match range.entries.last() {
                Some(last) if range.more && last.key.starts_with(stored::AUDIT) => {
                    query = query.after(trail::BEHIND_ALL);
                }
                Some(last) if range.more => query = query.after(&last.key),
                _ => break,
            }
        }
    }
    state.trail = trail::read(store, revision).await?;
    state.world = World::of(resources, counters);
    state.parts = Parts::of(&state.world, state.directory.projects.keys().copied());
    let past = [(newest.0, state.world.clone())].into();
    Ok(Durable { state, revision: revision.0, newest, past })
}

/// Rows that are read at once.
const ROWS: usize = 1000;
