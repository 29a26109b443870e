//! A host joins, follows, comes back, and is lost.

use super::*;

#[test]
fn a_token_lets_one_host_in_once() {
    let scene = Scene::start();
    let token = scene.client.create_host_token().unwrap().token;

    let member = scene.join_with("h1", &token, "").unwrap();
    let again = scene.join_with("h2", &token, "").err().unwrap();

    assert_eq!(again.code(), Code::Unauthenticated);
    assert!(again.message().contains("havip host token"), "{again}");
    let hosts = scene.client.all_hosts(&HostFilter::default()).unwrap();
    assert_eq!(
        (hosts.len(), hosts[0].meta.id.as_str(), hosts[0].state),
        (1, member.id.as_str(), HostState::Lost)
    );
}

#[test]
fn following_needs_the_certificate_of_the_host_that_the_hello_names() {
    let scene = Scene::start();
    let (one, other) = (scene.join("h1"), scene.join("h2"));
    let hello = Hello { host_number: other.number, ..Default::default() };

    let mut following = scene.follow_saying(&one, hello).unwrap();
    let refused = scene.runtime.block_on(following.take_one()).unwrap_err();

    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[test]
fn a_host_gets_what_its_ports_need_and_nothing_else() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let (one, other) = (scene.join("h1"), scene.join("h2"));
    let mut following = scene.follow(&one);
    assert_eq!(following.was_full, Some(true));
    assert_eq!(following.keys(), [format!("host/{}", one.number)]);
    let mut idle = scene.follow(&other);

    let instance = run(&scene, &subnet, &one.id, "blue");
    scene.client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();

    let revision = scene.client.health().unwrap().revision;
    while following.revision < revision {
        scene.runtime.block_on(following.until_commit());
    }
    let Some(Item::Vpc(known)) = following.items.get(&ItemKey::Vpc(vpc.meta.id.parse().unwrap())) else {
        panic!()
    };
    assert_eq!(known.members.len(), 1);
    assert!(following.items.contains_key(&ItemKey::Instance(instance.meta.id.parse().unwrap())));
    assert!(following.keys().iter().any(|key| key.starts_with("vip/")));
    while idle.revision < revision {
        scene.runtime.block_on(idle.until_commit());
    }
    assert_eq!(
        idle.keys(),
        [format!("host/{}", other.number)],
        "a host without ports of the VPC learns nothing of it"
    );
}

#[test]
fn a_host_that_comes_back_gets_only_what_it_missed() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let mut following = scene.follow(&member);
    run(&scene, &subnet, &member.id, "blue");
    let revision = scene.client.health().unwrap().revision;
    while following.revision < revision {
        scene.runtime.block_on(following.until_commit());
    }
    let (epoch, known) = (following.epoch.clone(), following.revision);
    drop(following);
    let vip =
        scene.client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();

    let resumed = scene.follow_from(&member, known, &epoch);
    assert_eq!((resumed.was_full, resumed.keys()), (Some(false), vec![format!("vip/{}", vip.meta.id)]));

    let stranger = scene.follow_from(&member, known, "of another history");
    assert_eq!(stranger.was_full, Some(true));
}

#[test]
fn a_host_is_resumed_across_a_restart_of_the_server() {
    let mut scene = Scene::start();
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let following = scene.follow(&member);
    run(&scene, &subnet, &member.id, "blue");
    let live = following.live(&scene);
    let revision = scene.client.health().unwrap().revision;
    let known = eventually("the host has everything", || {
        Some(live.with(|following| following.revision)).filter(|known| *known >= revision)
    });
    let epoch = live.with(|following| following.epoch.clone());
    drop(live);

    scene.restart();

    let resumed = scene.follow_from(&member, known, &epoch);
    assert_eq!((resumed.was_full, resumed.items.len()), (Some(false), 0));
}

#[test]
fn a_vip_is_available_only_when_the_hosts_that_need_it_have_acknowledged() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    run(&scene, &subnet, &member.id, "blue");
    live.with(|following| following.acknowledges = false);

    let wish = CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() };
    let vip = scene.client.waiting(Duration::from_millis(300)).create_vip(&wish).unwrap();
    assert_eq!((vip.meta.status, vip.meta.reason.as_str()), (Status::Creating, "waiting for h1"));
    assert_eq!((vip.meta.generation, vip.meta.observed_generation), (1, 0));

    live.with(|following| following.acknowledges = true);
    // Any change brings the next commit.
    let update = UpdateHost { name: Some("same".into()), ..UpdateHost::default() };
    scene.client.update_host(&member.id, &update).unwrap();
    eventually("the VIP is available", || {
        Some(scene.client.vip(&vip.meta.id).unwrap().meta).filter(|meta| meta.status == Status::Available)
    });
    let second = scene.client.waiting(WAIT).create_vip(&wish).unwrap();
    assert_eq!(second.meta.status, Status::Available);

    let key = format!("vip/{}", vip.meta.id);
    let failure = Failure { key: key.clone(), reason: "the map of VIPs is full".into() };
    live.with(move |following| following.failures = vec![failure]);
    let failed = eventually("the VIP has failed", || {
        Some(scene.client.vip(&vip.meta.id).unwrap().meta).filter(|meta| meta.status == Status::Failed)
    });
    assert_eq!(failed.reason, "same: the map of VIPs is full");
    let host = scene.client.host(&member.id).unwrap();
    assert_eq!(host.unprogrammed, [Unprogrammed { key, reason: "the map of VIPs is full".into() }]);
}

#[test]
fn a_deleted_vip_is_shown_until_it_is_withdrawn_everywhere() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    run(&scene, &subnet, &member.id, "blue");
    let wish = CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() };
    let vip = scene.client.waiting(WAIT).create_vip(&wish).unwrap();
    live.with(|following| following.acknowledges = false);

    scene.client.delete_vip(&vip.meta.id, false).unwrap();
    assert_eq!(scene.client.vip(&vip.meta.id).unwrap().meta.status, Status::Deleting);
    let again = scene.client.delete_vip(&vip.meta.id, false).unwrap_err();
    assert!(again.is_not_found());

    live.with(|following| following.acknowledges = true);
    eventually("the VIP is gone", || {
        scene.client.vip(&vip.meta.id).is_err_and(|error| error.is_not_found()).then_some(())
    });
}

#[test]
fn a_lost_host_is_not_waited_for_and_is_told_of() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    run(&scene, &subnet, &member.id, "blue");
    let state = || scene.client.host(&member.id).unwrap().state;
    assert_eq!(state(), HostState::Live);

    drop(live);
    eventually("the host is lost", || (state() == HostState::Lost).then_some(()));

    let wish = CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() };
    let began = Instant::now();
    let vip = scene.client.waiting(WAIT).create_vip(&wish).unwrap();
    assert_eq!(vip.meta.status, Status::Available);
    assert!(began.elapsed() < Duration::from_secs(5));
    let events = scene.client.all_events(&EventFilter::default()).unwrap();
    let kinds: Vec<_> =
        events.iter().map(|event| event.kind.as_str()).filter(|kind| kind.starts_with("host-")).collect();
    assert_eq!(kinds, ["host-joined", "host-lost"]);
}

#[test]
fn a_silent_host_is_lost_after_three_seconds() {
    let scene = Scene::start();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    live.with(|following| following.acknowledges = false);
    eventually("the host is lost", || {
        (scene.client.host(&member.id).unwrap().state == HostState::Lost).then_some(())
    });
}
