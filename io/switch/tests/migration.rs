//! Guests that go on at another host while they run: their first frame, their last, and what is sent to them between.

mod hook;

use havip_claim::Order;
use havip_model::{Epoch, Holder, Incarnation, MacAddr, PortState, Record};
use havip_switch::{Outcome, SwitchEvent};
use havip_wire::{
    Arp, EtherType,
    build::{frame, gratuitous_arp},
};
use hook::{DROPPED, Hook, REDIRECTED, VIP, host, mac, own, port, six, underlay, vip};
use std::time::Duration;

fn rarp(mac: MacAddr) -> Vec<u8> {
    frame(mac, MacAddr::BROADCAST).raw(EtherType::RARP, &Arp::gratuitous(mac, [0; 4].into()).encode())
}

fn held(on: u32, number: u32, epoch: u64) -> Record {
    Record {
        incarnation: Incarnation(5),
        epoch: Epoch(epoch),
        holder: Holder { host: host(on), port: port(number) },
        released: false,
        mac: mac(number),
        moves: 1,
    }
}

fn since_boot() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap().into()
}

#[test]
fn the_first_frame_of_an_awaited_guest_is_told_whatever_it_is_and_lost() {
    let mut hook = Hook::new("awaited");
    hook.await_guest(11);
    for bytes in [rarp(mac(11)), frame(mac(11), mac(12)).ip(own(11), own(12)).ttl(64).ping(1, 1)] {
        assert_eq!(hook.sends(11, &bytes).verdict, DROPPED);
        hook.counted(&[("port_inactive", 1)]);
        let [SwitchEvent::Arrived { port: told, .. }] = hook.told()[..] else { panic!("it was not told") };
        assert_eq!(told, port(11));
    }
    // Whatever stands there before the guest comes is not the guest.
    hook.sends(11, &rarp(mac(12)));
    assert_eq!(hook.told(), []);
    // A guest that is not awaited may be inactive for ever.
    hook.plug(11, PortState::Inactive, true);
    hook.sends(11, &rarp(mac(11)));
    assert_eq!(hook.told(), []);
    hook.plug(11, PortState::Active, true);
    hook.settle();
    hook.sends(11, &rarp(mac(11)));
    hook.counted(&[("rarp", 1)]);
}

#[test]
fn an_awaited_guest_that_shouts_is_told_16_times_at_once() {
    let mut hook = Hook::new("shouts");
    hook.await_guest(11);
    for _ in 0..40 {
        hook.sends(11, &rarp(mac(11)));
    }
    // More on a machine that needs half a second for it.
    assert!((16..20).contains(&hook.told().len()));
}

#[test]
fn a_guest_that_leaves_sends_and_receives_to_the_last_and_its_last_frame_is_known() {
    let mut hook = Hook::new("leaves");
    let ping = |from: u32, to: u32| frame(mac(from), mac(to)).ip(own(from), own(to)).ttl(64).ping(1, 1);
    hook.sends(11, &ping(11, 12));
    assert_eq!(hook.switch.departed_at(port(11)).unwrap(), None, "it does not leave");
    hook.plug(11, PortState::MigratingOut, true);
    hook.settle();

    let before = since_boot();
    assert_eq!(hook.sends(11, &ping(11, 12)).verdict, REDIRECTED);
    let departed_at = hook.switch.departed_at(port(11)).unwrap().unwrap();
    assert!((before..=since_boot()).contains(&departed_at));
    assert_eq!(hook.sends(12, &ping(12, 11)).verdict, REDIRECTED);
    hook.counted(&[("delivered", 2)]);
    assert_eq!(
        hook.switch.departed_at(port(11)).unwrap(),
        Some(departed_at),
        "what it is sent does not count"
    );
}

#[test]
fn what_is_sent_to_a_guest_that_went_is_passed_on_once() {
    let mut hook = Hook::new("went");
    // Port 11 has gone on at host 3; host 2 does not know yet.
    hook.interface(11, Some(3), true);
    let sent = frame(mac(13), mac(11)).ip(own(13), own(11)).ttl(64).ping(1, 1);
    hook.arrives(underlay(2), 100, &sent);
    assert_eq!(hook.left_by("ov", 1), std::slice::from_ref(&sent));
    hook.counted(&[("passed_on", 1)]);
    assert_eq!(hook.arrives(underlay(2), 100 | 1 << 23, &sent).verdict, DROPPED);
    hook.counted(&[("not_here", 1)]);
    // Whoever has it itself need not get it back.
    hook.arrives(underlay(3), 100, &sent);
    hook.counted(&[("not_here", 1)]);
}

#[test]
fn what_is_sent_by_ipv6_to_a_guest_that_went_is_passed_on_once() {
    let mut hook = Hook::six("went6");
    hook.interface(11, Some(3), true);
    let sent = six::ping(mac(13), mac(11), six::own(13), six::own(11), 64);
    hook.arrives(underlay(2), 100, &sent);
    assert_eq!(hook.left_by("ov", 1), std::slice::from_ref(&sent));
    hook.counted(&[("passed_on", 1)]);
    for (from, tunnel) in [(2, 100 | 1 << 23), (3, 100)] {
        hook.arrives(underlay(from), tunnel, &sent);
        hook.counted(&[("not_here", 1)]);
    }
}

#[test]
fn what_a_guest_announces_on_arrival_is_checked_first_also_where_every_claim_is_followed() {
    let mut hook = Hook::new("checked");
    hook.switch.beat().unwrap();
    hook.order(Order::Merge { key: vip(), record: held(2, 13, 10) });
    let until = since_boot() + Duration::from_secs(2);
    let order = Order::HoldOff { key: vip(), port: port(11), until, always: true };
    assert_eq!(hook.order(order), Outcome::Done);
    hook.settle();
    hook.sends(11, &gratuitous_arp(mac(11), VIP));
    hook.counted(&[("claim_contested", 1)]);
    assert_eq!(hook.record(), Some(held(2, 13, 10)));

    hook.age_losses(Duration::from_secs(2));
    hook.sends(11, &gratuitous_arp(mac(11), VIP));
    assert_eq!(hook.record().unwrap().holder, Holder { host: host(1), port: port(11) });
}

#[test]
fn what_a_guest_held_where_it_was_is_neither_contested_nor_lost() {
    let mut hook = Hook::new("along");
    hook.switch.beat().unwrap();
    hook.order(Order::Merge { key: vip(), record: held(2, 11, 10) });
    let until = since_boot() + Duration::from_secs(2);
    hook.order(Order::HoldOff { key: vip(), port: port(11), until, always: true });
    hook.settle();
    hook.sends(11, &gratuitous_arp(mac(11), VIP));
    let here = hook.record().unwrap();
    assert_eq!(here.holder, Holder { host: host(1), port: port(11) });

    // It goes back, and comes again: on neither way it has lost anything, so nothing is contested.
    hook.forget_losses();
    let away = Record { epoch: Epoch(here.epoch.0 + 1), ..held(2, 11, 0) };
    assert_eq!(hook.order(Order::Merge { key: vip(), record: away }), Outcome::Done);
    let theirs = Record { epoch: Epoch(here.epoch.0 + 2), ..held(2, 13, 0) };
    assert_eq!(hook.order(Order::Merge { key: vip(), record: theirs }), Outcome::Done);
    hook.settle();
    hook.sends(11, &gratuitous_arp(mac(11), VIP));
    assert_eq!(hook.record().unwrap().holder, Holder { host: host(1), port: port(11) });
}
