//! Which records are applied, answered, kept waiting and released (C5, C7).

use crate::scene::*;
use havip_claim::{
    Cause, Order, Release,
    switch::{Action, Event, MOST_WAITING, Message, MessageKind, Refused},
};
use havip_model::{Epoch, Incarnation, MoveCause, Record, VipKey, Vni};
use std::net::IpAddr;

#[test]
fn c5_a_record_is_applied_exactly_if_it_is_greater() {
    let own = record(5, 100, 2, 20);
    let released = Record { released: true, ..own };
    for (what, before, comes, is_applied) in [
        ("nothing before", None, own, true),
        ("a former making", None, record(4, 999, 2, 20), false),
        ("the next making, not configured yet", Some(own), record(6, 1, 2, 20), true),
        ("a later claim", Some(own), record(5, 101, 2, 20), true),
        ("an earlier claim", Some(own), record(5, 99, 3, 30), false),
        ("the same instant, a greater host", Some(own), record(5, 100, 3, 1), true),
        ("the same instant, a smaller host", Some(own), record(5, 100, 1, 99), false),
        ("the same host, a greater port", Some(own), record(5, 100, 2, 21), true),
        ("the same again", Some(own), own, false),
        ("its release", Some(own), released, true),
        ("the record behind its release", Some(released), own, false),
        ("a later claim after a release", Some(released), record(5, 101, 3, 30), true),
        ("beyond the limit", Some(own), record(5, 1 << 63, 3, 30), false),
    ] {
        let mut switch = switch();
        if let Some(before) = before {
            switch.handle(ms(0), Event::Ordered(Order::Merge { key: key(), record: before }));
        }
        let mut merged = switch.clone();
        let actions = switch.handle(ms(1), heard(MessageKind::Announce, comes));
        assert_eq!(actions.contains(&moved(before, comes, Cause::Announced)), is_applied, "{what}");
        assert_eq!(switch.record(key()), if is_applied { Some(comes) } else { before }, "{what}");
        merged.handle(ms(1), Event::Ordered(Order::Merge { key: key(), record: comes }));
        assert_eq!(merged.record(key()), switch.record(key()), "{what}: merged by order");
    }
}

#[test]
fn c5_a_smaller_record_is_answered_with_the_own_one_once_per_sender_and_millisecond() {
    let mut switch = switch();
    let own = record(5, 100, 3, 30);
    switch.handle(ms(0), Event::Ordered(Order::Merge { key: key(), record: own }));
    let old = record(5, 50, 2, 20);
    let answer = |to: u32| {
        let message =
            Message { hops: 0, kind: MessageKind::Correction, from: host(1), key: key(), record: own };
        vec![Action::Send { to: host(to), message }]
    };
    assert_eq!(switch.handle(ms(4), heard(MessageKind::Announce, old)), answer(2));
    assert_eq!(switch.handle(ms(4), heard(MessageKind::Announce, old)), []);
    let from_3 = Event::Received(Message {
        hops: 0,
        kind: MessageKind::Announce,
        from: host(3),
        key: key(),
        record: old,
    });
    assert_eq!(switch.handle(ms(4), from_3), answer(3));
    assert_eq!(switch.handle(ms(5), heard(MessageKind::Doubt, old)), answer(2), "whatever it is for");

    let greater = record(5, 101, 2, 20);
    let corrected = switch.handle(ms(6), heard(MessageKind::Correction, greater));
    assert_eq!(corrected, [moved(Some(own), greater, Cause::Corrected)]);
}

#[test]
fn c5_what_was_displaced_here_is_answered_with_an_announcement_that_corrects_nobody() {
    let mut switch = switch();
    let [first, second, third] = [50, 100, 150].map(|epoch| record(5, epoch, 3, 30));
    let answer = |hops, kind, record| {
        let message = Message { hops, kind, from: host(1), key: key(), record };
        vec![Action::Send { to: host(2), message }]
    };
    let merge = |record| Event::Ordered(Order::Merge { key: key(), record });
    switch.handle(ms(0), merge(first));
    switch.handle(ms(0), merge(second));
    assert_eq!(
        switch.handle(ms(1), heard(MessageKind::Announce, first)),
        answer(1, MessageKind::Announce, second)
    );
    let never_here = record(5, 60, 4, 40);
    let corrects = answer(0, MessageKind::Correction, second);
    assert_eq!(switch.handle(ms(2), heard(MessageKind::Announce, never_here)), corrects);

    // The release of a port that went down says so; what was displaced two records ago is forgotten.
    let down = Record { released: true, ..second };
    switch.handle(ms(3), heard(MessageKind::AnnounceDown, down));
    assert_eq!(
        switch.handle(ms(4), heard(MessageKind::Announce, second)),
        answer(1, MessageKind::AnnounceDown, down)
    );
    switch.handle(ms(5), merge(third));
    let corrects = answer(0, MessageKind::Correction, third);
    assert_eq!(switch.handle(ms(6), heard(MessageKind::Announce, second)), corrects);
}

#[test]
fn c5_announcements_of_unconfigured_vips_wait_the_least_used_goes_first() {
    let mut switch = switch();
    let at = |index: usize| VipKey {
        vni: vni(),
        address: IpAddr::from((index as u128 + (1 << 100)).to_be_bytes()),
    };
    let comes = |index, record| {
        Event::Received(Message {
            hops: 0,
            kind: MessageKind::Announce,
            from: host(2),
            key: at(index),
            record,
        })
    };
    for index in 0..MOST_WAITING {
        switch.handle(ms(0), comes(index, record(9, 10, 2, 20)));
    }
    switch.handle(ms(0), comes(0, record(9, 5, 2, 20)));
    assert_eq!(switch.waiting_record(at(0)), Some(record(9, 10, 2, 20)), "the greatest waits");
    switch.handle(ms(0), comes(MOST_WAITING, record(9, 10, 2, 20)));
    assert!(switch.waiting_record(at(0)).is_some() && switch.waiting_record(at(1)).is_none());

    let prepare =
        |incarnation| Event::Ordered(Order::Prepare { key: at(0), incarnation: Incarnation(incarnation) });
    assert_eq!(switch.clone().handle(ms(0), prepare(10)), [], "of a former making");
    assert_eq!(switch.handle(ms(0), prepare(9)).len(), 1);
    assert_eq!(switch.record(at(0)), Some(record(9, 10, 2, 20)));
    assert_eq!(switch.waiting_record(at(0)), None);

    let stranger = VipKey { vni: Vni::new(99).unwrap(), ..at(0) };
    let message = Message {
        hops: 0,
        kind: MessageKind::Announce,
        from: host(2),
        key: stranger,
        record: record(9, 10, 2, 20),
    };
    assert_eq!(switch.handle(ms(0), Event::Received(message)), [Action::Refuse(Refused::UnknownVpc)]);
}

#[test]
fn c7_a_release_touches_only_what_it_names() {
    let release = |only| Event::Ordered(Order::Release { key: key(), only });
    let mut switch = switch();
    switch.handle(ms(0), claimed(11, MAC));
    let held = switch.record(key()).unwrap();
    let stale = Record { epoch: Epoch(held.epoch.0 - 1), ..held };
    for only in
        [Release::Port(port(12)), Release::Exact(stale), Release::Exact(Record { released: true, ..held })]
    {
        assert_eq!(switch.handle(ms(1), release(only)), [Action::Refuse(Refused::Unexpected)]);
    }
    for (only, cause, kind) in [
        (Release::Port(port(11)), MoveCause::Released, MessageKind::Announce),
        (Release::Down(port(11)), MoveCause::PortDown, MessageKind::AnnounceDown),
        (Release::Exact(held), MoveCause::HostLost, MessageKind::Announce),
    ] {
        let released = Record { released: true, ..held };
        let mut expected = vec![moved(Some(held), released, Cause::Here(cause))];
        expected.extend(told(kind, released));
        let mut switch = switch.clone();
        assert_eq!(switch.handle(ms(1), release(only)), expected);
        assert_eq!(switch.handle(ms(1), release(only)), [Action::Refuse(Refused::Unexpected)]);
        switch.handle(ms(2), claimed(11, MAC));
        assert!(switch.record(key()).unwrap().outranks(&released), "any later claim beats a release");
    }
}

#[test]
fn that_a_port_went_down_is_said_with_every_announcement_of_its_record_and_of_no_other() {
    let announce = Event::Ordered(Order::Announce { key: key() });
    let mut own = switch();
    own.handle(ms(0), claimed(11, MAC));
    let held = own.record(key()).unwrap();
    own.handle(ms(1), Event::Ordered(Order::Release { key: key(), only: Release::Down(port(11)) }));
    let released = Record { released: true, ..held };
    assert_eq!(own.handle(ms(2), announce.clone()), told(MessageKind::AnnounceDown, released));
    own.handle(ms(3), claimed(11, MAC));
    let again = own.record(key()).unwrap();
    assert_eq!(own.handle(ms(4), announce.clone()), told(MessageKind::Announce, again));

    let mut other = switch();
    let gone = Record { released: true, ..record(5, 9, 2, 20) };
    let actions = other.handle(ms(0), heard(MessageKind::AnnounceDown, gone));
    assert_eq!(actions, [moved(None, gone, Cause::AnnouncedDown)]);
    assert_eq!(other.handle(ms(1), announce), told(MessageKind::AnnounceDown, gone));
    let present = record(5, 10, 2, 20);
    let actions = other.handle(ms(2), heard(MessageKind::AnnounceDown, present));
    assert_eq!(actions, [moved(Some(gone), present, Cause::Announced)], "who holds it is not down");
}

#[test]
fn forgetting_a_vip_keeps_what_its_successor_already_said() {
    let mut switch = switch();
    let successor = record(6, 1, 2, 20);
    switch.handle(ms(0), heard(MessageKind::Announce, successor));
    switch.handle(ms(0), Event::Ordered(Order::Forget { key: key(), incarnation: Incarnation(5) }));
    assert_eq!((switch.record(key()), switch.waiting_record(key())), (None, Some(successor)));
    switch.handle(ms(0), Event::Ordered(Order::Prepare { key: key(), incarnation: Incarnation(6) }));
    assert_eq!(switch.record(key()), Some(successor));
}
