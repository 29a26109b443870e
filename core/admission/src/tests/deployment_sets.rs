//! Deployment sets: their instances are on different hosts, from the beginning and wherever they go.

use super::refusals::Row;
use crate::{Code, LiveHost, Request, admit_all, request::*, tests::scene::*};
use havip_model::{Body, DeploymentSetId, Driver, HostNumber, InstanceId, ResourceKey};
use std::collections::BTreeSet;

fn made(scene: &mut Scene) -> DeploymentSetId {
    match scene.admit(CreateDeploymentSet { texts: texts("web") }) {
        ResourceKey::DeploymentSet(id) => id,
        other => panic!("{other} was made"),
    }
}

fn of(scene: &Scene, set: DeploymentSetId) -> RunInstance {
    RunInstance { deployment_set: Some(set), ..RunInstance::of(scene.subnet) }
}

fn at(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}

/// One more live host, which has the most load.
fn add_host(scene: &mut Scene, number: u8) -> HostNumber {
    let host = scene.make_host(host(number));
    scene.facts.live.push(LiveHost { host, load_millis: 900 });
    host
}

#[test]
fn instances_of_a_set_are_spread_however_busy_hosts_are_and_another_set_does_not_matter() {
    let mut scene = Scene::new();
    let third = add_host(&mut scene, 3);
    for _ in 0..4 {
        scene.run();
    }
    let (set, other) = (made(&mut scene), made(&mut scene));
    for set in [set, other] {
        let members: Vec<InstanceId> = (0..3).map(|_| scene.make_instance(of(&scene.clone(), set))).collect();
        let hosts: BTreeSet<HostNumber> = members.iter().map(|id| scene.instance(*id).host).collect();
        assert_eq!(hosts, [at(1), at(2), third].into());
        assert_eq!(scene.world.instances_of_set(set).count(), 3);
    }
    assert_eq!(scene.refuse(of(&scene, set)).code, Code::DeploymentSetFull);
    // A stopped one still has its place; a deleted one leaves it.
    let first = scene.world.instances_of_set(set).next().unwrap().clone();
    scene.admit(StopInstance::of(first.id));
    assert_eq!(scene.refuse(of(&scene, set)).code, Code::DeploymentSetFull);
    scene.admit(DeleteInstance { instance: first.id });
    let next = scene.make_instance(of(&scene.clone(), set));
    assert_eq!(scene.instance(next).host, first.host);
}

#[test]
fn several_at_once_are_spread_or_none_is_made() {
    let mut scene = Scene::new();
    let set = made(&mut scene);
    let one = Request::from(of(&scene, set));
    let ask = |count| admit_all(&scene.world, &vec![one.clone(); count], &scene.facts);
    let (_, change) = ask(2).unwrap().unwrap();
    let hosts = change.puts.iter().filter_map(|put| match put {
        havip_model::Resource::Instance(instance) => Some(instance.host),
        _ => None,
    });
    assert_eq!(hosts.collect::<BTreeSet<_>>(), [at(1), at(2)].into());
    assert_eq!(ask(3).unwrap_err().code, Code::DeploymentSetFull);
}

/// A machine of a set on each of the two hosts, and a third host.
fn machines() -> (Scene, DeploymentSetId, [InstanceId; 2], HostNumber) {
    let mut scene = Scene::new();
    let set = made(&mut scene);
    let machine = RunInstance { driver: Driver::Qemu, image: Some("debian".into()), ..of(&scene, set) };
    let both =
        [1, 2].map(|host| scene.make_instance(RunInstance { host: Some(at(host)), ..machine.clone() }));
    let third = add_host(&mut scene, 3);
    (scene, set, both, third)
}

#[test]
fn a_machine_that_is_migrated_goes_where_no_other_of_its_set_is_and_has_its_place_at_both_ends() {
    let (mut scene, set, [first, second], third) = machines();
    let to = |instance, host| MigrateInstance { instance, host };
    let refused = scene.refuse(to(first, at(2)));
    assert_eq!(
        (refused.code, refused.field.as_str(), refused.blocked_by),
        (Code::DeploymentSetFull, "/host", vec![ResourceKey::Instance(second)])
    );
    scene.admit(to(first, third));
    // While it is on its way nobody else of the set comes to either host.
    assert_eq!(scene.refuse(to(second, third)).code, Code::DeploymentSetFull);
    assert_eq!(scene.refuse(of(&scene, set)).code, Code::DeploymentSetFull);
    let interface = scene.primary(first);
    scene.admit(FinishMigration { interface, is_seen: true });
    assert_eq!(scene.instance(first).host, third);
    let next = scene.make_instance(of(&scene.clone(), set));
    assert_eq!(scene.instance(next).host, at(1));
}

#[test]
fn a_guest_of_ones_own_is_not_migrated_to_a_host_of_its_set_either() {
    let mut scene = Scene::new();
    let set = made(&mut scene);
    let guest = |host: u32, device: &str| RunInstance {
        driver: Driver::External,
        device: Some(device.into()),
        host: Some(at(host)),
        ..of(&scene.clone(), set)
    };
    let (first, second) = (guest(1, "tap1"), guest(2, "tap2"));
    let first = scene.make_instance(first);
    scene.make_instance(second);
    let third = add_host(&mut scene, 3);
    let interface = scene.primary(first);
    let to = |host| MigrateInterface { interface, host, device: "tap9".into() };
    assert_eq!(scene.refuse(to(at(2))).code, Code::DeploymentSetFull);
    scene.admit(to(third));
}

#[test]
fn an_instance_joins_a_set_where_it_is_and_leaves_it_again() {
    let mut scene = Scene::new();
    let (set, other) = (made(&mut scene), made(&mut scene));
    let on = |scene: &mut Scene, host| {
        scene.make_instance(RunInstance { host: Some(at(host)), ..RunInstance::of(scene.clone().subnet) })
    };
    let (first, beside, apart) = (on(&mut scene, 1), on(&mut scene, 1), on(&mut scene, 2));
    scene.admit(JoinDeploymentSet { instance: first, set });
    let refused = scene.refuse(JoinDeploymentSet { instance: beside, set });
    assert_eq!(
        (refused.code, refused.blocked_by),
        (Code::DeploymentSetFull, vec![ResourceKey::Instance(first)])
    );
    scene.admit(JoinDeploymentSet { instance: apart, set });
    assert_eq!(scene.refuse(of(&scene, set)).code, Code::DeploymentSetFull);
    // From one set to another, at once; the first one has room again.
    scene.admit(JoinDeploymentSet { instance: first, set: other });
    scene.admit(JoinDeploymentSet { instance: beside, set });
    assert_eq!(scene.instance(first).deployment_set, Some(other));
    scene.admit(LeaveDeploymentSet { instance: first });
    scene.admit(DeleteDeploymentSet { set: other });
    assert_eq!(scene.world.instances_of_set(set).count(), 2);
}

#[test]
fn a_machine_on_its_way_joins_a_set_only_if_both_ends_are_free() {
    let (mut scene, set, [first, second], third) = machines();
    scene.admit(LeaveDeploymentSet { instance: second });
    scene.admit(MigrateInstance { instance: second, host: at(1) });
    let join = JoinDeploymentSet { instance: second, set };
    assert_eq!(scene.refuse(join.clone()).blocked_by, [ResourceKey::Instance(first)]);
    scene.admit(CancelInstanceMigration { instance: second });
    scene.admit(MigrateInstance { instance: second, host: third });
    scene.admit(join);
    // Its place at both ends is taken.
    assert_eq!(scene.refuse(MigrateInstance { instance: first, host: third }).code, Code::DeploymentSetFull);
}

pub fn rows() -> Vec<Row> {
    let (scene, set, [first, _], third) = machines();
    let nobody = DeploymentSetId::new(Body::from_entropy([9; 16]));
    let mut crowded = scene.clone();
    let last = RunInstance { host: Some(third), ..of(&crowded, set) };
    crowded.make_instance(last.clone());
    let mut full = scene.clone();
    for _ in 1..100 {
        made(&mut full);
    }
    let mut few = scene.clone();
    few.facts.quotas.deployment_sets_per_project = Some(1);
    let mut beside = scene.clone();
    let instance = RunInstance { host: Some(at(1)), ..RunInstance::of(scene.subnet) };
    let instance = beside.make_instance(instance);
    let more = CreateDeploymentSet { texts: Texts::default() };
    vec![
        Row(
            scene.refuse(of(&scene, nobody)),
            Code::DeploymentSetNotFound,
            "/deployment_set",
            "does not exist",
        ),
        Row(crowded.refuse(of(&scene, set)), Code::DeploymentSetFull, "/deployment_set", "add a host"),
        Row(crowded.refuse(last), Code::DeploymentSetFull, "/host", "use another host"),
        Row(full.refuse(more.clone()), Code::TooManyDeploymentSets, "", "delete one"),
        Row(few.refuse(more), Code::TooManyDeploymentSets, "", "deployment_sets_per_project"),
        Row(
            scene.refuse(UpdateDeploymentSet { set, texts: NewTexts::default() }),
            Code::NothingToDo,
            "",
            "changes nothing",
        ),
        Row(
            scene.refuse(UpdateDeploymentSet { set: nobody, texts: renamed("x") }),
            Code::DeploymentSetNotFound,
            "/deployment_set",
            "does not exist",
        ),
        Row(
            scene.refuse(DeleteDeploymentSet { set }),
            Code::DeploymentSetInUse,
            "/deployment_set",
            "delete them first",
        ),
        Row(
            scene.refuse(JoinDeploymentSet { instance: first, set: nobody }),
            Code::DeploymentSetNotFound,
            "/deployment_set",
            "does not exist",
        ),
        Row(
            scene.refuse(JoinDeploymentSet { instance: first, set }),
            Code::AlreadyInState,
            "/deployment_set",
            "nothing to do",
        ),
        Row(
            beside.refuse(JoinDeploymentSet { instance, set }),
            Code::DeploymentSetFull,
            "/deployment_set",
            "migrate one of the two",
        ),
        Row(
            beside.refuse(LeaveDeploymentSet { instance }),
            Code::AlreadyInState,
            "/instance",
            "nothing to do",
        ),
    ]
}
