//! What each host must know: the items that follow from the resources.
//!
//! A host needs the VPCs that have an interface plugged into it; an edge needs those, too, that an EIP or an external
//! subnet leads into. Of each it knows everything, for it answers ARP, routes and follows claims for all of it. What an
//! item says is the same on every host, so a change is worked out once and sent to many.

mod content;
mod difference;
#[cfg(test)]
mod tests;

use crate::item::{Item, ItemKey};
use content::content;
pub use difference::{Difference, affected};
use havip_model::{Driver, HostNumber, Instance, SecurityGroupId, VpcId, World};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a host must know; nothing if there is no such host.
pub fn view(world: &World, host: HostNumber) -> BTreeMap<ItemKey, Item> {
    let mut keys = BTreeSet::new();
    if world.hosts.contains_key(&host) {
        keys.insert(ItemKey::Host(host));
        keys.extend(world.common_groups().map(|group| ItemKey::Group(group.id)));
    }
    for vpc in needed(world, host) {
        keys.insert(ItemKey::Vpc(vpc));
        keys.extend(members(world, vpc).into_iter().map(ItemKey::Host));
        keys.extend(keys_of(world, vpc));
    }
    let ports = world.interfaces_on(host).filter(|interface| interface.has_port_at(host));
    keys.extend(ports.map(|interface| ItemKey::Port(interface.id)));
    keys.extend(world.instances_on(host).map(|instance| ItemKey::Instance(instance.id)));
    let comes = world.interfaces_on(host).filter_map(|interface| world.instances.get(&interface.instance?));
    let comes = comes.filter(|instance| goes_to(world, instance) == Some(host));
    keys.extend(comes.map(|instance| ItemKey::Instance(instance.id)));
    if is_edge(world, host) {
        keys.extend(world.pools.keys().map(|pool| ItemKey::EipPool(*pool)));
    }
    keys.into_iter().filter_map(|key| Some((key, content(world, key)?))).collect()
}

/// What a host must know under this key, if anything.
pub fn item(world: &World, host: HostNumber, key: ItemKey) -> Option<Item> {
    needs(world, host, key).then(|| content(world, key)).flatten()
}

/// The hosts that must know a VPC: they receive its announcements.
pub fn members(world: &World, vpc: VpcId) -> BTreeSet<HostNumber> {
    let edges = world.has_outside(vpc).then(|| world.edges());
    world.placed_hosts(vpc).chain(edges.into_iter().flatten()).collect()
}

/// The hosts that must know a security group: those of its VPC, or all.
fn guards(world: &World, group: SecurityGroupId) -> BTreeSet<HostNumber> {
    match world.groups.get(&group).map(|group| group.vpc) {
        Some(Some(vpc)) => members(world, vpc),
        Some(None) => world.hosts.keys().copied().collect(),
        None => BTreeSet::new(),
    }
}

/// The VPCs that a host must know.
fn needed(world: &World, host: HostNumber) -> BTreeSet<VpcId> {
    let by_edge = is_edge(world, host).then(|| world.vpcs_with_outside());
    world.placed_vpcs(host).chain(by_edge.into_iter().flatten()).collect()
}

fn is_edge(world: &World, host: HostNumber) -> bool {
    world.hosts.get(&host).is_some_and(|host| host.edge_device.is_some())
}

fn is_member(world: &World, vpc: VpcId, host: HostNumber) -> bool {
    world.is_placed(vpc, host) || (is_edge(world, host) && world.has_outside(vpc))
}

/// Whether a host must know what stands under this key, if anything does.
fn needs(world: &World, host: HostNumber, key: ItemKey) -> bool {
    match key {
        ItemKey::Host(other) if other == host => true,
        ItemKey::Host(other) => needed(world, host).into_iter().any(|vpc| is_member(world, vpc, other)),
        ItemKey::EipPool(_) => is_edge(world, host),
        ItemKey::Group(id) if world.groups.get(&id).is_some_and(|group| group.vpc.is_none()) => {
            world.hosts.contains_key(&host)
        }
        ItemKey::Port(id) => world.interfaces.get(&id).is_some_and(|interface| interface.has_port_at(host)),
        ItemKey::Instance(id) => world
            .instances
            .get(&id)
            .is_some_and(|instance| instance.host == host || goes_to(world, instance) == Some(host)),
        ItemKey::Vpc(_)
        | ItemKey::Subnet(_)
        | ItemKey::Group(_)
        | ItemKey::Endpoint(_)
        | ItemKey::Vip(_)
        | ItemKey::Route(_)
        | ItemKey::Eip(_) => vpc_of(world, key).is_some_and(|vpc| is_member(world, vpc, host)),
    }
}

/// Where a machine of ours is on its way to; any other guest is moved by others.
fn goes_to(world: &World, instance: &Instance) -> Option<HostNumber> {
    let mut interfaces = world.interfaces_of(instance.id).filter(|_| instance.driver == Driver::Qemu);
    interfaces.find_map(|interface| Some(interface.migration.as_ref()?.to))
}

/// The VPC whose members must know what stands under this key.
fn vpc_of(world: &World, key: ItemKey) -> Option<VpcId> {
    match key {
        ItemKey::Vpc(id) => world.vpcs.get(&id).map(|vpc| vpc.id),
        ItemKey::Subnet(id) => world.subnets.get(&id).map(|subnet| subnet.vpc),
        ItemKey::Group(id) => world.groups.get(&id).and_then(|group| group.vpc),
        ItemKey::Endpoint(id) => world.interfaces.get(&id).map(|interface| interface.vpc),
        ItemKey::Vip(id) => world.vips.get(&id).map(|vip| vip.vpc),
        ItemKey::Route(id) => world.routes.get(&id).map(|route| route.vpc),
        ItemKey::Eip(id) => world.eips.get(&id).and_then(|eip| eip.vpc),
        ItemKey::Host(_) | ItemKey::EipPool(_) | ItemKey::Port(_) | ItemKey::Instance(_) => None,
    }
}

/// The keys of everything within a VPC.
fn keys_of(world: &World, vpc: VpcId) -> impl Iterator<Item = ItemKey> {
    let subnets = world.subnets_of(vpc).map(|subnet| ItemKey::Subnet(subnet.id));
    let groups = world.groups_of(vpc).map(|group| ItemKey::Group(group.id));
    let endpoints = world.interfaces_of_vpc(vpc).map(|interface| ItemKey::Endpoint(interface.id));
    let vips = world.vips_of_vpc(vpc).map(|vip| ItemKey::Vip(vip.id));
    let routes = world.routes_of(vpc).map(|route| ItemKey::Route(route.id));
    let eips = world.eips_into(vpc).map(|eip| ItemKey::Eip(eip.id));
    subnets.chain(groups).chain(endpoints).chain(vips).chain(routes).chain(eips)
}
