//! Everything that the store holds, in memory, and how a write changes it.

use super::{timeline::Timeline, trail::Trail};
use havip_audit::Noted;
use havip_model::{
    Change, Counter, Digest, Directory, EventKind, Identity, IdentityKey, Parts, ProjectId, Record,
    RefusalReason, Resource, ResourceKey, Timestamp, VipKey, Vni, World,
};
use havip_store::stored::{self, Answer, SealRing, Stored, Token};
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
    /// What each project sees of them.
    pub parts: Parts,
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
    /// Who may ask.
    pub directory: Directory,
    /// Counts its changes in this process: what is computed from it is good until then.
    pub directory_version: u64,
    /// The keys with which hosts seal what they tell each other.
    pub seal_ring: Option<SealRing>,
    /// What happened.
    pub timeline: Timeline,
    /// Who did what: the ends of it.
    pub trail: Trail,
}

/// What is committed as a whole.
#[derive(Debug, Clone, Default)]
pub struct Write {
    /// Who wants it.
    pub actor: String,
    /// The decision about resources.
    pub change: Option<Change>,
    /// What the audit is to say of it: linked to the entry before when it is decided, and stored with the rest.
    pub audit: Option<Noted>,
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
    /// The audit is full.
    Audit(u64),
    /// A VIP is gone everywhere.
    Record(VipKey),
    /// Somebody may not ask any more.
    Identity(IdentityKey),
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

    /// Says of which project the events of a write are, by what is there before or is made by it.
    pub fn name_projects(&self, write: &mut Write) {
        let change = &write.change;
        let made = |kind: &EventKind| {
            let EventKind::Changed { resource, .. } = kind else { return None };
            let puts = change.iter().flat_map(|change| &change.puts);
            puts.into_iter().find(|put| put.key().id() == *resource)?.owner()
        };
        for put in &mut write.puts {
            if let Stored::Event(event) = put {
                event.project = self.project_of(&event.kind).or_else(|| made(&event.kind));
            }
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
            self.parts.apply(change, &self.world);
            self.world.apply(change);
        }
        write.puts.iter().for_each(|stored| self.put(stored));
        write.removals.iter().for_each(|removal| self.remove(removal));
    }

    /// What a project sees of the world.
    pub fn seen_by(&self, project: ProjectId) -> &World {
        self.parts.seen_by(project, &self.world)
    }

    /// What is being withdrawn, as far as the project may know.
    pub fn withdrawn_from(&self, project: ProjectId, key: ResourceKey) -> Option<&Arc<Resource>> {
        self.withdrawing.get(&key).filter(|resource| resource.is_seen_by(project))
    }

    /// The project of what something happened to; none if that is a host or the outside.
    pub fn project_of(&self, kind: &EventKind) -> Option<ProjectId> {
        let of_vip = |id| self.world.vips.get(&id).map(|vip| vip.meta.project);
        let of_resource = |key: ResourceKey| {
            let there = self.world.get(key).or_else(|| self.withdrawing.get(&key).map(|it| (**it).clone()));
            there.and_then(|resource| resource.owner())
        };
        match kind {
            EventKind::VipMoved { vip, .. }
            | EventKind::VipServed { vip, .. }
            | EventKind::Found { vip, .. } => of_vip(*vip),
            EventKind::Refused(refusal) if refusal.reason == RefusalReason::FOREIGN_OWNER => {
                of_resource(self.world.external_user(refusal.address?)?.into())
            }
            EventKind::Refused(refusal) => {
                let interface = self.world.interface_by_port(refusal.port?);
                interface.map(|interface| interface.meta.project)
            }
            EventKind::EdgeMoved { subnet: Some(subnet), .. } => of_resource(ResourceKey::Subnet(*subnet)),
            EventKind::EdgeMoved { address, .. } => {
                self.world.eip_by_address(*address).map(|eip| eip.meta.project)
            }
            EventKind::InstanceChanged { instance, .. } => {
                of_resource(ResourceKey::Instance(instance.parse().ok()?))
            }
            EventKind::Changed { resource, .. } => of_resource(ResourceKey::of_id(resource)?),
            EventKind::HostJoined { .. } | EventKind::HostLost { .. } => None,
        }
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
            Stored::Audit(entry) => self.trail.push(entry),
            Stored::Answer(answer) => {
                self.answers.insert(answer.name.clone(), Arc::new(answer.clone()));
            }
            Stored::Token(Token { digest, expires_at }) => {
                self.tokens.insert(digest.clone(), *expires_at);
            }
            Stored::Identity(identity) => {
                if let Identity::Project(project) = identity {
                    self.parts.add(project.id, &self.world);
                }
                self.directory.put(identity.clone());
                self.directory_version += 1;
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
            Removal::Audit(sequence) => self.trail.forget(*sequence),
            Removal::Record(key) => self.set_record(*key, None),
            Removal::Identity(key) => {
                if let IdentityKey::Project(project) = key {
                    self.parts.remove(*project);
                }
                self.directory.remove(*key);
                self.directory_version += 1;
            }
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
            Self::Audit(sequence) => stored::audit_key(*sequence),
            Self::Record(key) => stored::record_key(*key),
            Self::Identity(key) => stored::identity_key(*key),
        }
    }
}

fn put(stored: &Stored) -> (String, Option<Vec<u8>>) {
    (stored.key(), Some(stored.value()))
}
