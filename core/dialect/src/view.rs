//! What a dialect may look at: every resource at one revision, and how far the world is with it.

use havip_admission::Quotas;
use havip_model::{
    EipTarget, Holder, InstanceId, InstanceState, Interface, Meta, PortNumber, PowerState, ProjectId, Record,
    Resource, ResourceKey, Status, Subnet, Target, Vip, VipKey, World,
};
use std::{collections::BTreeMap, sync::Arc};

/// Everything that a dialect may look at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The resources.
    pub world: &'a World,
    /// Whose view it is.
    pub project: ProjectId,
    /// Its limits.
    pub quotas: &'a Quotas,
    /// Everything that was deleted and is being withdrawn; [`View::withdrawn`] tells what of it is the project's.
    pub withdrawing: &'a BTreeMap<ResourceKey, Arc<Resource>>,
    /// What hosts report.
    pub life: &'a dyn Life,
}

/// What hosts report.
pub trait Life {
    /// How far the world is with a resource.
    fn status(&self, key: ResourceKey, meta: &Meta) -> Status;
    /// Why it is not further, in words; empty where there is nothing to say.
    fn reason(&self, key: ResourceKey, meta: &Meta) -> String;
    /// What the newest request changed whose id passes, while that is remembered.
    fn task(&self, is: &dyn Fn(&str) -> bool) -> Option<Vec<ResourceKey>>;
    /// The greatest record of a VIP.
    fn record(&self, key: VipKey) -> Option<Record>;
    /// What an instance does, and how often it had been started when this was seen.
    fn instance(&self, id: InstanceId) -> Option<(InstanceState, u64)>;
    /// Whether a port has a carrier.
    fn is_port_up(&self, port: PortNumber) -> bool;
}

/// What an instance is at, as every cloud tells it, each in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// It has never run, and is to.
    Starting,
    /// It runs.
    Running,
    /// It runs and is to stop.
    Stopping,
    /// It does not run.
    Stopped,
    /// It is to run and could not be started.
    Failed,
}

impl View<'_> {
    /// The status of a resource.
    pub fn status(&self, key: ResourceKey, meta: &Meta) -> Status {
        self.life.status(key, meta)
    }

    /// Who holds a VIP now.
    pub fn holder(&self, vip: &Vip) -> Option<Holder> {
        let record = self.life.record(vip.key).filter(|record| record.incarnation == vip.incarnation)?;
        record.present_holder()
    }

    /// The greatest record of this making of a VIP, a released one included.
    pub fn record(&self, vip: &Vip) -> Option<Record> {
        self.life.record(vip.key).filter(|record| record.incarnation == vip.incarnation)
    }

    /// The interface that holds a VIP now.
    pub fn holding(&self, vip: &Vip) -> Option<&Interface> {
        self.world.interface_by_port(self.holder(vip)?.port)
    }

    /// Whether a target holds a VIP now, itself or by one of its interfaces.
    pub fn is_holding(&self, vip: &Vip, target: Target) -> bool {
        self.holding(vip).is_some_and(|interface| match target {
            Target::Instance(id) => interface.instance == Some(id),
            Target::Interface(id) => interface.id == id,
        })
    }

    /// What an instance is at.
    pub fn worked(&self, instance: &havip_model::Instance) -> Worked {
        let life = self.life.instance(instance.id);
        match (instance.power, life) {
            (PowerState::Running, Some((InstanceState::Failed, starts))) if starts >= instance.starts => {
                Worked::Failed
            }
            (PowerState::Running, Some((InstanceState::Running, starts))) if starts >= instance.starts => {
                Worked::Running
            }
            // It ended by itself.
            (PowerState::Running, Some((InstanceState::Stopped, starts))) if starts >= instance.starts => {
                Worked::Stopped
            }
            (PowerState::Running, _) => Worked::Starting,
            (
                PowerState::Stopped | PowerState::PoweredOff,
                Some((InstanceState::Stopped | InstanceState::Failed, _)),
            ) => Worked::Stopped,
            (PowerState::Stopped | PowerState::PoweredOff, None) => Worked::Stopped,
            (PowerState::Stopped | PowerState::PoweredOff, Some(_)) => Worked::Stopping,
        }
    }

    /// How many addresses of a subnet nobody has.
    pub fn free_addresses(&self, subnet: &Subnet) -> u64 {
        let (first, last) = subnet.usable();
        let all = u64::from(u32::from(last)).saturating_sub(u32::from(first).into()) + 1;
        let interfaces = self.world.interfaces_of_subnet(subnet.id);
        let of_interfaces =
            interfaces.flat_map(Interface::addresses).filter(std::net::IpAddr::is_ipv4).count();
        let of_vips = self.world.vips_of_subnet(subnet.id).filter(|vip| vip.address().is_ipv4()).count();
        all.saturating_sub((of_interfaces + of_vips) as u64)
    }

    /// The address that an EIP leads to.
    pub fn private_address(&self, target: EipTarget) -> Option<std::net::IpAddr> {
        match target {
            EipTarget::Vip(id) => self.world.vips.get(&id).map(Vip::address),
            target => self.world.interface_of(target).and_then(|interface| interface.primary),
        }
    }

    /// What is being withdrawn.
    pub fn withdrawn(&self) -> impl Iterator<Item = &Resource> {
        let all = self.withdrawing.values().map(AsRef::as_ref);
        all.filter(|resource: &&Resource| resource.is_seen_by(self.project))
    }

    /// Whether this is being withdrawn.
    pub fn is_withdrawn(&self, key: ResourceKey) -> bool {
        self.withdrawing.get(&key).is_some_and(|resource| resource.is_seen_by(self.project))
    }
}
