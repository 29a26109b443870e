//! An external subnet on its active edge: in VLAN 177, 192.168.177.0/24.
//!
//! Host 1 joins it by `e0`: port 31 (on `p21`) has .31, port 32 (on `p12`) has no address of its own, port 33 of host 2
//! has .33. All may hold .204, but 33. [`six`] adds IPv6 to it.

#![allow(dead_code)] // each test file uses its part

pub mod six;

use crate::hook::{Hook, VIRTUAL_MAC, host, mac, own, port, vni};
use havip_claim::Order;
use havip_model::{Epoch, Holder, Incarnation, MacAddr, MoveCause, PortState, Record, SubnetNumber, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use havip_switch::{Edge, Outcome};
use havip_wire::{
    Arp,
    build::{Frame, frame},
};
use libbpf_rs::{MapCore, MapFlags};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub const VLAN: u16 = 177;
pub const EDGE_MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0xe0]);
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 177, 1);
pub const ROUTER_MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0xee]);
pub const OUTSIDER: Ipv4Addr = Ipv4Addr::new(192, 168, 177, 70);
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 177, 204);
pub const FAR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// TC_ACT_UNSPEC
pub const TO_THE_HOST: i32 = -1;
pub const ANNOUNCEMENTS: u32 = 0xff_ffff;
/// A frame of the segment in a tunnel, on its way out, and coming from outside.
pub const OUTWARDS: u32 = 1 << 22 | 1 << 21 | 3;
pub const INWARDS: u32 = 1 << 23 | OUTWARDS;

pub fn subnet() -> SubnetNumber {
    SubnetNumber::new(SubnetNumber::EXTERNAL | 3).unwrap()
}
pub fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 177, number as u8)
}
pub fn key(address: Ipv4Addr) -> VipKey {
    VipKey { vni: vni(), address: address.into() }
}
pub fn network() -> VipKey {
    key(Ipv4Addr::new(192, 168, 177, 0))
}

pub fn segment(name: &str) -> Hook {
    let mut hook = Hook::new(&format!("seg-{name}"));
    let device = Edge { ifindex: hook.ifindex("e0"), mac: EDGE_MAC, address: None };
    hook.switch.attach_edge(device).unwrap();
    for number in [12, 21] {
        hook.remove(EntryKey::Port(port(number)));
        hook.remove(EntryKey::Address(vni(), own(number).into()));
    }
    let (subnet, incarnation) = (subnet(), Incarnation(6));
    let speaks_as = address(2);
    let gateway = Some(speaks_as.into());
    let entry = Entry::Subnet { vni: vni(), virtual_mac: VIRTUAL_MAC, gateway, gateway6: None };
    hook.put(EntryKey::Subnet(subnet), entry);
    hook.put(EntryKey::Address(vni(), speaks_as.into()), Entry::Address(Address::Gateway { subnet }));
    let cidr = "192.168.177.0/24".parse().unwrap();
    hook.put(EntryKey::Route(vni(), ipnet::IpNet::V4(cidr)), Entry::Route { next_hop: None });
    for key in [network(), key(VIP)] {
        assert_eq!(hook.order(Order::Prepare { key, incarnation }), Outcome::Done);
    }
    let segment = Address::Segment { subnet, incarnation };
    hook.put(EntryKey::Address(vni(), network().address), Entry::Address(segment));
    hook.put(EntryKey::Segment(subnet), Entry::Segment { vni: vni(), cidr, cidr6: None, vlan: Some(VLAN) });
    for (number, on) in [(31, 1), (32, 1), (33, 2)] {
        interface(&hook, number, on, true);
    }
    plug(&hook, 31, "p21", Some(address(31)), true);
    plug(&hook, 32, "p12", None, true);
    let vip = Address::Vip { subnet, incarnation, subnet_binding: false, hold: false };
    hook.put(EntryKey::Address(vni(), VIP.into()), Entry::Address(vip));
    for number in [31, 32] {
        hook.put(EntryKey::Entitled(key(VIP), port(number)), Entry::Entitled { direct_return: false });
    }
    joins(&mut hook, 1);
    hook
}

/// An interface: 32 has no address but its link-local one.
pub fn interface(hook: &Hook, number: u32, on: u32, source_dest_check: bool) {
    let (subnet, port, mac, host) = (subnet(), port(number), mac(number), Some(host(on)));
    let entry = Address::Interface { subnet, port, host, mac, source_dest_check, primary: true };
    let link_local = IpAddr::from(mac.link_local());
    let own = (number != 32).then(|| IpAddr::from(address(number)));
    for address in own.into_iter().chain([link_local]) {
        hook.put(EntryKey::Address(vni(), address), Entry::Address(entry));
    }
    hook.put(EntryKey::Mac(subnet, mac), Entry::Mac { port, address: own.unwrap_or(link_local) });
}

pub fn plug(hook: &Hook, number: u32, device: &str, primary: Option<Ipv4Addr>, source_dest_check: bool) {
    plug_as(hook, number, device, primary, None, source_dest_check);
}

fn plug_as(
    hook: &Hook,
    number: u32,
    device: &str,
    primary: Option<Ipv4Addr>,
    primary6: Option<Ipv6Addr>,
    source_dest_check: bool,
) {
    let entry = Port {
        ifindex: hook.ifindex(device),
        is_veth: false,
        vni: vni(),
        subnet: subnet(),
        mac: mac(number),
        virtual_mac: VIRTUAL_MAC,
        primary: primary.map(Into::into),
        primary6: primary6.map(Into::into),
        mtu: 1500,
        source_dest_check,
        is_awaited: false,
        state: PortState::Active,
        editions: None,
    };
    hook.put(EntryKey::Port(port(number)), Entry::Port(entry));
}

/// Makes this host the active edge.
pub fn joins(hook: &mut Hook, number: u32) {
    let before = hook.switch.record(network()).unwrap();
    let record = Record {
        incarnation: Incarnation(6),
        epoch: Epoch(before.map_or(0, |record| record.epoch.0) + 1),
        holder: Holder { host: host(number), port: port(1) },
        released: false,
        mac: EDGE_MAC,
        moves: 1,
    };
    let order = match number {
        1 => {
            let cause = MoveCause::Claim;
            Order::Take { key: network(), port: port(1), mac: EDGE_MAC, expected: before, cause }
        }
        _ => Order::Merge { key: network(), record },
    };
    assert_eq!(hook.order(order), Outcome::Done);
    hook.settle();
}

/// The port of this host claims the VIP; nobody outside is told.
pub fn holds(hook: &mut Hook, number: u32) {
    takes(hook, key(VIP), number);
}

fn takes(hook: &mut Hook, key: VipKey, number: u32) {
    let expected = hook.switch.record(key).unwrap();
    let cause = MoveCause::Repeated;
    let take = Order::Take { key, port: port(number), mac: mac(number), expected, cause };
    assert_eq!(hook.order(take), Outcome::Done);
    hook.settle();
}

/// So long ago were the addresses probed for, and foreign owners heard.
pub fn age_outsiders(hook: &Hook, by: Duration) {
    let map = hook.memory("outsiders");
    for key in map.keys().collect::<Vec<_>>() {
        let mut value = map.lookup(&key, MapFlags::ANY).unwrap().unwrap();
        for at in [8, 16] {
            let when = u64::from_ne_bytes(value[at..at + 8].try_into().unwrap());
            if when > 1 {
                value[at..at + 8].copy_from_slice(&(when - by.as_nanos() as u64).to_ne_bytes());
            }
        }
        map.update(&key, &value, MapFlags::ANY).unwrap();
    }
}

/// The address was probed for, and nobody outside has it.
pub fn probed(hook: &mut Hook, address: Ipv4Addr) {
    assert_eq!(hook.switch.show(key(address)).unwrap(), Outcome::Done);
    age_outsiders(hook, Duration::from_millis(201));
    hook.settle();
}

pub fn from_outside(to: MacAddr) -> Frame {
    frame(ROUTER_MAC, to)
}

/// What leaves by the outside device about an address; switches pad it.
pub fn shown(mac: MacAddr, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut bytes = frame(mac, MacAddr::BROADCAST).arp(Arp::request(mac, sender, target));
    bytes.resize(60, 0);
    bytes
}
