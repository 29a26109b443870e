//! Everything that the store holds, in memory, and how a write changes it.

use super::timeline::Timeline;
use havip_model::{
    AccessKeyId, Change, Counter, Digest, Record, Resource, ResourceKey, Timestamp, VipKey, Vni, World,
};
use havip_store::stored::{self, AccessKey, Answer, SealRing, Stored, Token};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Everything that the store holds.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Names this store's history.
    pub history: String,
    /// The resources.
    pub world: World,
    /// Resources that were deleted and are being withdrawn from the hosts.
    pub withdrawing: BTreeMap<ResourceKey, Arc<Resource>>,
    /// The greatest holder record that was reported of each VIP, and of each EIP's edge.
    pub records: HashMap<VipKey, Record>,
    /// Of the records of each VPC: follows them.
    digests: HashMap<Vni, Digest>,
    /// What requests with idempotency keys were answered, by `PRINCIPAL/KEY`.
    pub answers: HashMap<String, Arc<Answer>>,
    /// Join tokens, by the digest of their secret.
    pub tokens: HashMap<String, Timestamp>,
    /// Access keys.
    pub keys: BTreeMap<AccessKeyId, AccessKey>,
    /// The keys with which hosts seal what they tell each other.
    pub seal_ring: Option<SealRing>,
    /// What happened.
    pub timeline: Timeline,
}

/// What is committed as a whole.
#[derive(Debug, Clone, Default)]
pub struct Write {
    /// Who wants it.
    pub actor: String,
    /// The decision about resources.
    pub change: Option<Change>,
    /// Everything else to be stored.
    pub puts: Vec<Stored>,
    /// Everything else to be forgotten.
    pub removals: Vec<Removal>,
}

/// Something to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// A resource was withdrawn from every host.
    Withdrawing(ResourceKey),
    /// A token was used or has expired.
    Token(String),
    /// An answer is older than a day.
    Answer(String),
    /// The timeline is full.
    Event(u64),
    /// A VIP is gone everywhere.
    Record(VipKey),
}

impl State {
    /// Takes over what was read from the store; resources and counters are given to [`World::of`] by the caller.
    pub fn read(
        &mut self,
        stored: Stored,
        resources: &mut Vec<Resource>,
        counters: &mut Vec<(Counter, u64)>,
    ) {
        match stored {
            Stored::Resource(resource) => resources.push(resource),
            Stored::Counter(counter, next) => counters.push((counter, next)),
            other => self.put(&other),
        }
    }

    /// Makes a write part of the state.
    pub fn apply(&mut self, write: &Write) {
        if let Some(change) = &write.change {
            for key in &change.deletes {
                if let Some(mut resource) = self.world.get(*key) {
                    resource.meta_mut().deleting = true;
                    self.withdrawing.insert(*key, Arc::new(resource));
                }
            }
            self.world.apply(change);
        }
        write.puts.iter().for_each(|stored| self.put(stored));
        write.removals.iter().for_each(|removal| self.remove(removal));
    }

    /// The records of a VPC in one word (rule C6).
    pub fn digest(&self, vni: Vni) -> Digest {
        self.digests.get(&vni).copied().unwrap_or_default()
    }

    fn set_record(&mut self, key: VipKey, record: Option<Record>) {
        let before = match record {
            Some(record) => self.records.insert(key, record),
            None => self.records.remove(&key),
        };
        let digest = self.digests.entry(key.vni).or_default();
        digest.replace(key.address, before.as_ref(), record.as_ref());
    }

    fn put(&mut self, stored: &Stored) {
        match stored {
            Stored::Resource(_) | Stored::Counter(..) => {
                unreachable!("resources and counters are written by a Change only")
            }
            Stored::Withdrawing(resource) => {
                self.withdrawing.insert(resource.key(), Arc::new(resource.clone()));
            }
            Stored::Record(key, record) => self.set_record(*key, Some(*record)),
            Stored::Event(event) => self.timeline.push(Arc::new(event.clone())),
            Stored::Answer(answer) => {
                self.answers.insert(answer.name.clone(), Arc::new(answer.clone()));
            }
            Stored::Token(Token { digest, expires_at }) => {
                self.tokens.insert(digest.clone(), *expires_at);
            }
            Stored::AccessKey(key) => {
                self.keys.insert(key.id, key.clone());
            }
            Stored::SealRing(ring) => self.seal_ring = Some(ring.clone()),
            Stored::History(name) => self.history = name.clone(),
            Stored::Newest => {}
        }
    }

    fn remove(&mut self, removal: &Removal) {
        match removal {
            Removal::Withdrawing(key) => drop(self.withdrawing.remove(key)),
            Removal::Token(digest) => drop(self.tokens.remove(digest)),
            Removal::Answer(name) => drop(self.answers.remove(name)),
            Removal::Event(sequence) => self.timeline.remove(*sequence),
            Removal::Record(key) => self.set_record(*key, None),
        }
    }
}

impl Write {
    /// Nothing yet, by this actor.
    pub fn by(actor: impl Into<String>) -> Self {
        Self { actor: actor.into(), ..Self::default() }
    }

    /// Each key that is to be written, with its value, or none to be deleted; `before` is the world it is for.
    pub fn operations(&self, before: &World) -> Vec<(String, Option<Vec<u8>>)> {
        let mut operations = vec![];
        if let Some(change) = self.change.as_ref().filter(|change| !change.is_empty()) {
            for key in &change.deletes {
                operations.push((stored::resource_key(*key), None));
                if let Some(mut resource) = before.get(*key) {
                    resource.meta_mut().deleting = true;
                    operations.push(put(&Stored::Withdrawing(resource)));
                }
            }
            operations.extend(change.puts.iter().map(|resource| put(&Stored::Resource(resource.clone()))));
            operations
                .extend(change.counters.iter().map(|(counter, next)| put(&Stored::Counter(*counter, *next))));
            operations.push(put(&Stored::Newest));
        }
        operations.extend(self.puts.iter().map(put));
        operations.extend(self.removals.iter().map(|removal| (removal.key(), None)));
        operations
    }
}

impl Removal {
    fn key(&self) -> String {
        match self {
            Self::Withdrawing(key) => stored::withdrawing_key(*key),
            Self::Token(digest) => stored::token_key(digest),
            Self::Answer(name) => stored::answer_key(name),
            Self::Event(sequence) => stored::event_key(*sequence),
            Self::Record(key) => stored::record_key(*key),
        }
    }
}

fn put(stored: &Stored) -> (String, Option<Vec<u8>>) {
    (stored.key(), Some(stored.value()))
}
