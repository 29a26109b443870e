//! All resources at one revision: what rules decide from.

mod index;
mod look;
mod parts;
#[cfg(test)]
mod tests;

use crate::{
    Change, Counter, DeploymentSet, DeploymentSetId, Eip, EipId, EipPool, EipPoolId, Host, HostNumber,
    Instance, InstanceId, Interface, InterfaceId, Map, Resource, ResourceGroup, ResourceGroupId, ResourceKey,
    Route, RouteId, SecurityGroup, SecurityGroupId, Subnet, SubnetId, Vip, VipId, Vpc, VpcId,
};
pub use index::AddressUser;
use index::Index;
pub use parts::Parts;

/// A snapshot of every resource, of what leads from one to another, and of the numbers to be given next.
///
/// A copy costs nothing and does not change with the original. Only [`World::apply`] changes a world, so
/// its indexes always equal a recomputation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// Resource groups.
    pub resource_groups: Map<ResourceGroupId, ResourceGroup>,
    /// VPCs.
    pub vpcs: Map<VpcId, Vpc>,
    /// Subnets.
    pub subnets: Map<SubnetId, Subnet>,
    /// Security groups.
    pub groups: Map<SecurityGroupId, SecurityGroup>,
    /// Deployment sets.
    pub deployment_sets: Map<DeploymentSetId, DeploymentSet>,
    /// Interfaces.
    pub interfaces: Map<InterfaceId, Interface>,
    /// Instances.
    pub instances: Map<InstanceId, Instance>,
    /// VIPs.
    pub vips: Map<VipId, Vip>,
    /// EIP pools.
    pub pools: Map<EipPoolId, EipPool>,
    /// EIPs.
    pub eips: Map<EipId, Eip>,
    /// Routes.
    pub routes: Map<RouteId, Route>,
    /// Hosts.
    pub hosts: Map<HostNumber, Host>,
    counters: Map<Counter, u64>,
    index: Index,
}

impl World {
    /// The world of these resources and counters, whatever their order.
    pub fn of(
        resources: impl IntoIterator<Item = Resource>,
        counters: impl IntoIterator<Item = (Counter, u64)>,
    ) -> Self {
        let mut resources: Vec<_> = resources.into_iter().collect();
        resources.sort_by_key(Resource::key);
        let mut world = Self::default();
        resources.into_iter().for_each(|resource| world.put(resource));
        counters.into_iter().for_each(|(counter, next)| world.counters.insert(counter, next));
        world
    }

    /// Makes the decision part of the world.
    pub fn apply(&mut self, change: &Change) {
        change.deletes.iter().for_each(|key| self.delete(*key));
        change.puts.iter().for_each(|resource| self.put(resource.clone()));
        change.counters.iter().for_each(|(counter, next)| self.counters.insert(*counter, *next));
    }

    /// What the counter gives next.
    pub fn next(&self, counter: Counter) -> u64 {
        self.counters.get(&counter).copied().unwrap_or(1)
    }

    /// The resource of this name.
    pub fn get(&self, key: ResourceKey) -> Option<Resource> {
        Some(match key {
            ResourceKey::ResourceGroup(id) => self.resource_groups.get(&id)?.clone().into(),
            ResourceKey::Vpc(id) => self.vpcs.get(&id)?.clone().into(),
            ResourceKey::Subnet(id) => self.subnets.get(&id)?.clone().into(),
            ResourceKey::SecurityGroup(id) => self.groups.get(&id)?.clone().into(),
            ResourceKey::DeploymentSet(id) => self.deployment_sets.get(&id)?.clone().into(),
            ResourceKey::Host(number) => self.hosts.get(&number)?.clone().into(),
            ResourceKey::Instance(id) => self.instances.get(&id)?.clone().into(),
            ResourceKey::Interface(id) => self.interfaces.get(&id)?.clone().into(),
            ResourceKey::Vip(id) => self.vips.get(&id)?.clone().into(),
            ResourceKey::EipPool(id) => self.pools.get(&id)?.clone().into(),
            ResourceKey::Eip(id) => self.eips.get(&id)?.clone().into(),
            ResourceKey::Route(id) => self.routes.get(&id)?.clone().into(),
        })
    }

    /// All resources, each after those it names.
    pub fn resources(&self) -> impl Iterator<Item = Resource> {
        let resource_groups = self.resource_groups.values().cloned().map(Resource::ResourceGroup);
        let vpcs = self.vpcs.values().cloned().map(Resource::Vpc);
        let subnets = self.subnets.values().cloned().map(Resource::Subnet);
        let groups = self.groups.values().cloned().map(Resource::SecurityGroup);
        let sets = self.deployment_sets.values().cloned().map(Resource::DeploymentSet);
        let hosts = self.hosts.values().cloned().map(Resource::Host);
        let instances = self.instances.values().cloned().map(Resource::Instance);
        let interfaces = self.interfaces.values().cloned().map(Resource::Interface);
        let vips = self.vips.values().cloned().map(Resource::Vip);
        let pools = self.pools.values().cloned().map(Resource::EipPool);
        let eips = self.eips.values().cloned().map(Resource::Eip);
        let routes = self.routes.values().cloned().map(Resource::Route);
        resource_groups
            .chain(vpcs)
            .chain(subnets)
            .chain(groups)
            .chain(sets)
            .chain(hosts)
            .chain(instances)
            .chain(interfaces)
            .chain(vips)
            .chain(pools)
            .chain(eips)
            .chain(routes)
    }

    /// Whether the indexes say what a recomputation says; for tests and for the server's self-check.
    pub fn is_consistent(&self) -> bool {
        let counters = self.counters.iter().map(|(counter, next)| (*counter, *next));
        Self::of(self.resources(), counters) == *self
    }

    fn put(&mut self, resource: Resource) {
        let old = self.get(resource.key());
        self.index.replace(old.as_ref(), Some(&resource));
        match resource {
            Resource::ResourceGroup(group) => self.resource_groups.insert(group.id, group),
            Resource::Vpc(vpc) => self.vpcs.insert(vpc.id, vpc),
            Resource::Subnet(subnet) => self.subnets.insert(subnet.id, subnet),
            Resource::SecurityGroup(group) => self.groups.insert(group.id, group),
            Resource::DeploymentSet(set) => self.deployment_sets.insert(set.id, set),
            Resource::Host(host) => self.hosts.insert(host.number, host),
            Resource::Instance(instance) => self.instances.insert(instance.id, instance),
            Resource::Interface(interface) => self.interfaces.insert(interface.id, interface),
            Resource::Vip(vip) => self.vips.insert(vip.id, vip),
            Resource::EipPool(pool) => self.pools.insert(pool.id, pool),
            Resource::Eip(eip) => self.eips.insert(eip.id, eip),
            Resource::Route(route) => self.routes.insert(route.id, route),
        }
    }

    fn delete(&mut self, key: ResourceKey) {
        let old = self.get(key);
        self.index.replace(old.as_ref(), None);
        match key {
            ResourceKey::ResourceGroup(id) => self.resource_groups.remove(&id),
            ResourceKey::Vpc(id) => self.vpcs.remove(&id),
            ResourceKey::Subnet(id) => self.subnets.remove(&id),
            ResourceKey::SecurityGroup(id) => self.groups.remove(&id),
            ResourceKey::DeploymentSet(id) => self.deployment_sets.remove(&id),
            ResourceKey::Host(number) => self.hosts.remove(&number),
            ResourceKey::Instance(id) => self.instances.remove(&id),
            ResourceKey::Interface(id) => self.interfaces.remove(&id),
            ResourceKey::Vip(id) => self.vips.remove(&id),
            ResourceKey::EipPool(id) => self.pools.remove(&id),
            ResourceKey::Eip(id) => self.eips.remove(&id),
            ResourceKey::Route(id) => self.routes.remove(&id),
        }
    }
}
