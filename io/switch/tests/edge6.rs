//! EIPs of IPv6: what comes in from outside and what leaves, translated with every checksum right, or refused.

mod edge_scene;
mod hook;

use edge_scene::six::*;
use edge_scene::{EDGE_MAC, ROUTER_MAC, TO_THE_HOST};
use havip_model::{Epoch, Holder, MacAddr, Record};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::{Order, Outcome};
use havip_wire::build::{Frame, frame};
use havip_wire::{ChecksumForm, Icmpv6, Icmpv6Error, Ipv6, Protocol, Tcp, TcpFlags, Udp, Vrrp, VrrpVersion};
use hook::six::{
    ALL_NODES, GATEWAY, NOBODY, VIP, advertisement, announcement, group, link_local, own, solicitation,
};
use hook::{DROPPED, Hook, REDIRECTED, VIRTUAL_MAC, host, ip, mac, port, six, underlay, vni};
use std::{net::Ipv6Addr, time::Instant};

const FROM_PORT: &[(&str, u64)] = &[("routed", 1), ("left_vpc", 1), ("edge_out", 1)];
const INTO_PORT: &[(&str, u64)] = &[("edge_in", 1), ("routed", 1), ("delivered", 1)];

/// Another record than this host's own for an EIP.
fn record(hook: &mut Hook, public: Ipv6Addr, on: u32, released: bool) {
    let mine = hook.switch.record(key(public)).unwrap().unwrap();
    let holder = Holder { host: host(on), port: port(1) };
    let record = Record { epoch: Epoch(mine.epoch.0 + 1), holder, released, ..mine };
    assert_eq!(hook.order(Order::Merge { key: key(public), record }), Outcome::Done);
    hook.settle();
}

fn guest(number: u32) -> Frame {
    frame(mac(number), VIRTUAL_MAC)
}

fn from_outside() -> Frame {
    frame(ROUTER_MAC, EDGE_MAC)
}

type Ends = (Ipv6Addr, Ipv6Addr);
type Build = fn(Frame, u8, Ends) -> Vec<u8>;

/// A packet with extension headers, the first of which is this one, before its upper part.
fn extended(
    frame: Frame,
    hops: u8,
    (from, to): Ends,
    first: Protocol,
    headers: &[u8],
    upper: &[u8],
) -> Vec<u8> {
    frame.ip6(from, to).hop_limit(hops).raw(first, &[headers, upper].concat())
}

/// Packets of every kind, by their MACs, hops and ends.
const PACKETS: &[(&str, Build)] = &[
    ("TCP", |frame, hops, (a, b)| frame.ip6(a, b).hop_limit(hops).tcp(40_000, 80, TcpFlags::ACK, b"hello")),
    ("UDP", |frame, hops, (a, b)| frame.ip6(a, b).hop_limit(hops).udp(4000, 53, b"hello")),
    ("ping", |frame, hops, (a, b)| {
        let ping = Icmpv6::EchoRequest { identifier: 1, sequence: 2, data: b"abc" };
        frame.ip6(a, b).hop_limit(hops).icmp(&ping)
    }),
    ("ESP", |frame, hops, (a, b)| frame.ip6(a, b).hop_limit(hops).raw(Protocol(50), &[7; 40])),
    ("TCP behind destination options", |frame, hops, (a, b)| {
        let tcp = Tcp::new(40_000, 80, TcpFlags::ACK, b"hello").encode(a.into(), b.into());
        extended(frame, hops, (a, b), Protocol(60), &[6, 0, 1, 4, 0, 0, 0, 0], &tcp)
    }),
    ("the first fragment of UDP", |frame, hops, (a, b)| {
        let whole = Udp::new(4000, 53, &[0x5a; 64]).encode(a.into(), b.into());
        extended(frame, hops, (a, b), Protocol(44), &[17, 0, 0, 1, 0, 0, 0, 77], &whole[..48])
    }),
    ("a later fragment of ICMPv6 that looks like an error", |frame, hops, (a, b)| {
        extended(frame, hops, (a, b), Protocol(44), &[58, 0, 0, 48, 0, 0, 0, 77], &[1; 24])
    }),
];

/// The error that somebody's frame comes back as.
fn told(by: Ipv6Addr, error: Icmpv6Error, sent: &[u8]) -> Vec<u8> {
    let mac = |at: usize| MacAddr(sent[at..at + 6].try_into().unwrap());
    let to = Ipv6::decode(&sent[14..]).unwrap().source;
    let quoted = &sent[14..sent.len().min(14 + 96)];
    frame(mac(0), mac(6)).ip6(by, to).icmp(&Icmpv6::Error { error, quoted })
}

fn ping_of(head: Frame, size: usize, (from, to): Ends, hops: u8) -> Vec<u8> {
    let data = vec![7; size - 48];
    head.ip6(from, to).hop_limit(hops).icmp(&Icmpv6::EchoRequest { identifier: 1, sequence: 1, data: &data })
}

#[test]
fn a_packet_of_an_eip_s_target_leaves_with_every_checksum_right() {
    let mut hook = edge("out");
    for (what, build) in PACKETS {
        for complete in [false, true] {
            let ran = hook.summed(complete, || hook.sends(11, &build(guest(11), 64, (own(11), CLIENT))));

            assert_eq!(ran.verdict, REDIRECTED, "{what}");
            assert_eq!(ran.frame, build(frame(VIRTUAL_MAC, VIRTUAL_MAC), 63, (EIP_OF_11, CLIENT)), "{what}");
            hook.counted(FROM_PORT);
        }
        // The sender's host has routed it already.
        let sent = build(frame(VIRTUAL_MAC, VIRTUAL_MAC), 63, (own(13), CLIENT));
        let ran = hook.arrives(underlay(2), vni().get(), &sent);
        assert_eq!(ran.verdict, REDIRECTED, "{what}");
        assert_eq!(ran.frame, build(frame(VIRTUAL_MAC, VIRTUAL_MAC), 63, (EIP_OF_13, CLIENT)), "{what}");
        hook.counted(&[("edge_out", 1)]);
    }
}

#[test]
fn a_packet_for_an_eip_reaches_the_vip_s_holder_or_an_interface_anywhere() {
    let mut hook = edge("in");
    hook.holds6(11);
    for (what, build) in PACKETS {
        for complete in [false, true] {
            for (public, target) in [(EIP, VIP), (EIP_OF_11, own(11))] {
                let came = build(from_outside(), 64, (CLIENT, public));
                let ran = hook.summed(complete, || hook.enters("edge_rx", "e0", &came));

                assert_eq!(ran.verdict, REDIRECTED, "{what}");
                assert_eq!(ran.frame, build(frame(VIRTUAL_MAC, mac(11)), 63, (CLIENT, target)), "{what}");
                hook.counted(INTO_PORT);
            }
        }
        let ran = hook.enters("edge_rx", "e0", &build(from_outside(), 64, (CLIENT, EIP_OF_13)));
        assert_eq!(ran.verdict, REDIRECTED, "{what}");
        assert_eq!(ran.frame, build(frame(VIRTUAL_MAC, EDGE_MAC), 63, (CLIENT, own(13))), "{what}");
        hook.counted(&[("edge_in", 1), ("routed", 1), ("sent_remote", 1)]);
    }
}

#[test]
fn an_eip_reached_from_inside_turns_back_without_going_out() {
    let mut hook = edge("hairpin");
    hook.holds6(12);
    for (what, build) in PACKETS {
        for complete in [false, true] {
            let ran = hook.summed(complete, || hook.sends(11, &build(guest(11), 64, (own(11), EIP))));

            assert_eq!(ran.verdict, REDIRECTED, "{what}");
            assert_eq!(ran.frame, build(frame(VIRTUAL_MAC, mac(12)), 63, (EIP_OF_11, VIP)), "{what}");
            hook.counted(&[("routed", 1), ("left_vpc", 1), ("hairpin", 1), ("delivered", 1)]);
        }
    }
}

#[test]
fn an_error_is_translated_outside_and_inside_both_ways() {
    let mut hook = edge("errors");
    hook.holds6(11);
    let outer = frame(VIRTUAL_MAC, VIRTUAL_MAC);
    for (what, build) in PACKETS {
        for quoted in [40, 44, 56, 1000] {
            for complete in [false, true] {
                let quote = |ends| -> Vec<u8> {
                    build(guest(11), 60, ends)[14..].iter().copied().take(quoted).collect()
                };
                // Nobody looks for a quoted checksum behind extension headers.
                let translated = |ends, before: &[u8]| {
                    let (quote, is_plain) = (quote(ends), [6, 17, 58, 50].contains(&before[6]));
                    if is_plain { quote } else { [&quote[..40], &before[40..]].concat() }
                };
                let error = |quoted| Icmpv6::Error { error: Icmpv6Error::PacketTooBig { mtu: 1400 }, quoted };
                let sent = quote((EIP, CLIENT));
                let seen = translated((VIP, CLIENT), &sent);
                let came = from_outside().ip6(ROUTER, EIP).icmp(&error(&sent));

                let ran = hook.summed(complete, || hook.enters("edge_rx", "e0", &came));

                let after = frame(VIRTUAL_MAC, mac(11)).ip6(ROUTER, VIP).hop_limit(63).icmp(&error(&seen));
                assert_eq!((ran.verdict, ran.frame), (REDIRECTED, after), "{what}, {quoted} bytes in");
                hook.counted(INTO_PORT);

                let came = quote((CLIENT, VIP));
                let seen = translated((CLIENT, EIP), &came);
                for (source, public) in [(VIP, EIP), (own(11), EIP_OF_11)] {
                    let sent = guest(11).ip6(source, CLIENT).icmp(&error(&came));

                    let ran = hook.summed(complete, || hook.sends(11, &sent));

                    let left = outer.clone().ip6(public, CLIENT).hop_limit(63).icmp(&error(&seen));
                    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, left), "{what}, {quoted} bytes out");
                    hook.counted(FROM_PORT);
                }
            }
        }
    }
}

#[test]
fn the_active_edge_alone_answers_a_solicitation_for_an_eip() {
    let mut hook = edge("nd");
    let asked = solicitation(ROUTER_MAC, link_local(ROUTER_MAC), EIP);
    let probe = solicitation(ROUTER_MAC, NOBODY, EIP);
    let answer = |to_mac, to, solicited| {
        let said = six::Said { router: false, solicited, override_flag: true, mac: Some(EDGE_MAC) };
        advertisement(EDGE_MAC, to_mac, EIP, to, EIP, said)
    };
    let answers = [
        (&asked, answer(ROUTER_MAC, link_local(ROUTER_MAC), true)),
        (&probe, answer(group(ALL_NODES), ALL_NODES, false)),
    ];
    for (question, answer) in answers {
        let ran = hook.enters("edge_rx", "e0", question);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer));
        hook.counted(&[("edge_nd_answered", 1)]);
    }
    for released in [false, true] {
        record(&mut hook, EIP, if released { 1 } else { 2 }, released);
        let ran = hook.enters("edge_rx", "e0", &asked);
        assert_eq!((ran.verdict, ran.frame), (DROPPED, asked.clone()));
        hook.counted(&[("edge_inactive", 1)]);
    }
}

#[test]
fn what_is_not_for_an_eip_goes_to_the_host_untouched() {
    let mut hook = edge("hosts");
    // An EIP of IPv4 in IPv6's spelling is none of IPv6.
    let four = std::net::Ipv4Addr::new(203, 0, 113, 9);
    let target = hook::own(11).into();
    hook.put(EntryKey::Eip(four.into()), Entry::Eip { vni: vni(), target, bandwidth_mbps: None });
    let frames = [
        from_outside().ip6(CLIENT, four.to_ipv6_mapped()).udp(1, 2, b"x"),
        solicitation(ROUTER_MAC, link_local(ROUTER_MAC), ROUTER),
        announcement(ROUTER_MAC, EIP),
        from_outside().ip6(CLIENT, link_local(EDGE_MAC)).udp(1, 2, b"x"),
        from_outside().ip6(CLIENT, "2001:db8:e::200".parse().unwrap()).udp(1, 2, b"x"),
        frame(ROUTER_MAC, mac(11)).ip6(CLIENT, EIP).udp(1, 2, b"x"),
        frame(ROUTER_MAC, group(ALL_NODES)).ip6(CLIENT, ALL_NODES).udp(1, 2, b"x"),
    ];
    for bytes in frames {
        let ran = hook.enters("edge_rx", "e0", &bytes);
        assert_eq!((ran.verdict, ran.frame), (TO_THE_HOST, bytes));
        hook.counted(&[]);
    }
}

#[test]
fn what_no_outside_may_say_does_not_come_in() {
    let mut hook = edge("sources");
    hook.holds6(11);
    let from = |source: Ipv6Addr| from_outside().ip6(source, EIP).udp(1, 2, b"x");
    let advert = Vrrp {
        vrid: 51,
        priority: 0,
        version: VrrpVersion::V3 { interval_centis: 100, checksum: ChecksumForm::Pseudo },
        addresses: vec![VIP.into()],
    };
    let mut lies = from(CLIENT);
    lies[18] = 0xff; // the payload's length
    let frames = [
        ("outside_source", from(own(12))),
        ("outside_source", from(GATEWAY)),
        ("outside_source", from(VIP)),
        ("source_odd", from(NOBODY)),
        ("source_odd", from(Ipv6Addr::LOCALHOST)),
        ("source_odd", from(ALL_NODES)),
        ("source_odd", from(link_local(ROUTER_MAC))),
        ("source_odd", from("::ffff:10.0.0.12".parse().unwrap())),
        ("ip_malformed", lies),
        ("advert_stranger", from_outside().ip6(CLIENT, EIP).vrrp(&advert)),
        ("dhcp_server", from_outside().ip6(CLIENT, EIP).udp(547, 546, b"x")),
        (
            "nd_malformed",
            advertisement(ROUTER_MAC, EDGE_MAC, CLIENT, EIP, CLIENT, six::announcing(ROUTER_MAC)),
        ),
    ];
    for (reason, bytes) in frames {
        let ran = hook.enters("edge_rx", "e0", &bytes);
        assert_eq!((ran.verdict, ran.frame), (DROPPED, bytes), "{reason}");
        hook.counted(&[(reason, 1)]);
    }
}

#[test]
fn who_cannot_reach_an_eip_learns_why_from_it() {
    let mut hook = edge("complaints");
    let to_eip = |size, hops| ping_of(from_outside(), size, (CLIENT, EIP), hops);
    let rows = [
        (false, to_eip(104, 64), "no_holder", Icmpv6Error::Unreachable { code: 3 }),
        (true, to_eip(100, 1), "ttl", Icmpv6Error::TimeExceeded { code: 0 }),
        (true, to_eip(1501, 64), "too_big", Icmpv6Error::PacketTooBig { mtu: 1500 }),
    ];
    for (is_held, sent, reason, error) in rows {
        if is_held {
            hook.holds6(11);
        }
        let ran = hook.enters("edge_rx", "e0", &sent);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, told(EIP, error, &sent)), "{reason}");
        hook.counted(&[(reason, 1), ("icmp_sent", 1)]);
    }
}

#[test]
fn who_cannot_leave_learns_why_from_its_gateway() {
    let mut hook = edge("refused");
    let unreachable = |code| Icmpv6Error::Unreachable { code };
    let ping = |number, hops| ping_of(guest(number), 104, (own(number), CLIENT), hops);

    let ran = hook.sends(12, &ping(12, 64));
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, told(GATEWAY, unreachable(1), &ping(12, 64))));
    hook.counted(&[("no_eip", 1), ("icmp_sent", 1)]);

    ip("link set e0 mtu 1400");
    let big = |head, number, hops| ping_of(head, 1401, (own(number), CLIENT), hops);
    let too_big = Icmpv6Error::PacketTooBig { mtu: 1400 };
    let ran = hook.sends(11, &big(guest(11), 11, 64));
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, told(GATEWAY, too_big, &big(guest(11), 11, 63))));
    hook.counted(&[("routed", 1), ("left_vpc", 1), ("too_big", 1), ("icmp_sent", 1)]);
    // The sender on another host is told there.
    let sent = big(frame(VIRTUAL_MAC, VIRTUAL_MAC), 13, 63);
    let ran = hook.arrives(underlay(2), vni().get(), &sent);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, told(GATEWAY, too_big, &sent)));
    hook.counted(&[("too_big", 1), ("icmp_sent", 1), ("sent_remote", 1)]);

    record(&mut hook, EIP_OF_11, 1, true);
    let ran = hook.sends(11, &ping(11, 64));
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, told(GATEWAY, unreachable(3), &ping(11, 63))));
    hook.counted(&[("routed", 1), ("edge_off", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_packet_goes_to_the_edge_that_is_active_and_every_edge_translates() {
    let mut hook = edge("other");
    let sent = |head, ends, hops| ping_of(head, 104, ends, hops);
    record(&mut hook, EIP_OF_11, 2, false);
    let ran = hook.sends(11, &sent(guest(11), (own(11), CLIENT), 64));
    let routed = sent(frame(VIRTUAL_MAC, VIRTUAL_MAC), (own(11), CLIENT), 63);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, routed));
    hook.counted(&[("routed", 1), ("left_vpc", 1), ("sent_remote", 1)]);

    record(&mut hook, EIP_OF_13, 3, false);
    let head = || frame(VIRTUAL_MAC, VIRTUAL_MAC);
    let ran = hook.arrives(underlay(2), vni().get(), &sent(head(), (own(13), CLIENT), 63));
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, sent(head(), (EIP_OF_13, CLIENT), 63)));
    hook.counted(&[("edge_out", 1)]);
    // What has no EIP is nobody's to translate.
    let strange = sent(head(), (own(12), CLIENT), 63);
    assert_eq!(hook.arrives(underlay(2), vni().get(), &strange).verdict, DROPPED);
    hook.counted(&[("no_route", 1)]);
}

#[test]
fn a_syn_promises_no_more_than_the_fabric_and_the_outside_carry() {
    let mut hook = edge("mss");
    fn syn(mss: u16, (from, to): Ends) -> Vec<u8> {
        let [high, low] = mss.to_be_bytes();
        let options = [1, 1, 2, 4, high, low, 4, 2];
        Tcp { options: &options, ..Tcp::new(40_000, 80, TcpFlags::SYN, &[]) }.encode(from.into(), to.into())
    }
    let packet = |head: Frame, hops, ends: Ends, mss| {
        head.ip6(ends.0, ends.1).hop_limit(hops).raw(Protocol::TCP, &syn(mss, ends))
    };
    ip("link set e0 mtu 1400");
    for (offered, passed) in [(1440, 1340), (1341, 1340), (1340, 1340), (536, 536)] {
        for complete in [false, true] {
            let sent = packet(guest(11), 64, (own(11), CLIENT), offered);
            let ran = hook.summed(complete, || hook.sends(11, &sent));
            let left = packet(frame(VIRTUAL_MAC, VIRTUAL_MAC), 63, (EIP_OF_11, CLIENT), passed);
            assert_eq!((ran.verdict, ran.frame), (REDIRECTED, left), "{offered}");
            hook.counted(FROM_PORT);

            let came = packet(from_outside(), 64, (CLIENT, EIP_OF_11), offered);
            let ran = hook.summed(complete, || hook.enters("edge_rx", "e0", &came));
            let entered = packet(frame(VIRTUAL_MAC, mac(11)), 63, (CLIENT, own(11)), passed);
            assert_eq!((ran.verdict, ran.frame), (REDIRECTED, entered), "{offered}");
            hook.counted(INTO_PORT);
        }
    }
}

#[test]
fn an_eip_passes_no_more_than_its_bandwidth_each_way() {
    let mut hook = edge("meter");
    limit(&hook, EIP_OF_11, own(11), Some(1));
    let sent = ping_of(guest(11), 1400, (own(11), CLIENT), 64);
    let came = ping_of(from_outside(), 1400, (CLIENT, EIP_OF_11), 64);
    for inwards in [false, true] {
        let send = || if inwards { hook.enters("edge_rx", "e0", &came) } else { hook.sends(11, &sent) };
        let began = Instant::now();
        let passed = (0..60).filter(|_| send().verdict == REDIRECTED).count() as u64;
        let took = began.elapsed();
        // 1400 bytes are 11.2 ms at 1 Mbit/s; 100 ms may pass at once, and one packet more.
        let most = 9 + (took.as_micros() / 11_200 + 1) as u64;
        assert!((9..=most).contains(&passed), "{passed} of 60 in {took:?}");
        let [refused] = hook.moved(&["eip_bandwidth"]);
        assert_eq!(refused, 60 - passed);
    }
}
