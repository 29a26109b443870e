//! Bytes to entries.

use super::encode::{
    CHECKED, GATEWAY, HOLD, INTERFACE, PORT_AWAITED, PORT_CHECKED, PRIMARY, SEGMENT, SUBNET_BINDING, VETH,
    VIP,
};
use crate::layout::{self, AddressKey, AddressPortKey, Plain, address, some_address};
use havip_model::{
    Edition, GroupNumber, HostNumber, Incarnation, MacAddr, PortNumber, PortState, SubnetNumber, VipKey, Vni,
};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::IpAddr;

/// The maps that hold entries; the others are made from them.
pub const MAPS: [&str; 15] = [
    "hosts",
    "members",
    "relayed",
    "subnets",
    "addresses",
    "macs",
    "entitled",
    "advert_sources",
    "routes",
    "eips",
    "nats",
    "pools",
    "segments",
    "memberships",
    "ports",
];

/// The entry that stands there; `Some(None)` for an index of another entry, none if the bytes make no sense.
pub fn entry(map: &str, key: &[u8], value: &[u8]) -> Option<Option<(EntryKey, Entry)>> {
    let number = || u32::read(key);
    Some(Some(match map {
        "hosts" => {
            let host = layout::Host::read(value)?;
            (
                EntryKey::Host(HostNumber::new(number()?).ok()?),
                Entry::Host { underlay: address(host.underlay) },
            )
        }
        "members" | "relayed" => {
            let vni = Vni::new(number()?).ok()?;
            let members = layout::Members::read(value)?;
            let numbers = members.hosts.iter().take(members.count as usize);
            let hosts = numbers.map(|host| HostNumber::new(*host).ok()).collect::<Option<_>>()?;
            let key = if map == "members" { EntryKey::Members(vni) } else { EntryKey::Relayed(vni) };
            (key, Entry::Members { hosts })
        }
        "subnets" => {
            let subnet = layout::Subnet::read(value)?;
            let entry = Entry::Subnet {
                vni: Vni::new(subnet.vni).ok()?,
                virtual_mac: MacAddr(subnet.virtual_mac),
                gateway: some_address(subnet.gateway),
                gateway6: some_address(subnet.gateway6),
            };
            (EntryKey::Subnet(SubnetNumber::new(number()?).ok()?), entry)
        }
        "addresses" => {
            let key = AddressKey::read(key)?.key()?;
            (
                EntryKey::Address(key.vni, key.address),
                Entry::Address(read_address(layout::Address::read(value)?)?),
            )
        }
        "macs" => {
            let key = layout::MacKey::read(key)?;
            let Ok(subnet) = SubnetNumber::new(key.subnet) else { return Some(None) };
            let value = layout::MacValue::read(value)?;
            let port = PortNumber::new(value.port).ok()?;
            (EntryKey::Mac(subnet, MacAddr(key.mac)), Entry::Mac { port, address: address(value.address) })
        }
        "entitled" => {
            let key = AddressPortKey::read(key)?;
            let direct_return = layout::Entitled::read(value)?.direct_return == 1;
            (
                EntryKey::Entitled(key.key()?, PortNumber::new(key.port).ok()?),
                Entry::Entitled { direct_return },
            )
        }
        "advert_sources" => {
            let key = layout::AdvertSourceKey::read(key)?;
            let vip = VipKey { vni: Vni::new(key.vni).ok()?, address: address(key.vip) };
            (EntryKey::AdvertSource(vip, address(key.source)), Entry::AdvertSource)
        }
        "routes" => {
            let key = layout::RouteKey::read(key)?;
            let vni = Vni::new(u32::from_be_bytes(key.vni)).ok()?;
            let net = net(key.address, key.prefixlen.checked_sub(32)?)?;
            let next_hop = address(layout::Ip16::read(value)?.address);
            let next_hop = (!next_hop.is_unspecified()).then_some(next_hop);
            (EntryKey::Route(vni, net), Entry::Route { next_hop })
        }
        "eips" => {
            let eip = layout::Eip::read(value)?;
            let entry = Entry::Eip {
                vni: Vni::new(eip.vni).ok()?,
                target: address(eip.target),
                bandwidth_mbps: (eip.bandwidth_mbps > 0).then_some(eip.bandwidth_mbps),
            };
            (EntryKey::Eip(address(layout::Ip16::read(key)?.address)), entry)
        }
        "nats" => {
            let key = AddressKey::read(key)?.key()?;
            let nat = layout::Nat::read(value)?;
            let entry =
                Entry::Nat { public: address(nat.public_address), incarnation: Incarnation(nat.incarnation) };
            (EntryKey::Nat(key.vni, key.address), entry)
        }
        "pools" => {
            let key = layout::PoolKey::read(key)?;
            let gateway = some_address(layout::Ip16::read(value)?.address);
            (EntryKey::Pool(net(key.address, key.prefixlen)?), Entry::Pool { gateway })
        }
        "segments" => {
            let segment = layout::Segment::read(value)?;
            let cidr = Ipv4Net::with_netmask(segment.network.into(), segment.mask.into()).ok()?;
            let vlan = (segment.vlan > 0).then_some(segment.vlan);
            let cidr6 = match some_address(segment.network6) {
                Some(IpAddr::V6(network)) => Some(Ipv6Net::new(network, 64).ok()?),
                Some(IpAddr::V4(_)) => return None,
                None => None,
            };
            let entry = Entry::Segment { vni: Vni::new(segment.vni).ok()?, cidr, cidr6, vlan };
            (EntryKey::Segment(SubnetNumber::new(number()?).ok()?), entry)
        }
        "memberships" => {
            let groups = layout::Membership::read(value)?.groups.into_iter().filter(|number| *number != 0);
            let groups = groups.map(|number| GroupNumber::new(number).ok()).collect::<Option<_>>()?;
            (EntryKey::Membership(PortNumber::new(number()?).ok()?), Entry::Membership { groups })
        }
        "ports" => {
            let port = layout::Port::read(value)?;
            (EntryKey::Port(PortNumber::new(number()?).ok()?), Entry::Port(read_port(port)?))
        }
        _ => return None,
    }))
}

fn read_address(of: layout::Address) -> Option<Address> {
    let subnet = SubnetNumber::new(of.subnet).ok()?;
    Some(match of.kind {
        INTERFACE => Address::Interface {
            subnet,
            port: PortNumber::new(of.port).ok()?,
            host: HostNumber::new(of.host).ok(),
            mac: MacAddr(of.mac),
            source_dest_check: of.flags & CHECKED != 0,
            primary: of.flags & PRIMARY != 0,
        },
        GATEWAY => Address::Gateway { subnet },
        SEGMENT => Address::Segment { subnet, incarnation: Incarnation(of.incarnation) },
        VIP => Address::Vip {
            subnet,
            incarnation: Incarnation(of.incarnation),
            subnet_binding: of.flags & SUBNET_BINDING != 0,
            hold: of.flags & HOLD != 0,
        },
        _ => return None,
    })
}

fn read_port(of: layout::Port) -> Option<Port> {
    Some(Port {
        ifindex: of.ifindex,
        is_veth: of.flags & VETH != 0,
        vni: Vni::new(of.vni).ok()?,
        subnet: SubnetNumber::new(of.subnet).ok()?,
        mac: MacAddr(of.mac),
        virtual_mac: MacAddr(of.virtual_mac),
        primary: some_address(of.primary),
        primary6: some_address(of.primary6),
        mtu: of.mtu,
        source_dest_check: of.flags & PORT_CHECKED != 0,
        is_awaited: of.flags & PORT_AWAITED != 0,
        state: match of.state {
            0 => PortState::Inactive,
            1 => PortState::Active,
            2 => PortState::MigratingOut,
            _ => return None,
        },
        editions: match of.stamp {
            0 => None,
            _ => {
                let editions = of.editions.into_iter().filter(|edition| *edition != 0);
                Some(editions.map(|edition| Edition::new(edition).ok()).collect::<Option<_>>()?)
            }
        },
    })
}

fn net(octets: [u8; 16], length: u32) -> Option<IpNet> {
    Some(match address(octets) {
        IpAddr::V4(v4) => Ipv4Net::new(v4, u8::try_from(length.checked_sub(96)?).ok()?).ok()?.into(),
        IpAddr::V6(v6) => Ipv6Net::new(v6, u8::try_from(length).ok()?).ok()?.into(),
    })
}
