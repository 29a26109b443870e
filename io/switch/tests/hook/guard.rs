//! Ports with security groups, and time that passes for their connections.

use super::{Hook, host, mac, own, port, subnet_of, vni};
use havip_groups::{Compiled, GroupPeer, GroupRule, Tuple, ticks};
use havip_model::{
    Direction, Edition, GroupNumber, MacAddr, PortNumber, Ports, Protocol, RuleAction, RuleNumber,
};
use havip_reconcile::table::{Entry, EntryKey};
use libbpf_rs::{MapCore, MapFlags};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicU32, Ordering},
};

/// A rule that lets everything pass between the port and somebody.
pub fn allow(direction: Direction, peer: GroupPeer) -> GroupRule {
    GroupRule {
        number: RuleNumber::MIN,
        direction,
        action: RuleAction::Allow,
        priority: 100,
        protocol: Protocol::All,
        ports: None,
        peer,
    }
}

/// The same of this protocol, and of these ports of it.
pub fn only(protocol: Protocol, ports: Option<(u16, u16)>, rule: GroupRule) -> GroupRule {
    GroupRule { protocol, ports: ports.map(|(first, last)| Ports::new(first, last).unwrap()), ..rule }
}

pub fn group(number: u32) -> GroupNumber {
    GroupNumber::new(number).unwrap()
}

pub fn net(text: &str) -> GroupPeer {
    GroupPeer::Prefix(text.parse().unwrap())
}

/// A connection as the kernel keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub tuple: [u8; 40],
    pub state: u8,
}

impl Hook {
    /// The port has groups with these rules; their numbers count from 1, one group after the other.
    pub fn guard(&self, number: u32, groups: &[&[GroupRule]]) -> Vec<Edition> {
        let mut next = 1;
        let editions: Vec<_> = groups
            .iter()
            .map(|rules| {
                let edition = Edition::new(NEXT_EDITION.fetch_add(1, Ordering::Relaxed)).unwrap();
                let numbered: Vec<_> = rules
                    .iter()
                    .map(|rule| {
                        let number = RuleNumber::new(next).unwrap();
                        next += 1;
                        GroupRule { number, ..*rule }
                    })
                    .collect();
                self.put(EntryKey::Group(edition), Entry::Group(Box::new(Compiled::of(&numbered))));
                edition
            })
            .collect();
        self.guard_by(number, Some(editions.clone()));
        editions
    }

    /// The port has these editions of rules.
    pub fn guard_by(&self, number: u32, editions: Option<Vec<Edition>>) {
        let key = EntryKey::Port(port(number));
        let Some(Entry::Port(mut entry)) = self.switch.entries().unwrap().remove(&key) else {
            panic!("port {number} is not there")
        };
        entry.editions = editions;
        self.put(key, Entry::Port(entry));
    }

    /// The port is in these groups.
    pub fn belongs(&self, number: u32, groups: &[u32]) {
        let groups = groups.iter().copied().map(group).collect();
        self.put(EntryKey::Membership(port(number)), Entry::Membership { groups });
    }

    /// What a map that only the kernel writes begins its one entry with.
    pub fn flow_seed(&self) -> u64 {
        let bytes = self.memory("flow_seed").lookup(&[0; 4], MapFlags::ANY).unwrap().unwrap();
        u64::from_ne_bytes(bytes.try_into().unwrap())
    }

    /// The connections of a port, over or not.
    pub fn flows(&self, number: u32) -> Vec<Kept> {
        let map = self.memory("flows");
        let mut found = vec![];
        for key in map.keys().filter(|key| key[..4] == number.to_ne_bytes()) {
            let set = map.lookup(&key, MapFlags::ANY).unwrap().unwrap();
            let ways = set[8..].chunks_exact(56).filter(|way| way[52] != 0);
            found.extend(ways.map(|way| Kept { tuple: way[..40].try_into().unwrap(), state: way[52] }));
        }
        found
    }

    /// Lets so many seconds pass for all connections.
    pub fn age_flows(&self, seconds: u64) {
        let map = self.memory("flows");
        for key in map.keys().collect::<Vec<_>>() {
            let mut set = map.lookup(&key, MapFlags::ANY).unwrap().unwrap();
            for way in set[8..].chunks_exact_mut(56) {
                for at in [40, 44] {
                    let then = u32::from_ne_bytes(way[at..at + 4].try_into().unwrap());
                    let then = then.wrapping_sub(ticks(seconds));
                    way[at..at + 4].copy_from_slice(&then.to_ne_bytes());
                }
            }
            map.update(&key, &set, MapFlags::ANY).unwrap();
        }
    }

    /// Nothing was ever seen.
    pub fn forget_flows(&self) {
        for map in ["flows", "fragments"] {
            let map = self.memory(map);
            for key in map.keys().collect::<Vec<_>>() {
                map.delete(&key).unwrap();
            }
        }
    }

    /// Whose drops these are: how many of a reason each port has.
    pub fn drops_of(&self, reason: u16) -> BTreeMap<Option<PortNumber>, u64> {
        let drops = self.switch.drops().unwrap().into_iter().filter(|drop| drop.reason.0 == reason);
        drops.map(|drop| (drop.port, drop.count)).collect()
    }
}

/// The connection of port 11 of this host.
pub fn tuple(protocol: u8, peer: IpAddr, own_port: u16, peer_port: u16) -> Tuple {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    Tuple { own: octets(own(11).into()), peer: octets(peer), own_port, peer_port, protocol }
}

/// An address of the VPC that stands for an interface of host 2.
pub fn stranger(hook: &Hook, last: u8) -> (MacAddr, Ipv4Addr) {
    let address = Ipv4Addr::new(10, 0, 0, last);
    let entry = havip_reconcile::table::Address::Interface {
        subnet: subnet_of(11),
        port: port(last.into()),
        host: Some(host(2)),
        mac: mac(last.into()),
        source_dest_check: true,
        primary: true,
    };
    hook.put(EntryKey::Address(vni(), address.into()), Entry::Address(entry));
    (mac(last.into()), address)
}

static NEXT_EDITION: AtomicU32 = AtomicU32::new(1);
