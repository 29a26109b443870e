//! What instances have of their hosts, and what is left.

use super::refusals::Row;
use crate::{Code, request::*, tests::scene::*};
use havip_model::{Driver, HostNumber, InstanceId};

fn at(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}

fn limited(host: u32, cpu_millis: Option<u64>, memory_mib: Option<u64>) -> UpdateHost {
    let (cpu_millis, memory_mib) = (Some(cpu_millis), Some(memory_mib));
    UpdateHost { host: at(host), texts: NewTexts::default(), facts: None, cpu_millis, memory_mib }
}

/// Two processors on host 1, a bit more than 512 MiB on host 2: room for two instances and for one.
fn narrow() -> (Scene, [InstanceId; 3]) {
    let mut scene = Scene::new();
    scene.admit(limited(1, Some(2000), None));
    scene.admit(limited(2, None, Some(600)));
    let all = [scene.run(), scene.run(), scene.run()];
    assert_eq!(all.map(|id| scene.instance(id).host), [at(1), at(2), at(1)]);
    (scene, all)
}

pub fn rows() -> Vec<Row> {
    let (scene, _) = narrow();
    let on = |host| RunInstance { host: Some(at(host)), ..RunInstance::of(scene.subnet) };
    let anywhere = RunInstance::of(scene.subnet);
    vec![
        Row(scene.refuse(anywhere), Code::HostFull, "/host", "has room for 1 CPU and 512 MiB"),
        Row(scene.refuse(on(1)), Code::HostFull, "/host", "host 1 (h1) has no room"),
        Row(scene.refuse(on(2)), Code::HostFull, "/host", "havip host update"),
    ]
}

#[test]
fn hosts_give_no_more_than_they_have() {
    let (mut scene, all) = narrow();
    let run = RunInstance::of(scene.subnet);
    let on = |host| RunInstance { host: Some(at(host)), ..run.clone() };
    let small = RunInstance { cpu_millis: 10, memory_mib: 88, ..run.clone() };
    let small = scene.make_instance(small);
    assert_eq!(scene.instance(small).host, at(2), "what fits goes where it fits");
    // Guests that are not ours have nothing of a host.
    scene.make_instance(RunInstance { driver: Driver::External, ..on(1) });
    scene.admit(DeleteInstance { instance: all[0] });
    scene.make_instance(on(1));
    scene.admit(limited(1, None, None));
    scene.make_instance(on(1));
}

#[test]
fn a_stopped_instance_keeps_its_share_unless_it_gives_it_up_and_then_needs_room_to_start() {
    let (mut scene, [first, ..]) = narrow();
    let run = RunInstance::of(scene.subnet);
    scene.admit(StopInstance::of(first));
    assert_eq!(scene.refuse(run.clone()).code, Code::HostFull);
    scene.admit(PowerOffInstance { instance: first, gives_up_share: true });
    let other = scene.make_instance(run.clone());
    assert_eq!(scene.instance(other).host, at(1));

    assert_eq!(scene.refuse(StartInstance { instance: first }).code, Code::HostFull);
    scene.admit(DeleteInstance { instance: other });
    scene.admit(StartInstance { instance: first });
    assert!(!scene.instance(first).gave_up_share);
    assert_eq!(scene.refuse(run).code, Code::HostFull, "it has its share again");
}

#[test]
fn a_machine_goes_only_where_there_is_room_and_has_it_there_from_then_on() {
    let mut scene = Scene::new();
    let machine = RunInstance {
        driver: Driver::Qemu,
        image: Some("small".into()),
        host: Some(at(1)),
        ..RunInstance::of(scene.subnet)
    };
    let machine = scene.make_instance(machine);
    scene.admit(limited(2, Some(999), None));
    let go = MigrateInstance { instance: machine, host: at(2) };
    assert_eq!(scene.refuse(go.clone()).code, Code::HostFull);
    scene.admit(limited(2, Some(1500), None));
    scene.admit(go);
    let run = RunInstance { host: Some(at(2)), cpu_millis: 600, ..RunInstance::of(scene.subnet) };
    assert_eq!(scene.refuse(run).code, Code::HostFull);
}
