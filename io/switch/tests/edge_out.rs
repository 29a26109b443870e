//! What leaves a VPC: through the active edge, translated, turned back if it is for an EIP, or refused with a reason.

mod edge_scene;
mod hook;

use edge_scene::*;
use havip_model::{Epoch, Holder, Incarnation, PortState, Record};
use havip_switch::{Order, Outcome};
use havip_wire::{
    Icmp, IcmpError, Ipv4, Protocol,
    build::{Frame, frame},
};
use hook::{DROPPED, GATEWAY, Hook, REDIRECTED, VIP, VIRTUAL_MAC, host, ip, mac, own, port, underlay, vni};
use std::{net::Ipv4Addr, time::Instant};

const FROM_PORT: &[(&str, u64)] = &[("routed", 1), ("left_vpc", 1), ("edge_out", 1)];

/// A guest's frame to its gateway.
fn guest(number: u32) -> Frame {
    frame(mac(number), VIRTUAL_MAC)
}

fn ping_of(size: usize, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    let data = vec![7; size - 28];
    guest(11).ip(from, to).icmp(&Icmp::EchoRequest { identifier: 1, sequence: 1, data: &data })
}

#[test]
fn a_packet_of_an_eip_s_target_leaves_with_every_checksum_right() {
    let mut hook = edge("out");
    for (what, before, after) in packets((own(11), CLIENT), (EIP_OF_11, CLIENT)) {
        for complete in [false, true] {
            let ran = hook.summed(complete, || hook.sends(11, &before(guest(11), 64)));

            assert_eq!(ran.verdict, REDIRECTED, "{what}");
            assert_eq!(ran.frame, after(frame(VIRTUAL_MAC, VIRTUAL_MAC), 63), "{what}");
            hook.counted(FROM_PORT);
        }
    }
}

#[test]
fn a_packet_of_another_host_leaves_with_every_checksum_right() {
    let mut hook = edge("relay");
    for (what, before, after) in packets((own(13), CLIENT), (EIP_OF_13, CLIENT)) {
        // The sender's host has routed it already.
        let sent = before(frame(VIRTUAL_MAC, VIRTUAL_MAC), 63);

        let ran = hook.arrives(underlay(2), vni().get(), &sent);

        assert_eq!(ran.verdict, REDIRECTED, "{what}");
        assert_eq!(ran.frame, after(frame(VIRTUAL_MAC, VIRTUAL_MAC), 63), "{what}");
        hook.counted(&[("edge_out", 1)]);
    }
}

#[test]
fn the_holder_sends_as_the_vip_with_the_vip_s_eip() {
    let mut hook = edge("holder");
    hook.holds(11);

    let ran = hook.sends(11, &guest(11).ip(VIP, CLIENT).udp(1, 2, b"x"));

    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, frame(VIRTUAL_MAC, VIRTUAL_MAC).ip(EIP, CLIENT).ttl(63).udp(1, 2, b"x"));
    hook.counted(FROM_PORT);
}

#[test]
fn a_packet_goes_to_the_edge_that_is_active() {
    let mut hook = edge("other");
    let mine = hook.switch.record(eip_key(EIP_OF_11)).unwrap().unwrap();
    let holder = Holder { host: host(2), port: port(1) };
    let record = Record { epoch: Epoch(mine.epoch.0 + 1), holder, incarnation: Incarnation(6), ..mine };
    assert_eq!(hook.order(Order::Merge { key: eip_key(EIP_OF_11), record }), Outcome::Done);
    hook.settle();

    let ran = hook.sends(11, &guest(11).ip(own(11), CLIENT).ping(1, 1));

    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, frame(VIRTUAL_MAC, VIRTUAL_MAC).ip(own(11), CLIENT).ttl(63).ping(1, 1));
    hook.counted(&[("routed", 1), ("left_vpc", 1), ("sent_remote", 1)]);
}

#[test]
fn an_edge_that_is_no_longer_active_still_translates() {
    let mut hook = edge("late");
    let mine = hook.switch.record(eip_key(EIP_OF_13)).unwrap().unwrap();
    let holder = Holder { host: host(3), port: port(1) };
    let record = Record { epoch: Epoch(mine.epoch.0 + 1), holder, ..mine };
    assert_eq!(hook.order(Order::Merge { key: eip_key(EIP_OF_13), record }), Outcome::Done);
    hook.settle();

    let sent = frame(VIRTUAL_MAC, VIRTUAL_MAC).ip(own(13), CLIENT).ping(1, 1);
    let ran = hook.arrives(underlay(2), vni().get(), &sent);

    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, frame(VIRTUAL_MAC, VIRTUAL_MAC).ip(EIP_OF_13, CLIENT).ping(1, 1));
    hook.counted(&[("edge_out", 1)]);
}

#[test]
fn a_sender_without_eip_is_told_that_it_is_not_allowed() {
    let mut hook = edge("noeip");
    let ping = ping_of(84, own(11), CLIENT);
    let other = frame(mac(12), VIRTUAL_MAC).ip(own(12), CLIENT).udp(1, 2, &[0; 200]);

    let ran = hook.sends(12, &other);

    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, complaint(&other, GATEWAY, IcmpError::PROHIBITED));
    hook.counted(&[("no_eip", 1), ("icmp_sent", 1)]);
    assert_eq!(hook.sends(11, &ping).verdict, REDIRECTED, "the neighbour with an EIP gets out");
}

#[test]
fn an_eip_without_edge_is_a_host_unreachable() {
    let mut hook = edge("noedge");
    let mine = hook.switch.record(eip_key(EIP_OF_11)).unwrap().unwrap();
    let record = Record { epoch: Epoch(mine.epoch.0 + 1), released: true, ..mine };
    assert_eq!(hook.order(Order::Merge { key: eip_key(EIP_OF_11), record }), Outcome::Done);
    hook.settle();
    let ping = ping_of(84, own(11), CLIENT);

    let ran = hook.sends(11, &ping);

    assert_eq!(ran.verdict, REDIRECTED);
    let packet = Ipv4 { ttl: 63, ..Ipv4::decode(&ping[14..]).unwrap() }.encode();
    let routed = guest(11).raw(havip_wire::EtherType::IPV4, &packet);
    let told = complaint(&routed, GATEWAY, IcmpError::HOST_UNREACHABLE);
    assert_eq!(ran.frame, told);
    hook.counted(&[("routed", 1), ("edge_off", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_packet_too_big_for_the_outside_comes_back_with_its_mtu() {
    let mut hook = edge("pmtu");
    ip("link set e0 mtu 1400");
    let ping = ping_of(1401, own(11), CLIENT);
    let routed = |head: Frame, ping: &[u8]| {
        let packet = Ipv4 { ttl: 63, ..Ipv4::decode(&ping[14..]).unwrap() }.encode();
        head.raw(havip_wire::EtherType::IPV4, &packet)
    };
    let needed = IcmpError::FragmentationNeeded { mtu: 1400 };

    let ran = hook.sends(11, &ping);
    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, complaint(&routed(guest(11), &ping), GATEWAY, needed));
    hook.counted(&[("routed", 1), ("left_vpc", 1), ("too_big", 1), ("icmp_sent", 1)]);

    assert_eq!(hook.sends(11, &ping_of(1400, own(11), CLIENT)).verdict, REDIRECTED);
    hook.counted(FROM_PORT);

    // The sender on another host is told there.
    let sent = routed(frame(VIRTUAL_MAC, VIRTUAL_MAC), &ping_of(1401, own(13), CLIENT));
    let ran = hook.arrives(underlay(2), vni().get(), &sent);
    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, complaint(&sent, GATEWAY, needed));
    hook.counted(&[("too_big", 1), ("icmp_sent", 1), ("sent_remote", 1)]);
}

#[test]
fn an_eip_reached_from_inside_turns_back_without_going_out() {
    let mut hook = edge("hairpin");
    hook.holds(12);
    for (what, before, after) in packets((own(11), EIP), (EIP_OF_11, VIP)) {
        for complete in [false, true] {
            let ran = hook.summed(complete, || hook.sends(11, &before(guest(11), 64)));

            assert_eq!(ran.verdict, REDIRECTED, "{what}");
            assert_eq!(ran.frame, after(frame(VIRTUAL_MAC, mac(12)), 63), "{what}");
            hook.counted(&[("routed", 1), ("left_vpc", 1), ("hairpin", 1), ("delivered", 1)]);
        }
    }
}

#[test]
fn a_holder_reaches_its_own_eip() {
    let mut hook = edge("self");
    hook.holds(11);

    let ran = hook.sends(11, &guest(11).ip(VIP, EIP).udp(5000, 80, b"me"));

    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, frame(VIRTUAL_MAC, mac(11)).ip(EIP, VIP).ttl(63).udp(5000, 80, b"me"));
    hook.counted(&[("routed", 1), ("left_vpc", 1), ("hairpin", 1), ("delivered", 1)]);
}

#[test]
fn an_eip_of_a_vip_without_holder_is_a_host_unreachable_from_inside_too() {
    let mut hook = edge("vacant");
    let sent = guest(11).ip(own(11), EIP).udp(1, 2, &[0; 20]);
    let routed = guest(11).ip(own(11), EIP).ttl(63).udp(1, 2, &[0; 20]);

    let ran = hook.sends(11, &sent);

    assert_eq!(ran.verdict, REDIRECTED);
    assert_eq!(ran.frame, complaint(&routed, GATEWAY, IcmpError::HOST_UNREACHABLE));
    hook.counted(&[("routed", 1), ("left_vpc", 1), ("no_holder", 1), ("icmp_sent", 1)]);
}

#[test]
fn an_error_that_the_target_sends_is_translated_outside_and_inside() {
    let mut hook = edge("errout");
    hook.holds(11);
    for (what, came, seen) in packets((CLIENT, VIP), (CLIENT, EIP)) {
        let quote = |bytes: Vec<u8>| bytes[14..].to_vec();
        let (came, seen) = (quote(came(guest(11), 60)), quote(seen(guest(11), 60)));
        let error = |quoted| Icmp::Error { error: IcmpError::PORT_UNREACHABLE, quoted };
        for (source, public) in [(VIP, EIP), (own(11), EIP_OF_11)] {
            for complete in [false, true] {
                let sent = guest(11).ip(source, CLIENT).icmp(&error(&came));

                let ran = hook.summed(complete, || hook.sends(11, &sent));

                assert_eq!(ran.verdict, REDIRECTED, "{what}");
                let left = frame(VIRTUAL_MAC, VIRTUAL_MAC).ip(public, CLIENT).ttl(63).icmp(&error(&seen));
                assert_eq!(ran.frame, left, "{what} from {source}");
                hook.counted(FROM_PORT);
            }
        }
    }
}

#[test]
fn a_syn_to_the_outside_promises_no_more_than_the_outside_carries() {
    let mut hook = edge("mssout");
    ip("link set e0 mtu 1400");
    for (offered, passed) in [(1460, 1360), (1361, 1360), (1360, 1360), (536, 536)] {
        for options in mss_options() {
            for complete in [false, true] {
                let sent = guest(11).ip(own(11), CLIENT).segment(&syn(&options(offered)));

                let ran = hook.summed(complete, || hook.sends(11, &sent));

                let left = frame(VIRTUAL_MAC, VIRTUAL_MAC).ip(EIP_OF_11, CLIENT).ttl(63);
                assert_eq!(ran.frame, left.segment(&syn(&options(passed))), "{:?}", options(offered));
                assert_eq!(ran.verdict, REDIRECTED);
                hook.counted(FROM_PORT);
            }
        }
    }
}

#[test]
fn a_port_learns_by_icmp_why_its_packet_goes_no_further() {
    let mut hook = edge("refused");
    hook.plug(12, PortState::Active, false);
    hook.settle();
    let refused = |hook: &mut Hook, sent: Vec<u8>, reason: &'static str, error: IcmpError| {
        // The kernel forgets a device's sum when a packet is cut; what is longer than the quote is cut.
        for complete in [false, true].into_iter().filter(|complete| !complete || sent.len() <= 14 + 96) {
            let ran = hook.summed(complete, || hook.sends(12, &sent));
            assert_eq!(ran.verdict, REDIRECTED, "{reason}");
            assert_eq!(ran.frame, complaint(&sent, GATEWAY, error), "{reason}");
            hook.counted(&[(reason, 1), ("icmp_sent", 1)]);
        }
    };
    let to_vip = |payload: &[u8]| guest(12).ip(own(12), VIP).udp(1, 2, payload);
    refused(&mut hook, to_vip(b""), "no_holder", IcmpError::HOST_UNREACHABLE);
    refused(&mut hook, to_vip(&[1; 67]), "no_holder", IcmpError::HOST_UNREACHABLE);
    refused(&mut hook, to_vip(&[1; 68]), "no_holder", IcmpError::HOST_UNREACHABLE);
    refused(&mut hook, to_vip(&[1; 69]), "no_holder", IcmpError::HOST_UNREACHABLE);
    let last_hop = guest(12).ip(own(12), own(21)).ttl(1).ping(1, 1);
    refused(&mut hook, last_hop, "ttl", IcmpError::TTL_EXCEEDED);
    let options = guest(12).ip(own(12), VIP).options(&[7, 39, 4].repeat(13)[..36]).udp(1, 2, &[0; 99]);
    refused(&mut hook, options, "no_holder", IcmpError::HOST_UNREACHABLE);
    let big = guest(12).ip(own(12), own(11)).udp(1, 2, &[0; 1473]);
    refused(&mut hook, big, "too_big", IcmpError::FragmentationNeeded { mtu: 1500 });
}

#[test]
fn nobody_complains_about_errors_later_fragments_and_short_packets() {
    let mut hook = edge("silent");
    let to_vip = || frame(mac(12), VIRTUAL_MAC).ip(own(12), VIP);
    let errors = [
        IcmpError::HOST_UNREACHABLE,
        IcmpError::SourceQuench,
        IcmpError::Redirect { code: 1, gateway: GATEWAY },
        IcmpError::TTL_EXCEEDED,
        IcmpError::ParameterProblem { code: 0, pointer: 1 },
    ];
    let mut frames = errors.map(|error| to_vip().icmp(&Icmp::Error { error, quoted: &[0x45; 28] })).to_vec();
    frames.push(to_vip().fragment(1, 5, false).raw(Protocol::UDP, &[0; 30]));
    frames.push(to_vip().raw(Protocol::UDP, &[0; 7]));
    for bytes in frames {
        let ran = hook.sends(12, &bytes);

        assert_eq!((ran.verdict, ran.frame), (DROPPED, bytes));
        hook.counted(&[("no_holder", 1)]);
    }
}

#[test]
fn an_eip_passes_no_more_than_its_bandwidth_each_way() {
    let mut hook = edge("meter");
    limit(&hook, EIP_OF_11, own(11), Some(1));
    let sent = guest(11).ip(own(11), CLIENT).udp(1, 2, &[0; 1372]);
    let came = frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, EIP_OF_11).udp(2, 1, &[0; 1372]);
    for (inwards, passes) in
        [(false, FROM_PORT), (true, &[("edge_in", 1), ("routed", 1), ("delivered", 1)][..])]
    {
        let send = || if inwards { hook.enters("edge_rx", "e0", &came) } else { hook.sends(11, &sent) };
        let began = Instant::now();
        let verdicts = (0..60).map(|_| send().verdict).collect::<Vec<_>>();
        let took = began.elapsed();

        let passed = verdicts.iter().filter(|&&verdict| verdict == REDIRECTED).count() as u64;
        // 1400 bytes are 11.2 ms at 1 Mbit/s; 100 ms may pass at once, and one packet more.
        let most = 9 + (took.as_micros() / 11_200 + 1) as u64;
        assert!((9..=most).contains(&passed), "{passed} of 60 in {took:?}");
        let mut expected = passes.iter().map(|(name, _)| (*name, passed)).collect::<Vec<_>>();
        expected.push(("eip_bandwidth", 60 - passed));
        if !inwards {
            // Those beyond it had been routed already.
            expected.retain(|(name, _)| !["routed", "left_vpc"].contains(name));
            expected.extend([("routed", 60), ("left_vpc", 60)]);
        }
        hook.counted(&expected);
    }

    limit(&hook, EIP_OF_11, own(11), None);
    assert!((0..60).all(|_| hook.sends(11, &sent).verdict == REDIRECTED));
}
