//! Items: one piece of what a host must know.

use super::field::{self, present};
use super::group::{group, group_message};
use super::key::{key, key_text};
use super::record::{vip_key, vip_key_message};
use super::{ConvertError, address, address_bytes, mac, mac_bytes};
use crate::proto::{self, change::Item as Body};
use havip_model::{Binding, Contention, Driver, HostNumber, InitSystem, PortState, PowerState};
use havip_reconcile::item::{
    Arrival, EipItem, EipPoolItem, EndpointItem, Entitlement, ExternalItem, HostItem, InstanceItem, Item,
    ItemKey, PortItem, RouteItem, SubnetItem, VipItem, VpcItem,
};

/// What a [`proto::Change`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// This is the item from now on.
    Is(Item),
    /// There is no such item any more.
    Gone(ItemKey),
}

impl TryFrom<proto::Change> for Changed {
    type Error = ConvertError;

    fn try_from(message: proto::Change) -> Result<Self, ConvertError> {
        let named = key(&message.key)?;
        let item = match present("item", message.item)? {
            Body::Gone(_) => return Ok(Self::Gone(named)),
            body => item(body).map_err(|error| error.within(&message.key))?,
        };
        if item.key() != named {
            return Err(ConvertError::new(
                "key",
                format!("is {:?} on {}", message.key, key_text(&item.key())),
            ));
        }
        Ok(Self::Is(item))
    }
}

/// The end of an item.
pub fn gone(key: &ItemKey) -> proto::Change {
    proto::Change { key: key_text(key), item: Some(Body::Gone(true)) }
}

/// An item as it is from now on.
pub fn change(item: &Item) -> proto::Change {
    let body = match item {
        Item::Host(host) => Body::Host(proto::HostItem {
            number: host.number.get(),
            name: host.name.clone(),
            underlay: address_bytes(host.underlay),
            peer_endpoint: host.peer_endpoint.clone(),
            is_edge: host.is_edge,
        }),
        Item::Vpc(vpc) => Body::Vpc(proto::VpcItem {
            id: vpc.id.to_string(),
            vni: vpc.vni.get(),
            virtual_mac: mac_bytes(vpc.virtual_mac),
            members: vpc.members.iter().map(|host| host.get()).collect(),
        }),
        Item::Subnet(subnet) => Body::Subnet(proto::SubnetItem {
            id: subnet.id.to_string(),
            number: subnet.number.get(),
            vni: subnet.vni.get(),
            cidrs: subnet.cidrs.iter().copied().map(field::prefix_message).collect(),
            gateways: field::addresses_bytes(&subnet.gateways),
            virtual_mac: mac_bytes(subnet.virtual_mac),
            external: subnet.external.as_ref().map(|external| proto::ExternalItem {
                vlan: external.vlan.map_or(0, u32::from),
                incarnation: external.incarnation.0,
                edges: external.edges.iter().map(|host| host.get()).collect(),
            }),
        }),
        Item::Group(group) => Body::SecurityGroup(group_message(group)),
        Item::Endpoint(endpoint) => Body::Endpoint(proto::EndpointItem {
            interface: endpoint.interface.to_string(),
            port: endpoint.port.get(),
            vni: endpoint.vni.get(),
            subnet: endpoint.subnet.get(),
            host: endpoint.host.map_or(0, |host| host.get()),
            mac: mac_bytes(endpoint.mac),
            addresses: field::addresses_bytes(&endpoint.addresses),
            source_dest_check: endpoint.source_dest_check,
            instance: endpoint.instance.map_or_else(String::new, |id| id.to_string()),
            groups: endpoint.groups.iter().map(|group| group.get()).collect(),
        }),
        Item::Vip(vip) => Body::Vip(vip_message(vip)),
        Item::Route(route) => Body::Route(proto::RouteItem {
            id: route.id.to_string(),
            vni: route.vni.get(),
            destination: Some(field::prefix_message(route.destination)),
            next_hop: address_bytes(route.next_hop),
        }),
        Item::EipPool(pool) => Body::EipPool(proto::EipPoolItem {
            id: pool.id.to_string(),
            cidrs: pool.cidrs.iter().copied().map(field::prefix_message).collect(),
            gateway: pool.gateway.map_or_else(Vec::new, address_bytes),
        }),
        Item::Eip(eip) => Body::Eip(proto::EipItem {
            id: eip.id.to_string(),
            address: address_bytes(eip.address),
            vni: eip.vni.get(),
            target: address_bytes(eip.target),
            incarnation: eip.incarnation.0,
            bandwidth_mbps: eip.bandwidth_mbps.unwrap_or(0),
            edges: eip.edges.iter().map(|host| host.get()).collect(),
        }),
        Item::Port(port) => Body::Port(port_message(port)),
        Item::Instance(instance) => Body::Instance(proto::InstanceItem {
            id: instance.id.to_string(),
            name: instance.name.clone(),
            driver: field::word_text(instance.driver, DRIVERS),
            cpu_millis: instance.cpu_millis,
            memory_mib: instance.memory_mib,
            user_data: instance.user_data.clone(),
            power: field::word_text(instance.power, POWERS),
            starts: instance.starts,
            image: instance.image.clone().unwrap_or_default(),
            init: field::word_text(instance.init, INITS),
            goes_to: instance.goes_to.map_or(0, HostNumber::get),
        }),
    };
    proto::Change { key: key_text(&item.key()), item: Some(body) }
}

fn vip_message(vip: &VipItem) -> proto::VipItem {
    proto::VipItem {
        id: vip.id.to_string(),
        key: Some(vip_key_message(vip.key)),
        subnet: vip.subnet.get(),
        incarnation: vip.incarnation.0,
        subnet_binding: vip.binding == Binding::Subnet,
        contention: field::word_text(vip.contention, CONTENTIONS),
        assist: vip.assist,
        entitled: vip
            .entitled
            .iter()
            .map(|one| proto::Entitlement { port: one.port.get(), direct_return: one.direct_return })
            .collect(),
        advert_sources: field::addresses_bytes(&vip.advert_sources),
    }
}

fn port_message(port: &PortItem) -> proto::PortItem {
    proto::PortItem {
        interface: port.interface.to_string(),
        port: port.port.get(),
        vni: port.vni.get(),
        subnet: port.subnet.get(),
        mac: mac_bytes(port.mac),
        virtual_mac: mac_bytes(port.virtual_mac),
        addresses: port.addresses.iter().copied().map(field::prefix_message).collect(),
        gateways: field::addresses_bytes(&port.gateways),
        mtu: port.mtu.into(),
        source_dest_check: port.source_dest_check,
        state: field::word_text(port.state, PORT_STATES),
        device: port.device.clone().unwrap_or_default(),
        instance: port.instance.map_or_else(String::new, |(id, _)| id.to_string()),
        position: port.instance.map_or(0, |(_, position)| position.into()),
        arrives_host: port.arrives.as_ref().map_or(0, |arrival| arrival.host.get()),
        arrives_device: port.arrives.as_ref().and_then(|arrival| arrival.device.clone()).unwrap_or_default(),
        groups: port.groups.iter().map(|group| group.to_string()).collect(),
    }
}

fn item(body: Body) -> Result<Item, ConvertError> {
    Ok(match body {
        Body::Host(host) => Item::Host(HostItem {
            number: field::number("number", host.number)?,
            name: host.name,
            underlay: address("underlay", &host.underlay)?,
            peer_endpoint: host.peer_endpoint,
            is_edge: host.is_edge,
        }),
        Body::Vpc(vpc) => Item::Vpc(VpcItem {
            id: field::text("id", &vpc.id)?,
            vni: field::number("vni", vpc.vni)?,
            virtual_mac: mac("virtual_mac", &vpc.virtual_mac)?,
            members: field::numbers("members", &vpc.members)?,
        }),
        Body::Subnet(subnet) => Item::Subnet(SubnetItem {
            id: field::text("id", &subnet.id)?,
            number: field::number("number", subnet.number)?,
            vni: field::number("vni", subnet.vni)?,
            cidrs: field::prefixes("cidrs", &subnet.cidrs)?,
            gateways: field::addresses("gateways", &subnet.gateways)?,
            virtual_mac: mac("virtual_mac", &subnet.virtual_mac)?,
            external: subnet.external.map(external).transpose()?,
        }),
        Body::Endpoint(endpoint) => Item::Endpoint(EndpointItem {
            interface: field::text("interface", &endpoint.interface)?,
            port: field::number("port", endpoint.port)?,
            vni: field::number("vni", endpoint.vni)?,
            subnet: field::number("subnet", endpoint.subnet)?,
            host: field::optional_number("host", endpoint.host)?,
            mac: mac("mac", &endpoint.mac)?,
            addresses: field::addresses("addresses", &endpoint.addresses)?,
            source_dest_check: endpoint.source_dest_check,
            instance: match endpoint.instance.as_str() {
                "" => None,
                id => Some(field::text("instance", id)?),
            },
            groups: field::numbers("groups", &endpoint.groups)?,
        }),
        Body::SecurityGroup(message) => Item::Group(group(message)?),
        Body::Vip(message) => Item::Vip(vip(message)?),
        Body::Route(route) => Item::Route(RouteItem {
            id: field::text("id", &route.id)?,
            vni: field::number("vni", route.vni)?,
            destination: field::prefix("destination", &present("destination", route.destination)?)?,
            next_hop: address("next_hop", &route.next_hop)?,
        }),
        Body::EipPool(pool) => Item::EipPool(EipPoolItem {
            id: field::text("id", &pool.id)?,
            cidrs: field::prefixes("cidrs", &pool.cidrs)?,
            gateway: field::optional_address("gateway", &pool.gateway)?,
        }),
        Body::Eip(eip) => Item::Eip(EipItem {
            id: field::text("id", &eip.id)?,
            address: address("address", &eip.address)?,
            vni: field::number("vni", eip.vni)?,
            target: address("target", &eip.target)?,
            incarnation: havip_model::Incarnation(eip.incarnation),
            bandwidth_mbps: (eip.bandwidth_mbps != 0).then_some(eip.bandwidth_mbps),
            edges: field::numbers("edges", &eip.edges)?,
        }),
        Body::Port(message) => Item::Port(port(message)?),
        Body::Instance(instance) => Item::Instance(InstanceItem {
            id: field::text("id", &instance.id)?,
            name: instance.name,
            driver: field::word("driver", &instance.driver, DRIVERS)?,
            cpu_millis: instance.cpu_millis,
            memory_mib: instance.memory_mib,
            user_data: instance.user_data,
            power: field::word("power", &instance.power, POWERS)?,
            starts: instance.starts,
            image: (!instance.image.is_empty()).then_some(instance.image),
            init: match instance.init.as_str() {
                "" => InitSystem::Minimal, // a server of an earlier version
                word => field::word("init", word, INITS)?,
            },
            goes_to: field::optional_number("goes_to", instance.goes_to)?,
        }),
        Body::Gone(_) => return Err(ConvertError::new("item", "is gone, which is no item")),
    })
}

fn external(message: proto::ExternalItem) -> Result<ExternalItem, ConvertError> {
    let vlan: u16 = field::number("external.vlan", message.vlan)?;
    Ok(ExternalItem {
        vlan: (vlan != 0).then_some(vlan),
        incarnation: havip_model::Incarnation(message.incarnation),
        edges: field::numbers("external.edges", &message.edges)?,
    })
}

fn vip(message: proto::VipItem) -> Result<VipItem, ConvertError> {
    let entitled = message.entitled.iter().enumerate().map(|(at, one)| {
        let port = field::number(&format!("entitled[{at}].port"), one.port)?;
        Ok(Entitlement { port, direct_return: one.direct_return })
    });
    Ok(VipItem {
        id: field::text("id", &message.id)?,
        key: vip_key(&present("key", message.key)?).map_err(|error| error.within("key"))?,
        subnet: field::number("subnet", message.subnet)?,
        incarnation: havip_model::Incarnation(message.incarnation),
        binding: if message.subnet_binding { Binding::Subnet } else { Binding::Associated },
        contention: field::word("contention", &message.contention, CONTENTIONS)?,
        assist: message.assist,
        entitled: entitled.collect::<Result<_, _>>()?,
        advert_sources: field::addresses("advert_sources", &message.advert_sources)?,
    })
}

fn port(message: proto::PortItem) -> Result<PortItem, ConvertError> {
    let instance = match message.instance.as_str() {
        "" => None,
        id => Some((field::text("instance", id)?, field::number("position", message.position)?)),
    };
    Ok(PortItem {
        interface: field::text("interface", &message.interface)?,
        port: field::number("port", message.port)?,
        vni: field::number("vni", message.vni)?,
        subnet: field::number("subnet", message.subnet)?,
        mac: mac("mac", &message.mac)?,
        virtual_mac: mac("virtual_mac", &message.virtual_mac)?,
        addresses: field::prefixes("addresses", &message.addresses)?,
        gateways: field::addresses("gateways", &message.gateways)?,
        mtu: field::number("mtu", message.mtu)?,
        source_dest_check: message.source_dest_check,
        state: field::word("state", &message.state, PORT_STATES)?,
        device: (!message.device.is_empty()).then_some(message.device),
        instance,
        arrives: field::optional_number("arrives_host", message.arrives_host)?.map(|host| Arrival {
            host,
            device: (!message.arrives_device.is_empty()).then_some(message.arrives_device),
        }),
        groups: message.groups.iter().map(|id| field::text("groups", id)).collect::<Result<_, _>>()?,
    })
}

const CONTENTIONS: &[(&str, Contention)] = &[("hold", Contention::Hold), ("follow", Contention::Follow)];
const DRIVERS: &[(&str, Driver)] =
    &[("namespace", Driver::Namespace), ("qemu", Driver::Qemu), ("external", Driver::External)];
const INITS: &[(&str, InitSystem)] = &[("minimal", InitSystem::Minimal), ("systemd", InitSystem::Systemd)];
const POWERS: &[(&str, PowerState)] = &[
    ("running", PowerState::Running),
    ("stopped", PowerState::Stopped),
    ("powered-off", PowerState::PoweredOff),
];
const PORT_STATES: &[(&str, PortState)] = &[
    ("inactive", PortState::Inactive),
    ("active", PortState::Active),
    ("migrating-out", PortState::MigratingOut),
];
