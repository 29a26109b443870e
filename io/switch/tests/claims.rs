//! Which frames are claims, what a claim does, and whose are refused (rules C1 to C4).

mod hook;

use havip_claim::{Cause, Notice, Order};
use havip_model::{Holder, Incarnation, MacAddr, MoveCause, PortState, Record, VipKey, Vni};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use havip_switch::{Outcome, SwitchEvent};
use havip_wire::{
    Announcement, Arp, ArpOperation, EtherType, Ethernet, Message, RecordKind, VlanTag,
    build::{frame, gratuitous_arp},
};
use hook::{DROPPED, Hook, VIP, VIRTUAL_MAC, arp_reply, host, mac, own, port, vip};
use std::net::Ipv4Addr;

/// What other hosts must get for this record, sent at the same time as what they got.
fn announcement(record: Record, sent: &[u8]) -> Vec<u8> {
    let message = Message::Record { kind: RecordKind::Announce, key: vip(), record };
    let sent_at = Announcement::decode(Ethernet::decode(sent).unwrap().payload).unwrap().sent_at;
    let announcement = Announcement { from: host(1), hops: 0, nonce: 0, sent_at, message };
    frame(MacAddr([2, 0x68, 0x76, 0, 0, 0]), MacAddr::BROADCAST).announcement(&announcement)
}

/// Every form in which software announces an address.
fn forms(of: MacAddr, address: Ipv4Addr) -> Vec<(String, Vec<u8>)> {
    let mut forms = vec![];
    for operation in [ArpOperation::Request, ArpOperation::Reply] {
        for (to, destination) in
            [("all", MacAddr::BROADCAST), ("one", mac(12)), ("the gateway", VIRTUAL_MAC), ("itself", of)]
        {
            for (target, target_mac) in [("zero", MacAddr::ZERO), ("ff", MacAddr::BROADCAST), ("own", of)] {
                let arp = Arp { operation, sender_mac: of, sender: address, target_mac, target: address };
                let plain = frame(of, destination).arp(arp);
                for (padding, length) in [("none", plain.len()), ("the least", 60), ("long", 300)] {
                    let mut padded = plain.clone();
                    padded.resize(length, 0xa5);
                    forms
                        .push((format!("{operation:?} to {to}, target {target}, padding {padding}"), padded));
                }
            }
        }
    }
    forms
}

#[test]
fn every_form_of_announcement_is_a_claim() {
    let mut hook = Hook::new("forms");
    for (form, bytes) in forms(mac(11), VIP) {
        hook.vacate();

        let ran = hook.sends(11, &bytes);

        assert_eq!(ran.verdict, DROPPED, "{form}");
        let record = hook.record().unwrap_or_else(|| panic!("no claim: {form}"));
        let holder = Holder { host: host(1), port: port(11) };
        assert_eq!((record.holder, record.mac, record.moves), (holder, mac(11), 1), "{form}");
        hook.counted(&[("claim_made", 1), ("announced", 2)]);
        let sent = hook.left_by("ov", 2);
        let expected = announcement(record, &sent[0]);
        assert_eq!(sent, [expected.clone(), expected], "{form}");
        let [SwitchEvent::Notice { notice, from: None, .. }] = hook.told()[..] else { panic!("{form}") };
        let cause = Cause::Here(MoveCause::Claim);
        assert_eq!(notice, Notice::Moved { key: vip(), record, before: None, cause }, "{form}");
    }
}

#[test]
fn a_claim_may_come_from_the_vrrp_mac_and_the_record_keeps_it() {
    let mut hook = Hook::new("vmac");
    for ipv6 in [false, true] {
        hook.vacate();
        let vmac = MacAddr::vrrp(ipv6, 51);
        hook.sends(11, &gratuitous_arp(vmac, VIP));
        assert_eq!(hook.record().unwrap().mac, vmac);
        hook.counted(&[("claim_made", 1), ("announced", 2)]);
    }
}

#[test]
fn the_present_holder_refreshes_once_at_once_and_then_once_a_second() {
    let mut hook = Hook::new("refresh");
    let claim = gratuitous_arp(mac(11), VIP);
    hook.sends(11, &claim);
    let first = hook.record();
    hook.settle();

    for _ in 0..5 {
        hook.sends(11, &claim);
    }

    assert_eq!(hook.record(), first, "no new epoch");
    hook.counted(&[("claim_refreshed", 5), ("announced", 2)]);
    assert_eq!(hook.told(), []);
}

#[test]
fn another_entitled_port_takes_over_with_a_later_epoch() {
    let hook = Hook::new("takeover");
    hook.sends(11, &gratuitous_arp(mac(11), VIP));
    let first = hook.record().unwrap();

    hook.sends(12, &gratuitous_arp(mac(12), VIP));

    let second = hook.record().unwrap();
    assert!(second.outranks(&first));
    assert_eq!((second.holder.port, second.moves), (port(12), 2));
    let history = hook.switch.history(vip()).unwrap();
    let moves: Vec<_> = history.iter().map(|line| (line.from, line.to, line.moves)).collect();
    let (one, two) = (Some(first.holder), Some(second.holder));
    assert_eq!(moves, [(None, one, 1), (one, two, 2)]);
}

#[test]
fn history_keeps_the_last_eight_moves() {
    let hook = Hook::new("history");
    for turn in 0..11 {
        let number = 11 + turn % 2;
        hook.sends(number, &gratuitous_arp(mac(number), VIP));
    }
    let counts: Vec<_> = hook.switch.history(vip()).unwrap().iter().map(|line| line.moves).collect();
    assert_eq!(counts, [4, 5, 6, 7, 8, 9, 10, 11]);
}

#[test]
fn a_ninth_claim_within_four_seconds_is_left_to_the_agent_if_there_is_one() {
    let mut hook = Hook::new("bucket");
    hook.switch.beat().unwrap();
    for turn in 0..16 {
        let number = 11 + turn % 2;
        hook.sends(number, &gratuitous_arp(mac(number), VIP));
    }
    let eighth = hook.record();
    assert_eq!(eighth.unwrap().moves, 16);
    hook.settle();

    hook.sends(11, &gratuitous_arp(mac(11), VIP));

    assert_eq!(hook.record(), eighth);
    hook.counted(&[("claim_postponed", 1)]);
    let [SwitchEvent::Notice { at, notice: Notice::Postponed { port, expected, ready_at, .. }, .. }] =
        hook.told()[..]
    else {
        panic!("the agent was not told")
    };
    assert_eq!((port, expected), (hook::port(11), eighth));
    assert!(ready_at > at && ready_at - at <= std::time::Duration::from_millis(500));

    // A guest that shouts does not crowd other news out of the ring.
    for _ in 0..50 {
        hook.sends(11, &gratuitous_arp(mac(11), VIP));
    }
    hook.counted(&[("claim_postponed", 50)]);
    assert!(hook.told().len() < 10);
}

#[test]
fn without_an_agent_every_claim_is_followed() {
    let mut hook = Hook::new("nobucket");
    for turn in 0..40 {
        let number = 11 + turn % 2;
        hook.sends(number, &gratuitous_arp(mac(number), VIP));
    }
    assert_eq!(hook.record().unwrap().moves, 40);
    hook.counted(&[("claim_made", 40), ("announced", 80)]);
}

#[test]
fn claims_of_the_wrong_are_refused_by_reason_and_change_nothing() {
    let mut hook = Hook::new("refused");
    hook.holds(12);
    let held = hook.record();
    let stranger = Ipv4Addr::new(10, 0, 0, 77);
    let inner = Arp::gratuitous(mac(12), VIP);
    let rows: &[(&str, u32, Vec<u8>)] = &[
        ("claim_other_subnet", 21, gratuitous_arp(mac(21), VIP)),
        ("claim_of_address", 11, gratuitous_arp(mac(11), own(12))),
        ("claim_of_gateway", 11, gratuitous_arp(mac(11), hook::GATEWAY)),
        ("claim_unknown", 11, gratuitous_arp(mac(11), stranger)),
        ("source_mac", 11, gratuitous_arp(mac(12), VIP)),
        ("source_mac", 21, gratuitous_arp(MacAddr::vrrp(false, 51), VIP)),
        ("arp_mac", 11, frame(mac(11), MacAddr::BROADCAST).arp(inner)),
        ("arp_sender", 11, frame(mac(11), MacAddr::BROADCAST).arp(Arp::request(mac(11), own(12), VIP))),
        ("arp_sender", 11, frame(mac(11), mac(12)).arp(arp_reply(mac(11), stranger, mac(12), own(12)))),
        ("vip_not_held", 11, frame(mac(11), MacAddr::BROADCAST).arp(Arp::request(mac(11), VIP, own(12)))),
        ("vip_not_held", 11, frame(mac(11), mac(12)).arp(arp_reply(mac(11), VIP, mac(12), own(12)))),
        (
            "tagged",
            11,
            frame(mac(11), MacAddr::BROADCAST).tag(VlanTag::vlan(7)).arp(Arp::gratuitous(mac(11), VIP)),
        ),
        (
            "rarp",
            11,
            frame(mac(11), MacAddr::BROADCAST).raw(EtherType::RARP, &Arp::gratuitous(mac(11), VIP).encode()),
        ),
        ("ipv6", 11, frame(mac(11), MacAddr::BROADCAST).raw(EtherType::IPV6, &[0; 40])),
        ("ethertype", 11, frame(mac(11), MacAddr::BROADCAST).raw(EtherType(0x88cc), &[0; 40])),
        ("snap", 11, frame(mac(11), MacAddr::BROADCAST).raw(EtherType(40), &[0xaa; 40])),
        ("qinq", 11, frame(mac(11), MacAddr::BROADCAST).raw(EtherType(0x88a8), &[0; 40])),
        ("truncated", 11, gratuitous_arp(mac(11), VIP)[..30].to_vec()),
    ];
    for (reason, number, bytes) in rows {
        let ran = hook.sends(*number, bytes);
        assert_eq!(ran.verdict, DROPPED, "{reason}");
        hook.counted(&[(reason, 1)]);
        assert_eq!(hook.record(), held, "{reason}");
        hook.left_by("ov", 0);
    }
    hook.plug(11, PortState::Inactive, true);
    hook.sends(11, &gratuitous_arp(mac(11), VIP));
    hook.counted(&[("port_inactive", 1)]);
    assert_eq!(hook.record(), held);
}

#[test]
fn an_announcement_of_the_own_address_is_taken_silently() {
    let mut hook = Hook::new("ownaddr");
    for (form, bytes) in forms(mac(11), own(11)) {
        assert_eq!(hook.sends(11, &bytes).verdict, DROPPED, "{form}");
        hook.counted(&[("arp_consumed", 1)]);
    }
}

#[test]
fn refusals_are_told_at_once_and_then_once_a_second_with_their_number() {
    let mut hook = Hook::new("reports");
    for _ in 0..100 {
        hook.sends(21, &gratuitous_arp(mac(21), VIP));
    }
    let [SwitchEvent::Refused { reason, port, mac: by, address, count: 1, .. }] = hook.told()[..] else {
        panic!("not one report")
    };
    assert_eq!(havip_switch::reason_name(reason), "claim_other_subnet");
    assert_eq!((port, by, address), (Some(hook::port(21)), mac(21), Some(VIP.into())));
    hook.counted(&[("claim_other_subnet", 100)]);
    let drops = hook.switch.drops().unwrap();
    assert_eq!(drops.iter().map(|drop| drop.count).collect::<Vec<_>>(), [100]);
}

#[test]
fn the_same_address_in_another_vpc_is_another_vip() {
    let mut hook = Hook::new("vpcs");
    hook.holds(12);
    let held = hook.record();
    // Port 21 moves to a VPC of its own, which has a VIP of the same address.
    let other = VipKey { vni: Vni::new(200).unwrap(), address: VIP.into() };
    let subnet = hook::subnet_of(20);
    hook.put(
        EntryKey::Port(port(21)),
        Entry::Port(Port {
            ifindex: hook.ifindex("p21"),
            is_veth: false,
            vni: other.vni,
            subnet,
            mac: mac(21),
            virtual_mac: VIRTUAL_MAC,
            primary: Some(own(21).into()),
            primary6: None,
            mtu: 1500,
            source_dest_check: true,
            is_awaited: false,
            state: PortState::Active,
            editions: None,
        }),
    );
    let claim = gratuitous_arp(mac(21), VIP);
    hook.sends(21, &claim);
    hook.counted(&[("claim_unknown", 1)]);

    let incarnation = Incarnation(9);
    assert_eq!(hook.order(Order::Prepare { key: other, incarnation }), Outcome::Done);
    let address = Address::Vip { subnet, incarnation, subnet_binding: true, hold: false };
    hook.put(EntryKey::Address(other.vni, other.address), Entry::Address(address));
    hook.sends(21, &claim);
    hook.counted(&[("claim_made", 1)]); // this VPC has no other hosts
    assert_eq!(hook.switch.record(other).unwrap().unwrap().holder.port, port(21));
    assert_eq!(hook.record(), held, "the first VPC's VIP has not moved");
}

/// The VIP with contention `hold`.
fn hold(hook: &Hook) {
    let incarnation = Incarnation(5);
    let address =
        Address::Vip { subnet: hook::subnet_of(10), incarnation, subnet_binding: false, hold: true };
    hook.put(EntryKey::Address(vip().vni, VIP.into()), Entry::Address(address));
}

/// Another host's port holds the VIP by a later claim.
fn displaced(hook: &mut Hook) -> Record {
    let present = hook.record().unwrap();
    let theirs = Record {
        epoch: havip_model::Epoch(present.epoch.0 + 1),
        holder: Holder { host: host(2), port: port(13) },
        mac: mac(13),
        moves: present.moves + 1,
        ..present
    };
    hook.order(Order::Merge { key: vip(), record: theirs });
    hook.settle();
    theirs
}

#[test]
fn a_claim_by_a_port_that_has_just_lost_the_vip_is_left_to_the_agent_if_there_is_one() {
    let mut hook = Hook::new("contested");
    hold(&hook);
    hook.holds(11);
    let theirs = displaced(&mut hook);
    hook.switch.beat().unwrap();

    let ran = hook.sends(11, &gratuitous_arp(mac(11), VIP));

    assert_eq!((ran.verdict, hook.record()), (DROPPED, Some(theirs)));
    hook.counted(&[("claim_contested", 1)]);
    hook.left_by("ov", 0);
    let [SwitchEvent::Notice { notice, .. }] = hook.told()[..] else { panic!("not told") };
    let contested = Notice::Contested { key: vip(), port: port(11), mac: mac(11), expected: theirs };
    assert_eq!(notice, contested);

    // A port that has not held it for long is followed, and so is the agent's decision.
    hook.sends(12, &gratuitous_arp(mac(12), VIP));
    hook.counted(&[("claim_made", 1), ("announced", 2)]);
    let expected = hook.record();
    let cause = MoveCause::Contested;
    let take = Order::Take { key: vip(), port: port(11), mac: mac(11), expected, cause };
    assert_eq!(hook.order(take), Outcome::Done);
    assert_eq!(hook.record().unwrap().holder.port, port(11));
    hook.settle();
    hook.sends(12, &gratuitous_arp(mac(12), VIP));
    hook.counted(&[("claim_contested", 1)]);
}

#[test]
fn nothing_is_contested_without_an_agent_with_follow_after_a_release_or_after_30_s() {
    let mut hook = Hook::new("uncontested");
    let claim = gratuitous_arp(mac(11), VIP);
    let followed = |hook: &mut Hook, why: &str| {
        hook.sends(11, &claim);
        assert_eq!(hook.record().unwrap().holder.port, port(11), "{why}");
        hook.settle();
    };
    hold(&hook);
    hook.holds(11);
    displaced(&mut hook);
    followed(&mut hook, "no agent has shown itself");

    hook.switch.beat().unwrap();
    hook.released(11);
    let released = hook.record().unwrap();
    displaced(&mut hook);
    assert!(hook.record().unwrap().outranks(&released));
    hook.forget_losses();
    hook.holds(11);
    hook.released(11);
    displaced(&mut hook);
    followed(&mut hook, "it had resigned");

    displaced(&mut hook);
    hook.age_losses(std::time::Duration::from_secs(30));
    followed(&mut hook, "it was half a minute ago");

    displaced(&mut hook);
    hook.age_losses(std::time::Duration::from_secs(30));
    let boot =
        std::time::Duration::from(nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap());
    let until = boot + std::time::Duration::from_secs(9);
    hook.order(Order::HoldOff { key: vip(), port: port(11), until, always: false });
    hook.sends(11, &claim);
    hook.counted(&[("claim_contested", 1)]);
    let earlier = Order::HoldOff { key: vip(), port: port(11), until: boot, always: false };
    assert_eq!(hook.order(earlier), Outcome::Unchanged, "a hold is never shortened");

    let incarnation = Incarnation(5);
    let address =
        Address::Vip { subnet: hook::subnet_of(10), incarnation, subnet_binding: false, hold: false };
    hook.put(EntryKey::Address(vip().vni, VIP.into()), Entry::Address(address));
    followed(&mut hook, "contention is follow");
}
