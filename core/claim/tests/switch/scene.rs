//! A switch with two entitled ports, and short words for what happens to it.

use havip_claim::{
    Cause, Notice, Order,
    keeper::Kind,
    switch::{Action, Configured, Event, Message, MessageKind, Port, SwitchModel},
};
use havip_model::{
    Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Record, SubnetNumber, VipKey, Vni,
};
use std::time::Duration;

pub const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
pub const VMAC: MacAddr = MacAddr::vrrp(false, 51);

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

pub fn subnet(number: u32) -> SubnetNumber {
    SubnetNumber::new(number).unwrap()
}

pub fn configured(incarnation: u64) -> Configured {
    Configured {
        incarnation: Incarnation(incarnation),
        kind: Kind::Vip,
        subnet: subnet(3),
        subnet_binding: false,
        hold: false,
    }
}

pub fn active(is_active: bool) -> Port {
    Port { vni: vni(), subnet: subnet(3), is_active }
}

/// Host 1 of three, with the entitled ports 11 and 12 and the VIP's fifth incarnation, at 1970 + 1000 s.
pub fn switch() -> SwitchModel {
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

pub fn claimed(number: u32, mac: MacAddr) -> Event {
    Event::Claimed { port: port(number), address: key().address, mac }
}

pub fn replied(number: u32) -> Event {
    Event::Replied { port: port(number), address: key().address, mac: MAC, advertised_recently: true }
}

pub fn record(incarnation: u64, epoch: u64, on: u32, number: u32) -> Record {
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

pub fn heard(kind: MessageKind, record: Record) -> Event {
    Event::Received(Message { hops: 0, kind, from: host(2), key: key(), record })
}

/// The announcements of a record to both other hosts.
pub fn told(kind: MessageKind, record: Record) -> [Action; 2] {
    [2, 3].map(|to| Action::Send {
        to: host(to),
        message: Message { hops: 0, kind, from: host(1), key: key(), record },
    })
}

pub fn moved(before: Option<Record>, record: Record, cause: Cause) -> Action {
    Action::Notify(Notice::Moved { key: key(), record, before, cause })
}
