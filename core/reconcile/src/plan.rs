//! Desired minus observed, in an order in which no packet meets half a configuration.

use crate::compile::is_sound;
use crate::table::{Address, Entry, EntryKey, Port, Table};
use havip_model::{PortNumber, PortState};
use std::collections::BTreeSet;

/// One write to the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Under this key stands this entry.
    Put(EntryKey, Entry),
    /// Under this key stands nothing.
    Remove(EntryKey),
}

/// The writes that make `observed` into `desired`.
///
/// First the ports that must not act meanwhile become inactive or vanish; then new entries, what a packet needs
/// before what admits packets; then the ports; then old entries, the other way round.
pub fn plan(desired: &Table, observed: &Table) -> Vec<Step> {
    let all: BTreeSet<EntryKey> = desired.keys().chain(observed.keys()).copied().collect();
    plan_for(&all, desired, observed)
}

/// The same where only these keys may differ.
pub fn plan_for(touched: &BTreeSet<EntryKey>, desired: &Table, observed: &Table) -> Vec<Step> {
    let (mut first, mut puts, mut ports, mut removes) = (vec![], vec![], vec![], vec![]);

    let mut paused = BTreeSet::new();
    for (number, port) in observed_ports(observed) {
        let key = EntryKey::Port(number);
        // A port may stay as it is while the entries around it become the desired ones, if these bear it too.
        match desired.get(&key) {
            _ if !touched.contains(&key) && is_sound(desired, number, port) => {}
            None => first.push(Step::Remove(key)),
            Some(Entry::Port(wanted)) if wanted.state == PortState::Inactive => {
                if wanted != port {
                    first.push(Step::Put(key, Entry::Port(wanted.clone())));
                    paused.insert(key);
                }
            }
            Some(_) if is_sound(desired, number, port) => {}
            Some(wanted) => {
                first.push(Step::Put(key, Entry::Port(Port { state: PortState::Inactive, ..port.clone() })));
                ports.push(Step::Put(key, wanted.clone()));
                paused.insert(key);
            }
        }
    }

    for key in touched {
        match (desired.get(key), observed.get(key)) {
            (Some(wanted), found) if Some(wanted) != found => match key {
                EntryKey::Port(_) if paused.contains(key) => {}
                EntryKey::Port(_) => ports.push(Step::Put(*key, wanted.clone())),
                _ => puts.push((rank(wanted), Step::Put(*key, wanted.clone()))),
            },
            (None, Some(found)) if !matches!(key, EntryKey::Port(_)) => {
                removes.push((rank(found), Step::Remove(*key)));
            }
            _ => {}
        }
    }
    puts.sort_by_key(|(rank, _)| *rank);
    removes.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));

    let steps = |ranked: Vec<(u8, Step)>| ranked.into_iter().map(|(_, step)| step);
    first.into_iter().chain(steps(puts)).chain(ports).chain(steps(removes)).collect()
}

fn observed_ports(observed: &Table) -> impl Iterator<Item = (PortNumber, &Port)> {
    observed.range(EntryKey::Port(PortNumber::MIN)..).filter_map(|(key, entry)| match (key, entry) {
        (EntryKey::Port(number), Entry::Port(port)) => Some((*number, port)),
        _ => None,
    })
}

/// What needs what: an entry comes after all that it makes packets look up.
///
/// Entitlements come before their VIP, so that a VIP never refuses its own ports.
fn rank(entry: &Entry) -> u8 {
    match entry {
        Entry::Host { .. } => 0,
        Entry::Members { .. } => 1,
        Entry::Subnet { .. } => 2,
        Entry::Address(Address::Gateway { .. } | Address::Interface { .. } | Address::Segment { .. }) => 3,
        Entry::Mac { .. } => 4,
        Entry::Entitled { .. } | Entry::AdvertSource => 5,
        Entry::Address(Address::Vip { .. }) => 6,
        Entry::Route { .. } | Entry::Pool { .. } | Entry::Segment { .. } => 7,
        Entry::Nat { .. } => 8,
        Entry::Eip { .. } => 9,
        Entry::Group(_) | Entry::Membership { .. } => 9,
        Entry::Port(_) => 10,
    }
}

#[cfg(test)]
mod tests;
