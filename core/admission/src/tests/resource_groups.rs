//! Resource groups: what is in them, from the beginning or moved, and when they may go.

use super::refusals::Row;
use crate::{Code, request::*, tests::scene::*};
use havip_model::{Body, ProjectId, ResourceGroupId, ResourceKey};
use std::collections::BTreeSet;

fn named(name: &str) -> CreateResourceGroup {
    CreateResourceGroup { texts: texts(name) }
}

fn made(scene: &mut Scene, name: &str) -> ResourceGroupId {
    match scene.admit(named(name)) {
        ResourceKey::ResourceGroup(id) => id,
        other => panic!("{other} was made"),
    }
}

fn of(scene: &Scene, key: impl Into<ResourceKey>) -> ResourceGroupId {
    scene.world.get(key.into()).unwrap().meta().group()
}

fn inside(scene: &Scene, group: ResourceGroupId) -> BTreeSet<ResourceKey> {
    scene.world.in_resource_group(ProjectId::first(), Some(group)).collect()
}

#[test]
fn what_is_made_in_a_group_is_in_it_with_what_is_made_along() {
    let mut scene = Scene::new();
    let group = made(&mut scene, "shop");
    let default = ResourceGroupId::default_of(ProjectId::first());
    let within = |name: &str| texts(name).grouped(Some(group));
    let vpc_id = scene.make_vpc(CreateVpc { texts: within("shop"), ..vpc("10.30.0.0/16") });
    let its_security_group = scene.world.default_group(vpc_id).unwrap();
    let instance = scene.make_instance(RunInstance { texts: within("web"), ..RunInstance::of(scene.subnet) });
    let interface = scene.primary(instance);
    let together = [
        ResourceKey::Vpc(vpc_id),
        ResourceKey::SecurityGroup(its_security_group),
        ResourceKey::Instance(instance),
        ResourceKey::Interface(interface),
    ];
    assert_eq!(inside(&scene, group), together.into());
    // The default group may be named, and is where everything else is.
    let named = CreateVip { texts: texts("v").grouped(Some(default)), ..CreateVip::of(scene.subnet) };
    let vip = scene.make_vip(named);
    assert_eq!(scene.vip(vip).meta.resource_group, None);
    for key in [ResourceKey::Vip(vip), ResourceKey::Vpc(scene.vpc), ResourceKey::Subnet(scene.subnet)] {
        assert_eq!(of(&scene, key), default, "{key}");
    }
}

#[test]
fn resources_move_all_or_none_their_generations_stay_and_an_instance_takes_its_interface_along() {
    let mut scene = Scene::new();
    let (group, other) = (made(&mut scene, "shop"), made(&mut scene, "bank"));
    let (vip, instance) = (scene.float(), scene.run());
    let interface = scene.primary(instance);
    let generation = scene.vip(vip).meta.generation;
    let all = [ResourceKey::Vip(vip), ResourceKey::Instance(instance)];
    scene.admit(MoveToGroup { group, resources: all.into() });
    assert_eq!(inside(&scene, group), [all[0], all[1], ResourceKey::Interface(interface)].into());
    assert_eq!(scene.vip(vip).meta.generation, generation, "no host hears of it");

    // Whoever took its interface elsewhere does not get it back by moving the instance.
    scene.admit(MoveToGroup { group: other, resources: vec![ResourceKey::Interface(interface)] });
    let default = ResourceGroupId::default_of(ProjectId::first());
    scene.admit(MoveToGroup { group: default, resources: vec![ResourceKey::Instance(instance)] });
    assert_eq!(of(&scene, ResourceKey::Interface(interface)), other);
    assert_eq!(of(&scene, ResourceKey::Instance(instance)), default);

    let nobody = ResourceKey::Vip(havip_model::VipId::new(Body::from_entropy([9; 16])));
    let some = MoveToGroup { group: other, resources: vec![ResourceKey::Vip(vip), nobody] };
    assert_eq!(scene.refuse(some).code, Code::ResourceNotFound);
    assert_eq!(of(&scene, ResourceKey::Vip(vip)), group);
}

#[test]
fn a_group_is_renamed_and_goes_when_nothing_is_in_it() {
    let mut scene = Scene::new();
    let group = made(&mut scene, "shop");
    scene.admit(UpdateResourceGroup { group, texts: renamed("store") });
    // Its own name is no other's.
    scene.admit(UpdateResourceGroup { group, texts: renamed("store") });
    let vip = scene.float();
    scene.admit(MoveToGroup { group, resources: vec![ResourceKey::Vip(vip)] });
    let refused = scene.refuse(DeleteResourceGroup { group });
    assert_eq!((refused.code, refused.blocked_by), (Code::ResourceGroupInUse, vec![ResourceKey::Vip(vip)]));
    scene.admit(DeleteVip { vip, unbind: false });
    scene.admit(DeleteResourceGroup { group });
    assert!(scene.world.resource_groups.is_empty());
}

pub fn rows() -> Vec<Row> {
    let mut scene = Scene::new();
    let group = made(&mut scene, "shop");
    let nobody = ResourceGroupId::new(Body::from_entropy([9; 16]));
    let default = ResourceGroupId::default_of(ProjectId::first());
    let (vip, host) = (scene.float(), ResourceKey::Host(havip_model::HostNumber::MIN));
    let moved = |group, resources: &[ResourceKey]| MoveToGroup { group, resources: resources.to_vec() };
    let within = CreateVip { texts: texts("v").grouped(Some(nobody)), ..CreateVip::of(scene.subnet) };
    let mut full = scene.clone();
    for number in 1..100 {
        made(&mut full, &format!("group-{number}"));
    }
    let mut few = scene.clone();
    few.facts.quotas.resource_groups_per_project = Some(1);
    let mut used = scene.clone();
    used.admit(moved(group, &[ResourceKey::Vip(vip)]));
    let many = vec![ResourceKey::Vip(vip); 51];
    vec![
        Row(scene.refuse(within), Code::ResourceGroupNotFound, "/resource_group", "does not exist"),
        Row(scene.refuse(named("")), Code::InvalidText, "/name", "needs a name"),
        Row(scene.refuse(named("shop")), Code::NameInUse, "/name", "choose another name"),
        Row(scene.refuse(named("default")), Code::NameInUse, "/name", "choose another name"),
        Row(full.refuse(named("more")), Code::TooManyResourceGroups, "", "delete one"),
        Row(few.refuse(named("more")), Code::TooManyResourceGroups, "", "resource_groups_per_project"),
        Row(
            scene.refuse(UpdateResourceGroup { group, texts: NewTexts::default() }),
            Code::NothingToDo,
            "",
            "changes nothing",
        ),
        Row(
            scene.refuse(UpdateResourceGroup { group: nobody, texts: renamed("x") }),
            Code::ResourceGroupNotFound,
            "/group",
            "does not exist",
        ),
        Row(
            scene.refuse(UpdateResourceGroup { group: default, texts: renamed("x") }),
            Code::DefaultResourceGroup,
            "/group",
            "stays as it is",
        ),
        Row(
            scene.refuse(DeleteResourceGroup { group: default }),
            Code::DefaultResourceGroup,
            "/group",
            "stays as it is",
        ),
        Row(used.refuse(DeleteResourceGroup { group }), Code::ResourceGroupInUse, "/group", "move them"),
        Row(scene.refuse(moved(group, &[])), Code::NothingToDo, "", "resources to move"),
        Row(scene.refuse(moved(group, &many)), Code::OutOfRange, "/resources", "1 to 50"),
        Row(
            scene.refuse(moved(nobody, &[ResourceKey::Vip(vip)])),
            Code::ResourceGroupNotFound,
            "/group",
            "does not exist",
        ),
        Row(
            scene.refuse(moved(group, &[host])),
            Code::ResourceNotFound,
            "/resources",
            "be in a resource group",
        ),
        Row(
            scene.refuse(moved(group, &[ResourceKey::ResourceGroup(group)])),
            Code::ResourceNotFound,
            "/resources",
            "be in a resource group",
        ),
    ]
}
