//! What a change means to each host, without looking at everything.

use super::{content, guards, keys_of, members, needs};
use crate::item::{Item, ItemKey};
use havip_model::{
    Change, EipTarget, HostNumber, Interface, NextHop, Resource, ResourceKey, Target, VpcId, World,
};
use std::collections::{BTreeMap, BTreeSet};

/// One item that some hosts must know anew, or must forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub key: ItemKey,
    /// What it says now; none if these hosts must forget it.
    pub item: Option<Item>,
    /// Whom it concerns, lowest number first; never empty.
    pub hosts: Vec<HostNumber>,
}

/// What a change means to each host: exactly the difference between the full views before and after it.
///
/// `after` must be `before` with the change applied. Takes time by what the change touches, not by the size
/// of the world: a new VIP costs one item and the list of its VPC's hosts.
pub fn affected(before: &World, after: &World, change: &Change) -> Vec<Difference> {
    let mut candidates = Candidates::default();
    for world in [before, after] {
        for key in change.deletes.iter().copied().chain(change.puts.iter().map(Resource::key)) {
            candidates.resource(world, key);
        }
    }
    for vpc in std::mem::take(&mut candidates.vpcs) {
        candidates.membership(before, after, vpc);
    }
    candidates.keys.into_iter().flat_map(|(key, hosts)| compare(before, after, key, hosts)).collect()
}

fn compare(
    before: &World,
    after: &World,
    key: ItemKey,
    hosts: BTreeSet<HostNumber>,
) -> impl Iterator<Item = Difference> {
    let (was, is) = (content(before, key), content(after, key));
    let (mut learn, mut forget) = (Vec::new(), Vec::new());
    for host in hosts {
        let had = was.is_some() && needs(before, host, key);
        let has = is.is_some() && needs(after, host, key);
        match (had, has) {
            (true, true) if was == is => {}
            (_, true) => learn.push(host),
            (true, false) => forget.push(host),
            (false, false) => {}
        }
    }
    [Difference { key, item: is, hosts: learn }, Difference { key, item: None, hosts: forget }]
        .into_iter()
        .filter(|difference| !difference.hosts.is_empty())
}

/// What may have changed, and for whom; more than has.
#[derive(Default)]
struct Candidates {
    keys: BTreeMap<ItemKey, BTreeSet<HostNumber>>,
    /// VPCs whose members may have changed.
    vpcs: BTreeSet<VpcId>,
}

impl Candidates {
    fn add(&mut self, key: ItemKey, hosts: impl IntoIterator<Item = HostNumber>) {
        self.keys.entry(key).or_default().extend(hosts);
    }

    /// Everything that says something of a resource. What never changes (a VPC's VNI and MAC, a VIP's address) is
    /// not followed further; a subnet may get addresses of IPv6 that its ports have to know.
    fn resource(&mut self, world: &World, key: ResourceKey) {
        match key {
            // No host hears of them.
            ResourceKey::ResourceGroup(_) | ResourceKey::DeploymentSet(_) => {}
            ResourceKey::Vpc(id) => {
                self.add(ItemKey::Vpc(id), members(world, id));
                self.vpcs.insert(id);
            }
            ResourceKey::Subnet(id) => {
                let Some(subnet) = world.subnets.get(&id) else { return };
                self.add(ItemKey::Subnet(id), members(world, subnet.vpc));
                if subnet.external.is_some() {
                    self.vpcs.insert(subnet.vpc);
                }
                world
                    .interfaces_of_subnet(id)
                    .for_each(|interface| self.add(ItemKey::Port(interface.id), interface.host));
            }
            ResourceKey::SecurityGroup(id) => {
                let named = world.groups_naming(id).chain([id]);
                named.for_each(|group| self.add(ItemKey::Group(group), guards(world, group)));
            }
            ResourceKey::Host(number) => self.host(world, number),
            ResourceKey::Instance(id) => {
                let Some(instance) = world.instances.get(&id) else { return };
                self.add(ItemKey::Instance(id), [instance.host]);
            }
            ResourceKey::Interface(id) => {
                let Some(interface) = world.interfaces.get(&id) else { return };
                self.interface(world, interface);
            }
            ResourceKey::Vip(id) => {
                let Some(vip) = world.vips.get(&id) else { return };
                self.add(ItemKey::Vip(id), members(world, vip.vpc));
            }
            ResourceKey::EipPool(id) => self.add(ItemKey::EipPool(id), world.edges()),
            ResourceKey::Eip(id) => {
                let Some(vpc) = world.eips.get(&id).and_then(|eip| eip.vpc) else { return };
                self.add(ItemKey::Eip(id), members(world, vpc));
                self.vpcs.insert(vpc);
            }
            ResourceKey::Route(id) => {
                let Some(route) = world.routes.get(&id) else { return };
                self.add(ItemKey::Route(id), members(world, route.vpc));
            }
        }
    }

    fn interface(&mut self, world: &World, interface: &Interface) {
        let (id, instance) = (interface.id, interface.instance);
        let hosts = members(world, interface.vpc);
        let by_instance = instance.into_iter().flat_map(|instance| world.vips_of(Target::Instance(instance)));
        let vips = world
            .vips_of(Target::Interface(id))
            .chain(by_instance)
            .chain(world.open_vips_of(interface.subnet));
        vips.for_each(|vip| self.add(ItemKey::Vip(vip.id), hosts.iter().copied()));
        world
            .routes_via(NextHop::Interface(id))
            .for_each(|route| self.add(ItemKey::Route(route.id), hosts.iter().copied()));
        let targets = [EipTarget::Interface(id)].into_iter().chain(instance.map(EipTarget::Instance));
        targets
            .flat_map(|target| world.eips_to(target))
            .for_each(|eip| self.add(ItemKey::Eip(eip.id), hosts.iter().copied()));
        if let Some(instance) = instance {
            self.add(ItemKey::Instance(instance), interface.places());
        }
        self.add(ItemKey::Port(id), interface.places());
        self.add(ItemKey::Endpoint(id), hosts);
        self.vpcs.insert(interface.vpc);
    }

    /// A host changes seldom: everything that may name it is looked at.
    fn host(&mut self, world: &World, number: HostNumber) {
        let Some(host) = world.hosts.get(&number) else { return };
        self.add(ItemKey::Host(number), [number]);
        world.common_groups().for_each(|group| self.add(ItemKey::Group(group.id), [number]));
        for vpc in super::needed(world, number) {
            self.add(ItemKey::Host(number), members(world, vpc));
        }
        world.interfaces_on(number).for_each(|interface| self.add(ItemKey::Port(interface.id), [number]));
        if host.edge_device.is_some() {
            world.pools.keys().for_each(|pool| self.add(ItemKey::EipPool(*pool), [number]));
            for vpc in world.vpcs_with_outside() {
                let hosts = members(world, vpc);
                let external = world.external_subnets_of(vpc);
                external.for_each(|subnet| self.add(ItemKey::Subnet(subnet.id), hosts.iter().copied()));
                world.eips_into(vpc).for_each(|eip| self.add(ItemKey::Eip(eip.id), hosts.iter().copied()));
                self.vpcs.insert(vpc);
            }
        }
    }

    /// Hosts that join or leave a VPC learn or forget all of it, and the others learn or forget them.
    fn membership(&mut self, before: &World, after: &World, vpc: VpcId) {
        let (were, are) = (members(before, vpc), members(after, vpc));
        let all: BTreeSet<_> = were.union(&are).copied().collect();
        for host in were.symmetric_difference(&are).copied() {
            self.add(ItemKey::Vpc(vpc), all.iter().copied());
            self.add(ItemKey::Host(host), all.iter().copied());
            all.iter().for_each(|other| self.add(ItemKey::Host(*other), [host]));
            let keys = keys_of(before, vpc).chain(keys_of(after, vpc));
            keys.for_each(|key| self.add(key, [host]));
        }
    }
}
