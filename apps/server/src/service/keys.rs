//! The keys with which hosts seal what they tell each other: made here, changed here, told to hosts only.

use super::{Caller, Fault, FaultKind, Service, host_name};
use crate::{
    entropy,
    ledger::{Durable, State, Write},
};
use anyhow::{Context, Result};
use havip_admission::{Follower, Rotation};
use havip_model::{SealKey, SealKeys};
use havip_store::stored::{SealRing, SealedKey, Stored};
use tracing::info;

/// What people may know of the keys.
pub struct KeysStatus {
    /// How far they are.
    pub rotation: Rotation,
    /// The hosts that are waited for, by name.
    pub awaited: Vec<String>,
}

impl Service {
    /// The keys that hosts are to have now; none before the first are made.
    pub fn seal_keys(&self, durable: &Durable) -> Result<Option<SealKeys>> {
        let Some(ring) = &durable.state.seal_ring else { return Ok(None) };
        let open = |key: &SealedKey| -> Result<SealKey> {
            let text = self.sealer.open_sealed(&owner(key.id), &key.sealed_secret)?;
            let secret = u128::from_str_radix(&text, 16).context("a seal key is not hexadecimal")?;
            Ok(SealKey { id: key.id, secret: secret.to_be_bytes() })
        };
        let keys = ring.keys.iter().map(open).collect::<Result<_>>()?;
        Ok(Some(SealKeys { stage: ring.stage, sending: ring.sending, required: ring.required, keys }))
    }

    /// How far the keys are.
    pub fn keys_status(&self) -> Result<KeysStatus, Fault> {
        let none = || Fault::new(FaultKind::Unavailable, "no_keys", "the first key is being made; ask again");
        self.read(|durable| {
            let rotation = rotation(&durable.state).ok_or_else(none)?;
            let awaited = match rotation.is_under_way() {
                true => rotation.awaited(&self.followers(&durable.state)),
                false => vec![],
            };
            let awaited = awaited.into_iter().map(|host| host_name(durable, host)).collect();
            Ok(KeysStatus { rotation, awaited })
        })
    }

    /// Begins to change the key; the steps follow by themselves.
    pub async fn rotate_keys(&self, caller: &Caller) -> Result<KeysStatus, Fault> {
        self.commit(|state| {
            let begun = rotation(state).and_then(|rotation| rotation.begin(entropy::now()));
            let Some(next) = begun else {
                let detail =
                    "the hosts' keys are being changed already; `havip host keys` shows for whom it waits";
                return Err(Fault::new(FaultKind::Conflict, "rotation_under_way", detail));
            };
            let write = self.write_keys(&caller.principal, state, &next);
            Ok((Write { audit: caller.done(vec![]), ..write }, ()))
        })
        .await?;
        info!(principal = caller.principal, "a new seal key is made");
        self.keys_status()
    }

    /// Makes the first key, and takes the next step of a change that all have followed.
    pub(super) async fn turn_keys(&self) {
        if self.read(|durable| self.next_step(&durable.state).is_none()) {
            return;
        }
        let turned = self.commit(|state| {
            let Some(next) = self.next_step(state) else { return Ok((Write::by("server"), None)) };
            Ok((self.write_keys("server", state, &next), Some(next)))
        });
        match turned.await {
            Ok((_, Some(next))) => {
                let Rotation { stage, sending, required, keys, .. } = next;
                info!(stage, sending, required, ?keys, "the hosts' keys have taken a step");
            }
            Ok((_, None)) => {}
            Err(fault) => tracing::warn!(fault = %fault, "the hosts' keys could not be changed"),
        }
    }

    fn next_step(&self, state: &State) -> Option<Rotation> {
        let now = entropy::now();
        let Some(rotation) = rotation(state) else { return Some(Rotation::first(now)) };
        let followers = self.followers(state);
        rotation.next(&followers).or_else(|| rotation.begin_by_age(now, &followers))
    }

    fn followers(&self, state: &State) -> Vec<Follower> {
        let follower = |host| {
            let (acknowledged, silent) = self.tracker.follows_keys(host);
            Follower { host, acknowledged, silent }
        };
        state.world.hosts.keys().copied().map(follower).collect()
    }

    /// Stores a step, with secrets for the keys that are new.
    fn write_keys(&self, actor: &str, state: &State, next: &Rotation) -> Write {
        let known = state.seal_ring.iter().flat_map(|ring| &ring.keys);
        let key = |id: &u32| match known.clone().find(|key| key.id == *id) {
            Some(key) => key.clone(),
            None => {
                let secret = entropy::hex(&entropy::random::<16>());
                SealedKey { id: *id, sealed_secret: self.sealer.seal(&owner(*id), &secret) }
            }
        };
        let ring = SealRing {
            stage: next.stage,
            sending: next.sending,
            required: next.required,
            made_at: next.made_at,
            keys: next.keys.iter().map(key).collect(),
        };
        let mut write = Write::by(actor);
        write.puts.push(Stored::SealRing(ring));
        write
    }
}

fn rotation(state: &State) -> Option<Rotation> {
    let ring = state.seal_ring.as_ref()?;
    Some(Rotation {
        stage: ring.stage,
        sending: ring.sending,
        required: ring.required,
        keys: ring.keys.iter().map(|key| key.id).collect(),
        made_at: ring.made_at,
    })
}

/// The name under which a key's secret is sealed.
fn owner(id: u32) -> String {
    format!("seal-key/{id}")
}
