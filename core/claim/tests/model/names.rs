//! What everything is called: three hosts with one port each, VIPs of one subnet.

use havip_claim::{
    keeper::Kind,
    switch::{Configured, Event, Port},
};
use havip_model::{HostNumber, Incarnation, MacAddr, PortNumber, SubnetNumber, VipKey, Vni};
use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
    time::Duration,
};

pub const HOSTS: usize = 3;
/// The host between the two that do not know each other, where there is one.
pub const RELAY: usize = 1;
pub const INCARNATION: Incarnation = Incarnation(1);

pub fn hosts() -> impl Iterator<Item = usize> {
    0..HOSTS
}
pub fn others(host: usize) -> impl Iterator<Item = usize> {
    hosts().filter(move |other| *other != host)
}
pub fn vni() -> Vni {
    Vni::MIN
}
pub fn vip(index: usize) -> VipKey {
    VipKey { vni: vni(), address: [10, 0, 0, 100 + index as u8].into() }
}
pub fn number(host: usize) -> HostNumber {
    HostNumber::new(host as u32 + 1).unwrap()
}
pub fn index(host: HostNumber) -> usize {
    host.get() as usize - 1
}
/// The one port of a host.
pub fn port(host: usize) -> PortNumber {
    PortNumber::new(host as u32 + 11).unwrap()
}
pub fn mac(host: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, host as u8])
}
pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How announcements go to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Each host sends to each other.
    Direct,
    /// The first and the last host know the one between them alone, which is their relay (C4).
    Relayed,
}

impl Way {
    /// What a host's switch is told of the others.
    pub fn members(self, host: usize) -> Vec<Event> {
        let numbers = |hosts: Vec<usize>| hosts.into_iter().map(number).collect();
        let knows_all = self == Self::Direct || host == RELAY;
        let sends_to = if knows_all { others(host).collect() } else { vec![RELAY] };
        let is_relay = self == Self::Relayed && host == RELAY;
        let passes_on = if is_relay { others(RELAY).collect() } else { vec![] };
        vec![
            Event::MembersSet { vni: vni(), others: numbers(sends_to) },
            Event::RelayedSet { vni: vni(), hosts: numbers(passes_on) },
        ]
    }
}

/// A VIP as the switch's maps have it.
pub fn configured(hold: bool) -> Configured {
    let subnet = SubnetNumber::MIN;
    Configured { incarnation: INCARNATION, kind: Kind::Vip, subnet, subnet_binding: false, hold }
}

/// The host's port as the switch's maps have it.
pub fn port_is(host: usize, is_active: bool) -> Event {
    let state = Port { vni: vni(), subnet: SubnetNumber::MIN, is_active };
    Event::PortSet { port: port(host), state }
}

/// Two states of the same print are taken for one and the same; they are, but once in 2⁶⁴.
pub fn print(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
