//! The same segment with IPv6: 2001:db8:177::/64, where 31 and 33 have ::31 and ::33, and 31 and 32 may hold ::204.

use super::{VLAN, interface, segment, subnet, takes};
use crate::hook::six::{ALL_NODES, NOBODY, Said, advertisement, group, link_local, solicitation};
use crate::hook::{Hook, VIRTUAL_MAC, host, mac, port, vni};
use havip_claim::Order;
use havip_model::{Incarnation, MacAddr, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_switch::Outcome;
use havip_wire::build::unsolicited_advertisement;
use std::net::Ipv6Addr;
use std::time::Duration;

pub const ROUTER: Ipv6Addr = address(1);
/// What the switch speaks as.
pub const SPEAKS_AS: Ipv6Addr = address(2);
pub const OUTSIDER: Ipv6Addr = address(0x70);
pub const VIP: Ipv6Addr = address(0x204);
pub const FAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 7);

/// One of the segment's.
pub const fn address(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x177, 0, 0, 0, 0, last)
}
/// Of port 31 or 33.
pub const fn own(number: u32) -> Ipv6Addr {
    address(if number == 31 { 0x31 } else { 0x33 })
}
pub fn key(address: Ipv6Addr) -> VipKey {
    VipKey { vni: vni(), address: address.into() }
}

pub fn segment6(name: &str) -> Hook {
    let mut hook = segment(name);
    let (subnet, incarnation) = (subnet(), Incarnation(7));
    let (cidr, cidr6) = ("192.168.177.0/24".parse().unwrap(), "2001:db8:177::/64".parse().unwrap());
    let (gateway, gateway6) = (Some(super::address(2).into()), Some(SPEAKS_AS.into()));
    let entry = Entry::Subnet { vni: vni(), virtual_mac: VIRTUAL_MAC, gateway, gateway6 };
    hook.put(EntryKey::Subnet(subnet), entry);
    hook.put(EntryKey::Address(vni(), SPEAKS_AS.into()), Entry::Address(Address::Gateway { subnet }));
    hook.put(EntryKey::Route(vni(), ipnet::IpNet::V6(cidr6)), Entry::Route { next_hop: None });
    let entry = Entry::Segment { vni: vni(), cidr, cidr6: Some(cidr6), vlan: Some(VLAN) };
    hook.put(EntryKey::Segment(subnet), entry);
    for (number, on) in [(31, 1), (33, 2)] {
        interface6(&hook, number, on, true);
    }
    plug6(&hook, true);
    assert_eq!(hook.order(Order::Prepare { key: key(VIP), incarnation }), Outcome::Done);
    let vip = Address::Vip { subnet, incarnation, subnet_binding: false, hold: false };
    hook.put(EntryKey::Address(vni(), VIP.into()), Entry::Address(vip));
    for number in [31, 32] {
        hook.put(EntryKey::Entitled(key(VIP), port(number)), Entry::Entitled { direct_return: false });
    }
    hook.settle();
    hook
}

/// An interface of both families.
pub fn interface6(hook: &Hook, number: u32, on: u32, source_dest_check: bool) {
    interface(hook, number, on, source_dest_check);
    let (subnet, port, mac, host) = (subnet(), port(number), mac(number), Some(host(on)));
    let entry = Address::Interface { subnet, port, host, mac, source_dest_check, primary: true };
    hook.put(EntryKey::Address(vni(), own(number).into()), Entry::Address(entry));
}

/// Port 31, with addresses of both.
pub fn plug6(hook: &Hook, source_dest_check: bool) {
    super::plug_as(hook, 31, "p21", Some(super::address(31)), Some(own(31)), source_dest_check);
}

pub fn holds6(hook: &mut Hook, number: u32) {
    takes(hook, key(VIP), number);
}

/// The address was probed for, and nobody outside has it.
pub fn probed6(hook: &mut Hook, address: Ipv6Addr) {
    assert_eq!(hook.switch.show(key(address)).unwrap(), Outcome::Done);
    super::age_outsiders(hook, Duration::from_millis(201));
    hook.settle();
}

/// What is sent out to find a foreign owner: the probe of DAD, without a MAC.
pub fn probe(by: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    solicitation(by, NOBODY, target)
}
/// What tells the outside who has an address.
pub fn shown6(by: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    unsolicited_advertisement(by, target)
}
/// What somebody outside is answered.
pub fn answer(by: MacAddr, to_mac: MacAddr, to: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let to_all = to.is_unspecified();
    let said = Said { router: false, solicited: !to_all, override_flag: true, mac: Some(by) };
    let (to_mac, to) = if to_all { (group(ALL_NODES), ALL_NODES) } else { (to_mac, to) };
    advertisement(by, to_mac, target, to, target, said)
}
/// How somebody outside answers a guest.
pub fn answers(by: MacAddr, source: Ipv6Addr, to_mac: MacAddr, to: Ipv6Addr) -> Vec<u8> {
    let said = Said { router: true, solicited: true, override_flag: true, mac: Some(by) };
    advertisement(by, to_mac, source, to, source, said)
}
pub fn link_local_of(number: u32) -> Ipv6Addr {
    link_local(mac(number))
}
