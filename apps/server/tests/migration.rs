//! Guests that go on at another host: whose word counts, and how long the host that they left stays a member.

mod support;

use havip_api::*;
use havip_model::HostNumber;
use havip_reconcile::item::{Item, ItemKey};
use havip_stream::proto::{InstanceReport, PortReport, report::Body};
use support::{Scene, eventually};

fn arrived(port: u32, outage_ms: Option<u32>) -> Body {
    Body::Port(PortReport { port, up: true, arrived: true, outage_ms, ..PortReport::default() })
}

#[test]
fn a_guest_is_where_its_destination_says_and_the_host_that_it_left_passes_on_until_all_have_acknowledged() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let members = ["h1", "h2", "h3"].map(|name| scene.join(name));
    let lives = [0, 1, 2].map(|index| scene.follow(&members[index]).live(&scene));
    let device = |index: usize| Plug { host: members[index].id.clone(), device: "tap0".into() };
    let wish = CreateInterface { subnet: subnet.meta.id.clone(), ..CreateInterface::default() };
    let interface = scene.client.create_interface(&wish).unwrap();
    let id = interface.meta.id.clone();
    let third = scene.client.create_interface(&wish).unwrap();
    scene.client.plug_interface(&id, &device(0)).unwrap();
    scene.client.plug_interface(&third.meta.id, &device(2)).unwrap();
    let now = || scene.client.interface(&id).unwrap();

    scene.client.migrate_interface(&id, &device(1)).unwrap();
    assert_eq!((now().host, now().port_state), (Some(members[0].id.clone()), PortState::MigratingOut));
    // Nobody but the destination knows that it is there.
    lives[2].say(arrived(interface.port, Some(1)));
    lives[0].say(arrived(interface.port, Some(1)));
    lives[2].with(|following| following.acknowledges = false);
    lives[1].say(arrived(interface.port, None));
    let there = eventually("it is there", || Some(now()).filter(|now| now.migration.is_none()));
    // The third host has not acknowledged where it is, so the first stays a member, though without a port.
    let key = ItemKey::Vpc(vpc.meta.id.parse().unwrap());
    let of = |index: usize| {
        lives[index].with(move |following| match following.items.get(&key) {
            Some(Item::Vpc(vpc)) => vpc.members.clone(),
            _ => vec![],
        })
    };
    let all: Vec<HostNumber> = members.iter().map(|member| HostNumber::new(member.number).unwrap()).collect();
    let port = ItemKey::Port(id.parse().unwrap());
    eventually("it has no port any more", || {
        lives[0].with(move |following| !following.items.contains_key(&port)).then_some(())
    });
    assert_eq!(of(0), all);
    assert_eq!((there.host, there.port_state), (Some(members[1].id.clone()), PortState::Active));
    assert_eq!(there.device.as_deref(), Some("tap0"));
    eventually("its port is up", || now().port_up.filter(|up| *up));
    let told = |from: &str, outage_ms| {
        now()
            .migrated
            .is_some_and(|migrated| migrated.from.as_deref() == Some(from) && migrated.outage_ms == outage_ms)
    };
    assert!(told(&members[0].id, None));
    lives[0].say(arrived(interface.port, Some(2)));
    lives[1].say(arrived(interface.port, Some(104)));
    lives[1].say(arrived(interface.port, Some(105)));
    eventually("the outage is told", || told(&members[0].id, Some(104)).then_some(()));

    lives[2].with(|following| following.acknowledges = true);
    eventually("the first host is no member any more", || {
        (of(0).is_empty() && of(1) == all[1..]).then_some(())
    });
}

#[test]
fn the_host_of_a_deleted_interface_is_listened_to_until_all_have_acknowledged_that_it_is_gone() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let members = ["h1", "h2", "h3"].map(|name| scene.join(name));
    let lives = [0, 1, 2].map(|index| scene.follow(&members[index]).live(&scene));
    let wish = CreateInterface { subnet: subnet.meta.id.clone(), ..CreateInterface::default() };
    let plugged = [0, 1, 2].map(|index| {
        let interface = scene.client.create_interface(&wish).unwrap().meta.id;
        let plug = Plug { host: members[index].id.clone(), device: "tap0".into() };
        scene.client.plug_interface(&interface, &plug).unwrap();
        interface
    });
    let key = ItemKey::Vpc(vpc.meta.id.parse().unwrap());
    let of = |index: usize| {
        lives[index].with(move |following| match following.items.get(&key) {
            Some(Item::Vpc(vpc)) => vpc.members.clone(),
            _ => vec![],
        })
    };
    let all: Vec<HostNumber> = members.iter().map(|member| HostNumber::new(member.number).unwrap()).collect();
    eventually("all are members", || (of(0) == all && of(1) == all).then_some(()));
    lives[2].with(|following| following.acknowledges = false);

    scene.client.delete_interface(&plugged[0]).unwrap();

    let port = ItemKey::Port(plugged[0].parse().unwrap());
    eventually("it has no port any more", || {
        lives[0].with(move |following| !following.items.contains_key(&port)).then_some(())
    });
    // Its own agent has released what the port held, and the third may not have heard that yet.
    assert_eq!((of(0), of(1)), (all.clone(), all.clone()));
    lives[2].with(|following| following.acknowledges = true);
    eventually("the first host is no member any more", || (of(0).is_empty()).then_some(()));
    assert_eq!(of(1), all[1..]);
}

#[test]
fn a_migration_that_is_cancelled_leaves_everything_as_it_was() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let members = ["h1", "h2"].map(|name| scene.join(name));
    let lives = [0, 1].map(|index| scene.follow(&members[index]).live(&scene));
    let device = |index: usize| Plug { host: members[index].id.clone(), device: "tap0".into() };
    let wish = CreateInterface { subnet: subnet.meta.id.clone(), ..CreateInterface::default() };
    let interface = scene.client.create_interface(&wish).unwrap();
    let id = interface.meta.id.clone();
    scene.client.plug_interface(&id, &device(0)).unwrap();
    let before = scene.client.interface(&id).unwrap();
    scene.client.migrate_interface(&id, &device(1)).unwrap();

    let after = scene.client.cancel_migration(&id).unwrap();

    lives[1].say(arrived(interface.port, None));
    assert_eq!((&after.host, after.port_state), (&before.host, before.port_state));
    assert_eq!((after.migration, after.migrated), (None, None));
    let refused = scene.client.finish_migration(&id).unwrap_err();
    assert!(refused.to_string().contains("not on its way"), "{refused}");
}

#[test]
fn a_machine_is_awaited_where_it_goes_and_its_own_host_says_why_it_stays() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let members = ["h1", "h2"].map(|name| scene.join(name));
    let lives = [0, 1].map(|index| scene.follow(&members[index]).live(&scene));
    let wish = RunInstance {
        subnet: subnet.meta.id.clone(),
        driver: Driver::Qemu,
        image: Some("small".into()),
        host: Some(members[0].id.clone()),
        ..RunInstance::default()
    };
    let machine = scene.client.run_instance(&wish).unwrap();
    let (id, interface) = (machine.meta.id.clone(), machine.interfaces[0].id.clone());
    let now = || scene.client.interface(&interface).unwrap();
    let goes_to = |index: usize| {
        let key = ItemKey::Instance(id.parse().unwrap());
        lives[index].with(move |following| match following.items.get(&key) {
            Some(Item::Instance(item)) => Some(item.goes_to.map(HostNumber::get)),
            _ => None,
        })
    };
    let says = |index: usize, stays: &str| {
        let (state, stays) = ("running".to_owned(), stays.to_owned());
        let report = InstanceReport { id: id.clone(), state, reason: stays.clone(), starts: 1, stays };
        lives[index].say(Body::Instance(report));
    };
    says(0, "");
    let there = MigrateInstance { host: members[1].id.clone() };

    scene.client.migrate_instance(&id, &there).unwrap();

    let both = Some(Some(members[1].number));
    eventually("both know it", || (goes_to(0) == both && goes_to(1) == both).then_some(()));
    assert_eq!(now().migration, Some(Migration { host: Some(members[1].id.clone()), device: None }));
    // Nobody can say for it that it is there, or that one of its interfaces stays; nor can the other host.
    let refused = [scene.client.finish_migration(&interface), scene.client.cancel_migration(&interface)];
    for refused in refused {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("its hosts move"), "{refused}");
    }
    says(1, "it is not mine");
    says(0, "there is no such image");
    eventually("it stays", || now().migration.is_none().then_some(()));
    let shown = || scene.client.instance(&id).unwrap();
    eventually("it is said why", || (shown().meta.reason == "there is no such image").then_some(()));
    assert_eq!(shown().host, members[0].id);
    eventually("the other host has forgotten it", || {
        (goes_to(0) == Some(None) && goes_to(1).is_none()).then_some(())
    });

    scene.client.migrate_instance(&id, &there).unwrap();
    lives[1].say(arrived(now().port, None));

    eventually("it is there", || (scene.client.instance(&id).unwrap().host == members[1].id).then_some(()));
    assert_eq!((now().host, now().port_state), (Some(members[1].id.clone()), PortState::Active));
    eventually("its first host has forgotten it", || {
        (goes_to(0).is_none() && goes_to(1) == Some(None)).then_some(())
    });
}
