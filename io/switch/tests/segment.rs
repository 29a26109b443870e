//! External subnets on their active edge, frame by frame: at layer 2 in both directions, ARP, lies, foreign owners.

mod hook;
mod segment_scene;

use havip_claim::Order;
use havip_model::{Epoch, Holder, MacAddr, Record, RefusalReason, SubnetNumber};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::{Outcome, SwitchEvent};
use havip_wire::{
    Announcement, Arp, EtherType, Icmp, IcmpError, Message, Protocol, RecordKind, TcpFlags, build::Frame,
    build::frame,
};
use hook::{DROPPED, REDIRECTED, VIRTUAL_MAC, arp_reply, host, mac, own, port, underlay, vni};
use libbpf_rs::{MapCore, MapFlags};
use segment_scene::*;
use std::net::Ipv4Addr;
use std::time::Duration;

#[test]
fn outsiders_are_told_a_guests_own_mac_once_nobody_else_has_the_address() {
    let mut hook = segment("answers");
    for (address, its) in [(address(31), mac(31)), (address(33), mac(33)), (VIP, mac(32))] {
        if address == VIP {
            holds(&mut hook, 32);
        }
        let asked = Arp::request(ROUTER_MAC, OUTSIDER, address);
        let question = from_outside(MacAddr::BROADCAST).arp(asked);

        let ran = hook.enters_in_vlan(VLAN, &question);

        assert_eq!(ran.verdict, DROPPED, "it is probed for first");
        assert_eq!(hook.left_by("e0", 1), [shown(its, Ipv4Addr::UNSPECIFIED, address)]);
        hook.counted(&[("probed_outside", 1)]);

        age_outsiders(&hook, Duration::from_millis(201));
        let ran = hook.enters_in_vlan(VLAN, &question);

        assert_eq!(ran.verdict, REDIRECTED);
        assert_eq!(ran.frame, frame(its, ROUTER_MAC).arp(asked.answer(its)));
        hook.counted(&[("segment_arp_answered", 1)]);
    }
}

#[test]
fn what_comes_for_a_guest_reaches_it_as_it_is_also_by_a_stale_mac() {
    let mut hook = segment("in");
    holds(&mut hook, 32);
    let syn = |frame: Frame, to| frame.ip(FAR, to).tcp(40_000, 80, TcpFlags::ACK, b"hello");
    for (to, by, arrives_at) in
        [(address(31), mac(31), mac(31)), (VIP, mac(32), mac(32)), (VIP, mac(31), mac(32))]
    {
        let ran = hook.enters_in_vlan(VLAN, &syn(from_outside(by), to));

        assert_eq!(ran.verdict, REDIRECTED);
        assert_eq!(
            ran.frame,
            syn(frame(ROUTER_MAC, arrives_at), to),
            "no hop, no other MAC but the holder's"
        );
        hook.counted(&[("segment_in", 1), ("delivered", 1)]);
    }
    let remote = syn(from_outside(mac(33)), address(33));
    let ran = hook.enters_in_vlan(VLAN, &remote);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, remote));
    hook.counted(&[("segment_in", 1), ("sent_remote", 1)]);
}

#[test]
fn what_is_for_nobody_of_the_segment_goes_to_the_host() {
    let mut hook = segment("hosts");
    holds(&mut hook, 32);
    let ping = |frame: Frame, to| frame.ip(FAR, to).ping(1, 1);
    let to_31 = ping(from_outside(mac(31)), address(31));
    let in_vlan = [
        ping(from_outside(EDGE_MAC), address(31)),
        ping(from_outside(MacAddr::BROADCAST), address(31)),
        ping(from_outside(MacAddr([2, 0, 0, 0, 9, 9])), address(31)),
        from_outside(MacAddr::BROADCAST).arp(Arp::request(ROUTER_MAC, ROUTER, OUTSIDER)),
        from_outside(MacAddr::BROADCAST).arp(Arp::gratuitous(ROUTER_MAC, ROUTER)),
        from_outside(MacAddr::BROADCAST).arp(Arp::request(ROUTER_MAC, ROUTER, own(11))),
        from_outside(mac(31)).arp(Arp::request(ROUTER_MAC, OUTSIDER, ROUTER).answer(ROUTER_MAC)),
        from_outside(mac(31)).raw(EtherType(0x88cc), &[0; 46]),
    ];
    for bytes in in_vlan {
        let ran = hook.enters_in_vlan(VLAN, &bytes);
        assert_eq!((ran.verdict, ran.frame), (TO_THE_HOST, bytes));
        hook.counted(&[]);
    }
    let ran = hook.enters_in_vlan(178, &to_31);
    assert_eq!((ran.verdict, ran.frame), (TO_THE_HOST, to_31.clone()), "another network's");
    let ran = hook.enters("edge_rx", "e0", &to_31);
    assert_eq!((ran.verdict, ran.frame), (TO_THE_HOST, to_31), "no tag");
    hook.counted(&[]);
}

#[test]
fn a_guest_reaches_the_outside_by_the_mac_that_it_found_there() {
    let mut hook = segment("out");
    holds(&mut hook, 32);
    let to = |from: u32| frame(mac(from), ROUTER_MAC);
    // Whatever the VPC has by that address: the router outside is asked, and none is inside.
    for (device, sent) in [
        (21, to(31).ip(address(31), FAR).ping(1, 1)),
        (21, to(31).ip(address(31), OUTSIDER).udp(1, 2, b"x")),
        (21, to(31).ip(address(31), own(11)).ping(1, 1)),
        (12, to(32).ip(VIP, FAR).ping(1, 1)),
    ] {
        let ran = hook.sends(device, &sent);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, sent), "as it is");
        hook.counted(&[("segment_out", 1)]);
    }
    let question = frame(mac(31), MacAddr::BROADCAST).arp(Arp::request(mac(31), address(31), ROUTER));
    let ran = hook.sends(21, &question);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, question));
    hook.counted(&[("segment_out", 1)]);

    let answer = from_outside(mac(31)).arp(arp_reply(ROUTER_MAC, ROUTER, mac(31), address(31)));
    let ran = hook.enters_in_vlan(VLAN, &answer);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer));
    hook.counted(&[("segment_in", 1), ("delivered", 1)]);
    let answer = from_outside(mac(33)).arp(arp_reply(ROUTER_MAC, ROUTER, mac(33), address(33)));
    assert_eq!(hook.enters_in_vlan(VLAN, &answer).verdict, REDIRECTED);
    hook.counted(&[("segment_in", 1), ("sent_remote", 1)]);
}

#[test]
fn another_hosts_guests_reach_the_outside_through_this_edge_and_are_reached() {
    let mut hook = segment("remote");
    let sent = frame(mac(33), ROUTER_MAC).ip(address(33), FAR).ping(1, 1);
    let question = frame(mac(33), MacAddr::BROADCAST).arp(Arp::request(mac(33), address(33), ROUTER));
    for bytes in [sent.clone(), question] {
        let ran = hook.arrives(underlay(2), OUTWARDS, &bytes);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, bytes));
        hook.counted(&[("segment_out", 1)]);
    }
    // From another edge, for a port of this host.
    let answer = from_outside(mac(31)).arp(arp_reply(ROUTER_MAC, ROUTER, mac(31), address(31)));
    let ran = hook.arrives(underlay(2), INWARDS, &answer);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer));
    hook.counted(&[("delivered", 1)]);
    let packet = from_outside(mac(31)).ip(FAR, address(31)).ping(1, 1);
    assert_eq!(hook.arrives(underlay(2), vni().get(), &packet).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);

    let ran = hook.arrives(underlay(2), INWARDS, &sent);
    assert_eq!(ran.verdict, DROPPED, "what came in does not go out again");
    hook.counted(&[("not_here", 1)]);
    assert_eq!(hook.arrives(underlay(2), OUTWARDS + 1, &sent).verdict, DROPPED);
    hook.counted(&[("vni_unknown", 1)]);
    assert_eq!(hook.arrives(underlay(9), OUTWARDS, &sent).verdict, DROPPED);
    hook.counted(&[("outer_unknown", 1)]);
    let ping6 = frame(mac(33), ROUTER_MAC).ip6("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
    assert_eq!(hook.arrives(underlay(2), OUTWARDS, &ping6.udp(1, 2, b"x")).verdict, DROPPED);
    hook.counted(&[("inner_odd", 1)]);
}

#[test]
fn through_another_edge_everything_goes_there() {
    let mut hook = segment("other");
    joins(&mut hook, 2);
    let sent = frame(mac(31), ROUTER_MAC).ip(address(31), FAR).ping(1, 1);
    let ran = hook.sends(21, &sent);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, sent.clone()));
    hook.counted(&[("sent_remote", 1)]);

    let packet = from_outside(mac(31)).ip(FAR, address(31)).ping(1, 1);
    assert_eq!(hook.enters_in_vlan(VLAN, &packet).verdict, DROPPED);
    hook.counted(&[("edge_inactive", 1)]);
    let question = from_outside(MacAddr::BROADCAST).arp(Arp::request(ROUTER_MAC, OUTSIDER, address(31)));
    assert_eq!(hook.enters_in_vlan(VLAN, &question).verdict, TO_THE_HOST);
    hook.counted(&[]);
    assert_eq!(hook.switch.show(key(address(31))).unwrap(), Outcome::Unchanged);

    // What the other edge has announced it has probed for: if this one takes over it tells at once.
    let announced = frame(mac(31), MacAddr::BROADCAST).arp(Arp::gratuitous(mac(31), address(31)));
    assert_eq!(hook.enters_in_vlan(VLAN, &announced).verdict, TO_THE_HOST);
    joins(&mut hook, 1);
    assert_eq!(hook.switch.show(key(address(31))).unwrap(), Outcome::Done);
    assert_eq!(hook.left_by("e0", 1), [shown(mac(31), address(31), address(31))]);
    hook.counted(&[("shown_outside", 1)]);

    // Nobody joins it: who sends learns it.
    let released = Record { released: true, ..hook.switch.record(network()).unwrap().unwrap() };
    hook.order(Order::Merge { key: network(), record: released });
    hook.settle();
    let ran = hook.sends(21, &sent);
    assert_eq!(ran.verdict, REDIRECTED);
    hook.counted(&[("edge_off", 1), ("icmp_sent", 1)]);
    let quoted = &sent[14..];
    let complaint = frame(VIRTUAL_MAC, mac(31)).ip(address(2), address(31)).tos(0xc0);
    let error = Icmp::Error { error: IcmpError::HOST_UNREACHABLE, quoted };
    assert_eq!(ran.frame, complaint.icmp(&error));
}

#[test]
fn nothing_is_routed_into_a_segment_nor_out_of_it() {
    let mut hook = segment("routing");
    for (device, sent) in [
        (11, frame(mac(11), VIRTUAL_MAC).ip(own(11), address(31)).ping(1, 1)),
        (21, frame(mac(31), VIRTUAL_MAC).ip(address(31), own(11)).ping(1, 1)),
        (21, frame(mac(31), mac(33)).ip(address(31), FAR).ping(1, 1)),
    ] {
        assert_eq!(hook.sends(device, &sent).verdict, REDIRECTED, "the sender is told");
        hook.counted(&[("no_route", 1), ("icmp_sent", 1)]);
    }
    let underlays = frame(mac(31), ROUTER_MAC).ip(address(31), underlay(2)).udp(7402, 7402, b"forged");
    assert_eq!(hook.sends(21, &underlays).verdict, DROPPED);
    hook.counted(&[("to_underlay", 1)]);
}

#[test]
fn a_guest_lies_to_the_outside_no_more_than_to_anybody() {
    let mut hook = segment("spoof");
    let arp = |target_of: Arp| frame(mac(31), MacAddr::BROADCAST).arp(target_of);
    for (reason, sent) in [
        ("source_address", frame(mac(31), ROUTER_MAC).ip(address(33), FAR).ping(1, 1)),
        ("source_address", frame(mac(31), ROUTER_MAC).ip(address(2), FAR).ping(1, 1)),
        ("source_address", frame(mac(31), ROUTER_MAC).ip(Ipv4Addr::new(192, 168, 177, 0), FAR).ping(1, 1)),
        ("vip_not_held", frame(mac(31), ROUTER_MAC).ip(VIP, FAR).ping(1, 1)),
        ("source_mac", frame(ROUTER_MAC, mac(33)).ip(address(31), FAR).ping(1, 1)),
        ("arp_sender", arp(Arp::request(mac(31), address(33), ROUTER))),
        ("vip_not_held", arp(Arp::request(mac(31), VIP, ROUTER))),
        ("claim_unknown", arp(Arp::gratuitous(mac(31), ROUTER))),
        ("arp_unknown", arp(Arp::request(mac(31), address(31), FAR))),
    ] {
        assert_eq!(hook.sends(21, &sent).verdict, DROPPED);
        hook.counted(&[(reason, 1)]);
    }
    let asks = |last: u8| arp(Arp::request(mac(31), address(31), Ipv4Addr::new(192, 168, 177, last)));
    let out = (100..140).filter(|last| hook.sends(21, &asks(*last)).verdict == REDIRECTED).count();
    assert!((32..36).contains(&out), "32 at once, then 20 a second: {out}");
    let [limited] = hook.moved(&["segment_limited"]);
    assert_eq!(limited, 40 - out as u64);
}

#[test]
fn no_lie_comes_in_from_outside() {
    let mut hook = segment("lies");
    let ping = |frame: Frame, from| frame.ip(from, address(31)).ping(1, 1);
    for (reason, bytes) in [
        ("outside_source", ping(from_outside(mac(31)), address(33))),
        ("outside_source", ping(from_outside(mac(31)), own(11))),
        ("outside_source", ping(from_outside(mac(31)), VIP)),
        ("source_odd", ping(from_outside(mac(31)), Ipv4Addr::BROADCAST)),
        ("outside_mac", ping(frame(mac(33), mac(31)), FAR)),
        ("outside_mac", frame(mac(33), MacAddr::BROADCAST).arp(Arp::request(mac(33), OUTSIDER, address(31)))),
        ("dhcp_server", from_outside(mac(31)).ip(ROUTER, address(31)).udp(67, 68, b"offer")),
        ("edge_other", from_outside(mac(31)).ip(FAR, own(11)).ping(1, 1)),
        ("edge_other", from_outside(mac(31)).ip(FAR, Ipv4Addr::new(10, 9, 9, 9)).ping(1, 1)),
    ] {
        let ran = hook.enters_in_vlan(VLAN, &bytes);
        assert_eq!((ran.verdict, ran.frame), (DROPPED, bytes), "{reason}");
        hook.counted(&[(reason, 1)]);
    }
    let no_holder = from_outside(mac(31)).ip(FAR, VIP).ping(1, 1);
    let ran = hook.enters_in_vlan(VLAN, &no_holder);
    let error = Icmp::Error { error: IcmpError::HOST_UNREACHABLE, quoted: &no_holder[14..] };
    assert_eq!(
        (ran.verdict, ran.frame),
        (REDIRECTED, frame(mac(31), ROUTER_MAC).ip(VIP, FAR).tos(0xc0).icmp(&error))
    );
    hook.counted(&[("no_holder", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_router_of_the_segment_passes_on_what_the_outside_sends_to_its_mac() {
    let mut hook = segment("router");
    interface(&hook, 31, 1, false);
    interface(&hook, 33, 2, false);
    plug(&hook, 31, "p21", Some(address(31)), false);
    let behind = Ipv4Addr::new(10, 0, 0, 11); // of the VPC, too: the router decides
    let packet = from_outside(mac(31)).ip(FAR, behind).ping(1, 1);

    let ran = hook.enters_in_vlan(VLAN, &packet);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, packet.clone()));
    hook.counted(&[("segment_in", 1), ("delivered", 1)]);
    let ran = hook.arrives(underlay(2), INWARDS, &packet);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, packet));
    hook.counted(&[("delivered", 1)]);
    let remote = from_outside(mac(33)).ip(FAR, behind).ping(1, 1);
    assert_eq!(hook.enters_in_vlan(VLAN, &remote).verdict, REDIRECTED);
    hook.counted(&[("segment_in", 1), ("sent_remote", 1)]);

    let routed = frame(mac(31), ROUTER_MAC).ip(behind, FAR).raw(Protocol(47), &[0; 8]);
    let ran = hook.sends(21, &routed);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, routed));
    hook.counted(&[("segment_out", 1)]);
}

#[test]
fn a_claim_is_told_to_the_outside_in_the_same_run_with_the_holders_own_mac() {
    let mut hook = segment("claim");
    let claims = |number: u32| frame(mac(number), MacAddr::BROADCAST).arp(Arp::gratuitous(mac(number), VIP));

    hook.sends(12, &claims(32));
    assert_eq!(hook.left_by("e0", 1), [shown(mac(32), Ipv4Addr::UNSPECIFIED, VIP)], "it is probed for first");
    hook.counted(&[("claim_made", 1), ("announced", 2), ("probed_outside", 1)]);
    age_outsiders(&hook, Duration::from_millis(201));

    hook.sends(12, &claims(32));
    assert_eq!(hook.left_by("e0", 1), [shown(mac(32), VIP, VIP)]);
    hook.counted(&[("claim_refreshed", 1), ("announced", 2), ("shown_outside", 1)]);

    hook.sends(21, &claims(31));
    assert_eq!(hook.left_by("e0", 1), [shown(mac(31), VIP, VIP)], "a failover waits for no probe");
    hook.counted(&[("claim_made", 1), ("announced", 2), ("shown_outside", 1)]);

    // Another host's port takes it.
    let mine = hook.switch.record(key(VIP)).unwrap().unwrap();
    let holder = Holder { host: host(2), port: port(34) };
    let record = Record { epoch: Epoch(mine.epoch.0 + 1), holder, mac: mac(34), ..mine };
    let message = Message::Record { kind: RecordKind::Announce, key: key(VIP), record };
    let announcement = Announcement { from: host(2), hops: 0, nonce: 7, sent_at: 0, message };
    let bytes = frame(MacAddr([2, 0x68, 0x76, 0, 0, 0]), MacAddr::BROADCAST).announcement(&announcement);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &bytes);
    assert_eq!(hook.left_by("e0", 1), [shown(mac(34), VIP, VIP)]);
    hook.counted(&[("applied", 1), ("shown_outside", 1)]);

    // A guest that shouts is heard as often as it may claim: eight times at once.
    hook.settle();
    for _ in 0..20 {
        hook.arrives(underlay(2), ANNOUNCEMENTS, &bytes);
    }
    let [shown] = hook.moved(&["shown_outside"]);
    assert!((3..=8).contains(&shown), "{shown}");
}

#[test]
fn a_foreign_owner_is_told_and_never_fought() {
    let mut hook = segment("foreign");
    holds(&mut hook, 32);
    probed(&mut hook, VIP);
    let foreign = MacAddr([2, 0, 0, 0, 7, 7]);
    let announces = frame(foreign, MacAddr::BROADCAST).arp(Arp::gratuitous(foreign, VIP));

    assert_eq!(hook.enters_in_vlan(VLAN, &announces).verdict, DROPPED);
    hook.counted(&[("foreign_owner", 1)]);
    let told = hook.told();
    let [SwitchEvent::Refused { reason, port: None, mac: by, address: Some(of), count: 1, .. }] = told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!((reason, by, of), (RefusalReason(88), foreign, VIP.into()));

    let question = from_outside(MacAddr::BROADCAST).arp(Arp::request(ROUTER_MAC, OUTSIDER, VIP));
    assert_eq!(hook.enters_in_vlan(VLAN, &question).verdict, DROPPED, "the owner answers");
    hook.counted(&[("foreign_owner", 1)]);
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Unchanged);
    let asks = frame(mac(32), MacAddr::BROADCAST).arp(Arp::request(mac(32), VIP, ROUTER));
    assert_eq!(hook.sends(12, &asks).verdict, DROPPED, "whoever hears it would note its sender");
    hook.counted(&[("foreign_owner", 1)]);
    hook.sends(12, &frame(mac(32), MacAddr::BROADCAST).arp(Arp::gratuitous(mac(32), VIP)));
    hook.counted(&[("claim_refreshed", 1), ("announced", 2)]);

    // It is asked for anew after half a minute; while it answers nothing changes.
    age_outsiders(&hook, Duration::from_secs(31));
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Done);
    hook.counted(&[("probed_outside", 1)]);
    let answers = frame(foreign, mac(32)).arp(arp_reply(foreign, VIP, mac(32), Ipv4Addr::UNSPECIFIED));
    assert_eq!(hook.enters_in_vlan(VLAN, &answers).verdict, DROPPED);
    hook.counted(&[("foreign_owner", 1)]);
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Unchanged);

    // It is gone.
    age_outsiders(&hook, Duration::from_secs(31));
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Done);
    hook.counted(&[("probed_outside", 1)]);
    age_outsiders(&hook, Duration::from_millis(201));
    hook.settle();
    assert_eq!(hook.switch.show(key(VIP)).unwrap(), Outcome::Done);
    assert_eq!(hook.left_by("e0", 1), [shown(mac(32), VIP, VIP)]);
    hook.counted(&[("shown_outside", 1)]);
}

#[test]
fn a_vlan_a_host_s_address_and_a_device_stay_with_whoever_has_taken_them_over() {
    let mut hook = segment("taken");
    // As after a time without the server: what is new is put before what is gone is removed.
    let next = SubnetNumber::new(SubnetNumber::EXTERNAL | 5).unwrap();
    let cidr = "192.168.178.0/24".parse().unwrap();
    let entry = Entry::Segment { vni: vni(), cidr, cidr6: None, vlan: Some(VLAN) };
    hook.put(EntryKey::Segment(next), entry);
    hook.remove(EntryKey::Segment(subnet()));
    let vlan = u32::from(VLAN).to_ne_bytes();
    let its = hook.memory("vlans").lookup(&vlan, MapFlags::ANY).unwrap();
    assert_eq!(its, Some(next.get().to_ne_bytes().to_vec()), "of a subnet of another VPC, perhaps");
    hook.remove(EntryKey::Segment(next));
    assert_eq!(hook.memory("vlans").lookup(&vlan, MapFlags::ANY).unwrap(), None);

    hook.put(EntryKey::Host(host(4)), Entry::Host { underlay: underlay(3).into() });
    hook.remove(EntryKey::Host(host(3)));
    hook.settle();
    let ping = frame(mac(13), mac(11)).ip(own(13), own(11)).ping(1, 1);
    assert_eq!(hook.arrives(underlay(3), vni().get(), &ping).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);

    plug(&hook, 34, "p21", Some(address(31)), true);
    hook.remove(EntryKey::Port(port(31)));
    let unknown = frame(mac(31), VIRTUAL_MAC).ip(address(31), own(11)).ping(1, 1);
    assert_eq!(hook.sends(21, &unknown).verdict, DROPPED);
    hook.counted(&[("source_mac", 1)]);
}
