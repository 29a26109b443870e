//! A keeper in a joined VPC, and short words for what happens to it.

use havip_claim::{
    Cause, Notice, Order, Release,
    keeper::{Action, Event, Keeper, Kind},
};
use havip_model::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Record, VipKey, Vni};
use std::time::Duration;

pub const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}

pub fn port(number: u32) -> PortNumber {
    PortNumber::new(number).unwrap()
}

pub fn vni() -> Vni {
    Vni::new(7).unwrap()
}

pub fn key() -> VipKey {
    VipKey { vni: vni(), address: "10.0.0.100".parse().unwrap() }
}

pub fn record(epoch: u64, on: u32, number: u32) -> Record {
    let holder = Holder { host: host(on), port: port(number) };
    Record { incarnation: Incarnation(5), epoch: Epoch(epoch), holder, released: false, mac: MAC, moves: 1 }
}

pub fn configured(incarnation: u64) -> Event {
    Event::Configured { key: key(), incarnation: Incarnation(incarnation), kind: Kind::Vip }
}

pub fn moved(record: Record, cause: Cause) -> Event {
    Event::Noticed(Notice::Moved { key: key(), record, before: None, cause })
}

/// Another host released exactly this record.
pub fn released_by_others(held: Record) -> Event {
    let record = Record { released: true, ..held };
    Event::Noticed(Notice::Moved { key: key(), record, before: Some(held), cause: Cause::Announced })
}

pub fn up(number: u32) -> Event {
    Event::PortUp { port: port(number), vni: vni() }
}

pub fn ask(number: u32) -> Action {
    Action::Order(Order::Ask { key: key(), port: port(number) })
}

pub fn release(number: u32) -> Action {
    Action::Order(Order::Release { key: key(), only: Release::Port(port(number)) })
}

/// Host 1's keeper in a joined VPC, with port 11 entitled and down.
pub fn keeper() -> Keeper {
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
pub fn orders(keeper: &mut Keeper, until: Duration) -> Vec<(u128, Order)> {
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
