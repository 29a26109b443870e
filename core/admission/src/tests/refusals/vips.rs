//! Refusals of VIPs and associations.

use super::*;
use crate::{Quotas, request::*, tests::scene::*};
use havip_model::{AssociationMode, InstanceId, NextHop, Profile, Target, VipId};

pub fn rows() -> Vec<Row> {
    [making(), changing(), deleting(), associating(), limits()].into_iter().flatten().collect()
}

fn making() -> Vec<Row> {
    let mut scene = Scene::new();
    let create = || CreateVip::of(scene.subnet);
    let with = |address: &str| CreateVip { address: chosen(address), ..create() };
    let instance = scene.clone().run();
    let stranger =
        CreateVip { associations: vec![(Target::Instance(instance), AssociationMode::Claim)], ..create() };
    let (outside, gateway) = (with("10.20.2.9"), with("10.20.1.1"));
    let without = CreateVip { address: Choice::Without, ..create() };
    let same = with("10.20.1.100");
    let sources = CreateVip { advert_sources: vec![ip("224.0.0.18")], ..create() };
    scene.make_vip(same.clone());
    vec![
        Row(scene.refuse(same), Code::AddressInUse, "/address", "is in use by vip-"),
        Row(scene.refuse(outside), Code::AddressOutsideSubnet, "/address", "choose one of"),
        Row(scene.refuse(gateway), Code::AddressReserved, "/address", "the gateway"),
        Row(scene.refuse(without), Code::AddressRequired, "/address", "needs an address"),
        Row(scene.refuse(stranger), Code::InstanceNotFound, "/associations/0", "does not exist"),
        Row(scene.refuse(sources), Code::AddressNotUnicast, "/advert_sources/0", "unicast"),
    ]
}

fn changing() -> Vec<Row> {
    let mut scene = Scene::new();
    let vip = scene.float();
    let nothing =
        UpdateVip { vip, texts: NewTexts::default(), contention: None, assist: None, advert_sources: None };
    let sources = |addresses: Vec<_>| UpdateVip { advert_sources: Some(addresses), ..nothing.clone() };
    let many = (0..21).map(|n| std::net::IpAddr::from([192, 168, 1, n])).collect();
    let gone = UpdateVip { vip: VipId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap()), ..sources(vec![]) };
    vec![
        Row(scene.refuse(nothing.clone()), Code::NothingToDo, "", "contention, assist or advert_sources"),
        Row(scene.refuse(gone), Code::VipNotFound, "/vip", "does not exist"),
        Row(scene.refuse(sources(many)), Code::TooManyAdvertSources, "/advert_sources", "may have 20"),
        Row(
            scene.refuse(sources(vec![ip("10.0.0.1"), ip("10.0.0.1")])),
            Code::AddressRepeated,
            "/advert_sources/1",
            "twice",
        ),
        Row(
            scene.refuse(sources(vec![ip("::ffff:10.0.0.1")])),
            Code::AddressNotUnicast,
            "/advert_sources/0",
            "unicast",
        ),
        Row(scene.refuse(sources(vec![ip("::")])), Code::AddressNotUnicast, "/advert_sources/0", "unicast"),
    ]
}

fn deleting() -> Vec<Row> {
    let mut scene = Scene::new();
    let (vip, instance) = (scene.float(), scene.run());
    scene.admit(Associate { vip, target: Target::Instance(instance), mode: AssociationMode::Claim });
    scene.make_pool(pool("203.0.113.0/24"));
    let eip = scene.make_eip(eip());
    scene.admit(BindEip { eip, target: havip_model::EipTarget::Vip(vip) });
    let route = scene.make_route(route(scene.vpc, "10.0.0.0/8", NextHop::Vip(vip)));
    let in_use = scene.refuse(DeleteVip { vip, unbind: false });
    blocked_by(&in_use, [ResourceKey::Instance(instance), ResourceKey::Eip(eip), ResourceKey::Route(route)]);
    let gone = VipId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    vec![
        Row(in_use, Code::VipInUse, "/vip", "unbind=true"),
        Row(scene.refuse(DeleteVip { vip: gone, unbind: true }), Code::VipNotFound, "/vip", "does not exist"),
    ]
}

fn associating() -> Vec<Row> {
    let mut scene = Scene::new();
    let vip = scene.float();
    let (blue, green) = (scene.run(), scene.run());
    let other_subnet = scene.make_subnet(subnet(scene.vpc, "10.20.2.0/24"));
    let beside = scene.make_instance(RunInstance::of(other_subnet));
    let other_vpc = scene.make_vpc(vpc("10.20.0.0/16"));
    let other_vpc = scene.make_subnet(subnet(other_vpc, "10.20.1.0/24"));
    let foreign = scene.make_instance(RunInstance::of(other_vpc));
    let associate = |target| Associate { vip, target, mode: AssociationMode::Claim };
    let with_primary = |scene: &Scene, id| associate(Target::Interface(scene.primary(id)));
    scene.admit(associate(Target::Instance(blue)));
    let mixed = scene.refuse(with_primary(&scene, green));
    blocked_by(&mixed, [ResourceKey::Instance(blue)]);
    let nobody = InstanceId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    let refuse = |target| scene.refuse(associate(target));
    vec![
        Row(mixed, Code::MixedTargets, "/target", "either instances or interfaces"),
        Row(refuse(Target::Instance(blue)), Code::AlreadyAssociated, "/target", "nothing to do"),
        Row(refuse(Target::Instance(beside)), Code::OtherSubnet, "/target", "has no interface in subnet"),
        Row(refuse(Target::Instance(foreign)), Code::OtherVpc, "/target", "is not in VPC"),
        Row(refuse(Target::Instance(nobody)), Code::InstanceNotFound, "/target", "does not exist"),
        Row(scene.refuse(with_primary(&scene, beside)), Code::OtherSubnet, "/target", "is not in subnet"),
        Row(scene.refuse(with_primary(&scene, foreign)), Code::OtherVpc, "/target", "is not in VPC"),
        Row(
            scene.refuse(Dissociate { vip, target: Target::Instance(green) }),
            Code::NotAssociated,
            "/target",
            "nothing to end",
        ),
    ]
}

fn limits() -> Vec<Row> {
    let mut scene = Scene::new();
    let (vip, private) = (scene.float(), Profile::Ucloudstack);
    let small = scene.make_vip(CreateVip { profile: private, ..CreateVip::of(scene.subnet) });
    let busy = scene.run();
    let associate =
        |vip, target| Associate { vip, target: Target::Instance(target), mode: AssociationMode::Claim };
    for _ in 0..10 {
        let instance = scene.run();
        scene.admit(associate(vip, instance));
        if scene.vip(small).associations.len() < 3 {
            scene.admit(associate(small, instance));
        }
    }
    for _ in 0..5 {
        let vip = scene.float();
        scene.admit(associate(vip, busy));
    }
    let another = scene.float();
    let mut crowded = scene.clone();
    let tencent = CreateVip { profile: Profile::Tencent, ..CreateVip::of(scene.subnet) };
    while crowded.world.vip_count(scene.vpc) < 10 {
        crowded.float();
    }
    let of_tencent = crowded.refuse(tencent);
    while crowded.world.vip_count(scene.vpc) < 50 {
        crowded.float();
    }
    let of_vpc = crowded.refuse(CreateVip::of(scene.subnet));
    let mut raised = crowded.clone();
    raised.facts.quotas = Quotas { vips_per_vpc: Some(51), ..Quotas::default() };
    let mut without = scene.clone();
    without.facts.quotas.vips_per_project = Some(0);
    vec![
        Row(without.refuse(CreateVip::of(scene.subnet)), Code::VipsNotAllowed, "", "may have no VIPs"),
        Row(of_tencent, Code::TooManyVipsInVpc, "/subnet", "has 10 VIPs"),
        Row(of_vpc, Code::TooManyVipsInVpc, "/subnet", "vips_per_vpc"),
        Row(raised.refuse(CreateVip::of(scene.subnet)), Code::TooManyVipsInProject, "", "vips_per_project"),
        Row(scene.refuse(associate(vip, busy)), Code::TooManyAssociations, "/target", "has 10 associations"),
        Row(scene.refuse(associate(small, busy)), Code::TooManyAssociations, "/target", "has 3 associations"),
        Row(scene.refuse(associate(another, busy)), Code::TooManyVipsOfInstance, "/target", "with 5 VIPs"),
    ]
}
