//! Rules C1 to C4 in IPv6: which unsolicited advertisements are claims, and what each does.

mod hook;

use havip_claim::{Cause, Notice};
use havip_model::{Holder, MacAddr, MoveCause, PortState, Record};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::SwitchEvent;
use havip_wire::{Announcement, Ethernet, Message, RecordKind, build::frame};
use hook::six::{
    ALL_NODES, GATEWAY, Said, VIP, advertisement, announcement, announcing, group, link_local, own, vip,
};
use hook::{DROPPED, Hook, VIRTUAL_MAC, host, mac, port};
use std::net::Ipv6Addr;

/// What other hosts must get for this record, sent at the same time as what they got.
fn told_hosts(record: Record, sent: &[u8]) -> Vec<u8> {
    let message = Message::Record { kind: RecordKind::Announce, key: vip(), record };
    let sent_at = Announcement::decode(Ethernet::decode(sent).unwrap().payload).unwrap().sent_at;
    let announcement = Announcement { from: host(1), hops: 0, nonce: 0, sent_at, message };
    frame(MacAddr([2, 0x68, 0x76, 0, 0, 0]), MacAddr::BROADCAST).announcement(&announcement)
}

/// Every form in which software announces an address of IPv6.
fn forms(of: MacAddr, address: Ipv6Addr) -> Vec<(String, Vec<u8>)> {
    let mut forms = vec![];
    for (from, source) in [("itself", address), ("its own", own(11)), ("link-local", link_local(mac(11)))] {
        for (to, mac, destination) in [
            ("all", group(ALL_NODES), ALL_NODES),
            ("all by broadcast", MacAddr::BROADCAST, ALL_NODES),
            ("one", mac(12), own(12)),
            ("the gateway", VIRTUAL_MAC, GATEWAY),
        ] {
            for router in [false, true] {
                let said = Said { router, ..announcing(of) };
                let plain = advertisement(of, mac, source, destination, address, said);
                for (padding, length) in [("none", plain.len()), ("long", 300)] {
                    let mut padded = plain.clone();
                    padded.resize(length, 0xa5);
                    forms.push((format!("from {from} to {to}, router {router}, padding {padding}"), padded));
                }
            }
        }
    }
    forms
}

#[test]
fn every_form_of_unsolicited_advertisement_is_a_claim() {
    let mut hook = Hook::six("naforms");
    for (form, bytes) in forms(mac(11), VIP) {
        hook.vacate6();

        let ran = hook.sends(11, &bytes);

        assert_eq!(ran.verdict, DROPPED, "{form}");
        let record = hook.record6().unwrap_or_else(|| panic!("no claim: {form}"));
        let holder = Holder { host: host(1), port: port(11) };
        assert_eq!((record.holder, record.mac, record.moves), (holder, mac(11), 1), "{form}");
        hook.counted(&[("claim_made", 1), ("announced", 2)]);
        let sent = hook.left_by("ov", 2);
        let expected = told_hosts(record, &sent[0]);
        assert_eq!(sent, [expected.clone(), expected], "{form}");
        let [SwitchEvent::Notice { notice, from: None, .. }] = hook.told()[..] else { panic!("{form}") };
        let cause = Cause::Here(MoveCause::Claim);
        assert_eq!(notice, Notice::Moved { key: vip(), record, before: None, cause }, "{form}");
    }
}

#[test]
fn a_claim_of_ipv6_may_come_from_the_vrrp_mac_and_the_record_keeps_it() {
    let mut hook = Hook::six("navmac");
    let vmac = MacAddr::vrrp(true, 51);
    hook.sends(11, &announcement(vmac, VIP));
    assert_eq!(hook.record6().unwrap().mac, vmac);
    hook.counted(&[("claim_made", 1), ("announced", 2)]);
    hook.refuses(21, "source_mac", &announcement(vmac, VIP)); // associated with nothing
}

#[test]
fn the_holder_of_ipv6_refreshes_and_another_entitled_port_takes_over() {
    let mut hook = Hook::six("natakeover");
    hook.sends(11, &announcement(mac(11), VIP));
    let first = hook.record6().unwrap();
    hook.settle();
    for _ in 0..5 {
        hook.sends(11, &announcement(mac(11), VIP));
    }
    assert_eq!(hook.record6(), Some(first), "no new epoch");
    hook.counted(&[("claim_refreshed", 5), ("announced", 2)]);

    hook.sends(12, &announcement(mac(12), VIP));
    let second = hook.record6().unwrap();
    assert!(second.outranks(&first));
    assert_eq!((second.holder.port, second.moves), (port(12), 2));
    assert_eq!(hook.record(), None, "the VIP of IPv4 is another one");
}

#[test]
fn announcements_of_ipv6_by_the_wrong_are_refused_by_reason_and_change_nothing() {
    let mut hook = Hook::six("narefused");
    hook.holds6(12);
    let held = hook.record6();
    let stranger = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x77);
    let say = |number: u32, target| announcement(mac(number), target);
    let rows: &[(&str, u32, Vec<u8>, Ipv6Addr)] = &[
        ("claim_other_subnet", 21, say(21, VIP), VIP),
        ("claim_of_address", 11, say(11, own(12)), own(12)),
        ("claim_of_gateway", 11, say(11, GATEWAY), GATEWAY),
        ("claim_unknown", 11, say(11, stranger), stranger),
        ("claim_of_address", 11, say(11, link_local(mac(12))), link_local(mac(12))),
        ("claim_of_gateway", 11, say(11, link_local(VIRTUAL_MAC)), link_local(VIRTUAL_MAC)),
        ("claim_unknown", 11, say(11, "fe80::1".parse().unwrap()), "fe80::1".parse().unwrap()),
        (
            "nd_mac",
            11,
            advertisement(mac(11), group(ALL_NODES), VIP, ALL_NODES, VIP, announcing(mac(12))),
            VIP,
        ),
    ];
    for (reason, number, bytes, about) in rows {
        hook.told();
        hook.refuses(*number, reason, bytes);
        assert_eq!(hook.record6(), held, "{reason}");
        hook.left_by("ov", 0);
        // Each pair of port and reason is reported once a second.
        if let [SwitchEvent::Refused { reason: told, port: by, address, .. }] = hook.told()[..] {
            assert_eq!(havip_switch::reason_name(told), *reason);
            assert_eq!((by, address), (Some(port(*number)), Some((*about).into())));
        }
    }
    hook.remove(EntryKey::Entitled(vip(), port(11)));
    hook.refuses(11, "claim_not_associated", &say(11, VIP));
    let [SwitchEvent::Refused { address, mac: by, .. }] = hook.told()[..] else { panic!("not reported") };
    assert_eq!((address, by), (Some(VIP.into()), mac(11)));
    hook.put(EntryKey::Entitled(vip(), port(11)), Entry::Entitled { direct_return: true });
    hook.refuses(11, "claim_not_associated", &say(11, VIP)); // it may send as the VIP, never announce it
    hook.plug(11, PortState::Inactive, true);
    hook.refuses(11, "port_inactive", &say(11, VIP));
    assert_eq!(hook.record6(), held);
}

#[test]
fn an_announcement_of_the_own_address_of_ipv6_is_taken_silently() {
    let mut hook = Hook::six("naown");
    for address in [own(11), link_local(mac(11))] {
        for (form, bytes) in forms(mac(11), address) {
            assert_eq!(hook.sends(11, &bytes).verdict, DROPPED, "{form}");
            hook.counted(&[("nd_consumed", 1)]);
        }
    }
}
