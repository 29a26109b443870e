//! Hosts: joining, following, acknowledging, reporting, being lost.

mod support;

use havip_api::*;
use havip_model::Digest;
use havip_reconcile::item::{Item, ItemKey};
use havip_stream::proto::{
    self, Failure, Hello, InstanceReport, Moves, PortReport, Refusals, report::Body, update,
};
use std::time::{Duration, Instant};
use support::{Scene, eventually};
use tonic::Code;

const WAIT: Duration = Duration::from_secs(10);

fn run(scene: &Scene, subnet: &Subnet, host: &str, name: &str) -> Instance {
    let wish = RunInstance {
        subnet: subnet.meta.id.clone(),
        name: name.into(),
        host: Some(host.into()),
        ..Default::default()
    };
    scene.client.run_instance(&wish).unwrap()
}

fn port(scene: &Scene, instance: &Instance) -> u32 {
    scene.client.interface(&instance.interfaces[0].id).unwrap().port
}

fn running(instance: &Instance) -> Body {
    let (id, state) = (instance.meta.id.clone(), "running".to_string());
    Body::Instance(InstanceReport { id, state, starts: 1, ..InstanceReport::default() })
}

/// In this millisecond all epochs of a test begin.
const BEGAN: u64 = 1_763_710_000_000;

/// A record that has moved once a millisecond.
fn record(vip: &Vip, host: u32, port: u32, epoch: u64, released: bool) -> proto::Record {
    let (mac, moves) = (vec![2, 0, 0, 0, 0, 9], ((epoch >> 16) - BEGAN) as u32);
    proto::Record { incarnation: vip.incarnation, epoch, host, port, released, mac, moves }
}

fn moved(scene: &Scene, vip: &Vip, record: proto::Record, cause: u32) -> Body {
    let vni = scene.client.vpc(&vip.vpc).unwrap().vni;
    let address: std::net::Ipv4Addr = vip.address.parse().unwrap();
    let vip = Some(proto::VipKey { vni, address: address.to_ipv6_mapped().octets().to_vec() });
    let at_ms = 1_763_710_000_000;
    Body::Moves(Moves {
        moves: vec![proto::Move {
            vip,
            record: Some(record),
            from_host: 0,
            from_port: 0,
            cause,
            at_ms,
            ..Default::default()
        }],
    })
}

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

#[test]
fn moves_make_the_holder_and_the_history() {
    let mut scene = Scene::start();
    let (_, subnet) = scene.network();
    let (one, other) = (scene.join("h1"), scene.join("h2"));
    let (first, second) = (scene.follow(&one).live(&scene), scene.follow(&other).live(&scene));
    let (blue, green) = (run(&scene, &subnet, &one.id, "blue"), run(&scene, &subnet, &other.id, "green"));
    let (blue_port, green_port) = (port(&scene, &blue), port(&scene, &green));
    let wish = CreateVip {
        subnet: subnet.meta.id.clone(),
        associations: vec![Associate::claim(&blue.meta.id), Associate::claim(&green.meta.id)],
        ..Default::default()
    };
    let vip = scene.client.create_vip(&wish).unwrap();
    let epoch = |n: u64| (BEGAN + n) << 16;
    let holder = |scene: &Scene| scene.client.vip(&vip.meta.id).unwrap().holder;

    first.say(moved(&scene, &vip, record(&vip, one.number, blue_port, epoch(1), false), 1));
    let held = eventually("blue holds the VIP", || holder(&scene));
    assert_eq!((held.instance_name.as_str(), held.host_name.as_str(), held.port), ("blue", "h1", blue_port));
    assert_eq!((held.epoch, held.since.as_str()), (epoch(1), "2025-11-21T07:26:40.001Z"));

    // Another host may not speak for blue's port, and an older claim changes nothing.
    second.say(moved(&scene, &vip, record(&vip, one.number, blue_port, epoch(9), true), 4));
    second.say(moved(&scene, &vip, record(&vip, other.number, green_port, epoch(0), false), 1));
    second.say(moved(&scene, &vip, record(&vip, other.number, green_port, epoch(2), false), 1));
    let held =
        eventually("green holds the VIP", || holder(&scene).filter(|held| held.instance_name == "green"));
    assert_eq!(held.epoch, epoch(2));

    second.say(moved(&scene, &vip, record(&vip, other.number, green_port, epoch(2), true), 4));
    eventually("nobody holds the VIP", || holder(&scene).is_none().then_some(()));
    let history = scene.client.vip_history(&vip.meta.id, &HistoryFilter::default()).unwrap().items;
    let moves: Vec<_> = history.iter().map(|row| row.moves).collect();
    assert_eq!(moves, [Some(1), Some(0), Some(2), Some(2)]);
    let moves = |holder: &Option<Holder>| holder.as_ref().map(|holder| holder.moves);
    assert_eq!(moves(&history[2].to), Some(Some(2)));
    let causes: Vec<_> = history.iter().map(|row| row.cause).collect();
    assert_eq!(causes, [MoveCause::Claim, MoveCause::Claim, MoveCause::Claim, MoveCause::Released]);
    assert!(history[0].text.contains("moved from nobody to blue on host h1"), "{}", history[0].text);

    drop((first, second));
    scene.restart();
    assert_eq!(scene.client.vip_history(&vip.meta.id, &HistoryFilter::default()).unwrap().items, history);
    let mut again = scene.follow(&one);
    scene.runtime.block_on(again.until_commit());
    let others = std::mem::take(&mut again.others);
    let [update::Body::Records(records)] = &others[..] else { panic!("{others:?}") };
    assert!(records.entries[0].record.as_ref().unwrap().released, "a host hears what the server recorded");

    // It says what it has in one word: where that is another, it hears it again, once for each difference.
    let recorded = havip_stream::convert::records(records).unwrap();
    let digest = Digest::of(recorded.iter().map(|(key, record)| (key, record)));
    let mut heard_after = |sum: u64| {
        again.others.clear();
        scene.runtime.block_on(async {
            let said = proto::Digest { vni: records.vni, from_host: one.number, sum };
            again.say(Body::Digest(said)).await;
            for _ in 0..3 {
                again.until_commit().await;
            }
        });
        std::mem::take(&mut again.others)
    };
    assert_eq!(heard_after(digest.0), []);
    let [update::Body::Records(repeated)] = &heard_after(0)[..] else { panic!("not told") };
    assert_eq!(*repeated, *records);
    assert_eq!(heard_after(0), []);
    assert_eq!(heard_after(1).len(), 1);
}

#[test]
fn an_outage_is_from_the_last_packet_of_the_old_holder_to_the_first_of_the_new() {
    let mut scene = Scene::start();
    let (_, subnet) = scene.network();
    let (one, other) = (scene.join("h1"), scene.join("h2"));
    let (first, second) = (scene.follow(&one).live(&scene), scene.follow(&other).live(&scene));
    let (blue, green) = (run(&scene, &subnet, &one.id, "blue"), run(&scene, &subnet, &other.id, "green"));
    let (blue_port, green_port) = (port(&scene, &blue), port(&scene, &green));
    let vip =
        scene.client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();
    let epoch = |n: u64| (BEGAN + n) << 16;
    let vni = scene.client.vpc(&vip.vpc).unwrap().vni;
    let sent = |epoch, what| {
        let address: std::net::Ipv4Addr = vip.address.parse().unwrap();
        let vip = Some(proto::VipKey { vni, address: address.to_ipv6_mapped().octets().to_vec() });
        Body::Sents(proto::Sents { sents: vec![proto::Sent { vip, epoch, what: Some(what) }] })
    };
    let began = |ms| proto::sent::What::First(proto::SentFirst { at_ms: BEGAN + ms, before_ms: 0 });
    let ended = |ms| proto::sent::What::Last(proto::SentLast { at_ms: BEGAN + ms });
    let rows =
        |scene: &Scene| scene.client.vip_history(&vip.meta.id, &HistoryFilter::default()).unwrap().items;

    first.say(moved(&scene, &vip, record(&vip, one.number, blue_port, epoch(1), false), 1));
    let row = eventually("blue holds the VIP", || rows(&scene).pop());
    assert_eq!(
        row.outage_unknown.as_deref(),
        Some("blue on host h1 has not sent as the VIP, as far as is known")
    );
    first.say(sent(epoch(1), began(2)));
    eventually("nobody was before blue", || {
        (rows(&scene)[0].outage_unknown.as_deref() == Some("nobody is known to have sent as the VIP before"))
            .then_some(())
    });

    second.say(moved(&scene, &vip, record(&vip, other.number, green_port, epoch(3000), false), 1));
    second.say(sent(epoch(3000), began(3406)));
    eventually("green has sent, and blue's host has not told", || {
        let row = rows(&scene).into_iter().nth(1)?;
        (row.outage_unknown? == "host h1 has not told when blue on host h1 last sent as the VIP")
            .then_some(())
    });
    // A host speaks for its own ports only.
    second.say(sent(epoch(1), ended(3400)));
    first.say(sent(epoch(1), ended(6)));

    let row = eventually("the figure is known", || {
        rows(&scene).into_iter().nth(1).filter(|row| row.outage_ms.is_some())
    });
    assert_eq!((row.outage_ms, row.outage_unknown), (Some(3400), None));
    assert_eq!(row.last_sent_at.as_deref(), Some("2025-11-21T07:26:40.006Z"));
    assert_eq!(row.first_sent_at.as_deref(), Some("2025-11-21T07:26:43.406Z"));
    let filter = EventFilter { kind: Some("vip-served".into()), ..Default::default() };
    let served = eventually("the figure is an event", || {
        Some(scene.client.all_events(&filter).unwrap()).filter(|served| !served.is_empty())
    });
    assert_eq!(served.len(), 1);
    let text = format!("green on host h2 sends as VIP {}, which nobody had done for 3400 ms", vip.address);
    assert_eq!((served[0].text.as_str(), served[0].outage_ms), (text.as_str(), Some(3400)));

    // Why a holder was released is told by its host.
    second.say(moved(&scene, &vip, record(&vip, other.number, green_port, epoch(3000), true), 12));
    let row = eventually("green is released", || rows(&scene).into_iter().nth(2));
    assert_eq!((row.cause, row.outage_ms, row.outage_unknown), (MoveCause::Disassociated, None, None));
    assert!(row.text.ends_with(": it is not associated any more"), "{}", row.text);

    drop((first, second));
    scene.restart();
    assert_eq!(rows(&scene)[1].outage_ms, Some(3400));
}

#[test]
fn why_a_vip_has_no_holder_is_told_by_what_is_known_of_its_candidates() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    let blue = run(&scene, &subnet, &member.id, "blue");
    assert_eq!(port(&scene, &blue), 1);
    let vip =
        scene.client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();
    let why = || scene.client.why_vip(&vip.meta.id).unwrap();
    assert_eq!((why().situation.as_str(), why().candidates.len()), ("no-candidate", 0));

    let rogue = proto::Refusal {
        reason: 19,
        port: 1,
        mac: vec![2, 0, 0, 0, 0, 1],
        address: vip.address.parse::<std::net::Ipv4Addr>().unwrap().to_ipv6_mapped().octets().to_vec(),
        count: 4,
        at_ms: std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64,
    };
    live.say(Body::Refusals(Refusals { refusals: vec![rogue], lost: 0 }));
    let told = eventually("the refusal is told", || Some(why()).filter(|why| why.situation == "refused"));
    assert_eq!(told.reasons[1].advice, "if it was meant, associate this instance with the VIP");

    // Associated, it is no stranger any more.
    scene.client.associate(&vip.meta.id, &Associate::claim(&blue.meta.id)).unwrap();
    assert_eq!(why().situation, "candidates-down");
    live.say(running(&blue));
    let told = eventually("blue runs", || Some(why()).filter(|why| why.situation == "never-claimed"));
    let candidate = &told.candidates[0];
    assert_eq!((candidate.instance_name.as_str(), candidate.host_name.as_str()), ("blue", "h1"));
    assert_eq!(
        (candidate.advert_ago_ms, candidate.asked_ago_ms, candidate.answered_ago_ms),
        (Some(400), Some(2100), None)
    );
    assert_eq!(
        told.reasons[1].text,
        "blue on host h1 may claim it; its last advert was 0.4 s ago; asked for the address 2.1 s ago, it did not answer"
    );

    live.say(moved(&scene, &vip, record(&vip, member.number, 1, (BEGAN + 1) << 16, false), 1));
    let told = eventually("blue holds it", || Some(why()).filter(|why| why.situation == "held"));
    assert_eq!(told.summary, format!("blue on host h1 holds {}", vip.address));
    assert_eq!(
        told.reasons[0].text,
        "blue on host h1 holds it since 2025-11-21T07:26:40.001Z: it announced the VIP"
    );
    live.say(moved(&scene, &vip, record(&vip, member.number, 1, (BEGAN + 1) << 16, true), 9));
    let told = eventually("blue is released", || Some(why()).filter(|why| why.holder.is_none()));
    assert_eq!(told.situation, "candidates-silent");
    assert!(told.reasons[0].text.ends_with(": its port is down"), "{:?}", told.reasons);

    // Without its host nobody says what was seen, and nobody waits for it.
    drop(live);
    let told =
        eventually("its host is lost", || Some(why()).filter(|why| why.situation == "candidates-down"));
    assert_eq!(told.reasons[1].text, "blue on host h1 may claim it, but host h1 is not heard");
    assert!(scene.client.why_vip("vip-aaaaaaaaaaaaaaaaaaaa").unwrap_err().is_not_found());
}

#[test]
fn a_drill_begins_only_if_somebody_else_could_take_over() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let (one, other) = (scene.join("h1"), scene.join("h2"));
    let (first, second) = (scene.follow(&one).live(&scene), scene.follow(&other).live(&scene));
    let (blue, green) = (run(&scene, &subnet, &one.id, "blue"), run(&scene, &subnet, &other.id, "green"));
    let wish = CreateVip {
        subnet: subnet.meta.id.clone(),
        associations: vec![Associate::claim(&blue.meta.id), Associate::claim(&green.meta.id)],
        ..Default::default()
    };
    let vip = scene.client.create_vip(&wish).unwrap();
    let second_vip = scene.client.create_vip(&wish).unwrap();
    let drill = |seconds| scene.client.drill_vip(&vip.meta.id, &DrillVip { seconds });
    let refused = |seconds| drill(seconds).unwrap_err().code().unwrap_or_default().to_owned();

    assert_eq!(refused(5), "vip_has_no_holder");
    for vip in [&vip, &second_vip] {
        first.say(moved(&scene, vip, record(vip, one.number, port(&scene, &blue), BEGAN << 16, false), 1));
        eventually("blue holds it", || scene.client.vip(&vip.meta.id).unwrap().holder);
    }
    first.say(running(&blue));
    assert_eq!(refused(5), "no_other_candidate");
    second.say(running(&green));
    let begun = eventually("green could take over", || drill(5).ok());

    assert_eq!((begun.holder.instance_name.as_str(), begun.address), ("blue", vip.address.clone()));
    assert_eq!(begun.also, std::slice::from_ref(&second_vip.meta.id), "it moves, too");
    assert!(begun.begun_at < begun.ends_at);
    let filter =
        EventFilter { kind: Some("changed".into()), vip: Some(vip.meta.id.clone()), ..Default::default() };
    let changes = scene.client.all_events(&filter).unwrap();
    assert_eq!(changes.last().unwrap().change.as_deref(), Some("drilled"), "it was on purpose");
    assert_eq!((refused(0), refused(61)), ("out_of_range".to_owned(), "out_of_range".to_owned()));

    drop(first);
    eventually("a drill of a lost host is refused", || (refused(5) == "host_not_live").then_some(()));
}

#[test]
fn a_finding_is_told_once_with_what_to_do() {
    let mut scene = Scene::start();
    let (_, subnet) = scene.network();
    let (one, other) = (scene.join("h1"), scene.join("h2"));
    let (first, second) = (scene.follow(&one).live(&scene), scene.follow(&other).live(&scene));
    let (blue, green) = (run(&scene, &subnet, &one.id, "blue"), run(&scene, &subnet, &other.id, "green"));
    let (blue_port, green_port) = (port(&scene, &blue), port(&scene, &green));
    let vip =
        scene.client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();
    let epoch = BEGAN << 16;
    let found = |epoch: u64, what| {
        let address: std::net::Ipv4Addr = vip.address.parse().unwrap();
        let vni = scene.client.vpc(&vip.vpc).unwrap().vni;
        let vip = proto::VipKey { vni, address: address.to_ipv6_mapped().octets().to_vec() };
        let at_ms = 1_763_710_000_001;
        proto::Finding { vip: Some(vip), epoch, count: 2, at_ms, what: Some(what) }
    };
    let at = |host, port| Some(proto::Port { host, port });
    let both = |other| {
        let holder = at(one.number, blue_port);
        proto::finding::What::BothAnswer(proto::BothAnswer { holder, other })
    };
    let ahead = |ahead_ms| {
        let holder = at(one.number, blue_port);
        proto::finding::What::ClockAhead(proto::ClockAhead { holder, ahead_ms })
    };
    let says = |live: &support::agent::Live, findings: Vec<proto::Finding>, lost| {
        live.say(Body::Findings(proto::Findings { findings, lost }));
    };

    // A host cannot know whether another host's port answers.
    says(&first, vec![found(epoch, both(at(other.number, green_port)))], 0);
    says(&second, vec![found(epoch, both(at(other.number, green_port))), found(epoch, ahead(7_200_000))], 3);
    // Said again after a restart of the agent, and seen by another host a little later.
    says(&second, vec![found(epoch, both(at(other.number, green_port)))], 0);
    says(&first, vec![found(epoch, ahead(7_199_000))], 0);
    // Another claim is another matter.
    says(&second, vec![found(epoch + 1, both(at(other.number, green_port)))], 0);

    let of_kind = |scene: &Scene, kind: &str| {
        let filter =
            EventFilter { kind: Some(kind.into()), vip: Some(vip.meta.id.clone()), ..Default::default() };
        scene.client.all_events(&filter).unwrap()
    };
    let both =
        eventually("both are told", || Some(of_kind(&scene, "both-answer")).filter(|told| told.len() == 2));
    let told = &both[0];
    let name = |holder: &Option<Holder>| holder.as_ref().map(|holder| holder.instance_name.clone());
    assert_eq!((name(&told.holder), name(&told.other)), (Some("blue".into()), Some("green".into())));
    assert_eq!((told.host_name.as_deref(), told.instance_name.as_deref()), (Some("h2"), Some("green")));
    assert_eq!((told.epoch.as_deref(), told.count), (Some(epoch.to_string().as_str()), Some(2)));
    let text = format!(
        "green on host h2 has the address of VIP {}, too, which blue on host h1 holds and answers for; nothing was moved",
        vip.address
    );
    assert_eq!(told.text, text);
    assert!(told.advice.contains("remove the address from green on host h2"), "{}", told.advice);

    let ahead = of_kind(&scene, "clock-ahead");
    assert_eq!(ahead.len(), 1);
    assert_eq!((ahead[0].ahead_ms, ahead[0].host_name.as_deref()), (Some(7_200_000), Some("h2")));
    assert!(ahead[0].text.ends_with("is 2 h 0 min ahead of the clock of host h2"), "{}", ahead[0].text);
    assert!(ahead[0].advice.ends_with(&format!("havip vip renew {}", vip.meta.id)), "{}", ahead[0].advice);
    assert_eq!(scene.client.host(&other.id).unwrap().lost_findings, 3);

    drop((first, second));
    scene.restart();
    assert_eq!((of_kind(&scene, "both-answer"), of_kind(&scene, "clock-ahead")), (both, ahead));
}

#[test]
fn a_refusal_is_told_with_what_to_do() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let (one, other) = (scene.join("h1"), scene.join("h2"));
    let live = scene.follow(&one).live(&scene);
    let second = scene.follow(&other).live(&scene);
    let rogue = run(&scene, &subnet, &one.id, "rogue");
    let port = port(&scene, &rogue);
    let vip =
        scene.client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();
    let address: std::net::Ipv4Addr = vip.address.parse().unwrap();
    let refusal = |at_ms: u64| proto::Refusal {
        reason: 19,
        port,
        mac: vec![2, 0, 0, 0, 0, 1],
        address: address.to_ipv6_mapped().octets().to_vec(),
        count: 4,
        at_ms,
    };

    second.say(Body::Refusals(Refusals { refusals: vec![refusal(1_763_710_000_000)], lost: 0 }));
    live.say(Body::Refusals(Refusals { refusals: vec![refusal(1_763_710_000_001)], lost: 2 }));

    let filter = EventFilter { kind: Some("refused".into()), ..Default::default() };
    let event = eventually("the refusal is told", || scene.client.all_events(&filter).unwrap().pop());
    assert_eq!((event.reason.as_deref(), event.host.as_ref()), (Some("claim_not_associated"), Some(&one.id)));
    assert_eq!((event.instance_name.as_deref(), event.port), (Some("rogue"), Some(port)));
    assert_eq!(
        (event.mac.as_deref(), event.count, event.vip),
        (Some("02:00:00:00:00:01"), Some(4), Some(vip.meta.id))
    );
    assert!(
        event.text.contains("rogue on host h1") && event.text.contains("not associated"),
        "{}",
        event.text
    );
    assert!(event.advice.contains("associate this instance"), "{}", event.advice);
    assert_eq!(scene.client.all_events(&filter).unwrap().len(), 1, "a host speaks for its own ports only");
    assert_eq!(scene.client.host(&one.id).unwrap().lost_refusals, 2);
}

#[test]
fn an_instance_is_available_when_it_runs_and_answers_commands() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    let wish = RunInstance { subnet: subnet.meta.id.clone(), name: "blue".into(), ..Default::default() };
    let instance = scene.client.waiting(Duration::from_millis(500)).run_instance(&wish).unwrap();
    assert_eq!((instance.state, instance.meta.status), (InstanceState::Pending, Status::Creating));
    assert_eq!(instance.host, member.id);

    live.say(running(&instance));
    let (id, up) = (port(&scene, &instance), true);
    live.say(Body::Port(PortReport { port: id, up, ..PortReport::default() }));
    eventually("it runs", || {
        let now = scene.client.instance(&instance.meta.id).unwrap();
        (now.state == InstanceState::Running && now.meta.status == Status::Available).then_some(())
    });
    eventually("its port is up", || scene.client.interface(&instance.interfaces[0].id).unwrap().port_up);

    let exec = Exec { argv: vec!["echo".into(), "hi".into()], stdin: "there".into(), timeout_ms: None };
    let result = scene.client.exec(&instance.meta.id, &exec).unwrap();
    assert_eq!((result.exit_code, result.stdout.as_str()), (3, "echo+hi there"));
    let console = scene.client.console(&instance.meta.id, &ConsoleRange::default()).unwrap();
    assert_eq!((console.text.as_str(), console.offset, console.next_offset), ("hello \u{fffd}", 5, 12));
    let drops = scene.client.host_drops(&member.id).unwrap().drops;
    assert_eq!(drops, [DropCount { reason: "source_mac".into(), packets: 7 }]);

    drop(live);
    eventually("the instance is not available without its host", || {
        let meta = scene.client.instance(&instance.meta.id).unwrap().meta;
        (meta.status == Status::Failed && meta.reason == "its host h1 is not heard").then_some(())
    });
    let refused = scene.client.exec(&instance.meta.id, &exec).unwrap_err();
    assert_eq!(refused.code(), Some("host_not_live"));
}

#[test]
fn an_edge_learns_of_eips_and_its_host_is_shown() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let (host, edge) = (scene.join("h1"), scene.join_edge("e1"));
    let _live = scene.follow(&host).live(&scene);
    let mut following = scene.follow(&edge);
    let instance = run(&scene, &subnet, &host.id, "blue");
    let eip = scene.client.allocate_eip(&AllocateEip::default()).unwrap();
    scene.client.bind_eip(&eip.meta.id, &instance.meta.id).unwrap();

    let key = ItemKey::Eip(eip.meta.id.parse().unwrap());
    while !following.items.contains_key(&key) {
        scene.runtime.block_on(following.until_commit());
    }
    let Item::Eip(item) = &following.items[&key] else { panic!() };
    assert_eq!(item.edges.iter().map(|edge| edge.get()).collect::<Vec<_>>(), [edge.number]);
    let (incarnation, vni) = (item.incarnation.0, item.vni.get());
    let public: std::net::Ipv4Addr = eip.address.parse().unwrap();
    let record = proto::Record {
        incarnation,
        epoch: 5 << 16,
        host: edge.number,
        port: 1,
        released: false,
        mac: vec![2, 0, 0, 0, 0, 9],
        moves: 0,
    };
    let vip = Some(proto::VipKey { vni, address: public.to_ipv6_mapped().octets().to_vec() });
    let moved = proto::Move {
        vip,
        record: Some(record),
        from_host: 0,
        from_port: 0,
        cause: 1,
        at_ms: 5,
        ..Default::default()
    };
    let live = following.live(&scene);
    live.say(Body::Moves(Moves { moves: vec![moved] }));

    eventually("the edge is shown", || {
        (scene.client.eip(&eip.meta.id).unwrap().edge.as_ref() == Some(&edge.id)).then_some(())
    });
}

/// The number and secret of the key that a host seals with.
fn sealing(live: &support::agent::Live) -> Option<(u32, Vec<u8>)> {
    let keys = live.with(|following| following.seal_keys.clone())?;
    let key = keys.keys.iter().find(|key| key.id == keys.sending)?;
    Some((key.id, key.secret.clone()))
}

#[test]
fn hosts_get_a_key_before_anything_else_and_another_one_when_all_have_followed() {
    let scene = Scene::start();
    eventually("the first key is in force", || scene.client.host_keys().ok().filter(|keys| keys.required));
    let members = [scene.join("h1"), scene.join("h2")];
    let [one, other] = members.map(|member| {
        let following = scene.follow(&member);
        assert!(following.seal_keys.is_some(), "the keys come before the first commit");
        following.live(&scene)
    });
    let (first, secret) = sealing(&one).unwrap();
    assert_eq!((first, sealing(&other)), (1, Some((first, secret.clone()))));

    // One host that does not follow holds the change up, and is named.
    other.with(|following| following.takes_keys = false);
    assert_eq!(scene.client.rotate_host_keys().unwrap().accepted, [1, 2]);
    let waiting = eventually("host h2 alone is waited for", || {
        Some(scene.client.host_keys().unwrap()).filter(|keys| keys.waiting_for == ["h2"])
    });
    assert_eq!((waiting.sealing, waiting.is_changing), (Some(1), true));
    assert_eq!(sealing(&one), Some((1, secret.clone())));
    let refused = scene.client.rotate_host_keys().unwrap_err();
    assert!(refused.to_string().contains("being changed already"), "{refused}");

    other.with(|following| {
        following.takes_keys = true;
        following.keys_stage = following.seal_keys.as_ref().map_or(0, |keys| keys.stage);
    });
    let done = eventually("the key is changed", || {
        Some(scene.client.host_keys().unwrap()).filter(|keys| !keys.is_changing)
    });
    assert_eq!((done.sealing, done.accepted.as_slice(), done.required), (Some(2), &[2][..], true));
    let (second, new_secret) = eventually("both have it", || {
        sealing(&one).filter(|(id, _)| *id == 2).filter(|key| sealing(&other).as_ref() == Some(key))
    });
    assert!(second == 2 && new_secret != secret);
}

#[test]
fn the_secret_of_a_key_is_neither_shown_nor_stored_in_the_clear() {
    let scene = Scene::start();
    eventually("the first key is in force", || scene.client.host_keys().ok().filter(|keys| keys.required));
    let live = scene.follow(&scene.join("h1")).live(&scene);
    let (_, secret) = sealing(&live).unwrap();

    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut seen = 0;
    for file in std::fs::read_dir(&scene.config.data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(&secret) && !holds(hex.as_bytes()));
        seen += usize::from(holds(b"seal-key"));
    }
    assert!(seen > 0, "the sealed key is in one of the files");
    for path in ["/v1/hosts/keys", "/v1/hosts", "/v1/events"] {
        let (_, _, body) = scene.raw("GET", path, &[("Authorization", &scene.bearer())], "");
        assert!(!body.contains(&hex), "{path}");
    }
}
