//! Refusals of subnets of a provider's network: whose addresses and VLANs they may be, and what they are not for.

use super::*;
use crate::{
    request::*,
    tests::scene::{self, *},
};
use havip_model::{EipTarget, NextHop, VpcId};

fn provider(vpc: VpcId, cidr: &str, vlan: Option<u16>) -> CreateSubnet {
    CreateSubnet { external: Some(NewExternal { vlan, gateway: None, gateway6: None }), ..subnet(vpc, cidr) }
}

fn with_router(vpc: VpcId, cidr: &str, last: u8) -> CreateSubnet {
    let gateway = Some([192, 168, 178, last].into());
    CreateSubnet { external: Some(NewExternal { vlan: None, gateway, gateway6: None }), ..subnet(vpc, cidr) }
}

pub fn rows() -> Vec<Row> {
    let mut scene = Scene::new();
    let vpc = scene.vpc;
    let public = scene.make_pool(pool("203.0.113.0/24"));
    let first = scene.make_subnet(provider(vpc, "192.168.177.0/24", Some(177)));
    let of_vpc = scene.refuse(provider(vpc, "10.20.9.0/24", Some(178)));
    blocked_by(&of_vpc, [ResourceKey::Vpc(vpc)]);
    let of_pool = scene.refuse(provider(vpc, "203.0.113.0/28", Some(178)));
    blocked_by(&of_pool, [ResourceKey::EipPool(public)]);
    let twice = scene.refuse(provider(vpc, "192.168.177.128/25", Some(178)));
    blocked_by(&twice, [ResourceKey::Subnet(first)]);
    let joined = scene.refuse(provider(vpc, "192.168.178.0/24", Some(177)));
    blocked_by(&joined, [ResourceKey::Subnet(first)]);
    let pool_over = scene.refuse(pool("192.168.177.0/28"));
    blocked_by(&pool_over, [ResourceKey::Subnet(first)]);
    let in_another = scene.make_vpc(scene::vpc("10.30.0.0/16"));
    let joined_by_another = scene.refuse(provider(in_another, "192.168.178.0/24", Some(177)));
    blocked_by(&joined_by_another, [ResourceKey::Subnet(first)]);
    let router = scene.refuse(with_router(vpc, "192.168.178.0/24", 255));

    let second = scene.make_subnet(with_router(vpc, "192.168.178.0/24", 3));
    let untagged = scene.refuse(provider(vpc, "192.168.179.0/24", None));
    let taken = CreateInterface { address: chosen("192.168.178.3"), ..interface(second) };
    let vip = scene.make_vip(CreateVip::of(second));
    let eip = scene.make_eip(eip());
    let own = scene.make_interface(interface(second));
    vec![
        Row(of_vpc, Code::CidrOverlaps, "/cidr", "addresses of its own"),
        Row(of_pool, Code::CidrOverlaps, "/cidr", "choose another range"),
        Row(twice, Code::CidrOverlaps, "/cidr", "choose a free range"),
        Row(pool_over, Code::CidrOverlaps, "/cidrs/0", "choose another range"),
        Row(joined, Code::VlanInUse, "/external/vlan", "VLAN 177 is joined"),
        Row(untagged, Code::VlanInUse, "/external/vlan", "what is not tagged is joined"),
        Row(
            scene.refuse(provider(vpc, "192.168.180.0/24", Some(4095))),
            Code::OutOfRange,
            "/external/vlan",
            "1 to 4094",
        ),
        Row(router, Code::AddressOutsideSubnet, "/external/gateway", "say the router's"),
        Row(joined_by_another, Code::VlanInUse, "/external/vlan", "choose another VLAN"),
        Row(scene.refuse(taken), Code::AddressReserved, "/address", "is the gateway"),
        Row(
            scene.refuse(route(vpc, "0.0.0.0/0", NextHop::Vip(vip))),
            Code::ExternalSubnet,
            "/next_hop",
            "an ordinary subnet",
        ),
        Row(
            scene.refuse(BindEip { eip, target: EipTarget::Vip(vip) }),
            Code::ExternalSubnet,
            "/target",
            "which the outside reaches without us",
        ),
        Row(
            scene.refuse(BindEip { eip, target: EipTarget::Interface(own) }),
            Code::ExternalSubnet,
            "/target",
            "an ordinary subnet",
        ),
    ]
}

/// With a /64 of the provider's.
fn of_ipv6(vpc: VpcId, cidr6: &str, gateway6: Option<&str>) -> CreateSubnet {
    let gateway6 = gateway6.map(|router| router.parse().unwrap());
    let external = Some(NewExternal { vlan: Some(179), gateway: None, gateway6 });
    let cidr6 = (!cidr6.is_empty()).then(|| cidr6.parse().unwrap());
    CreateSubnet { external, cidr6, ..subnet(vpc, "192.168.179.0/24") }
}

pub fn rows6() -> Vec<Row> {
    let mut scene = Scene::dual();
    let vpc = scene.vpc;
    let public = scene.make_pool(pool("2001:db8:e::/64"));
    let of_vpc = scene.refuse(of_ipv6(vpc, "fd00:20:0:9::/64", None));
    blocked_by(&of_vpc, [ResourceKey::Vpc(vpc)]);
    let of_pool = scene.refuse(of_ipv6(vpc, "2001:db8:e::/64", None));
    blocked_by(&of_pool, [ResourceKey::EipPool(public)]);
    let wide = scene.refuse(of_ipv6(vpc, "2001:db8:177::/56", None));
    let beyond = scene.refuse(of_ipv6(vpc, "2001:db8:177::/64", Some("2001:db8:178::1")));
    let network = scene.refuse(of_ipv6(vpc, "2001:db8:177::/64", Some("2001:db8:177::")));
    let alone = scene.refuse(of_ipv6(vpc, "", Some("fe80::1")));

    let first = scene.make_subnet(of_ipv6(vpc, "2001:db8:177::/64", Some("2001:db8:177::3")));
    let second = provider(vpc, "192.168.180.0/24", Some(180));
    let cidr6 = Some("2001:db8:177::/64".parse().unwrap());
    let twice = scene.refuse(CreateSubnet { cidr6, ..second.clone() });
    blocked_by(&twice, [ResourceKey::Subnet(first)]);
    let pool_over = scene.refuse(pool("2001:db8:177::/64"));
    blocked_by(&pool_over, [ResourceKey::Subnet(first)]);
    let second = scene.make_subnet(second);
    let (texts, cidr6) = (NewTexts::default(), Some("fd00:20:0:9::/64".parse().unwrap()));
    let later = scene.refuse(UpdateSubnet { subnet: second, texts, cidr6 });
    let router = Choice6::Chosen("2001:db8:177::3".parse().unwrap());
    let taken = scene.refuse(CreateInterface { address6: router, ..interface(first) });

    // A VPC of no IPv6 has external subnets of it all the same, and keeps apart from them.
    let four = scene.make_vpc(scene::vpc("10.30.0.0/16"));
    let cidr6 = Some("2001:db8:181::/64".parse().unwrap());
    let third = CreateSubnet { cidr6, ..provider(four, "192.168.181.0/24", Some(181)) };
    let third = scene.make_subnet(third);
    let (texts, cidr6) = (NewTexts::default(), Some("2001:db8:180::/44".parse().unwrap()));
    let over = scene.refuse(UpdateVpc { vpc: four, texts, cidr6 });
    blocked_by(&over, [ResourceKey::Subnet(third)]);
    vec![
        Row(of_vpc, Code::CidrOverlaps, "/cidr6", "addresses of its own"),
        Row(of_pool, Code::CidrOverlaps, "/cidr6", "choose another range"),
        Row(wide, Code::CidrSize, "/cidr6", "it must be a /64"),
        Row(beyond, Code::AddressOutsideSubnet, "/external/gateway6", "say the router's"),
        Row(network, Code::AddressOutsideSubnet, "/external/gateway6", "say the router's"),
        Row(alone, Code::NoIpv6Range, "/external/gateway6", "leave the router out"),
        Row(twice, Code::CidrOverlaps, "/cidr6", "choose a free range"),
        Row(pool_over, Code::CidrOverlaps, "/cidrs/0", "choose another range"),
        Row(later, Code::CidrOverlaps, "/cidr6", "addresses of its own"),
        Row(taken, Code::AddressReserved, "/address6", "is the gateway"),
        Row(over, Code::CidrOverlaps, "/cidr6", "the provider's"),
    ]
}

#[test]
fn the_router_of_ipv6_outside_has_its_address_and_the_next_one_is_given_out() {
    let mut scene = Scene::dual();
    let (vpc, cidr) = (scene.vpc, "2001:db8:177::/64");
    let subnet = scene.make_subnet(of_ipv6(vpc, cidr, Some("2001:db8:177::3")));
    let made = scene.world.subnets.get(&subnet).unwrap();
    assert_eq!(made.gateway6, Some("2001:db8:177::3".parse().unwrap()));
    assert_eq!(made.own_address6(), Some("2001:db8:177::2".parse().unwrap()));
    let first = scene.make_interface(interface(subnet));
    assert_eq!(scene.interface(first).primary6, Some("2001:db8:177::4".parse().unwrap()));

    let other = CreateSubnet {
        external: Some(NewExternal { vlan: None, gateway: None, gateway6: Some("fe80::1".parse().unwrap()) }),
        cidr6: Some("2001:db8:178::/64".parse().unwrap()),
        ..super::super::scene::subnet(vpc, "192.168.178.0/24")
    };
    let subnet = scene.make_subnet(other);
    let made = scene.world.subnets.get(&subnet).unwrap();
    assert_eq!(made.gateway6, Some("fe80::1".parse().unwrap()), "by its link-local address");
    let later = scene.make_subnet(provider(vpc, "192.168.181.0/24", Some(181)));
    let (texts, cidr6) = (NewTexts::default(), Some("2001:db8:181::/64".parse().unwrap()));
    scene.admit(UpdateSubnet { subnet: later, texts, cidr6 });
    let made = scene.world.subnets.get(&later).unwrap();
    assert_eq!(made.gateway6, Some("2001:db8:181::1".parse().unwrap()));
}

#[test]
fn the_router_outside_has_its_address_and_the_next_one_is_given_out() {
    let mut scene = Scene::new();
    let subnet = scene.make_subnet(with_router(scene.vpc, "192.168.178.0/24", 3));
    let made = scene.world.subnets.get(&subnet).unwrap();
    assert!(made.number.is_external());
    assert_eq!(
        (made.gateway.to_string(), made.own_address().to_string()),
        ("192.168.178.3".into(), "192.168.178.2".into())
    );
    let first = scene.make_interface(interface(subnet));
    assert_eq!(scene.interface(first).primary, Some(ip("192.168.178.4")));
}
