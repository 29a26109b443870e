//! Asks, doubts and their answers (C10).

use crate::scene::*;
use havip_claim::{
    Cause, Notice, Order, Release,
    switch::{Action, Event, Message, MessageKind, Refused},
};
use havip_model::{Epoch, Holder, Record};

#[test]
fn c10_a_reply_is_an_answer_for_200_ms_and_never_a_claim() {
    let mut switch = switch();
    assert_eq!(switch.handle(ms(0), replied(11)), [Action::Refuse(Refused::NotHeld)]);
    let ask = || Event::Ordered(Order::Ask { key: key(), port: port(11) });
    assert_eq!(switch.handle(ms(0), ask()), [Action::AskGuest { port: port(11), key: key() }]);
    let answered = Notice::Answered { key: key(), port: port(11), mac: MAC, advertised_recently: true };
    assert_eq!(switch.handle(ms(1), replied(11)), [Action::Notify(answered)]);
    assert_eq!(switch.handle(ms(2), replied(11)), [], "one answer per ask; its repetition is excused, too");
    switch.handle(ms(0), ask());
    assert_eq!(switch.handle(ms(199), replied(11)), [Action::Notify(answered)]);
    assert_eq!(switch.handle(ms(199), replied(12)), [Action::Refuse(Refused::NotHeld)], "another port");
    assert_eq!(switch.handle(ms(200), replied(11)), [Action::Refuse(Refused::NotHeld)], "too late");
    assert_eq!(switch.record(key()), None);

    let not_ours = Event::Ordered(Order::Ask { key: key(), port: port(99) });
    assert_eq!(switch.handle(ms(0), not_ours), [Action::Refuse(Refused::PortInactive)]);
}

#[test]
fn c10_a_doubt_about_the_own_record_asks_the_holder_and_its_answer_goes_to_everybody() {
    let mut switch = switch();
    switch.handle(ms(0), claimed(11, MAC));
    let held = switch.record(key()).unwrap();
    let asks = [Action::AskGuest { port: port(11), key: key() }];
    assert_eq!(switch.handle(ms(10), heard(MessageKind::Doubt, held)), asks);
    let mut alive = vec![Action::Notify(Notice::Alive { key: key(), record: held })];
    alive.extend(told(MessageKind::Alive, held));
    assert_eq!(switch.handle(ms(11), replied(11)), alive);
    assert_eq!(switch.handle(ms(210), replied(11)), [], "an ordinary reply of the holder");

    // By the own agent about a holder here, and about one elsewhere.
    let doubt = |record| Event::Ordered(Order::Doubt { key: key(), record });
    assert_eq!(switch.handle(ms(300), doubt(held)), asks);
    let elsewhere = Record { epoch: Epoch(held.epoch.0 + 1), ..record(5, 0, 3, 30) };
    assert_eq!(switch.handle(ms(300), doubt(elsewhere)), [Action::Refuse(Refused::Unexpected)]);
    switch.handle(ms(300), heard(MessageKind::Announce, elsewhere));
    let message = Message { hops: 0, kind: MessageKind::Doubt, from: host(1), key: key(), record: elsewhere };
    assert_eq!(switch.handle(ms(300), doubt(elsewhere)), [Action::Send { to: host(3), message }]);
}

#[test]
fn c10_a_holder_that_is_down_released_or_unknown_here_is_not_asked() {
    let mut lost = switch();
    let unknown = record(5, 7, 1, 11);
    let actions = lost.handle(ms(0), heard(MessageKind::Doubt, unknown));
    let asks = Action::AskGuest { port: port(11), key: key() };
    assert_eq!(
        actions,
        [moved(None, unknown, Cause::Announced), asks],
        "after a loss of its map it learns and asks"
    );

    let mut down = lost.clone();
    down.handle(ms(1), Event::PortSet { port: port(11), state: active(false) });
    assert_eq!(down.handle(ms(1), heard(MessageKind::Doubt, unknown)), []);
    let mut released = lost.clone();
    released.handle(ms(1), Event::Ordered(Order::Release { key: key(), only: Release::Port(port(11)) }));
    let gone = released.record(key()).unwrap();
    assert_eq!(released.handle(ms(1), heard(MessageKind::Doubt, gone)), []);
}

#[test]
fn c10_stalled_adverts_are_told_to_the_host_whose_port_goes_on() {
    let mut switch = switch();
    let stalled = |on: u32, number: u32| {
        let advertiser = Holder { host: host(on), port: port(number) };
        Event::AdvertsStalled { key: key(), advertiser }
    };
    assert_eq!(switch.handle(ms(0), stalled(2, 20)), [], "nobody holds");
    switch.handle(ms(0), claimed(11, MAC));
    let held = switch.record(key()).unwrap();
    let message = Message { hops: 0, kind: MessageKind::Stalled, from: host(1), key: key(), record: held };
    assert_eq!(switch.handle(ms(1), stalled(2, 20)), [Action::Send { to: host(2), message }]);
    let notice = Notice::Stalled { key: key(), record: held };
    assert_eq!(switch.handle(ms(1), stalled(1, 12)), [Action::Notify(notice)]);
    assert_eq!(switch.handle(ms(1), stalled(1, 11)), [], "the holder itself");
    let from_elsewhere = switch.handle(ms(2), heard(MessageKind::Stalled, held));
    assert_eq!(from_elsewhere, [Action::Notify(notice)]);
}
