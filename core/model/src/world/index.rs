//! What leads from one resource to others, kept in step with every change.

use crate::Peer;
use crate::{
    Binding, DeploymentSetId, Eip, EipId, EipPoolId, EipTarget, Family, Host, HostId, HostNumber, Instance,
    InstanceId, Interface, InterfaceId, MacAddr, Map, Multimap, NextHop, PortNumber, Resource, ResourceKey,
    Route, RouteId, SecurityGroup, SecurityGroupId, Subnet, SubnetId, Target, Vip, VipId, Vni, Vpc, VpcId,
};
use std::net::{IpAddr, Ipv6Addr};

/// What has an address of a VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressUser {
    /// An interface, as its primary or a secondary address.
    Interface(InterfaceId),
    /// A VIP.
    Vip(VipId),
}

impl From<AddressUser> for ResourceKey {
    fn from(user: AddressUser) -> Self {
        match user {
            AddressUser::Interface(id) => Self::Interface(id),
            AddressUser::Vip(id) => Self::Vip(id),
        }
    }
}

/// All the ways through a [`World`](super::World) that are faster than looking at everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub vpc_by_vni: Map<Vni, VpcId>,
    pub subnets_of_vpc: Multimap<VpcId, SubnetId>,
    pub external_subnets_of_vpc: Multimap<VpcId, SubnetId>,
    /// Those of no VPC are under none.
    pub groups_of_vpc: Multimap<Option<VpcId>, SecurityGroupId>,
    pub default_group: Map<VpcId, SecurityGroupId>,
    pub interfaces_of_group: Multimap<SecurityGroupId, InterfaceId>,
    pub groups_naming: Multimap<SecurityGroupId, SecurityGroupId>,
    pub interfaces_of_vpc: Multimap<VpcId, InterfaceId>,
    pub interfaces_of_subnet: Multimap<SubnetId, InterfaceId>,
    pub interfaces_of_instance: Multimap<InstanceId, (u8, InterfaceId)>,
    pub interface_by_port: Map<PortNumber, InterfaceId>,
    pub interface_by_mac: Map<MacAddr, InterfaceId>,
    pub interfaces_on_host: Multimap<HostNumber, InterfaceId>,
    pub instances_on_host: Multimap<HostNumber, InstanceId>,
    pub instances_of_set: Multimap<DeploymentSetId, InstanceId>,
    pub placed: Multimap<(VpcId, HostNumber), InterfaceId>,
    pub hosts_of_vpc: Multimap<VpcId, HostNumber>,
    pub vpcs_of_host: Multimap<HostNumber, VpcId>,
    pub addresses: Map<(VpcId, IpAddr), AddressUser>,
    pub lowest_free: Map<(SubnetId, Family), FreeAddress>,
    pub vips_of_vpc: Multimap<VpcId, VipId>,
    pub vips_of_subnet: Multimap<SubnetId, VipId>,
    pub open_vips_of_subnet: Multimap<SubnetId, VipId>,
    pub vips_of_target: Multimap<Target, VipId>,
    pub eip_by_address: Map<IpAddr, EipId>,
    pub eips_of_target: Multimap<EipTarget, EipId>,
    pub eips_of_pool: Multimap<EipPoolId, EipId>,
    pub bound_eips_of_vpc: Multimap<VpcId, EipId>,
    pub routes_of_vpc: Multimap<VpcId, RouteId>,
    pub routes_via: Multimap<NextHop, RouteId>,
    pub host_by_id: Map<HostId, HostNumber>,
    pub host_by_underlay: Map<IpAddr, HostNumber>,
    pub edges: Multimap<(), HostNumber>,
    pub leaving: Multimap<(), (InterfaceId, HostNumber)>,
    pub left_vpc: Map<InterfaceId, VpcId>,
}

/// The lowest usable address of a subnet and family that nothing has; `next` beyond `last` means full.
///
/// Both families count in 128 bits, IPv4 as mapped addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FreeAddress {
    first: u128,
    last: u128,
    next: u128,
}

impl FreeAddress {
    pub fn get(&self) -> Option<IpAddr> {
        (self.next <= self.last).then(|| address(self.next))
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(bits: u128) -> IpAddr {
    Ipv6Addr::from_bits(bits).to_canonical()
}

impl Index {
    /// Forgets what the old form of a resource said and learns what the new one says.
    pub fn replace(&mut self, old: Option<&Resource>, new: Option<&Resource>) {
        if let Some(old) = old {
            self.set(old, false);
        }
        if let Some(new) = new {
            self.set(new, true);
        }
        let (had, has) =
            (old.map(Addresses::of).unwrap_or_default(), new.map(Addresses::of).unwrap_or_default());
        for lost in had.0.iter().filter(|address| !has.0.contains(address)) {
            self.free_address(*lost);
        }
        for gained in has.0.iter().filter(|address| !had.0.contains(address)) {
            self.use_address(*gained);
        }
    }

    fn set(&mut self, resource: &Resource, present: bool) {
        match resource {
            Resource::Vpc(vpc) => self.set_vpc(vpc, present),
            Resource::Subnet(subnet) => self.set_subnet(subnet, present),
            Resource::SecurityGroup(group) => self.set_group(group, present),
            Resource::Host(host) => self.set_host(host, present),
            Resource::Instance(instance) => self.set_instance(instance, present),
            Resource::Interface(interface) => self.set_interface(interface, present),
            Resource::Vip(vip) => self.set_vip(vip, present),
            Resource::ResourceGroup(_) | Resource::DeploymentSet(_) | Resource::EipPool(_) => {}
            Resource::Eip(eip) => self.set_eip(eip, present),
            Resource::Route(route) => self.set_route(route, present),
        }
    }

    fn set_vpc(&mut self, vpc: &Vpc, present: bool) {
        one(&mut self.vpc_by_vni, vpc.vni, vpc.id, present);
        for (interface, host) in vpc.left.iter().copied() {
            many(&mut self.leaving, (), (interface, host), present);
            one(&mut self.left_vpc, interface, vpc.id, present);
            self.place(vpc.id, host, interface, present);
        }
    }

    /// A host belongs to a VPC while an interface of it has to do with that host.
    fn place(&mut self, vpc: VpcId, host: HostNumber, interface: InterfaceId, present: bool) {
        many(&mut self.placed, (vpc, host), interface, present);
        let is_member = self.placed.count(&(vpc, host)) > 0;
        many(&mut self.hosts_of_vpc, vpc, host, is_member);
        many(&mut self.vpcs_of_host, host, vpc, is_member);
    }

    fn set_subnet(&mut self, subnet: &Subnet, present: bool) {
        many(&mut self.subnets_of_vpc, subnet.vpc, subnet.id, present);
        if subnet.external.is_some() {
            many(&mut self.external_subnets_of_vpc, subnet.vpc, subnet.id, present);
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            match subnet.range(family).filter(|_| present) {
                Some((_, first, last)) => {
                    let (first, last) = (bits(first), bits(last));
                    let next = self.next_free(subnet.vpc, first, last);
                    self.lowest_free.insert((subnet.id, family), FreeAddress { first, last, next });
                }
                None => self.lowest_free.remove(&(subnet.id, family)),
            }
        }
    }

    fn set_group(&mut self, group: &SecurityGroup, present: bool) {
        many(&mut self.groups_of_vpc, group.vpc, group.id, present);
        if let (true, Some(vpc)) = (group.is_default, group.vpc) {
            one(&mut self.default_group, vpc, group.id, present);
        }
        for rule in &group.rules {
            if let Peer::Group(named) = rule.peer {
                many(&mut self.groups_naming, named, group.id, present);
            }
        }
    }

    fn set_host(&mut self, host: &Host, present: bool) {
        one(&mut self.host_by_id, host.id, host.number, present);
        one(&mut self.host_by_underlay, host.underlay, host.number, present);
        if host.edge_device.is_some() {
            many(&mut self.edges, (), host.number, present);
        }
    }

    fn set_instance(&mut self, instance: &Instance, present: bool) {
        many(&mut self.instances_on_host, instance.host, instance.id, present);
        if let Some(set) = instance.deployment_set {
            many(&mut self.instances_of_set, set, instance.id, present);
        }
    }

    fn set_interface(&mut self, interface: &Interface, present: bool) {
        let (id, vpc) = (interface.id, interface.vpc);
        many(&mut self.interfaces_of_vpc, vpc, id, present);
        many(&mut self.interfaces_of_subnet, interface.subnet, id, present);
        for group in &interface.groups {
            many(&mut self.interfaces_of_group, *group, id, present);
        }
        one(&mut self.interface_by_port, interface.port, id, present);
        one(&mut self.interface_by_mac, interface.mac, id, present);
        if let Some(instance) = interface.instance {
            many(&mut self.interfaces_of_instance, instance, (interface.position, id), present);
        }
        if let Some(left) = interface.left {
            many(&mut self.leaving, (), (id, left), present);
        }
        for host in interface.places() {
            many(&mut self.interfaces_on_host, host, id, present);
            self.place(vpc, host, id, present);
        }
    }

    fn set_vip(&mut self, vip: &Vip, present: bool) {
        many(&mut self.vips_of_vpc, vip.vpc, vip.id, present);
        many(&mut self.vips_of_subnet, vip.subnet, vip.id, present);
        if vip.binding == Binding::Subnet {
            many(&mut self.open_vips_of_subnet, vip.subnet, vip.id, present);
        }
        for association in &vip.associations {
            many(&mut self.vips_of_target, association.target, vip.id, present);
        }
    }

    fn set_eip(&mut self, eip: &Eip, present: bool) {
        one(&mut self.eip_by_address, eip.address, eip.id, present);
        many(&mut self.eips_of_pool, eip.pool, eip.id, present);
        if let Some(target) = eip.target {
            many(&mut self.eips_of_target, target, eip.id, present);
        }
        if let Some(vpc) = eip.vpc {
            many(&mut self.bound_eips_of_vpc, vpc, eip.id, present);
        }
    }

    fn set_route(&mut self, route: &Route, present: bool) {
        many(&mut self.routes_of_vpc, route.vpc, route.id, present);
        many(&mut self.routes_via, route.next_hop, route.id, present);
    }

    fn use_address(&mut self, Used { vpc, subnet, address, user }: Used) {
        self.addresses.insert((vpc, address), user);
        let key = (subnet, Family::of(address));
        let Some(free) = self.lowest_free.get(&key).copied() else { return };
        if free.next == bits(address) {
            let next = self.next_free(vpc, free.next + 1, free.last);
            self.lowest_free.insert(key, FreeAddress { next, ..free });
        }
    }

    fn free_address(&mut self, Used { vpc, subnet, address, user }: Used) {
        if self.addresses.get(&(vpc, address)) != Some(&user) {
            return; // moved: whoever has it now was learned before
        }
        self.addresses.remove(&(vpc, address));
        let key = (subnet, Family::of(address));
        let Some(free) = self.lowest_free.get(&key).copied() else { return };
        let next = bits(address);
        if (free.first..free.next).contains(&next) {
            self.lowest_free.insert(key, FreeAddress { next, ..free });
        }
    }

    /// The first address of a range that nothing has; the one behind the range if all are in use.
    fn next_free(&self, vpc: VpcId, from: u128, last: u128) -> u128 {
        let mut next = from;
        while next <= last && self.addresses.contains_key(&(vpc, address(next))) {
            next += 1;
        }
        next
    }
}

/// The use of one address.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Used {
    vpc: VpcId,
    subnet: SubnetId,
    address: IpAddr,
    user: AddressUser,
}

/// The addresses that a resource uses.
#[derive(Default)]
struct Addresses(Vec<Used>);

impl Addresses {
    fn of(resource: &Resource) -> Self {
        Self(match resource {
            Resource::Interface(interface) => interface
                .addresses()
                .map(|address| Used {
                    vpc: interface.vpc,
                    subnet: interface.subnet,
                    address,
                    user: AddressUser::Interface(interface.id),
                })
                .collect(),
            Resource::Vip(vip) => {
                vec![Used {
                    vpc: vip.vpc,
                    subnet: vip.subnet,
                    address: vip.address(),
                    user: AddressUser::Vip(vip.id),
                }]
            }
            _ => Vec::new(),
        })
    }
}

fn one<K: Ord + Clone, V: PartialEq>(map: &mut Map<K, V>, key: K, value: V, present: bool) {
    if present {
        map.insert(key, value);
    } else if map.get(&key) == Some(&value) {
        map.remove(&key); // else it was taken over in the same change
    }
}

fn many<K: Ord + Clone, V: Ord + Clone>(map: &mut Multimap<K, V>, key: K, value: V, present: bool) {
    match present {
        true => map.insert(key, value),
        false => map.remove(&key, &value),
    }
}
