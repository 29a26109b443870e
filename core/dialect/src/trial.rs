//! A cloud without a server: dialects are tried on it.

use crate::{Call, Error, Life, Step, View, admit_steps};
use havip_admission::{Facts, LiveHost, Quotas, Refusal, Request, request};
use havip_model::{
    Epoch, Holder, HostNumber, InstanceId, InstanceState, MacAddr, Meta, PortNumber, ProjectId, Record,
    ResourceKey, Status, Timestamp, Vip, VipKey, World,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A world with one live host, where everything is done at once unless a test says otherwise.
#[derive(Default)]
pub struct Trial {
    /// The resources.
    pub world: World,
    /// Who holds which VIP.
    pub records: BTreeMap<VipKey, Record>,
    /// What no host has acknowledged yet.
    pub pending: BTreeSet<ResourceKey>,
    /// What requests have changed, by their ids.
    pub tasks: Vec<(String, Vec<ResourceKey>)>,
    /// The limits that somebody has changed.
    pub quotas: Quotas,
    draws: u64,
}

impl Trial {
    /// With a host in this zone and a pool of public addresses.
    pub fn new(zone: &str) -> Self {
        let mut trial = Self::default();
        let host = request::JoinHost {
            name: "h1".into(),
            region: "local".into(),
            zone: zone.into(),
            facts: request::HostFacts {
                underlay: "192.0.2.1".parse().expect("an address"),
                peer_endpoint: "192.0.2.1:7500".into(),
                edge_device: None,
                guest_mtu: 1450,
            },
        };
        let pool = request::CreateEipPool {
            texts: request::Texts::default(),
            cidrs: vec!["203.0.113.0/24".parse().expect("a range")],
            gateway: None,
            reserved: vec![],
        };
        trial
            .change(&[Request::from(host).into(), Request::from(pool).into()])
            .expect("an empty world has room");
        trial
    }

    /// What steps make of the world; nothing if one of them is refused.
    pub fn change(&mut self, steps: &[Step]) -> Result<Vec<ResourceKey>, Refusal> {
        self.draws += 1;
        let mut entropy = [7; 32];
        entropy[..8].copy_from_slice(&self.draws.to_be_bytes());
        let live = self.world.hosts.keys().map(|host| LiveHost { host: *host, load_millis: 0 }).collect();
        let quotas = self.quotas.clone();
        let facts = Facts { now: NOW, entropy, live, quotas, ..Facts::default() };
        let Some((subjects, change)) = admit_steps(&self.world, steps, &facts)? else { return Ok(vec![]) };
        self.world.apply(&change);
        Ok(subjects)
    }

    /// What a call is answered, and does.
    pub fn call(&mut self, call: &dyn Call) -> Result<Value, Error> {
        let nothing = BTreeMap::new();
        let steps = call.plan(&View {
            world: &self.world,
            project: ProjectId::first(),
            quotas: &self.quotas,
            withdrawing: &nothing,
            life: self,
        })?;
        let before = self.world.clone();
        let made = self.change(&steps).map_err(|refusal| call.refused(&refusal))?;
        if let Some(passed) = call.rehearsed().filter(|_| call.is_change()) {
            self.world = before;
            return Err(passed);
        }
        call.answer(
            &View {
                world: &self.world,
                project: ProjectId::first(),
                quotas: &self.quotas,
                withdrawing: &nothing,
                life: self,
            },
            &made,
        )
    }

    /// An interface of an instance claims a VIP.
    pub fn claim(&mut self, vip: &Vip, instance: InstanceId) {
        let port = self.world.primary_interface(instance).expect("an instance has an interface").port;
        let record = Record {
            incarnation: vip.incarnation,
            epoch: Epoch(NOW.0 << 16),
            holder: Holder { host: HostNumber::MIN, port },
            released: false,
            mac: MacAddr::ZERO,
            moves: 1,
        };
        self.records.insert(vip.key, record);
    }
}

impl Life for Trial {
    fn status(&self, key: ResourceKey, _: &Meta) -> Status {
        if self.pending.contains(&key) { Status::Creating } else { Status::Available }
    }

    fn reason(&self, _: ResourceKey, _: &Meta) -> String {
        String::new()
    }

    fn task(&self, is: &dyn Fn(&str) -> bool) -> Option<Vec<ResourceKey>> {
        self.tasks.iter().rev().find(|(id, _)| is(id)).map(|(_, made)| made.clone())
    }

    fn record(&self, key: VipKey) -> Option<Record> {
        self.records.get(&key).copied()
    }

    fn instance(&self, id: InstanceId) -> Option<(InstanceState, u64)> {
        let instance = self.world.instances.get(&id)?;
        let state = match instance.power {
            havip_model::PowerState::Running => InstanceState::Running,
            _ => InstanceState::Stopped,
        };
        (!self.pending.contains(&ResourceKey::Instance(id))).then_some((state, instance.starts))
    }

    fn is_port_up(&self, _: PortNumber) -> bool {
        true
    }
}

/// When everything happens: 2024-01-02T03:04:05Z.
pub const NOW: Timestamp = Timestamp(1_704_164_645_000);
