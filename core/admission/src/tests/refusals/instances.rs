//! Refusals of instances.

use super::{interfaces::number, *};
use crate::{request::*, tests::scene::*};
use havip_model::{Driver, InitSystem, InstanceId, NextHop};

pub fn rows() -> Vec<Row> {
    [running(), switching()].into_iter().flatten().collect()
}

fn running() -> Vec<Row> {
    let mut scene = Scene::new();
    let run = || RunInstance::of(scene.subnet);
    let mut lonely = scene.clone();
    lonely.facts.live.clear();
    let on = |host| RunInstance { host: Some(number(host)), ..run() };
    let external = RunInstance { driver: Driver::External, device: Some("tap0".into()), ..on(1) };
    let machine =
        |image: Option<&str>| RunInstance { driver: Driver::Qemu, image: image.map(str::to_owned), ..run() };
    let not_live = lonely.refuse(on(1));
    blocked_by(&not_live, [ResourceKey::Host(number(1))]);
    let rows = vec![
        Row(not_live, Code::HostNotLive, "/host", "start its agent"),
        Row(lonely.refuse(run()), Code::NoHost, "/host", "local-a"),
        Row(scene.refuse(on(7)), Code::HostNotFound, "/host", "does not exist"),
        Row(
            scene.refuse(RunInstance { address: Choice::Without, ..run() }),
            Code::AddressRequired,
            "/address",
            "choose",
        ),
        Row(
            scene.refuse(RunInstance { cpu_millis: 9, ..run() }),
            Code::OutOfRange,
            "/cpu_millis",
            "10 to 64000",
        ),
        Row(
            scene.refuse(RunInstance { memory_mib: 8, ..run() }),
            Code::OutOfRange,
            "/memory_mib",
            "16 to 262144",
        ),
        Row(
            scene.refuse(RunInstance { user_data: "#".repeat(65_537), ..run() }),
            Code::OutOfRange,
            "/user_data",
            "65537",
        ),
        Row(
            scene.refuse(RunInstance { device: Some("tap0".into()), ..run() }),
            Code::InvalidDevice,
            "/device",
            "external",
        ),
        Row(scene.refuse(machine(None)), Code::InvalidImage, "/image", "[images]"),
        Row(scene.refuse(machine(Some("/etc/shadow"))), Code::InvalidText, "/image", "/etc/shadow"),
        Row(
            scene.refuse(RunInstance { driver: Driver::Namespace, ..machine(Some("debian")) }),
            Code::InvalidImage,
            "/image",
            "qemu",
        ),
        Row(
            scene.refuse(RunInstance { init: InitSystem::Systemd, ..machine(Some("debian")) }),
            Code::InvalidInit,
            "/init",
            "brings its own",
        ),
        Row(
            scene.refuse(RunInstance { memory_mib: 32, ..machine(Some("debian")) }),
            Code::OutOfRange,
            "/memory_mib",
            "64 to 262144",
        ),
        Row(
            scene.refuse(RunInstance { device: Some("tap0".into()), ..machine(Some("debian")) }),
            Code::InvalidDevice,
            "/device",
            "external",
        ),
    ];
    let zone = CreateSubnet { zone: "local-b".into(), ..subnet(scene.vpc, "10.20.3.0/24") };
    let zone = scene.make_subnet(zone);
    scene.make_instance(external.clone());
    let elsewhere = RunInstance { host: Some(number(1)), ..RunInstance::of(zone) };
    let more = vec![
        Row(scene.refuse(external), Code::DeviceInUse, "/device", "unplug it first"),
        Row(scene.refuse(elsewhere), Code::OtherZone, "/host", "local-b"),
        Row(scene.refuse(RunInstance::of(zone)), Code::NoHost, "/host", "zone local-b"),
    ];
    rows.into_iter().chain(more).collect()
}

fn switching() -> Vec<Row> {
    let mut scene = Scene::new();
    let nobody = InstanceId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    let (running, stopped, off) = (scene.run(), scene.run(), scene.run());
    scene.admit(StopInstance::of(stopped));
    scene.admit(PowerOffInstance::of(off));
    let router =
        scene.make_instance(RunInstance { source_dest_check: false, ..RunInstance::of(scene.subnet) });
    let next_hop = NextHop::Interface(scene.primary(router));
    let way = scene.make_route(route(scene.vpc, "0.0.0.0/0", next_hop));
    let is_next_hop = scene.refuse(DeleteInstance { instance: router });
    blocked_by(&is_next_hop, [ResourceKey::Route(way)]);
    let external =
        scene.make_instance(RunInstance { driver: Driver::External, ..RunInstance::of(scene.subnet) });
    vec![
        Row(is_next_hop, Code::InterfaceHasRoute, "/instance", "delete the route(s) first"),
        Row(
            scene.refuse(RestartInstance { instance: external }),
            Code::WrongDriver,
            "/instance",
            "restart it yourself",
        ),
        Row(
            scene.refuse(RestartInstance { instance: stopped }),
            Code::AlreadyInState,
            "/instance",
            "start it",
        ),
        Row(
            scene.refuse(StartInstance { instance: running }),
            Code::AlreadyInState,
            "/instance",
            "running already",
        ),
        Row(scene.refuse(StopInstance::of(stopped)), Code::AlreadyInState, "/instance", "stopped already"),
        Row(scene.refuse(StopInstance::of(off)), Code::AlreadyInState, "/instance", "powered off already"),
        Row(
            scene.refuse(PowerOffInstance::of(off)),
            Code::AlreadyInState,
            "/instance",
            "powered off already",
        ),
        Row(
            scene.refuse(DeleteInstance { instance: nobody }),
            Code::InstanceNotFound,
            "/instance",
            "does not exist",
        ),
        Row(
            scene.refuse(UpdateInstance { instance: running, texts: NewTexts::default() }),
            Code::NothingToDo,
            "",
            "changes nothing",
        ),
    ]
}
