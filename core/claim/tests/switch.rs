//! What a switch does with one packet or order, rule by rule.

use havip_claim::{
    Cause, Notice, Order, Release,
    keeper::Kind,
    switch::{Action, Configured, Event, MOST_WAITING, Message, MessageKind, Port, Refused, SwitchModel},
};
use havip_model::{
    Epoch, Holder, HostNumber, Incarnation, MacAddr, MoveCause, PortNumber, Record, SubnetNumber, VipKey, Vni,
};
use std::{net::IpAddr, time::Duration};

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
const VMAC: MacAddr = MacAddr::vrrp(false, 51);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}

fn port(number: u32) -> PortNumber {
    PortNumber::new(number).unwrap()
}

fn vni() -> Vni {
    Vni::new(7).unwrap()
}

fn key() -> VipKey {
    VipKey { vni: vni(), address: "10.0.0.100".parse().unwrap() }
}

fn subnet(number: u32) -> SubnetNumber {
    SubnetNumber::new(number).unwrap()
}

fn configured(incarnation: u64) -> Configured {
    Configured {
        incarnation: Incarnation(incarnation),
        kind: Kind::Vip,
        subnet: subnet(3),
        subnet_binding: false,
    }
}

fn active(is_active: bool) -> Port {
    Port { vni: vni(), subnet: subnet(3), is_active }
}

/// Host 1 of three, with the entitled ports 11 and 12 and the VIP's fifth incarnation, at 1970 + 1000 s.
fn switch() -> SwitchModel {
    let mut switch = SwitchModel::new(host(1));
    for event in [
        Event::MembersSet { vni: vni(), others: vec![host(1), host(2), host(3)] },
        Event::PortSet { port: port(11), state: active(true) },
        Event::PortSet { port: port(12), state: active(true) },
        Event::Ordered(Order::Prepare { key: key(), incarnation: Incarnation(5) }),
        Event::Configured { key: key(), configured: configured(5) },
        Event::Entitled { key: key(), port: port(11) },
        Event::Entitled { key: key(), port: port(12) },
        Event::ClockSet { offset: Duration::from_secs(1000) },
        Event::Heartbeat,
    ] {
        assert_eq!(switch.handle(ms(0), event), []);
    }
    switch
}

fn claimed(number: u32, mac: MacAddr) -> Event {
    Event::Claimed { port: port(number), address: key().address, mac }
}

fn replied(number: u32) -> Event {
    Event::Replied { port: port(number), address: key().address, mac: MAC, advertised_recently: true }
}

fn record(incarnation: u64, epoch: u64, on: u32, number: u32) -> Record {
    let holder = Holder { host: host(on), port: port(number) };
    Record {
        incarnation: Incarnation(incarnation),
        epoch: Epoch(epoch),
        holder,
        released: false,
        mac: MAC,
        moves: 1,
    }
}

fn heard(kind: MessageKind, record: Record) -> Event {
    Event::Received(Message { kind, from: host(2), key: key(), record })
}

/// The announcements of a record to both other hosts.
fn told(kind: MessageKind, record: Record) -> [Action; 2] {
    [2, 3]
        .map(|to| Action::Send { to: host(to), message: Message { kind, from: host(1), key: key(), record } })
}

fn moved(record: Record, cause: Cause) -> Action {
    Action::Notify(Notice::Moved { key: key(), record, cause })
}

#[test]
fn c4_a_claim_makes_a_holder_and_tells_every_other_member() {
    let mut switch = switch();
    let made = record(5, 1_000_000 << 16, 1, 11);
    let mut expected = vec![moved(made, Cause::Here(MoveCause::Claim))];
    expected.extend(told(MessageKind::Announce, made));
    assert_eq!(switch.handle(ms(0), claimed(11, MAC)), expected);
    assert_eq!(switch.record(key()), Some(made));

    switch.handle(ms(0), claimed(12, MAC));
    let next = Record { moves: 2, ..record(5, (1_000_000 << 16) + 1, 1, 12) };
    assert_eq!(switch.record(key()), Some(next), "the clock stands: the last epoch and one");
}

#[test]
fn c3_a_refresh_is_told_once_right_after_a_new_epoch_and_then_once_a_second() {
    let mut switch = switch();
    switch.handle(ms(0), claimed(11, MAC));
    let made = switch.record(key()).unwrap();
    let told = told(MessageKind::Announce, made).to_vec();
    // keepalived: five at once, five after a second, then one each five seconds.
    for (at, expected) in [
        (0, &told),
        (0, &vec![]),
        (1, &vec![]),
        (999, &vec![]),
        (1000, &told),
        (1000, &vec![]),
        (1999, &vec![]),
        (6000, &told),
    ] {
        assert_eq!(&switch.handle(ms(at), claimed(11, MAC)), expected, "at {at} ms");
        assert_eq!(switch.record(key()), Some(made), "no new epoch");
    }
}

#[test]
fn the_holders_claim_with_another_mac_is_a_new_claim_and_no_move() {
    let mut switch = switch();
    switch.handle(ms(0), claimed(11, MAC));
    let first = switch.record(key()).unwrap();
    switch.handle(ms(5), claimed(11, VMAC));
    let second = switch.record(key()).unwrap();
    assert!(second.outranks(&first));
    assert_eq!((second.mac, second.moves), (VMAC, first.moves));
}

#[test]
fn c2_each_claim_that_may_not_be_is_refused_with_its_reason_and_changes_nothing() {
    let other_subnet = Port { subnet: subnet(4), ..active(true) };
    let other_vpc = Port { vni: Vni::new(8).unwrap(), ..active(true) };
    let by_subnet = Configured { subnet_binding: true, ..configured(5) };
    let vip = |configured| Event::Configured { key: key(), configured };
    let disentitled = Event::Disentitled { key: key(), port: port(11) };
    for (scene, outcome) in [
        (vec![Event::PortSet { port: port(11), state: active(false) }], Err(Refused::PortInactive)),
        (vec![Event::PortGone(port(11))], Err(Refused::PortInactive)),
        (vec![Event::PortSet { port: port(11), state: other_vpc }], Err(Refused::NotAVip)),
        (vec![Event::Unconfigured(key())], Err(Refused::NotAVip)),
        (vec![vip(Configured { kind: Kind::Eip, ..configured(5) })], Err(Refused::NotAVip)),
        (vec![disentitled.clone()], Err(Refused::NotEntitled)),
        (vec![disentitled.clone(), vip(by_subnet)], Ok(())),
        (
            vec![disentitled, vip(by_subnet), Event::PortSet { port: port(11), state: other_subnet }],
            Err(Refused::NotEntitled),
        ),
        (vec![vip(configured(4))], Err(Refused::Remade)),
        (
            vec![Event::Ordered(Order::Forget { key: key(), incarnation: Incarnation(5) })],
            Err(Refused::NotPrepared),
        ),
        (vec![Event::ClockSet { offset: Duration::from_millis(1 << 47) }], Err(Refused::EpochLimit)),
    ] {
        let mut switch = switch();
        let what = format!("{scene:?}");
        for event in scene {
            switch.handle(ms(0), event);
        }
        let actions = switch.handle(ms(0), claimed(11, MAC));
        match outcome {
            Ok(()) => assert!(switch.record(key()).is_some(), "{what}"),
            Err(reason) => {
                assert_eq!(actions, [Action::Refuse(reason)], "{what}");
                assert_eq!(switch.record(key()), None, "{what}");
            }
        }
    }
}

#[test]
fn c4_claims_beyond_the_burst_are_postponed_unless_the_agent_is_dead() {
    let mut switch = switch();
    for _ in 0..8 {
        switch.handle(ms(0), claimed(11, MAC));
        switch.handle(ms(0), claimed(12, MAC));
    }
    let now = switch.record(key());
    let postponed =
        Notice::Postponed { key: key(), port: port(11), mac: MAC, expected: now, ready_at: ms(500) };
    assert_eq!(switch.handle(ms(0), claimed(11, MAC)), [Action::Notify(postponed)]);
    assert_eq!(switch.record(key()), now);

    // Without a heartbeat for longer than a second it is followed.
    switch.handle(ms(1), Event::Heartbeat);
    assert!(matches!(switch.handle(ms(2), claimed(11, MAC))[..], [Action::Notify(Notice::Postponed { .. })]));
    let mut dead = switch.clone();
    for _ in 0..20 {
        dead.handle(ms(1002), claimed(11, MAC));
        dead.handle(ms(1002), claimed(12, MAC));
    }
    assert_eq!(dead.record(key()).unwrap().moves, 16 + 40);

    // By order it is done when there is a token, and postponed again when there is none.
    let take = |expected| {
        let (port, mac, cause) = (port(11), MAC, MoveCause::Claim);
        Event::Ordered(Order::Take { key: key(), port, mac, expected, cause })
    };
    assert!(matches!(switch.handle(ms(499), take(now))[..], [Action::Notify(Notice::Postponed { .. })]));
    assert!(matches!(switch.handle(ms(500), take(now))[0], Action::Notify(Notice::Moved { .. })));
    assert_eq!(switch.handle(ms(500), take(now)), [Action::Refuse(Refused::Unexpected)]);
}

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
        assert_eq!(actions.contains(&moved(comes, Cause::Announced)), is_applied, "{what}");
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
        let message = Message { kind: MessageKind::Correction, from: host(1), key: key(), record: own };
        vec![Action::Send { to: host(to), message }]
    };
    assert_eq!(switch.handle(ms(4), heard(MessageKind::Announce, old)), answer(2));
    assert_eq!(switch.handle(ms(4), heard(MessageKind::Announce, old)), []);
    let from_3 =
        Event::Received(Message { kind: MessageKind::Announce, from: host(3), key: key(), record: old });
    assert_eq!(switch.handle(ms(4), from_3), answer(3));
    assert_eq!(switch.handle(ms(5), heard(MessageKind::Doubt, old)), answer(2), "whatever it is for");

    let greater = record(5, 101, 2, 20);
    let corrected = switch.handle(ms(6), heard(MessageKind::Correction, greater));
    assert_eq!(corrected, [moved(greater, Cause::Corrected)]);
}

#[test]
fn c5_announcements_of_unconfigured_vips_wait_the_least_used_goes_first() {
    let mut switch = switch();
    let at = |index: usize| VipKey {
        vni: vni(),
        address: IpAddr::from((index as u128 + (1 << 100)).to_be_bytes()),
    };
    let comes = |index, record| {
        Event::Received(Message { kind: MessageKind::Announce, from: host(2), key: at(index), record })
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
    let message =
        Message { kind: MessageKind::Announce, from: host(2), key: stranger, record: record(9, 10, 2, 20) };
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
    for only in [Release::Port(port(11)), Release::Exact(held)] {
        let released = Record { released: true, ..held };
        let mut expected = vec![moved(released, Cause::Here(MoveCause::Released))];
        expected.extend(told(MessageKind::Announce, released));
        let mut switch = switch.clone();
        assert_eq!(switch.handle(ms(1), release(only)), expected);
        assert_eq!(switch.handle(ms(1), release(only)), [Action::Refuse(Refused::Unexpected)]);
        switch.handle(ms(2), claimed(11, MAC));
        assert!(switch.record(key()).unwrap().outranks(&released), "any later claim beats a release");
    }
}

#[test]
fn c10_a_reply_is_an_answer_for_200_ms_and_never_a_claim() {
    let mut switch = switch();
    assert_eq!(switch.handle(ms(0), replied(11)), [Action::Refuse(Refused::NotHeld)]);
    let ask = Event::Ordered(Order::Ask { key: key(), port: port(11) });
    assert_eq!(switch.handle(ms(0), ask), [Action::AskGuest { port: port(11), key: key() }]);
    let answered = Notice::Answered { key: key(), port: port(11), mac: MAC, advertised_recently: true };
    for at in [1, 199] {
        assert_eq!(switch.handle(ms(at), replied(11)), [Action::Notify(answered)]);
    }
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
    let message = Message { kind: MessageKind::Doubt, from: host(1), key: key(), record: elsewhere };
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
        [moved(unknown, Cause::Announced), asks],
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
    let message = Message { kind: MessageKind::Stalled, from: host(1), key: key(), record: held };
    assert_eq!(switch.handle(ms(1), stalled(2, 20)), [Action::Send { to: host(2), message }]);
    let notice = Notice::Stalled { key: key(), record: held };
    assert_eq!(switch.handle(ms(1), stalled(1, 12)), [Action::Notify(notice)]);
    assert_eq!(switch.handle(ms(1), stalled(1, 11)), [], "the holder itself");
    let from_elsewhere = switch.handle(ms(2), heard(MessageKind::Stalled, held));
    assert_eq!(from_elsewhere, [Action::Notify(notice)]);
}

#[test]
fn a_take_needs_the_expected_record_and_a_candidate_and_an_edge_takes_as_port_1() {
    let take = |number, expected| {
        let (port, mac, cause) = (port(number), MAC, MoveCause::Asked);
        Event::Ordered(Order::Take { key: key(), port, mac, expected, cause })
    };
    let mut switch = switch();
    let other = record(5, 1, 2, 20);
    assert_eq!(switch.handle(ms(0), take(11, Some(other))), [Action::Refuse(Refused::Unexpected)]);
    assert_eq!(switch.handle(ms(0), take(99, None)), [Action::Refuse(Refused::PortInactive)]);
    assert!(matches!(switch.handle(ms(0), take(11, None))[0], Action::Notify(Notice::Moved { .. })));
    assert_eq!(switch.handle(ms(0), take(12, None)), [Action::Refuse(Refused::Unexpected)]);

    let eip = Configured { kind: Kind::Eip, ..configured(5) };
    let held = switch.record(key());
    switch.handle(ms(0), Event::Configured { key: key(), configured: eip });
    assert_eq!(switch.handle(ms(0), take(11, held)), [Action::Refuse(Refused::NotEntitled)]);
    assert!(matches!(switch.handle(ms(0), take(1, held))[0], Action::Notify(Notice::Moved { .. })));
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
