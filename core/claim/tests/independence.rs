//! Two VIPs share nothing: what happens to one of them is what would happen if it were the only one.
//!
//! So what `tests/model` finds for one VIP holds for each of any number.

use havip_claim::{
    Cause, Notice, Order, Release,
    keeper::{self, Keeper, Kind},
    switch::{Configured, Event, Message, MessageKind, Port, SwitchModel},
};
use havip_model::{
    Epoch, Holder, HostNumber, Incarnation, MacAddr, MoveCause, PortNumber, Record, SubnetNumber, VipKey, Vni,
};
use proptest::{collection::vec, prelude::*};
use std::time::Duration;

fn vip(index: u8) -> VipKey {
    VipKey { vni: Vni::MIN, address: [10, 0, 0, 100 + index].into() }
}
fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}
fn port(number: u8) -> PortNumber {
    PortNumber::new(u32::from(number) + 11).unwrap()
}
fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

/// What may be told to a switch and a keeper; `None` as the VIP: it concerns both.
#[derive(Debug, Clone)]
struct Told {
    vip: Option<u8>,
    what: What,
    after_ms: u64,
}

#[derive(Debug, Clone)]
enum What {
    Switch(Event),
    Keeper(keeper::Event),
}

fn records() -> impl Strategy<Value = Record> {
    (0u64..4, 1u32..4, 0u8..2, any::<bool>()).prop_map(|(epoch, by, number, released)| Record {
        incarnation: Incarnation(1),
        epoch: Epoch(epoch),
        holder: Holder { host: host(by), port: port(number) },
        released,
        mac: mac(number),
        moves: 1,
    })
}

fn of_one(index: u8) -> impl Strategy<Value = What> {
    let key = vip(index);
    let kinds = prop_oneof![
        Just(MessageKind::Announce),
        Just(MessageKind::Correction),
        Just(MessageKind::Doubt),
        Just(MessageKind::Alive),
        Just(MessageKind::Stalled)
    ];
    let message = (kinds, records(), 2u32..4).prop_map(move |(kind, record, from)| {
        Event::Received(Message { kind, from: host(from), hops: 0, key, record })
    });
    let order = prop_oneof![
        records().prop_map(move |record| Order::Merge { key, record }),
        (0u8..2).prop_map(move |number| Order::Release { key, only: Release::Port(port(number)) }),
        records().prop_map(move |record| Order::Release { key, only: Release::Exact(record) }),
        (0u8..2).prop_map(move |number| Order::Ask { key, port: port(number) }),
        records().prop_map(move |record| Order::Doubt { key, record }),
        Just(Order::Announce { key }),
        (0u8..2, prop::option::of(records())).prop_map(move |(number, expected)| Order::Take {
            key,
            port: port(number),
            mac: mac(number),
            expected,
            cause: MoveCause::Doubted
        }),
    ];
    let notice = prop_oneof![
        (records(), prop::bool::ANY).prop_map(move |(record, here)| {
            let cause = if here { Cause::Here(MoveCause::Claim) } else { Cause::Announced };
            Notice::Moved { key, record, before: None, cause }
        }),
        (0u8..2).prop_map(move |number| {
            Notice::Answered { key, port: port(number), mac: mac(number), advertised_recently: false }
        }),
        records().prop_map(move |record| Notice::Alive { key, record }),
        (0u8..2, records()).prop_map(move |(number, expected)| {
            Notice::Contested { key, port: port(number), mac: mac(number), expected }
        }),
        records().prop_map(move |record| Notice::Stalled { key, record }),
    ];
    prop_oneof![
        message.prop_map(What::Switch),
        order.prop_map(|order| What::Switch(Event::Ordered(order))),
        (0u8..2).prop_map(move |number| {
            What::Switch(Event::Claimed { port: port(number), address: key.address, mac: mac(number) })
        }),
        (0u8..2).prop_map(move |number| {
            let (port, address, mac) = (port(number), key.address, mac(number));
            What::Switch(Event::Replied { port, address, mac, advertised_recently: false })
        }),
        notice.prop_map(|notice| What::Keeper(keeper::Event::Noticed(notice))),
        prop::option::of(records())
            .prop_map(move |record| What::Keeper(keeper::Event::RecordRead { key, record })),
    ]
}

fn of_both() -> impl Strategy<Value = What> {
    let state = |is_active| Port { vni: Vni::MIN, subnet: SubnetNumber::MIN, is_active };
    prop_oneof![
        (0u8..2, any::<bool>()).prop_map(move |(number, up)| What::Switch(Event::PortSet {
            port: port(number),
            state: state(up)
        })),
        Just(What::Switch(Event::Heartbeat)),
        (0u8..2).prop_map(|number| What::Keeper(keeper::Event::PortUp { port: port(number), vni: Vni::MIN })),
        (0u8..2).prop_map(|number| What::Keeper(keeper::Event::PortDown(port(number)))),
        Just(What::Keeper(keeper::Event::DeadlineReached)),
    ]
}

fn told() -> impl Strategy<Value = Told> {
    let what = prop_oneof![
        5 => of_one(0).prop_map(|what| (Some(0), what)),
        5 => of_one(1).prop_map(|what| (Some(1), what)),
        4 => of_both().prop_map(|what| (None, what)),
    ];
    (what, 0u64..60).prop_map(|((vip, what), after_ms)| Told { vip, what, after_ms })
}

/// A switch and a keeper that have these VIPs.
fn begun(vips: &[u8]) -> (SwitchModel, Keeper) {
    let (mut switch, mut keeper) = (SwitchModel::new(host(1)), Keeper::new(host(1), 1));
    let now = Duration::from_secs(100);
    let others = vec![host(2), host(3)];
    switch.handle(now, Event::MembersSet { vni: Vni::MIN, others });
    keeper.handle(now, keeper::Event::VpcJoined(Vni::MIN));
    for key in vips.iter().copied().map(vip) {
        let (incarnation, kind, subnet) = (Incarnation(1), Kind::Vip, SubnetNumber::MIN);
        let configured = Configured { incarnation, kind, subnet, subnet_binding: false, hold: true };
        switch.handle(now, Event::Ordered(Order::Prepare { key, incarnation }));
        switch.handle(now, Event::Configured { key, configured });
        for port in [0, 1].map(port) {
            switch.handle(now, Event::Entitled { key, port });
            keeper.handle(now, keeper::Event::Entitled { key, port });
        }
        keeper.handle(now, keeper::Event::Configured { key, incarnation, kind });
    }
    keeper.handle(now, keeper::Event::PullDone(Vni::MIN));
    (switch, keeper)
}

/// The VIP that the keeper wants something of; none: of a VPC.
fn ordered(action: &keeper::Action) -> Option<VipKey> {
    match action {
        keeper::Action::Order(
            Order::Merge { key, .. }
            | Order::Release { key, .. }
            | Order::Take { key, .. }
            | Order::Ask { key, .. }
            | Order::Doubt { key, .. }
            | Order::Announce { key }
            | Order::HoldOff { key, .. }
            | Order::Prepare { key, .. }
            | Order::Forget { key, .. },
        ) => Some(*key),
        keeper::Action::Report(
            keeper::Report::BothAnswer { key, .. }
            | keeper::Report::BothAnswerNoMore { key, .. }
            | keeper::Report::ClockAhead { key, .. },
        ) => Some(*key),
        _ => None,
    }
}

proptest! {
    #[test]
    fn two_vips_in_a_switch_and_a_keeper_are_as_if_each_were_alone(told in vec(told(), 1..80)) {
        let (mut switch, mut keeper) = begun(&[0, 1]);
        let mut alone = [begun(&[0]), begun(&[1])];
        let mut now = Duration::from_secs(100);
        for Told { vip: of, what, after_ms } in told {
            now += Duration::from_millis(after_ms);
            let concerned: Vec<u8> = of.map_or(vec![0, 1], |index| vec![index]);
            match what {
                What::Switch(event) => {
                    let together = switch.handle(now, event.clone());
                    let apart: Vec<_> = concerned
                        .iter()
                        .flat_map(|index| alone[usize::from(*index)].0.handle(now, event.clone()))
                        .collect();
                    prop_assert_eq!(together, apart);
                }
                What::Keeper(event) => {
                    let together = keeper.handle(now, event.clone());
                    for index in concerned {
                        let apart = alone[usize::from(index)].1.handle(now, event.clone());
                        let of_it = |actions: &[keeper::Action]| {
                            let its = actions.iter().filter(|action| ordered(action) == Some(vip(index)));
                            its.copied().collect::<Vec<_>>()
                        };
                        prop_assert_eq!(of_it(&together), of_it(&apart));
                    }
                    prop_assert!(together.iter().filter_map(ordered).all(|key| [0, 1].map(vip).contains(&key)));
                }
            }
            for index in [0, 1] {
                let its = &alone[usize::from(index)];
                prop_assert_eq!(switch.record(vip(index)), its.0.record(vip(index)));
                prop_assert_eq!(keeper.record(vip(index)), its.1.record(vip(index)));
            }
        }
    }
}
