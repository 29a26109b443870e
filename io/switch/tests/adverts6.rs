//! VRRPv3 in IPv6: whom adverts reach, what their silence says, and what a port hears for a dead sender.

mod hook;

use havip_assist::Speech;
use havip_claim::{Notice, Order};
use havip_model::{MacAddr, PortState, Record};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::{Outcome, SwitchEvent};
use havip_wire::{
    Announcement, ChecksumForm, Ethernet, Message, Protocol, RecordKind, Vrrp, VrrpVersion, build::frame,
};
use hook::six::{GATEWAY, Said, VIP, advertisement, announcing, group, link_local, own, ping, vip};
use hook::{DROPPED, Hook, REDIRECTED, VIRTUAL_MAC, eventually, host, mac, port, underlay};
use std::{net::Ipv6Addr, time::Duration};

const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// Where a multicast advert of subnet 1 is sent between hosts.
const BETWEEN_HOSTS: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 1]);

fn vrrp(priority: u8) -> Vrrp {
    every(priority, 100)
}
fn every(priority: u8, interval_centis: u16) -> Vrrp {
    let version = VrrpVersion::V3 { interval_centis, checksum: ChecksumForm::Pseudo };
    Vrrp { vrid: 51, priority, version, addresses: vec![VIP.into()] }
}
/// As keepalived sends to a peer: from its link-local address, or from one that its file says.
fn advert(from: u32, to: u32, vrrp: &Vrrp) -> Vec<u8> {
    frame(mac(from), mac(to)).ip6(link_local(mac(from)), link_local(mac(to))).vrrp(vrrp)
}
fn to_group(from: u32, to_mac: MacAddr, vrrp: &Vrrp) -> Vec<u8> {
    frame(mac(from), to_mac).ip6(link_local(mac(from)), GROUP).vrrp(vrrp)
}

#[test]
fn an_advert_of_ipv6_passes_between_associated_ports_unchanged_but_for_the_mac() {
    let mut hook = Hook::six("adv6pass");
    let between = |from: u32, to: u32| {
        [
            advert(from, to, &vrrp(100)),
            frame(mac(from), mac(to)).ip6(own(from), own(to)).vrrp(&vrrp(100)),
            frame(mac(from), mac(to)).ip6(link_local(mac(from)), own(to)).vrrp(&vrrp(100)),
        ]
    };
    for (turn, sent) in between(11, 12).into_iter().enumerate() {
        let mut by_gateway = sent.clone();
        by_gateway[..6].copy_from_slice(&VIRTUAL_MAC.0);
        let ran = hook.sends(11, &by_gateway);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, sent));
        hook.counted(&[("delivered", 1)]);
        match hook.told()[..] {
            [SwitchEvent::AdvertSeen { port: seen, .. }] => assert_eq!((seen, turn), (port(11), 0)),
            [] => assert!(turn > 0, "the first one is told"),
            ref other => panic!("{other:?}"),
        }
    }
    for arrived in between(13, 12) {
        assert_eq!(hook.arrives(underlay(2), 100, &arrived).frame, arrived);
        hook.counted(&[("delivered", 1)]);
    }
    for sent in between(11, 13) {
        let ran = hook.sends(11, &sent);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, sent), "to another host");
        hook.counted(&[("sent_remote", 1)]);
    }
}

#[test]
fn a_strangers_advert_of_ipv6_naming_the_vip_does_not_reach_an_associated_port() {
    let mut hook = Hook::six("adv6stranger");
    hook.remove(EntryKey::Entitled(vip(), port(11)));
    hook.remove(EntryKey::Entitled(vip(), port(13)));
    for priority in [0, 255] {
        hook.refuses(11, "advert_stranger", &advert(11, 12, &vrrp(priority)));
        let refused = hook.told().into_iter().find_map(|event| match event {
            SwitchEvent::Refused { address, .. } => Some(address),
            _ => None,
        });
        if priority == 0 {
            assert_eq!(refused, Some(Some(link_local(mac(11)).into())), "told at once, then once a second");
        }
    }
    hook.arrives(underlay(2), 100, &advert(13, 12, &vrrp(0)));
    hook.counted(&[("advert_stranger", 1)]);

    hook.put(EntryKey::AdvertSource(vip(), own(13).into()), Entry::AdvertSource);
    let permitted = frame(mac(13), mac(12)).ip6(own(13), own(12)).vrrp(&vrrp(0));
    assert_eq!(hook.arrives(underlay(2), 100, &permitted).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);

    // Before anybody is associated, instances elect a master among themselves.
    hook.remove(EntryKey::Entitled(vip(), port(12)));
    assert_eq!(hook.sends(11, &advert(11, 12, &vrrp(100))).verdict, REDIRECTED);
    hook.counted(&[("delivered", 1)]);
}

#[test]
fn an_advert_of_ipv6_that_cannot_be_judged_or_lies_is_dropped() {
    let mut hook = Hook::six("adv6bad");
    let whole = advert(11, 12, &vrrp(100));
    let payload = &whole[54..];
    let packet = || frame(mac(11), mac(12)).ip6(link_local(mac(11)), own(12)).hop_limit(255);
    let padding = [112, 0, 1, 4, 0, 0, 0, 0];
    let fragment = |place: u8| [112, 0, 0, place, 0, 0, 0, 9];
    for bytes in [
        packet().raw(Protocol(60), &[&padding, payload].concat()),
        packet().raw(Protocol(0), &[&padding, payload].concat()),
        packet().raw(Protocol(44), &[&fragment(0), payload].concat()),
        packet().raw(Protocol(44), &[&fragment(1), payload].concat()),
        packet().raw(Protocol(44), &[&fragment(8), payload].concat()),
        packet().raw(Protocol(51), &[&[112, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], payload].concat()),
        packet().raw(Protocol::VRRP, &payload[..7]),
        packet().raw(Protocol::VRRP, &payload[..20]),
        advert(11, 12, &Vrrp { addresses: vec![VIP.into(); 21], ..vrrp(100) }),
    ] {
        hook.refuses(11, "advert_malformed", &bytes);
    }
    let from = |source| frame(mac(11), mac(12)).ip6(source, own(12)).vrrp(&vrrp(100));
    hook.refuses(11, "source_address", &from(link_local(mac(12))));
    hook.refuses(11, "source_address", &from(own(12)));
    hook.refuses(11, "vip_not_held", &from(VIP));
    hook.refuses(11, "source_odd", &from(Ipv6Addr::UNSPECIFIED));
    let routers: Ipv6Addr = "ff02::2".parse().unwrap();
    let elsewhere = frame(mac(11), group(routers)).ip6(link_local(mac(11)), routers).vrrp(&vrrp(100));
    hook.refuses(11, "multicast", &elsewhere);
    let far = frame(mac(11), VIRTUAL_MAC).ip6(link_local(mac(11)), own(21)).vrrp(&vrrp(100));
    hook.sends(11, &far);
    hook.counted(&[("scope", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_multicast_advert_of_ipv6_reaches_the_associated_and_those_that_advertise_themselves() {
    let mut hook = Hook::six("adv6multi");
    let sent = to_group(11, group(GROUP), &vrrp(100));
    assert_eq!(hook.sends(11, &sent).verdict, DROPPED, "clones go, the packet itself is consumed");
    assert_eq!(hook.left_by("p12", 1), std::slice::from_ref(&sent));
    let between = to_group(11, BETWEEN_HOSTS, &vrrp(100));
    assert_eq!(hook.left_by("ov", 2), [between.clone(), between], "with the subnet for a MAC");
    hook.left_by("p11", 0);
    hook.left_by("p21", 0);
    hook.counted(&[("delivered", 1), ("advert_flooded", 1)]);

    let (arrived, given) = (to_group(13, BETWEEN_HOSTS, &vrrp(100)), to_group(13, group(GROUP), &vrrp(100)));
    hook.arrives(underlay(2), 100, &arrived);
    assert_eq!(hook.left_by("p11", 1), std::slice::from_ref(&given));
    assert_eq!(hook.left_by("p12", 1), std::slice::from_ref(&given));
    hook.counted(&[("delivered", 2), ("advert_flooded", 1)]);

    // In another subnet nobody has the link-local address.
    hook.arrives(underlay(2), 100, &to_group(13, MacAddr([0x33, 0x33, 0, 0, 0, 2]), &vrrp(100)));
    hook.counted(&[("advert_stranger", 1)]);
    // A relay passes it on as it came, once.
    hook.put(EntryKey::Relayed(hook::vni()), Entry::Members { hosts: vec![host(2), host(3)] });
    hook.arrives(underlay(2), 100, &arrived);
    assert_eq!(hook.left_by("ov", 1), std::slice::from_ref(&arrived));
    hook.arrives(underlay(2), 0x80_0064, &arrived);
    hook.left_by("ov", 0);
    hook.counted(&[("delivered", 4), ("advert_flooded", 2), ("relayed", 1)]);
    hook.settle();

    // A stranger's reaches nobody who is associated.
    hook.remove(EntryKey::Entitled(vip(), port(11)));
    hook.sends(11, &to_group(11, group(GROUP), &vrrp(0)));
    hook.left_by("p12", 0);
    hook.counted(&[("advert_flooded", 1), ("advert_stranger", 1)]);

    // Nobody associated: those that advertised lately elect a master among themselves.
    for number in [12, 13] {
        hook.remove(EntryKey::Entitled(vip(), port(number)));
    }
    let sent = to_group(12, group(GROUP), &vrrp(50));
    hook.sends(12, &sent);
    assert_eq!(hook.left_by("p11", 1), [sent], "11 advertised a moment ago");
    hook.left_by("p21", 0);
}

#[test]
fn one_port_cannot_have_multicast_adverts_of_ipv6_copied_without_limit() {
    let hook = Hook::six("adv6limit");
    let sent = to_group(11, group(GROUP), &vrrp(100));
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

#[test]
fn an_answer_of_ipv6_says_whether_the_port_advertised_lately() {
    let mut hook = Hook::six("adv6lately");
    for expected in [false, true] {
        if expected {
            hook.sends(11, &advert(11, 12, &vrrp(100)));
        }
        hook.order(Order::Ask { key: vip(), port: port(11) });
        hook.told();
        let said = Said { solicited: true, ..announcing(mac(11)) };
        hook.sends(11, &advertisement(mac(11), VIRTUAL_MAC, VIP, GATEWAY, VIP, said));
        let [SwitchEvent::Notice { notice: Notice::Answered { advertised_recently, .. }, .. }] =
            hook.told()[..]
        else {
            panic!("no answer")
        };
        assert_eq!(advertised_recently, expected);
    }
}

#[test]
fn a_holder_of_ipv6_whose_adverts_stop_while_anothers_go_on_is_reported() {
    let mut hook = Hook::six("adv6stall");
    hook.holds6(12);
    let held = hook.record6().unwrap();
    hook.sends(12, &advert(12, 11, &every(100, 2)));
    hook.told();
    eventually(Duration::from_secs(1), "the holder is reported", || {
        hook.sends(11, &advert(11, 12, &every(200, 2)));
        hook.told().into_iter().any(|event| {
            matches!(event, SwitchEvent::Notice { notice: Notice::Stalled { record, .. }, .. } if record == held)
        })
    });
    hook.settle();
    // The advertiser is on another host: that host is told.
    eventually(Duration::from_secs(1), "host 2 is told", || {
        hook.arrives(underlay(2), 100, &advert(13, 12, &every(200, 2)));
        hook.sent("ov").iter().any(|bytes| {
            let said = Announcement::decode(Ethernet::decode(bytes).unwrap().payload).unwrap().message;
            said == Message::Record { kind: RecordKind::AdvertStalled, key: vip(), record: held }
        })
    });
}

/// What is said to the port for port 13 of host 2.
fn speech(to: u32, source: Ipv6Addr, record: Record) -> Speech {
    Speech {
        to: port(to),
        source: source.into(),
        router: 51,
        key: vip(),
        record,
        heir: port(to),
        names: vec![(vip(), vec![port(to)])],
        interval: Duration::from_secs(1),
    }
}

#[test]
fn a_port_hears_the_last_advert_of_ipv6_once_more_with_priority_0() {
    let mut hook = Hook::six("spk6");
    let held = hook.held6_elsewhere();
    let with = |count: usize| Vrrp { addresses: vec![VIP.into(); count], ..vrrp(100) };
    for (what, vrrp) in [
        ("one address", vrrp(100)),
        ("most addresses", with(8)),
        ("priority 255", vrrp(255)),
        ("each 10 ms", every(100, 1)),
    ] {
        for (from_mac, source) in [
            (mac(13), link_local(mac(13))),
            (MacAddr::vrrp(true, 51), link_local(mac(13))),
            (mac(13), own(13)),
        ] {
            let to_port = |vrrp: &Vrrp| frame(from_mac, mac(12)).ip6(source, link_local(mac(12))).vrrp(vrrp);
            let given = to_port(&vrrp);
            assert_eq!(hook.arrives(underlay(2), 100, &given).verdict, REDIRECTED, "{what}");
            let [memory] = &hook.switch.delivered().unwrap()[..] else { panic!("{what}: not one memory") };
            assert_eq!(memory.frame, given, "{what}");
            assert_eq!(memory.advert(), Some(vrrp.clone()), "{what}");
            assert_eq!((memory.to, memory.sender, memory.router), (port(12), port(13), 51));
            assert_eq!(memory.source, std::net::IpAddr::from(source));
            hook.settle();
            let speech_to = |number| speech(number, source, held);
            assert_eq!(hook.switch.speak(&speech_to(12)).unwrap(), Outcome::Done, "{what}");
            assert_eq!(hook.left_by("p12", 1), [to_port(&vrrp.resigned())], "{what}");
            hook.counted(&[("spoken", 1)]);
            assert_eq!(hook.switch.speak(&speech_to(12)).unwrap(), Outcome::Unchanged, "once");

            // It lives after all.
            assert_eq!(hook.switch.take_back(&speech_to(12)).unwrap(), Outcome::Done, "{what}");
            assert_eq!(hook.left_by("p12", 1), std::slice::from_ref(&given), "{what}");
            hook.settle();

            // Multicast: each port has had a copy, with the group's own MAC.
            let all = |to_mac, vrrp: &Vrrp| frame(from_mac, to_mac).ip6(source, GROUP).vrrp(vrrp);
            hook.arrives(underlay(2), 100, &all(BETWEEN_HOSTS, &vrrp));
            for number in [11, 12] {
                assert_eq!(hook.left_by(&format!("p{number}"), 1), [all(group(GROUP), &vrrp)], "{what}");
            }
            hook.settle();
            for number in [11, 12] {
                assert_eq!(hook.switch.speak(&speech_to(number)).unwrap(), Outcome::Done, "{what}");
                let heard = hook.left_by(&format!("p{number}"), 1);
                assert_eq!(heard, [all(group(GROUP), &vrrp.resigned())], "{what}");
            }
            hook.counted(&[("spoken", 2)]);
            hook.forget_memories();
        }
    }
    // One that is longer than what is remembered takes the one before it away.
    let given = |vrrp: &Vrrp| frame(mac(13), mac(12)).ip6(own(13), own(12)).vrrp(vrrp);
    hook.arrives(underlay(2), 100, &given(&with(8)));
    assert_eq!(hook.switch.delivered().unwrap().len(), 1);
    assert_eq!(hook.arrives(underlay(2), 100, &given(&with(9))).verdict, REDIRECTED);
    assert_eq!(hook.switch.delivered().unwrap(), []);
    // Nor is one remembered that a port was not given.
    hook.plug(12, PortState::Inactive, true);
    hook.arrives(underlay(2), 100, &given(&with(1)));
    assert_eq!(hook.switch.delivered().unwrap(), []);
    assert_eq!(
        hook.arrives(underlay(2), 100, &ping(mac(13), mac(11), own(13), own(11), 64)).verdict,
        REDIRECTED
    );
}
