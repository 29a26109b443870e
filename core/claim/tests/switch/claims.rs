//! Claims, refreshes, refusals, takes (C1 to C4).

use crate::scene::*;
use havip_claim::{
    Cause, Notice, Order,
    keeper::Kind,
    switch::{Action, Configured, Event, MessageKind, Port, Refused},
};
use havip_model::{Incarnation, MoveCause, Record, Vni};
use std::time::Duration;

#[test]
fn c4_a_claim_makes_a_holder_and_tells_every_other_member() {
    let mut switch = switch();
    let made = record(5, 1_000_000 << 16, 1, 11);
    let mut expected = vec![moved(None, made, Cause::Here(MoveCause::Claim))];
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
