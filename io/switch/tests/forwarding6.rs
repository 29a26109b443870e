//! Where packets of IPv6 go, and what is changed in them.

mod hook;

use havip_model::{MacAddr, PortState, Record};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::SwitchEvent;
use havip_wire::{Icmpv6, Icmpv6Error, Protocol, build::frame};
use hook::six::{
    ALL_NODES, GATEWAY, NOBODY, VIP, announcement, group, link_local, own, ping, solicitation, vip,
};
use hook::{DROPPED, Hook, REDIRECTED, VIRTUAL_MAC, host, mac, port, underlay};
use std::net::Ipv6Addr;

fn from(number: u32, to_mac: MacAddr, source: Ipv6Addr, destination: Ipv6Addr, hops: u8) -> Vec<u8> {
    ping(mac(number), to_mac, source, destination, hops)
}
/// The same packet after a step of routing.
fn routed(to_mac: MacAddr, source: Ipv6Addr, destination: Ipv6Addr, hops: u8) -> Vec<u8> {
    ping(VIRTUAL_MAC, to_mac, source, destination, hops)
}
/// The error that port 11 is told about what it sent.
fn told(error: Icmpv6Error, sent: &[u8]) -> Vec<u8> {
    let quoted = &sent[14..sent.len().min(14 + 96)];
    let to = Ipv6Addr::from(<[u8; 16]>::try_from(&sent[22..38]).unwrap());
    frame(VIRTUAL_MAC, mac(11)).ip6(GATEWAY, to).icmp(&Icmpv6::Error { error, quoted })
}

#[test]
fn within_a_subnet_only_the_destination_mac_changes_in_ipv6_too() {
    let mut hook = Hook::six("fwd6local");
    for to_mac in [mac(12), VIRTUAL_MAC, mac(99)] {
        for (source, destination) in [
            (own(11), own(12)),
            (own(11), link_local(mac(12))),
            (link_local(mac(11)), own(12)),
            (link_local(mac(11)), link_local(mac(12))),
        ] {
            let ran = hook.sends(11, &from(11, to_mac, source, destination, 1));
            assert_eq!((ran.verdict, ran.frame), (REDIRECTED, from(11, mac(12), source, destination, 1)));
            hook.counted(&[("delivered", 1)]);
        }
    }
    for destination in [own(13), link_local(mac(13))] {
        let sent = from(11, mac(13), own(11), destination, 255);
        let ran = hook.sends(11, &sent);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, sent));
        hook.counted(&[("sent_remote", 1)]);
    }
}

#[test]
fn from_another_host_ipv6_is_delivered_by_address_and_by_link_local_address() {
    let mut hook = Hook::six("fwd6far");
    for destination in [own(11), link_local(mac(11))] {
        let arrived = from(13, VIRTUAL_MAC, own(13), destination, 7);
        let ran = hook.arrives(underlay(2), 100, &arrived);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, from(13, mac(11), own(13), destination, 7)));
        hook.counted(&[("delivered", 1)]);
    }
    let to = |destination| from(13, VIRTUAL_MAC, own(13), destination, 64);
    let rows = [
        ("not_here", to(own(13))),
        ("not_here", to(link_local(mac(13)))),
        ("no_route", to("fe80::1".parse().unwrap())),
        ("no_route", to("fd00::9999".parse().unwrap())),
        ("target_odd", to(GATEWAY)),
        ("inner_odd", to(ALL_NODES)),
        ("inner_odd", to("::ffff:10.0.0.11".parse().unwrap())),
        ("ip_malformed", to(own(11))[..60].to_vec()),
    ];
    for (reason, bytes) in rows {
        assert_eq!(hook.arrives(underlay(2), 100, &bytes).verdict, DROPPED, "{reason}");
        hook.counted(&[(reason, 1)]);
    }
    // Of another VPC nobody has the MAC.
    hook.arrives(underlay(2), 101, &to(link_local(mac(11))));
    hook.counted(&[("not_here", 1)]);
    hook.plug(11, PortState::Inactive, true);
    hook.arrives(underlay(2), 100, &to(own(11)));
    hook.counted(&[("target_inactive", 1)]);
}

#[test]
fn between_subnets_the_gateway_routes_ipv6() {
    let mut hook = Hook::six("fwd6routed");
    let sent = from(11, VIRTUAL_MAC, own(11), own(21), 64);
    let ran = hook.sends(11, &sent);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, routed(mac(21), own(11), own(21), 63)));
    hook.counted(&[("delivered", 1), ("routed", 1)]);
    let sent = from(21, VIRTUAL_MAC, own(21), own(13), 2);
    let ran = hook.sends(21, &sent);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, routed(VIRTUAL_MAC, own(21), own(13), 1)));
    hook.counted(&[("sent_remote", 1), ("routed", 1)]);
    let sent = from(11, VIRTUAL_MAC, own(11), own(21), 1);
    let ran = hook.sends(11, &sent);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, told(Icmpv6Error::TimeExceeded { code: 0 }, &sent)));
    hook.counted(&[("ttl", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_vip_of_ipv6_leads_to_its_holder_and_follows_it() {
    let mut hook = Hook::six("fwd6vip");
    let sent = from(11, VIRTUAL_MAC, own(11), VIP, 64);
    let ran = hook.sends(11, &sent);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, told(Icmpv6Error::Unreachable { code: 3 }, &sent)));
    hook.counted(&[("no_holder", 1), ("icmp_sent", 1)]);

    let sent = from(21, VIRTUAL_MAC, own(21), VIP, 64);
    hook.holds6(11);
    assert_eq!(hook.sends(21, &sent).frame, routed(mac(11), own(21), VIP, 63));
    hook.counted(&[("delivered", 1), ("routed", 1)]);
    hook.holds6(12);
    assert_eq!(hook.sends(21, &sent).frame, routed(mac(12), own(21), VIP, 63));
    hook.counted(&[("delivered", 1), ("routed", 1)]);
    let arrived = from(13, VIRTUAL_MAC, own(13), VIP, 1);
    let ran = hook.arrives(underlay(2), 100, &arrived);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, from(13, mac(12), own(13), VIP, 1)));
    hook.counted(&[("delivered", 1)]);

    // Its port is not active, not entitled any more, or has released it.
    hook.plug(12, PortState::Inactive, true);
    hook.arrives(underlay(2), 100, &arrived);
    hook.counted(&[("target_inactive", 1)]);
    hook.plug(12, PortState::Active, true);
    hook.remove(EntryKey::Entitled(vip(), port(12)));
    hook.arrives(underlay(2), 100, &arrived);
    hook.counted(&[("holder_not_entitled", 1)]);
    hook.put(EntryKey::Entitled(vip(), port(12)), Entry::Entitled { direct_return: false });
    hook.released6(12);
    hook.arrives(underlay(2), 100, &arrived);
    hook.counted(&[("no_holder", 1)]);
}

#[test]
fn a_holder_of_ipv6_that_claimed_with_the_vrrp_mac_receives_and_sends_with_it() {
    let mut hook = Hook::six("fwd6vmac");
    let vmac = MacAddr::vrrp(true, 51);
    hook.sends(11, &announcement(vmac, VIP));
    hook.settle();
    let ran = hook.sends(12, &from(12, VIRTUAL_MAC, own(12), VIP, 64));
    assert_eq!(ran.frame, from(12, vmac, own(12), VIP, 64));
    assert_eq!(
        hook.sends(11, &ping(vmac, VIRTUAL_MAC, VIP, own(12), 64)).frame,
        ping(vmac, mac(12), VIP, own(12), 64)
    );
    hook.counted(&[("delivered", 2)]);
}

#[test]
fn only_the_holder_may_send_as_the_vip_of_ipv6_and_its_first_packet_is_told() {
    let mut hook = Hook::six("fwd6source");
    hook.holds6(11);
    let as_vip = |number| from(number, VIRTUAL_MAC, VIP, own(21), 64);
    assert_eq!(hook.sends(11, &as_vip(11)).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1), ("routed", 1)]);
    let served: Vec<_> = hook.told();
    assert_eq!(served.len(), 1, "it serves: {served:?}");
    assert_eq!(hook.sends(11, &as_vip(11)).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1), ("routed", 1)]);
    assert_eq!(hook.told(), [], "once");
    hook.refuses(12, "vip_not_held", &as_vip(12));
    hook.refuses(21, "source_address", &as_vip(21));
    let [SwitchEvent::Refused { address, .. }] = hook.told()[..] else { panic!("a spoof is reported") };
    assert_eq!(address, Some(VIP.into()));

    hook.put(EntryKey::Entitled(vip(), port(12)), Entry::Entitled { direct_return: true });
    assert_eq!(hook.sends(12, &as_vip(12)).verdict, REDIRECTED, "direct-return");
    hook.counted(&[("delivered", 1), ("routed", 1)]);
}

#[test]
fn packets_of_ipv6_that_lie_or_lead_nowhere_are_dropped_by_reason() {
    let mut hook = Hook::six("fwd6drops");
    let to = VIRTUAL_MAC;
    let any = |text: &str| text.parse::<Ipv6Addr>().unwrap();
    let silent: &[(&str, Vec<u8>)] = &[
        ("source_address", from(11, to, own(12), own(13), 64)),
        ("source_address", from(11, to, any("2001:db8::1"), own(12), 64)),
        ("source_address", from(11, to, GATEWAY, own(12), 64)),
        ("source_address", from(11, to, link_local(mac(12)), own(12), 64)),
        ("source_address", from(11, to, any("fe80::1"), own(12), 64)),
        ("source_odd", from(11, to, NOBODY, own(12), 64)),
        ("source_odd", from(11, to, Ipv6Addr::LOCALHOST, own(12), 64)),
        ("mapped", from(11, to, any("::ffff:10.0.0.11"), own(12), 64)), // the own address of IPv4
        ("mapped", from(11, to, any("::ffff:10.0.0.100"), own(12), 64)), // the VIP of IPv4
        ("mapped", from(11, to, any("::10.0.0.11"), own(12), 64)),
        ("source_odd", from(11, to, ALL_NODES, own(12), 64)),
        ("multicast", from(11, group(ALL_NODES), own(11), ALL_NODES, 1)),
        ("multicast", from(11, to, own(11), any("ff05::2"), 64)),
        ("broadcast", from(11, MacAddr::BROADCAST, own(11), own(12), 64)),
        ("mapped", from(11, to, own(11), any("::ffff:10.0.0.12"), 64)),
        ("mapped", from(11, to, own(11), any("::10.0.0.12"), 64)),
        ("target_odd", from(11, to, own(11), Ipv6Addr::LOCALHOST, 64)),
        ("target_odd", from(11, to, own(11), NOBODY, 64)),
        ("to_self", from(11, to, own(11), own(11), 64)),
        ("to_self", from(11, to, own(11), link_local(mac(11)), 64)),
        ("ip_malformed", from(11, to, own(11), own(12), 64)[..60].to_vec()),
        ("source_mac", ping(mac(12), to, own(11), own(12), 64)),
    ];
    for (reason, bytes) in silent {
        hook.refuses(11, reason, bytes);
    }
    let mut other_version = from(11, to, own(11), own(12), 64);
    other_version[14] = 0x50;
    hook.refuses(11, "ip_malformed", &other_version);

    let unreachable = |code| Icmpv6Error::Unreachable { code };
    let answered: &[(&str, u8, Vec<u8>)] = &[
        ("no_route", 0, from(11, to, own(11), any("fd00::9999"), 64)),
        ("no_eip", 1, from(11, to, own(11), any("2001:db8::1"), 64)),
        ("no_route", 0, from(11, to, own(11), any("fe80::1"), 64)),
        ("no_route", 0, from(11, to, own(11), link_local(mac(21)), 64)), // another subnet's
        ("scope", 2, from(11, to, link_local(mac(11)), own(21), 64)),
    ];
    for (reason, code, bytes) in answered {
        let ran = hook.sends(11, bytes);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, told(unreachable(*code), bytes)), "{reason}");
        hook.counted(&[(reason, 1), ("icmp_sent", 1)]);
    }
    hook.interface(13, None, true);
    let sent = from(11, to, own(11), own(13), 64);
    assert_eq!(hook.sends(11, &sent).frame, told(unreachable(3), &sent));
    hook.counted(&[("target_nowhere", 1), ("icmp_sent", 1)]);
    // No error about an error, and none beyond the limit.
    let error = frame(mac(11), to).ip6(own(11), any("fd00::9999"));
    let error = error.icmp(&Icmpv6::Error { error: unreachable(4), quoted: &[0x60; 48] });
    hook.refuses(11, "no_route", &error);
    let lost = from(11, to, own(11), any("fd00::9999"), 64);
    for _ in 0..30 {
        hook.sends(11, &lost);
    }
    let [sent, limited] = hook.moved(&["icmp_sent", "icmp_limited"]);
    assert!(limited >= 10 && sent + limited == 36, "{sent} sent, {limited} not");
}

#[test]
fn a_port_without_the_source_check_forwards_ipv6_for_others_but_is_no_vip_and_no_neighbour() {
    let mut hook = Hook::six("fwd6check");
    hook.plug(11, PortState::Active, false);
    hook.holds6(12);
    let foreign = "2001:db8::1".parse().unwrap();
    assert_eq!(hook.sends(11, &from(11, VIRTUAL_MAC, foreign, own(12), 64)).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);
    hook.refuses(11, "vip_not_held", &from(11, VIRTUAL_MAC, VIP, own(12), 64));
    hook.refuses(11, "source_address", &from(11, VIRTUAL_MAC, link_local(mac(12)), own(12), 64));
    hook.refuses(11, "mapped", &from(11, VIRTUAL_MAC, "::ffff:1.2.3.4".parse().unwrap(), own(12), 64));
}

#[test]
fn a_port_without_the_source_check_passes_a_gateway_s_errors_of_ipv6_on_and_nothing_else_of_it() {
    let mut hook = Hook::six("fwd6errors");
    let from_gateway =
        |source: Ipv6Addr, icmp: &Icmpv6| frame(mac(11), VIRTUAL_MAC).ip6(source, own(12)).icmp(icmp);
    let quoted = &from(12, VIRTUAL_MAC, own(12), own(21), 1)[14..];
    let too_big = Icmpv6::Error { error: Icmpv6Error::PacketTooBig { mtu: 1400 }, quoted };
    hook.refuses(11, "source_address", &from_gateway(GATEWAY, &too_big));

    hook.plug(11, PortState::Active, false);
    assert_eq!(hook.sends(11, &from_gateway(GATEWAY, &too_big)).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);
    let reply = Icmpv6::EchoReply { identifier: 1, sequence: 1, data: b"?" };
    hook.refuses(11, "source_address", &from_gateway(GATEWAY, &reply));
    hook.refuses(11, "source_address", &from_gateway(link_local(VIRTUAL_MAC), &too_big));
}

#[test]
fn the_gateway_of_ipv6_answers_a_ping_and_nothing_else() {
    let mut hook = Hook::six("gateway6");
    for gateway in [GATEWAY, link_local(VIRTUAL_MAC)] {
        for source in [own(11), link_local(mac(11))] {
            let ran = hook.sends(11, &from(11, VIRTUAL_MAC, source, gateway, 64));
            let data = b"abcdefghijklmnopqrstuvwabcdefghi";
            let reply = Icmpv6::EchoReply { identifier: 1, sequence: 1, data };
            let expected = frame(VIRTUAL_MAC, mac(11)).ip6(gateway, source).icmp(&reply);
            assert_eq!((ran.verdict, ran.frame), (REDIRECTED, expected));
            hook.counted(&[("gateway_answered", 1)]);
        }
        hook.refuses(
            11,
            "target_odd",
            &frame(mac(11), VIRTUAL_MAC).ip6(own(11), gateway).udp(1000, 53, b"?"),
        );
    }
}

#[test]
fn a_packet_of_ipv6_that_its_target_cannot_take_is_answered_with_the_size_that_fits() {
    let mut hook = Hook::six("pmtu6");
    hook.plug_with_mtu(12, 1400);
    let large =
        |length: usize| frame(mac(11), mac(12)).ip6(own(11), own(12)).udp(1, 2, &vec![7; length - 48]);
    assert_eq!(hook.sends(11, &large(1400)).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);
    for (length, mtu) in [(1401, 1400), (1501, 1500)] {
        let ran = hook.sends(11, &large(length));
        let expected = told(Icmpv6Error::PacketTooBig { mtu }, &large(length));
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, expected), "{length}");
        hook.counted(&[("too_big", 1), ("icmp_sent", 1)]);
    }
}

#[test]
fn behind_extension_headers_and_in_fragments_ordinary_packets_of_ipv6_pass() {
    let mut hook = Hook::six("extensions");
    let options = [17, 0, 1, 4, 0, 0, 0, 0, 0, 1, 0, 2, 0, 8, 0, 0];
    let first = [58, 0, 0, 1, 0, 0, 0, 9, 128, 0, 1, 2, 0, 1, 0, 1];
    let later = [58, 0, 0, 8, 0, 0, 0, 9, 135, 0, 1, 2, 0, 1, 0, 1]; // what looks like a type is data
    let nothing: [u8; 0] = [];
    let cases: [(u8, &[u8]); 5] =
        [(60, &options), (44, &first), (44, &later), (59, &nothing), (50, &[1; 24])];
    for (next, payload) in cases {
        let packet = |to| frame(mac(11), to).ip6(own(11), own(12)).raw(Protocol(next), payload);
        let ran = hook.sends(11, &packet(VIRTUAL_MAC));
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, packet(mac(12))), "next header {next}");
        hook.counted(&[("delivered", 1)]);
    }
}

#[test]
fn a_packet_of_ipv6_for_a_vip_that_has_moved_is_passed_on_once_and_its_sender_told() {
    let mut hook = Hook::six("pass6");
    let record: Record = hook.held6_elsewhere();
    let sent = from(13, VIRTUAL_MAC, own(13), VIP, 64);
    hook.arrives(underlay(3), 100, &sent);
    hook.counted(&[("passed_on", 1), ("sender_told", 1)]);
    let out = hook.left_by("ov", 2);
    assert_eq!(out[0], sent, "as it came");
    let said = havip_wire::Announcement::decode(&out[1][14..]).unwrap();
    let message = havip_wire::Message::Record { kind: havip_wire::RecordKind::Announce, key: vip(), record };
    assert_eq!((said.from, said.hops, said.message), (host(1), 1, message));

    // What was passed on already goes no further, and neighbour discovery is never passed on.
    hook.arrives(underlay(3), 0x80_0064, &sent);
    hook.counted(&[("not_holder", 1)]);
    hook.arrives(underlay(3), 0x80_0064, &solicitation(mac(13), NOBODY, VIP));
    hook.counted(&[("not_holder", 1)]);
}
