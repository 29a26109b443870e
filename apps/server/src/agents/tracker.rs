//! What is known of the hosts' lives: who is there, who has acknowledged what, what failed, what runs.
//!
//! Nothing of it is stored: after a restart the agents say it again.

use super::command::Commands;
use havip_model::{Condition, HostNumber, InstanceId, InstanceState, PortNumber, ResourceKey, Status, World};
use havip_reconcile::{item::ItemKey, view::Difference};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// What is known of the hosts' lives.
pub struct Tracker {
    /// A host that was never heard is silent since then.
    began: Instant,
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Inner {
    hosts: HashMap<HostNumber, HostLife>,
    unsettled: HashMap<ResourceKey, Unsettled>,
    instances: HashMap<InstanceId, InstanceLife>,
    ports: HashMap<PortNumber, bool>,
    sessions: u64,
}

/// A resource that some host has not acknowledged.
struct Unsettled {
    /// The revision that each host must acknowledge.
    hosts: BTreeMap<HostNumber, u64>,
    since: Instant,
    /// The generation that was acknowledged before.
    observed: u64,
}

/// What is known of a host's life.
#[derive(Default)]
pub struct HostLife {
    /// Names the open stream; none while the host is lost.
    session: Option<u64>,
    /// When it was last heard.
    pub heard: Option<Instant>,
    /// The same by the clock, in milliseconds since 1970.
    pub heard_ms: Option<u64>,
    /// Up to here it has programmed everything, but for the failures.
    pub acknowledged: u64,
    /// The stage of the hosts' keys that it has.
    pub keys_stage: u64,
    /// What it could not program, and why.
    pub failures: BTreeMap<ItemKey, String>,
    /// What must be acknowledged, by revision.
    awaited: BTreeMap<u64, BTreeSet<ResourceKey>>,
    /// Its agent's version.
    pub version: String,
    /// Refusals that its agent could not keep.
    pub lost_refusals: u64,
    /// Findings that its agent could not keep.
    pub lost_findings: u64,
    /// How to give its agent commands.
    pub commands: Option<Commands>,
}

impl HostLife {
    /// Whether its stream is open.
    pub fn is_live(&self) -> bool {
        self.session.is_some()
    }
}

/// What is known of an instance's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceLife {
    /// What it does.
    pub state: InstanceState,
    /// Why, in words.
    pub reason: String,
    /// Which of its starts this is of.
    pub starts: u64,
}

impl Default for Tracker {
    fn default() -> Self {
        Self { began: Instant::now(), inner: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Tracker {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds the tracker")
    }

    /// Wakes whenever something is known anew.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Opens a session: from now on the host is live, and `awaited` must be acknowledged at `revision`.
    pub fn begin(
        &self,
        host: HostNumber,
        version: String,
        commands: Commands,
        revision: u64,
        awaited: impl Iterator<Item = ItemKey>,
        world: &World,
    ) -> u64 {
        let mut inner = self.lock();
        inner.sessions += 1;
        let session = inner.sessions;
        inner.forget_awaited(host);
        let known = inner.hosts.get(&host);
        let (lost_refusals, lost_findings) =
            known.map_or((0, 0), |life| (life.lost_refusals, life.lost_findings));
        let life = HostLife {
            session: Some(session),
            heard: Some(Instant::now()),
            heard_ms: Some(crate::entropy::now().0),
            version,
            lost_refusals,
            lost_findings,
            commands: Some(commands),
            ..HostLife::default()
        };
        inner.hosts.insert(host, life);
        for key in awaited {
            let key = resource_of(key);
            inner.require(key, host, revision, generation(world, key));
        }
        drop(inner);
        self.changed.send_replace(());
        session
    }

    /// Closes a session; false if another one has begun already.
    pub fn end(&self, host: HostNumber, session: u64) -> bool {
        let mut inner = self.lock();
        let Some(life) = inner.hosts.get_mut(&host).filter(|life| life.session == Some(session)) else {
            return false;
        };
        life.session = None;
        life.commands = None;
        drop(inner);
        self.changed.send_replace(());
        true
    }

    /// Whether the session is still the host's.
    pub fn is_current(&self, host: HostNumber, session: u64) -> bool {
        self.lock().hosts.get(&host).is_some_and(|life| life.session == Some(session))
    }

    /// The host said something.
    pub fn heard(&self, host: HostNumber) {
        if let Some(life) = self.lock().hosts.get_mut(&host) {
            life.heard = Some(Instant::now());
            life.heard_ms = Some(crate::entropy::now().0);
        }
    }

    /// Notes what a commit means to the hosts that are live.
    pub fn require(
        &self,
        before: &World,
        revision: u64,
        touched: impl Iterator<Item = ResourceKey>,
        differences: &[Difference],
    ) {
        let mut inner = self.lock();
        for difference in differences {
            let key = resource_of(difference.key);
            for host in &difference.hosts {
                if inner.hosts.get(host).is_some_and(HostLife::is_live) {
                    inner.require(key, *host, revision, generation(before, key));
                }
            }
        }
        drop(inner);
        if touched.count() > 0 {
            self.changed.send_replace(());
        }
    }

    /// A host has programmed everything up to a revision, but for the failures.
    pub fn acknowledge(
        &self,
        host: HostNumber,
        revision: u64,
        failures: BTreeMap<ItemKey, String>,
        keys_stage: u64,
    ) {
        let mut inner = self.lock();
        let Some(life) = inner.hosts.get_mut(&host) else { return };
        let is_news =
            life.acknowledged != revision || life.failures != failures || life.keys_stage != keys_stage;
        life.keys_stage = keys_stage;
        life.acknowledged = life.acknowledged.max(revision);
        life.failures = failures;
        let later = life.awaited.split_off(&revision.saturating_add(1));
        let settled = std::mem::replace(&mut life.awaited, later);
        for key in settled.into_values().flatten() {
            inner.settle(key, host, revision);
        }
        drop(inner);
        if is_news {
            self.changed.send_replace(());
        }
    }

    /// What an instance does; whether that is news.
    pub fn instance(&self, id: InstanceId, life: InstanceLife) -> bool {
        let is_news = self.lock().instances.insert(id, life.clone()) != Some(life);
        if is_news {
            self.changed.send_replace(());
        }
        is_news
    }

    /// Whether a port has a carrier.
    pub fn port(&self, port: PortNumber, is_up: bool) {
        if self.lock().ports.insert(port, is_up) != Some(is_up) {
            self.changed.send_replace(());
        }
    }

    /// A host's agent could not keep so many refusals.
    pub fn lost_refusals(&self, host: HostNumber, lost: u64) {
        if let Some(life) = self.lock().hosts.get_mut(&host) {
            life.lost_refusals += lost;
        }
    }

    /// A host's agent could not keep so many findings.
    pub fn lost_findings(&self, host: HostNumber, lost: u64) {
        if let Some(life) = self.lock().hosts.get_mut(&host) {
            life.lost_findings += lost;
        }
    }

    /// Forgets instances and ports that the world has no more.
    pub fn forget(&self, world: &World) {
        let mut inner = self.lock();
        inner.instances.retain(|id, _| world.instances.contains_key(id));
        inner.ports.retain(|port, _| world.interface_by_port(*port).is_some());
        inner.hosts.retain(|host, life| life.is_live() || world.hosts.contains_key(host));
    }

    /// What is known of a host.
    pub fn host<T>(&self, host: HostNumber, read: impl FnOnce(Option<&HostLife>) -> T) -> T {
        read(self.lock().hosts.get(&host))
    }

    /// The stage of the keys that a host has, and how long it has been silent: zero while its stream is open.
    pub fn follows_keys(&self, host: HostNumber) -> (u64, Duration) {
        let inner = self.lock();
        match inner.hosts.get(&host) {
            Some(life) if life.is_live() => (life.keys_stage, Duration::ZERO),
            Some(life) => (life.keys_stage, life.heard.unwrap_or(self.began).elapsed()),
            None => (0, self.began.elapsed()),
        }
    }

    /// Hosts whose streams are open, in order.
    pub fn live(&self) -> BTreeSet<HostNumber> {
        self.lock().hosts.iter().filter(|(_, life)| life.is_live()).map(|(host, _)| *host).collect()
    }

    /// What is known of an instance.
    pub fn instance_life(&self, id: InstanceId) -> Option<InstanceLife> {
        self.lock().instances.get(&id).cloned()
    }

    /// The instances whose lives pass.
    pub fn instances_that(&self, pass: impl Fn(&InstanceId, &InstanceLife) -> bool) -> Vec<InstanceId> {
        let inner = self.lock();
        inner.instances.iter().filter(|(id, life)| pass(id, life)).map(|(id, _)| *id).collect()
    }

    /// Whether a port has a carrier, if that was reported.
    pub fn is_port_up(&self, port: PortNumber) -> Option<bool> {
        self.lock().ports.get(&port).copied()
    }

    /// How far the hosts are with a resource of this generation.
    pub fn condition(
        &self,
        key: ResourceKey,
        generation: u64,
        name: impl Fn(HostNumber) -> String,
    ) -> Condition {
        let inner = self.lock();
        let waiting = inner.waiting_for(key);
        let observed_generation = match (waiting.is_empty(), inner.unsettled.get(&key)) {
            (false, Some(unsettled)) => unsettled.observed,
            _ => generation,
        };
        if let Some((host, why)) = inner.failure_of(key) {
            let reason = format!("{}: {why}", name(host));
            return Condition { status: Status::Failed, reason, observed_generation };
        }
        if waiting.is_empty() {
            return Condition { status: Status::Available, reason: String::new(), observed_generation };
        }
        let names = waiting.iter().map(|host| name(*host)).collect::<Vec<_>>().join(", ");
        let is_late = inner.unsettled.get(&key).is_some_and(|unsettled| unsettled.since.elapsed() > PATIENCE);
        match is_late {
            true => {
                let reason = format!("{names} did not acknowledge it within {} s", PATIENCE.as_secs());
                Condition { status: Status::Failed, reason, observed_generation }
            }
            false => {
                let reason = format!("waiting for {names}");
                Condition { status: Status::Creating, reason, observed_generation }
            }
        }
    }

    /// Whether no live host has still to acknowledge something of this resource.
    pub fn is_settled(&self, key: ResourceKey) -> bool {
        self.lock().waiting_for(key).is_empty()
    }
}

impl Inner {
    fn require(&mut self, key: ResourceKey, host: HostNumber, revision: u64, observed: u64) {
        let fresh = || Unsettled { hosts: BTreeMap::new(), since: Instant::now(), observed };
        let unsettled = self.unsettled.entry(key).or_insert_with(fresh);
        unsettled.since = Instant::now();
        unsettled.hosts.insert(host, revision);
        if let Some(life) = self.hosts.get_mut(&host) {
            life.awaited.entry(revision).or_default().insert(key);
        }
    }

    fn settle(&mut self, key: ResourceKey, host: HostNumber, revision: u64) {
        let Some(unsettled) = self.unsettled.get_mut(&key) else { return };
        // A later change of the same resource is still awaited.
        if unsettled.hosts.get(&host).is_some_and(|awaited| *awaited <= revision) {
            unsettled.hosts.remove(&host);
        }
        if unsettled.hosts.is_empty() {
            self.unsettled.remove(&key);
        }
    }

    fn forget_awaited(&mut self, host: HostNumber) {
        let awaited = self.hosts.get_mut(&host).map(|life| std::mem::take(&mut life.awaited));
        for key in awaited.into_iter().flat_map(BTreeMap::into_values).flatten() {
            self.settle(key, host, u64::MAX);
        }
    }

    fn waiting_for(&self, key: ResourceKey) -> Vec<HostNumber> {
        let hosts =
            self.unsettled.get(&key).into_iter().flat_map(|unsettled| unsettled.hosts.keys().copied());
        hosts.filter(|host| self.hosts.get(host).is_some_and(HostLife::is_live)).collect()
    }

    fn failure_of(&self, key: ResourceKey) -> Option<(HostNumber, &str)> {
        let live = self.hosts.iter().filter(|(_, life)| life.is_live() && !life.failures.is_empty());
        let failed = live.filter_map(|(host, life)| {
            items_of(key)
                .into_iter()
                .flatten()
                .find_map(|item| Some((*host, life.failures.get(&item)?.as_str())))
        });
        failed.min_by_key(|(host, _)| *host)
    }
}

/// The resource that an item says something of.
pub fn resource_of(key: ItemKey) -> ResourceKey {
    match key {
        ItemKey::Host(number) => ResourceKey::Host(number),
        ItemKey::Vpc(id) => ResourceKey::Vpc(id),
        ItemKey::Subnet(id) => ResourceKey::Subnet(id),
        ItemKey::Group(id) => ResourceKey::SecurityGroup(id),
        ItemKey::Endpoint(id) | ItemKey::Port(id) => ResourceKey::Interface(id),
        ItemKey::Vip(id) => ResourceKey::Vip(id),
        ItemKey::Route(id) => ResourceKey::Route(id),
        ItemKey::EipPool(id) => ResourceKey::EipPool(id),
        ItemKey::Eip(id) => ResourceKey::Eip(id),
        ItemKey::Instance(id) => ResourceKey::Instance(id),
    }
}

fn items_of(key: ResourceKey) -> [Option<ItemKey>; 2] {
    match key {
        ResourceKey::ResourceGroup(_) | ResourceKey::DeploymentSet(_) => [None, None],
        ResourceKey::Host(number) => [Some(ItemKey::Host(number)), None],
        ResourceKey::Vpc(id) => [Some(ItemKey::Vpc(id)), None],
        ResourceKey::Subnet(id) => [Some(ItemKey::Subnet(id)), None],
        ResourceKey::SecurityGroup(id) => [Some(ItemKey::Group(id)), None],
        ResourceKey::Interface(id) => [Some(ItemKey::Port(id)), Some(ItemKey::Endpoint(id))],
        ResourceKey::Vip(id) => [Some(ItemKey::Vip(id)), None],
        ResourceKey::Route(id) => [Some(ItemKey::Route(id)), None],
        ResourceKey::EipPool(id) => [Some(ItemKey::EipPool(id)), None],
        ResourceKey::Eip(id) => [Some(ItemKey::Eip(id)), None],
        ResourceKey::Instance(id) => [Some(ItemKey::Instance(id)), None],
    }
}

fn generation(world: &World, key: ResourceKey) -> u64 {
    world.get(key).map_or(0, |resource| resource.meta().generation)
}

/// A host that has not acknowledged within this time makes a resource Failed.
const PATIENCE: Duration = Duration::from_secs(10);
