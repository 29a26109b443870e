//! Ends of things: deletions that every host has acknowledged, answers and tokens that are too old.

use super::Service;
use crate::{
    entropy,
    ledger::{Removal, Write},
};
use havip_model::{Resource, ResourceKey};
use std::{
    sync::Weak,
    time::{Duration, Instant},
};

impl Service {
    /// Tidies up whenever hosts or resources change, until the service is dropped.
    pub async fn tidy_for_ever(service: Weak<Self>) {
        let mut next_sweep = Instant::now();
        while let Some(service) = service.upgrade() {
            let mut lives = service.tracker.changes();
            let mut revisions = service.ledger.revisions();
            service.finish_deletions().await;
            service.settle_interfaces().await;
            service.turn_keys().await;
            service.store_uses().await;
            service.note_left_out();
            if next_sweep <= Instant::now() {
                service.forget_old().await;
                next_sweep = Instant::now() + SWEEP;
            }
            drop(service);
            // Wakes by itself, too: hosts are lost without anybody saying so.
            tokio::select! {
                _ = lives.changed() => {}
                _ = revisions.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Forgets resources that no live host still has.
    async fn finish_deletions(&self) {
        let gone: Vec<ResourceKey> = self.read(|durable| {
            let withdrawing = durable.state.withdrawing.keys();
            withdrawing.filter(|key| self.tracker.is_settled(**key)).copied().collect()
        });
        if gone.is_empty() {
            return;
        }
        let finished = self.commit(|state| {
            let mut write = Write::by("server");
            for key in gone.iter().filter(|key| state.withdrawing.contains_key(key)) {
                write.removals.push(Removal::Withdrawing(*key));
                if let Some(Resource::Vip(vip)) = state.withdrawing.get(key).map(AsRef::as_ref) {
                    // The next VIP of this address has a greater incarnation; this record says nothing of it.
                    let is_of_this = |record: &havip_model::Record| record.incarnation <= vip.incarnation;
                    if state.records.get(&vip.key).is_some_and(is_of_this) {
                        write.removals.push(Removal::Record(vip.key));
                    }
                }
            }
            Ok((write, ()))
        });
        if let Err(fault) = finished.await {
            tracing::warn!(fault = %fault, "deleted resources are still shown");
        }
        self.read(|durable| self.tracker.forget(&durable.state.world));
    }

    async fn forget_old(&self) {
        let now = entropy::now().0;
        let forgotten = self.commit(|state| {
            let mut write = Write::by("server");
            let answers = state.answers.values().filter(|answer| answer.at.0 + ANSWER_LIFE < now);
            write.removals.extend(answers.map(|answer| Removal::Answer(answer.name.clone())));
            let tokens = state.tokens.iter().filter(|(_, expires_at)| expires_at.0 < now);
            write.removals.extend(tokens.map(|(digest, _)| Removal::Token(digest.clone())));
            Ok((write, ()))
        });
        if let Err(fault) = forgotten.await {
            tracing::warn!(fault = %fault, "old answers and tokens are still kept");
        }
    }
}

const LOOK: Duration = Duration::from_secs(1);
const SWEEP: Duration = Duration::from_secs(600);
/// A day, in milliseconds: nobody repeats a request later.
const ANSWER_LIFE: u64 = 86_400_000;
