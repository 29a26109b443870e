//! What other hosts send: who is believed, what is applied, what is answered (rules C5, C7, C10).

mod hook;

use havip_claim::{Cause, Notice, Order};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_switch::{Outcome, SwitchEvent};
use havip_wire::{Announcement, Ethernet, Message, RecordKind, build::frame};
use hook::{
    DROPPED, GATEWAY, Hook, REDIRECTED, VIRTUAL_MAC, arp_reply, host, mac, own, port, subnet_of, underlay,
    vip, vni,
};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

const ANNOUNCEMENTS: u32 = 0xff_ffff;

fn record(epoch: u64, on: u32, number: u32, released: bool) -> Record {
    Record {
        incarnation: Incarnation(5),
        epoch: Epoch(epoch),
        holder: Holder { host: host(on), port: port(number) },
        released,
        mac: mac(number),
        moves: 7,
    }
}
fn message(from: u32, message: Message) -> Vec<u8> {
    let announcement = Announcement { from: host(from), hops: 0, nonce: 77, sent_at: 0, message };
    frame(MacAddr([2, 0x68, 0x76, 0, 0, 0]), MacAddr::BROADCAST).announcement(&announcement)
}
fn about(from: u32, kind: RecordKind, key: VipKey, record: Record) -> Vec<u8> {
    message(from, Message::Record { kind, key, record })
}
fn announce(kind: RecordKind, record: Record) -> Message {
    Message::Record { kind, key: vip(), record }
}
fn read(bytes: &[u8]) -> Announcement {
    Announcement::decode(Ethernet::decode(bytes).unwrap().payload).unwrap()
}

#[test]
fn a_greater_record_is_applied_an_equal_one_is_not_a_smaller_one_is_answered() {
    let mut hook = Hook::new("apply");
    let first = record(10, 2, 13, false);
    let tell = |record| about(2, RecordKind::Announce, vip(), record);

    hook.arrives(underlay(2), ANNOUNCEMENTS, &tell(first));
    assert_eq!(hook.record(), Some(first));
    hook.counted(&[("applied", 1)]);
    let [SwitchEvent::Notice { notice, from, .. }] = hook.told()[..] else { panic!("not told") };
    assert_eq!(
        (notice, from),
        (Notice::Moved { key: vip(), record: first, before: None, cause: Cause::Announced }, Some(host(2)))
    );

    hook.arrives(underlay(2), ANNOUNCEMENTS, &tell(first));
    hook.counted(&[("as_great", 1)]);
    assert_eq!(hook.told(), []);

    let released = record(10, 2, 13, true);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &tell(released));
    assert_eq!(hook.record(), Some(released), "released is greater than the same held");
    hook.counted(&[("applied", 1)]);

    let smaller = about(3, RecordKind::Announce, vip(), record(9, 3, 14, false));
    hook.arrives(underlay(3), ANNOUNCEMENTS, &smaller);
    assert_eq!(hook.record(), Some(released));
    hook.counted(&[("corrected", 1)]);
    let answers = hook.left_by("ov", 1);
    let kind = RecordKind::Correction;
    assert_eq!(read(&answers[0]).message, Message::Record { kind, key: vip(), record: released });
}

#[test]
fn messages_that_cannot_be_believed_are_dropped_by_reason() {
    let mut hook = Hook::new("disbelief");
    let good = record(10, 2, 13, false);
    let tell = |record| about(2, RecordKind::Announce, vip(), record);
    let known = tell(good);
    let elsewhere = VipKey { vni: havip_model::Vni::new(999).unwrap(), ..vip() };
    let limit = Record { epoch: Epoch(1 << 63), ..good };
    let mut magic = known.clone();
    magic[14] ^= 1;
    let mut length = known.clone();
    length[17] = 75;
    let mut longer = known.clone();
    longer[17] = 200;
    let rows: &[(&str, Ipv4Addr, u32, Vec<u8>)] = &[
        ("outer_unknown", Ipv4Addr::new(192, 0, 2, 99), ANNOUNCEMENTS, known.clone()),
        ("outer_unknown", underlay(1), ANNOUNCEMENTS, known.clone()),
        ("announcement_host", underlay(3), ANNOUNCEMENTS, known.clone()),
        ("announcement_malformed", underlay(2), ANNOUNCEMENTS, magic),
        ("announcement_malformed", underlay(2), ANNOUNCEMENTS, length),
        ("announcement_malformed", underlay(2), ANNOUNCEMENTS, longer),
        ("announcement_malformed", underlay(2), ANNOUNCEMENTS, known[..60].to_vec()),
        ("vni_unknown", underlay(2), ANNOUNCEMENTS, about(2, RecordKind::Announce, elsewhere, good)),
        ("epoch_limit", underlay(2), ANNOUNCEMENTS, tell(limit)),
        ("vni_marked", underlay(2), 100 | 1 << 23, known.clone()),
        ("vni_reserved", underlay(2), 1 << 22, known.clone()),
        ("vni_reserved", underlay(2), 1 << 23, known.clone()),
        ("vni_reserved", underlay(2), 0, known.clone()),
        ("inner_odd", underlay(2), 100, known),
    ];
    for (reason, from, vni, bytes) in rows {
        assert_eq!(hook.arrives(*from, *vni, bytes).verdict, DROPPED, "{reason}");
        hook.counted(&[(reason, 1)]);
        assert_eq!(hook.record(), None, "{reason}");
    }
}

#[test]
fn a_longer_announcement_of_a_later_version_is_read_as_far_as_it_is_known() {
    let mut hook = Hook::new("tail");
    let first = record(10, 2, 13, false);
    let mut bytes = about(2, RecordKind::Announce, vip(), first);
    bytes[16] = 3;
    bytes[17] = 104;
    bytes.extend([0xee; 8]);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &bytes);
    assert_eq!(hook.record(), Some(first));
    hook.counted(&[("applied", 1)]);
}

#[test]
fn the_kernel_returns_an_echo_and_hears_who_sent_it() {
    let mut hook = Hook::new("echo");
    let ran = hook.arrives(underlay(2), ANNOUNCEMENTS, &message(2, Message::EchoRequest));
    assert_eq!(ran.verdict, REDIRECTED);
    let reply = read(&ran.frame);
    let message = Message::EchoReply { to: Some(host(2)) };
    assert_eq!(reply, Announcement { from: host(1), hops: 0, nonce: 77, sent_at: reply.sent_at, message });
    hook.counted(&[("echo_reflected", 1)]);
    let heard = hook.switch.heard().unwrap();
    assert!(heard[&host(2)] > Duration::ZERO);
    assert_eq!(heard[&host(3)], Duration::ZERO);

    assert_eq!(hook.switch.echo(host(2), 123).unwrap(), Outcome::Done);
    assert_eq!(read(&hook.left_by("ov", 1)[0]).message, Message::EchoRequest);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &self::message(2, message));
    hook.counted(&[("echo_returned", 1)]);
    let [SwitchEvent::EchoReturned { at, host: from, nonce: 77, rtt }] = hook.told()[..] else {
        panic!("not told")
    };
    assert_eq!((from, rtt), (host(2), at - Duration::from_nanos(77)));
}

#[test]
fn a_record_that_came_before_its_configuration_waits_for_it() {
    let mut hook = Hook::new("waits");
    let key = VipKey { vni: vni(), address: Ipv4Addr::new(10, 0, 0, 150).into() };
    let (older, newer) = (record(10, 2, 13, false), record(11, 3, 14, false));
    for (from, record) in [(3, newer), (2, older)] {
        hook.arrives(underlay(from), ANNOUNCEMENTS, &about(from, RecordKind::Announce, key, record));
    }
    hook.counted(&[("waiting", 1), ("as_great", 1)]); // the older one does not replace the newer
    assert_eq!(hook.switch.record(key).unwrap(), None);

    assert_eq!(hook.order(Order::Prepare { key, incarnation: Incarnation(5) }), Outcome::Done);
    assert_eq!(hook.switch.record(key).unwrap(), Some(newer));
    hook.counted(&[("applied", 1)]);
}

#[test]
fn a_greater_incarnation_stops_claims_until_it_is_configured() {
    let mut hook = Hook::new("remade");
    let remade = Record { incarnation: Incarnation(6), ..record(1, 2, 13, true) };
    hook.arrives(underlay(2), ANNOUNCEMENTS, &about(2, RecordKind::Announce, vip(), remade));
    hook.settle();
    let claim = havip_wire::build::gratuitous_arp(mac(11), hook::VIP);
    hook.sends(11, &claim);
    hook.counted(&[("claim_incarnation", 1)]);
    assert_eq!(hook.record(), Some(remade));

    hook.order(Order::Prepare { key: vip(), incarnation: Incarnation(6) });
    let address = Address::Vip {
        subnet: subnet_of(10),
        incarnation: Incarnation(6),
        subnet_binding: false,
        hold: false,
    };
    hook.put(EntryKey::Address(vni(), hook::VIP.into()), Entry::Address(address));
    hook.sends(11, &claim);
    let record = hook.record().unwrap();
    assert_eq!((record.incarnation, record.holder.port), (Incarnation(6), port(11)));
}

#[test]
fn a_doubt_becomes_an_ask_and_the_answer_alive() {
    let mut hook = Hook::new("doubt");
    hook.holds(11);
    let held = hook.record().unwrap();
    hook.arrives(underlay(2), ANNOUNCEMENTS, &about(2, RecordKind::Doubt, vip(), held));
    hook.left_by("p11", 1);
    hook.counted(&[("as_great", 1), ("doubt_heard", 1), ("asked", 1)]);

    hook.sends(11, &frame(mac(11), VIRTUAL_MAC).arp(arp_reply(mac(11), hook::VIP, VIRTUAL_MAC, GATEWAY)));
    hook.counted(&[("alive_sent", 1), ("announced", 2), ("arp_consumed", 1)]);
    for frame in hook.left_by("ov", 2) {
        let kind = RecordKind::Alive;
        assert_eq!(read(&frame).message, Message::Record { kind, key: vip(), record: held });
    }

    // And the other way round: our doubt, their answer.
    let theirs = record(held.epoch.0 + 1, 2, 13, false);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &about(2, RecordKind::Announce, vip(), theirs));
    hook.settle();
    assert_eq!(hook.order(Order::Doubt { key: vip(), record: theirs }), Outcome::Done);
    let kind = RecordKind::Doubt;
    assert_eq!(read(&hook.left_by("ov", 1)[0]).message, Message::Record { kind, key: vip(), record: theirs });
    assert_eq!(hook.order(Order::Doubt { key: vip(), record: held }), Outcome::Unchanged);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &about(2, RecordKind::Alive, vip(), theirs));
    let [SwitchEvent::Notice { notice: Notice::Alive { record, .. }, .. }] = hook.told()[..] else {
        panic!("not told")
    };
    assert_eq!(record, theirs);
}

#[test]
fn packets_of_other_hosts_are_delivered_here_or_dropped() {
    let mut hook = Hook::new("arrive");
    let to = |destination: Ipv4Addr| frame(mac(13), VIRTUAL_MAC).ip(own(13), destination).ttl(1).ping(1, 1);
    let ran = hook.arrives(underlay(2), 100, &to(own(11)));
    let delivered = frame(mac(13), mac(11)).ip(own(13), own(11)).ttl(1).ping(1, 1);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, delivered));
    hook.counted(&[("delivered", 1)]);

    hook.order(Order::Merge { key: vip(), record: record(10, 3, 14, false) });
    hook.settle();
    for (reason, destination) in
        [("not_here", own(13)), ("no_route", Ipv4Addr::new(10, 0, 0, 222)), ("target_odd", GATEWAY)]
    {
        assert_eq!(hook.arrives(underlay(2), 100, &to(destination)).verdict, DROPPED, "{reason}");
        hook.counted(&[(reason, 1)]);
    }
    hook.arrives(underlay(2), 101, &to(own(11)));
    hook.counted(&[("vni_unknown", 1)]); // another VPC
}

#[test]
fn a_packet_for_a_vip_held_elsewhere_is_passed_on_there_and_its_sender_is_told() {
    let mut hook = Hook::new("passes");
    let held = record(10, 3, 14, false);
    hook.order(Order::Merge { key: vip(), record: held });
    hook.settle();
    let small = frame(mac(13), VIRTUAL_MAC).ip(own(13), hook::VIP).ttl(64).ping(1, 1);
    let large = frame(mac(13), VIRTUAL_MAC).ip(own(13), hook::VIP).ttl(64).udp(7, 8, &[0x5a; 1400]);
    let mut told = 0;
    let began = Instant::now();
    // Long enough for several milliseconds, in each of which the sender is told once.
    for bytes in [&small, &large].into_iter().cycle() {
        if told >= 6 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "told only {told} times");
        let ran = hook.arrives(underlay(2), 100, bytes);
        if ran.verdict == REDIRECTED {
            // Its sender was told within this millisecond.
            assert_eq!(&ran.frame, bytes, "not a byte has changed");
            hook.counted(&[("passed_on", 1)]);
            continue;
        }
        assert_eq!(ran.verdict, DROPPED);
        hook.counted(&[("passed_on", 1), ("sender_told", 1)]);
        let left = hook.left_by("ov", 2);
        assert_eq!(&left[0], bytes, "not a byte has changed");
        let said = read(&left[1]);
        let message = announce(RecordKind::Announce, held);
        assert_eq!(said, Announcement { from: host(1), hops: 1, nonce: 0, sent_at: said.sent_at, message });
        // Behind it, where a device may still write a checksum, is what its reader ignores.
        let head = Ethernet::LEN + Announcement::LEN;
        assert_eq!(left[1][head..], bytes[Ethernet::LEN..][..left[1].len() - head]);
        assert!(left[1].len() <= head + 78);
        told += 1;
    }
    assert_eq!(hook.record(), Some(held));
}

#[test]
fn a_packet_that_was_passed_on_is_delivered_or_dropped_but_never_passed_on_again() {
    const MARK: u32 = 1 << 23;
    let mut hook = Hook::new("marked");
    let packet = frame(mac(13), VIRTUAL_MAC).ip(own(13), hook::VIP).ttl(64).ping(1, 1);
    hook.holds(11);
    let ran = hook.arrives(underlay(3), 100 | MARK, &packet);
    let delivered = frame(mac(13), mac(11)).ip(own(13), hook::VIP).ttl(64).ping(1, 1);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, delivered));
    hook.counted(&[("delivered", 1)]);

    let present = hook.record().unwrap();
    let elsewhere = Record { epoch: Epoch(present.epoch.0 + 1), ..record(0, 2, 13, false) };
    hook.order(Order::Merge { key: vip(), record: elsewhere });
    hook.settle();
    let arp = frame(mac(13), MacAddr::BROADCAST).arp(arp_reply(mac(13), hook::VIP, mac(13), own(13)));
    for (reason, vni, bytes) in [
        ("not_holder", 100 | MARK, &packet),
        ("vni_unknown", 101 | MARK, &packet),
        ("vni_marked", 100 | MARK, &arp),
        ("vni_reserved", MARK, &packet),
        ("vni_reserved", 100 | MARK | 1 << 22, &packet),
    ] {
        assert_eq!(hook.arrives(underlay(3), vni, bytes).verdict, DROPPED, "{reason}");
        hook.counted(&[(reason, 1)]);
    }
    hook.left_by("ov", 0);
}

#[test]
fn a_relay_passes_an_announcement_on_once_and_what_was_passed_on_no_further() {
    let mut hook = Hook::new("relay");
    hook.put(EntryKey::Host(host(4)), Entry::Host { underlay: underlay(4).into() });
    hook.put(EntryKey::Relayed(vni()), Entry::Members { hosts: [2, 3, 4].map(host).to_vec() });
    let tell = |hops, kind, record| {
        let announcement =
            Announcement { from: host(2), hops, nonce: 0, sent_at: 0, message: announce(kind, record) };
        frame(MacAddr([2, 0x68, 0x76, 0, 0, 0]), MacAddr::BROADCAST).announcement(&announcement)
    };
    let first = record(10, 2, 13, false);

    for outcome in ["applied", "as_great"] {
        hook.arrives(underlay(2), ANNOUNCEMENTS, &tell(0, RecordKind::Announce, first));
        hook.counted(&[(outcome, 1), ("relayed", 2)]);
        let onward = tell(1, RecordKind::Announce, first);
        assert_eq!(hook.left_by("ov", 2), [onward.clone(), onward], "to 3 and 4, not to its maker");
    }
    hook.arrives(underlay(2), ANNOUNCEMENTS, &tell(0, RecordKind::Alive, first));
    hook.counted(&[("as_great", 1), ("relayed", 2)]);
    hook.left_by("ov", 2);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &tell(0, RecordKind::Doubt, first));
    hook.counted(&[("as_great", 1), ("doubt_heard", 1)]);

    // Host 3 passed on what host 2 made: it is believed, goes no further, and its maker is answered.
    hook.told();
    let second = record(11, 2, 13, false);
    hook.arrives(underlay(3), ANNOUNCEMENTS, &tell(1, RecordKind::Announce, second));
    assert_eq!(hook.record(), Some(second));
    hook.counted(&[("applied", 1)]);
    let [SwitchEvent::Notice { from, .. }] = hook.told()[..] else { panic!("not told") };
    assert_eq!(from, Some(host(2)));
    hook.arrives(underlay(3), ANNOUNCEMENTS, &tell(1, RecordKind::Announce, first));
    hook.counted(&[("corrected", 1)]);
    let left = hook.left_by("ov", 1);
    let answer = read(&left[0]);
    assert_eq!(
        answer.message,
        announce(RecordKind::Announce, second),
        "what was displaced here is not corrected"
    );
    assert_eq!(answer.hops, 1, "nor passed on");
    let between = record(10, 3, 13, false);
    hook.arrives(underlay(3), ANNOUNCEMENTS, &about(3, RecordKind::Announce, vip(), between));
    hook.counted(&[("corrected", 1)]);
    assert_eq!(read(&hook.left_by("ov", 1)[0]).message, announce(RecordKind::Correction, second));

    // Nobody relays more than one hop, or anything but announcements and answers to doubts.
    for (hops, kind) in [(0, RecordKind::Announce), (2, RecordKind::Announce), (1, RecordKind::Doubt)] {
        hook.arrives(underlay(3), ANNOUNCEMENTS, &tell(hops, kind, record(12, 2, 13, false)));
        hook.counted(&[("announcement_host", 1)]);
    }
    assert_eq!(hook.record(), Some(second));
    hook.left_by("ov", 0);
}
