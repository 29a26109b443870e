//! External subnets over IPv6 on their active edge, frame by frame: at layer 2 in both directions, neighbour discovery,
//! lies, foreign owners.

mod hook;
mod segment_scene;

use havip_claim::Order;
use havip_model::{Epoch, Holder, MacAddr, Record, RefusalReason};
use havip_reconcile::table::EntryKey;
use havip_switch::{Outcome, SwitchEvent};
use havip_wire::build::{Frame, frame};
use havip_wire::{
    Announcement, ChecksumForm, Icmpv6, Icmpv6Error, Message, Nd, NdOption, Protocol, RecordKind, TcpFlags,
    Vrrp, VrrpVersion,
};
use hook::six::{ALL_NODES, NOBODY, announcement, group, link_local, ping, solicitation};
use hook::{DROPPED, Hook, REDIRECTED, VIRTUAL_MAC, host, mac, port, underlay, vni};
use segment_scene::six::*;
use segment_scene::{
    ANNOUNCEMENTS, EDGE_MAC, INWARDS, OUTWARDS, ROUTER_MAC, TO_THE_HOST, VLAN, age_outsiders, from_outside,
    joins, network, subnet,
};
use std::net::Ipv6Addr;
use std::time::Duration;

const INTO_PORT: &[(&str, u64)] = &[("segment_in", 1), ("delivered", 1)];

fn enters(hook: &Hook, bytes: &[u8]) -> hook::Ran {
    hook.enters_in_vlan(VLAN, bytes)
}

fn router() -> Ipv6Addr {
    link_local(ROUTER_MAC)
}

/// An error that the switch makes of a frame.
fn told(by: Ipv6Addr, error: Icmpv6Error, (from_mac, to_mac): (MacAddr, MacAddr), sent: &[u8]) -> Vec<u8> {
    let to = Ipv6Addr::from(<[u8; 16]>::try_from(&sent[22..38]).unwrap());
    let quoted = &sent[14..sent.len().min(14 + 96)];
    frame(from_mac, to_mac).ip6(by, to).icmp(&Icmpv6::Error { error, quoted })
}

#[test]
fn outsiders_learn_a_guests_own_mac_by_neighbour_discovery_once_nobody_else_has_the_address() {
    let mut hook = segment6("six-answers");
    holds6(&mut hook, 32);
    for (address, its) in
        [(own(31), mac(31)), (own(33), mac(33)), (VIP, mac(32)), (link_local(mac(32)), mac(32))]
    {
        let question = solicitation(ROUTER_MAC, router(), address);

        let ran = enters(&hook, &question);

        assert_eq!(ran.verdict, DROPPED, "it is probed for first");
        assert_eq!(hook.left_by("e0", 1), [probe(its, address)]);
        hook.counted(&[("probed_outside", 1)]);
        age_outsiders(&hook, Duration::from_millis(201));
        // From an address of the segment, a link-local one, and by who would like to have it.
        for (asks, by) in [(OUTSIDER, ROUTER_MAC), (router(), ROUTER_MAC), (NOBODY, mac(77))] {
            let ran = enters(&hook, &solicitation(by, asks, address));
            assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer(its, by, asks, address)));
            hook.counted(&[("segment_nd_answered", 1)]);
        }
    }
    // As a router confirms what it knows: to the MAC, and shorter than the answer.
    let confirms = frame(ROUTER_MAC, mac(31)).ip6(router(), own(31));
    let confirms = confirms.nd(Nd::NeighbourSolicitation { target: own(31), options: vec![] });
    let ran = enters(&hook, &confirms);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer(mac(31), ROUTER_MAC, router(), own(31))));
    hook.counted(&[("segment_nd_answered", 1)]);
}

#[test]
fn what_of_ipv6_comes_for_a_guest_reaches_it_as_it_is_also_by_a_stale_mac() {
    let mut hook = segment6("six-in");
    holds6(&mut hook, 32);
    let syn = |frame: Frame, from, to| frame.ip6(from, to).tcp(40_000, 80, TcpFlags::SYN, b"");
    for (to, by, arrives_at) in [
        (own(31), mac(31), mac(31)),
        (VIP, mac(32), mac(32)),
        (VIP, mac(31), mac(32)),
        (link_local(mac(31)), mac(31), mac(31)),
        (link_local(mac(32)), mac(32), mac(32)),
    ] {
        for from in [FAR, OUTSIDER, router()] {
            let ran = enters(&hook, &syn(from_outside(by), from, to));

            assert_eq!(ran.verdict, REDIRECTED);
            assert_eq!(ran.frame, syn(frame(ROUTER_MAC, arrives_at), from, to), "no hop, no other MAC");
            hook.counted(INTO_PORT);
        }
    }
    for to in [own(33), link_local(mac(33))] {
        let remote = syn(from_outside(mac(33)), FAR, to);
        let ran = enters(&hook, &remote);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, remote));
        hook.counted(&[("segment_in", 1), ("sent_remote", 1)]);
    }
    let large = from_outside(mac(31)).ip6(FAR, own(31)).udp(1, 2, &[7; 1500]);
    let ran = enters(&hook, &large);
    let error = told(own(31), Icmpv6Error::PacketTooBig { mtu: 1500 }, (mac(31), ROUTER_MAC), &large);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, error));
    hook.counted(&[("too_big", 1), ("icmp_sent", 1)]);
}

#[test]
fn what_of_ipv6_is_for_nobody_of_the_segment_goes_to_the_host() {
    let mut hook = segment6("six-hosts");
    holds6(&mut hook, 32);
    let ping_to = |to_mac, to| ping(ROUTER_MAC, to_mac, FAR, to, 64);
    let advertises = Nd::RouterAdvertisement {
        hop_limit: 64,
        flags: 0,
        lifetime_secs: 1800,
        reachable_ms: 0,
        retransmit_ms: 0,
        options: vec![NdOption::SourceMac(ROUTER_MAC)],
    };
    let in_vlan = [
        ping_to(EDGE_MAC, own(31)),
        ping_to(MacAddr([2, 0, 0, 0, 9, 9]), own(31)),
        ping_to(group(ALL_NODES), ALL_NODES),
        frame(ROUTER_MAC, group(ALL_NODES)).ip6(router(), ALL_NODES).nd(advertises),
        announcement(ROUTER_MAC, ROUTER),
        solicitation(ROUTER_MAC, router(), OUTSIDER),
        solicitation(ROUTER_MAC, router(), SPEAKS_AS),
        solicitation(ROUTER_MAC, router(), hook::six::own(11)),
        answers(ROUTER_MAC, ROUTER, mac(31), OUTSIDER),
    ];
    for bytes in in_vlan {
        let ran = enters(&hook, &bytes);
        assert_eq!((ran.verdict, ran.frame), (TO_THE_HOST, bytes));
        hook.counted(&[]);
    }
    let to_31 = ping_to(mac(31), own(31));
    for ran in [hook.enters_in_vlan(178, &to_31), hook.enters("edge_rx", "e0", &to_31)] {
        assert_eq!((ran.verdict, ran.frame), (TO_THE_HOST, to_31.clone()), "another network's");
    }
    hook.counted(&[]);
}

#[test]
fn a_segment_without_a_tag_is_joined_beside_eips_and_one_without_ipv6_hears_none() {
    let mut hook = segment6("six-untagged");
    let (cidr, cidr6) = ("192.168.177.0/24".parse().unwrap(), "2001:db8:177::/64".parse().ok());
    let entry = |cidr6| havip_reconcile::table::Entry::Segment { vni: vni(), cidr, cidr6, vlan: None };
    hook.put(EntryKey::Segment(subnet()), entry(cidr6));
    let to_31 = ping(ROUTER_MAC, mac(31), FAR, own(31), 64);
    let ran = hook.enters("edge_rx", "e0", &to_31);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, to_31.clone()));
    hook.counted(INTO_PORT);
    hook.put(EntryKey::Segment(subnet()), entry(None));
    let question = solicitation(ROUTER_MAC, router(), own(31));
    for bytes in [to_31, question] {
        let ran = hook.enters("edge_rx", "e0", &bytes);
        assert_eq!((ran.verdict, ran.frame), (TO_THE_HOST, bytes));
    }
    hook.counted(&[]);
}

#[test]
fn a_guest_reaches_the_outside_of_ipv6_by_the_mac_that_it_found_there() {
    let mut hook = segment6("six-out");
    holds6(&mut hook, 32);
    let to = |from: u32| frame(mac(from), ROUTER_MAC);
    // Whatever the VPC has by that address: the router outside is asked, and none is inside.
    for (device, sent) in [
        (21, to(31).ip6(own(31), FAR).udp(1, 2, b"x")),
        (21, to(31).ip6(own(31), OUTSIDER).tcp(1, 2, TcpFlags::ACK, b"x")),
        (21, to(31).ip6(own(31), hook::six::own(11)).udp(1, 2, b"x")),
        (21, to(31).ip6(link_local(mac(31)), router()).udp(1, 2, b"x")),
        (12, to(32).ip6(VIP, FAR).udp(1, 2, b"x")),
        (12, to(32).ip6(link_local(mac(32)), router()).udp(1, 2, b"x")),
    ] {
        let ran = hook.sends(device, &sent);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, sent), "as it is");
        hook.counted(&[("segment_out", 1)]);
    }
    for (device, number, asks) in
        [(21, 31, own(31)), (21, 31, link_local(mac(31))), (12, 32, VIP), (12, 32, link_local(mac(32)))]
    {
        for asked in [ROUTER, router()] {
            let question = solicitation(mac(number), asks, asked);
            let ran = hook.sends(device, &question);
            assert_eq!((ran.verdict, ran.frame), (REDIRECTED, question));
            hook.counted(&[("segment_out", 1)]);
            let answer = answers(ROUTER_MAC, asked, mac(number), asks);
            let ran = enters(&hook, &answer);
            assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer));
            hook.counted(INTO_PORT);
        }
    }
    for asks in [own(33), link_local(mac(33))] {
        assert_eq!(enters(&hook, &answers(ROUTER_MAC, ROUTER, mac(33), asks)).verdict, REDIRECTED);
        hook.counted(&[("segment_in", 1), ("sent_remote", 1)]);
    }
    // Inside the segment nothing leaves, and the switch is reached by what it speaks as.
    let inside = ping(mac(31), mac(33), own(31), own(33), 64);
    assert_eq!(hook.sends(21, &inside).frame, inside);
    hook.counted(&[("sent_remote", 1)]);
    for its in [SPEAKS_AS, link_local(VIRTUAL_MAC)] {
        assert_eq!(hook.sends(21, &ping(mac(31), VIRTUAL_MAC, own(31), its, 64)).verdict, REDIRECTED);
        hook.counted(&[("gateway_answered", 1)]);
    }
}

#[test]
fn another_hosts_guests_reach_the_outside_of_ipv6_through_this_edge_and_are_reached() {
    let mut hook = segment6("six-remote");
    let sent = ping(mac(33), ROUTER_MAC, own(33), FAR, 64);
    let question = solicitation(mac(33), own(33), ROUTER);
    for bytes in [&sent, &question] {
        let ran = hook.arrives(underlay(2), OUTWARDS, bytes);
        assert_eq!((ran.verdict, &ran.frame), (REDIRECTED, bytes));
        hook.counted(&[("segment_out", 1)]);
    }
    // From another edge, for a port of this host.
    let answer = answers(ROUTER_MAC, ROUTER, mac(31), own(31));
    let ran = hook.arrives(underlay(2), INWARDS, &answer);
    assert_eq!((ran.verdict, &ran.frame), (REDIRECTED, &answer));
    hook.counted(&[("delivered", 1)]);
    for to in [own(31), link_local(mac(31)), link_local(mac(32))] {
        let number = if to == link_local(mac(32)) { 32 } else { 31 };
        let packet = ping(ROUTER_MAC, mac(number), FAR, to, 64);
        assert_eq!(hook.arrives(underlay(2), vni().get(), &packet).frame, packet);
        hook.counted(&[("delivered", 1)]);
    }
    for (reason, tunnel, bytes) in [
        // What came in does not go out again.
        ("not_here", INWARDS, &sent),
        ("inner_odd", INWARDS, &question),
        ("inner_odd", OUTWARDS, &answer),
        ("vni_unknown", OUTWARDS + 1, &sent),
    ] {
        assert_eq!(hook.arrives(underlay(2), tunnel, bytes).verdict, DROPPED);
        hook.counted(&[(reason, 1)]);
    }
    let large = frame(mac(33), ROUTER_MAC).ip6(own(33), FAR).udp(1, 2, &[7; 1500]);
    let ran = hook.arrives(underlay(2), OUTWARDS, &large);
    let error = Icmpv6Error::PacketTooBig { mtu: 1500 };
    assert_eq!(ran.verdict, REDIRECTED, "back to its host");
    assert_eq!(ran.frame[14..], told(SPEAKS_AS, error, (mac(1), mac(2)), &large)[14..]);
    hook.counted(&[("too_big", 1), ("icmp_sent", 1), ("sent_remote", 1)]);
}

#[test]
fn through_another_edge_all_of_ipv6_goes_there() {
    let mut hook = segment6("six-other");
    joins(&mut hook, 2);
    let sent = ping(mac(31), ROUTER_MAC, own(31), FAR, 64);
    for bytes in [sent.clone(), solicitation(mac(31), own(31), ROUTER)] {
        let ran = hook.sends(21, &bytes);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, bytes));
        hook.counted(&[("sent_remote", 1)]);
    }
    assert_eq!(enters(&hook, &ping(ROUTER_MAC, mac(31), FAR, own(31), 64)).verdict, DROPPED);
    hook.counted(&[("edge_inactive", 1)]);
    assert_eq!(enters(&hook, &solicitation(ROUTER_MAC, router(), own(31))).verdict, TO_THE_HOST);
    hook.counted(&[]);
    assert_eq!(hook.switch.show(key(own(31))).unwrap(), Outcome::Unchanged);

    // What the other edge has announced it has probed for: if this one takes over it tells at once.
    assert_eq!(enters(&hook, &shown6(mac(31), own(31))).verdict, TO_THE_HOST);
    joins(&mut hook, 1);
    assert_eq!(hook.switch.show(key(own(31))).unwrap(), Outcome::Done);
    assert_eq!(hook.left_by("e0", 1), [shown6(mac(31), own(31))]);
    hook.counted(&[("shown_outside", 1)]);

    // Nobody joins it: who sends learns it.
    let released = Record { released: true, ..hook.switch.record(network()).unwrap().unwrap() };
    hook.order(Order::Merge { key: network(), record: released });
    hook.settle();
    let ran = hook.sends(21, &sent);
    let error = told(SPEAKS_AS, Icmpv6Error::Unreachable { code: 3 }, (VIRTUAL_MAC, mac(31)), &sent);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, error));
    hook.counted(&[("edge_off", 1), ("icmp_sent", 1)]);
    assert_eq!(hook.sends(21, &solicitation(mac(31), own(31), ROUTER)).verdict, DROPPED);
    hook.counted(&[("edge_off", 1)]);
}

#[test]
fn nothing_of_ipv6_is_routed_into_a_segment_nor_out_of_it() {
    let mut hook = segment6("six-routing");
    for sent in [
        ping(mac(31), VIRTUAL_MAC, own(31), hook::six::own(11), 64),
        ping(mac(31), mac(33), own(31), FAR, 64),
    ] {
        assert_eq!(hook.sends(21, &sent).verdict, REDIRECTED, "the sender is told");
        hook.counted(&[("no_route", 1), ("icmp_sent", 1)]);
    }
}

#[test]
fn a_guest_lies_to_the_outside_no_more_in_ipv6() {
    let mut hook = segment6("six-spoof");
    let sends = |from: Ipv6Addr| ping(mac(31), ROUTER_MAC, from, FAR, 64);
    for (reason, sent) in [
        ("source_address", sends(own(33))),
        ("source_address", sends(SPEAKS_AS)),
        ("source_address", sends(link_local(mac(33)))),
        ("vip_not_held", sends(VIP)),
        ("source_mac", ping(ROUTER_MAC, mac(33), own(31), FAR, 64)),
        ("nd_sender", solicitation(mac(31), own(33), ROUTER)),
        ("nd_sender", solicitation(mac(31), link_local(mac(33)), ROUTER)),
        ("vip_not_held", solicitation(mac(31), VIP, ROUTER)),
        ("claim_unknown", announcement(mac(31), ROUTER)),
        ("nd_unknown", solicitation(mac(31), own(31), FAR)),
        ("nd_unknown", solicitation(mac(31), NOBODY, ROUTER)),
    ] {
        assert_eq!(hook.sends(21, &sent).verdict, DROPPED, "{reason}");
        hook.counted(&[(reason, 1)]);
    }
    let asks = |last: u16| solicitation(mac(31), own(31), address(0x1000 + last));
    let out = (0..40).filter(|last| hook.sends(21, &asks(*last)).verdict == REDIRECTED).count();
    assert!((32..36).contains(&out), "32 at once, then 20 a second: {out}");
    let [limited] = hook.moved(&["segment_limited"]);
    assert_eq!(limited, 40 - out as u64);
}

#[test]
fn no_lie_of_ipv6_comes_in_from_outside() {
    let mut hook = segment6("six-lies");
    let ping_from = |from| ping(ROUTER_MAC, mac(31), from, own(31), 64);
    let mapped = "::ffff:192.168.177.31".parse().unwrap();
    for (reason, bytes) in [
        ("outside_source", ping_from(own(33))),
        ("outside_source", ping_from(link_local(mac(33)))),
        ("outside_source", ping_from(VIP)),
        ("source_odd", ping_from(Ipv6Addr::LOCALHOST)),
        ("source_odd", ping_from(ALL_NODES)),
        ("mapped", ping_from(mapped)),
        ("mapped", ping(ROUTER_MAC, mac(31), FAR, mapped, 64)),
        ("outside_mac", ping(mac(33), mac(31), FAR, own(31), 64)),
        ("outside_mac", solicitation(mac(33), OUTSIDER, own(31))),
        ("outside_mac", announcement(mac(33), OUTSIDER)),
        ("dhcp_server", from_outside(mac(31)).ip6(router(), own(31)).udp(547, 546, b"offer")),
        ("edge_other", ping(ROUTER_MAC, mac(31), FAR, hook::six::own(11), 64)),
        ("edge_other", ping(ROUTER_MAC, mac(31), FAR, OUTSIDER, 64)),
        (
            "redirect",
            from_outside(mac(31))
                .ip6(router(), own(31))
                .hop_limit(255)
                .raw(Protocol::ICMPV6, &[&[137, 0, 0, 0, 0, 0, 0, 0][..], &[0x20; 32]].concat()),
        ),
    ] {
        let ran = enters(&hook, &bytes);
        assert_eq!((ran.verdict, ran.frame), (DROPPED, bytes), "{reason}");
        hook.counted(&[(reason, 1)]);
    }
    let no_holder = ping(ROUTER_MAC, mac(31), FAR, VIP, 64);
    let ran = enters(&hook, &no_holder);
    let error = told(VIP, Icmpv6Error::Unreachable { code: 3 }, (mac(31), ROUTER_MAC), &no_holder);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, error));
    hook.counted(&[("no_holder", 1), ("icmp_sent", 1)]);
}

#[test]
fn an_advert_of_ipv6_from_outside_is_heard_only_by_who_knows_its_sender() {
    let mut hook = segment6("six-adverts");
    holds6(&mut hook, 32);
    let deposes = |from: Ipv6Addr| {
        let version = VrrpVersion::V3 { interval_centis: 100, checksum: ChecksumForm::Pseudo };
        let vrrp = Vrrp { vrid: 51, priority: 0, version, addresses: vec![VIP.into()] };
        from_outside(mac(31)).ip6(from, own(31)).vrrp(&vrrp)
    };
    assert_eq!(enters(&hook, &deposes(OUTSIDER)).verdict, DROPPED);
    hook.counted(&[("segment_in", 1), ("advert_stranger", 1)]);
    let source = EntryKey::AdvertSource(key(VIP), OUTSIDER.into());
    hook.put(source, havip_reconcile::table::Entry::AdvertSource);
    assert_eq!(enters(&hook, &deposes(OUTSIDER)).verdict, REDIRECTED);
    hook.counted(INTO_PORT);
}

#[test]
fn a_router_of_the_segment_passes_on_what_of_ipv6_the_outside_sends_to_its_mac() {
    let mut hook = segment6("six-router");
    interface6(&hook, 31, 1, false);
    interface6(&hook, 33, 2, false);
    plug6(&hook, false);
    let behind = hook::six::own(11); // of the VPC, too: the router decides
    let packet = ping(ROUTER_MAC, mac(31), FAR, behind, 64);

    let ran = enters(&hook, &packet);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, packet.clone()));
    hook.counted(INTO_PORT);
    let ran = hook.arrives(underlay(2), INWARDS, &packet);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, packet));
    hook.counted(&[("delivered", 1)]);
    assert_eq!(enters(&hook, &ping(ROUTER_MAC, mac(33), FAR, behind, 64)).verdict, REDIRECTED);
    hook.counted(&[("segment_in", 1), ("sent_remote", 1)]);

    let routed = frame(mac(31), ROUTER_MAC).ip6(behind, FAR).raw(Protocol(47), &[0; 8]);
    let ran = hook.sends(21, &routed);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, routed));
    hook.counted(&[("segment_out", 1)]);
}

#[test]
fn a_claim_of_ipv6_is_told_to_the_outside_in_the_same_run_with_the_holders_own_mac() {
    let mut hook = segment6("six-claim");
    let claims = |number: u32| announcement(mac(number), VIP);

    hook.sends(12, &claims(32));
    assert_eq!(hook.left_by("e0", 1), [probe(mac(32), VIP)], "it is probed for first");
    hook.counted(&[("claim_made", 1), ("announced", 2), ("probed_outside", 1)]);
    age_outsiders(&hook, Duration::from_millis(201));

    hook.sends(12, &claims(32));
    assert_eq!(hook.left_by("e0", 1), [shown6(mac(32), VIP)]);
    hook.counted(&[("claim_refreshed", 1), ("announced", 2), ("shown_outside", 1)]);

    hook.sends(21, &claims(31));
    assert_eq!(hook.left_by("e0", 1), [shown6(mac(31), VIP)], "a failover waits for no probe");
    hook.counted(&[("claim_made", 1), ("announced", 2), ("shown_outside", 1)]);

    // Another host's port takes it.
    let mine = hook.switch.record(key(VIP)).unwrap().unwrap();
    let holder = Holder { host: host(2), port: port(34) };
    let record = Record { epoch: Epoch(mine.epoch.0 + 1), holder, mac: mac(34), ..mine };
    let message = Message::Record { kind: RecordKind::Announce, key: key(VIP), record };
    let said = Announcement { from: host(2), hops: 0, nonce: 7, sent_at: 0, message };
    let bytes = frame(MacAddr([2, 0x68, 0x76, 0, 0, 0]), MacAddr::BROADCAST).announcement(&said);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &bytes);
    assert_eq!(hook.left_by("e0", 1), [shown6(mac(34), VIP)]);
    hook.counted(&[("applied", 1), ("shown_outside", 1)]);
}

#[test]
fn a_foreign_owner_of_ipv6_is_told_and_never_fought() {
    let mut hook = segment6("six-foreign");
    holds6(&mut hook, 32);
    probed6(&mut hook, VIP);
    let foreign = MacAddr([2, 0, 0, 0, 7, 7]);

    assert_eq!(enters(&hook, &announcement(foreign, VIP)).verdict, DROPPED);
    hook.counted(&[("foreign_owner", 1)]);
    let heard = hook.told();
    let [SwitchEvent::Refused { reason, port: None, mac: by, address: Some(of), count: 1, .. }] = heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!((reason, by, of), (RefusalReason(88), foreign, VIP.into()));

    assert_eq!(enters(&hook, &solicitation(ROUTER_MAC, router(), VIP)).verdict, DROPPED, "the owner answers");
    hook.counted(&[("foreign_owner", 1)]);
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Unchanged);
    let asks = solicitation(mac(32), VIP, ROUTER);
    assert_eq!(hook.sends(12, &asks).verdict, DROPPED, "whoever hears it would note its sender");
    hook.counted(&[("foreign_owner", 1)]);
    hook.sends(12, &announcement(mac(32), VIP));
    hook.counted(&[("claim_refreshed", 1), ("announced", 2)]);

    // It is asked for anew after half a minute; while it answers, to all as DAD has it, nothing changes.
    age_outsiders(&hook, Duration::from_secs(31));
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Done);
    hook.counted(&[("probed_outside", 1)]);
    assert_eq!(enters(&hook, &answer(foreign, ROUTER_MAC, NOBODY, VIP)).verdict, DROPPED);
    hook.counted(&[("foreign_owner", 1)]);
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Unchanged);

    // It is gone.
    age_outsiders(&hook, Duration::from_secs(31));
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Done);
    hook.counted(&[("probed_outside", 1)]);
    age_outsiders(&hook, Duration::from_millis(201));
    hook.settle();
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Done);
    assert_eq!(hook.left_by("e0", 1), [shown6(mac(32), VIP)]);
    hook.counted(&[("shown_outside", 1)]);
}
