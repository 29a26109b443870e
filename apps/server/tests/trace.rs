//! Looking on at a host over the API, and asking hosts where a packet would go.

mod support;

use havip_api::{
    CreateProject, FlowFilter, FlowTotal, LiveOutcome, Logged, LoggedFlow, PathOutcome, PathProtocol,
    PathQuery, ProbePath, RunInstance, TraceFilter, TraceHook, TraceTotal, TraceVerdict, Traced,
};
use support::{
    Scene,
    agent::{Live, Member},
};

/// A host that follows, with the interface of an instance `blue` on it.
fn blue_on_a_host(scene: &Scene) -> (Member, Live, String) {
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(scene);
    let wish = RunInstance { subnet: subnet.meta.id.clone(), name: "blue".into(), ..Default::default() };
    let instance = scene.client.run_instance(&wish).unwrap();
    (member, live, instance.interfaces[0].id.clone())
}

#[test]
fn a_trace_shows_what_the_agent_saw_in_words_until_its_time_is_over() {
    let scene = Scene::start();
    let (member, live, interface) = blue_on_a_host(&scene);
    let filter = TraceFilter { interface: Some(interface.clone()), seconds: Some(1), ..Default::default() };

    let mut told: Vec<_> =
        scene.client.trace_host(&member.id, &filter).unwrap().map(Result::unwrap).collect();

    let Some(Traced::Total(total)) = told.pop() else { panic!("the end says how many there were") };
    let frames: Vec<_> = told
        .into_iter()
        .map(|traced| match traced {
            Traced::Frame(frame) => frame,
            Traced::Total(total) => panic!("{total:?} in the middle"),
        })
        .collect();
    // The server asks five times a second.
    assert!((2..=6).contains(&frames.len()), "{}", frames.len());
    assert_eq!(total, TraceTotal { frames: frames.len() as u64, lost: 5, failure: None });
    let frame = &frames[0];
    assert_eq!((frame.hook, frame.verdict), (TraceHook::Overlay, TraceVerdict::Dropped));
    assert_eq!(frame.reason.as_deref(), Some("claim_not_associated"));
    assert_eq!((frame.at.as_str(), frame.length, frame.lost), ("2023-11-14T22:13:20.000123Z", 42, 5));
    assert_eq!(frame.summary, "ARP announcement 10.0.0.9 is-at 02:00:00:00:00:09");
    assert!(frame.frame.starts_with("ffffffffffff020000000009"), "{}", frame.frame);
    let to = frame.to.as_ref().unwrap();
    assert_eq!((to.name.as_str(), to.interface.as_ref(), to.port), ("blue", Some(&interface), Some(1)));
    drop(live);
}

#[test]
fn a_trace_that_cannot_be_is_refused_with_what_is_wrong() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let (one, other) = (scene.join("h1"), scene.join("h2"));
    let live = scene.follow(&one).live(&scene);
    let wish = RunInstance {
        subnet: subnet.meta.id.clone(),
        name: "blue".into(),
        host: Some(one.id.clone()),
        ..Default::default()
    };
    let interface = scene.client.run_instance(&wish).unwrap().interfaces[0].id.clone();
    let refused = |host: &str, filter: TraceFilter| {
        let error = scene.client.trace_host(host, &filter).err().expect("it is refused");
        (error.code().map(str::to_owned), error.to_string())
    };
    let (code, words) = refused(&one.id, TraceFilter { seconds: Some(0), ..Default::default() });
    assert_eq!(code.as_deref(), Some("out_of_range"));
    assert!(words.contains("1 to 3600, not 0"), "{words}");
    let elsewhere = TraceFilter { interface: Some(interface), ..Default::default() };
    assert_eq!(refused(&other.id, elsewhere).0.as_deref(), Some("interface_elsewhere"));
    assert_eq!(refused(&other.id, TraceFilter::default()).0.as_deref(), Some("host_not_live"));
    let absent = TraceFilter { interface: Some("eni-absent".into()), ..Default::default() };
    assert_eq!(refused(&one.id, absent).0.as_deref(), Some("interface_not_found"));
    assert_eq!(refused("host-absent", TraceFilter::default()).0.as_deref(), Some("host_not_found"));
    let odd = |filter: TraceFilter| refused(&one.id, filter).0;
    let absent = TraceFilter { vpc: Some("vpc-absent".into()), ..Default::default() };
    assert_eq!(odd(absent).as_deref(), Some("vpc_not_found"));
    let nowhere = TraceFilter { address: Some("web".into()), ..Default::default() };
    assert_eq!(odd(nowhere).as_deref(), Some("invalid_address"));
    let lost = TraceFilter { verdict: Some("dropped,lost".into()), ..Default::default() };
    assert_eq!(odd(lost).as_deref(), Some("unknown_verdict"));
    let icmp = TraceFilter { protocol: Some(PathProtocol::Icmp), port: Some(80), ..Default::default() };
    assert_eq!(odd(icmp).as_deref(), Some("contradiction"));
    let (code, words) = refused(&one.id, TraceFilter { messages: Some(true), ..Default::default() });
    assert_eq!(code.as_deref(), Some("command_failed"));
    assert!(words.contains("somebody looks on"), "{words}");
    drop(live);
}

#[test]
fn a_path_is_told_in_words_with_what_to_do_and_what_cannot_be_asked_is_refused() {
    let scene = Scene::start();
    let (member, live, interface) = blue_on_a_host(&scene);
    let query = PathQuery {
        interface: Some(interface),
        destination: "10.20.1.100".into(),
        protocol: Some(PathProtocol::Tcp),
        port: Some(80),
        ..Default::default()
    };

    let found = scene.client.find_path(&query).unwrap();

    assert_eq!((found.outcome, found.reason.as_deref()), (PathOutcome::Dropped, Some("no_holder")));
    assert_eq!(found.summary, "it would be dropped on host h1: nobody holds the VIP");
    assert_eq!(found.advice, "start keepalived, or announce the VIP from an associated instance");
    let hop = &found.hops[0];
    assert_eq!(
        (hop.host.as_ref(), hop.name.as_str(), hop.from.as_str()),
        (Some(&member.id), "host h1", "blue")
    );
    assert_eq!(hop.rules[0].text, "16 bytes of an address, protocol 6");

    let refused = |query: PathQuery| scene.client.find_path(&query).unwrap_err().code().map(str::to_owned);
    let no_port = PathQuery { port: None, ..query.clone() };
    assert_eq!(refused(no_port).as_deref(), Some("missing"));
    let ping = PathQuery { protocol: None, ..query.clone() };
    assert_eq!(refused(ping).as_deref(), Some("contradiction"));
    let outside = PathQuery { interface: None, ..query.clone() };
    assert_eq!(refused(outside.clone()).as_deref(), Some("missing"));
    let source = Some("198.51.100.1".into());
    assert_eq!(refused(PathQuery { source, ..outside }).as_deref(), Some("not_an_eip"));
    let odd = PathQuery { destination: "nowhere".into(), ..query.clone() };
    assert_eq!(refused(odd).as_deref(), Some("invalid_address"));
    let six = PathQuery { destination: "fd00::1".into(), ..query };
    assert_eq!(refused(six).as_deref(), Some("other_family"));
    drop(live);
}

#[test]
fn a_probe_that_no_host_has_seen_is_lost_and_what_cannot_be_sent_is_refused() {
    let scene = Scene::start();
    let (_, live, interface) = blue_on_a_host(&scene);
    let probe = ProbePath { interface, destination: "10.20.1.100".into(), ..Default::default() };

    // This agent says that it has sent it; what it sees is something else, and five frames are lost.
    let found = scene.client.probe_path(&probe).unwrap();

    let went = found.live.unwrap();
    assert_eq!((found.outcome, went.outcome), (PathOutcome::Dropped, LiveOutcome::Lost));
    assert_eq!((went.is_as_told, went.hops.len()), (false, 0));
    assert!(went.summary.contains("has not seen it") && went.summary.contains("among 5 packets"), "{went:?}");

    let refused = |probe: ProbePath| scene.client.probe_path(&probe).unwrap_err().code().map(str::to_owned);
    let absent = ProbePath { interface: "eni-absent".into(), ..probe.clone() };
    assert_eq!(refused(absent).as_deref(), Some("interface_not_found"));
    let no_port = ProbePath { protocol: Some(PathProtocol::Tcp), ..probe.clone() };
    assert_eq!(refused(no_port).as_deref(), Some("missing"));
    let six = ProbePath { destination: "fd00::1".into(), ..probe };
    assert_eq!(refused(six).as_deref(), Some("other_family"));
    drop(live);
}

#[test]
fn a_flow_log_tells_accepted_and_rejected_flows_of_the_own_vpc_until_its_time_is_over() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    let wish = RunInstance { subnet: subnet.meta.id.clone(), name: "blue".into(), ..Default::default() };
    scene.client.run_instance(&wish).unwrap();
    let follows = |filter: &FlowFilter| -> (Vec<LoggedFlow>, FlowTotal) {
        let stream = scene.client.follow_flows(&vpc.meta.id, filter).unwrap();
        let mut told: Vec<_> = stream.map(Result::unwrap).collect();
        let Some(Logged::Total(total)) = told.pop() else { panic!("the end says how many there were") };
        let flow = |logged| match logged {
            Logged::Flow(flow) => Some(*flow),
            // Each interval says what it has not; this host counts 5 packets, once.
            Logged::Loss(loss) => {
                assert_eq!((loss.lost_packets, &loss.missing_hosts[..]), (5, &[][..]));
                None
            }
            Logged::Total(total) => panic!("{total:?} in the middle"),
        };
        (told.into_iter().filter_map(flow).collect(), total)
    };

    let (flows, total) = follows(&FlowFilter { seconds: Some(1), ..Default::default() });

    assert_eq!((total.flows, total.lost_packets, &total.missing_hosts[..]), (flows.len() as u64, 5, &[][..]));
    let flow = &flows[0];
    assert_eq!((flow.accepted, flow.reason.as_deref(), flow.host.as_str()), (true, None, "h1"));
    assert_eq!(flow.from.as_ref().map(|from| from.name.as_str()), Some("blue"));
    assert_eq!((flow.source.as_str(), flow.source_port), ("10.20.1.3", Some(4000)));
    assert_eq!((flow.destination.as_str(), flow.destination_port, flow.protocol), ("10.20.1.4", Some(80), 6));
    // The host tells of 7 packets of each connection at each question: one flow of them all in an interval.
    let is_whole = |flow: &LoggedFlow| flow.packets.is_multiple_of(7) && flow.bytes == 100 * flow.packets;
    assert!(flow.packets >= 7 && is_whole(flow), "{flow:?}");
    assert_eq!(flow.first, "2023-11-14T22:13:20.000123Z");
    assert_eq!((flows[1].accepted, flows[1].reason.as_deref()), (false, Some("group_egress")));
    assert_eq!((total.one_of, flow.one_of), (1, None));
    let (rejected, _) = follows(&FlowFilter { seconds: Some(1), rejected: Some(true), ..Default::default() });
    assert!(!rejected.is_empty() && rejected.iter().all(|flow| !flow.accepted));

    let sparse = FlowFilter { seconds: Some(2), interval: Some(600), one_of: Some(10), ..Default::default() };
    let (flows, total) = follows(&sparse);
    assert_eq!((flows.len(), total.flows, total.one_of, total.lost_packets), (2, 2, 10, 5));
    assert!(flows.iter().all(|flow| flow.packets >= 14 && is_whole(flow)), "{flows:?}");
    assert!(flows.iter().all(|flow| flow.one_of == Some(10)));

    // Whoever does not see the VPC follows nothing.
    scene.client.create_project(&CreateProject { name: "other".into(), ..Default::default() }).unwrap();
    let stranger = scene.client_of(&scene.user("other", "eve"));
    let refused = stranger.follow_flows(&vpc.meta.id, &FlowFilter::default()).err().unwrap();
    assert_eq!(refused.code(), Some("vpc_not_found"));
    let odd = FlowFilter { one_of: Some(0), ..Default::default() };
    assert_eq!(scene.client.follow_flows(&vpc.meta.id, &odd).err().unwrap().code(), Some("out_of_range"));
    drop(live);
}
