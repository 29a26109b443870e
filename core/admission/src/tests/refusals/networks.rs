//! Refusals of VPCs and subnets.

use super::*;
use crate::{request::*, tests::scene::*};
use havip_model::{Counter, NextHop, World};

pub fn rows() -> Vec<Row> {
    [vpcs(), subnets(), texts_and_numbers()].into_iter().flatten().collect()
}

fn vpcs() -> Vec<Row> {
    let mut scene = Scene::new();
    let (there, gone) = (scene.vpc, Scene::empty().vpc);
    let in_use = scene.refuse(DeleteVpc { vpc: there });
    blocked_by(&in_use, [ResourceKey::Subnet(scene.subnet)]);
    let pool = scene.make_pool(pool("203.0.113.0/24"));
    let overlap = scene.refuse(vpc("203.0.0.0/16"));
    blocked_by(&overlap, [ResourceKey::EipPool(pool)]);
    vec![
        Row(in_use, Code::VpcInUse, "/vpc", "1 subnet(s); delete them first"),
        Row(overlap, Code::CidrOverlaps, "/cidr", "overlaps EIP pool"),
        Row(scene.refuse(vpc("10.20.0.1/16")), Code::CidrHasHostBits, "/cidr", "say 10.20.0.0/16"),
        Row(scene.refuse(vpc("11.0.0.0/7")), Code::CidrHasHostBits, "/cidr", "say"),
        Row(scene.refuse(vpc("128.0.0.0/7")), Code::CidrSize, "/cidr", "/8 to /28"),
        Row(scene.refuse(vpc("10.20.0.0/29")), Code::CidrSize, "/cidr", "/8 to /28"),
        Row(scene.refuse(vpc("224.0.0.0/8")), Code::CidrNotUsable, "/cidr", "multicast"),
        Row(scene.refuse(vpc("169.254.0.0/20")), Code::CidrNotUsable, "/cidr", "link-local"),
        Row(scene.refuse(vpc("127.0.0.0/8")), Code::CidrNotUsable, "/cidr", "loopback"),
        Row(scene.refuse(DeleteVpc { vpc: gone }), Code::VpcNotFound, "/vpc", "does not exist"),
        Row(
            scene.refuse(UpdateVpc { vpc: gone, texts: renamed("x"), cidr6: None }),
            Code::VpcNotFound,
            "/vpc",
            "does not exist",
        ),
        Row(
            scene.refuse(UpdateVpc { vpc: there, texts: NewTexts::default(), cidr6: None }),
            Code::NothingToDo,
            "",
            "give a name",
        ),
        Row(scene.refuse(subnet(gone, "10.20.2.0/24")), Code::VpcNotFound, "/vpc", "does not exist"),
    ]
}

fn subnets() -> Vec<Row> {
    let mut scene = Scene::new();
    let (there, gone) = (scene.subnet, Scene::empty().subnet);
    let refuse = |scene: &Scene, cidr| scene.refuse(subnet(scene.vpc, cidr));
    let overlap = refuse(&scene, "10.20.0.0/23");
    blocked_by(&overlap, [ResourceKey::Subnet(there)]);
    let interface = scene.make_interface(interface(there));
    let vip = scene.float();
    let in_use = scene.refuse(DeleteSubnet { subnet: there });
    blocked_by(&in_use, [ResourceKey::Interface(interface), ResourceKey::Vip(vip)]);
    let route = scene.make_route(route(scene.vpc, "10.20.9.128/25", NextHop::Vip(vip)));
    let covers = refuse(&scene, "10.20.9.0/24");
    blocked_by(&covers, [ResourceKey::Route(route)]);
    vec![
        Row(overlap, Code::CidrOverlaps, "/cidr", "(10.20.1.0/24)"),
        Row(in_use, Code::SubnetInUse, "/subnet", "2 interface(s) or VIP(s)"),
        Row(covers, Code::CidrOverlaps, "/cidr", "delete the route first"),
        Row(refuse(&scene, "10.21.0.0/24"), Code::CidrOutsideVpc, "/cidr", "10.20.0.0/16"),
        Row(refuse(&scene, "10.0.0.0/8"), Code::CidrOutsideVpc, "/cidr", "10.20.0.0/16"),
        Row(refuse(&scene, "10.20.2.0/30"), Code::CidrSize, "/cidr", "/29"),
        Row(refuse(&scene, "10.20.2.1/24"), Code::CidrHasHostBits, "/cidr", "say 10.20.2.0/24"),
        Row(scene.refuse(DeleteSubnet { subnet: gone }), Code::SubnetNotFound, "/subnet", "does not exist"),
        Row(scene.refuse(CreateVip::of(gone)), Code::SubnetNotFound, "/subnet", "does not exist"),
        Row(
            scene.refuse(UpdateSubnet { subnet: there, texts: NewTexts::default(), cidr6: None }),
            Code::NothingToDo,
            "",
            "changes nothing",
        ),
    ]
}

fn texts_and_numbers() -> Vec<Row> {
    let scene = Scene::new();
    let named = |name: String| CreateVpc { texts: texts(&name), ..vpc("10.30.0.0/16") };
    let described = Texts { name: String::new(), description: "d".repeat(257), ..Texts::default() };
    let regional = |region: &str| CreateVpc { region: region.into(), ..vpc("10.30.0.0/16") };
    let zoned = CreateSubnet { zone: "zone a".into(), ..subnet(scene.vpc, "10.20.2.0/24") };
    let mut used_up = scene.clone();
    used_up.world = World::of(scene.world.resources(), [(Counter::Vni, 1 << 22), (Counter::Subnet, 1 << 31)]);
    vec![
        Row(scene.refuse(named("n".repeat(129))), Code::InvalidText, "/name", "129 characters, at most 128"),
        Row(scene.refuse(named("a\nb".into())), Code::InvalidText, "/name", "control characters"),
        Row(
            scene.refuse(CreateVpc { texts: described, ..vpc("10.30.0.0/16") }),
            Code::InvalidText,
            "/description",
            "at most 256",
        ),
        Row(scene.refuse(regional("")), Code::InvalidText, "/region", "1 to 64"),
        Row(scene.refuse(zoned), Code::InvalidText, "/zone", "\"zone a\""),
        Row(used_up.refuse(vpc("10.30.0.0/16")), Code::NumbersExhausted, "", "4194303 numbers"),
        Row(used_up.refuse(subnet(scene.vpc, "10.20.2.0/24")), Code::NumbersExhausted, "", "\"subnet\""),
    ]
}
