use super::*;
use crate::item::{EipPoolItem, Entitlement, ExternalItem, HostItem, RouteItem};
use havip_model::{
    Body, Contention, EipId, EipPoolId, Incarnation, MacAddr, RouteId, SubnetId, SubnetNumber, VipId, VipKey,
    VpcId,
};
use ipnet::IpNet;
use proptest::prelude::*;

fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}
fn vni() -> Vni {
    Vni::new(7).unwrap()
}
fn subnet() -> SubnetNumber {
    SubnetNumber::new(3).unwrap()
}
fn number(number: u32) -> PortNumber {
    PortNumber::new(number).unwrap()
}
fn body(seed: u8) -> Body {
    Body::from_entropy([seed; 16])
}
fn ip(last: u8) -> IpAddr {
    [10, 20, 1, last].into()
}
fn vip_key(last: u8) -> VipKey {
    VipKey { vni: vni(), address: ip(last) }
}

fn port_item(seed: u8, address: u8, state: PortState) -> PortItem {
    PortItem {
        interface: InterfaceId::new(body(seed)),
        port: number(seed.into()),
        vni: vni(),
        subnet: subnet(),
        mac: MacAddr([2, 0, 0, 0, 0, seed]),
        virtual_mac: MacAddr([2, 0, 0, 0, 1, 0]),
        addresses: vec![format!("10.20.1.{address}/24").parse().unwrap()],
        gateways: vec![ip(1)],
        mtu: 1500,
        source_dest_check: true,
        state,
        device: None,
        instance: None,
        arrives: None,
        groups: vec![],
    }
}

fn endpoint_item(seed: u8, addresses: Vec<IpAddr>, on: Option<u32>) -> EndpointItem {
    EndpointItem {
        interface: InterfaceId::new(body(seed)),
        port: number(seed.into()),
        vni: vni(),
        subnet: subnet(),
        host: on.map(host),
        mac: MacAddr([2, 0, 0, 0, 0, seed]),
        addresses,
        source_dest_check: true,
        instance: None,
        groups: vec![],
    }
}

fn vip_item(seed: u8, last: u8, entitled: &[u8], incarnation: u64) -> VipItem {
    VipItem {
        id: VipId::new(body(seed)),
        key: vip_key(last),
        subnet: subnet(),
        incarnation: Incarnation(incarnation),
        binding: Binding::Associated,
        contention: Contention::Follow,
        assist: true,
        entitled: entitled
            .iter()
            .map(|port| Entitlement { port: number((*port).into()), direct_return: false })
            .collect(),
        advert_sources: vec![],
    }
}

const UP: Device = Device { ifindex: 9, is_veth: true, up: true, is_awaited: false };

#[test]
fn a_gateway_is_an_address_of_its_own() {
    let mut desired = Desired::new(host(1));
    desired.put(Item::Subnet(SubnetItem {
        external: None,
        id: SubnetId::new(body(1)),
        number: subnet(),
        vni: vni(),
        cidrs: vec!["10.20.1.0/24".parse().unwrap()],
        gateways: vec![ip(1)],
        virtual_mac: MacAddr([2; 6]),
    }));
    let gateway = desired.table().get(&EntryKey::Address(vni(), ip(1)));
    assert_eq!(gateway, Some(&Entry::Address(Address::Gateway { subnet: subnet() })));
}

#[test]
fn the_range_of_a_subnet_wins_over_a_route_that_would_lead_out_of_it() {
    let mut desired = Desired::new(host(1));
    let ranges: [IpNet; 2] = ["10.20.1.0/24".parse().unwrap(), "fd00:20:0:1::/64".parse().unwrap()];
    let subnet = Item::Subnet(SubnetItem {
        external: None,
        id: SubnetId::new(body(1)),
        number: subnet(),
        vni: vni(),
        cidrs: ranges.to_vec(),
        gateways: vec![ip(1)],
        virtual_mac: MacAddr([2; 6]),
    });
    let route = |destination: &str| {
        let id = RouteId::new(body(2));
        Item::Route(RouteItem { id, vni: vni(), destination: destination.parse().unwrap(), next_hop: ip(9) })
    };
    desired.put(route("0.0.0.0/0"));
    desired.put(subnet.clone());
    for range in ranges {
        let entry = desired.table().get(&EntryKey::Route(vni(), range));
        assert_eq!(entry, Some(&Entry::Route { next_hop: None }), "{range}");
    }
    let entry = desired.table().get(&EntryKey::Route(vni(), "0.0.0.0/0".parse().unwrap()));
    assert_eq!(entry, Some(&Entry::Route { next_hop: Some(ip(9)) }));

    // Not even while a route of the same range is just being taken away.
    desired.put(route("10.20.1.0/24"));
    assert_eq!(
        desired.table().get(&EntryKey::Route(vni(), ranges[0])),
        Some(&Entry::Route { next_hop: None })
    );
    desired.remove(&subnet.key());
    let entry = desired.table().get(&EntryKey::Route(vni(), ranges[0]));
    assert_eq!(entry, Some(&Entry::Route { next_hop: Some(ip(9)) }));
    assert_eq!(desired.table().len(), 1);
}

#[test]
fn the_first_address_of_each_family_is_primary_and_both_make_a_port_sound() {
    let mut desired = Desired::new(host(1));
    let six = |last: u16| IpAddr::from([0xfd00, 0x20, 0, 1, 0, 0, 0, last]);
    let addresses = ["10.20.1.5/24", "fd00:20:0:1::5/64", "10.20.1.6/24", "fd00:20:0:1::6/64"];
    desired.put(Item::Port(PortItem {
        addresses: addresses.iter().map(|net| net.parse().unwrap()).collect(),
        ..port_item(5, 5, PortState::Active)
    }));
    desired.plug(InterfaceId::new(body(5)), Some(UP));
    let is_primary =
        |desired: &Desired, address| match desired.table().get(&EntryKey::Address(vni(), address)) {
            Some(Entry::Address(Address::Interface { primary, .. })) => *primary,
            other => panic!("{other:?}"),
        };
    let primaries: Vec<_> =
        [ip(5), six(5), ip(6), six(6)].map(|address| is_primary(&desired, address)).into();
    assert_eq!(primaries, [true, true, false, false]);
    let Some(Entry::Port(port)) = desired.table().get(&EntryKey::Port(number(5))) else { panic!() };
    assert_eq!((port.primary, port.primary6, port.state), (Some(ip(5)), Some(six(5)), PortState::Active));

    desired.put(Item::Endpoint(endpoint_item(4, vec![ip(4), six(5)], Some(2))));
    assert_eq!(state(&desired, 5), Some(PortState::Inactive), "its IPv6 address is somebody else's");
}

#[test]
fn a_groups_new_rules_and_its_ports_change_together_the_old_rules_last() {
    let mut desired = Desired::new(host(1));
    desired.put(Item::Group(group_item(1, 1)));
    desired.put(Item::Port(PortItem { groups: vec![group_id(1)], ..port_item(5, 5, PortState::Active) }));
    desired.plug(InterfaceId::new(body(5)), Some(UP));
    let editions = |desired: &Desired| match desired.table().get(&EntryKey::Port(number(5))) {
        Some(Entry::Port(port)) => port.editions.clone(),
        other => panic!("{other:?}"),
    };
    let (first, second) = (group_item(1, 1).edition, group_item(1, 2).edition);
    assert_eq!(editions(&desired), Some(vec![first]));

    let observed = desired.table().clone();
    let touched = desired.put(Item::Group(group_item(1, 2)));
    assert_eq!(editions(&desired), Some(vec![second]));
    let steps = crate::plan::plan_for(&touched, desired.table(), &observed);
    let keys = steps.iter().map(|step| match step {
        crate::plan::Step::Put(key, _) => (*key, true),
        crate::plan::Step::Remove(key) => (*key, false),
    });
    let keys: Vec<_> = keys.collect();
    assert_eq!(
        keys,
        [(EntryKey::Group(second), true), (EntryKey::Port(number(5)), true), (EntryKey::Group(first), false)]
    );

    desired.remove(&ItemKey::Group(group_id(1)));
    assert_eq!(editions(&desired), Some(vec![]), "nothing passes, which is not the same as no groups");
    desired.put(Item::Port(port_item(5, 5, PortState::Active)));
    assert_eq!(editions(&desired), None);
}

fn group_id(seed: u8) -> SecurityGroupId {
    SecurityGroupId::new(body(seed))
}

fn group_item(seed: u8, edition: u32) -> GroupItem {
    let number = havip_model::GroupNumber::new(seed.into()).unwrap();
    let edition = Edition::new(u32::from(seed) * 10 + edition).unwrap();
    GroupItem { id: group_id(seed), number, edition, rules: vec![] }
}

#[test]
fn a_subnet_of_both_families_has_both_gateways() {
    let mut desired = Desired::new(host(1));
    let gateway6 = IpAddr::from([0xfd00, 0x20, 0, 1, 0, 0, 0, 1]);
    desired.put(Item::Subnet(SubnetItem {
        external: None,
        id: SubnetId::new(body(1)),
        number: subnet(),
        vni: vni(),
        cidrs: vec!["10.20.1.0/24".parse().unwrap(), "fd00:20:0:1::/64".parse().unwrap()],
        gateways: vec![ip(1), gateway6],
        virtual_mac: MacAddr([2; 6]),
    }));
    let expected = Entry::Subnet {
        vni: vni(),
        virtual_mac: MacAddr([2; 6]),
        gateway: Some(ip(1)),
        gateway6: Some(gateway6),
    };
    assert_eq!(desired.table().get(&EntryKey::Subnet(subnet())), Some(&expected));
    let gateway = desired.table().get(&EntryKey::Address(vni(), gateway6));
    assert_eq!(gateway, Some(&Entry::Address(Address::Gateway { subnet: subnet() })));
}

#[test]
fn a_vpc_of_more_than_65_hosts_is_told_by_relays_and_one_that_shrinks_directly() {
    let mut desired = Desired::new(host(90));
    let vpc = |members: std::ops::RangeInclusive<u32>| {
        let (id, virtual_mac) = (VpcId::new(body(1)), MacAddr([2; 6]));
        Item::Vpc(VpcItem { id, vni: vni(), virtual_mac, members: members.map(host).collect() })
    };
    let hosts = |desired: &Desired, key| match desired.table().get(&key) {
        Some(Entry::Members { hosts }) => hosts.len(),
        other => panic!("{other:?}"),
    };
    desired.put(vpc(1..=100));
    assert_eq!(hosts(&desired, EntryKey::Members(vni())), 20, "two of each of ten groups");
    assert_eq!(hosts(&desired, EntryKey::Relayed(vni())), 9, "the rest of its own group");

    let touched = desired.put(vpc(41..=100));
    assert!(touched.contains(&EntryKey::Relayed(vni())));
    assert_eq!(hosts(&desired, EntryKey::Members(vni())), 59);
    assert_eq!(desired.table().get(&EntryKey::Relayed(vni())), None);
}

#[test]
fn the_own_host_is_nobody_to_accept_frames_from() {
    let mut desired = Desired::new(host(1));
    for number in [1, 2] {
        desired.put(Item::Host(HostItem {
            number: host(number),
            name: String::new(),
            underlay: ip(number as u8),
            peer_endpoint: String::new(),
            is_edge: false,
        }));
    }
    assert_eq!(desired.table().keys().collect::<Vec<_>>(), [&EntryKey::Host(host(2))]);
}

#[test]
fn a_port_needs_a_device_and_is_active_only_while_that_is_up() {
    let mut desired = Desired::new(host(1));
    let interface = InterfaceId::new(body(5));
    desired.put(Item::Port(port_item(5, 5, PortState::Active)));
    assert!(desired.table().is_empty());

    desired.plug(interface, Some(UP));
    assert!(matches!(state(&desired, 5), Some(PortState::Active)));
    desired.plug(interface, Some(Device { up: false, ..UP }));
    assert!(matches!(state(&desired, 5), Some(PortState::Inactive)));
    desired.plug(interface, None);
    assert!(desired.table().is_empty());
}

fn state(desired: &Desired, port: u32) -> Option<PortState> {
    match desired.table().get(&EntryKey::Port(number(port)))? {
        Entry::Port(port) => Some(port.state),
        _ => None,
    }
}

#[test]
fn a_port_whose_address_is_somebody_elses_is_inactive() {
    let mut desired = Desired::new(host(1));
    desired.put(Item::Port(port_item(5, 5, PortState::Active)));
    desired.plug(InterfaceId::new(body(5)), Some(UP));
    let touched = desired.put(Item::Endpoint(endpoint_item(6, vec![ip(5)], Some(2))));
    assert_eq!(state(&desired, 5), Some(PortState::Inactive));
    assert!(touched.contains(&EntryKey::Port(number(5))));

    desired.remove(&ItemKey::Endpoint(InterfaceId::new(body(6))));
    assert_eq!(state(&desired, 5), Some(PortState::Active));
}

#[test]
fn a_changed_vip_touches_only_its_own_entries() {
    let mut desired = Desired::new(host(1));
    for at in 0..=255 {
        desired.put(Item::Vip(vip_item(at, at, &[1, 2], 1)));
    }
    let touched = desired.put(Item::Vip(vip_item(100, 100, &[2, 3], 1)));
    let key = vip_key(100);
    let mut expected = BTreeSet::from([EntryKey::Address(vni(), ip(100))]);
    expected.extend([1, 2, 3].map(|port| EntryKey::Entitled(key, number(port))));
    assert_eq!(touched, expected);
    assert!(!desired.table().contains_key(&EntryKey::Entitled(key, number(1))));
    assert_eq!(desired.giver(&EntryKey::Entitled(key, number(3))), Some(ItemKey::Vip(VipId::new(body(100)))));
}

#[test]
fn an_eip_leads_in_and_out() {
    let mut desired = Desired::new(host(1));
    let public: IpAddr = [203, 0, 113, 9].into();
    desired.put(Item::Eip(EipItem {
        id: EipId::new(body(1)),
        address: public,
        vni: vni(),
        target: ip(100),
        incarnation: Incarnation(4),
        bandwidth_mbps: Some(50),
        edges: vec![host(1)],
    }));
    desired.put(Item::EipPool(EipPoolItem {
        id: EipPoolId::new(body(1)),
        cidrs: ["203.0.113.0/24", "198.51.100.0/28"].map(|cidr| cidr.parse().unwrap()).to_vec(),
        gateway: None,
    }));
    let table = desired.table();
    assert_eq!(
        table[&EntryKey::Eip(public)],
        Entry::Eip { vni: vni(), target: ip(100), bandwidth_mbps: Some(50) }
    );
    assert_eq!(table[&EntryKey::Nat(vni(), ip(100))], Entry::Nat { public, incarnation: Incarnation(4) });
    for range in ["203.0.113.0/24", "198.51.100.0/28"] {
        assert_eq!(table[&EntryKey::Pool(range.parse().unwrap())], Entry::Pool { gateway: None });
    }
}

/// A change of a small world in which addresses collide often.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put(Item),
    Remove(ItemKey),
    Plug(InterfaceId, Option<Device>),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let state =
        prop_oneof![Just(PortState::Active), Just(PortState::Inactive), Just(PortState::MigratingOut)];
    let item = prop_oneof![
        (1u8..4, 10u8..13, state, proptest::collection::btree_set(1u8..3, 0..2)).prop_map(
            |(seed, address, state, groups)| Item::Port(PortItem {
                groups: groups.into_iter().map(group_id).collect(),
                ..port_item(seed, address, state)
            })
        ),
        (1u8..3, 1u32..3).prop_map(|(seed, edition)| Item::Group(group_item(seed, edition))),
        (1u8..5, proptest::collection::vec(10u8..13, 0..3), proptest::option::of(1u32..3)).prop_map(
            |(seed, addresses, on)| Item::Endpoint(endpoint_item(
                seed,
                addresses.into_iter().map(ip).collect(),
                on
            ))
        ),
        (1u8..3, 11u8..15, proptest::collection::vec(1u8..4, 0..3), 1u64..3).prop_map(
            |(seed, last, entitled, incarnation)| Item::Vip(vip_item(seed, last, &entitled, incarnation))
        ),
    ];
    let device = proptest::option::of((1u32..3, any::<bool>())).prop_map(|device| {
        device.map(|(ifindex, up)| Device { ifindex, is_veth: true, up, is_awaited: false })
    });
    prop_oneof![
        4 => item.clone().prop_map(Change::Put),
        1 => item.prop_map(|item| Change::Remove(item.key())),
        2 => (1u8..4, device).prop_map(|(seed, device)| Change::Plug(InterfaceId::new(body(seed)), device)),
    ]
}

pub(crate) fn apply(desired: &mut Desired, change: Change) -> BTreeSet<EntryKey> {
    match change {
        Change::Put(item) => desired.put(item),
        Change::Remove(key) => desired.remove(&key),
        Change::Plug(interface, device) => desired.plug(interface, device),
    }
}

proptest! {
    #[test]
    fn compiling_change_by_change_gives_what_compiling_anew_gives(
        changes in proptest::collection::vec(change(), 0..60),
    ) {
        let mut desired = Desired::new(host(1));
        let (mut items, mut devices) = (BTreeMap::new(), BTreeMap::new());
        for change in changes {
            match change.clone() {
                Change::Put(item) => _ = items.insert(item.key(), item),
                Change::Remove(key) => _ = items.remove(&key),
                Change::Plug(interface, Some(device)) => _ = devices.insert(interface, device),
                Change::Plug(interface, None) => _ = devices.remove(&interface),
            }
            let before = desired.table().clone();
            let touched = apply(&mut desired, change);
            for key in before.keys().chain(desired.table().keys()) {
                prop_assert!(touched.contains(key) || before.get(key) == desired.table().get(key), "{key:?}");
            }
        }
        let mut anew = Desired::new(host(1));
        for item in items.into_values().rev() {
            anew.put(item);
        }
        for (interface, device) in devices {
            anew.plug(interface, Some(device));
        }
        prop_assert_eq!(desired.table(), anew.table());
    }
}

#[test]
fn an_external_subnet_is_a_segment_with_a_record_and_its_macs_say_who_is_inside() {
    let mut desired = Desired::new(host(1));
    let number = SubnetNumber::new(SubnetNumber::EXTERNAL | 4).unwrap();
    let address = |last: u8| IpAddr::from([192, 168, 177, last]);
    let cidr: ipnet::Ipv4Net = "192.168.177.0/24".parse().unwrap();
    let cidr6: ipnet::Ipv6Net = "2001:db8:177::/64".parse().unwrap();
    desired.put(Item::Subnet(SubnetItem {
        id: SubnetId::new(body(1)),
        number,
        vni: vni(),
        cidrs: vec![cidr.into(), cidr6.into()],
        gateways: vec![address(2)],
        virtual_mac: MacAddr([2; 6]),
        external: Some(ExternalItem { vlan: Some(177), incarnation: Incarnation(8), edges: vec![host(1)] }),
    }));
    let table = desired.table();
    let edge = Address::Segment { subnet: number, incarnation: Incarnation(8) };
    assert_eq!(table[&EntryKey::Address(vni(), address(0))], Entry::Address(edge));
    let segment = Entry::Segment { vni: vni(), cidr, cidr6: Some(cidr6), vlan: Some(177) };
    assert_eq!(table[&EntryKey::Segment(number)], segment);

    let without = EndpointItem {
        interface: InterfaceId::new(body(2)),
        port: PortNumber::new(7).unwrap(),
        vni: vni(),
        subnet: number,
        host: Some(host(1)),
        mac: MacAddr([2, 0, 0, 0, 0, 7]),
        addresses: vec![],
        source_dest_check: true,
        instance: None,
        groups: vec![],
    };
    desired.put(Item::Endpoint(without.clone()));
    let link_local = IpAddr::from([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 7]);
    let inside = Entry::Mac { port: without.port, address: link_local };
    assert_eq!(desired.table()[&EntryKey::Mac(number, without.mac)], inside);
    let (subnet, port, host, mac) = (number, without.port, without.host, without.mac);
    let reached = Entry::Address(Address::Interface {
        subnet,
        port,
        host,
        mac,
        source_dest_check: true,
        primary: false,
    });
    assert_eq!(desired.table()[&EntryKey::Address(vni(), link_local)], reached);
    desired.remove(&ItemKey::Endpoint(without.interface));
    desired.remove(&ItemKey::Subnet(SubnetId::new(body(1))));
    assert!(desired.table().is_empty(), "{:?}", desired.table());
}
