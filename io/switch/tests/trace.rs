//! Looking on: what hooks are given, and what becomes of it.

mod hook;

use havip_model::{MacAddr, PortState, Vni};
use havip_reconcile::table::{Entry, EntryKey, Port};
use havip_switch::{Mode, Seen, Trace, Verdict, Wanted};
use havip_wire::{
    Arp, EtherType, Icmpv6, Nd, NdOption, TcpFlags, VlanTag, build::frame, build::gratuitous_arp,
    solicited_node,
};
use hook::{GATEWAY, Hook, VIP, VIRTUAL_MAC, eventually, mac, own, six, underlay};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

fn ping(from: u32, to_mac: MacAddr, source: Ipv4Addr, destination: Ipv4Addr, ttl: u8) -> Vec<u8> {
    frame(mac(from), to_mac).ip(source, destination).ttl(ttl).ping(1, 1)
}

fn look_on(hook: &Hook, wanted: &Wanted) -> Trace {
    hook.switch.look_on(hook.switch.looker().load(Mode::FRAMES).unwrap(), wanted).unwrap()
}

/// A guest sends this frame to the programs that are at work now; the scene's own runs are of those before.
fn sends(hook: &Hook, number: u32, frame: &[u8]) {
    let mut context = hook.context(&format!("p{number}"));
    hook.switch.run("port_rx", frame, Some(&mut context)).unwrap();
}

/// The last frame of each processor is told after some milliseconds.
fn takes(trace: &mut Trace, count: usize) -> Vec<Seen> {
    let mut all = vec![];
    eventually(Duration::from_secs(2), "all frames are told", || {
        all.extend(trace.take().unwrap().0);
        all.len() >= count
    });
    assert_eq!(all.len(), count);
    all.sort_by_key(|seen| seen.at);
    all
}

fn reason(seen: &Seen) -> Option<&'static str> {
    seen.reason.map(havip_switch::reason_name)
}

#[test]
fn every_frame_is_told_with_what_became_of_it() {
    let hook = Hook::new("trace");
    let mut trace = look_on(&hook, &Wanted::default());
    let device = |name: &str| Some(hook.ifindex(name));
    let asked = frame(mac(11), MacAddr::BROADCAST).arp(Arp::request(mac(11), own(11), GATEWAY));
    // What was sent, the device that it left by, why it did not go where it was to go.
    let rows: [(Vec<u8>, Option<u32>, Option<&str>); 6] = [
        (ping(11, mac(12), own(11), own(12), 64), device("p12"), None),
        (ping(11, mac(13), own(11), own(13), 64), device("ov"), None),
        (ping(11, mac(12), own(12), own(12), 64), None, Some("source_address")),
        (ping(11, VIRTUAL_MAC, own(11), own(21), 1), device("p11"), Some("ttl")),
        (asked, device("p11"), None),
        (gratuitous_arp(mac(11), VIP), None, None),
    ];
    for (frame, ..) in &rows {
        sends(&hook, 11, frame);
    }
    let seen = takes(&mut trace, rows.len());
    for ((frame, left_by, why), seen) in rows.iter().zip(&seen) {
        assert_eq!((seen.left_by, reason(seen)), (*left_by, *why));
        assert_eq!((&seen.frame, seen.length as usize), (frame, frame.len()));
        assert_eq!((seen.came_by, seen.tunnel), (device("p11"), None));
    }
    assert_eq!(seen[1].aimed_at, Some((underlay(2), 100)));

    let mut trace = look_on(&hook, &Wanted { messages: true, ..Wanted::default() });
    sends(&hook, 12, &gratuitous_arp(mac(12), VIP));
    let seen = takes(&mut trace, 3);
    let told = |seen: &Seen| (seen.came_by, seen.left_by, seen.aimed_at);
    let mut told: Vec<_> = seen.iter().map(told).collect();
    told.sort();
    let announced = |host| (None, device("ov"), Some((underlay(host), 0xff_ffff)));
    assert_eq!(told, [announced(2), announced(3), (device("p12"), None, Some((underlay(3), 0xff_ffff)))]);
}

#[test]
fn only_what_a_device_sends_or_is_given_and_only_what_is_dropped_if_so_wanted() {
    let hook = Hook::new("tracefew");
    let frames = [
        (11, ping(11, mac(12), own(11), own(12), 64)),
        (11, ping(11, mac(13), own(11), own(13), 64)),
        (12, ping(12, mac(11), own(12), own(11), 64)),
        (12, ping(12, mac(11), own(11), own(11), 64)),
    ];
    let told = |wanted: Wanted, count: usize| -> Vec<usize> {
        let mut trace = look_on(&hook, &wanted);
        for (from, frame) in &frames {
            sends(&hook, *from, frame);
        }
        let which = |seen: &Seen| frames.iter().position(|(_, frame)| *frame == seen.frame).unwrap();
        takes(&mut trace, count).iter().map(which).collect()
    };
    let twelve = Some(hook.ifindex("p12"));
    assert_eq!(told(Wanted { ifindex: twelve, ..Wanted::default() }, 3), [0, 2, 3]);
    let dropped = [Verdict::Dropped].into_iter().collect();
    assert_eq!(told(Wanted { verdicts: dropped, ..Wanted::default() }, 1), [3]);
    assert_eq!(told(Wanted::default(), 4), [0, 1, 2, 3]);
}

/// Frames of every kind that is looked for; the device that each comes in by is p11, but for the last one's.
fn kinds(hook: &Hook) -> Vec<(u32, Vec<u8>)> {
    let (blue, green) = (own(11), own(12));
    let (blue6, green6) = (six::own(11), six::own(12));
    let to = |packet: Ipv4Addr| frame(mac(11), mac(12)).ip(blue, packet);
    let to6 = || frame(mac(11), mac(12)).ip6(blue6, green6);
    let asks = Nd::NeighbourSolicitation { target: green6, options: vec![NdOption::SourceMac(mac(11))] };
    // Of another VPC, with an address that somebody has in this one, too.
    let other = Port {
        ifindex: hook.ifindex("p21"),
        is_veth: false,
        vni: Vni::new(101).unwrap(),
        subnet: hook::subnet_of(21),
        mac: mac(21),
        virtual_mac: VIRTUAL_MAC,
        primary: Some(blue.into()),
        primary6: None,
        mtu: 1500,
        source_dest_check: true,
        is_awaited: false,
        state: PortState::Active,
        editions: None,
    };
    hook.put(EntryKey::Port(hook::port(21)), Entry::Port(other));
    vec![
        (11, to(green).ping(1, 1)),                               // 0: sent
        (11, to(green).tcp(4000, 80, TcpFlags::SYN, b"")),        // 1: sent
        (11, to(own(13)).udp(80, 53, b"x")),                      // 2: sent to another host
        (11, to(green).options(&[1; 8]).udp(9, 80, b"x")),        // 3: sent
        (11, to(green).fragment(7, 184, false).udp(9, 80, b"x")), // 4: sent, a later fragment
        (11, frame(mac(11), MacAddr::BROADCAST).arp(Arp::request(mac(11), blue, green))), // 5: answered
        (11, to6().icmp(&Icmpv6::EchoRequest { identifier: 1, sequence: 1, data: b"" })), // 6: sent
        (11, to6().tcp(4000, 80, TcpFlags::SYN, b"")),            // 7: sent
        (11, frame(mac(11), six::group(solicited_node(green6))).ip6(blue6, solicited_node(green6)).nd(asks)), // 8: answered
        (11, frame(mac(11), VIRTUAL_MAC).ip(blue, own(21)).ttl(1).tcp(80, 4000, TcpFlags::ACK, b"")), // 9: refused
        (11, frame(mac(11), mac(12)).ip(green, own(13)).tcp(1, 2, TcpFlags::SYN, b"")), // 10: dropped
        (11, gratuitous_arp(mac(11), VIP)),                                             // 11: used
        (11, frame(mac(11), mac(12)).tag(VlanTag::vlan(7)).ip(blue, green).udp(80, 1, b"x")), // 12: dropped
        (11, frame(mac(11), mac(12)).raw(EtherType(0x1234), &[0; 60])),                 // 13: dropped
        (21, frame(mac(21), VIRTUAL_MAC).ip(blue, green).udp(4000, 80, b"x")), // 14: refused, of another VPC
    ]
}

#[test]
fn only_what_is_about_the_address_protocol_port_vpc_and_verdict_that_are_wanted_is_told() {
    let hook = Hook::six("traceabout");
    let frames = kinds(&hook);
    let any = Wanted::default();
    let address = |address: &str| Wanted { address: Some(address.parse().unwrap()), ..any };
    let service = |port| Wanted { service: Some(port), ..any };
    let protocol = |protocol| Wanted { protocol: Some(protocol), ..any };
    let ends = |some: &[Verdict]| Wanted { verdicts: some.iter().copied().collect(), ..any };
    let vpc = |vni| Wanted { vni: Some(Vni::new(vni).unwrap()), ..any };
    use Verdict::{Answered, Dropped, Refused, Sent, Used};
    let rows: [(Wanted, &[usize]); 10] = [
        (address("10.0.0.12"), &[0, 1, 3, 4, 5, 10, 12, 14]),
        (address("10.0.0.100"), &[11]),
        (address("fd00::c"), &[6, 7, 8]),
        (service(80), &[1, 2, 3, 7, 9, 12, 14]),
        (protocol(1), &[0, 6, 8]),
        (Wanted { service: Some(80), ..protocol(6) }, &[1, 7, 9]),
        (ends(&[Answered, Used]), &[5, 8, 11]),
        (ends(&[Dropped, Refused]), &[9, 10, 12, 13, 14]),
        (Wanted { vni: vpc(100).vni, ..ends(&[Sent]) }, &[0, 1, 2, 3, 4, 6, 7]),
        (Wanted { vni: vpc(101).vni, ..address("10.0.0.12") }, &[14]),
    ];
    let which = |seen: &Seen| frames.iter().position(|(_, frame)| *frame == seen.frame);
    for (wanted, expected) in rows {
        let mut trace = look_on(&hook, &wanted);
        // A frame is sorted by the kernel when the next one comes, and by whoever reads if none comes.
        for is_read_at_once in [false, true] {
            let mut told = vec![];
            for (from, frame) in &frames {
                sends(&hook, *from, frame);
                let at = Instant::now();
                eventually(Duration::from_secs(2), "its hook has ended", || {
                    if is_read_at_once {
                        told.extend(trace.take().unwrap().0);
                    }
                    !is_read_at_once || at.elapsed() > Duration::from_millis(20)
                });
            }
            let at = Instant::now();
            eventually(Duration::from_secs(2), "all frames are told", || {
                told.extend(trace.take().unwrap().0);
                at.elapsed() > Duration::from_millis(50)
            });
            // Errors that the switch makes itself have no place in the list.
            let mut told: Vec<usize> = told.iter().filter_map(which).collect();
            told.sort();
            assert_eq!(told, expected, "{wanted:?}, read at once: {is_read_at_once}");
        }
    }
}

#[test]
fn a_flood_that_is_not_wanted_takes_no_room_from_what_is() {
    let hook = Hook::new("traceflood");
    let mut trace = look_on(&hook, &Wanted { service: Some(80), protocol: Some(6), ..Wanted::default() });
    let flood = frame(mac(11), mac(12)).ip(own(11), own(12)).udp(80, 80, &[7; 1200]);
    let wanted = frame(mac(11), mac(12)).ip(own(11), own(12)).tcp(4000, 80, TcpFlags::SYN, b"");
    for round in 0..6000 {
        sends(&hook, 11, if round % 100 == 0 { &wanted } else { &flood }); // the ring holds some 1700
    }
    let seen = takes(&mut trace, 60);
    assert!(seen.iter().all(|seen| seen.frame == wanted));
    assert_eq!(trace.take().unwrap().1, 0, "nothing is lost");
}

#[test]
fn what_nobody_takes_is_counted_and_the_end_leaves_nothing_that_looks() {
    let hook = Hook::new("traceend");
    let mut trace = look_on(&hook, &Wanted::default());
    // Longer than what is kept of it.
    let long = frame(mac(11), mac(12)).ip(own(11), own(12)).udp(1, 2, &[7; 1200]);
    sends(&hook, 11, &long);
    let seen = &takes(&mut trace, 1)[0];
    assert_eq!((seen.length as usize, &seen.frame[..]), (long.len(), &long[..512]));

    let sent = 3000; // the ring holds some 1700
    for _ in 0..sent {
        sends(&hook, 11, &long);
    }
    let mut told = 0;
    eventually(Duration::from_secs(2), "every frame is told or counted", || {
        let (seen, lost) = trace.take().unwrap();
        told += seen.len();
        lost > 0 && told + lost as usize == sent
    });

    hook.switch.look_away(hook.switch.looker().load(Mode::USUAL).unwrap()).unwrap();
    // Many more than processors: of each the last frame is told with the next.
    for _ in 0..200 {
        sends(&hook, 11, &long);
    }
    assert_eq!(trace.take().unwrap().0, []);
}
