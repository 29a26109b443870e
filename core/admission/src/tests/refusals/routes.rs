//! Refusals of routes.

use super::*;
use crate::{request::*, tests::scene::*};
use havip_model::{NextHop, RouteId, VipId};

pub fn rows() -> Vec<Row> {
    let mut scene = Scene::new();
    let vip = scene.float();
    let to = |scene: &Scene, destination, next_hop| scene.refuse(route(scene.vpc, destination, next_hop));
    let first = scene.make_route(route(scene.vpc, "0.0.0.0/0", NextHop::Vip(vip)));
    let again = to(&scene, "0.0.0.0/0", NextHop::Vip(vip));
    blocked_by(&again, [ResourceKey::Route(first)]);
    let inside = to(&scene, "10.20.1.128/25", NextHop::Vip(vip));
    blocked_by(&inside, [ResourceKey::Subnet(scene.subnet)]);
    let elsewhere = scene.make_vpc(vpc("10.20.0.0/16"));
    let elsewhere = scene.make_subnet(subnet(elsewhere, "10.20.1.0/24"));
    let foreign = scene.make_vip(CreateVip::of(elsewhere));
    let checked = scene.make_interface(interface(scene.subnet));
    let bare =
        CreateInterface { address: Choice::Without, source_dest_check: false, ..interface(scene.subnet) };
    let bare = scene.make_interface(bare);
    let mut full = scene.clone();
    for n in 0..4 {
        full.make_route(route(scene.vpc, &format!("10.30.{n}.0/24"), NextHop::Vip(vip)));
    }
    let gone = VipId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    let no_route = RouteId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    vec![
        Row(again, Code::RouteExists, "/destination", "delete it first"),
        Row(inside, Code::DestinationInSubnet, "/destination", "wins over any route"),
        Row(
            to(&scene, "10.20.1.0/24", NextHop::Vip(vip)),
            Code::DestinationInSubnet,
            "/destination",
            "subnet",
        ),
        Row(
            to(&scene, "10.30.0.1/24", NextHop::Vip(vip)),
            Code::CidrHasHostBits,
            "/destination",
            "10.30.0.0/24",
        ),
        Row(to(&scene, "224.0.0.0/4", NextHop::Vip(vip)), Code::CidrNotUsable, "/destination", "multicast"),
        Row(to(&scene, "2001:db8::/32", NextHop::Vip(vip)), Code::OtherFamily, "/next_hop", "IPv6"),
        Row(to(&scene, "10.30.0.0/24", NextHop::Vip(foreign)), Code::OtherVpc, "/next_hop", "is not in VPC"),
        Row(to(&scene, "10.30.0.0/24", NextHop::Vip(gone)), Code::VipNotFound, "/next_hop", "does not exist"),
        Row(
            to(&scene, "10.30.0.0/24", NextHop::Interface(checked)),
            Code::SourceDestCheckOn,
            "/next_hop",
            "check off",
        ),
        Row(
            to(&scene, "10.30.0.0/24", NextHop::Interface(bare)),
            Code::TargetHasNoAddress,
            "/next_hop",
            "primary",
        ),
        Row(
            to(&full, "10.31.0.0/24", NextHop::Vip(vip)),
            Code::TooManyVipRoutes,
            "/next_hop",
            "5 routes to VIPs",
        ),
        Row(scene.refuse(DeleteRoute { route: no_route }), Code::RouteNotFound, "/route", "does not exist"),
    ]
}
