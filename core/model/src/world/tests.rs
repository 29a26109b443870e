//! Changes in any order, and copies that stay as they were.

use super::*;
use crate::{
    Body, EipTarget, External, Family, Incarnation, MacAddr, Meta, PortNumber, PortState, SubnetNumber,
    VipKey, Vni,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

fn body(n: u8) -> Body {
    Body::from_entropy([n; 16])
}

fn vpc() -> Vpc {
    Vpc {
        id: VpcId::new(body(1)),
        meta: Meta::default(),
        region: "local".into(),
        cidr: "10.0.0.0/16".parse().unwrap(),
        cidr6: Some("fd00::/56".parse().unwrap()),
        vni: Vni::MIN,
        virtual_mac: MacAddr::ZERO,
        left: BTreeSet::new(),
    }
}

fn subnet() -> Subnet {
    Subnet {
        id: SubnetId::new(body(2)),
        meta: Meta::default(),
        vpc: vpc().id,
        zone: "local-a".into(),
        cidr: "10.0.0.0/29".parse().unwrap(),
        cidr6: Some("fd00::/64".parse().unwrap()),
        gateway: Ipv4Addr::new(10, 0, 0, 1),
        gateway6: Some("fd00::1".parse().unwrap()),
        number: SubnetNumber::MIN,
        external: None,
    }
}

fn interface(n: u8, secondary: &[u8]) -> Interface {
    let address = |last: &u8| IpAddr::from([10, 0, 0, *last]);
    Interface {
        id: InterfaceId::new(body(10 + n)),
        meta: Meta::default(),
        vpc: vpc().id,
        subnet: subnet().id,
        port: PortNumber::new(n.into()).unwrap(),
        mac: MacAddr([2, 0, 0, 0, 0, n]),
        primary: None,
        primary6: None,
        secondary: secondary.iter().map(address).collect(),
        instance: None,
        position: 0,
        is_primary: false,
        host: None,
        device: None,
        source_dest_check: true,
        groups: vec![],
        port_state: PortState::Inactive,
        migration: None,
        migrated: None,
        left: None,
    }
}

fn eip(n: u8, target: Option<InterfaceId>) -> Eip {
    Eip {
        id: EipId::new(body(20 + n)),
        meta: Meta::default(),
        pool: EipPoolId::new(body(3)),
        address: [203, 0, 113, n].into(),
        bandwidth_mbps: None,
        target: target.map(EipTarget::Interface),
        vpc: target.map(|_| vpc().id),
        incarnation: Incarnation(n.into()),
    }
}

fn world(resources: impl IntoIterator<Item = Resource>) -> World {
    World::of([Resource::Subnet(subnet()), Resource::Vpc(vpc())].into_iter().chain(resources), [])
}

fn change(puts: impl IntoIterator<Item = Resource>) -> Change {
    Change { puts: puts.into_iter().collect(), ..Change::about(ResourceKey::Vpc(vpc().id)) }
}

#[test]
fn an_address_may_move_within_one_change_in_either_order() {
    for turned in [false, true] {
        let mut world = world([interface(1, &[3, 4]).into(), interface(2, &[]).into()]);
        let mut puts: Vec<Resource> = vec![interface(1, &[4]).into(), interface(2, &[3]).into()];
        if turned {
            puts.reverse();
        }
        world.apply(&change(puts));
        assert!(world.is_consistent());
        let user = world.address_user(vpc().id, [10, 0, 0, 3].into());
        assert_eq!(user, Some(AddressUser::Interface(interface(2, &[]).id)));
    }
}

#[test]
fn an_eip_may_take_over_the_target_of_another_within_one_change() {
    let target = interface(1, &[]).id;
    for turned in [false, true] {
        let mut world = world([interface(1, &[]).into(), eip(1, Some(target)).into(), eip(2, None).into()]);
        let mut puts: Vec<Resource> = vec![eip(1, None).into(), eip(2, Some(target)).into()];
        if turned {
            puts.reverse();
        }
        world.apply(&change(puts));
        assert!(world.is_consistent());
        assert!(world.eips_to(EipTarget::Interface(target)).map(|eip| eip.id).eq([eip(2, None).id]));
    }
}

#[test]
fn the_lowest_free_address_follows_every_use() {
    let free = |world: &World| {
        let address = world.lowest_free(subnet().id, Family::Ipv4)?;
        Some(if let IpAddr::V4(address) = address { address.octets()[3] } else { panic!("{address}") })
    };
    let mut world = world([]);
    assert_eq!(free(&world), Some(3));
    let steps: [(&[u8], Option<u8>); 6] = [
        (&[3], Some(4)),
        (&[3, 5, 4], Some(6)),
        (&[3, 5], Some(4)),
        (&[3, 4, 5, 6], None),
        (&[6], Some(3)),
        (&[], Some(3)),
    ];
    for (addresses, expected) in steps {
        world.apply(&change([interface(1, addresses).into()]));
        assert_eq!(free(&world), expected, "{addresses:?} in use");
        assert!(world.is_consistent());
    }
}

#[test]
fn each_family_has_its_own_lowest_free_address() {
    let free =
        |world: &World| [Family::Ipv4, Family::Ipv6].map(|family| world.lowest_free(subnet().id, family));
    let six = |last: u16| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, last]);
    let mut world = world([]);
    assert_eq!(free(&world), [Some([10, 0, 0, 3].into()), Some(six(3))]);

    let mut both = interface(1, &[3]);
    both.primary6 = Some("fd00::3".parse().unwrap());
    both.secondary.push(six(4));
    world.apply(&change([both.clone().into()]));
    assert_eq!(free(&world), [Some([10, 0, 0, 4].into()), Some(six(5))]);
    assert_eq!(world.address_user(vpc().id, six(3)), Some(AddressUser::Interface(both.id)));

    both.primary6 = None;
    world.apply(&change([both.into()]));
    assert_eq!(free(&world), [Some([10, 0, 0, 4].into()), Some(six(3))]);
    assert!(world.is_consistent());
}

#[test]
fn of_an_ipv6_subnet_the_routers_addresses_and_the_last_128_are_kept_back() {
    let (first, last) = subnet().usable6().unwrap();
    assert_eq!((first.to_string(), last.to_string()), ("fd00::3".into(), "fd00::ffff:ffff:ffff:ff7f".into()));
    assert_eq!(Subnet { cidr6: None, ..subnet() }.range(Family::Ipv6), None);
}

#[test]
fn a_copy_stays_as_it_was() {
    let mut world = world([interface(1, &[3]).into()]);
    let (copy, key) = (world.clone(), ResourceKey::Interface(interface(1, &[]).id));
    world.apply(&Change { deletes: vec![key], counters: [(Counter::Port, 9)].into(), ..Change::about(key) });

    assert_eq!((world.get(key), world.next(Counter::Port)), (None, 9));
    assert_eq!(copy.get(key), Some(interface(1, &[3]).into()));
    assert_eq!((copy.next(Counter::Port), copy.interface_by_port(PortNumber::MIN).is_some()), (1, true));
    assert_eq!(world.address_user(vpc().id, [10, 0, 0, 3].into()), None);
}

#[test]
fn a_world_is_the_same_whatever_the_order_it_was_read_in() {
    let target = interface(1, &[3]).id;
    let resources = || [eip(1, Some(target)).into(), interface(1, &[3]).into(), eip(2, None).into()];
    let turned = resources().into_iter().rev();
    assert_eq!(world(resources()), world(turned));
}

#[test]
fn edges_lead_into_a_vpc_with_an_external_subnet_and_its_record_is_found_by_the_networks_address() {
    let external = External { vlan: Some(177), incarnation: Incarnation(3) };
    let outside = Subnet {
        id: SubnetId::new(body(3)),
        cidr: "192.168.177.0/24".parse().unwrap(),
        cidr6: None,
        gateway: Ipv4Addr::new(192, 168, 177, 2),
        gateway6: None,
        number: SubnetNumber::new(SubnetNumber::EXTERNAL | 2).unwrap(),
        external: Some(external),
        ..subnet()
    };
    assert_eq!(outside.own_address(), Ipv4Addr::new(192, 168, 177, 1), "the router has the second");
    assert_eq!(subnet().own_address(), subnet().gateway);
    let mut world = World::default();
    world.apply(&change([vpc().into(), subnet().into()]));
    assert!(!world.has_outside(vpc().id));
    world.apply(&change([outside.clone().into()]));
    assert!(world.has_outside(vpc().id));
    let key = VipKey { vni: vpc().vni, address: outside.cidr.network().into() };
    assert_eq!(world.external_subnet_by_key(key), Some(&outside));
    assert!(outside.number.is_external() && !subnet().number.is_external());
    let key_of_subnet = ResourceKey::Subnet(outside.id);
    world.apply(&Change { deletes: vec![key_of_subnet], ..Change::about(key_of_subnet) });
    assert!(!world.has_outside(vpc().id));
    assert_eq!(world.external_subnet_by_key(key), None);
}
