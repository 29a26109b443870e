//! What comes in from outside: ARP for EIPs, translation towards the VIP or interface, and all that is the host's.

mod edge_scene;
mod hook;

use edge_scene::*;
use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record};
use havip_switch::{Order, Outcome};
use havip_wire::{Arp, EtherType, Icmp, IcmpError, Protocol, TcpFlags, VlanTag, build::frame};
use hook::{DROPPED, REDIRECTED, VIP, VIRTUAL_MAC, host, mac, own, port};
use std::net::Ipv4Addr;

#[test]
fn the_active_edge_answers_arp_for_an_eip_with_its_device_s_mac() {
    let mut hook = edge("arp");
    for sender in [CLIENT, Ipv4Addr::UNSPECIFIED] {
        let asked = Arp::request(ROUTER_MAC, sender, EIP);

        let ran = hook.enters("edge_rx", "e0", &frame(ROUTER_MAC, MacAddr::BROADCAST).arp(asked));

        assert_eq!(ran.verdict, REDIRECTED);
        assert_eq!(ran.frame, frame(EDGE_MAC, ROUTER_MAC).arp(asked.answer(EDGE_MAC)));
        hook.counted(&[("edge_arp_answered", 1)]);
    }
}

#[test]
fn an_edge_that_is_not_active_keeps_silent() {
    let mut hook = edge("standby");
    let question = frame(ROUTER_MAC, MacAddr::BROADCAST).arp(Arp::request(ROUTER_MAC, CLIENT, EIP));
    let mine = hook.switch.record(eip_key(EIP)).unwrap().unwrap();
    let other = Record {
        epoch: Epoch(mine.epoch.0 + 1),
        holder: Holder { host: host(2), port: port(1) },
        incarnation: Incarnation(6),
        ..mine
    };
    let released = Record { epoch: Epoch(mine.epoch.0 + 2), released: true, ..mine };
    for record in [other, released] {
        assert_eq!(hook.order(Order::Merge { key: eip_key(EIP), record }), Outcome::Done);
        hook.settle();

        let ran = hook.enters("edge_rx", "e0", &question);

        assert_eq!((ran.verdict, ran.frame), (DROPPED, question.clone()));
        hook.counted(&[("edge_inactive", 1)]);
    }
}

#[test]
fn what_is_not_for_an_eip_goes_to_the_host_untouched() {
    let mut hook = edge("hosts");
    let arp = Arp::request(ROUTER_MAC, ROUTER, EDGE);
    let to_edge = || frame(ROUTER_MAC, EDGE_MAC);
    let all = || frame(ROUTER_MAC, MacAddr::BROADCAST);
    let syn = to_edge().ip(CLIENT, EIP).tcp(40_000, 80, TcpFlags::SYN, b"");
    let frames = [
        all().arp(arp),
        all().arp(Arp::gratuitous(ROUTER_MAC, EIP)),
        to_edge().arp(Arp::request(ROUTER_MAC, EIP, ROUTER).answer(ROUTER_MAC)),
        to_edge().ip(CLIENT, EDGE).ping(1, 1),
        to_edge().ip(CLIENT, Ipv4Addr::new(203, 0, 113, 200)).ping(1, 1),
        all().ip(CLIENT, EIP).ping(1, 1),
        frame(ROUTER_MAC, mac(11)).ip(CLIENT, EIP).ping(1, 1),
        all().ip(CLIENT, Ipv4Addr::new(224, 0, 0, 1)).raw(Protocol(2), &[0; 8]),
        to_edge().ip6("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap()).udp(1, 2, b"x"),
        to_edge().raw(EtherType(0x88cc), &[0; 46]),
        to_edge().tag(VlanTag::vlan(5)).raw(EtherType::IPV4, &syn[14..]),
        all().arp(Arp::request(ROUTER_MAC, CLIENT, EIP))[..41].to_vec(),
    ];
    for bytes in frames {
        let ran = hook.enters("edge_rx", "e0", &bytes);

        assert_eq!((ran.verdict, ran.frame), (TO_THE_HOST, bytes));
        hook.counted(&[]);
    }
}

#[test]
fn a_packet_for_an_eip_reaches_the_vip_s_holder_with_every_checksum_right() {
    let mut hook = edge("in");
    hook.holds(11);
    for (what, before, after) in packets((CLIENT, EIP), (CLIENT, VIP)) {
        for complete in [false, true] {
            let ran = enters(&hook, complete, &before(frame(ROUTER_MAC, EDGE_MAC), 64));

            assert_eq!(ran.verdict, REDIRECTED, "{what}");
            assert_eq!(ran.frame, after(frame(VIRTUAL_MAC, mac(11)), 63), "{what}");
            hook.counted(&[("edge_in", 1), ("routed", 1), ("delivered", 1)]);
        }
    }
}

#[test]
fn an_eip_may_lead_to_an_interface_and_to_another_host() {
    let mut hook = edge("targets");
    let local = frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, EIP_OF_11).ping(1, 1);
    let remote = frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, EIP_OF_13).ping(1, 1);

    let ran = hook.enters("edge_rx", "e0", &local);
    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, frame(VIRTUAL_MAC, mac(11)).ip(CLIENT, own(11)).ttl(63).ping(1, 1));
    hook.counted(&[("edge_in", 1), ("routed", 1), ("delivered", 1)]);

    let ran = hook.enters("edge_rx", "e0", &remote);
    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, frame(VIRTUAL_MAC, EDGE_MAC).ip(CLIENT, own(13)).ttl(63).ping(1, 1));
    hook.counted(&[("edge_in", 1), ("routed", 1), ("sent_remote", 1)]);
}

#[test]
fn who_cannot_reach_an_eip_learns_why_from_the_edge() {
    let mut hook = edge("complaints");
    let ping = |ttl, size: usize| {
        let data = vec![7; size - 28];
        let icmp = Icmp::EchoRequest { identifier: 1, sequence: 1, data: &data };
        frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, EIP).ttl(ttl).icmp(&icmp)
    };
    let no_holder = ping(64, 84);
    let ran = hook.enters("edge_rx", "e0", &no_holder);
    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, complaint(&no_holder, EDGE, IcmpError::HOST_UNREACHABLE));
    hook.counted(&[("no_holder", 1), ("icmp_sent", 1)]);

    hook.holds(11);
    let last_hop = ping(1, 60);
    let ran = hook.enters("edge_rx", "e0", &last_hop);
    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, complaint(&last_hop, EDGE, IcmpError::TTL_EXCEEDED));
    hook.counted(&[("ttl", 1), ("icmp_sent", 1)]);

    let too_big = ping(64, 1501);
    let ran = hook.enters("edge_rx", "e0", &too_big);
    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, complaint(&too_big, EDGE, IcmpError::FragmentationNeeded { mtu: 1500 }));
    hook.counted(&[("too_big", 1), ("icmp_sent", 1)]);
}

#[test]
fn no_source_that_lies_inside_or_nowhere_comes_in() {
    let mut hook = edge("sources");
    hook.holds(11);
    let inside = ["10.0.0.12", "10.0.0.1", "10.0.0.100"].map(|source| ("outside_source", source));
    let nowhere =
        ["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255"].map(|source| ("source_odd", source));
    for (reason, source) in inside.into_iter().chain(nowhere) {
        let bytes = frame(ROUTER_MAC, EDGE_MAC).ip(source.parse().unwrap(), EIP).ping(1, 1);

        let ran = hook.enters("edge_rx", "e0", &bytes);

        assert_eq!((ran.verdict, ran.frame), (DROPPED, bytes), "{source}");
        hook.counted(&[(reason, 1)]);
    }
}

#[test]
fn an_error_about_what_an_eip_sent_is_translated_outside_and_inside() {
    let mut hook = edge("errors");
    hook.holds(11);
    for (what, sent, seen) in packets((EIP, CLIENT), (VIP, CLIENT)) {
        for quoted in [28, 36, 60, 1000] {
            for complete in [false, true] {
                let quote = |frame: Vec<u8>| frame[14..].iter().copied().take(quoted).collect::<Vec<u8>>();
                let (sent, seen) = (
                    quote(sent(frame(EDGE_MAC, ROUTER_MAC), 60)),
                    quote(seen(frame(EDGE_MAC, ROUTER_MAC), 60)),
                );
                // The quoted checksum is right for what the guest sent; a router in between lowered the TTL.
                let error =
                    |quoted| Icmp::Error { error: IcmpError::FragmentationNeeded { mtu: 1400 }, quoted };
                let before = frame(ROUTER_MAC, EDGE_MAC).ip(ROUTER, EIP).icmp(&error(&sent));

                let ran = enters(&hook, complete, &before);

                assert_eq!(ran.verdict, REDIRECTED, "{what}");
                let after = frame(VIRTUAL_MAC, mac(11)).ip(ROUTER, VIP).ttl(63).icmp(&error(&seen));
                assert_eq!(ran.frame, after, "{what}, {quoted} bytes quoted");
                hook.counted(&[("edge_in", 1), ("routed", 1), ("delivered", 1)]);
            }
        }
    }
}

#[test]
fn a_stranger_s_advert_does_not_come_in_by_an_eip() {
    let mut hook = edge("advert");
    hook.holds(11);
    let advert = havip_wire::Vrrp {
        vrid: 51,
        priority: 0,
        version: havip_wire::VrrpVersion::V2 {
            interval_secs: 1,
            authentication: havip_wire::Authentication::None,
        },
        addresses: vec![VIP.into()],
    };
    let bytes = frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, EIP).vrrp(&advert);

    let ran = hook.enters("edge_rx", "e0", &bytes);

    assert_eq!(ran.verdict, DROPPED);
    hook.counted(&[("edge_in", 1), ("routed", 1), ("advert_stranger", 1)]);
}

#[test]
fn a_syn_from_outside_promises_no_more_than_the_fabric_carries() {
    let mut hook = edge("mss");
    hook.holds(11);
    // The overlay device has 1500.
    for (offered, passed) in [(65_495, 1460), (1461, 1460), (1460, 1460), (536, 536)] {
        for options in mss_options() {
            for complete in [false, true] {
                let before = frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, EIP).segment(&syn(&options(offered)));

                let ran = enters(&hook, complete, &before);

                assert_eq!(ran.verdict, REDIRECTED);
                let after =
                    frame(VIRTUAL_MAC, mac(11)).ip(CLIENT, VIP).ttl(63).segment(&syn(&options(passed)));
                assert_eq!(ran.frame, after, "{offered} {options:?}", options = options(offered));
                hook.counted(&[("edge_in", 1), ("routed", 1), ("delivered", 1)]);
            }
        }
    }
}

#[test]
fn errors_to_the_outside_have_a_limit() {
    let mut hook = edge("limit");
    let ping = frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, EIP).ping(1, 1);
    let verdicts = (0..40).map(|_| hook.enters("edge_rx", "e0", &ping).verdict).collect::<Vec<_>>();

    let sent = verdicts.iter().filter(|&&verdict| verdict == REDIRECTED).count();
    assert!((16..20).contains(&sent), "a burst of 16, then 20 a second: {verdicts:?}");
    hook.counted(&[("no_holder", 40), ("icmp_sent", sent as u64), ("icmp_limited", 40 - sent as u64)]);
}
