//! Refusals of interfaces: their addresses, where they are attached and plugged in.

use super::*;
use crate::{request::*, tests::scene::*};
use havip_model::{Driver, Family, HostNumber, InterfaceId, NextHop};

pub fn rows() -> Vec<Row> {
    [addresses(), macs(), further_addresses(), attaching(), plugging(), migrating(), leaving()]
        .into_iter()
        .flatten()
        .collect()
}

fn addresses() -> Vec<Row> {
    let mut scene = Scene::new();
    let home = scene.subnet;
    let with = |address| CreateInterface { address, ..interface(home) };
    let vip = CreateVip { address: chosen("10.20.1.100"), ..CreateVip::of(scene.subnet) };
    let vip = scene.make_vip(vip);
    let in_use = scene.refuse(with(chosen("10.20.1.100")));
    blocked_by(&in_use, [ResourceKey::Vip(vip)]);
    let mut full = scene.clone();
    let small = full.make_subnet(subnet(scene.vpc, "10.20.2.0/29"));
    (0..4).for_each(|_| _ = full.make_interface(interface(small)));
    let twice =
        CreateInterface { secondary: vec![ip("10.20.1.9"), ip("10.20.1.9")], ..interface(scene.subnet) };
    let own = CreateInterface { secondary: vec![ip("10.20.1.9")], ..with(chosen("10.20.1.9")) };
    vec![
        Row(in_use, Code::AddressInUse, "/address", "is in use by vip-"),
        Row(
            scene.refuse(with(chosen("10.20.2.7"))),
            Code::AddressOutsideSubnet,
            "/address",
            "10.20.1.3 to 10.20.1.254",
        ),
        Row(
            scene.refuse(with(chosen("10.20.1.0"))),
            Code::AddressReserved,
            "/address",
            "the network address",
        ),
        Row(scene.refuse(with(chosen("10.20.1.1"))), Code::AddressReserved, "/address", "the gateway"),
        Row(
            scene.refuse(with(chosen("10.20.1.2"))),
            Code::AddressReserved,
            "/address",
            "kept for the services",
        ),
        Row(
            scene.refuse(with(chosen("10.20.1.255"))),
            Code::AddressReserved,
            "/address",
            "the broadcast address",
        ),
        Row(scene.refuse(twice), Code::AddressRepeated, "/secondary/1", "stands twice"),
        Row(scene.refuse(own), Code::AddressRepeated, "/secondary/0", "stands twice"),
        Row(full.refuse(interface(small)), Code::SubnetFull, "/address", "every address of subnet"),
        Row(full.refuse(CreateVip::of(small)), Code::SubnetFull, "/address", "every address of subnet"),
    ]
}

fn macs() -> Vec<Row> {
    let mut scene = Scene::new();
    let with = |mac: &str| CreateInterface { mac: Some(mac.parse().unwrap()), ..interface(scene.subnet) };
    let (multicast, vrrp, gateway) =
        (with("01:00:5e:00:00:01"), with("00:00:5e:00:01:0a"), with("02:68:77:00:00:01"));
    let own = with("52:54:00:00:00:01");
    let first = scene.make_interface(own.clone());
    let in_use = scene.refuse(own);
    blocked_by(&in_use, [ResourceKey::Interface(first)]);
    vec![
        Row(in_use, Code::MacInUse, "/mac", "is the MAC of interface"),
        Row(scene.refuse(multicast), Code::MacNotUsable, "/mac", "multicast"),
        Row(scene.refuse(vrrp), Code::MacNotUsable, "/mac", "VRRP"),
        Row(scene.refuse(gateway), Code::MacNotUsable, "/mac", "gateways"),
    ]
}

fn further_addresses() -> Vec<Row> {
    let mut scene = Scene::new();
    let (a, b) =
        (scene.make_interface(interface(scene.subnet)), scene.make_interface(interface(scene.subnet)));
    let other = scene.make_subnet(subnet(scene.vpc, "10.20.2.0/24"));
    let far = scene.make_interface(interface(other));
    let own = scene.interface(a).primary.unwrap();
    let add = |addresses: &[_], automatic| AddAddresses {
        interface: a,
        addresses: addresses.into(),
        automatic,
        family: Family::Ipv4,
    };
    let remove = |addresses: &[_]| RemoveAddresses { interface: a, addresses: addresses.into() };
    let move_to = |to, addresses: &[_]| MoveAddresses { from: a, to, addresses: addresses.into() };
    let take = |interface, addresses: &[_]| TakeAddresses { interface, addresses: addresses.into() };
    let gone = InterfaceId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    scene.admit(add(&[ip("10.20.1.50")], 0));
    let floating = scene.float();
    let floating = scene.vip(floating).address();
    let mut full = scene.clone();
    full.admit(AddAddresses { interface: b, addresses: vec![], automatic: 20, family: Family::Ipv4 });
    let x = [ip("10.20.1.50")];
    vec![
        Row(scene.refuse(add(&[], 0)), Code::NothingToDo, "", "give the addresses"),
        Row(scene.refuse(add(&x, 0)), Code::AddressInUse, "/addresses/0", "is in use by eni-"),
        Row(scene.refuse(add(&[own], 0)), Code::AddressRepeated, "/addresses/0", "twice"),
        Row(scene.refuse(add(&[], 20)), Code::TooManyAddresses, "/addresses", "20 further addresses"),
        Row(scene.refuse(add(&[], usize::MAX)), Code::TooManyAddresses, "/addresses", "secondary_addresses"),
        Row(scene.refuse(remove(&[])), Code::NothingToDo, "", "give the addresses"),
        Row(
            scene.refuse(remove(&[own])),
            Code::AddressNotOnInterface,
            "/addresses/0",
            "not a further address",
        ),
        Row(scene.refuse(remove(&[x[0], x[0]])), Code::AddressRepeated, "/addresses/1", "twice"),
        Row(scene.refuse(move_to(a, &x)), Code::NothingToDo, "", "two different interfaces"),
        Row(scene.refuse(move_to(far, &x)), Code::OtherSubnet, "/to", "use an interface there"),
        Row(scene.refuse(move_to(gone, &x)), Code::InterfaceNotFound, "/to", "does not exist"),
        Row(
            scene.refuse(move_to(b, &[own])),
            Code::AddressNotOnInterface,
            "/addresses/0",
            "not a further address",
        ),
        Row(full.refuse(move_to(b, &x)), Code::TooManyAddresses, "/addresses", "has 20 and would get 1"),
        Row(scene.refuse(take(b, &[])), Code::NothingToDo, "", "give the addresses"),
        Row(scene.refuse(take(b, &[own])), Code::AddressInUse, "/addresses/0", "is in use by eni-"),
        Row(
            scene.refuse(take(b, &[x[0], floating])),
            Code::AddressInUse,
            "/addresses/1",
            "is in use by vip-",
        ),
        Row(scene.refuse(take(b, &[x[0], x[0]])), Code::AddressRepeated, "/addresses/1", "twice"),
        Row(scene.refuse(take(far, &x)), Code::AddressOutsideSubnet, "/addresses/0", "10.20.2.0/24"),
        Row(full.refuse(take(b, &x)), Code::TooManyAddresses, "/addresses", "has 20 and would get 1"),
    ]
}

fn attaching() -> Vec<Row> {
    let mut scene = Scene::new();
    let (one, two) = (scene.run(), scene.run());
    let loose = scene.make_interface(interface(scene.subnet));
    let taken = scene.make_interface(interface(scene.subnet));
    scene.admit(AttachInterface { interface: taken, instance: two, device: None });
    let elsewhere = scene.make_vpc(vpc("10.20.0.0/16"));
    let elsewhere = scene.make_subnet(subnet(elsewhere, "10.20.1.0/24"));
    let foreign = scene.make_interface(interface(elsewhere));
    let zone = CreateSubnet { zone: "local-b".into(), ..subnet(scene.vpc, "10.20.3.0/24") };
    let zone = scene.make_subnet(zone);
    let zone = scene.make_interface(interface(zone));
    let attach = |interface| AttachInterface { interface, instance: one, device: None };
    let with_device = AttachInterface { device: Some("tap0".into()), ..attach(loose) };
    let mut crowded = scene.clone();
    for _ in 1..8 {
        let interface = crowded.make_interface(interface(scene.subnet));
        crowded.admit(attach(interface));
    }
    // The interface would bring one VIP too many.
    let mut laden = scene.clone();
    for _ in 0..5 {
        let vip = laden.float();
        laden.admit(Associate { vip, target: havip_model::Target::Instance(one), mode: Default::default() });
    }
    let vip = laden.float();
    laden.admit(Associate { vip, target: havip_model::Target::Interface(loose), mode: Default::default() });
    let nobody = havip_model::InstanceId::new("aaaaaaaaaaaaaaaaaaaa".parse().unwrap());
    let to_nobody = AttachInterface { instance: nobody, ..attach(loose) };
    vec![
        Row(scene.refuse(attach(taken)), Code::AlreadyAttached, "/interface", "detach it first"),
        Row(scene.refuse(attach(foreign)), Code::OtherVpc, "/instance", "is not; use an interface"),
        Row(scene.refuse(attach(zone)), Code::OtherZone, "/instance", "local-b"),
        Row(scene.refuse(with_device), Code::InvalidDevice, "/device", "leave the device out"),
        Row(scene.refuse(to_nobody), Code::InstanceNotFound, "/instance", "does not exist"),
        Row(crowded.refuse(attach(loose)), Code::TooManyInterfaces, "/instance", "has 8 interfaces"),
        Row(laden.refuse(attach(loose)), Code::TooManyVipsOfInstance, "/interface", "5 VIPs"),
        Row(
            scene.refuse(DetachInterface { interface: loose }),
            Code::NotAttached,
            "/interface",
            "nothing to detach",
        ),
        Row(
            scene.refuse(DetachInterface { interface: scene.primary(one) }),
            Code::PrimaryInterface,
            "/interface",
            "delete the instance",
        ),
    ]
}

fn plugging() -> Vec<Row> {
    let mut scene = Scene::new();
    let sandbox = scene.run();
    let outside =
        RunInstance { driver: Driver::External, host: Some(number(1)), ..RunInstance::of(scene.subnet) };
    let outside = scene.make_instance(outside);
    let (inner, outer) = (scene.primary(sandbox), scene.primary(outside));
    let loose = scene.make_interface(interface(scene.subnet));
    let second = scene.make_interface(interface(scene.subnet));
    let plug = |interface, host, device: &str| PlugInterface {
        interface,
        host: number(host),
        device: device.into(),
    };
    scene.admit(plug(loose, 1, "tap0"));
    let in_use = scene.refuse(plug(second, 1, "tap0"));
    blocked_by(&in_use, [ResourceKey::Interface(loose)]);
    let zone = CreateSubnet { zone: "local-b".into(), ..subnet(scene.vpc, "10.20.3.0/24") };
    let zone = scene.make_subnet(zone);
    let zone = scene.make_interface(interface(zone));
    let attach = AttachInterface { interface: loose, instance: outside, device: None };
    vec![
        Row(in_use, Code::DeviceInUse, "/device", "unplug it first"),
        Row(scene.refuse(plug(loose, 2, "tap1")), Code::AlreadyPlugged, "/interface", "tap0 of host 1"),
        Row(scene.refuse(attach), Code::AlreadyPlugged, "/interface", "unplug it first"),
        Row(
            scene.refuse(plug(inner, 1, "tap1")),
            Code::DriverPlugs,
            "/interface",
            "makes its devices itself",
        ),
        Row(
            scene.refuse(UnplugInterface { interface: inner }),
            Code::DriverPlugs,
            "/interface",
            "detach it first",
        ),
        Row(
            scene.refuse(UnplugInterface { interface: second }),
            Code::NotPlugged,
            "/interface",
            "not plugged in",
        ),
        Row(scene.refuse(plug(outer, 2, "tap1")), Code::OtherHost, "/host", "is on host 1, not on host 2"),
        Row(scene.refuse(plug(second, 9, "tap1")), Code::HostNotFound, "/host", "host 9 does not exist"),
        Row(scene.refuse(plug(zone, 1, "tap1")), Code::OtherZone, "/host", "local-b"),
        Row(scene.refuse(plug(second, 1, "")), Code::InvalidDevice, "/device", "1 to 15"),
        Row(scene.refuse(plug(second, 1, "a/b")), Code::InvalidDevice, "/device", "\"a/b\""),
        Row(scene.refuse(plug(second, 1, "sixteen-letters-")), Code::InvalidDevice, "/device", "1 to 15"),
    ]
}

fn migrating() -> Vec<Row> {
    let mut scene = Scene::new();
    let sandbox = scene.run();
    let guest = scene.make_interface(interface(scene.subnet));
    let loose = scene.make_interface(interface(scene.subnet));
    let outside =
        RunInstance { driver: Driver::External, host: Some(number(1)), ..RunInstance::of(scene.subnet) };
    let outside = scene.make_instance(outside);
    let (one, two) = (scene.primary(outside), scene.make_interface(interface(scene.subnet)));
    let device = Some("tap5".into());
    scene.admit(AttachInterface { interface: two, instance: outside, device });
    scene.admit(PlugInterface { interface: one, host: number(1), device: "tap4".into() });
    scene.admit(PlugInterface { interface: guest, host: number(1), device: "tap0".into() });
    let third = scene.make_host(host(3));
    let migrate = |interface, host| MigrateInterface { interface, host, device: "tap0".into() };
    let not_yet = [
        scene.refuse(FinishMigration { interface: guest, is_seen: false }),
        scene.refuse(CancelMigration { interface: guest }),
        scene.refuse(MeasureMigration { interface: guest, outage_ms: 1 }),
        scene.refuse(SettleInterface { interface: guest }),
    ];
    let silent = scene.refuse(migrate(guest, third));
    blocked_by(&silent, [ResourceKey::Host(third)]);
    let own = scene.refuse(migrate(scene.primary(sandbox), number(2)));
    let here = scene.refuse(migrate(guest, number(1)));
    let nowhere = scene.refuse(migrate(loose, number(2)));
    scene.facts.live.push(crate::LiveHost { host: third, load_millis: 0 });
    scene.admit(MigrateInterface { device: "tap4".into(), ..migrate(one, number(2)) });
    let apart = scene.refuse(MigrateInterface { device: "tap5".into(), ..migrate(two, third) });
    blocked_by(&apart, [ResourceKey::Interface(one)]);
    scene.admit(migrate(guest, number(2)));
    let taken = scene.refuse(PlugInterface { interface: loose, host: number(2), device: "tap0".into() });
    blocked_by(&taken, [ResourceKey::Interface(guest)]);
    let mut rows = vec![
        Row(silent, Code::HostNotLive, "/host", "start its agent"),
        Row(own, Code::NotPlugged, "/interface", "only a guest of yours"),
        Row(here, Code::AlreadyPlugged, "/host", "host 1 already"),
        Row(nowhere, Code::NotPlugged, "/interface", "not plugged in"),
        Row(apart, Code::OtherHost, "/host", "let all of them go there"),
        Row(taken, Code::DeviceInUse, "/device", "unplug it first"),
        Row(scene.refuse(migrate(guest, third)), Code::AlreadyMigrating, "/interface", "finish or cancel"),
    ];
    let machine = RunInstance {
        driver: Driver::Qemu,
        image: Some("small".into()),
        host: Some(number(1)),
        ..RunInstance::of(scene.subnet)
    };
    let machine = scene.make_instance(machine);
    let send = |instance, host| MigrateInstance { instance, host: number(host) };
    let idle = CancelInstanceMigration { instance: machine };
    rows.extend([
        Row(scene.refuse(send(sandbox, 2)), Code::WrongDriver, "/instance", "by its interfaces"),
        Row(scene.refuse(send(machine, 1)), Code::AlreadyPlugged, "/host", "host 1 already"),
        Row(scene.refuse(idle.clone()), Code::NotMigrating, "/instance", "not on its way"),
    ]);
    scene.admit(send(machine, 2));
    rows.push(Row(scene.refuse(send(machine, 3)), Code::AlreadyMigrating, "/instance", "cancel that"));
    let attach = AttachInterface { interface: loose, instance: machine, device: None };
    rows.push(Row(scene.refuse(attach), Code::AlreadyMigrating, "/instance", "wait until it is there"));
    let its = scene.primary(machine);
    let said = FinishMigration { interface: its, is_seen: false };
    rows.push(Row(scene.refuse(said), Code::DriverPlugs, "/interface", "its hosts move"));
    let one = CancelMigration { interface: its };
    rows.push(Row(
        scene.refuse(one),
        Code::DriverPlugs,
        "/interface",
        "cancel the migration of its instance",
    ));
    scene.admit(idle);
    scene.admit(StopInstance::of(machine));
    rows.push(Row(scene.refuse(send(machine, 2)), Code::NotPlugged, "/instance", "start it first"));
    rows.extend(not_yet.map(|refusal| Row(refusal, Code::NotMigrating, "/interface", "not on its way")));
    rows
}

fn leaving() -> Vec<Row> {
    let mut scene = Scene::new();
    let instance = scene.run();
    let attached = scene.make_interface(interface(scene.subnet));
    scene.admit(AttachInterface { interface: attached, instance, device: None });
    let router = CreateInterface { source_dest_check: false, ..interface(scene.subnet) };
    let router = scene.make_interface(router);
    let way = scene.make_route(route(scene.vpc, "0.0.0.0/0", NextHop::Interface(router)));
    let update = |source_dest_check| UpdateInterface {
        interface: router,
        texts: NewTexts::default(),
        source_dest_check,
        groups: None,
    };
    let still_routes = scene.refuse(update(Some(true)));
    blocked_by(&still_routes, [ResourceKey::Route(way)]);
    let is_next_hop = scene.refuse(DeleteInterface { interface: router });
    blocked_by(&is_next_hop, [ResourceKey::Route(way)]);
    let is_attached = scene.refuse(DeleteInterface { interface: attached });
    blocked_by(&is_attached, [ResourceKey::Instance(instance)]);
    vec![
        Row(still_routes, Code::InterfaceHasRoute, "/source_dest_check", "delete the route(s) first"),
        Row(is_next_hop, Code::InterfaceHasRoute, "/interface", "(0.0.0.0/0)"),
        Row(is_attached, Code::InterfaceAttached, "/interface", "detach it first"),
        Row(scene.refuse(update(None)), Code::NothingToDo, "", "source_dest_check"),
        Row(
            scene.refuse(DeleteInterface { interface: scene.primary(instance) }),
            Code::PrimaryInterface,
            "/interface",
            "delete the instance",
        ),
    ]
}

pub fn number(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}
