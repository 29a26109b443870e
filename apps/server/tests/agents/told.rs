//! What else hosts tell: findings, refusals, instances, edges.

use super::*;

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
