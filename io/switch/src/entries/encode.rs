//! Entries to bytes.

use crate::{
    error::EntryError,
    layout::{self, AddressKey, AddressPortKey, Plain, octets},
};
use havip_model::PortState;
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One change of one map.
#[derive(Debug)]
pub struct Write {
    pub map: &'static str,
    pub key: Vec<u8>,
    /// None removes.
    pub value: Option<Vec<u8>>,
}

/// The maps and keys under which an entry stands, but for those that depend on its value.
pub fn keys(key: &EntryKey) -> Vec<(&'static str, Vec<u8>)> {
    let number = |number: u32| number.to_ne_bytes().to_vec();
    vec![match key {
        EntryKey::Host(host) => ("hosts", number(host.get())),
        EntryKey::Members(vni) => ("members", number(vni.get())),
        EntryKey::Relayed(vni) => ("relayed", number(vni.get())),
        EntryKey::Subnet(subnet) => ("subnets", number(subnet.get())),
        EntryKey::Address(vni, address) => ("addresses", AddressKey::new(*vni, *address).bytes().to_vec()),
        EntryKey::Mac(subnet, mac) => {
            ("macs", layout::MacKey { subnet: subnet.get(), mac: mac.0, zero: [0; 2] }.bytes().to_vec())
        }
        EntryKey::Entitled(vip, port) => ("entitled", AddressPortKey::new(*vip, *port).bytes().to_vec()),
        EntryKey::AdvertSource(vip, source) => (
            "advert_sources",
            layout::AdvertSourceKey { vni: vip.vni.get(), vip: octets(vip.address), source: octets(*source) }
                .bytes()
                .to_vec(),
        ),
        EntryKey::Route(vni, net) => {
            let (address, length) = prefix(net);
            let key = layout::RouteKey { prefixlen: 32 + length, vni: vni.get().to_be_bytes(), address };
            ("routes", key.bytes().to_vec())
        }
        EntryKey::Eip(address) => ("eips", octets(*address).to_vec()),
        EntryKey::Nat(vni, address) => ("nats", AddressKey::new(*vni, *address).bytes().to_vec()),
        EntryKey::Pool(net) => {
            let (address, prefixlen) = prefix(net);
            ("pools", layout::PoolKey { prefixlen, address }.bytes().to_vec())
        }
        EntryKey::Segment(subnet) => ("segments", number(subnet.get())),
        EntryKey::Membership(port) => ("memberships", number(port.get())),
        EntryKey::Port(port) => ("ports", number(port.get())),
        EntryKey::Group(_) => return vec![], // many, which its tables say
    }]
}

/// Everything that an entry writes.
pub fn writes(key: &EntryKey, entry: &Entry) -> Result<Vec<Write>, EntryError> {
    let some = |address: &Option<IpAddr>| address.map_or([0; 16], octets);
    let mut more = vec![];
    let value = match (key, entry) {
        (EntryKey::Host(host), Entry::Host { underlay }) => {
            let peer = layout::Peer { host: host.get(), ..layout::Peer::zeroed() };
            more.push(("peers", octets(*underlay).to_vec(), peer.bytes().to_vec()));
            octets(*underlay).to_vec()
        }
        (EntryKey::Members(_) | EntryKey::Relayed(_), Entry::Members { hosts }) => {
            let mut members = layout::Members::zeroed();
            if hosts.len() > members.hosts.len() {
                return Err(EntryError::TooLong { key: *key, len: hosts.len(), limit: members.hosts.len() });
            }
            members.count = hosts.len() as u32;
            for (slot, host) in members.hosts.iter_mut().zip(hosts) {
                *slot = host.get();
            }
            members.bytes().to_vec()
        }
        (EntryKey::Subnet(_), Entry::Subnet { vni, virtual_mac, gateway, gateway6 }) => {
            let (gateway, gateway6) = (some(gateway), some(gateway6));
            layout::Subnet { gateway, gateway6, vni: vni.get(), virtual_mac: virtual_mac.0, zero: [0; 2] }
                .bytes()
                .to_vec()
        }
        (EntryKey::Address(..), Entry::Address(of)) => address(of).bytes().to_vec(),
        (EntryKey::Mac(..), Entry::Mac { port, address }) => {
            layout::MacValue { address: octets(*address), port: port.get() }.bytes().to_vec()
        }
        (EntryKey::Entitled(..), Entry::Entitled { direct_return }) => {
            layout::Entitled { direct_return: u8::from(*direct_return), zero: [0; 3] }.bytes().to_vec()
        }
        (EntryKey::AdvertSource(..), Entry::AdvertSource) => 1u32.to_ne_bytes().to_vec(),
        (EntryKey::Route(_, net), Entry::Route { next_hop }) => {
            octets(next_hop.unwrap_or_else(|| unspecified(net))).to_vec()
        }
        (EntryKey::Eip(_), Entry::Eip { vni, target, bandwidth_mbps }) => layout::Eip {
            target: octets(*target),
            vni: vni.get(),
            bandwidth_mbps: bandwidth_mbps.unwrap_or(0),
        }
        .bytes()
        .to_vec(),
        (EntryKey::Nat(..), Entry::Nat { public, incarnation }) => {
            layout::Nat { incarnation: incarnation.0, public_address: octets(*public) }.bytes().to_vec()
        }
        (EntryKey::Pool(_), Entry::Pool { gateway }) => some(gateway).to_vec(),
        (EntryKey::Segment(subnet), Entry::Segment { vni, cidr, cidr6, vlan }) => {
            let vlan = vlan.unwrap_or(0);
            let number = subnet.get().to_ne_bytes().to_vec();
            more.push(("vlans", u32::from(vlan).to_ne_bytes().to_vec(), number));
            let (network, mask) = (cidr.network().octets(), cidr.netmask().octets());
            let network6 = cidr6.map_or([0; 16], |cidr| cidr.network().octets());
            layout::Segment { vni: vni.get(), network, mask, vlan, zero: [0; 2], network6 }.bytes().to_vec()
        }
        (EntryKey::Group(edition), Entry::Group(compiled)) => {
            return Ok(super::groups::writes(*edition, compiled));
        }
        (EntryKey::Membership(_), Entry::Membership { groups }) => {
            let mut its = layout::Membership::zeroed();
            if groups.len() > its.groups.len() {
                return Err(EntryError::TooLong { key: *key, len: groups.len(), limit: its.groups.len() });
            }
            its.groups.iter_mut().zip(groups).for_each(|(slot, group)| *slot = group.get());
            its.bytes().to_vec()
        }
        (EntryKey::Port(_), Entry::Port(Port { editions: Some(editions), .. }))
            if editions.len() > layout::GROUPS_MAX =>
        {
            return Err(EntryError::TooLong { key: *key, len: editions.len(), limit: layout::GROUPS_MAX });
        }
        (EntryKey::Port(number), Entry::Port(of)) => {
            let value = port(number.get(), of).bytes().to_vec();
            // Without any, its link-local address stands for it where that is known.
            let stands = of.primary.or(of.primary6).unwrap_or_else(|| of.mac.link_local().into());
            let mac = layout::MacValue { address: octets(stands), port: number.get() };
            let mac_key = layout::MacKey { subnet: 0, mac: of.mac.0, zero: [0; 2] };
            more.push(("macs", mac_key.bytes().to_vec(), mac.bytes().to_vec()));
            more.push(("devices", of.ifindex.to_ne_bytes().to_vec(), value.clone()));
            value
        }
        _ => return Err(EntryError::Kind(*key)),
    };
    let (map, map_key) = keys(key).remove(0);
    let first = Write { map, key: map_key, value: Some(value) };
    let rest = more.into_iter().map(|(map, key, value)| Write { map, key, value: Some(value) });
    Ok(std::iter::once(first).chain(rest).collect())
}

/// The address of the family that nobody has: the next hop of a subnet's range.
fn unspecified(net: &IpNet) -> IpAddr {
    match net {
        IpNet::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpNet::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn address(of: &Address) -> layout::Address {
    let zero = layout::Address::zeroed();
    match *of {
        Address::Interface { subnet, port, host, mac, source_dest_check, primary } => layout::Address {
            kind: INTERFACE,
            subnet: subnet.get(),
            port: port.get(),
            host: host.map_or(0, |host| host.get()),
            mac: mac.0,
            flags: (PRIMARY * u8::from(primary)) | (CHECKED * u8::from(source_dest_check)),
            ..zero
        },
        Address::Gateway { subnet } => layout::Address { kind: GATEWAY, subnet: subnet.get(), ..zero },
        Address::Segment { subnet, incarnation } => {
            layout::Address { kind: SEGMENT, subnet: subnet.get(), incarnation: incarnation.0, ..zero }
        }
        Address::Vip { subnet, incarnation, subnet_binding, hold } => layout::Address {
            kind: VIP,
            subnet: subnet.get(),
            incarnation: incarnation.0,
            flags: (SUBNET_BINDING * u8::from(subnet_binding)) | (HOLD * u8::from(hold)),
            ..zero
        },
    }
}

fn port(number: u32, of: &Port) -> layout::Port {
    let mut editions = [0; layout::GROUPS_MAX];
    let its = of.editions.iter().flatten();
    editions.iter_mut().zip(its).for_each(|(slot, edition)| *slot = edition.get());
    layout::Port {
        stamp: if of.editions.is_some() { stamp(&editions) } else { 0 },
        editions,
        ifindex: of.ifindex,
        number,
        vni: of.vni.get(),
        subnet: of.subnet.get(),
        primary: of.primary.map_or([0; 16], octets),
        primary6: of.primary6.map_or([0; 16], octets),
        mac: of.mac.0,
        virtual_mac: of.virtual_mac.0,
        mtu: of.mtu,
        state: match of.state {
            PortState::Inactive => 0,
            PortState::Active => 1,
            PortState::MigratingOut => 2,
        },
        flags: (VETH * u8::from(of.is_veth))
            | (PORT_CHECKED * u8::from(of.source_dest_check))
            | (PORT_AWAITED * u8::from(of.is_awaited)),
    }
}

/// What stands for these editions in the connections that were judged by them: FNV-1a, and never 0.
fn stamp(editions: &[u32]) -> u32 {
    let bytes = editions.iter().flat_map(|edition| edition.to_le_bytes());
    bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)).max(1)
}

fn prefix(net: &IpNet) -> ([u8; 16], u32) {
    match net {
        IpNet::V4(v4) => (octets(v4.network().into()), 96 + u32::from(v4.prefix_len())),
        IpNet::V6(v6) => (octets(v6.network().into()), u32::from(v6.prefix_len())),
    }
}

pub const INTERFACE: u8 = 1;
pub const GATEWAY: u8 = 2;
pub const VIP: u8 = 3;
pub const SEGMENT: u8 = 4;
pub const PRIMARY: u8 = 1;
pub const CHECKED: u8 = 2;
pub const SUBNET_BINDING: u8 = 4;
pub const HOLD: u8 = 8;
pub const VETH: u8 = 1;
pub const PORT_CHECKED: u8 = 2;
pub const PORT_AWAITED: u8 = 4;
