//! Refusals of EIP pools and EIPs.

use super::*;
use crate::{request::*, tests::scene::*};
use havip_model::{EipId, EipPoolId, EipTarget, Family};

pub fn rows() -> Vec<Row> {
    [pools(), allocating(), binding()].into_iter().flatten().collect()
}

fn pools() -> Vec<Row> {
    let mut scene = Scene::new();
    let first = scene.make_pool(pool("203.0.113.0/24"));
    let overlap = scene.refuse(pool("203.0.113.128/25"));
    blocked_by(&overlap, [ResourceKey::EipPool(first)]);
    let over_vpc = scene.refuse(pool("10.20.0.0/24"));
    blocked_by(&over_vpc, [ResourceKey::Vpc(scene.vpc)]);
    let eip = scene.make_eip(eip());
    let in_use = scene.refuse(DeleteEipPool { pool: first });
    blocked_by(&in_use, [ResourceKey::Eip(eip)]);
    let update = |reserved| UpdateEipPool { pool: first, texts: NewTexts::default(), cidrs: None, reserved };
    let given = scene.refuse(update(Some(vec![ip("203.0.113.9"), scene.eip(eip).address])));
    blocked_by(&given, [ResourceKey::Eip(eip)]);
    let ranges = |all: &[&str]| UpdateEipPool {
        cidrs: Some(all.iter().map(|range| range.parse().unwrap()).collect()),
        ..update(None)
    };
    let left_out = scene.refuse(ranges(&["198.51.100.0/24"]));
    blocked_by(&left_out, [ResourceKey::Eip(eip)]);
    let over_itself = scene.refuse(ranges(&["203.0.113.0/24", "198.51.100.0/24", "203.0.113.0/28"]));
    let second = scene.make_pool(pool("192.0.2.0/24"));
    let over_other = scene.refuse(ranges(&["203.0.113.0/24", "192.0.2.128/25"]));
    blocked_by(&over_other, [ResourceKey::EipPool(second)]);
    let without = UpdateEipPool { reserved: Some(vec![ip("203.0.113.200")]), ..ranges(&["203.0.113.0/25"]) };
    let stray = CreateEipPool { reserved: vec![ip("198.51.101.1")], ..pool("198.51.100.0/24") };
    let twice = CreateEipPool { reserved: vec![ip("198.51.100.1"); 2], ..pool("198.51.100.0/24") };
    let gateway = CreateEipPool { gateway: Some(ip("224.0.0.1")), ..pool("198.51.100.0/24") };
    let mut two_families = pool("198.51.100.0/24");
    two_families.cidrs.push("2001:db8::/64".parse().unwrap());
    let other_router = CreateEipPool { gateway: Some(ip("2001:db8::1")), ..pool("198.51.100.0/24") };
    let routed = CreateEipPool { gateway: Some(ip("192.0.2.1")), ..pool("198.51.102.0/24") };
    let routed = scene.make_pool(routed);
    let other_ranges = UpdateEipPool { pool: routed, ..ranges(&["2001:db8:1::/64"]) };
    let mut dual = Scene::dual();
    let over_six = dual.refuse(pool("fd00:20::/48"));
    blocked_by(&over_six, [ResourceKey::Vpc(dual.vpc)]);
    let six = dual.make_pool(pool("2001:db8::/64"));
    let cidr6 = Some("2001:db8::/56".parse().unwrap());
    let over_public = dual.refuse(CreateVpc { cidr6, ..vpc("10.30.0.0/16") });
    blocked_by(&over_public, [ResourceKey::EipPool(six)]);
    let gone = EipPoolId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    vec![
        Row(overlap, Code::CidrOverlaps, "/cidrs/0", "choose another range"),
        Row(over_vpc, Code::CidrOverlaps, "/cidrs/0", "overlaps vpc-"),
        Row(left_out, Code::EipPoolInUse, "/cidrs", "and 0 other EIP(s)"),
        Row(over_itself, Code::CidrOverlaps, "/cidrs/2", "overlaps 203.0.113.0/24 of the same request"),
        Row(over_other, Code::CidrOverlaps, "/cidrs/1", "(192.0.2.0/24)"),
        Row(scene.refuse(without), Code::AddressOutsidePool, "/reserved/0", "of no range"),
        Row(scene.refuse(ranges(&[])), Code::OutOfRange, "/cidrs", "1 to 16"),
        Row(in_use, Code::EipPoolInUse, "/pool", "release them first"),
        Row(given, Code::ReservedInUse, "/reserved/1", "release it first"),
        Row(scene.refuse(update(None)), Code::NothingToDo, "", "reserved addresses"),
        Row(scene.refuse(pool("2000::/15")), Code::CidrSize, "/cidrs/0", "/16 to /128"),
        Row(scene.refuse(pool("fe80::/64")), Code::CidrNotUsable, "/cidrs/0", "link-local"),
        Row(scene.refuse(two_families), Code::OtherFamily, "/cidrs/1", "a pool for each family"),
        Row(scene.refuse(other_router), Code::OtherFamily, "/gateway", "a pool for each family"),
        Row(scene.refuse(other_ranges), Code::OtherFamily, "/cidrs/0", "its router 192.0.2.1"),
        Row(over_six, Code::CidrOverlaps, "/cidrs/0", "overlaps vpc-"),
        Row(over_public, Code::CidrOverlaps, "/cidr6", "overlaps EIP pool"),
        Row(scene.refuse(pool("198.51.100.1/24")), Code::CidrHasHostBits, "/cidrs/0", "say 198.51.100.0/24"),
        Row(scene.refuse(stray), Code::AddressOutsidePool, "/reserved/0", "leave it out"),
        Row(scene.refuse(twice), Code::AddressRepeated, "/reserved/1", "twice"),
        Row(scene.refuse(gateway), Code::AddressNotUnicast, "/gateway", "unicast"),
        Row(scene.refuse(DeleteEipPool { pool: gone }), Code::EipPoolNotFound, "/pool", "does not exist"),
    ]
}

fn allocating() -> Vec<Row> {
    let mut scene = Scene::new();
    let empty = scene.refuse(eip());
    let gateway = Some(ip("203.0.113.1"));
    let small = CreateEipPool { gateway, reserved: vec![ip("203.0.113.2")], ..pool("203.0.113.0/29") };
    let small = scene.make_pool(small);
    let at = |address: &str| AllocateEip { address: Some(ip(address)), ..eip() };
    scene.make_eip(at("203.0.113.5"));
    let mut full = scene.clone();
    (0..3).for_each(|_| _ = full.make_eip(eip()));
    let of = |pool| AllocateEip { pool: Some(pool), ..eip() };
    let gone = EipPoolId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    vec![
        Row(empty, Code::PoolFull, "/pool", "every IPv4 pool"),
        Row(full.refuse(of(small)), Code::PoolFull, "/pool", "203.0.113.0/29"),
        Row(scene.refuse(of(gone)), Code::EipPoolNotFound, "/pool", "does not exist"),
        Row(scene.refuse(at("203.0.113.5")), Code::AddressInUse, "/address", "is taken as eip-"),
        Row(scene.refuse(at("203.0.113.0")), Code::AddressReserved, "/address", "never given out"),
        Row(scene.refuse(at("203.0.113.1")), Code::AddressReserved, "/address", "never given out"),
        Row(scene.refuse(at("203.0.113.2")), Code::AddressReserved, "/address", "never given out"),
        Row(scene.refuse(at("203.0.113.7")), Code::AddressReserved, "/address", "never given out"),
        Row(scene.refuse(at("203.0.113.8")), Code::AddressOutsidePool, "/address", "not of any pool"),
        Row(
            scene.refuse(AllocateEip { pool: Some(small), ..at("198.51.100.1") }),
            Code::AddressOutsidePool,
            "/address",
            "(203.0.113.0/29)",
        ),
        Row(
            scene.refuse(AllocateEip { family: Some(Family::Ipv6), ..of(small) }),
            Code::OtherFamily,
            "/pool",
            "is IPv4",
        ),
        Row(
            scene.refuse(AllocateEip { family: Some(Family::Ipv6), ..eip() }),
            Code::PoolFull,
            "/pool",
            "every IPv6 pool",
        ),
        Row(
            scene.refuse(AllocateEip { bandwidth_mbps: Some(0), ..eip() }),
            Code::OutOfRange,
            "/bandwidth_mbps",
            "1 to 100000",
        ),
    ]
}

fn binding() -> Vec<Row> {
    let mut scene = Scene::new();
    scene.make_pool(pool("203.0.113.0/24"));
    let (one, two) = (scene.make_eip(eip()), scene.make_eip(eip()));
    let (vip, instance) = (scene.float(), scene.run());
    let bare = CreateInterface { address: Choice::Without, ..interface(scene.subnet) };
    let bare = scene.make_interface(bare);
    let bind = |eip, target| BindEip { eip, target };
    scene.admit(bind(one, EipTarget::Vip(vip)));
    let bound = scene.refuse(bind(one, EipTarget::Instance(instance)));
    blocked_by(&bound, [ResourceKey::Vip(vip)]);
    let second = scene.refuse(bind(two, EipTarget::Vip(vip)));
    blocked_by(&second, [ResourceKey::Eip(one)]);
    let release = scene.refuse(ReleaseEip { eip: one, unbind: false });
    blocked_by(&release, [ResourceKey::Vip(vip)]);
    // An instance and its primary interface are one target.
    let primary = EipTarget::Interface(scene.primary(instance));
    let (mut by_instance, mut by_interface) = (scene.clone(), scene.clone());
    by_instance.admit(bind(two, EipTarget::Instance(instance)));
    by_interface.admit(bind(two, primary));
    by_instance.make_pool(pool("2001:db8::/64"));
    let six = by_instance.make_eip(AllocateEip { family: Some(Family::Ipv6), ..eip() });
    let no_six = by_instance.refuse(bind(six, primary));
    let third = by_instance.make_eip(eip());
    let fourth = by_interface.make_eip(eip());
    let gone = EipId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    let nothing = UpdateEip { eip: one, texts: NewTexts::default(), bandwidth_mbps: None };
    vec![
        Row(bound, Code::EipBound, "/eip", "unbind it first"),
        Row(second, Code::TargetHasEip, "/target", "unbind that first"),
        Row(release, Code::EipBound, "/eip", "unbind=true"),
        Row(no_six, Code::TargetHasNoAddress, "/target", "no primary IPv6 address"),
        Row(by_instance.refuse(bind(third, primary)), Code::TargetHasEip, "/target", "has EIP"),
        Row(
            by_interface.refuse(bind(fourth, EipTarget::Instance(instance))),
            Code::TargetHasEip,
            "/target",
            "has EIP",
        ),
        Row(
            scene.refuse(bind(two, EipTarget::Interface(bare))),
            Code::TargetHasNoAddress,
            "/target",
            "no primary IPv4 address",
        ),
        Row(scene.refuse(bind(gone, EipTarget::Vip(vip))), Code::EipNotFound, "/eip", "does not exist"),
        Row(scene.refuse(UnbindEip { eip: two }), Code::EipNotBound, "/eip", "nothing to unbind"),
        Row(scene.refuse(nothing), Code::NothingToDo, "", "bandwidth"),
    ]
}
