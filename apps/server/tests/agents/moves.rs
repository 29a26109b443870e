//! What hosts report of a VIP: who holds it, its history, why nobody does.

use super::*;

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
