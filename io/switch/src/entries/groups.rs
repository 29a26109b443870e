//! A security group's tables as map entries: many of them, written and removed as one.

use super::encode::Write;
use crate::{
    Switch,
    error::MapError,
    layout::{self, Plain},
};
use havip_groups::{Bits, Compiled, Net, Service};
use havip_model::{Direction, Edition, GroupNumber, RuleNumber};
use libbpf_rs::{MapCore, MapFlags};
use std::collections::BTreeMap;

/// The maps that tables are made of.
pub const MAPS: [&str; 4] = ["group_nets", "group_peers", "group_services", "group_rules"];

/// Everything that the tables write; the rules last, for without them nothing passes.
pub fn writes(edition: Edition, compiled: &Compiled) -> Vec<Write> {
    let bits = |bits: &Bits| Some(layout::RuleBits { words: bits.0 }.bytes().to_vec());
    let mut writes = vec![];
    for ((direction, net), rules) in &compiled.nets {
        let key = layout::NetKey {
            prefixlen: 32 + u32::from(net.length),
            table: table(edition, *direction).to_be_bytes(),
            address: net.address,
        };
        writes.push(Write { map: "group_nets", key: key.bytes().to_vec(), value: bits(rules) });
    }
    for ((direction, group), rules) in &compiled.peers {
        let key = layout::PeerKey {
            table: table(edition, *direction),
            group: group.map_or(0, |group| group.get()),
        };
        writes.push(Write { map: "group_peers", key: key.bytes().to_vec(), value: bits(rules) });
    }
    for ((direction, service), rules) in &compiled.services {
        let (prefixlen, protocol, port) = match *service {
            Service::Any => (32, 0, 0),
            Service::Of { protocol, port, length } => (40 + u32::from(length), protocol, port),
        };
        let table = table(edition, *direction).to_be_bytes();
        let key = layout::ServiceKey { prefixlen, table, protocol, port: port.to_be_bytes(), zero: 0 };
        writes.push(Write { map: "group_services", key: key.bytes().to_vec(), value: bits(rules) });
    }
    for (place, (rank, number)) in (0..).zip(&compiled.rules) {
        let key = layout::RuleKey { edition: edition.get(), place };
        let rule = layout::Rule { rank: (*rank).into(), number: number.get() };
        writes.push(Write {
            map: "group_rules",
            key: key.bytes().to_vec(),
            value: Some(rule.bytes().to_vec()),
        });
    }
    writes
}

/// Removals of what the old tables wrote and the new ones do not, in the other order.
pub fn leftovers(edition: Edition, old: &Compiled, new: Option<&Compiled>) -> Vec<Write> {
    let kept = new.map(|new| writes(edition, new)).unwrap_or_default();
    let kept: std::collections::BTreeSet<_> = kept.iter().map(|write| (write.map, &write.key)).collect();
    let old = writes(edition, old).into_iter().rev();
    let gone = old.filter(|write| !kept.contains(&(write.map, &write.key)));
    gone.map(|write| Write { value: None, ..write }).collect()
}

/// The tables that the maps hold, whole or not.
pub fn read(switch: &Switch) -> Result<BTreeMap<Edition, Compiled>, MapError> {
    let mut found: BTreeMap<Edition, Compiled> = BTreeMap::new();
    let mut places: BTreeMap<(Edition, u32), (u16, RuleNumber)> = BTreeMap::new();
    for map in MAPS {
        let handle = switch.map(map);
        for key in handle.keys() {
            let read = handle.lookup(&key, MapFlags::ANY);
            let value = read.map_err(|source| MapError::Kernel { what: "read", map, source })?;
            let Some(value) = value else { continue }; // removed meanwhile
            entry(map, &key, &value, &mut found, &mut places).ok_or(MapError::Foreign { map })?;
        }
    }
    for ((edition, _), rule) in places {
        found.entry(edition).or_default().rules.push(rule);
    }
    Ok(found)
}

fn entry(
    map: &str,
    key: &[u8],
    value: &[u8],
    found: &mut BTreeMap<Edition, Compiled>,
    places: &mut BTreeMap<(Edition, u32), (u16, RuleNumber)>,
) -> Option<()> {
    let bits = || layout::RuleBits::read(value).map(|bits| Bits(bits.words));
    match map {
        "group_nets" => {
            let key = layout::NetKey::read(key)?;
            let (edition, direction) = of_table(u32::from_be_bytes(key.table))?;
            let length = u8::try_from(key.prefixlen.checked_sub(32)?).ok()?;
            let net = Net { address: key.address, length };
            found.entry(edition).or_default().nets.insert((direction, net), bits()?);
        }
        "group_peers" => {
            let key = layout::PeerKey::read(key)?;
            let (edition, direction) = of_table(key.table)?;
            let group = GroupNumber::new(key.group).ok();
            found.entry(edition).or_default().peers.insert((direction, group), bits()?);
        }
        "group_services" => {
            let key = layout::ServiceKey::read(key)?;
            let (edition, direction) = of_table(u32::from_be_bytes(key.table))?;
            let service = match key.prefixlen.checked_sub(40) {
                None => Service::Any,
                Some(length) => Service::Of {
                    protocol: key.protocol,
                    port: u16::from_be_bytes(key.port),
                    length: u8::try_from(length).ok()?,
                },
            };
            found.entry(edition).or_default().services.insert((direction, service), bits()?);
        }
        _ => {
            let (key, rule) = (layout::RuleKey::read(key)?, layout::Rule::read(value)?);
            let number = RuleNumber::new(rule.number).ok()?;
            places.insert((Edition::new(key.edition).ok()?, key.place), (rule.rank as u16, number));
        }
    }
    Some(())
}

fn table(edition: Edition, direction: Direction) -> u32 {
    edition.get() << 1 | u32::from(direction == Direction::Egress)
}

fn of_table(table: u32) -> Option<(Edition, Direction)> {
    let direction = if table & 1 == 1 { Direction::Egress } else { Direction::Ingress };
    Some((Edition::new(table >> 1).ok()?, direction))
}
