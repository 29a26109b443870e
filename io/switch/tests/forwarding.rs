//! Where packets of guests go, and what is changed in them.

mod hook;

use havip_model::{MacAddr, PortState};
use havip_reconcile::table::{Entry, EntryKey};
use havip_wire::{Dhcp, Icmp, IcmpError, Protocol, build::frame};
use hook::{DROPPED, GATEWAY, Hook, REDIRECTED, VIP, VIRTUAL_MAC, mac, own, port, underlay, vip};
use std::net::Ipv4Addr;

fn ping(from: u32, to_mac: MacAddr, source: Ipv4Addr, destination: Ipv4Addr, ttl: u8) -> Vec<u8> {
    frame(mac(from), to_mac).ip(source, destination).ttl(ttl).ping(1, 1)
}
/// The same packet from another MAC.
fn routed(to_mac: MacAddr, source: Ipv4Addr, destination: Ipv4Addr, ttl: u8) -> Vec<u8> {
    frame(VIRTUAL_MAC, to_mac).ip(source, destination).ttl(ttl).ping(1, 1)
}

#[test]
fn within_a_subnet_only_the_destination_mac_changes() {
    let mut hook = Hook::new("fwdlocal");
    for to_mac in [mac(12), VIRTUAL_MAC, mac(99)] {
        let ran = hook.sends(11, &ping(11, to_mac, own(11), own(12), 1));
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, ping(11, mac(12), own(11), own(12), 1)));
        hook.counted(&[("delivered", 1)]);
    }
    let sent = ping(11, mac(13), own(11), own(13), 255);
    let ran = hook.sends(11, &sent);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, sent));
    hook.counted(&[("sent_remote", 1)]);
}

#[test]
fn between_subnets_the_gateway_routes() {
    let mut hook = Hook::new("fwdrouted");
    let ran = hook.sends(11, &ping(11, VIRTUAL_MAC, own(11), own(21), 64));
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, routed(mac(21), own(11), own(21), 63)));
    hook.counted(&[("delivered", 1), ("routed", 1)]);

    let ran = hook.sends(21, &ping(21, VIRTUAL_MAC, own(21), own(13), 2));
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, routed(VIRTUAL_MAC, own(21), own(13), 1)));
    hook.counted(&[("sent_remote", 1), ("routed", 1)]);

    let ran = hook.sends(11, &ping(11, VIRTUAL_MAC, own(11), own(21), 1));
    assert_eq!(ran.verdict, REDIRECTED, "the sender is told that the TTL has ended");
    hook.counted(&[("ttl", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_vip_leads_to_its_holder_and_follows_it() {
    let mut hook = Hook::new("fwdvip");
    let sent = ping(21, VIRTUAL_MAC, own(21), VIP, 64);
    hook.sends(21, &sent);
    hook.counted(&[("no_holder", 1), ("icmp_sent", 1)]);

    hook.holds(11);
    assert_eq!(hook.sends(21, &sent).frame, routed(mac(11), own(21), VIP, 63));
    hook.counted(&[("delivered", 1), ("routed", 1)]);
    hook.holds(12);
    assert_eq!(hook.sends(21, &sent).frame, routed(mac(12), own(21), VIP, 63));
    hook.counted(&[("delivered", 1), ("routed", 1)]);
    let arrived = ping(13, VIRTUAL_MAC, own(13), VIP, 1);
    let ran = hook.arrives(underlay(2), 100, &arrived);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, ping(13, mac(12), own(13), VIP, 1)));
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
    hook.released(12);
    hook.arrives(underlay(2), 100, &arrived);
    hook.counted(&[("no_holder", 1)]);
}

#[test]
fn a_holder_that_claimed_with_the_vrrp_mac_receives_with_it() {
    let mut hook = Hook::new("fwdvmac");
    let vmac = MacAddr::vrrp(false, 51);
    hook.sends(11, &havip_wire::build::gratuitous_arp(vmac, VIP));
    hook.settle();
    let ran = hook.sends(12, &ping(12, VIRTUAL_MAC, own(12), VIP, 64));
    assert_eq!(ran.frame, ping(12, vmac, own(12), VIP, 64));
    // And sends from it.
    let reply = frame(vmac, VIRTUAL_MAC).ip(VIP, own(12)).ping(1, 1);
    assert_eq!(hook.sends(11, &reply).frame, frame(vmac, mac(12)).ip(VIP, own(12)).ping(1, 1));
    hook.counted(&[("delivered", 2)]);
}

#[test]
fn only_the_holder_may_send_as_the_vip() {
    let mut hook = Hook::new("fwdsource");
    hook.holds(11);
    let as_vip = |number| ping(number, VIRTUAL_MAC, VIP, own(21), 64);
    assert_eq!(hook.sends(11, &as_vip(11)).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1), ("routed", 1)]);
    assert_eq!(hook.sends(12, &as_vip(12)).verdict, DROPPED);
    hook.counted(&[("vip_not_held", 1)]);
    hook.sends(21, &as_vip(21));
    hook.counted(&[("source_address", 1)]);

    hook.put(EntryKey::Entitled(vip(), port(12)), Entry::Entitled { direct_return: true });
    assert_eq!(hook.sends(12, &as_vip(12)).verdict, REDIRECTED, "direct-return");
    hook.counted(&[("delivered", 1), ("routed", 1)]);
}

#[test]
fn packets_that_lie_or_lead_nowhere_are_dropped_by_reason() {
    let mut hook = Hook::new("fwddrops");
    let to = VIRTUAL_MAC;
    let any = Ipv4Addr::new;
    let rows: &[(&str, Vec<u8>, bool)] = &[
        ("source_address", ping(11, to, own(12), own(13), 64), false),
        ("source_address", ping(11, to, any(8, 8, 8, 8), own(12), 64), false),
        ("source_address", ping(11, to, GATEWAY, own(12), 64), false),
        ("source_odd", ping(11, to, any(127, 0, 0, 1), own(12), 64), false),
        ("source_odd", ping(11, to, any(224, 0, 0, 1), own(12), 64), false),
        ("source_odd", ping(11, to, any(0, 0, 0, 0), own(12), 64), false),
        ("source_odd", ping(11, to, any(255, 255, 255, 255), own(12), 64), false),
        ("multicast", ping(11, MacAddr([1, 0, 0x5e, 0, 0, 5]), own(11), any(224, 0, 0, 5), 1), false),
        ("broadcast", ping(11, MacAddr::BROADCAST, own(11), any(255, 255, 255, 255), 64), false),
        ("broadcast", ping(11, MacAddr::BROADCAST, own(11), own(12), 64), false),
        ("target_odd", ping(11, to, own(11), any(127, 0, 0, 1), 64), false),
        ("no_route", ping(11, to, own(11), any(10, 9, 9, 9), 64), true),
        ("no_route", ping(11, to, own(11), underlay(2), 64), false), // 192.0.2.0/24 is not private
        ("no_eip", ping(11, to, own(11), any(8, 8, 8, 8), 64), true),
        ("to_self", ping(11, to, own(11), own(11), 64), false),
        ("ip_malformed", ping(11, to, own(11), own(12), 64)[..50].to_vec(), false),
        ("source_mac", frame(mac(12), to).ip(own(11), own(12)).ping(1, 1), false),
    ];
    for (reason, bytes, told) in rows {
        if *bytes == rows[12].1 {
            hook.sends(11, bytes);
            hook.counted(&[("no_eip", 1), ("icmp_sent", 1)]);
            continue;
        }
        hook.sends(11, bytes);
        if *told {
            hook.counted(&[(reason, 1), ("icmp_sent", 1)]);
        } else {
            hook.counted(&[(reason, 1)]);
        }
    }
    hook.interface(13, None, true);
    hook.sends(11, &ping(11, to, own(11), own(13), 64));
    hook.counted(&[("target_nowhere", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_port_without_the_source_check_forwards_for_others_but_is_no_vip() {
    let mut hook = Hook::new("fwdcheck");
    hook.plug(11, PortState::Active, false);
    hook.holds(12);
    assert_eq!(
        hook.sends(11, &ping(11, VIRTUAL_MAC, Ipv4Addr::new(8, 8, 8, 8), own(12), 64)).verdict,
        REDIRECTED
    );
    hook.counted(&[("delivered", 1)]);
    hook.sends(11, &ping(11, VIRTUAL_MAC, VIP, own(12), 64));
    hook.counted(&[("vip_not_held", 1)]);
}

#[test]
fn a_port_without_the_source_check_passes_a_gateway_s_errors_on_and_nothing_else_of_it() {
    let mut hook = Hook::new("fwderrors");
    let from_gateway = |icmp: Icmp| frame(mac(11), VIRTUAL_MAC).ip(GATEWAY, own(12)).icmp(&icmp);
    let quoted = &ping(12, VIRTUAL_MAC, own(12), own(21), 1)[14..];
    let error = |error| from_gateway(Icmp::Error { error, quoted });
    let errors =
        [IcmpError::HOST_UNREACHABLE, IcmpError::FragmentationNeeded { mtu: 1400 }, IcmpError::TTL_EXCEEDED];
    hook.sends(11, &error(errors[0]));
    hook.counted(&[("source_address", 1)]);

    hook.plug(11, PortState::Active, false);
    for passed in errors {
        assert_eq!(hook.sends(11, &error(passed)).verdict, REDIRECTED, "{passed:?}");
        hook.counted(&[("delivered", 1)]);
    }
    let redirect = error(IcmpError::Redirect { code: 1, gateway: own(11) });
    let reply = from_gateway(Icmp::EchoReply { identifier: 1, sequence: 1, data: b"?" });
    let udp = frame(mac(11), VIRTUAL_MAC).ip(GATEWAY, own(12)).udp(9, 9, b"x");
    let part =
        frame(mac(11), VIRTUAL_MAC).ip(GATEWAY, own(12)).fragment(7, 0, true).raw(Protocol::ICMP, &[3; 64]);
    for lie in [redirect, reply, udp, part] {
        assert_eq!(hook.sends(11, &lie).verdict, DROPPED);
        hook.counted(&[("source_address", 1)]);
    }
}

#[test]
fn dhcp_goes_to_the_agent_and_comes_back_by_mac() {
    let mut hook = Hook::new("dhcp");
    let zero = Ipv4Addr::UNSPECIFIED;
    let asks = Dhcp::discover(mac(11), 7).encode();
    let discover = frame(mac(11), MacAddr::BROADCAST).ip(zero, Ipv4Addr::BROADCAST).udp(68, 67, &asks);
    hook.sends(11, &discover);
    hook.counted(&[("no_dhcp", 1)]);

    hook.switch.attach_dhcp(hook.ifindex("d0")).unwrap();
    for bytes in [
        discover,
        frame(mac(11), MacAddr::BROADCAST).ip(own(11), Ipv4Addr::BROADCAST).udp(68, 67, &asks),
        frame(mac(11), VIRTUAL_MAC).ip(own(11), GATEWAY).udp(68, 67, &asks),
    ] {
        let ran = hook.sends(11, &bytes);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, bytes));
        hook.counted(&[("dhcp_up", 1)]);
    }
    let group = Ipv4Addr::new(235, 255, 255, 255);
    for (source, reason) in [(zero, "source_odd"), (own(11), "multicast")] {
        hook.sends(11, &frame(mac(11), MacAddr::BROADCAST).ip(source, group).udp(68, 67, &asks));
        hook.counted(&[(reason, 1)]);
    }
    for _ in 0..13 {
        let discover = frame(mac(11), MacAddr::BROADCAST).ip(zero, Ipv4Addr::BROADCAST);
        hook.sends(11, &discover.udp(68, 67, &asks));
    }
    hook.sends(11, &frame(mac(11), MacAddr::BROADCAST).ip(zero, Ipv4Addr::BROADCAST).udp(68, 67, &asks));
    hook.counted(&[("dhcp_up", 13), ("dhcp_limited", 1)]);
    let offer = frame(VIRTUAL_MAC, mac(11)).ip(GATEWAY, own(11)).udp(9, 9, b"x");
    let ran = hook.enters("dhcp_rx", "d0", &offer);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, offer));
    hook.counted(&[("dhcp_down", 1), ("delivered", 1)]);
    hook.enters("dhcp_rx", "d0", &frame(VIRTUAL_MAC, mac(99)).ip(GATEWAY, own(11)).udp(9, 9, b"x"));
    hook.counted(&[("not_here", 1)]);
}

#[test]
fn the_gateway_answers_a_ping_and_nothing_else() {
    let mut hook = Hook::new("gateway");
    let ran = hook.sends(11, &ping(11, VIRTUAL_MAC, own(11), GATEWAY, 64));
    let reply =
        havip_wire::Icmp::EchoReply { identifier: 1, sequence: 1, data: b"abcdefghijklmnopqrstuvwabcdefghi" };
    let expected = frame(VIRTUAL_MAC, mac(11)).ip(GATEWAY, own(11)).icmp(&reply);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, expected));
    hook.counted(&[("gateway_answered", 1)]);
    hook.sends(11, &frame(mac(11), VIRTUAL_MAC).ip(own(11), GATEWAY).udp(1000, 53, b"?"));
    hook.counted(&[("target_odd", 1)]);
}

#[test]
fn a_packet_that_its_target_cannot_take_is_answered_with_the_size_that_fits() {
    let mut hook = Hook::new("pmtu");
    hook.plug_with_mtu(12, 1400);
    let large = |length: usize| {
        frame(mac(11), mac(12)).ip(own(11), own(12)).dont_fragment().udp(1, 2, &vec![7; length - 28])
    };
    assert_eq!(hook.sends(11, &large(1400)).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);
    let ran = hook.sends(11, &large(1401));
    assert_eq!(ran.verdict, REDIRECTED);
    hook.counted(&[("too_big", 1), ("icmp_sent", 1)]);
    assert_eq!(ran.frame[34..36], [3, 4], "fragmentation needed");
    assert_eq!(ran.frame[40..42], 1400u16.to_be_bytes());
    let ran = hook.sends(11, &large(1501));
    assert_eq!(ran.frame[40..42], 1500u16.to_be_bytes(), "its own size");
    hook.counted(&[("too_big", 1), ("icmp_sent", 1)]);
}
