//! One commit after the other: what is decided while one is on its way goes into the next.

use super::{CommitError, Committed, Ledger, Queued, load};
use havip_reconcile::view::affected;
use havip_store::{
    Outcome, Revision, StoreError, Transaction,
    stored::{self, Stored},
};
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};
use tracing::{debug, error, info};

impl Ledger {
    /// Commits what is queued, until the ledger is dropped.
    pub(super) async fn commit_for_ever(ledger: Weak<Self>) {
        while let Some(ledger) = ledger.upgrade() {
            let queue = std::mem::take(&mut ledger.decisions.lock().expect("no decision panics").queue);
            match queue.is_empty() {
                false => ledger.commit(queue).await,
                true => {
                    // Looks up now and then, so that a ledger nobody wants any more ends.
                    let _ = tokio::time::timeout(IDLE, ledger.wake.notified()).await;
                }
            }
        }
    }

    async fn commit(&self, batch: Vec<Queued>) {
        let Some(transaction) = self.transaction(&batch) else {
            let revision = self.read(|durable| durable.revision);
            return batch.into_iter().for_each(|queued| queued.answer(Ok(revision)));
        };
        match self.store.commit(transaction).await {
            Ok(Outcome::Committed(revision)) => self.publish(batch, revision),
            Ok(Outcome::Conflict { key, .. }) => {
                info!(key, "another server committed first");
                self.begin_anew(batch, CommitError::Conflict).await;
            }
            Err(failure) => {
                error!(error = &failure as &dyn std::error::Error, "the store failed");
                self.begin_anew(batch, outcome_of(&failure)).await;
            }
        }
    }

    /// All writes of a batch, each key once; none if there is nothing to write.
    fn transaction(&self, batch: &[Queued]) -> Option<Transaction> {
        let mut last: HashMap<&str, &Option<Vec<u8>>> = HashMap::new();
        let mut order = vec![];
        for (key, value) in batch.iter().flat_map(|queued| &queued.operations) {
            if last.insert(key, value).is_none() {
                order.push(key);
            }
        }
        let actor = batch.iter().find(|queued| !queued.operations.is_empty())?.write.actor.clone();
        let newest = self.read(|durable| durable.newest);
        let begin = Transaction::by(actor).if_modified_at(stored::NEWEST, newest);
        // Another server's entry is not overwritten: the chain has no fork.
        let linked = batch.iter().flat_map(|queued| &queued.write.puts).find_map(|put| match put {
            Stored::Audit(entry) => Some(stored::audit_key(entry.sequence)),
            _ => None,
        });
        let begin = linked.into_iter().fold(begin, Transaction::if_absent);
        Some(order.into_iter().fold(begin, |transaction, key| match last[key.as_str()] {
            Some(value) => transaction.put(key.clone(), value.clone()),
            None => transaction.delete(key.clone()),
        }))
    }

    /// Shows a durable batch to readers, agents and those who wait for it, in this order.
    fn publish(&self, batch: Vec<Queued>, revision: Revision) {
        let mut durable = self.durable.write().expect("no reader panics");
        let mut differences = vec![];
        let before_all = durable.state.world.clone();
        let mut is_changed = false;
        for queued in &batch {
            let before = durable.state.world.clone();
            durable.state.apply(&queued.write);
            if let Some(change) = queued.write.change.as_ref().filter(|change| !change.is_empty()) {
                differences.extend(affected(&before, &durable.state.world, change));
                is_changed = true;
            }
        }
        durable.revision = revision.0;
        if is_changed {
            durable.newest = revision;
            durable.remember();
        }
        let touched = batch.iter().flat_map(|queued| queued.write.touched());
        self.tracker.require(&before_all, revision.0, touched, &differences);
        // Without a session there is nobody to tell.
        let _ = self.commits.send(Arc::new(Committed { revision: revision.0, differences }));
        drop(durable);
        debug!(revision = revision.0, writes = batch.len(), "committed");
        self.revision.send_replace(revision.0);
        batch.into_iter().for_each(|queued| queued.answer(Ok(revision.0)));
    }

    /// Forgets every decision that is not durable, reads the store, and lets new ones be taken.
    async fn begin_anew(&self, batch: Vec<Queued>, why: CommitError) {
        let later = {
            let mut decisions = self.decisions.lock().expect("no decision panics");
            decisions.is_stuck = true;
            std::mem::take(&mut decisions.queue)
        };
        let fresh = loop {
            match load::read(&*self.store).await {
                Ok(fresh) => break fresh,
                Err(failure) => {
                    error!(error = &*failure as &dyn std::error::Error, "the store cannot be read")
                }
            }
            tokio::time::sleep(RETRY).await;
        };
        {
            let mut decisions = self.decisions.lock().expect("no decision panics");
            let mut durable = self.durable.write().expect("no reader panics");
            let mut fresh = fresh;
            fresh.state.directory_version += durable.state.directory_version + 1;
            decisions.ahead = fresh.state.clone();
            decisions.is_stuck = false;
            *durable = fresh;
            self.revision.send_replace(durable.revision);
            // Sessions fall out of step and begin again.
            let _ = self.commits.send(Arc::new(Committed { revision: 0, differences: vec![] }));
        }
        batch.into_iter().chain(later).for_each(|queued| queued.answer(Err(why)));
    }
}

impl Queued {
    fn answer(self, answer: Result<u64, CommitError>) {
        // Whoever asked may have gone.
        let _ = self.done.send(answer);
    }
}

fn outcome_of(failure: &StoreError) -> CommitError {
    match failure.kind() {
        havip_store::StoreErrorKind::Unavailable => CommitError::Conflict,
        _ => CommitError::Unknown,
    }
}

const IDLE: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_secs(1);
