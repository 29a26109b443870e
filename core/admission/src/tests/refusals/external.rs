//! Refusals of subnets of a provider's network: whose addresses and VLANs they may be, and what they are not for.

use super::*;
use crate::{request::*, tests::scene::*};
use havip_model::{EipTarget, NextHop, VpcId};

fn provider(vpc: VpcId, cidr: &str, vlan: Option<u16>) -> CreateSubnet {
    CreateSubnet { external: Some(NewExternal { vlan, gateway: None }), ..subnet(vpc, cidr) }
}

fn with_router(vpc: VpcId, cidr: &str, last: u8) -> CreateSubnet {
    let gateway = Some([192, 168, 178, last].into());
    CreateSubnet { external: Some(NewExternal { vlan: None, gateway }), ..subnet(vpc, cidr) }
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
    let cidr6 = Some("fd00:20:0:9::/64".parse().unwrap());
    let six = CreateSubnet { cidr6, ..provider(vpc, "192.168.178.0/24", None) };
    let later = UpdateSubnet { subnet: first, texts: NewTexts::default(), cidr6 };
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
        Row(scene.refuse(six), Code::NoIpv6Range, "/cidr6", "IPv4 addresses only"),
        Row(scene.refuse(later), Code::NoIpv6Range, "/cidr6", "IPv4 addresses only"),
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
