//! Two agents with real switches, real devices and a server of the test's own.

mod fabric;

use fabric::*;
use havip_model::{Holder, HostNumber, MacAddr, MoveCause, PortNumber};
use havip_packet_socket::PacketSocket;
use havip_stream::convert::Sending;
use havip_stream::proto::{self, report};
use havip_wire::{Dhcp, DhcpKind, EtherType, Ethernet, Ipv4, Udp, build};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// A stream, a pull and the programming take some 100 ms; two cores may be shared with a compiler.
const PATIENCE: Duration = Duration::from_secs(20);

fn holder(host: u32, port: u32) -> Option<Holder> {
    Some(Holder { host: HostNumber::new(host).unwrap(), port: PortNumber::new(port).unwrap() })
}

/// Guests 1 and 2 on hosts 1 and 2 may claim the VIP; guest 3, a client, is on host 2.
fn scene(name: &str) -> Fabric {
    scene_among(name, 2)
}

/// The same among more hosts, which have nothing to do with the VPC.
fn scene_among(name: &str, hosts: u32) -> Fabric {
    let mut fabric = Fabric::build(name, hosts);
    for (guest, host) in [(1, 1), (2, 2), (3, 2)] {
        fabric.guest(guest, host);
    }
    for host in [1, 2] {
        let mut items = base(2);
        items.extend([endpoint(1, 1), endpoint(2, 2), endpoint(3, 2), vip(&[1, 2])]);
        items.extend(match host {
            1 => vec![port(1)],
            _ => vec![port(2), port(3)],
        });
        fabric.server.host(host).put(items);
    }
    fabric
}

fn wait_until_up(fabric: &Fabric, host: u32, ports: &[u32]) {
    let session = fabric.server.host(host);
    within(PATIENCE, || {
        let up = session.said(|body| match body {
            report::Body::Port(port) if port.up => Some(port.port),
            _ => None,
        });
        ports.iter().all(|port| up.contains(port)) && session.acknowledged().is_some()
    });
    assert_eq!(session.acknowledged().unwrap().1, vec![]);
}

fn claim(fabric: &Fabric, guest: u32) {
    fabric.succeeds(guest, &format!("ip address replace {VIP}/32 dev eth0"));
    fabric.succeeds(guest, &format!("arping -q -c1 -U -I eth0 -s {VIP} {VIP}"));
}

#[test]
fn a_vip_follows_the_last_claim_from_host_to_host_and_survives_restarts() {
    let fabric = scene("agt1");
    let one = fabric.agent(1);
    let two = fabric.agent(2);
    wait_until_up(&fabric, 1, &[1]);
    wait_until_up(&fabric, 2, &[2, 3]);

    // A claim on host 1 is followed on host 2.
    claim(&fabric, 1);
    fabric.reaches_vip(3);
    let moves = |host: u32| fabric.server.host(host).moves();
    within(PATIENCE, || moves(1).last().is_some_and(|moved| moved.record.present_holder() == holder(1, 1)));

    // The other guest claims; the first loses it without a word.
    claim(&fabric, 2);
    within(PATIENCE, || moves(2).last().is_some_and(|moved| moved.record.present_holder() == holder(2, 2)));
    let moved = moves(2).last().cloned().unwrap();
    assert_eq!((moved.from, moved.cause), (holder(1, 1), MoveCause::Claim));
    fabric.succeeds(1, &format!("ip address del {VIP}/32 dev eth0"));
    fabric.reaches_vip(3);

    // Nobody notices that an agent is restarted: not a ping is lost.
    let pings = std::thread::scope(|scope| {
        let pings = scope.spawn(|| fabric.run(1, &format!("ping -i 0.01 -c 300 -W 1 {VIP}")));
        two.stop();
        let two = fabric.agent(2);
        let output = String::from_utf8(pings.join().unwrap().stdout).unwrap();
        (output, two)
    });
    assert!(pings.0.contains("300 received"), "{}", pings.0);
    let two = pings.1;

    // A guest that loses its link loses the VIP, and the one that has it gets it without asking.
    fabric.succeeds(1, &format!("ip address replace {VIP}/32 dev eth0"));
    fabric.succeeds(2, "ip link set eth0 down");
    within(PATIENCE, || moves(1).last().is_some_and(|moved| moved.record.present_holder() == holder(1, 1)));
    fabric.reaches_vip(3);
    let released = moves(2).into_iter().find(|moved| moved.record.released);
    assert_eq!(released.map(|moved| moved.cause), Some(MoveCause::PortDown));

    // A host that reboots while the server is dead begins with what its disk holds and its peer knows.
    fabric.server.kill();
    two.stop();
    fabric.reboot(2);
    let two = fabric.agent(2);
    fabric.reaches_vip(3);
    one.stop();
    two.stop();
}

#[test]
fn a_claim_by_a_stranger_moves_nothing_and_is_reported() {
    let fabric = scene("agt2");
    let _agents = [fabric.agent(1), fabric.agent(2)];
    wait_until_up(&fabric, 1, &[1]);
    wait_until_up(&fabric, 2, &[2, 3]);
    claim(&fabric, 1);
    fabric.reaches_vip(3);

    claim(&fabric, 3);

    let session = fabric.server.host(2);
    let stranger = PortNumber::new(3).ok();
    within(PATIENCE, || session.refusals().iter().any(|refused| refused.port == stranger));
    let refused = session.refusals().into_iter().find(|refused| refused.port == stranger).unwrap();
    assert_eq!(refused.address, Some(VIP.parse().unwrap()));
    assert_eq!(havip_switch::reason_name(refused.reason), "claim_not_associated");
    assert_eq!(session.moves(), vec![]);
    fabric.reaches_vip(2);
}

#[test]
fn a_stolen_certificate_is_answered_by_other_agents_about_its_hosts_vpcs_alone() {
    let fabric = scene_among("agt8", 3);
    let _agents = [fabric.agent(1), fabric.agent(2)];
    wait_until_up(&fabric, 1, &[1]);
    wait_until_up(&fabric, 2, &[2, 3]);
    claim(&fabric, 1);
    fabric.reaches_vip(3);
    within(PATIENCE, || !fabric.server.host(1).moves().is_empty());

    // A member is told who holds what: so much a thief of its certificate learns.
    let pull = |from| proto::PullRequest { vni: VNI, from_host: from };
    let told = fabric.asks(2, 1, async |mut peer| peer.pull(pull(2)).await.unwrap().into_inner());
    let known = told.entries[0].record.clone().unwrap();
    assert_eq!((known.host, known.port), (1, 1));

    // Who is none is told nothing, also about a port, and what it says is greater is not taken over.
    let greater = proto::Record { epoch: known.epoch + (1 << 16), host: 3, port: 3, ..known };
    let entry = proto::records::Entry { record: Some(greater), ..told.entries[0].clone() };
    let refused = fabric.asks(3, 1, async |mut peer| {
        let records = proto::Records { vni: VNI, from_host: 3, entries: vec![entry] };
        let answers = [
            peer.pull(pull(3)).await.err(),
            peer.repair(records).await.err(),
            peer.compare(proto::Digest { vni: VNI, from_host: 3, sum: 1 }).await.err(),
            peer.down(proto::DownRequest { port: 1 }).await.err(),
            peer.arrived(proto::ArrivedRequest { port: 1 }).await.err(),
        ];
        answers.map(|status| status.map(|status| status.code()))
    });
    assert_eq!(refused, [Some(tonic::Code::Unavailable); 5]);
    let told = fabric.asks(2, 1, async |mut peer| peer.pull(pull(2)).await.unwrap().into_inner());
    let kept = told.entries[0].record.clone().unwrap();
    assert_eq!((kept.host, kept.port, kept.epoch), (1, 1, known.epoch));
    fabric.reaches_vip(3);
}

#[test]
fn a_move_that_no_agent_saw_is_reported_by_the_next_one() {
    let fabric = scene("agt5");
    let one = fabric.agent(1);
    let _two = fabric.agent(2);
    wait_until_up(&fabric, 1, &[1]);
    wait_until_up(&fabric, 2, &[2, 3]);

    // The kernel follows the claim at once; nobody is there to tell of it.
    one.stop();
    claim(&fabric, 1);
    fabric.reaches_vip(3);
    assert_eq!(fabric.server.host(1).moves(), vec![]);

    let _one = fabric.agent(1);
    let session = fabric.server.host(1);
    within(PATIENCE, || !session.moves().is_empty());
    let moved = session.moves()[0].clone();
    assert_eq!(
        (moved.record.present_holder(), moved.from, moved.cause),
        (holder(1, 1), None, MoveCause::Claim)
    );

    // What the guest has sent meanwhile is told, too.
    within(PATIENCE, || {
        let sent = session.said(|body| match body {
            report::Body::Sents(sents) => Some(sents.sents.clone()),
            _ => None,
        });
        let sent = sent.iter().flatten().map(|sent| havip_stream::convert::sent(sent).unwrap()).next();
        sent.is_some_and(|sent| {
            sent.epoch == moved.record.epoch && matches!(sent.sending, Sending::Began { before_at: None, .. })
        })
    });
}

#[test]
fn a_guest_is_lent_its_address_by_dhcp() {
    let fabric = scene("agt6");
    let _agents = [fabric.agent(1), fabric.agent(2)];
    wait_until_up(&fabric, 1, &[1]);
    let (none, discover) = (Ipv4Addr::UNSPECIFIED, Dhcp::discover(mac(1), 7));

    let offer = fabric.inside(1, || {
        let index = nix::net::if_::if_nametoindex("eth0").unwrap();
        let socket = PacketSocket::open(index).unwrap();
        let packet = build::frame(mac(1), MacAddr::BROADCAST).ip(none, Ipv4Addr::BROADCAST);
        socket.send(&packet.udp(68, 67, &discover.encode())).unwrap();
        let mut frame = [0; 2048];
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no offer came");
            let Some(received) = socket.receive(&mut frame, PATIENCE).unwrap() else { continue };
            let offer = dhcp_of(&frame[..received.length]);
            if let Some(offer) = offer.filter(|offer| offer.kind == DhcpKind::Offer) {
                return offer;
            }
        }
    });

    assert_eq!(IpAddr::from(offer.yours), address(1));
    assert_eq!((offer.transaction, offer.options.mtu), (7, Some(1500)));
}

fn dhcp_of(frame: &[u8]) -> Option<Dhcp> {
    let ethernet = Ethernet::decode(frame).ok().filter(|ethernet| ethernet.ether_type == EtherType::IPV4)?;
    let ip = Ipv4::decode(ethernet.payload).ok()?;
    Dhcp::decode(Udp::decode(ip.payload).ok()?.payload).ok()
}

#[test]
fn a_device_that_is_missing_is_a_failure_until_it_appears() {
    let mut fabric = Fabric::build("agt3", 1);
    let session = fabric.server.host(1);
    let _agent = fabric.agent(1);
    let mut items = base(1);
    items.extend([endpoint(1, 1), port(1)]);
    session.put(items);

    within(PATIENCE, || session.acknowledged().is_some_and(|(_, failures)| !failures.is_empty()));
    let (_, failures) = session.acknowledged().unwrap();
    assert!(failures[0].key.starts_with("port/eni-") && failures[0].reason.contains("g1"), "{failures:?}");

    fabric.guest(1, 1);
    wait_until_up(&fabric, 1, &[1]);
}

#[test]
fn a_vip_without_room_in_the_switch_fails_with_the_reason_until_there_is_room() {
    let mut fabric = Fabric::build("agt7", 1);
    fabric.guest(1, 1);
    let session = fabric.server.host(1);
    let _agent = fabric.agent_with(1, |args| args.most_vips = Some(1));
    let mut items = base(1);
    items.extend([endpoint(1, 1), port(1), vip(&[1])]);
    session.put(items);
    wait_until_up(&fabric, 1, &[1]);

    let second = second_vip(&[1]);
    let revision = session.put([second.clone()]);
    let failures = || session.acknowledged().filter(|(at, _)| *at >= revision).map(|(_, failures)| failures);
    within(PATIENCE, || failures().is_some_and(|failures| !failures.is_empty()));
    let failure = failures().unwrap().remove(0);
    assert_eq!(failure.key, havip_stream::convert::key_text(&second.key()));
    assert!(failure.reason.contains("full"), "{}", failure.reason);

    session.remove(vip(&[]).key());
    within(PATIENCE, || failures().is_some_and(|failures| failures.is_empty()));
}

#[test]
fn what_is_detached_leaves_no_trace() {
    let mut fabric = Fabric::build("agt4", 1);
    fabric.guest(1, 1);
    let before = fabric.devices(1);
    let session = fabric.server.host(1);
    let agent = fabric.agent(1);
    let mut items = base(1);
    items.extend([endpoint(1, 1), port(1)]);
    session.put(items);
    wait_until_up(&fabric, 1, &[1]);
    assert!(fabric.devices(1).contains(&"hvov".to_owned()));
    assert!(fabric.pins(1).exists());

    agent.stop();
    fabric.detach(1).unwrap();

    assert_eq!(fabric.devices(1), before);
    assert!(!fabric.pins(1).exists());
}
