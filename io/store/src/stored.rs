//! Keys and values of everything that a server stores: JSON under readable keys.
//!
//! | key | value |
//! |---|---|
//! | `resource/KIND/ID` | a resource of `core/model`: `resource-group`, `deployment-set`, `vpc`, `subnet`, `host` (by its number), `instance`, `interface`, `vip`, `eip-pool`, `eip`, `route` |
//! | `withdrawing/KIND/ID` | the same, deleted but not yet acknowledged so by every host |
//! | `counter/WORD` | the number to be given next |
//! | `record/VNI/ADDRESS` | the greatest holder record that was reported |
//! | `event/SEQUENCE` | a line of the timeline, its sequence with 20 digits; the oldest are deleted |
//! | `audit/SEQUENCE` | an entry of the audit, its sequence with 20 digits; the oldest are deleted |
//! | `answer/PRINCIPAL/KEY` | what a request with an idempotency key was answered, for a day |
//! | `token/DIGEST` | which host may join |
//! | `project/ID`, `user/ID`, `access-key/ID`, `policy/ID` | who may ask, and what for |
//! | `quota-request/ID` | what a project asks to have more of, and what was decided |
//! | `meta/history`, `meta/newest` | which store this is; when a resource last changed |
//! | `meta/seal-keys` | the keys with which hosts seal their messages, and the step of their rotation |
//!
//! A later version may add fields with defaults; it never changes the meaning of one. What each version wrote
//! stands in `tests/stored.rs`. A change that an older program could not read raises `meta.layout` of the
//! backend, which that program then refuses to open.

use havip_audit::Entry;
use havip_model::{
    AccessKey, Counter, DeploymentSet, Eip, EipPool, Event, Host, Identity, IdentityKey, Instance, Interface,
    Policy, Project, QuotaRequest, Record, Resource, ResourceGroup, ResourceKey, Route, SecurityGroup,
    Subnet, Timestamp, User, Vip, VipKey, Vni, Vpc,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One thing that a server stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// A resource.
    Resource(Resource),
    /// A resource that was deleted and is being withdrawn from the hosts.
    Withdrawing(Resource),
    /// What a counter gives next.
    Counter(Counter, u64),
    /// The greatest holder record that was reported.
    Record(VipKey, Record),
    /// A line of the timeline.
    Event(Event),
    /// An entry of the audit.
    Audit(Entry),
    /// What a request with an idempotency key was answered.
    Answer(Answer),
    /// A join token that was not used yet.
    Token(Token),
    /// Somebody who may ask, or what they ask by.
    Identity(Identity),
    /// The keys with which hosts seal what they tell each other.
    SealRing(SealRing),
    /// Names this history: another store has another one.
    History(String),
    /// Written with every change of a resource, so that its revision is that of the newest one.
    Newest,
}

/// What a request with an idempotency key was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Who asked, and the idempotency key: `PRINCIPAL/KEY`.
    pub name: String,
    /// A digest of what was asked, in hexadecimal.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// What the request was about: `vip/vip-…`.
    pub subject: String,
    /// When it was answered.
    pub at: Timestamp,
    /// The answer itself, where it cannot be made anew: of the clouds' APIs, in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// A join token that was not used yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// A digest of its secret, in hexadecimal.
    pub digest: String,
    /// Useless from then on.
    pub expires_at: Timestamp,
}

/// The keys with which hosts seal what they tell each other, and the step of their rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealRing {
    /// Counts the steps.
    pub stage: u64,
    /// The key to seal with.
    pub sending: Option<u32>,
    /// What is not sealed is refused.
    pub required: bool,
    /// When the newest key was made.
    pub made_at: Timestamp,
    /// The keys that are good for receiving, the older first.
    pub keys: Vec<SealedKey>,
}

/// One of them, its secret sealed under a key that is not in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// Its number.
    pub id: u32,
    /// Nonce and ciphertext of its secret, in base64.
    pub sealed_secret: String,
}

/// The store holds something that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the store holds something unreadable under {key:?}")]
pub struct Unreadable {
    key: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Stored {
    /// Where it is stored.
    pub fn key(&self) -> String {
        match self {
            Self::Resource(resource) => resource_key(resource.key()),
            Self::Withdrawing(resource) => withdrawing_key(resource.key()),
            Self::Counter(counter, _) => format!("counter/{}", counter.word()),
            Self::Record(key, _) => record_key(*key),
            Self::Event(event) => event_key(event.sequence),
            Self::Audit(entry) => audit_key(entry.sequence),
            Self::Answer(answer) => answer_key(&answer.name),
            Self::Token(token) => token_key(&token.digest),
            Self::Identity(identity) => identity_key(identity.key()),
            Self::SealRing(_) => SEAL_KEYS.into(),
            Self::History(_) => HISTORY.into(),
            Self::Newest => NEWEST.into(),
        }
    }

    /// What is stored.
    pub fn value(&self) -> Vec<u8> {
        match self {
            Self::Resource(resource) | Self::Withdrawing(resource) => resource_value(resource),
            Self::Counter(_, next) => json(next),
            Self::Record(_, record) => json(record),
            Self::Event(event) => json(event),
            Self::Audit(entry) => json(entry),
            Self::Answer(answer) => json(answer),
            Self::Token(token) => json(token),
            Self::Identity(Identity::Project(project)) => json(project),
            Self::Identity(Identity::User(user)) => json(user),
            Self::Identity(Identity::AccessKey(key)) => json(key),
            Self::Identity(Identity::Policy(policy)) => json(policy),
            Self::Identity(Identity::QuotaRequest(request)) => json(request),
            Self::SealRing(ring) => json(ring),
            Self::History(name) => json(name),
            Self::Newest => json(&()),
        }
    }

    /// Reads what is stored under a key.
    pub fn read(key: &str, value: &[u8]) -> Result<Self, Unreadable> {
        let unknown = || Unreadable { key: key.into(), source: None };
        let (kind, rest) = key.split_once('/').ok_or_else(unknown)?;
        Ok(match (kind, rest) {
            ("resource", name) => Self::Resource(resource(key, name, value)?),
            ("withdrawing", name) => Self::Withdrawing(resource(key, name, value)?),
            ("counter", word) => {
                let counter = Counter::ALL.into_iter().find(|counter| counter.word() == word);
                Self::Counter(counter.ok_or_else(unknown)?, read(key, value)?)
            }
            ("record", name) => {
                let (vni, address) = name.split_once('/').ok_or_else(unknown)?;
                let vni: Vni = vni.parse().map_err(|error| unreadable(key, error))?;
                let address = address.parse().map_err(|error| unreadable(key, error))?;
                Self::Record(VipKey { vni, address }, read(key, value)?)
            }
            ("event", _) => Self::Event(read(key, value)?),
            ("audit", _) => Self::Audit(read(key, value)?),
            ("answer", _) => Self::Answer(read(key, value)?),
            ("token", _) => Self::Token(read(key, value)?),
            ("project", _) => Self::Identity(read::<Project>(key, value)?.into()),
            ("user", _) => Self::Identity(read::<User>(key, value)?.into()),
            ("policy", _) => Self::Identity(read::<Policy>(key, value)?.into()),
            ("quota-request", _) => Self::Identity(read::<QuotaRequest>(key, value)?.into()),
            ("access-key", _) => Self::Identity(read::<AccessKey>(key, value)?.into()),
            ("meta", "seal-keys") => Self::SealRing(read(key, value)?),
            ("meta", "history") => Self::History(read(key, value)?),
            ("meta", "newest") => Self::Newest,
            _ => return Err(unknown()),
        })
    }
}

/// Where a resource is stored.
pub fn resource_key(key: ResourceKey) -> String {
    format!("resource/{key}")
}

/// Where a resource is stored while it is being withdrawn.
pub fn withdrawing_key(key: ResourceKey) -> String {
    format!("withdrawing/{key}")
}

/// Where a holder record is stored.
pub fn record_key(key: VipKey) -> String {
    format!("record/{}/{}", key.vni, key.address)
}

/// Where an event is stored; in the order of their sequence.
pub fn event_key(sequence: u64) -> String {
    format!("event/{sequence:020}")
}

/// Where an entry of the audit is stored; in the order of their sequence.
pub fn audit_key(sequence: u64) -> String {
    format!("{AUDIT}{sequence:020}")
}

/// Where an answer is stored.
pub fn answer_key(name: &str) -> String {
    format!("answer/{name}")
}

/// Where a token is stored.
pub fn token_key(digest: &str) -> String {
    format!("token/{digest}")
}

/// Where somebody who may ask is stored.
pub fn identity_key(key: IdentityKey) -> String {
    format!("{}/{}", key.kind(), key.id())
}

/// Where the history's name is stored.
pub const HISTORY: &str = "meta/history";
/// Where the hosts' keys are stored.
pub const SEAL_KEYS: &str = "meta/seal-keys";
/// What the keys of all entries of the audit begin with.
pub const AUDIT: &str = "audit/";
/// See [`Stored::Newest`].
pub const NEWEST: &str = "meta/newest";

fn resource_value(resource: &Resource) -> Vec<u8> {
    match resource {
        Resource::ResourceGroup(group) => json(group),
        Resource::DeploymentSet(set) => json(set),
        Resource::Vpc(vpc) => json(vpc),
        Resource::Subnet(subnet) => json(subnet),
        Resource::SecurityGroup(group) => json(group),
        Resource::Host(host) => json(host),
        Resource::Instance(instance) => json(instance),
        Resource::Interface(interface) => json(interface),
        Resource::Vip(vip) => json(vip),
        Resource::EipPool(pool) => json(pool),
        Resource::Eip(eip) => json(eip),
        Resource::Route(route) => json(route),
    }
}

fn resource(key: &str, name: &str, value: &[u8]) -> Result<Resource, Unreadable> {
    let name: ResourceKey = name.parse().map_err(|error| unreadable(key, error))?;
    let resource: Resource = match name {
        ResourceKey::DeploymentSet(_) => read::<DeploymentSet>(key, value)?.into(),
        ResourceKey::ResourceGroup(_) => read::<ResourceGroup>(key, value)?.into(),
        ResourceKey::Vpc(_) => read::<Vpc>(key, value)?.into(),
        ResourceKey::Subnet(_) => read::<Subnet>(key, value)?.into(),
        ResourceKey::SecurityGroup(_) => read::<SecurityGroup>(key, value)?.into(),
        ResourceKey::Host(_) => read::<Host>(key, value)?.into(),
        ResourceKey::Instance(_) => read::<Instance>(key, value)?.into(),
        ResourceKey::Interface(_) => read::<Interface>(key, value)?.into(),
        ResourceKey::Vip(_) => read::<Vip>(key, value)?.into(),
        ResourceKey::EipPool(_) => read::<EipPool>(key, value)?.into(),
        ResourceKey::Eip(_) => read::<Eip>(key, value)?.into(),
        ResourceKey::Route(_) => read::<Route>(key, value)?.into(),
    };
    match resource.key() == name {
        true => Ok(resource),
        false => Err(Unreadable { key: key.into(), source: None }),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("stored values hold only what JSON can say")
}

fn read<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(value).map_err(|error| unreadable(key, error))
}

fn unreadable(key: &str, source: impl std::error::Error + Send + Sync + 'static) -> Unreadable {
    Unreadable { key: key.into(), source: Some(Box::new(source)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{
        Body, Epoch, EventKind, Holder, HostNumber, Incarnation, InterfaceId, MacAddr, PortNumber, VpcId,
    };

    #[test]
    fn what_is_stored_reads_back_under_its_key() {
        let host = HostNumber::MIN;
        let vpc = Vpc {
            id: VpcId::new(Body::from_entropy([1; 16])),
            meta: Default::default(),
            region: "local".into(),
            cidr: "10.0.0.0/8".parse().unwrap(),
            cidr6: None,
            vni: Vni::MIN,
            virtual_mac: MacAddr([2, 0, 0, 0, 0, 1]),
            left: [(InterfaceId::new(Body::from_entropy([2; 16])), host)].into(),
        };
        let record = Record {
            incarnation: Incarnation(1),
            epoch: Epoch(u64::MAX >> 1),
            holder: Holder { host, port: PortNumber::MAX },
            released: true,
            mac: MacAddr::ZERO,
            moves: 3,
        };
        let key = |address: &str| VipKey { vni: Vni::MAX, address: address.parse().unwrap() };
        let all = [
            Stored::Resource(vpc.clone().into()),
            Stored::Withdrawing(vpc.into()),
            Stored::Counter(Counter::Incarnation, 9),
            Stored::Record(key("10.0.0.1"), record),
            Stored::Record(key("fd00::1"), record),
            Stored::Event(Event {
                sequence: 7,
                at: Timestamp(1),
                project: None,
                kind: EventKind::HostJoined { host },
            }),
            Stored::SealRing(SealRing {
                stage: 4,
                sending: Some(1),
                required: true,
                made_at: Timestamp(1),
                keys: vec![SealedKey { id: 1, sealed_secret: "c2VhbGVk".into() }],
            }),
            Stored::History("h".into()),
            Stored::Newest,
        ];
        for stored in all {
            assert_eq!(Stored::read(&stored.key(), &stored.value()).unwrap(), stored);
        }
        for wrong in ["", "resource", "resource/tree/1", "event/1", "record/1", "else/1"] {
            assert!(Stored::read(wrong, b"{}").is_err(), "{wrong}");
        }
    }
}
