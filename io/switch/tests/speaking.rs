//! The memory of delivered adverts, and what a port hears for a dead sender (section 6 of the design).

mod hook;

use havip_assist::Speech;
use havip_claim::{Cause, Notice, Order, Release};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, MoveCause, PortState, Record};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::{Outcome, SwitchEvent};
use havip_wire::{
    Announcement, Authentication, ChecksumForm, Ethernet, Message, Protocol, RecordKind, Vrrp, VrrpVersion,
    build::frame,
};
use hook::{DROPPED, Hook, REDIRECTED, VIP, host, mac, own, port, underlay, vip};
use std::{net::Ipv4Addr, time::Duration};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const GROUP_MAC: MacAddr = MacAddr([1, 0, 0x5e, 0, 0, 0x12]);

fn v2(authentication: Authentication) -> VrrpVersion {
    VrrpVersion::V2 { interval_secs: 1, authentication }
}
fn v3(checksum: ChecksumForm) -> VrrpVersion {
    VrrpVersion::V3 { interval_centis: 100, checksum }
}
fn vrrp(version: VrrpVersion) -> Vrrp {
    Vrrp { vrid: 51, priority: 100, version, addresses: vec![VIP.into()] }
}
/// From port 13, which is on host 2.
fn to_port(number: u32, from_mac: MacAddr, vrrp: &Vrrp) -> Vec<u8> {
    frame(from_mac, mac(number)).ip(own(13), own(number)).vrrp(vrrp)
}
fn to_group(from_mac: MacAddr, vrrp: &Vrrp) -> Vec<u8> {
    frame(from_mac, GROUP_MAC).ip(own(13), GROUP).vrrp(vrrp)
}

/// Port 13 of host 2 holds the VIP.
fn held() -> Record {
    Record {
        incarnation: Incarnation(5),
        epoch: Epoch(1 << 20),
        holder: Holder { host: host(2), port: port(13) },
        released: false,
        mac: mac(13),
        moves: 1,
    }
}
fn released() -> Record {
    Record { released: true, ..held() }
}
fn speech(to: u32, record: Record) -> Speech {
    Speech {
        to: port(to),
        source: own(13).into(),
        router: 51,
        key: vip(),
        record,
        heir: port(to),
        names: vec![(vip(), vec![port(to)])],
        interval: Duration::from_secs(1),
    }
}

/// Host 2 says that its port 13 went down.
fn hears_that_13_is_down(hook: &mut Hook) {
    let message = Message::Record { kind: RecordKind::AnnounceDown, key: vip(), record: released() };
    let announcement = Announcement { from: host(2), hops: 0, nonce: 0, sent_at: 0, message };
    let bytes = frame(MacAddr::ZERO, MacAddr::BROADCAST).announcement(&announcement);
    hook.arrives(underlay(2), 0xff_ffff, &bytes);
}

fn scene(name: &str) -> Hook {
    let mut hook = Hook::new(name);
    assert_eq!(hook.order(Order::Merge { key: vip(), record: held() }), Outcome::Done);
    hook.settle();
    hook
}

#[test]
fn a_port_hears_the_last_advert_once_more_with_priority_0_whatever_its_form() {
    let mut hook = scene("spkforms");
    let many = vec![VIP.into(), own(21).into(), own(12).into()];
    for (what, vrrp) in [
        ("v2", vrrp(v2(Authentication::None))),
        ("v2 with a password", vrrp(v2(Authentication::Password(*b"1111\0\0\0\0")))),
        ("v2, three addresses", Vrrp { addresses: many.clone(), ..vrrp(v2(Authentication::None)) }),
        ("v2, most addresses", Vrrp { addresses: vec![VIP.into(); 20], ..vrrp(v2(Authentication::None)) }),
        ("v3 as keepalived sums it", vrrp(v3(ChecksumForm::Pseudo))),
        ("v3 as RFC 9568 sums it", vrrp(v3(ChecksumForm::Plain))),
        ("v3 as old ones sum it", vrrp(v3(ChecksumForm::PseudoMulticast))),
        ("v3, three addresses", Vrrp { addresses: many.clone(), ..vrrp(v3(ChecksumForm::Pseudo)) }),
        ("priority 255", Vrrp { priority: 255, ..vrrp(v3(ChecksumForm::Pseudo)) }),
    ] {
        for from_mac in [mac(13), MacAddr::vrrp(false, 51)] {
            let resigned = vrrp.resigned();
            let given = to_port(12, from_mac, &vrrp);
            assert_eq!(hook.arrives(underlay(2), 100, &given).verdict, REDIRECTED, "{what}");
            let [memory] = &hook.switch.delivered().unwrap()[..] else { panic!("{what}: not one memory") };
            assert_eq!(memory.frame, given, "{what}");
            assert_eq!(memory.advert(), Some(vrrp.clone()), "{what}");
            assert_eq!((memory.to, memory.sender, memory.router), (port(12), port(13), 51));
            hook.settle();
            assert_eq!(hook.switch.speak(&speech(12, held())).unwrap(), Outcome::Done, "{what}");
            assert_eq!(hook.left_by("p12", 1), [to_port(12, from_mac, &resigned)], "{what}");
            hook.counted(&[("spoken", 1)]);
            assert_eq!(hook.told(), []);
            assert_eq!(hook.switch.speak(&speech(12, held())).unwrap(), Outcome::Unchanged, "once");

            // It lives after all.
            assert_eq!(hook.switch.take_back(&speech(12, held())).unwrap(), Outcome::Done, "{what}");
            assert_eq!(hook.left_by("p12", 1), std::slice::from_ref(&given), "{what}");
            assert_eq!(hook.switch.take_back(&speech(12, held())).unwrap(), Outcome::Unchanged, "once");
            hook.counted(&[("spoken", 1)]);

            // Multicast: each port has had a copy.
            let given = to_group(from_mac, &vrrp);
            hook.arrives(underlay(2), 100, &given);
            assert_eq!(hook.left_by("p11", 1), std::slice::from_ref(&given), "{what}");
            assert_eq!(hook.left_by("p12", 1), [given], "{what}");
            hook.settle();
            for number in [11, 12] {
                assert_eq!(hook.switch.speak(&speech(number, held())).unwrap(), Outcome::Done, "{what}");
                let heard = hook.left_by(&format!("p{number}"), 1);
                assert_eq!(heard, [to_group(from_mac, &resigned)], "{what}");
            }
            hook.counted(&[("spoken", 2)]);
            hook.forget_memories();
        }
    }
}

#[test]
fn only_the_named_record_an_entitled_active_port_and_a_fresh_advert_let_the_switch_speak() {
    let mut hook = scene("spkwhen");
    let given = to_port(12, mac(13), &vrrp(v2(Authentication::None)));
    hook.arrives(underlay(2), 100, &given);
    hook.settle();
    let speak = |hook: &Hook, record| hook.switch.speak(&speech(12, record)).unwrap();
    assert_eq!(speak(&hook, released()), Outcome::Unchanged, "it is not released");
    hears_that_13_is_down(&mut hook);
    assert_eq!(speak(&hook, held()), Outcome::Unchanged, "it is released by now");
    assert_eq!(hook.switch.speak(&speech(11, released())).unwrap(), Outcome::Absent, "11 was given none");
    let other = Speech { router: 52, ..speech(12, released()) };
    assert_eq!(hook.switch.speak(&other).unwrap(), Outcome::Absent);

    hook.plug(12, PortState::Inactive, true);
    assert_eq!(speak(&hook, released()), Outcome::Refused);
    hook.plug(12, PortState::Active, true);
    hook.remove(EntryKey::Entitled(vip(), port(12)));
    assert_eq!(speak(&hook, released()), Outcome::Refused);
    hook.put(EntryKey::Entitled(vip(), port(12)), Entry::Entitled { direct_return: false });
    hook.left_by("p12", 0);
    assert_eq!(speak(&hook, released()), Outcome::Done);
    hook.left_by("p12", 1);

    // It resigned by itself: there is nothing to add.
    hook.arrives(underlay(2), 100, &to_port(12, mac(13), &vrrp(v2(Authentication::None)).resigned()));
    hook.settle();
    assert_eq!(speak(&hook, released()), Outcome::Refused);
    hook.left_by("p12", 0);
}

#[test]
fn the_port_that_hears_need_not_be_the_one_of_its_instance_that_may_claim() {
    let mut hook = scene("spkheir");
    hook.remove(EntryKey::Entitled(vip(), port(12)));
    let given = to_port(12, mac(13), &vrrp(v2(Authentication::None)));
    hook.arrives(underlay(2), 100, &given);
    hook.settle();
    let apart = Speech { heir: port(11), ..speech(12, held()) };
    for inactive in [11, 12] {
        hook.plug(inactive, PortState::Inactive, true);
        assert_eq!(hook.switch.speak(&apart).unwrap(), Outcome::Refused, "{inactive} is inactive");
        hook.plug(inactive, PortState::Active, true);
    }
    hook.left_by("p12", 0);
    assert_eq!(hook.switch.speak(&apart).unwrap(), Outcome::Done);
    hook.left_by("p12", 1);
}

#[test]
fn an_advert_behind_an_authentication_header_is_never_repeated_nor_the_one_before_it() {
    let hook = scene("spkah");
    let plain = to_port(12, mac(13), &vrrp(v2(Authentication::None)));
    let authenticated = |number: u32| {
        let advert = vrrp(v2(Authentication::Header([0; 8]))).encode(own(13).into(), own(number).into());
        let header = [&[112, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &[7; 12]].concat();
        frame(mac(13), mac(number))
            .ip(own(13), own(number))
            .ttl(255)
            .raw(Protocol(51), &[header, advert].concat())
    };
    hook.arrives(underlay(2), 100, &plain);
    assert_eq!(hook.switch.delivered().unwrap().len(), 1);
    assert_eq!(hook.arrives(underlay(2), 100, &authenticated(12)).verdict, REDIRECTED);
    assert_eq!(hook.switch.delivered().unwrap(), []);
    assert_eq!(hook.switch.speak(&speech(12, held())).unwrap(), Outcome::Absent);
}

#[test]
fn adverts_that_name_a_vip_are_remembered_also_before_anybody_is_associated() {
    let mut hook = scene("spkwho");
    let vrrp = vrrp(v2(Authentication::None));
    let from_11 = frame(mac(11), mac(12)).ip(own(11), own(12)).vrrp(&vrrp);
    // The vendors' order: keepalived first, association second. The next advert may come too late.
    for number in [11, 12] {
        hook.remove(EntryKey::Entitled(vip(), port(number)));
    }
    assert_eq!(hook.sends(11, &from_11).verdict, REDIRECTED);
    assert_eq!(hook.switch.delivered().unwrap().len(), 1);
    hook.forget_memories();
    // What a port is not given it is not given once more either.
    hook.put(EntryKey::Entitled(vip(), port(12)), Entry::Entitled { direct_return: false });
    assert_eq!(hook.sends(11, &from_11).verdict, DROPPED);
    // Nor what names no VIP.
    let named = Vrrp { addresses: vec![own(21).into()], ..vrrp };
    assert_eq!(hook.arrives(underlay(2), 100, &to_port(12, mac(13), &named)).verdict, REDIRECTED);
    assert_eq!(hook.switch.delivered().unwrap(), []);
    hook.settle();
}

#[test]
fn a_sender_of_many_virtual_routers_cannot_crowd_the_memory_out() {
    let hook = scene("spkcrowd");
    let began = std::time::Instant::now();
    for vrid in 1..=255 {
        let vrrp = Vrrp { vrid, ..vrrp(v2(Authentication::None)) };
        hook.arrives(underlay(2), 100, &to_port(12, mac(13), &vrrp));
    }
    let remembered = hook.switch.delivered().unwrap().len();
    let most = 64 + began.elapsed().as_millis() as usize / 500 + 1;
    assert!((64..=most).contains(&remembered), "{remembered} remembered, at most {most}");
}

#[test]
fn that_a_port_went_down_is_announced_heard_and_noted_and_anything_else_that_releases_is_not() {
    let mut hook = Hook::new("spkdown");
    let said = |hook: &Hook| {
        hook.left_by("ov", 2)
            .iter()
            .map(|bytes| Announcement::decode(Ethernet::decode(bytes).unwrap().payload).unwrap().message)
            .collect::<Vec<_>>()
    };
    for (only, cause, kind) in [
        (Release::Down(port(11)), MoveCause::PortDown, RecordKind::AnnounceDown),
        (Release::Port(port(11)), MoveCause::Released, RecordKind::Announce),
    ] {
        hook.holds(11);
        let before = hook.record();
        let record = Record { released: true, ..before.unwrap() };
        assert_eq!(hook.order(Order::Release { key: vip(), only }), Outcome::Done);
        let message = Message::Record { kind, key: vip(), record };
        assert_eq!(said(&hook), [message, message]);
        let [SwitchEvent::Notice { notice, .. }] = hook.told()[..] else { panic!("not told") };
        assert_eq!(notice, Notice::Moved { key: vip(), record, before, cause: Cause::Here(cause) });
        assert_eq!(hook.switch.history(vip()).unwrap().last().unwrap().cause, cause);
        hook.order(Order::Announce { key: vip() });
        assert_eq!(said(&hook), [message, message], "and again");
    }
    let expected = hook.record().unwrap();
    hook.settle();

    let theirs = Record { epoch: Epoch(expected.epoch.0 + 1), ..released() };
    for (kind, cause, noted) in [
        (RecordKind::Announce, Cause::Announced, MoveCause::Released),
        (RecordKind::AnnounceDown, Cause::AnnouncedDown, MoveCause::PortDown),
    ] {
        let before = hook.record();
        let record =
            Record { epoch: Epoch(theirs.epoch.0 + u64::from(kind == RecordKind::AnnounceDown)), ..theirs };
        let message = Message::Record { kind, key: vip(), record };
        let announcement = Announcement { from: host(2), hops: 0, nonce: 0, sent_at: 0, message };
        let bytes = frame(MacAddr::ZERO, MacAddr::BROADCAST).announcement(&announcement);
        hook.arrives(underlay(2), 0xff_ffff, &bytes);
        let [SwitchEvent::Notice { notice, .. }] = hook.told()[..] else { panic!("not told") };
        assert_eq!(notice, Notice::Moved { key: vip(), record, before, cause });
        assert_eq!(hook.switch.history(vip()).unwrap().last().unwrap().cause, noted);
    }

    // A lost host's record is released by another host, exactly.
    let theirs = Record { epoch: Epoch(theirs.epoch.0 + 9), ..held() };
    hook.order(Order::Merge { key: vip(), record: theirs });
    hook.settle();
    let only = Release::Exact(Record { epoch: Epoch(theirs.epoch.0 - 1), ..theirs });
    assert_eq!(hook.order(Order::Release { key: vip(), only }), Outcome::Unchanged);
    assert_eq!(hook.order(Order::Release { key: vip(), only: Release::Exact(theirs) }), Outcome::Done);
    let record = Record { released: true, ..theirs };
    assert_eq!(said(&hook), [Message::Record { kind: RecordKind::Announce, key: vip(), record }; 2]);
    assert_eq!(hook.switch.history(vip()).unwrap().last().unwrap().cause, MoveCause::HostLost);
}
