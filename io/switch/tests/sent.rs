//! When a holder sent as the VIP: what an outage is measured by.

mod hook;

use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::{Sent, SwitchEvent};
use havip_wire::build::frame;
use hook::{DROPPED, Hook, REDIRECTED, VIP, VIRTUAL_MAC, mac, own, port, vip};
use std::time::Duration;

/// A packet that the port sends as the VIP to port 21.
fn as_vip(number: u32) -> Vec<u8> {
    frame(mac(number), VIRTUAL_MAC).ip(VIP, own(21)).ping(1, 1)
}

fn sent(hook: &Hook) -> Option<Sent> {
    hook.switch.record_and_sent(vip()).unwrap().1
}

#[test]
fn the_first_packet_of_each_holder_is_told_with_the_last_one_before_it() {
    let mut hook = Hook::new("sent-first");
    hook.holds(11);
    assert_eq!(sent(&hook), None);

    for _ in 0..3 {
        assert_eq!(hook.sends(11, &as_vip(11)).verdict, REDIRECTED);
    }
    let first = hook.record().unwrap();
    let [SwitchEvent::Serves { at, key, epoch, holder, before_at: None }] = hook.told()[..] else {
        panic!("one event for the first packet")
    };
    assert_eq!((key, epoch, holder), (vip(), first.epoch, first.holder));
    let of_first = sent(&hook).unwrap();
    assert_eq!((of_first.epoch, of_first.first_at, of_first.before_at), (first.epoch, at, None));

    // Two milliseconds later the last packet is another one.
    let later = of_first.last_at + Duration::from_millis(2);
    hook::eventually(Duration::from_secs(5), "a later packet is noted", || {
        hook.sends(11, &as_vip(11));
        sent(&hook).unwrap().last_at >= later
    });
    assert_eq!(hook.told(), []);
    let last_at = sent(&hook).unwrap().last_at;

    hook.holds(12);
    assert_eq!(hook.sends(11, &as_vip(11)).verdict, DROPPED, "it does not hold the VIP any more");
    assert_eq!(sent(&hook).unwrap().last_at, last_at);
    assert_eq!(hook.sends(12, &as_vip(12)).verdict, REDIRECTED);

    let second = hook.record().unwrap();
    let told = hook.told();
    let serves = told.iter().find(|event| matches!(event, SwitchEvent::Serves { .. }));
    let Some(SwitchEvent::Serves { epoch, holder, before_at, .. }) = serves else { panic!("{told:?}") };
    assert_eq!((*epoch, *holder, *before_at), (second.epoch, second.holder, Some(last_at)));
    let of_second = sent(&hook).unwrap();
    assert_eq!((of_second.epoch, of_second.before_at), (second.epoch, Some(last_at)));
}

#[test]
fn only_the_holder_is_noted() {
    let mut hook = Hook::new("sent-only");
    hook.holds(11);
    hook.put(EntryKey::Entitled(vip(), port(12)), Entry::Entitled { direct_return: true });

    assert_eq!(hook.sends(12, &as_vip(12)).verdict, REDIRECTED, "it may send as the VIP without holding it");
    assert_eq!(
        hook.sends(11, &frame(mac(11), VIRTUAL_MAC).ip(own(11), own(21)).ping(1, 1)).verdict,
        REDIRECTED
    );
    hook.released(11);
    assert_eq!(hook.sends(11, &as_vip(11)).verdict, DROPPED);

    assert_eq!(sent(&hook), None);
    assert!(!hook.told().iter().any(|event| matches!(event, SwitchEvent::Serves { .. })));
}
