//! A switch that loads, keeps what it was told, and leaves no trace.

use havip_model::{
    Edition, GroupNumber, HostNumber, Incarnation, MacAddr, PortNumber, PortState, SubnetNumber, VipKey, Vni,
};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use havip_switch::{Attach, Capacity, EntryError, MapError, Options, Order, Outcome, Switch, detach_all};
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    time::{Duration, Instant},
};

fn options(name: &str) -> Options {
    Options {
        name: name.into(),
        host: HostNumber::new(1).unwrap(),
        underlay: Ipv4Addr::new(192, 0, 2, 1),
        overlay_ifindex: 1,
        attach: Attach::from_environment(),
        capacity: Capacity { records: 4, addresses: 64, entitlements: 64, ports: 16 },
    }
}

/// Removes the switch also when the test fails.
struct Cleaned(String);
impl Cleaned {
    /// Others may run the same test at the same time.
    fn new(name: &str) -> Self {
        Self(format!("{name}-{}", std::process::id()))
    }
}
impl Drop for Cleaned {
    fn drop(&mut self) {
        detach_all(&self.0).unwrap();
        assert!(!Path::new("/sys/fs/bpf/havip").join(&self.0).exists());
    }
}

#[test]
fn every_entry_reads_back_as_it_was_put() {
    let cleaned = Cleaned::new("test-entries");
    let switch = Switch::open(&options(&cleaned.0)).unwrap();
    let vni = Vni::new(7).unwrap();
    let (subnet, external) =
        (SubnetNumber::new(3).unwrap(), SubnetNumber::new(SubnetNumber::EXTERNAL | 4).unwrap());
    let port = PortNumber::new(11).unwrap();
    let host = HostNumber::new(2).unwrap();
    let mac = MacAddr([2, 0, 0, 0, 0, 11]);
    let virtual_mac = MacAddr([2, 0, 0, 0, 0, 1]);
    let vip = VipKey { vni, address: "10.0.0.100".parse().unwrap() };
    let own = "10.0.0.11".parse().unwrap();
    let gateway = "10.0.0.1".parse().unwrap();
    let public = "203.0.113.9".parse().unwrap();

    let entries = BTreeMap::from([
        (EntryKey::Host(host), Entry::Host { underlay: "192.0.2.2".parse().unwrap() }),
        (EntryKey::Members(vni), Entry::Members { hosts: vec![host, HostNumber::new(9).unwrap()] }),
        (
            EntryKey::Subnet(subnet),
            Entry::Subnet { vni, virtual_mac, gateway: Some(gateway), gateway6: None },
        ),
        (EntryKey::Address(vni, gateway), Entry::Address(Address::Gateway { subnet })),
        (
            EntryKey::Address(vni, own),
            Entry::Address(Address::Interface {
                subnet,
                port,
                host: None,
                mac,
                source_dest_check: true,
                primary: true,
            }),
        ),
        (
            EntryKey::Address(vni, vip.address),
            Entry::Address(Address::Vip {
                subnet,
                incarnation: Incarnation(5),
                subnet_binding: true,
                hold: false,
            }),
        ),
        (EntryKey::Mac(subnet, mac), Entry::Mac { port, address: own }),
        (EntryKey::Entitled(vip, port), Entry::Entitled { direct_return: true }),
        (EntryKey::AdvertSource(vip, own), Entry::AdvertSource),
        (
            EntryKey::Route(vni, "172.16.0.0/12".parse().unwrap()),
            Entry::Route { next_hop: Some(vip.address) },
        ),
        (EntryKey::Route(vni, "10.0.0.0/24".parse().unwrap()), Entry::Route { next_hop: None }),
        (EntryKey::Route(vni, "fd00::/64".parse().unwrap()), Entry::Route { next_hop: None }),
        (EntryKey::Eip(public), Entry::Eip { vni, target: vip.address, bandwidth_mbps: Some(100) }),
        (EntryKey::Nat(vni, vip.address), Entry::Nat { public, incarnation: Incarnation(6) }),
        (EntryKey::Pool("203.0.113.0/24".parse().unwrap()), Entry::Pool { gateway: None }),
        (
            EntryKey::Address(vni, "192.168.177.0".parse().unwrap()),
            Entry::Address(Address::Segment { subnet: external, incarnation: Incarnation(9) }),
        ),
        (
            EntryKey::Segment(external),
            Entry::Segment {
                vni,
                cidr: "192.168.177.0/24".parse().unwrap(),
                cidr6: Some("2001:db8:177::/64".parse().unwrap()),
                vlan: Some(177),
            },
        ),
        (EntryKey::Membership(port), Entry::Membership { groups: vec![GroupNumber::MIN, GroupNumber::MAX] }),
        (EntryKey::Group(Edition::MAX), Entry::Group(Box::new(tables()))),
        (
            EntryKey::Port(port),
            Entry::Port(Port {
                ifindex: 77,
                is_veth: true,
                vni,
                subnet,
                mac,
                virtual_mac,
                primary: Some(own),
                primary6: None,
                mtu: 1500,
                source_dest_check: true,
                is_awaited: false,
                state: PortState::Active,
                editions: Some(vec![Edition::MAX, Edition::MIN]),
            }),
        ),
    ]);
    for (key, entry) in &entries {
        switch.put(key, entry).unwrap();
    }
    assert_eq!(switch.entries().unwrap(), entries);

    drop(switch);
    let again = Switch::open(&options(&cleaned.0)).unwrap();
    assert_eq!(again.entries().unwrap(), entries, "a restarted agent finds what was there");

    for key in entries.keys() {
        again.remove(key).unwrap();
        again.remove(key).unwrap();
    }
    assert_eq!(again.entries().unwrap(), BTreeMap::new());
}

#[test]
fn a_full_map_refuses_and_leaves_everything_as_it_was() {
    let cleaned = Cleaned::new("test-full");
    let switch = Switch::open(&options(&cleaned.0)).unwrap();
    let key = |n: u32| EntryKey::Host(HostNumber::new(n).unwrap());
    let entry = |n: u32| Entry::Host { underlay: Ipv4Addr::from(0xc000_0200 + n).into() };
    for n in 1..=16 {
        switch.put(&key(n), &entry(n)).unwrap();
    }
    let before = switch.entries().unwrap();

    let refused = switch.put(&key(17), &entry(17)).unwrap_err();

    let EntryError::Map { source: MapError::Full { map, capacity: 16 }, .. } = refused else {
        panic!("{refused:?}")
    };
    assert!(["hosts", "peers"].contains(&map), "{map}");
    assert_eq!(switch.entries().unwrap(), before);
}

#[test]
fn a_vip_beyond_the_records_map_is_refused_and_the_others_stay() {
    let cleaned = Cleaned::new("test-records");
    let switch = Switch::open(&options(&cleaned.0)).unwrap();
    let vni = Vni::new(7).unwrap();
    let prepare = |last: u8| {
        let key = VipKey { vni, address: Ipv4Addr::new(10, 0, 0, last).into() };
        switch.order(&Order::Prepare { key, incarnation: Incarnation(1) }).unwrap()
    };
    assert_eq!([1, 2, 3, 4].map(prepare), [Outcome::Done; 4]);
    assert_eq!(prepare(5), Outcome::Full);
    assert_eq!([1, 2, 3, 4].map(prepare), [Outcome::Done; 4]);
}

#[test]
fn ten_thousand_vips_are_put_within_seconds_and_found_again() {
    let cleaned = Cleaned::new("test-many");
    let capacity = Capacity { records: 10_000, addresses: 10_000, entitlements: 20_000, ports: 16 };
    let options = Options { capacity, ..options(&cleaned.0) };
    let switch = Switch::open(&options).unwrap();
    let vni = Vni::new(7).unwrap();
    let subnet = SubnetNumber::new(3).unwrap();
    let began = Instant::now();
    for number in 0..10_000u32 {
        let key = VipKey { vni, address: Ipv4Addr::from(0x0a00_0000 + number).into() };
        let incarnation = Incarnation(1);
        assert_eq!(switch.order(&Order::Prepare { key, incarnation }).unwrap(), Outcome::Done);
        let address = Address::Vip { subnet, incarnation, subnet_binding: false, hold: false };
        switch.put(&EntryKey::Address(vni, key.address), &Entry::Address(address)).unwrap();
        for port in [1, 2] {
            let port = PortNumber::new(port).unwrap();
            switch.put(&EntryKey::Entitled(key, port), &Entry::Entitled { direct_return: false }).unwrap();
        }
    }
    let took = began.elapsed();
    // 100 000 writes of some microseconds each, and ten times that for a slow machine.
    assert!(took < Duration::from_secs(20), "{took:?}");
    drop(switch);
    assert_eq!(Switch::open(&options).unwrap().entries().unwrap().len(), 30_000);
}

/// Tables with something of everything.
fn tables() -> havip_groups::Compiled {
    use havip_groups::{Compiled, GroupPeer, GroupRule};
    use havip_model::{Direction, Ports, Protocol, RuleAction, RuleNumber};
    let peers = [
        GroupPeer::Any,
        GroupPeer::Vpc,
        GroupPeer::Group(GroupNumber::MAX),
        GroupPeer::Prefix("10.9.0.0/16".parse().unwrap()),
        GroupPeer::Prefix("fd00::/8".parse().unwrap()),
    ];
    let rules: Vec<_> = (1u8..)
        .zip(peers)
        .map(|(number, peer)| GroupRule {
            number: RuleNumber::new(number.into()).unwrap(),
            direction: if number.is_multiple_of(2) { Direction::Ingress } else { Direction::Egress },
            action: RuleAction::Allow,
            priority: number,
            protocol: Protocol::UDP,
            ports: Ports::new(1, 1000 + u16::from(number)),
            peer,
        })
        .collect();
    Compiled::of(&rules)
}
