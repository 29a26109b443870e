//! VRRP adverts: whom they reach, and what their silence says (section 4 and rule C10 of the design).

mod hook;

use havip_claim::{Notice, Order};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record, VipKey};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::SwitchEvent;
use havip_wire::{
    Announcement, Arp, Authentication, Ethernet, Message, Protocol, RecordKind, Vrrp, VrrpVersion,
    build::frame,
};
use hook::{
    DROPPED, GATEWAY, Hook, REDIRECTED, VIP, VIRTUAL_MAC, arp_reply, eventually, host, mac, own, port,
    underlay, vip,
};
use std::{net::Ipv4Addr, time::Duration};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const GROUP_MAC: MacAddr = MacAddr([1, 0, 0x5e, 0, 0, 0x12]);

fn vrrp(priority: u8) -> Vrrp {
    let version = VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::None };
    Vrrp { vrid: 51, priority, version, addresses: vec![VIP.into()] }
}
fn fast(priority: u8) -> Vrrp {
    let version = VrrpVersion::V3 { interval_centis: 2, checksum: havip_wire::ChecksumForm::Pseudo };
    Vrrp { vrid: 51, priority, version, addresses: vec![VIP.into()] }
}
fn advert(from: u32, to: u32, vrrp: &Vrrp) -> Vec<u8> {
    frame(mac(from), mac(to)).ip(own(from), own(to)).vrrp(vrrp)
}

#[test]
fn an_advert_passes_between_associated_ports_unchanged_but_for_the_mac() {
    let mut hook = Hook::new("advpass");
    let ran = hook.sends(11, &advert(11, 12, &vrrp(100)));
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, advert(11, 12, &vrrp(100))));
    hook.counted(&[("delivered", 1)]);
    let [SwitchEvent::AdvertSeen { port: seen, .. }] = hook.told()[..] else { panic!("not told") };
    assert_eq!(seen, port(11));
    hook.sends(11, &advert(11, 12, &vrrp(100)));
    assert_eq!(hook.told(), [], "the first one only");

    let arrived = advert(13, 12, &vrrp(100));
    assert_eq!(hook.arrives(underlay(2), 100, &arrived).frame, arrived);
    hook.counted(&[("delivered", 2)]);
}

#[test]
fn a_strangers_advert_naming_the_vip_does_not_reach_an_associated_port() {
    let mut hook = Hook::new("advstranger");
    hook.remove(EntryKey::Entitled(vip(), port(11)));
    hook.remove(EntryKey::Entitled(vip(), port(13)));
    for priority in [0, 255] {
        assert_eq!(hook.sends(11, &advert(11, 12, &vrrp(priority))).verdict, DROPPED);
        hook.counted(&[("advert_stranger", 1)]);
    }
    hook.arrives(underlay(2), 100, &advert(13, 12, &vrrp(0)));
    hook.counted(&[("advert_stranger", 1)]);

    hook.put(EntryKey::AdvertSource(vip(), own(13).into()), Entry::AdvertSource);
    assert_eq!(hook.arrives(underlay(2), 100, &advert(13, 12, &vrrp(0))).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);

    // Before anybody is associated, instances elect a master among themselves.
    hook.remove(EntryKey::Entitled(vip(), port(12)));
    assert_eq!(hook.sends(11, &advert(11, 12, &vrrp(100))).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);
}

#[test]
fn a_strangers_multicast_advert_is_counted_for_each_port_that_is_not_given_it() {
    let mut hook = Hook::new("advstrangers");
    let to_group = |from: u32| frame(mac(from), GROUP_MAC).ip(own(from), GROUP).vrrp(&vrrp(0));
    hook.remove(EntryKey::Entitled(vip(), port(11)));
    hook.sends(11, &to_group(11));
    hook.left_by("p12", 0);
    hook.counted(&[("advert_flooded", 1), ("advert_stranger", 1)]);

    hook.put(EntryKey::Entitled(vip(), port(11)), Entry::Entitled { direct_return: false });
    hook.remove(EntryKey::Entitled(vip(), port(13)));
    hook.settle();
    hook.arrives(underlay(2), 100, &to_group(13));
    for device in ["p11", "p12"] {
        hook.left_by(device, 0);
    }
    hook.counted(&[("advert_flooded", 1), ("advert_stranger", 2)]);
}

#[test]
fn an_advert_that_cannot_be_judged_is_dropped() {
    let mut hook = Hook::new("advbad");
    let whole = advert(11, 12, &vrrp(100));
    let payload = &whole[34..];
    let ip = || frame(mac(11), mac(12)).ip(own(11), own(12)).ttl(255);
    for bytes in [
        ip().fragment(9, 0, true).raw(havip_wire::Protocol::VRRP, payload),
        ip().fragment(9, 1, false).raw(havip_wire::Protocol::VRRP, payload),
        ip().raw(havip_wire::Protocol::VRRP, &payload[..7]),
        ip().raw(havip_wire::Protocol::VRRP, &payload[..10]),
        advert(11, 12, &Vrrp { addresses: vec![VIP.into(); 21], ..vrrp(100) }),
    ] {
        assert_eq!(hook.sends(11, &bytes).verdict, DROPPED);
        hook.counted(&[("advert_malformed", 1)]);
    }
}

#[test]
fn a_multicast_advert_reaches_the_associated_and_those_that_advertise_themselves() {
    let mut hook = Hook::new("advmulti");
    let to_group = |from: u32, vrrp: &Vrrp| frame(mac(from), GROUP_MAC).ip(own(from), GROUP).vrrp(vrrp);
    let sent = to_group(11, &vrrp(100));
    assert_eq!(hook.sends(11, &sent).verdict, DROPPED, "clones go, the packet itself is consumed");
    assert_eq!(hook.left_by("p12", 1), std::slice::from_ref(&sent));
    assert_eq!(hook.left_by("ov", 2), [sent.clone(), sent.clone()]);
    hook.left_by("p11", 0);
    hook.left_by("p21", 0);
    hook.counted(&[("delivered", 1), ("advert_flooded", 1)]);

    let arrived = to_group(13, &vrrp(100));
    hook.arrives(underlay(2), 100, &arrived);
    assert_eq!(hook.left_by("p11", 1), std::slice::from_ref(&arrived));
    assert_eq!(hook.left_by("p12", 1), [arrived]);
    hook.counted(&[("delivered", 2), ("advert_flooded", 1)]);

    // Nobody associated: those that advertised lately elect a master among themselves.
    for number in [11, 12, 13] {
        hook.remove(EntryKey::Entitled(vip(), port(number)));
    }
    hook.sends(12, &to_group(12, &vrrp(50)));
    assert_eq!(hook.left_by("p11", 1), [to_group(12, &vrrp(50))], "11 advertised a moment ago");
    hook.left_by("p21", 0);
}

/// ucarp 1.5.2's advert of virtual host 1 with the skew 100, as captured: a counter and a hash, but no address.
const CARP: [u8; 36] = [
    0x21, 0x01, 0x64, 0x07, 0x00, 0x01, 0xa4, 0xc2, 0xfb, 0x08, 0xde, 0x00, 0x81, 0xd5, 0x2e, 0x08, 0x69,
    0x32, 0x2a, 0x8c, 0x02, 0x3f, 0xa8, 0x30, 0x38, 0x4d, 0x3f, 0xbe, 0x01, 0x4e, 0x79, 0x36, 0xfc, 0x5c,
    0x20, 0x31,
];
/// Where ucarp sends it from.
const UCARP_MAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 0, 1]);

fn carp(source: MacAddr, from: u32) -> Vec<u8> {
    frame(source, GROUP_MAC).ip(own(from), GROUP).ttl(255).raw(Protocol::VRRP, &CARP)
}

#[test]
fn a_carp_advert_reaches_those_who_share_a_vip_with_its_sender_and_nobody_else() {
    let mut hook = Hook::new("carpmulti");
    let by_broadcast =
        frame(UCARP_MAC, MacAddr::BROADCAST).ip(own(11), GROUP).ttl(255).raw(Protocol::VRRP, &CARP);
    for sent in [carp(UCARP_MAC, 11), carp(mac(11), 11), by_broadcast] {
        assert_eq!(hook.sends(11, &sent).verdict, DROPPED, "clones go, the packet itself is consumed");
        assert_eq!(hook.left_by("p12", 1), std::slice::from_ref(&sent));
        assert_eq!(hook.left_by("ov", 2), [sent.clone(), sent]);
        hook.left_by("p11", 0);
        hook.left_by("p21", 0);
        hook.counted(&[("delivered", 1), ("advert_flooded", 1)]);
    }
    let arrived = carp(UCARP_MAC, 13);
    hook.arrives(underlay(2), 100, &arrived);
    assert_eq!(hook.left_by("p11", 1), std::slice::from_ref(&arrived));
    assert_eq!(hook.left_by("p12", 1), std::slice::from_ref(&arrived));
    hook.counted(&[("delivered", 2), ("advert_flooded", 1)]);
    assert_eq!(hook.told(), [], "no VIP was advertised");

    // 12 shares no VIP with 11 and 13 any more, though it was heard a moment ago.
    hook.sends(12, &carp(UCARP_MAC, 12));
    hook.left_by("p11", 1);
    hook.settle();
    hook.remove(EntryKey::Entitled(vip(), port(12)));
    hook.arrives(underlay(2), 100, &arrived);
    hook.left_by("p11", 1);
    hook.left_by("p12", 0);
    hook.counted(&[("delivered", 1), ("advert_flooded", 1)]);

    // Another VIP joins it with 11 alone.
    let other = VipKey { address: Ipv4Addr::new(10, 0, 0, 101).into(), ..vip() };
    for number in [11, 12] {
        hook.put(EntryKey::Entitled(other, port(number)), Entry::Entitled { direct_return: false });
    }
    hook.sends(12, &carp(UCARP_MAC, 12));
    hook.left_by("p11", 1);
    hook.settle();
    hook.arrives(underlay(2), 100, &arrived);
    hook.left_by("p12", 0);

    // Of two VIPs that ports share the first may go.
    hook.put(EntryKey::Entitled(vip(), port(12)), Entry::Entitled { direct_return: false });
    hook.remove(EntryKey::Entitled(other, port(11)));
    hook.sends(11, &carp(UCARP_MAC, 11));
    hook.left_by("p12", 1);
}

#[test]
fn nothing_but_a_multicast_advert_of_an_associated_port_may_come_from_ucarp_s_mac() {
    let mut hook = Hook::new("carpmac");
    let group = || frame(UCARP_MAC, GROUP_MAC).ip(own(11), GROUP).ttl(255);
    for bytes in [
        frame(UCARP_MAC, MacAddr::BROADCAST).arp(Arp::gratuitous(UCARP_MAC, VIP)),
        frame(UCARP_MAC, mac(12)).ip(own(11), own(12)).ttl(255).raw(Protocol::VRRP, &CARP),
        group().udp(1, 2, b"x"),
        carp(MacAddr([0, 0, 0x5e, 0, 3, 1]), 11),
    ] {
        assert_eq!(hook.sends(11, &bytes).verdict, DROPPED);
        hook.counted(&[("source_mac", 1)]);
    }
    assert_eq!(hook.sends(11, &carp(UCARP_MAC, 12)).verdict, DROPPED, "with another's address");
    hook.counted(&[("source_address", 1)]);
    hook.remove(EntryKey::Entitled(vip(), port(11)));
    assert_eq!(hook.sends(11, &carp(UCARP_MAC, 11)).verdict, DROPPED, "by a port that is not associated");
    hook.counted(&[("source_mac", 1)]);
}

#[test]
fn an_advert_of_seven_addresses_is_not_taken_for_carp() {
    let mut hook = Hook::new("carpseven");
    hook.remove(EntryKey::Entitled(vip(), port(11)));
    let seven = Vrrp { addresses: vec![VIP.into(); 7], ..vrrp(100) };
    assert_eq!(hook.sends(11, &advert(11, 12, &seven)).verdict, DROPPED);
    hook.counted(&[("advert_stranger", 1)]);
}

#[test]
fn an_answer_says_whether_the_port_advertised_lately() {
    let mut hook = Hook::new("advlately");
    for (advertises, expected) in [(false, false), (true, true)] {
        if advertises {
            hook.sends(11, &advert(11, 12, &vrrp(100)));
        }
        hook.order(Order::Ask { key: vip(), port: port(11) });
        hook.told();
        hook.sends(11, &frame(mac(11), VIRTUAL_MAC).arp(arp_reply(mac(11), VIP, VIRTUAL_MAC, GATEWAY)));
        let [SwitchEvent::Notice { notice: Notice::Answered { advertised_recently, .. }, .. }] =
            hook.told()[..]
        else {
            panic!("no answer")
        };
        assert_eq!(advertised_recently, expected);
    }
}

#[test]
fn a_holder_whose_adverts_stop_while_anothers_go_on_is_reported() {
    let mut hook = Hook::new("advstall");
    hook.holds(12);
    let held = hook.record().unwrap();
    hook.sends(12, &advert(12, 11, &fast(100)));
    hook.told();
    let stalled = |hook: &mut Hook| {
        hook.told().into_iter().find_map(|event| match event {
            SwitchEvent::Notice { notice: Notice::Stalled { record, .. }, .. } => Some(record),
            _ => None,
        })
    };
    hook.sends(11, &advert(11, 12, &fast(200)));
    assert_eq!(stalled(&mut hook), None, "two intervals have not passed");
    eventually(Duration::from_secs(1), "the holder is reported", || {
        hook.sends(11, &advert(11, 12, &fast(200)));
        stalled(&mut hook) == Some(held)
    });
    hook.settle();

    // The advertiser is on another host: that host is told.
    eventually(Duration::from_secs(1), "host 2 is told", || {
        hook.arrives(underlay(2), 100, &advert(13, 12, &fast(200)));
        !hook.sent("ov").is_empty()
    });
    hook.settle();
    eventually(Duration::from_secs(1), "host 2 is told again an interval later", || {
        hook.arrives(underlay(2), 100, &advert(13, 12, &fast(200)));
        hook.sent("ov").iter().any(|bytes| {
            let said = Announcement::decode(Ethernet::decode(bytes).unwrap().payload).unwrap().message;
            said == Message::Record { kind: RecordKind::AdvertStalled, key: vip(), record: held }
        })
    });

    // And told by another host, the agent hears it.
    let theirs = Record {
        incarnation: Incarnation(5),
        epoch: Epoch(held.epoch.0 + 1),
        holder: Holder { host: host(2), port: port(13) },
        released: false,
        mac: mac(13),
        moves: 9,
    };
    hook.order(Order::Merge { key: vip(), record: theirs });
    hook.settle();
    let message = Message::Record { kind: RecordKind::AdvertStalled, key: vip(), record: theirs };
    let announcement = Announcement { from: host(2), hops: 0, nonce: 0, sent_at: 0, message };
    hook.arrives(
        underlay(2),
        0xff_ffff,
        &frame(MacAddr::ZERO, MacAddr::BROADCAST).announcement(&announcement),
    );
    assert_eq!(stalled(&mut hook), Some(theirs));
}

#[test]
fn one_port_cannot_have_multicast_adverts_copied_without_limit() {
    let hook = Hook::new("advlimit");
    let sent = frame(mac(11), GROUP_MAC).ip(own(11), GROUP).vrrp(&vrrp(100));
    let began = std::time::Instant::now();
    for _ in 0..1000 {
        hook.sends(11, &sent);
    }
    let ledger = hook.switch.ledger().unwrap();
    let (copied, limited) = (ledger["advert_flooded"], ledger["advert_limited"]);
    assert_eq!(copied + limited, 1000);
    // 100 at once, and 500 a second while the thousand are sent.
    let most = 100 + began.elapsed().as_millis() as u64 / 2 + 1;
    assert!((100..=most).contains(&copied), "{copied} copied, at most {most}");
}
