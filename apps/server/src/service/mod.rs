//! One function per request: look at the newest state, let pure rules decide, commit exactly that.
//!
//! HTTP and gRPC only translate; both end here.

mod audit;
mod change;
mod dialect;
mod drill;
mod fault;
mod findings;
mod hosts;
mod identities;
mod keys;
mod migrations;
mod path;
mod probe;
mod reports;
mod rights;
mod sent;
mod settle;
mod status;
mod why;

use crate::{
    agents::{InstanceLife, Tracker},
    authority::Authority,
    config::Config,
    entropy,
    ledger::{CommitError, Durable, Ledger, State, Ticket, Write},
    outage::Sendings,
    secrets::Sealer,
};
pub use audit::{Tried, shaped_as_id};
pub use change::request_digest;
pub use change::{Caller, Done};
pub use dialect::Asking;
pub use fault::{Fault, FaultKind};
use havip_admission::{Facts, LiveHost, Quotas, Rate, Throttle};
use havip_audit::Refusals;
use havip_dialect::Home;
use havip_model::{HostNumber, InstanceId, InstanceState, ProjectId};
pub use hosts::Join;
pub use identities::Principal;
pub use keys::KeysStatus;
pub use path::{Asked, Question};
pub use probe::Went;
pub use rights::{Held, Rights, built_in};
pub use status::host_name;
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
pub use why::candidates;

/// The server's rules and memory, without any transport.
pub struct Service {
    ledger: Arc<Ledger>,
    tracker: Arc<Tracker>,
    authority: Authority,
    sealer: Sealer,
    quotas: Quotas,
    home: Arc<Home>,
    sendings: Mutex<Sendings>,
    tasks: Mutex<dialect::Tasks>,
    secrets: identities::Secrets,
    refusals: Mutex<Refusals>,
    throttle: Mutex<Throttle>,
    begun: Instant,
}

impl Service {
    /// Puts the parts together.
    pub fn new(
        ledger: Arc<Ledger>,
        tracker: Arc<Tracker>,
        authority: Authority,
        sealer: Sealer,
        config: &Config,
    ) -> Self {
        let quotas = Quotas {
            associations_per_vip: config.quotas.associations_per_vip,
            vips_per_instance: config.quotas.vips_per_instance,
            vips_per_vpc: config.quotas.vips_per_vpc,
            vips_per_project: config.quotas.vips_per_project,
            vip_routes_per_vpc: config.quotas.vip_routes_per_vpc,
            secondary_addresses: config.quotas.secondary_addresses,
            groups_per_vpc: config.quotas.groups_per_vpc,
            groups_per_interface: config.quotas.groups_per_interface,
            rules_per_group: config.quotas.rules_per_group,
            tags_per_resource: config.quotas.tags_per_resource,
            resource_groups_per_project: config.quotas.resource_groups_per_project,
            deployment_sets_per_project: config.quotas.deployment_sets_per_project,
            granted: vec![],
        };
        let home = Arc::new(config.home());
        let (sendings, tasks) = (Mutex::default(), Mutex::default());
        let secrets = identities::Secrets::default();
        let (refusals, begun) = (Mutex::default(), Instant::now());
        let rate = Rate { per_second: config.throttle.per_second, burst: config.throttle.burst };
        let throttle = Mutex::new(Throttle::new(rate));
        Self {
            ledger,
            tracker,
            authority,
            sealer,
            quotas,
            home,
            sendings,
            tasks,
            secrets,
            refusals,
            throttle,
            begun,
        }
    }

    /// What is durable, and what follows.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// What is known of the hosts' lives.
    pub fn tracker(&self) -> &Arc<Tracker> {
        &self.tracker
    }

    /// The authority that names hosts.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The region of what is made without naming one.
    pub fn region(&self) -> &str {
        &self.home.region
    }

    /// The zone of what is made without naming one.
    pub fn zone(&self) -> &str {
        &self.home.zone
    }

    fn sendings(&self) -> MutexGuard<'_, Sendings> {
        self.sendings.lock().expect("nothing panics while it holds them")
    }

    /// Lets a request of an access key pass, or says after which time it may.
    pub fn throttle(&self, key: &str, action: &'static str) -> Result<(), Duration> {
        self.throttle.lock().expect("nothing panics here").take(self.begun.elapsed(), key, action)
    }

    /// Reads what is durable.
    pub fn read<T>(&self, read: impl FnOnce(&Durable) -> T) -> T {
        self.ledger.read(read)
    }

    fn facts(&self, state: &State) -> Facts {
        let has_ended = |id: &InstanceId, life: &InstanceLife| {
            let instance = state.world.instances.get(id);
            matches!(life.state, InstanceState::Stopped | InstanceState::Failed)
                && instance.is_some_and(|instance| life.starts >= instance.starts)
        };
        let ended = self.tracker.instances_that(has_ended);
        let live = self.tracker.live().into_iter();
        let live = live.map(|host: HostNumber| LiveHost { host, load_millis: 0 }).collect();
        let (now, entropy) = (entropy::now(), entropy::random());
        Facts { now, entropy, live, ended, quotas: self.quotas.clone(), ..Facts::default() }
    }

    /// What a decision for a project rests on.
    fn facts_of(&self, state: &State, project: ProjectId) -> Facts {
        let quotas = self.quotas_of(state, project);
        Facts { project, quotas, whole: Some(state.world.clone()), ..self.facts(state) }
    }

    /// The limits of a project.
    pub fn quotas_of(&self, state: &State, project: ProjectId) -> Quotas {
        let granted = state.directory.projects.get(&project).map(|project| &*project.granted);
        self.quotas.with(granted.unwrap_or_default())
    }

    /// Decides and waits until it is durable; decides again if another server was faster.
    pub async fn commit<T>(
        &self,
        decide: impl FnMut(&State) -> Result<(Write, T), Fault>,
    ) -> Result<(u64, T), Fault> {
        self.commit_as(decide).await
    }

    /// The same with errors of another kind.
    async fn commit_as<T, E: From<CommitError>>(
        &self,
        mut decide: impl FnMut(&State) -> Result<(Write, T), E>,
    ) -> Result<(u64, T), E> {
        let mut attempt = 1;
        loop {
            let (ticket, kept): (Ticket, T) = self.ledger.decide(&mut decide)?;
            match ticket.durable().await {
                Ok(revision) => return Ok((revision, kept)),
                Err(CommitError::Conflict) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Two servers that decide against each other do not do so often.
const ATTEMPTS: u32 = 8;
