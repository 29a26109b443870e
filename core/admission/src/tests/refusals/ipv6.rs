//! Refusals of IPv6 ranges and addresses.

use super::*;
use crate::{request::*, tests::scene::*};
use havip_model::{EipTarget, Family, NextHop, SubnetId};

pub fn rows() -> Vec<Row> {
    [ranges(), later(), addresses(), further_addresses(), vips(), families()].into_iter().flatten().collect()
}

fn ranges() -> Vec<Row> {
    let mut scene = Scene::dual();
    let of_vpc = |cidr6: &str| {
        let cidr6 = Some(cidr6.parse().unwrap());
        scene.refuse(CreateVpc { cidr6, ..vpc("10.30.0.0/16") })
    };
    let of_subnet = |scene: &Scene, cidr6: &str| {
        let cidr6 = Some(cidr6.parse().unwrap());
        scene.refuse(CreateSubnet { cidr6, ..subnet(scene.vpc, "10.20.2.0/24") })
    };
    let overlap = of_subnet(&scene, "fd00:20:0:1::/64");
    blocked_by(&overlap, [ResourceKey::Subnet(scene.subnet)]);
    let mut rows = vec![
        Row(of_vpc("fd00:20::1/56"), Code::CidrHasHostBits, "/cidr6", "say fd00:20::/56"),
        Row(of_vpc("fd00::/8"), Code::CidrSize, "/cidr6", "/16 to /64"),
        Row(of_vpc("fd00:20::/65"), Code::CidrSize, "/cidr6", "/16 to /64"),
        Row(of_vpc("fe80::/16"), Code::CidrNotUsable, "/cidr6", "link-local"),
        Row(of_vpc("fec0::/48"), Code::CidrNotUsable, "/cidr6", "site-local"),
        Row(of_vpc("ff02::/16"), Code::CidrNotUsable, "/cidr6", "multicast"),
        Row(of_vpc("::/64"), Code::CidrNotUsable, "/cidr6", "mapped IPv4"),
        Row(of_vpc("64:ff9b::/48"), Code::CidrNotUsable, "/cidr6", "such as of fd00::/8"),
        Row(of_vpc("100::/16"), Code::CidrNotUsable, "/cidr6", "to be discarded"),
        Row(overlap, Code::CidrOverlaps, "/cidr6", "(fd00:20:0:1::/64); choose a free range"),
        Row(of_subnet(&scene, "fd00:20:0:100::/64"), Code::CidrOutsideVpc, "/cidr6", "within fd00:20::/56"),
        Row(of_subnet(&scene, "fd00:20:0:2::/65"), Code::CidrSize, "/cidr6", "it must be a /64"),
        Row(of_subnet(&scene, "fd00:20::/56"), Code::CidrSize, "/cidr6", "it must be a /64"),
        Row(of_subnet(&scene, "fd00:20:0:2::1/64"), Code::CidrHasHostBits, "/cidr6", "say fd00:20:0:2::/64"),
        Row(of_subnet(&Scene::new(), "fd00:20::/64"), Code::NoIpv6Range, "/cidr6", "has no IPv6 range"),
    ];
    let router = CreateInterface { source_dest_check: false, ..interface(scene.subnet) };
    let router = scene.make_interface(router);
    let route = scene.make_route(route(scene.vpc, "fd00:20:0:9:8000::/65", NextHop::Interface(router)));
    let covers = of_subnet(&scene, "fd00:20:0:9::/64");
    blocked_by(&covers, [ResourceKey::Route(route)]);
    rows.push(Row(covers, Code::CidrOverlaps, "/cidr6", "delete the route first"));
    rows
}

/// A network gets IPv6 later, once.
fn later() -> Vec<Row> {
    let (old, dual) = (Scene::new(), Scene::dual());
    let give = |scene: &Scene, cidr6: &str| {
        let (texts, cidr6) = (NewTexts::default(), Some(cidr6.parse().unwrap()));
        scene.refuse(UpdateVpc { vpc: scene.vpc, texts, cidr6 })
    };
    let give_subnet = |scene: &Scene, cidr6: &str| {
        let (texts, cidr6) = (NewTexts::default(), Some(cidr6.parse().unwrap()));
        scene.refuse(UpdateSubnet { subnet: scene.subnet, texts, cidr6 })
    };
    vec![
        Row(give(&old, "fe80::/56"), Code::CidrNotUsable, "/cidr6", "link-local"),
        Row(give(&dual, "fd00:21::/56"), Code::HasIpv6Range, "/cidr6", "fd00:20::/56 already"),
        Row(give_subnet(&old, "fd00:20::/64"), Code::NoIpv6Range, "/cidr6", "give it one (cidr6) first"),
        Row(give_subnet(&dual, "fd00:20:0:2::/64"), Code::HasIpv6Range, "/cidr6", "fd00:20:0:1::/64 already"),
    ]
}

fn addresses() -> Vec<Row> {
    let mut scene = Scene::dual();
    let vip = CreateVip { address: chosen("fd00:20:0:1::100"), ..CreateVip::of(scene.subnet) };
    let vip = scene.make_vip(vip);
    let only_ipv4 = scene.make_subnet(subnet(scene.vpc, "10.20.2.0/24"));
    let with = |subnet: SubnetId, address: &str| {
        let address6 = Choice6::Chosen(address.parse().unwrap());
        CreateInterface { address6, ..interface(subnet) }
    };
    let refuse = |address| scene.refuse(with(scene.subnet, address));
    let in_use = refuse("fd00:20:0:1::100");
    blocked_by(&in_use, [ResourceKey::Vip(vip)]);
    let as_ipv4 = CreateInterface { address: chosen("fd00:20:0:1::7"), ..interface(scene.subnet) };
    let run = |address: &str| {
        let address6 = Choice6::Chosen(address.parse().unwrap());
        scene.refuse(RunInstance { address6, ..RunInstance::of(scene.subnet) })
    };
    let outside = Code::AddressOutsideSubnet;
    vec![
        Row(in_use, Code::AddressInUse, "/address6", "is in use by vip-"),
        Row(
            refuse("fd00:20:0:2::7"),
            outside,
            "/address6",
            "fd00:20:0:1::3 to fd00:20:0:1:ffff:ffff:ffff:ff7f",
        ),
        Row(refuse("fe80::7"), outside, "/address6", "is not of subnet"),
        Row(refuse("::ffff:10.20.1.7"), outside, "/address6", "is not of subnet"),
        Row(refuse("fd00:20:0:1::"), Code::AddressReserved, "/address6", "anycast address of all routers"),
        Row(refuse("fd00:20:0:1::1"), Code::AddressReserved, "/address6", "the gateway"),
        Row(refuse("fd00:20:0:1::2"), Code::AddressReserved, "/address6", "kept for the services"),
        Row(refuse("fd00:20:0:1:ffff:ffff:ffff:ff80"), Code::AddressReserved, "/address6", "at the end"),
        Row(run("fd00:20:0:1::1"), Code::AddressReserved, "/address6", "the gateway"),
        Row(scene.refuse(as_ipv4), Code::AddressFamily, "/address", "address6"),
        Row(scene.refuse(with(only_ipv4, "fd00:20:0:2::7")), outside, "/address6", "which has no IPv6 range"),
    ]
}

fn further_addresses() -> Vec<Row> {
    let mut scene = Scene::dual();
    let a = scene.make_interface(interface(scene.subnet));
    let own = scene.interface(a).primary6.unwrap();
    let add = |addresses: &[&str], automatic| {
        let addresses = addresses.iter().map(|address| ip(address)).collect();
        AddAddresses { interface: a, addresses, automatic, family: Family::Ipv6 }
    };
    let twice = CreateInterface {
        address6: Choice6::Chosen("fd00:20:0:1::9".parse().unwrap()),
        secondary: vec![ip("fd00:20:0:1::9")],
        ..interface(scene.subnet)
    };
    let mut other = Scene::new();
    let b = other.make_interface(interface(other.subnet));
    let on_ipv4 = AddAddresses { interface: b, ..add(&[], 1) };
    vec![
        Row(scene.refuse(add(&[&own.to_string()], 0)), Code::AddressRepeated, "/addresses/0", "twice"),
        Row(
            scene.refuse(add(&["fd00:20:0:2::9"], 0)),
            Code::AddressOutsideSubnet,
            "/addresses/0",
            "not of subnet",
        ),
        Row(scene.refuse(add(&[], 21)), Code::TooManyAddresses, "/addresses", "20 further addresses"),
        Row(scene.refuse(twice), Code::AddressRepeated, "/secondary/0", "stands twice"),
        Row(other.refuse(on_ipv4), Code::NoIpv6Range, "/automatic", "has no IPv6 range"),
    ]
}

fn vips() -> Vec<Row> {
    let mut scene = Scene::dual();
    let with = |address: Choice| CreateVip { address, ..CreateVip::of(scene.subnet) };
    let (outside, gateway) = (with(chosen("fd00:20:0:2::9")), with(chosen("fd00:20:0:1::1")));
    let (link_local, mapped) = (with(chosen("fe80::9")), with(chosen("::ffff:10.20.1.9")));
    let same = with(chosen("fd00:20:0:1::100"));
    scene.make_vip(same.clone());
    let other = Scene::new();
    let of_family = CreateVip { address: Choice::Automatic(Family::Ipv6), ..CreateVip::of(other.subnet) };
    vec![
        Row(scene.refuse(same), Code::AddressInUse, "/address", "is in use by vip-"),
        Row(scene.refuse(outside), Code::AddressOutsideSubnet, "/address", "choose one of fd00:20:0:1::3"),
        Row(scene.refuse(gateway), Code::AddressReserved, "/address", "the gateway"),
        Row(scene.refuse(link_local), Code::AddressOutsideSubnet, "/address", "not of subnet"),
        Row(scene.refuse(mapped), Code::AddressOutsideSubnet, "/address", "not of subnet"),
        Row(other.refuse(of_family), Code::NoIpv6Range, "/address", "made with cidr6"),
    ]
}

/// What leads somewhere leads to an address of its own family.
fn families() -> Vec<Row> {
    let mut scene = Scene::dual();
    let family = |family| CreateVip { address: Choice::Automatic(family), ..CreateVip::of(scene.subnet) };
    let (four, six) = (family(Family::Ipv4), family(Family::Ipv6));
    let (four, six) = (scene.make_vip(four), scene.make_vip(six));
    scene.make_pool(pool("203.0.113.0/24"));
    let eip = scene.make_eip(eip());
    let only =
        CreateInterface { address: Choice::Without, source_dest_check: false, ..interface(scene.subnet) };
    let only = scene.make_interface(only);
    let to = |destination, hop| scene.refuse(route(scene.vpc, destination, hop));
    let within = to("fd00:20:0:1:8000::/65", NextHop::Vip(six));
    blocked_by(&within, [ResourceKey::Subnet(scene.subnet)]);
    let bind = |target| scene.refuse(BindEip { eip, target });
    let mut public = scene.clone();
    let pool6 = public.make_pool(pool("2001:db8::/64"));
    let of_pool = public.make_eip(AllocateEip { pool: Some(pool6), ..self::eip() });
    let of_family = public.make_eip(AllocateEip { family: Some(Family::Ipv6), ..self::eip() });
    assert_eq!(
        [of_pool, of_family].map(|eip| public.eip(eip).address),
        ["2001:db8::1", "2001:db8::2"].map(ip)
    );
    public.admit(BindEip { eip: of_pool, target: EipTarget::Vip(six) });
    // A machine of both families has an EIP of each.
    let instance = EipTarget::Instance(public.run());
    public.admit(BindEip { eip, target: instance });
    public.admit(BindEip { eip: of_family, target: instance });
    let third = public.make_eip(AllocateEip { pool: Some(pool6), ..self::eip() });
    let bind6 = |target| public.refuse(BindEip { eip: third, target });
    vec![
        Row(bind6(EipTarget::Vip(four)), Code::OtherFamily, "/target", "the EIP is IPv6"),
        Row(bind6(instance), Code::TargetHasEip, "/target", "(2001:db8::2)"),
        Row(bind(EipTarget::Vip(six)), Code::OtherFamily, "/target", "the EIP is IPv4"),
        Row(bind(EipTarget::Interface(only)), Code::TargetHasNoAddress, "/target", "no primary IPv4 address"),
        Row(
            to("2001:db8::/32", NextHop::Vip(four)),
            Code::OtherFamily,
            "/next_hop",
            "the destination is IPv6",
        ),
        Row(
            to("192.168.0.0/16", NextHop::Vip(six)),
            Code::OtherFamily,
            "/next_hop",
            "the destination is IPv4",
        ),
        Row(to("0.0.0.0/0", NextHop::Interface(only)), Code::TargetHasNoAddress, "/next_hop", "primary IPv4"),
        Row(to("2001:db8::1/32", NextHop::Vip(six)), Code::CidrHasHostBits, "/destination", "2001:db8::/32"),
        Row(to("ff00::/8", NextHop::Vip(six)), Code::CidrNotUsable, "/destination", "multicast"),
        Row(to("fe80::/10", NextHop::Vip(six)), Code::CidrNotUsable, "/destination", "link-local"),
        Row(within, Code::DestinationInSubnet, "/destination", "choose a destination outside"),
    ]
}
