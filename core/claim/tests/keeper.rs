//! The keeper alone: what it orders, when it wakes, and what it never does whatever it is told.

use havip_claim::{
    Cause, Notice, Order, Release,
    keeper::{Action, Event, Keeper, Kind, Report},
};
use havip_model::{
    Epoch, Holder, HostNumber, Incarnation, MacAddr, MoveCause, PortNumber, Record, VipKey, Vni,
};
use proptest::{collection::vec, prelude::*};
use std::{collections::BTreeSet, time::Duration};

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

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

fn record(epoch: u64, on: u32, number: u32) -> Record {
    let holder = Holder { host: host(on), port: port(number) };
    Record { incarnation: Incarnation(5), epoch: Epoch(epoch), holder, released: false, mac: MAC, moves: 1 }
}

fn configured(incarnation: u64) -> Event {
    Event::Configured { key: key(), incarnation: Incarnation(incarnation), kind: Kind::Vip }
}

fn moved(record: Record, cause: Cause) -> Event {
    Event::Noticed(Notice::Moved { key: key(), record, cause })
}

fn up(number: u32) -> Event {
    Event::PortUp { port: port(number), vni: vni() }
}

fn ask(number: u32) -> Action {
    Action::Order(Order::Ask { key: key(), port: port(number) })
}

fn release(number: u32) -> Action {
    Action::Order(Order::Release { key: key(), only: Release::Port(port(number)) })
}

/// Host 1's keeper in a joined VPC, with port 11 entitled and down.
fn keeper() -> Keeper {
    let mut keeper = Keeper::new(host(1), 42);
    for event in [
        Event::Entitled { key: key(), port: port(11) },
        configured(5),
        Event::VpcJoined(vni()),
        Event::PeersChanged { vni: vni(), peers: vec![host(2), host(3)] },
        Event::PullDone(vni()),
    ] {
        keeper.handle(ms(0), event);
    }
    keeper
}

/// What it orders until then, with the times, repair left out.
fn orders(keeper: &mut Keeper, until: Duration) -> Vec<(u128, Order)> {
    let mut orders = vec![];
    while let Some(at) = keeper.next_deadline().filter(|at| *at <= until) {
        for action in keeper.handle(at, Event::DeadlineReached) {
            if let Action::Order(order) = action {
                orders.push((at.as_millis(), order));
            }
        }
    }
    orders
}

#[test]
fn a_vpc_is_joined_by_a_pull_and_then_its_ports_open_once() {
    let mut keeper = Keeper::new(host(1), 42);
    assert_eq!(keeper.handle(ms(0), Event::VpcJoined(vni())), [Action::Pull(vni())]);
    assert_eq!(keeper.handle(ms(0), Event::VpcJoined(vni())), []);
    assert_eq!(keeper.next_deadline(), Some(ms(3000)));
    assert_eq!(keeper.clone().handle(ms(3000), Event::DeadlineReached), [Action::OpenPorts(vni())]);
    assert_eq!(keeper.handle(ms(20), Event::PullDone(vni())), [Action::OpenPorts(vni())]);
    assert_eq!(keeper.handle(ms(30), Event::PullDone(vni())), []);
}

#[test]
fn each_second_all_records_go_to_some_peer() {
    let mut keeper = keeper();
    let mut peers = BTreeSet::new();
    let mut sent = 0;
    while let Some(at) = keeper.next_deadline().filter(|at| *at <= ms(60_000)) {
        for action in keeper.handle(at, Event::DeadlineReached) {
            let Action::SendRecords { peer, .. } = action else { panic!("{action:?}") };
            peers.insert(peer);
            sent += 1;
        }
    }
    assert!((55..=66).contains(&sent), "{sent}");
    assert_eq!(peers, [host(2), host(3)].into());
}

#[test]
fn a_port_that_comes_up_to_a_vacant_vip_is_asked_on_schedule_until_it_holds() {
    let mut keeper = keeper();
    assert_eq!(keeper.handle(ms(1000), up(11)), [ask(11)]);
    let times: Vec<_> = orders(&mut keeper, ms(15_000)).into_iter().map(|(at, _)| at - 1000).collect();
    assert_eq!(times, [100, 300, 1000, 3000, 8000, 13_000]);

    let answered = Notice::Answered { key: key(), port: port(11), mac: MAC, advertised_recently: false };
    assert_eq!(keeper.handle(ms(15_000), Event::Noticed(answered)), []);
    let cause = MoveCause::Asked;
    let take = Order::Take { key: key(), port: port(11), mac: MAC, expected: None, cause };
    assert_eq!(orders(&mut keeper, ms(15_100)), [(15_100, take)]);

    keeper.handle(ms(15_100), moved(record(9, 1, 11), Cause::Here(cause)));
    let repeats = orders(&mut keeper, ms(60_000));
    let announce = Order::Announce { key: key() };
    assert_eq!(repeats, [(15_120, announce), (15_200, announce), (15_600, announce)]);
}

#[test]
fn a_port_that_goes_down_is_released_now_and_100_ms_later_whatever_is_known() {
    let mut keeper = keeper();
    keeper.handle(ms(0), up(11));
    assert_eq!(keeper.handle(ms(2000), Event::PortDown(port(11))), [release(11)]);
    assert_eq!(keeper.handle(ms(2000), Event::PortDown(port(11))), [], "said again");
    let Action::Order(again) = release(11) else { unreachable!() };
    assert_eq!(orders(&mut keeper, ms(2500)), [(2100, again)]);

    // Level: the map itself says that the port still holds.
    keeper.handle(ms(2500), Event::RecordRead { key: key(), record: Some(record(9, 1, 11)) });
    assert!(orders(&mut keeper, ms(3800)).iter().all(|(_, order)| *order == again));
    // And after a pull.
    assert_eq!(keeper.handle(ms(3800), Event::PullDone(vni())), [release(11)]);
}

#[test]
fn an_agent_that_restarts_over_live_ports_releases_and_asks_nothing() {
    let mut keeper = Keeper::new(host(1), 42);
    for event in [
        configured(5),
        Event::Entitled { key: key(), port: port(11) },
        up(11),
        Event::RecordRead { key: key(), record: Some(record(9, 1, 11)) },
        Event::VpcJoined(vni()),
        Event::PullDone(vni()),
    ] {
        for action in keeper.handle(ms(0), event.clone()) {
            let is_harmless = matches!(
                action,
                Action::Pull(_) | Action::OpenPorts(_) | Action::Order(Order::Prepare { .. })
            );
            assert!(is_harmless, "{event:?}: {action:?}");
        }
    }
    assert_eq!(orders(&mut keeper, ms(10_000)), []);
}

#[test]
fn an_eip_is_prepared_repeated_and_forgotten_but_never_released_with_a_port_of_its_number() {
    let mut keeper = keeper();
    let eip = VipKey { address: "203.0.113.5".parse().unwrap(), ..key() };
    let incarnation = Incarnation(5);
    let prepare = Action::Order(Order::Prepare { key: eip, incarnation });
    let configured = Event::Configured { key: eip, incarnation, kind: Kind::Eip };
    assert_eq!(keeper.handle(ms(0), configured), [prepare]);
    keeper.handle(ms(0), up(1));
    let held = Notice::Moved { key: eip, record: record(9, 1, 1), cause: Cause::Here(MoveCause::HostLost) };
    keeper.handle(ms(0), Event::Noticed(held));
    assert_eq!(orders(&mut keeper, ms(500)).len(), 3, "announced again");
    assert_eq!(keeper.handle(ms(600), Event::PortDown(port(1))), []);
    assert_eq!(orders(&mut keeper, ms(9000)), []);
    let forget = Action::Order(Order::Forget { key: eip, incarnation });
    assert_eq!(keeper.handle(ms(9000), Event::Removed(eip)), [forget]);
}

#[test]
fn a_vip_withdrawn_from_its_holders_host_is_released_before_it_is_forgotten() {
    let mut keeper = keeper();
    keeper.handle(ms(0), up(11));
    keeper.handle(ms(1), moved(record(9, 1, 11), Cause::Here(MoveCause::Claim)));
    let forget = Action::Order(Order::Forget { key: key(), incarnation: Incarnation(5) });
    assert_eq!(keeper.handle(ms(2), Event::Removed(key())), [release(11), forget]);
    assert_eq!(keeper.handle(ms(3), Event::Removed(key())), []);
}

#[test]
fn a_corrected_claim_is_repeated_once_and_only_within_200_ms() {
    let greater = record(50, 2, 20);
    for (after, repeats) in [(0, true), (200, true), (201, false)] {
        let mut keeper = keeper();
        keeper.handle(ms(0), up(11));
        keeper.handle(ms(1000), moved(record(9, 1, 11), Cause::Here(MoveCause::Claim)));
        let cause = MoveCause::Repeated;
        let again = Order::Take { key: key(), port: port(11), mac: MAC, expected: Some(greater), cause };
        let actions = keeper.handle(ms(1000 + after), moved(greater, Cause::Corrected));
        assert_eq!(actions.contains(&Action::Order(again)), repeats, "{after} ms");
        let still_greater = record(60, 2, 20);
        assert_eq!(keeper.handle(ms(1000 + after), moved(still_greater, Cause::Corrected)), [], "once");
    }
}

#[test]
fn two_owners_are_reported_once_for_a_record_though_doubted_five_times() {
    let mut keeper = keeper();
    let held = record(9, 2, 20);
    keeper.handle(ms(0), moved(held, Cause::Announced));
    keeper.handle(ms(0), up(11));
    let mut reports = vec![];
    while let Some(at) = keeper.next_deadline().filter(|at| *at <= ms(6000)) {
        for action in keeper.handle(at, Event::DeadlineReached) {
            match action {
                Action::Order(Order::Doubt { record, .. }) => {
                    assert_eq!(record, held);
                    keeper.handle(at, Event::Noticed(Notice::Alive { key: key(), record }));
                }
                Action::Order(Order::Ask { .. }) => {
                    let notice =
                        Notice::Answered { key: key(), port: port(11), mac: MAC, advertised_recently: true };
                    keeper.handle(at, Event::Noticed(notice));
                }
                Action::Report(report) => reports.push(report),
                Action::SendRecords { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(reports, [Report::BothAnswer { key: key(), record: held, port: port(11) }]);
}

/// Any event about two VIPs, three ports of which two are told of here, and three hosts.
fn events() -> impl Strategy<Value = Event> {
    let key = prop_oneof![Just(key()), Just(VipKey { address: "2001:db8::5".parse().unwrap(), ..key() })];
    let port = (11u32..14).prop_map(port);
    let vni = Just(vni());
    let record = (4u64..7, 0u64..30, 1u32..4, 11u32..14, any::<bool>()).prop_map(
        |(incarnation, epoch, on, number, released)| Record {
            incarnation: Incarnation(incarnation),
            released,
            ..record(epoch, on, number)
        },
    );
    let cause = prop_oneof![
        Just(Cause::Here(MoveCause::Claim)),
        Just(Cause::Here(MoveCause::Released)),
        Just(Cause::Announced),
        Just(Cause::Corrected),
        Just(Cause::Merged),
    ];
    let ready_at = (0u64..20_000).prop_map(ms);
    prop_oneof![
        vni.clone().prop_map(Event::VpcJoined),
        vni.clone().prop_map(Event::VpcLeft),
        vni.clone().prop_map(Event::PullDone),
        (vni.clone(), vec((1u32..4).prop_map(host), 0..3))
            .prop_map(|(vni, peers)| Event::PeersChanged { vni, peers }),
        (port.clone(), vni).prop_map(|(port, vni)| Event::PortUp { port, vni }),
        port.clone().prop_map(Event::PortDown),
        (key.clone(), port.clone()).prop_map(|(key, port)| Event::Entitled { key, port }),
        (key.clone(), port.clone()).prop_map(|(key, port)| Event::Disentitled { key, port }),
        (key.clone(), 4u64..7).prop_map(|(key, incarnation)| Event::Configured {
            key,
            incarnation: Incarnation(incarnation),
            kind: Kind::Vip
        }),
        key.clone().prop_map(Event::Removed),
        (key.clone(), prop::option::of(record.clone()))
            .prop_map(|(key, record)| Event::RecordRead { key, record }),
        (key.clone(), record.clone(), cause).prop_map(|(key, record, cause)| Event::Noticed(Notice::Moved {
            key,
            record,
            cause
        })),
        (key.clone(), port.clone(), any::<bool>()).prop_map(|(key, port, advertised_recently)| {
            Event::Noticed(Notice::Answered { key, port, mac: MAC, advertised_recently })
        }),
        (key.clone(), record.clone()).prop_map(|(key, record)| Event::Noticed(Notice::Alive { key, record })),
        (key.clone(), record.clone())
            .prop_map(|(key, record)| Event::Noticed(Notice::Stalled { key, record })),
        (key, port, prop::option::of(record), ready_at).prop_map(|(key, port, expected, ready_at)| {
            Event::Noticed(Notice::Postponed { key, port, mac: MAC, expected, ready_at })
        }),
        Just(Event::ClockSet { offset: Duration::ZERO }),
        Just(Event::DeadlineReached),
    ]
}

/// Which ports may hold, kept in the plainest way.
#[derive(Default)]
struct Candidates {
    up: BTreeSet<PortNumber>,
    entitled: BTreeSet<(VipKey, PortNumber)>,
    configured: BTreeSet<VipKey>,
}

impl Candidates {
    fn note(&mut self, event: &Event) {
        match event {
            Event::PortUp { port, .. } => _ = self.up.insert(*port),
            Event::PortDown(port) => _ = self.up.remove(port),
            Event::Entitled { key, port } => _ = self.entitled.insert((*key, *port)),
            Event::Disentitled { key, port } => _ = self.entitled.remove(&(*key, *port)),
            Event::Configured { key, .. } => _ = self.configured.insert(*key),
            Event::Removed(key) => _ = self.configured.remove(key),
            _ => {}
        }
    }

    fn has(&self, key: VipKey, port: PortNumber) -> bool {
        self.up.contains(&port) && self.entitled.contains(&(key, port)) && self.configured.contains(&key)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1000), failure_persistence: None, ..ProptestConfig::default() })]

    /// Only candidates are asked and made holders, only others are released, and it never wakes for nothing twice.
    #[test]
    fn whatever_it_is_told_it_orders_only_what_may_be(events in vec((events(), 0u64..400), 0..80)) {
        let mut keeper = Keeper::new(host(1), 7);
        let mut candidates = Candidates::default();
        let mut now = ms(0);
        for (event, pause) in events {
            candidates.note(&event);
            let is_removal = matches!(event, Event::Removed(_));
            let mut actions = keeper.handle(now, event);
            now += ms(pause);
            let mut wakes = 0;
            while keeper.next_deadline().is_some_and(|at| at <= now) {
                actions.extend(keeper.handle(now, Event::DeadlineReached));
                wakes += 1;
                prop_assert!(wakes < 20, "stuck at {:?}", keeper.next_deadline());
            }
            for action in actions {
                match action {
                    Action::Order(Order::Ask { key, port } | Order::Take { key, port, .. }) => {
                        prop_assert!(candidates.has(key, port), "{:?}", action);
                    }
                    Action::Order(Order::Release { key, only: Release::Port(port) }) => {
                        prop_assert!(is_removal || !candidates.has(key, port), "{:?}", action);
                    }
                    Action::Order(Order::Release { only: Release::Exact(_), .. } | Order::Merge { .. }) => {
                        prop_assert!(false, "not the keeper's: {:?}", action);
                    }
                    _ => {}
                }
            }
        }
    }
}
