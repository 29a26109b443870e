//! What security groups let pass, frame by frame.

mod hook;

use havip_groups::{Compiled, GroupPeer, GroupRule};
use havip_model::{Direction::*, Protocol as Of, RuleAction, RuleNumber};
use havip_reconcile::table::{Entry, EntryKey};
use havip_wire::{
    Authentication, Icmp, IcmpError, Icmpv6, Protocol, TcpFlags, Vrrp, VrrpVersion, build::frame,
};
use hook::guard::{allow, group, net, only, stranger};
use hook::{DROPPED, GATEWAY, Hook, REDIRECTED, VIP, VIRTUAL_MAC, mac, own, port, six, underlay, vip};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Port 13 of host 2 sends this much of UDP to port 11 here.
fn to_11(from_port: u16, to_port: u16) -> Vec<u8> {
    frame(mac(13), mac(11)).ip(own(13), own(11)).udp(from_port, to_port, b"hello")
}
fn from_11(from_port: u16, to_port: u16) -> Vec<u8> {
    frame(mac(11), mac(13)).ip(own(11), own(13)).udp(from_port, to_port, b"hello")
}
fn tcp_to_11(from_port: u16, to_port: u16, flags: TcpFlags) -> Vec<u8> {
    frame(mac(13), mac(11)).ip(own(13), own(11)).tcp(from_port, to_port, flags, b"")
}
fn tcp_from_11(from_port: u16, to_port: u16, flags: TcpFlags) -> Vec<u8> {
    frame(mac(11), mac(13)).ip(own(11), own(13)).tcp(from_port, to_port, flags, b"")
}

impl Hook {
    fn comes_in(&self, bytes: &[u8]) -> bool {
        passed(self.arrives(underlay(2), 100, bytes).verdict)
    }
    fn goes_out(&self, bytes: &[u8]) -> bool {
        passed(self.sends(11, bytes).verdict)
    }
}

fn passed(verdict: i32) -> bool {
    assert!([DROPPED, REDIRECTED].contains(&verdict), "{verdict}");
    verdict == REDIRECTED
}

#[test]
fn nothing_passes_that_no_rule_allows_and_the_drop_is_the_guarded_ports() {
    let mut hook = Hook::new("grpnone");
    assert!(hook.comes_in(&to_11(9, 53)) && hook.goes_out(&from_11(9, 53)), "a port without groups");
    hook.counted(&[("delivered", 1), ("sent_remote", 1)]);
    hook.guard(11, &[&[]]);
    assert!(!hook.comes_in(&to_11(9, 53)));
    hook.counted(&[("group_ingress", 1)]);
    assert!(!hook.goes_out(&from_11(9, 53)));
    hook.counted(&[("group_egress", 1)]);
    assert_eq!(hook.drops_of(91), BTreeMap::from([(Some(port(11)), 1)]));
    assert_eq!(hook.drops_of(92), BTreeMap::from([(Some(port(11)), 1)]));

    // ARP, DHCP and the switch's own answers are not what groups are about.
    hook.switch.attach_dhcp(hook.ifindex("d0")).unwrap();
    let asks = [&[0; 28][..], &mac(11).0, &[0; 10]].concat();
    let renew = frame(mac(11), VIRTUAL_MAC).ip(own(11), GATEWAY).udp(68, 67, &asks);
    assert!(hook.goes_out(&renew));
    hook.counted(&[("dhcp_up", 1)]);
    let elsewhere = frame(mac(11), mac(13)).ip(own(11), own(13)).udp(68, 67, &asks);
    assert!(!hook.goes_out(&elsewhere));
    hook.counted(&[("group_egress", 1)]);
}

#[test]
fn protocols_ports_and_prefixes_are_told_apart() {
    let hook = Hook::new("grptable");
    let from_net = allow(Ingress, net("10.0.0.12/31"));
    let rows: &[(&str, GroupRule, [bool; 5])] = &[
        // UDP 53, UDP 54, TCP 53, ping, protocol 47
        ("everything", allow(Ingress, GroupPeer::Any), [true; 5]),
        ("udp", only(Of::UDP, None, allow(Ingress, GroupPeer::Any)), [true, true, false, false, false]),
        ("udp 53", only(Of::UDP, Some((53, 53)), from_net), [true, false, false, false, false]),
        ("udp 54-60", only(Of::UDP, Some((54, 60)), from_net), [false, true, false, false, false]),
        ("udp 0-53", only(Of::UDP, Some((0, 53)), from_net), [true, false, false, false, false]),
        ("tcp 53", only(Of::TCP, Some((53, 53)), from_net), [false, false, true, false, false]),
        ("icmp", only(Of::ICMP, None, from_net), [false, false, false, true, false]),
        ("gre", only(Of::Number(47), None, from_net), [false, false, false, false, true]),
        ("others", allow(Ingress, net("10.0.0.14/31")), [false; 5]),
        ("all of IPv6", allow(Ingress, net("::/0")), [false; 5]),
        ("all of IPv4", allow(Ingress, net("0.0.0.0/0")), [true; 5]),
        ("outwards", allow(Egress, GroupPeer::Any), [false; 5]),
    ];
    let frames = [
        to_11(9, 53),
        to_11(9, 54),
        tcp_to_11(9, 53, TcpFlags::SYN),
        frame(mac(13), mac(11)).ip(own(13), own(11)).ping(7, 1),
        frame(mac(13), mac(11)).ip(own(13), own(11)).raw(Protocol(47), b"\0\0\x08\0anything"),
    ];
    for (what, rule, expected) in rows {
        hook.guard(11, &[&[*rule]]);
        hook.forget_flows();
        let passes: Vec<_> = frames.iter().map(|bytes| hook.comes_in(bytes)).collect();
        assert_eq!(passes, expected, "{what}");
    }
}

#[test]
fn the_first_priority_decides_and_of_two_alike_the_one_that_drops_in_whichever_group_they_are() {
    let hook = Hook::new("grpprio");
    let rule = |action, priority| GroupRule { action, priority, ..allow(Ingress, GroupPeer::Any) };
    let (yes, no) =
        (|priority| rule(RuleAction::Allow, priority), |priority| rule(RuleAction::Drop, priority));
    let passes = |groups: &[&[GroupRule]]| {
        hook.guard(11, groups);
        hook.forget_flows();
        hook.comes_in(&to_11(9, 53))
    };
    assert!(passes(&[&[no(2), yes(1)]]));
    assert!(!passes(&[&[no(2), yes(2)]]));
    assert!(!passes(&[&[yes(2)], &[no(2)]]));
    assert!(passes(&[&[no(2)], &[], &[], &[], &[yes(1)]]));
    // Far more than fit into one word of bits.
    let mut many: Vec<GroupRule> = (0..199)
        .map(|n| {
            only(
                Of::UDP,
                Some((1000 + n, 1000 + n)),
                GroupRule { priority: 1, ..allow(Ingress, net("10.9.0.0/16")) },
            )
        })
        .collect();
    many.push(only(Of::UDP, Some((53, 53)), yes(9)));
    assert!(passes(&[&many]));
    many.insert(0, only(Of::UDP, Some((50, 60)), no(8)));
    assert!(!passes(&[&many]));
}

#[test]
fn a_rule_about_a_group_means_its_members_and_the_vips_that_they_hold() {
    let mut hook = Hook::new("grpmember");
    hook.guard(11, &[&[allow(Ingress, GroupPeer::Group(group(7)))]]);
    let from = |source: Ipv4Addr| frame(mac(13), mac(11)).ip(source, own(11)).udp(9, 53, b"hello");
    assert!(!hook.comes_in(&from(own(13))), "it is in no group");
    hook.belongs(13, &[3, 9]);
    assert!(!hook.comes_in(&from(own(13))), "it is in others");
    hook.belongs(13, &[3, 9, 1, 2, 7]);
    assert!(hook.comes_in(&from(own(13))));

    hook.belongs(12, &[7]);
    assert!(!hook.comes_in(&from(VIP)), "nobody holds it");
    hook.holds(12);
    assert!(hook.comes_in(&from(VIP)));
    hook.forget_flows();
    hook.belongs(12, &[8]);
    assert!(!hook.comes_in(&from(VIP)));
}

#[test]
fn a_rule_about_the_vpc_does_not_mean_who_only_looks_like_it() {
    let hook = Hook::new("grpvpc");
    hook.guard(11, &[&[allow(Ingress, GroupPeer::Vpc)]]);
    let from = |source: Ipv4Addr| frame(mac(13), mac(11)).ip(source, own(11)).udp(9, 53, b"hello");
    assert!(hook.comes_in(&from(own(13))) && hook.comes_in(&from(GATEWAY)) && hook.comes_in(&from(VIP)));
    for outside in [Ipv4Addr::new(198, 51, 100, 7), Ipv4Addr::new(10, 0, 0, 77)] {
        assert!(!hook.comes_in(&from(outside)), "{outside} is nobody's here");
    }
    stranger(&hook, 77);
    assert!(hook.comes_in(&from(Ipv4Addr::new(10, 0, 0, 77))), "now it is");
}

#[test]
fn what_is_delivered_on_one_host_passes_the_senders_rules_and_the_receivers() {
    let mut hook = Hook::new("grpboth");
    let local = frame(mac(11), mac(12)).ip(own(11), own(12)).udp(9, 53, b"hello");
    hook.guard(11, &[&[allow(Egress, GroupPeer::Any)]]);
    hook.guard(12, &[&[]]);
    assert!(!hook.goes_out(&local));
    hook.counted(&[("group_ingress", 1), ("flow_begun", 1)]);
    hook.guard(12, &[&[allow(Ingress, GroupPeer::Vpc)]]);
    assert!(hook.goes_out(&local));
    hook.counted(&[("delivered", 1), ("flow_begun", 1)]);
    hook.guard(11, &[&[]]);
    assert!(!hook.goes_out(&local));
    hook.counted(&[("group_egress", 1), ("flow_cut", 1)]);
    // Another subnet is reached by the same rules.
    let routed = frame(mac(11), VIRTUAL_MAC).ip(own(11), own(21)).udp(9, 53, b"hello");
    hook.guard(11, &[&[allow(Egress, net("10.0.1.0/24"))]]);
    hook.guard(21, &[&[allow(Ingress, net("10.0.0.0/24"))]]);
    assert!(hook.goes_out(&routed));
    hook.counted(&[("delivered", 1), ("routed", 1), ("flow_begun", 2)]);
}

#[test]
fn answers_pass_where_nothing_may_begin() {
    let mut hook = Hook::new("grpanswer");
    hook.guard(11, &[&[allow(Egress, GroupPeer::Any)]]);
    assert!(!hook.comes_in(&to_11(53, 4000)));
    assert!(hook.goes_out(&from_11(4000, 53)));
    assert!(hook.comes_in(&to_11(53, 4000)));
    assert!(!hook.comes_in(&to_11(54, 4000)), "another port is no answer");
    hook.counted(&[("group_ingress", 2), ("sent_remote", 1), ("delivered", 1), ("flow_begun", 1)]);

    assert!(hook.goes_out(&tcp_from_11(4000, 80, TcpFlags::SYN)));
    assert!(hook.comes_in(&tcp_to_11(80, 4000, TcpFlags(0x12))));
    hook.counted(&[("sent_remote", 1), ("delivered", 1), ("flow_begun", 1)]);

    let ping = |from: u32, to: u32| frame(mac(from), mac(to)).ip(own(from), own(to)).ping(7, 1);
    let pong = |from: u32, to: u32| {
        let reply = Icmp::EchoReply { identifier: 7, sequence: 1, data: b"abcdefghijklmnopqrstuvwabcdefghi" };
        frame(mac(from), mac(to)).ip(own(from), own(to)).icmp(&reply)
    };
    assert!(!hook.comes_in(&pong(13, 11)), "nobody asked");
    assert!(hook.goes_out(&ping(11, 13)));
    assert!(hook.comes_in(&pong(13, 11)));
    assert!(!hook.comes_in(&ping(13, 11)), "a question with the same identifier is no answer");
    hook.counted(&[("group_ingress", 2), ("sent_remote", 1), ("delivered", 1), ("flow_begun", 1)]);
}

#[test]
fn an_icmp_error_passes_if_it_is_about_a_connection_of_the_port() {
    let hook = Hook::new("grperror");
    hook.guard(11, &[&[allow(Egress, GroupPeer::Any)]]);
    let error = |about: &[u8]| {
        let error = Icmp::Error { error: IcmpError::PORT_UNREACHABLE, quoted: &about[14..] };
        frame(mac(13), mac(11)).ip(Ipv4Addr::new(192, 0, 2, 99), own(11)).icmp(&error)
    };
    let sent = from_11(4000, 53);
    assert!(!hook.comes_in(&error(&sent)), "nothing was sent");
    assert!(hook.goes_out(&sent));
    assert!(hook.comes_in(&error(&sent)), "from a router on the way");
    assert!(!hook.comes_in(&error(&from_11(4001, 53))), "about another one");
    assert!(!hook.comes_in(&error(&to_11(53, 4000))), "about what the port was sent");
    hook.age_flows(31);
    assert!(!hook.comes_in(&error(&sent)), "nobody answered for so long");

    // The other way round: the port says that nobody listens.
    hook.guard(11, &[&[allow(Ingress, GroupPeer::Any)]]);
    let answer = |about: &[u8]| {
        let error = Icmp::Error { error: IcmpError::PORT_UNREACHABLE, quoted: &about[14..] };
        frame(mac(11), mac(13)).ip(own(11), own(13)).icmp(&error)
    };
    assert!(!hook.goes_out(&answer(&to_11(9, 53))));
    assert!(hook.comes_in(&to_11(9, 53)) && hook.goes_out(&answer(&to_11(9, 53))));
    let ping = frame(mac(13), mac(11)).ip(own(13), own(11)).ping(7, 1);
    assert!(hook.comes_in(&ping) && hook.goes_out(&answer(&ping)));
}

#[test]
fn ipv6_is_guarded_alike_and_neighbour_discovery_is_not() {
    let mut hook = Hook::six("grpsix");
    hook.guard(11, &[&[only(Of::ICMPV6, None, allow(Ingress, net("fd00::/64")))]]);
    let ping = |from: u32, to: u32| six::ping(mac(from), mac(to), six::own(from), six::own(to), 64);
    assert!(hook.comes_in(&ping(13, 11)));
    let pong = Icmpv6::EchoReply { identifier: 1, sequence: 1, data: b"abcdefghijklmnopqrstuvwabcdefghi" };
    let pong = frame(mac(11), mac(13)).ip6(six::own(11), six::own(13)).icmp(&pong);
    assert!(hook.goes_out(&pong));
    assert!(!hook.goes_out(&ping(11, 13)));
    hook.counted(&[("delivered", 1), ("flow_begun", 1), ("sent_remote", 1), ("group_egress", 1)]);
    let tcp = |flags| frame(mac(13), mac(11)).ip6(six::own(13), six::own(11)).tcp(9, 80, flags, b"");
    assert!(!hook.comes_in(&tcp(TcpFlags::SYN)));
    hook.guard(11, &[&[only(Of::TCP, Some((80, 80)), allow(Ingress, GroupPeer::Vpc))]]);
    assert!(hook.comes_in(&tcp(TcpFlags::SYN)));
    // A neighbour's link-local address is the neighbour's.
    let local = six::link_local(mac(12));
    let from_local =
        frame(mac(12), mac(11)).ip6(local, six::link_local(mac(11))).tcp(9, 80, TcpFlags::SYN, b"");
    assert!(passed(hook.sends(12, &from_local).verdict));
    hook.guard(11, &[&[allow(Ingress, GroupPeer::Group(group(7)))]]);
    hook.forget_flows();
    assert!(!passed(hook.sends(12, &from_local).verdict));
    hook.belongs(12, &[7]);
    assert!(passed(hook.sends(12, &from_local).verdict));

    hook.guard(11, &[&[]]);
    hook.settle();
    let asked = six::solicitation(mac(11), six::own(11), six::own(12));
    assert!(hook.goes_out(&asked));
    hook.counted(&[("nd_answered", 1)]);
}

#[test]
fn a_fragment_passes_behind_a_first_one_that_passed_and_tricks_do_not() {
    let mut hook = Hook::new("grpfrag");
    hook.guard(
        11,
        &[&[
            only(Of::UDP, Some((53, 53)), allow(Ingress, GroupPeer::Any)),
            only(Of::TCP, Some((80, 80)), allow(Ingress, GroupPeer::Any)),
        ]],
    );
    let udp = &to_11(9, 53)[34..];
    let closed = &to_11(9, 54)[34..];
    let part = |id, offset, more, protocol, bytes: &[u8]| {
        frame(mac(13), mac(11)).ip(own(13), own(11)).fragment(id, offset, more).raw(protocol, bytes)
    };
    assert!(!hook.comes_in(&part(1, 2, false, Protocol::UDP, b"later")), "its first one was never seen");
    assert!(hook.comes_in(&part(1, 0, true, Protocol::UDP, udp)));
    assert!(hook.comes_in(&part(1, 2, false, Protocol::UDP, b"later")));
    assert!(!hook.comes_in(&part(2, 2, false, Protocol::UDP, b"later")), "of another packet");
    assert!(!hook.comes_in(&part(1, 2, false, Protocol::TCP, b"later")), "of another protocol");
    hook.counted(&[("group_fragment", 3), ("delivered", 2), ("flow_begun", 1)]);

    assert!(!hook.comes_in(&part(3, 0, true, Protocol::UDP, closed)));
    assert!(!hook.comes_in(&part(3, 2, false, Protocol::UDP, b"later")), "its first one did not pass");
    hook.counted(&[("group_ingress", 1), ("group_fragment", 1)]);

    // RFC 1858: the flags in a second fragment, or ports that are overwritten by one.
    let syn = &tcp_to_11(9, 80, TcpFlags::SYN)[34..];
    assert!(!hook.comes_in(&part(4, 0, true, Protocol::TCP, &syn[..8])), "no flags to be seen");
    assert!(hook.comes_in(&part(5, 0, true, Protocol::TCP, syn)));
    assert!(!hook.comes_in(&part(5, 1, true, Protocol::TCP, &syn[8..])), "it would write the flags anew");
    assert!(hook.comes_in(&part(5, 3, false, Protocol::TCP, b"later")));
    assert!(!hook.comes_in(&part(6, 0, true, Protocol::UDP, &udp[..6])), "no whole head");
    hook.counted(&[("group_fragment", 3), ("delivered", 2), ("flow_begun", 1)]);
    let cut = frame(mac(13), mac(11)).ip(own(13), own(11)).raw(Protocol::TCP, &syn[..10]);
    assert!(!hook.comes_in(&cut));
    hook.counted(&[("ip_malformed", 1)]);
}

#[test]
fn adverts_pass_between_ports_that_share_a_vip_and_a_strangers_are_packets_like_any() {
    let mut hook = Hook::new("grpvrrp");
    let version = VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::None };
    let vrrp = Vrrp { vrid: 51, priority: 100, version, addresses: vec![VIP.into()] };
    let advert = |from: u32, to: u32| frame(mac(from), mac(to)).ip(own(from), own(to)).vrrp(&vrrp);
    for number in [11, 12] {
        hook.guard(number, &[&[]]);
    }
    assert!(passed(hook.sends(12, &advert(12, 11)).verdict), "no rule allows anything");
    assert!(hook.comes_in(&advert(13, 11)));
    hook.counted(&[("delivered", 2)]);

    for number in [11, 12, 13] {
        hook.remove(EntryKey::Entitled(vip(), port(number)));
    }
    assert!(!passed(hook.sends(12, &advert(12, 11)).verdict));
    assert!(!hook.comes_in(&advert(13, 11)), "protocol 112 is no way around the rules");
    hook.counted(&[("group_egress", 1), ("group_ingress", 1)]);
    // As the default group has it, so that instances elect a master before they are associated.
    hook.guard(11, &[&[allow(Ingress, GroupPeer::Vpc)]]);
    assert!(hook.comes_in(&advert(13, 11)));
    hook.counted(&[("delivered", 1), ("flow_begun", 1)]);
}

#[test]
fn who_has_not_seen_a_connection_begin_judges_it_by_the_rules_and_who_lost_the_vip_passes_nothing() {
    let mut hook = Hook::new("grpfailover");
    for number in [11, 12] {
        hook.guard(
            number,
            &[&[
                only(Of::TCP, Some((80, 80)), allow(Ingress, GroupPeer::Any)),
                allow(Egress, GroupPeer::Any),
            ]],
        );
    }
    let client = |flags, data: &[u8]| frame(mac(13), VIRTUAL_MAC).ip(own(13), VIP).tcp(4000, 80, flags, data);
    let server = |number: u32, flags| frame(mac(number), mac(13)).ip(VIP, own(13)).tcp(80, 4000, flags, b"");
    hook.holds(11);
    assert!(hook.comes_in(&client(TcpFlags::SYN, b"")));
    assert!(passed(hook.sends(11, &server(11, TcpFlags(0x12))).verdict));
    hook.counted(&[("delivered", 1), ("sent_remote", 1), ("flow_begun", 1)]);

    // The new holder has not seen the SYN: what a rule lets in reaches it, and its reset the client, at once.
    hook.holds(12);
    hook.settle();
    let ran = hook.arrives(underlay(2), 100, &client(TcpFlags::ACK, b"data"));
    assert_eq!((ran.verdict, &ran.frame[..6]), (REDIRECTED, &mac(12).0[..]));
    assert!(passed(hook.sends(12, &server(12, TcpFlags::RST)).verdict));
    hook.counted(&[("delivered", 1), ("sent_remote", 1), ("flow_begun", 1)]);
    // The old one's end of it ends with its hold.
    assert!(!passed(hook.sends(11, &server(11, TcpFlags::ACK)).verdict));
    hook.counted(&[("vip_not_held", 1)]);

    // Where no rule lets such a packet in, it does not come in because another host once knew it.
    hook.holds(11);
    hook.guard(12, &[&[allow(Egress, GroupPeer::Any)]]);
    hook.forget_flows();
    hook.holds(12);
    hook.settle();
    assert!(!hook.comes_in(&client(TcpFlags::ACK, b"data")));
    hook.counted(&[("group_ingress", 1)]);
}

#[test]
fn a_connection_outlives_rules_that_still_allow_it_and_ends_with_those_that_did() {
    let mut hook = Hook::new("grpchange");
    let web = only(Of::TCP, Some((80, 80)), allow(Ingress, GroupPeer::Any));
    let out = allow(Egress, GroupPeer::Any);
    hook.guard(11, &[&[web, out]]);
    let (asks, answers) = (tcp_to_11(4000, 80, TcpFlags::ACK), tcp_from_11(80, 4000, TcpFlags::ACK));
    assert!(hook.comes_in(&tcp_to_11(4000, 80, TcpFlags::SYN)) && hook.goes_out(&answers));
    hook.guard(11, &[&[only(Of::TCP, Some((1, 100)), allow(Ingress, net("10.0.0.0/8")))]]);
    hook.settle();
    assert!(hook.comes_in(&asks) && hook.goes_out(&answers), "another rule allows it, and its answers");
    hook.counted(&[("delivered", 1), ("sent_remote", 1)]);

    hook.guard(11, &[&[out]]);
    assert!(!hook.comes_in(&asks));
    assert!(!hook.goes_out(&answers), "the guest's own repetitions do not open it again");
    hook.counted(&[("group_ingress", 2), ("flow_cut", 1)]);
    assert!(!hook.comes_in(&tcp_to_11(4000, 80, TcpFlags::SYN)), "nor does a new beginning");
    assert!(hook.goes_out(&tcp_from_11(80, 4000, TcpFlags::SYN)), "a new one of the guest's own may");
    hook.counted(&[("group_ingress", 1), ("sent_remote", 1), ("flow_begun", 1)]);
}

#[test]
fn half_a_group_lets_nothing_pass() {
    let hook = Hook::new("grphalf");
    let editions = hook.guard(11, &[&[allow(Ingress, GroupPeer::Any)]]);
    assert!(hook.comes_in(&to_11(9, 53)));
    hook.forget_flows();
    let rules = hook.memory("group_rules");
    for key in libbpf_rs::MapCore::keys(&rules).collect::<Vec<_>>() {
        libbpf_rs::MapCore::delete(&rules, &key).unwrap();
    }
    assert!(!hook.comes_in(&to_11(9, 53)));
    hook.remove(EntryKey::Group(editions[0]));
    assert!(!hook.comes_in(&to_11(9, 53)));
    for map in ["group_nets", "group_peers", "group_services", "group_rules"] {
        assert_eq!(libbpf_rs::MapCore::keys(&hook.memory(map)).count(), 0, "{map}");
    }
}

#[test]
fn tables_read_back_as_they_were_written_and_rules_count_what_they_decide() {
    let hook = Hook::new("grpcount");
    let rules = [
        GroupRule {
            action: RuleAction::Drop,
            priority: 1,
            ..only(Of::UDP, Some((54, 55)), allow(Ingress, net("10.0.0.0/8")))
        },
        allow(Ingress, GroupPeer::Vpc),
        allow(Egress, GroupPeer::Group(group(4))),
    ];
    let editions = hook.guard(11, &[&rules]);
    let numbered: Vec<_> =
        (1..).zip(rules).map(|(n, rule)| GroupRule { number: RuleNumber::new(n).unwrap(), ..rule }).collect();
    let entries = hook.switch.entries().unwrap();
    assert_eq!(entries[&EntryKey::Group(editions[0])], Entry::Group(Box::new(Compiled::of(&numbered))));

    for to_port in [53, 54, 55, 56] {
        hook.comes_in(&to_11(9, to_port));
        hook.comes_in(&to_11(9, to_port));
    }
    hook.goes_out(&from_11(1, 1));
    let hits = hook.switch.rule_hits().unwrap();
    let of = |number| hits.get(&RuleNumber::new(number).unwrap()).copied();
    // Two connections, whose second packets no rule was asked about, and four packets of none.
    assert_eq!((of(1), of(2), of(3)), (Some(4), Some(2), None));
}

#[test]
fn a_ports_connections_are_bounded_and_take_no_room_from_others() {
    let mut hook = Hook::new("grpfull");
    for number in [11, 12] {
        hook.guard(number, &[&[allow(Ingress, GroupPeer::Any), allow(Egress, GroupPeer::Any)]]);
    }
    // All in one set: whoever knew the secret could do this.
    let seed = hook.flow_seed();
    let tuple = |peer_port| hook::guard::tuple(17, own(13).into(), 53, peer_port);
    let set = havip_groups::set_of(seed, &tuple(1));
    let alike: Vec<u16> =
        (1..).filter(|port| havip_groups::set_of(seed, &tuple(*port)) == set).take(10).collect();
    for from_port in &alike[..8] {
        assert!(hook.comes_in(&to_11(*from_port, 53)));
        assert!(hook.goes_out(&from_11(53, *from_port)));
    }
    hook.counted(&[("delivered", 8), ("sent_remote", 8), ("flow_begun", 8)]);
    assert!(!hook.comes_in(&to_11(alike[8], 53)), "all are in use");
    hook.counted(&[("flow_table_full", 1)]);
    // Another port is not concerned.
    let to_12 = frame(mac(13), mac(12)).ip(own(13), own(12)).udp(alike[8], 53, b"hello");
    assert!(hook.comes_in(&to_12));
    hook.counted(&[("delivered", 1), ("flow_begun", 1)]);
    // One that is over makes room, and so does one that nobody has answered.
    hook.age_flows(181);
    assert!(hook.comes_in(&to_11(alike[8], 53)));
    hook.counted(&[("delivered", 1), ("flow_begun", 1)]);
    for from_port in alike[..7].iter().chain(&alike[9..]) {
        assert!(hook.comes_in(&to_11(*from_port, 53)));
    }
    hook.counted(&[("delivered", 8), ("flow_begun", 8), ("flow_given_up", 1)]);

    hook.remove(EntryKey::Port(port(11)));
    assert_eq!(hook.flows(11), [], "a port that is no more leaves nothing");
    assert_eq!(hook.flows(12).len(), 1);
}
