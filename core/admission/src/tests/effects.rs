//! What an admitted request changes, beyond what it was about.

use super::scene::*;
use crate::{Code, LiveHost, admit, request::*};
use havip_model::{
    AssociationMode, Binding, Direction, Driver, EipTarget, Family, HostNumber, Incarnation, MacAddr,
    NextHop, Peer, PortState, PowerState, Profile, Protocol, ResourceKey, RuleNumber, Target, VipKey,
};

fn associate(vip: havip_model::VipId, target: Target) -> Associate {
    Associate { vip, target, mode: AssociationMode::Claim }
}

#[test]
fn the_demo_can_be_built() {
    let mut scene = Scene::new();
    let subnet = scene.world.subnets.get(&scene.subnet).unwrap().clone();
    assert_eq!(subnet.gateway.to_string(), "10.20.1.1");
    let vip = scene.make_vip(CreateVip { address: chosen("10.20.1.100"), ..CreateVip::of(scene.subnet) });
    let (blue, green) = (scene.run(), scene.run());
    for instance in [blue, green] {
        scene.admit(associate(vip, Target::Instance(instance)));
    }
    scene.make_pool(pool("203.0.113.0/24"));
    let eip = scene.make_eip(eip());
    scene.admit(BindEip { eip, target: EipTarget::Vip(vip) });

    let vni = scene.world.vpcs.get(&scene.vpc).unwrap().vni;
    let vip = scene.vip(vip);
    assert_eq!((vip.key, vip.incarnation), (VipKey { vni, address: ip("10.20.1.100") }, Incarnation(1)));
    assert_eq!((vip.meta.generation, vip.associations.len()), (3, 2));
    assert_eq!(scene.world.vip_by_key(vip.key), Some(vip));
    let eip = scene.eip(eip);
    assert_eq!((eip.address, eip.vpc, eip.incarnation), (ip("203.0.113.1"), Some(scene.vpc), Incarnation(2)));
    assert_ne!(scene.instance(blue).host, scene.instance(green).host, "the second goes where there is less");
    let hosts: Vec<_> = scene.world.placed_hosts(scene.vpc).collect();
    assert_eq!(hosts.len(), 2);
}

#[test]
fn a_renewed_vip_outranks_every_claim_before() {
    let mut scene = Scene::new();
    let vip = scene.float();
    let before = scene.vip(vip).clone();
    scene.float();

    scene.admit(RenewVip { vip });

    let after = scene.vip(vip);
    assert_eq!((before.incarnation, after.incarnation), (Incarnation(1), Incarnation(3)));
    assert_eq!((after.key, after.meta.generation), (before.key, before.meta.generation + 1));
}

#[test]
fn automatic_addresses_are_the_lowest_free_ones() {
    let mut scene = Scene::new();
    let address = |scene: &mut Scene| {
        let vip = scene.float();
        scene.vip(vip).address().to_string()
    };
    scene.make_vip(CreateVip { address: chosen("10.20.1.4"), ..CreateVip::of(scene.subnet) });
    let given: Vec<_> = (0..3).map(|_| address(&mut scene)).collect();
    assert_eq!(given, ["10.20.1.3", "10.20.1.5", "10.20.1.6"]);

    let five = scene.world.vips.values().find(|vip| vip.address() == ip("10.20.1.5")).unwrap().id;
    scene.admit(DeleteVip { vip: five, unbind: false });
    assert_eq!((address(&mut scene), address(&mut scene)), ("10.20.1.5".into(), "10.20.1.7".into()));
}

#[test]
fn in_a_subnet_of_both_families_everybody_has_both_and_a_vip_the_one_it_is_asked_for() {
    let mut scene = Scene::dual();
    let subnet = scene.world.subnets.get(&scene.subnet).unwrap();
    assert_eq!(subnet.gateway6, Some("fd00:20:0:1::1".parse().unwrap()));
    let both = |scene: &Scene, id| -> Vec<_> {
        scene.interface(id).addresses().map(|address| address.to_string()).collect()
    };
    let instance = scene.run();
    let primary = scene.primary(instance);
    assert_eq!(both(&scene, primary), ["10.20.1.3", "fd00:20:0:1::3"]);

    let with = |address6| CreateInterface { address6, ..interface(scene.subnet) };
    let given = with(Choice6::Chosen("fd00:20:0:1:ab::7".parse().unwrap()));
    let (given, without) = (given, with(Choice6::Without));
    let only = CreateInterface { address: Choice::Without, ..interface(scene.subnet) };
    let [given, without, only] = [given, without, only].map(|request| scene.make_interface(request));
    assert_eq!(both(&scene, given), ["10.20.1.4", "fd00:20:0:1:ab::7"]);
    assert_eq!(both(&scene, without), ["10.20.1.5"]);
    assert_eq!(both(&scene, only), ["fd00:20:0:1::4"]);

    let family = |family| CreateVip { address: Choice::Automatic(family), ..CreateVip::of(scene.subnet) };
    let (four, six) = (family(Family::default()), family(Family::Ipv6));
    let (four, six) = (scene.make_vip(four), scene.make_vip(six));
    assert_eq!(scene.vip(four).address(), ip("10.20.1.6"));
    assert_eq!(scene.vip(six).address(), ip("fd00:20:0:1::5"));

    let add = AddAddresses { interface: only, addresses: vec![], automatic: 2, family: Family::Ipv6 };
    scene.admit(add);
    assert_eq!(both(&scene, only)[1..], ["fd00:20:0:1::6", "fd00:20:0:1::7"]);
}

#[test]
fn a_network_of_before_gets_ipv6_and_its_interfaces_get_addresses_by_request() {
    let mut scene = Scene::new();
    let instance = scene.run();
    let primary = scene.primary(instance);
    let (vpc, subnet, texts) = (scene.vpc, scene.subnet, NewTexts::default());
    scene.admit(UpdateVpc { vpc, texts: texts.clone(), cidr6: Some("fd00:20::/56".parse().unwrap()) });
    scene.admit(UpdateSubnet { subnet, texts, cidr6: Some("fd00:20:0:1::/64".parse().unwrap()) });

    let made = scene.world.subnets.get(&subnet).unwrap();
    assert_eq!((made.gateway6, made.meta.generation), (Some("fd00:20:0:1::1".parse().unwrap()), 2));
    assert_eq!(scene.interface(primary).primary6, None);
    scene.admit(AddAddresses { interface: primary, addresses: vec![], automatic: 1, family: Family::Ipv6 });
    assert_eq!(scene.interface(primary).secondary, [ip("fd00:20:0:1::3")]);
}

#[test]
fn a_route_leads_to_the_primary_address_of_its_own_family() {
    let mut scene = Scene::dual();
    let router = CreateInterface { source_dest_check: false, ..interface(scene.subnet) };
    let router = scene.make_interface(router);
    for destination in ["0.0.0.0/0", "::/0", "192.168.0.0/16", "2001:db8::/32"] {
        scene.make_route(route(scene.vpc, destination, NextHop::Interface(router)));
    }
    assert_eq!(scene.world.routes_via(NextHop::Interface(router)).count(), 4);
}

#[test]
fn a_vip_is_made_with_its_associations_at_once_or_not_at_all() {
    let mut scene = Scene::new();
    let (blue, green) = (scene.run(), scene.run());
    let both = [blue, green].map(|id| (Target::Instance(id), AssociationMode::Claim)).to_vec();
    let request = CreateVip { associations: both.clone(), ..CreateVip::of(scene.subnet) };
    let vip = scene.make_vip(request.clone());
    assert_eq!(scene.vip(vip).associations.len(), 2);

    let twice = CreateVip { associations: [both.clone(), both].concat(), ..request };
    let refusal = scene.refuse(twice);
    assert_eq!((refusal.code, refusal.field.as_str()), (crate::Code::AlreadyAssociated, "/associations/2"));
}

#[test]
fn a_vip_keeps_the_profile_of_the_api_that_made_it() {
    let mut scene = Scene::new();
    let of = |profile| CreateVip { profile, ..CreateVip::of(scene.subnet) };
    let (tencent, native) = (of(Profile::Tencent), of(Profile::Native));
    let closed = CreateVip { binding: Some(Binding::Associated), ..tencent.clone() };
    let (tencent, native, closed) = (scene.make_vip(tencent), scene.make_vip(native), scene.make_vip(closed));
    let binding = |vip| scene.vip(vip).binding;
    assert_eq!((binding(tencent), binding(native)), (Binding::Subnet, Binding::Associated));
    assert_eq!(binding(closed), Binding::Associated);
}

#[test]
fn deleting_a_vip_with_unbind_ends_everything_that_leads_to_it() {
    let mut scene = Scene::new();
    let (vip, instance) = (scene.float(), scene.run());
    scene.admit(associate(vip, Target::Instance(instance)));
    scene.make_pool(pool("203.0.113.0/24"));
    let eip = scene.make_eip(eip());
    scene.admit(BindEip { eip, target: EipTarget::Vip(vip) });
    scene.make_route(route(scene.vpc, "10.0.0.0/8", NextHop::Vip(vip)));

    scene.admit(DeleteVip { vip, unbind: true });

    assert!(scene.world.vips.is_empty() && scene.world.routes.is_empty());
    assert_eq!((scene.eip(eip).target, scene.eip(eip).vpc), (None, None));
    assert!(scene.world.instances.contains_key(&instance));
    // A VIP made again at the same address is a later one.
    let again = scene.float();
    assert!(scene.vip(again).incarnation > scene.eip(eip).incarnation);
}

#[test]
fn deleting_an_instance_unbinds_it_everywhere_and_lets_its_other_interfaces_go() {
    let mut scene = Scene::new();
    let instance = scene.run();
    let primary = scene.primary(instance);
    let second = scene.make_interface(interface(scene.subnet));
    scene.admit(AttachInterface { interface: second, instance, device: None });
    let (by_instance, by_primary, by_second) = (scene.float(), scene.float(), scene.float());
    scene.admit(associate(by_instance, Target::Instance(instance)));
    scene.admit(associate(by_primary, Target::Interface(primary)));
    scene.admit(associate(by_second, Target::Interface(second)));
    scene.make_pool(pool("203.0.113.0/24"));
    let eip = scene.make_eip(eip());
    scene.admit(BindEip { eip, target: EipTarget::Interface(primary) });
    let off = UpdateInterface {
        interface: second,
        texts: NewTexts::default(),
        source_dest_check: Some(false),
        groups: None,
    };
    scene.admit(off);
    let way = scene.make_route(route(scene.vpc, "0.0.0.0/0", NextHop::Interface(second)));

    scene.admit(DeleteInstance { instance });

    assert!(scene.world.instances.is_empty());
    assert_eq!(scene.world.routes.keys().collect::<Vec<_>>(), [&way], "a detached interface keeps its route");
    assert_eq!(scene.world.interfaces.keys().collect::<Vec<_>>(), [&second]);
    assert_eq!((scene.interface(second).instance, scene.interface(second).host), (None, None));
    assert!(scene.vip(by_instance).associations.is_empty() && scene.vip(by_primary).associations.is_empty());
    assert_eq!(scene.vip(by_second).associations.len(), 1, "a detached interface keeps its association");
    assert_eq!(scene.eip(eip).target, None);
}

#[test]
fn a_pool_gives_out_its_ranges_one_after_the_other_and_keeps_a_range_while_it_is_used() {
    let mut scene = Scene::new();
    let cidrs = |all: &[&str]| all.iter().map(|range| range.parse().unwrap()).collect::<Vec<_>>();
    let two = cidrs(&["203.0.113.8/30", "198.51.100.0/31"]);
    let id = scene.make_pool(CreateEipPool { cidrs: two, ..pool("203.0.113.8/30") });
    let eips: Vec<_> = (0..4).map(|_| scene.make_eip(eip())).collect();
    let given: Vec<_> = eips.iter().map(|eip| scene.eip(*eip).address.to_string()).collect();
    assert_eq!(given, ["203.0.113.9", "203.0.113.10", "198.51.100.0", "198.51.100.1"]);
    assert_eq!(scene.refuse(eip()).code, Code::PoolFull);

    let ranges = |all: &[&str]| UpdateEipPool {
        pool: id,
        texts: NewTexts::default(),
        cidrs: Some(cidrs(all)),
        reserved: None,
    };
    let added = ranges(&["203.0.113.8/30", "198.51.100.0/31", "192.0.2.0/24"]);
    scene.admit(added);
    let fifth = scene.make_eip(eip());
    assert_eq!(scene.eip(fifth).address, ip("192.0.2.1"));
    for eip in &eips[..2] {
        assert_eq!(scene.refuse(ranges(&["198.51.100.0/31", "192.0.2.0/24"])).code, Code::EipPoolInUse);
        scene.admit(ReleaseEip { eip: *eip, unbind: false });
    }
    scene.admit(ranges(&["198.51.100.0/31", "192.0.2.0/24"]));
}

#[test]
fn a_detached_interface_keeps_its_association_and_its_eip() {
    let mut scene = Scene::new();
    let (instance, vip) = (scene.run(), scene.float());
    let interface = scene.make_interface(interface(scene.subnet));
    scene.admit(AttachInterface { interface, instance, device: None });
    scene.admit(associate(vip, Target::Interface(interface)));
    scene.make_pool(pool("203.0.113.0/24"));
    let eip = scene.make_eip(eip());
    scene.admit(BindEip { eip, target: EipTarget::Interface(interface) });
    let attached = scene.interface(interface);
    assert_eq!((attached.position, attached.port_state), (1, PortState::Active));

    scene.admit(DetachInterface { interface });

    assert_eq!(scene.vip(vip).associations.len(), 1);
    assert_eq!(scene.eip(eip).target, Some(EipTarget::Interface(interface)));
    assert_eq!(scene.interface(interface).port_state, PortState::Inactive);
    scene.admit(DeleteInterface { interface });
    assert_eq!((scene.vip(vip).associations.len(), scene.eip(eip).target), (0, None));
}

#[test]
fn an_interface_is_attached_as_it_is_made_or_not_made_at_all() {
    let mut scene = Scene::new();
    let instance = scene.run();
    let attached = CreateInterface { instance: Some(instance), ..interface(scene.subnet) };
    let id = scene.make_interface(attached.clone());
    let (made, host) = (scene.interface(id), scene.instance(instance).host);
    assert_eq!((made.instance, made.host, made.position), (Some(instance), Some(host), 1));
    assert_eq!(made.port_state, PortState::Active);
    let other_vpc = scene.make_vpc(vpc("10.30.0.0/16"));
    let elsewhere = scene.make_subnet(subnet(other_vpc, "10.30.1.0/24"));
    let refusal = scene.refuse(CreateInterface { subnet: elsewhere, ..attached });
    assert_eq!((refusal.code, refusal.field.as_str()), (Code::OtherVpc, "/instance"));
}

#[test]
fn power_off_takes_the_port_at_once_and_stop_leaves_it_to_the_guest() {
    let mut scene = Scene::new();
    let instance = scene.run();
    let state = |scene: &Scene| {
        let instance = scene.instance(instance);
        (instance.power, instance.starts, scene.interface(scene.primary(instance.id)).port_state)
    };
    assert_eq!(state(&scene), (PowerState::Running, 1, PortState::Active));
    scene.admit(StopInstance::of(instance));
    assert_eq!(state(&scene), (PowerState::Stopped, 1, PortState::Active));
    scene.admit(PowerOffInstance::of(instance));
    assert_eq!(state(&scene), (PowerState::PoweredOff, 1, PortState::Inactive));
    scene.admit(StartInstance { instance });
    assert_eq!(state(&scene), (PowerState::Running, 2, PortState::Active));
    scene.admit(RestartInstance { instance });
    assert_eq!(state(&scene), (PowerState::Running, 3, PortState::Active), "one more start of what runs");
    scene.facts.ended.push(instance);
    scene.admit(StartInstance { instance });
    assert_eq!(state(&scene).1, 4, "one that ended by itself may be started");
}

#[test]
fn an_external_guest_is_plugged_when_its_device_is_known() {
    let mut scene = Scene::new();
    let mac: MacAddr = "52:54:00:00:00:01".parse().unwrap();
    let run = RunInstance { driver: Driver::External, mac: Some(mac), ..RunInstance::of(scene.subnet) };
    let instance = scene.make_instance(run);
    let interface = scene.primary(instance);
    assert_eq!((scene.interface(interface).host, scene.interface(interface).mac), (None, mac));

    let host = scene.instance(instance).host;
    scene.admit(PlugInterface { interface, host, device: "tap0".into() });
    let plugged = scene.interface(interface);
    assert_eq!((plugged.host, plugged.port_state), (Some(host), PortState::Active));
    scene.admit(StopInstance::of(instance));
    assert_eq!(scene.interface(interface).port_state, PortState::Inactive);
    scene.admit(UnplugInterface { interface });
    assert_eq!(
        (scene.interface(interface).host, scene.interface(interface).instance),
        (None, Some(instance))
    );
}

#[test]
fn a_guest_that_migrates_is_at_both_hosts_until_everybody_knows_and_its_instance_follows_the_last_interface()
{
    let mut scene = Scene::new();
    let numbers = [1, 2].map(|number| HostNumber::new(number).unwrap());
    let [here, there] = numbers;
    let run = RunInstance { driver: Driver::External, host: Some(here), ..RunInstance::of(scene.subnet) };
    let instance = scene.make_instance(run);
    let (one, two) = (scene.primary(instance), scene.make_interface(interface(scene.subnet)));
    scene.admit(AttachInterface { interface: two, instance, device: Some("tap1".into()) });
    scene.admit(PlugInterface { interface: one, host: here, device: "tap0".into() });
    let places = |scene: &Scene| scene.interface(one).places().collect::<Vec<_>>();
    let state = |scene: &Scene| {
        let interface = scene.interface(one);
        (interface.host, interface.port_state, scene.instance(instance).host)
    };

    scene.admit(MigrateInterface { interface: one, host: there, device: "tap7".into() });
    assert_eq!(state(&scene), (Some(here), PortState::MigratingOut, here));
    assert_eq!(places(&scene), [here, there]);
    scene.admit(CancelMigration { interface: one });
    assert_eq!((state(&scene), places(&scene)), ((Some(here), PortState::Active, here), vec![here]));

    for (interface, device) in [(one, "tap7"), (two, "tap8")] {
        scene.admit(MigrateInterface { interface, host: there, device: device.into() });
    }
    scene.admit(FinishMigration { interface: one, is_seen: false });
    assert_eq!(state(&scene), (Some(there), PortState::Active, here), "its other interface is still here");
    assert_eq!(scene.interface(one).device.as_deref(), Some("tap7"));
    assert_eq!(places(&scene), [there, here], "the host that it left passes on");
    scene.admit(FinishMigration { interface: two, is_seen: false });
    assert_eq!(scene.instance(instance).host, there);

    scene.admit(MeasureMigration { interface: one, outage_ms: 104 });
    scene.admit(MeasureMigration { interface: one, outage_ms: 9 });
    scene.admit(SettleInterface { interface: one });
    let migrated = scene.interface(one).migrated.clone().unwrap();
    assert_eq!((migrated.from, migrated.outage_ms), (here, Some(104)), "what is said again changes nothing");
    assert_eq!(places(&scene), [there]);
    // Stopped in the middle of a migration, it goes nowhere.
    scene.admit(MigrateInterface { interface: one, host: here, device: "tap0".into() });
    scene.admit(StopInstance::of(instance));
    assert_eq!((scene.interface(one).migration.clone(), places(&scene)), (None, vec![there]));
}

#[test]
fn the_hosts_of_a_deleted_interface_stay_in_its_vpc_until_all_know_that_it_is_gone() {
    let mut scene = Scene::new();
    let instance = scene.run();
    let primary = scene.world.primary_interface(instance).unwrap().id;
    let here = scene.instance(instance).host;
    let (there, vpc) = (HostNumber::new(3 - here.get()).unwrap(), scene.vpc);
    let plugged = scene.make_interface(interface(scene.subnet));
    scene.admit(PlugInterface { interface: plugged, host: there, device: "tap0".into() });
    let members = |scene: &Scene| scene.world.placed_hosts(vpc).collect::<Vec<_>>();
    let mut both = vec![here, there];
    both.sort_unstable();
    let generation = |scene: &Scene| scene.world.vpcs.get(&vpc).unwrap().meta.generation;
    let before = generation(&scene);

    scene.admit(DeleteInstance { instance });
    scene.admit(DeleteInterface { interface: plugged });

    assert_eq!(members(&scene), both);
    scene.admit(SettleInterface { interface: primary });
    assert_eq!(members(&scene), [there]);
    scene.admit(SettleInterface { interface: plugged });
    assert_eq!(members(&scene), []);
    assert_eq!(generation(&scene), before, "nobody asked for a change of the VPC");
    scene.refuse(SettleInterface { interface: plugged });
}

#[test]
fn addresses_move_from_one_interface_to_another_at_once() {
    let mut scene = Scene::new();
    let (a, b) =
        (scene.make_interface(interface(scene.subnet)), scene.make_interface(interface(scene.subnet)));
    scene.admit(AddAddresses {
        interface: a,
        addresses: vec![ip("10.20.1.50")],
        automatic: 2,
        family: Family::Ipv4,
    });
    let has: Vec<_> = scene.interface(a).secondary.iter().map(ToString::to_string).collect();
    assert_eq!(has, ["10.20.1.50", "10.20.1.5", "10.20.1.6"]);

    let addresses = vec![ip("10.20.1.50"), ip("10.20.1.6")];
    let change = {
        let request = MoveAddresses { from: a, to: b, addresses: addresses.clone() }.into();
        admit(&scene.world, &request, &scene.facts).unwrap()
    };
    assert_eq!((change.puts.len(), change.subject), (2, ResourceKey::Interface(b)));
    scene.admit(MoveAddresses { from: a, to: b, addresses: addresses.clone() });
    assert_eq!(scene.interface(a).secondary, [ip("10.20.1.5")]);
    assert_eq!(scene.interface(b).secondary, addresses);
    scene.admit(RemoveAddresses { interface: b, addresses });
    assert_eq!(scene.world.address_user(scene.vpc, ip("10.20.1.50")), None);
}

#[test]
fn addresses_are_taken_from_whoever_has_them_besides_its_own() {
    let mut scene = Scene::new();
    let [a, b, c] = [(); 3].map(|()| scene.make_interface(interface(scene.subnet)));
    let give = |interface, address| AddAddresses {
        interface,
        addresses: vec![ip(address)],
        automatic: 0,
        family: Family::Ipv4,
    };
    scene.admit(give(a, "10.20.1.50"));
    scene.admit(give(b, "10.20.1.51"));
    let all = ["10.20.1.50", "10.20.1.51", "10.20.1.52"].map(ip).to_vec();

    // Two of others, one that nobody has; the same once more changes nothing.
    for _ in 0..2 {
        scene.admit(TakeAddresses { interface: c, addresses: all.clone() });
        assert_eq!(scene.interface(c).secondary, all);
        assert!(scene.interface(a).secondary.is_empty() && scene.interface(b).secondary.is_empty());
    }
    scene.admit(TakeAddresses { interface: a, addresses: all[1..].to_vec() });
    assert_eq!(scene.interface(c).secondary, all[..1]);
    assert_eq!(scene.interface(a).secondary, all[1..]);
}

#[test]
fn an_instance_goes_to_the_live_host_with_the_fewest_instances_then_the_least_load() {
    let mut scene = Scene::new();
    let number = |n| HostNumber::new(n).unwrap();
    scene.facts.live =
        [(1, 900), (2, 100)].map(|(n, load_millis)| LiveHost { host: number(n), load_millis }).to_vec();
    let hosts: Vec<_> = (0..3)
        .map(|_| {
            let instance = scene.run();
            scene.instance(instance).host.get()
        })
        .collect();
    assert_eq!(hosts, [2, 1, 2]);
    scene.facts.live.retain(|live| live.host == number(2));
    let instance = scene.run();
    assert_eq!(scene.instance(instance).host, number(2));
}

#[test]
fn numbers_are_never_given_twice() {
    let mut scene = Scene::new();
    let first = scene.make_interface(interface(scene.subnet));
    let port = scene.interface(first).port;
    scene.admit(DeleteInterface { interface: first });
    let second = scene.make_interface(interface(scene.subnet));
    assert!(scene.interface(second).port > port);
}

#[test]
fn a_decision_is_a_function_of_what_it_is_given() {
    let scene = Scene::new();
    let request = CreateVip::of(scene.subnet).into();
    assert_eq!(admit(&scene.world, &request, &scene.facts), admit(&scene.world, &request, &scene.facts));
}

#[test]
fn a_vpc_has_a_default_group_that_guards_what_names_none_and_goes_with_it() {
    let mut scene = Scene::new();
    let default = scene.world.default_group(scene.vpc).unwrap();
    let group = scene.world.groups.get(&default).unwrap();
    let says: Vec<_> = group.rules.iter().map(|rule| (rule.direction, rule.protocol, rule.peer)).collect();
    assert_eq!(
        says,
        [(Direction::Ingress, Protocol::All, Peer::Vpc), (Direction::Egress, Protocol::All, Peer::Any)]
    );
    let plain = scene.make_interface(interface(scene.subnet));
    let instance = scene.run();
    let primary = scene.primary(instance);
    assert_eq!(
        (&scene.interface(plain).groups, &scene.interface(primary).groups),
        (&vec![default], &vec![default])
    );

    let web = scene.make_group(super::scene::group(scene.vpc, vec![]));
    let set = |groups: Vec<_>| UpdateInterface {
        interface: plain,
        texts: NewTexts::default(),
        source_dest_check: None,
        groups: Some(groups),
    };
    scene.admit(set(vec![web, default]));
    assert_eq!(scene.interface(plain).groups, [web, default]);
    scene.admit(set(vec![]));
    assert_eq!(scene.interface(plain).groups, [default]);

    let lonely = scene.make_vpc(vpc("10.30.0.0/16"));
    scene.admit(DeleteVpc { vpc: lonely });
    assert!(scene.world.groups_of(lonely).next().is_none());
}

#[test]
fn rules_keep_their_numbers_when_others_come_and_go_and_every_state_has_its_edition() {
    let mut scene = Scene::new();
    let rule = |peer| NewRule::allow(Direction::Ingress, peer);
    let cidr = |text: &str| rule(Peer::Prefix(text.parse().unwrap()));
    let group = scene.make_group(super::scene::group(scene.vpc, vec![rule(Peer::Any)]));
    let now = |scene: &Scene| {
        let group = scene.world.groups.get(&group).unwrap();
        (group.edition, group.rules.iter().map(|rule| rule.number.get()).collect::<Vec<_>>())
    };
    let (first, numbers) = now(&scene);
    scene.admit(AddRules { group, rules: vec![cidr("10.0.0.0/8"), cidr("fd00::/8")] });
    let (second, more) = now(&scene);
    assert_eq!(more[..1], numbers);
    scene.admit(ReplaceRules { group, rules: vec![cidr("fd00::/8"), cidr("192.0.2.0/24")] });
    let (third, replaced) = now(&scene);
    assert_eq!(replaced[0], more[2], "it was there");
    assert!(!more.contains(&replaced[1]), "it was not");
    scene.admit(RemoveRules { group, rules: vec![RuleNumber::new(replaced[0]).unwrap()] });
    assert_eq!(now(&scene).1, replaced[1..]);
    scene.admit(UpdateSecurityGroup { group, texts: renamed("database") });
    assert!(first < second && second < third);
    assert_eq!(now(&scene).0.get(), third.get() + 1, "a name is no rule");
}

#[test]
fn a_group_of_no_vpc_guards_interfaces_of_every_vpc_and_its_members_reach_each_other() {
    let mut scene = Scene::new();
    let common = CreateSecurityGroup {
        vpc: None,
        members_reach_each_other: true,
        ..super::scene::group(scene.vpc, vec![NewRule::allow(Direction::Egress, Peer::Any)])
    };
    let group = scene.make_group(common);
    let says: Vec<_> = scene
        .world
        .groups
        .get(&group)
        .unwrap()
        .rules
        .iter()
        .map(|rule| (rule.direction, rule.peer))
        .collect();
    assert_eq!(says, [(Direction::Egress, Peer::Any), (Direction::Ingress, Peer::Group(group))]);

    let elsewhere = scene.make_vpc(vpc("10.30.0.0/16"));
    let other = scene.make_subnet(subnet(elsewhere, "10.30.1.0/24"));
    for subnet in [scene.subnet, other] {
        let guarded = scene.make_interface(CreateInterface { groups: vec![group], ..interface(subnet) });
        assert_eq!(scene.interface(guarded).groups, [group]);
    }
    // A VPC's group may name it, and goes without it.
    let named = NewRule::allow(Direction::Ingress, Peer::Group(group));
    let own = scene.make_group(super::scene::group(elsewhere, vec![named]));
    assert!(scene.world.groups_naming(group).any(|id| id == own));
    let foreign = AddRules { group, rules: vec![NewRule::allow(Direction::Ingress, Peer::Group(own))] };
    assert_eq!(scene.refuse(foreign).code, crate::Code::OtherVpc);
}
