//! What an item says, the same for every host that needs it.

use crate::item::{
    Arrival, EipItem, EipPoolItem, EndpointItem, Entitlement, ExternalItem, GroupItem, HostItem,
    InstanceItem, Item, ItemKey, PortItem, RouteItem, SubnetItem, VipItem, VpcItem,
};
use havip_groups::GroupRule;
use havip_model::{
    AssociationMode, Binding, Eip, EipTarget, Family, Instance, Interface, NextHop, PortNumber, Route,
    Subnet, Target, Vip, World,
};
use ipnet::IpNet;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What stands under a key; nothing if its resource, or something that it cannot do without, is not there.
pub(super) fn content(world: &World, key: ItemKey) -> Option<Item> {
    Some(match key {
        ItemKey::Host(number) => {
            let host = world.hosts.get(&number)?;
            Item::Host(HostItem {
                number,
                name: host.meta.name.clone(),
                underlay: host.underlay,
                peer_endpoint: host.peer_endpoint.clone(),
                is_edge: host.edge_device.is_some(),
            })
        }
        ItemKey::Vpc(id) => {
            let vpc = world.vpcs.get(&id)?;
            let members = super::members(world, id).into_iter().collect();
            Item::Vpc(VpcItem { id, vni: vpc.vni, virtual_mac: vpc.virtual_mac, members })
        }
        ItemKey::Subnet(id) => Item::Subnet(subnet(world, world.subnets.get(&id)?)?),
        ItemKey::Group(id) => {
            let group = world.groups.get(&id)?;
            let number = |id| world.groups.get(&id).map(|group| group.number);
            Item::Group(GroupItem {
                id,
                number: group.number,
                edition: group.edition,
                rules: GroupRule::of(group, number),
            })
        }
        ItemKey::Endpoint(id) => Item::Endpoint(endpoint(world, world.interfaces.get(&id)?)?),
        ItemKey::Vip(id) => Item::Vip(vip(world, world.vips.get(&id)?)?),
        ItemKey::Route(id) => Item::Route(route(world, world.routes.get(&id)?)?),
        ItemKey::EipPool(id) => {
            let pool = world.pools.get(&id)?;
            Item::EipPool(EipPoolItem { id, cidrs: pool.cidrs().collect(), gateway: pool.gateway })
        }
        ItemKey::Eip(id) => Item::Eip(eip(world, world.eips.get(&id)?)?),
        ItemKey::Port(id) => Item::Port(port(world, world.interfaces.get(&id)?)?),
        ItemKey::Instance(id) => Item::Instance(instance(world, world.instances.get(&id)?)),
    })
}

fn subnet(world: &World, subnet: &Subnet) -> Option<SubnetItem> {
    let vpc = world.vpcs.get(&subnet.vpc)?;
    Some(SubnetItem {
        id: subnet.id,
        number: subnet.number,
        vni: vpc.vni,
        cidrs: cidrs(subnet).collect(),
        gateways: with6(subnet.own_address(), subnet.own_address6()),
        virtual_mac: vpc.virtual_mac,
        external: subnet.external.map(|external| ExternalItem {
            vlan: external.vlan,
            incarnation: external.incarnation,
            edges: world.edges().collect(),
        }),
    })
}

fn endpoint(world: &World, interface: &Interface) -> Option<EndpointItem> {
    Some(EndpointItem {
        interface: interface.id,
        port: interface.port,
        vni: world.vpcs.get(&interface.vpc)?.vni,
        subnet: world.subnets.get(&interface.subnet)?.number,
        host: interface.host,
        mac: interface.mac,
        addresses: interface.addresses().collect(),
        source_dest_check: interface.source_dest_check,
        instance: interface.instance,
        groups: interface.groups.iter().filter_map(|id| Some(world.groups.get(id)?.number)).collect(),
    })
}

fn vip(world: &World, vip: &Vip) -> Option<VipItem> {
    Some(VipItem {
        id: vip.id,
        key: vip.key,
        subnet: world.subnets.get(&vip.subnet)?.number,
        incarnation: vip.incarnation,
        binding: vip.binding,
        contention: vip.contention,
        assist: vip.assist,
        entitled: entitled(world, vip),
        advert_sources: vip.advert_sources.clone(),
    })
}

/// The ports that may claim a VIP or send from it, in order.
///
/// An associated instance entitles all its interfaces in the VIP's subnet; the binding `subnet` entitles
/// every interface of the subnet (rule C2).
fn entitled(world: &World, vip: &Vip) -> Vec<Entitlement> {
    let mut ports: BTreeMap<PortNumber, bool> = BTreeMap::new();
    if vip.binding == Binding::Subnet {
        ports.extend(world.interfaces_of_subnet(vip.subnet).map(|interface| (interface.port, false)));
    }
    for association in &vip.associations {
        let direct_return = association.mode == AssociationMode::DirectReturn;
        let mut entitle = |interface: &Interface| {
            if interface.subnet == vip.subnet {
                *ports.entry(interface.port).or_default() |= direct_return;
            }
        };
        match association.target {
            Target::Instance(id) => world.interfaces_of(id).for_each(entitle),
            Target::Interface(id) => world.interfaces.get(&id).into_iter().for_each(&mut entitle),
        }
    }
    ports.into_iter().map(|(port, direct_return)| Entitlement { port, direct_return }).collect()
}

fn route(world: &World, route: &Route) -> Option<RouteItem> {
    let next_hop = match route.next_hop {
        NextHop::Vip(id) => world.vips.get(&id)?.address(),
        NextHop::Interface(id) => {
            world.interfaces.get(&id)?.primary_of(Family::of(route.destination.addr()))?
        }
    };
    Some(RouteItem {
        id: route.id,
        vni: world.vpcs.get(&route.vpc)?.vni,
        destination: route.destination,
        next_hop,
    })
}

fn eip(world: &World, eip: &Eip) -> Option<EipItem> {
    let target = match eip.target? {
        EipTarget::Vip(id) => world.vips.get(&id)?.address(),
        target => world.interface_of(target)?.primary_of(Family::of(eip.address))?,
    };
    Some(EipItem {
        id: eip.id,
        address: eip.address,
        vni: world.vpcs.get(&eip.vpc?)?.vni,
        target,
        incarnation: eip.incarnation,
        bandwidth_mbps: eip.bandwidth_mbps,
        edges: world.edges().collect(),
    })
}

fn port(world: &World, interface: &Interface) -> Option<PortItem> {
    let (vpc, subnet) = (world.vpcs.get(&interface.vpc)?, world.subnets.get(&interface.subnet)?);
    let host = world.hosts.get(&interface.host?)?;
    let with_prefix = |address: IpAddr| {
        let cidr = cidrs(subnet).find(|cidr| cidr.contains(&address))?;
        IpNet::new(address, cidr.prefix_len()).ok()
    };
    Some(PortItem {
        interface: interface.id,
        port: interface.port,
        vni: vpc.vni,
        subnet: subnet.number,
        mac: interface.mac,
        virtual_mac: vpc.virtual_mac,
        addresses: interface.addresses().filter_map(with_prefix).collect(),
        gateways: with6(subnet.gateway, subnet.gateway6),
        mtu: host.guest_mtu,
        source_dest_check: interface.source_dest_check,
        state: interface.port_state,
        device: interface.device.clone(),
        instance: interface.instance.map(|instance| (instance, interface.position)),
        arrives: interface
            .migration
            .as_ref()
            .map(|migration| Arrival { host: migration.to, device: migration.device.clone() }),
        groups: interface.groups.clone(),
    })
}

fn instance(world: &World, instance: &Instance) -> InstanceItem {
    InstanceItem {
        id: instance.id,
        name: host_name(instance),
        driver: instance.driver,
        image: instance.image.clone(),
        init: instance.init,
        cpu_millis: instance.cpu_millis,
        memory_mib: instance.memory_mib,
        user_data: instance.user_data.clone(),
        power: instance.power,
        starts: instance.starts,
        goes_to: super::goes_to(world, instance),
    }
}

/// The instance's name as a label that RFC 1123 section 2.1 allows, or its id if nothing of it remains.
fn host_name(instance: &Instance) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let label: String = instance.meta.name.chars().map(letter).take(63).collect();
    match label.trim_matches('-') {
        "" => instance.id.to_string(),
        label => label.into(),
    }
}

fn cidrs(subnet: &Subnet) -> impl Iterator<Item = IpNet> {
    [IpNet::V4(subnet.cidr)].into_iter().chain(subnet.cidr6.map(IpNet::V6))
}

/// An IPv4 address, and the one of IPv6 if there is one.
fn with6(four: Ipv4Addr, six: Option<Ipv6Addr>) -> Vec<IpAddr> {
    [IpAddr::V4(four)].into_iter().chain(six.map(IpAddr::V6)).collect()
}
