//! What it never does, whatever it is told.

use crate::scene::*;
use havip_claim::{
    Cause, Notice, Order, Release,
    keeper::{Action, Event, Keeper, Kind},
};
use havip_model::{Digest, Incarnation, MoveCause, PortNumber, Record, VipKey};
use proptest::{collection::vec, prelude::*};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

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
        Just(Cause::AnnouncedDown),
        Just(Cause::Corrected),
        Just(Cause::Merged),
    ];
    let ready_at = (0u64..20_000).prop_map(ms);
    prop_oneof![
        vni.prop_map(Event::VpcJoined),
        vni.prop_map(Event::VpcLeft),
        vni.prop_map(Event::PullDone),
        (vni, prop::option::of(Just(Digest::default()))).prop_map(|(vni, digest)| Event::Compared {
            vni,
            peer: host(2),
            digest
        }),
        (vni, vec((1u32..4).prop_map(host), 0..3))
            .prop_map(|(vni, peers)| Event::PeersChanged { vni, peers }),
        (port.clone(), vni).prop_map(|(port, vni)| Event::PortUp { port, vni }),
        port.clone().prop_map(Event::PortDown),
        port.clone().prop_map(Event::PortLeft),
        (port.clone(), vni).prop_map(|(port, vni)| Event::PortArrives { port, vni }),
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
        (key.clone(), record.clone(), any::<bool>(), cause).prop_map(|(key, record, was_held, cause)| {
            let before = was_held.then_some(Record { released: false, ..record });
            Event::Noticed(Notice::Moved { key, record, before, cause })
        }),
        (key.clone(), port.clone(), any::<bool>()).prop_map(|(key, port, advertised_recently)| {
            Event::Noticed(Notice::Answered { key, port, mac: MAC, advertised_recently })
        }),
        (key.clone(), record.clone()).prop_map(|(key, record)| Event::Noticed(Notice::Alive { key, record })),
        (key.clone(), record.clone())
            .prop_map(|(key, record)| Event::Noticed(Notice::Stalled { key, record })),
        (key.clone(), port.clone(), record.clone()).prop_map(|(key, port, expected)| {
            Event::Noticed(Notice::Contested { key, port, mac: MAC, expected })
        }),
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
            Event::PortDown(port) | Event::PortLeft(port) => _ = self.up.remove(port),
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
        let mut records = BTreeMap::new();
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
            for key in &candidates.configured {
                records.extend(keeper.record(*key).map(|record| (*key, record)));
            }
            records.retain(|key, record| keeper.record(*key) == Some(*record));
            prop_assert_eq!(keeper.digest(vni()), Digest::of(&records), "kept up record by record");
            for action in actions {
                match action {
                    Action::Order(Order::Ask { key, port } | Order::Take { key, port, .. }) => {
                        prop_assert!(candidates.has(key, port), "{:?}", action);
                    }
                    Action::Order(Order::Release { key, only: Release::Port(port) | Release::Down(port) }) => {
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
