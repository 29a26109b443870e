//! Flows of an interval: what hosts tell each second, one connection's together.

use havip_model::HostNumber;
use havip_stream::proto::LoggedFlow;
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// What was heard since the last interval.
#[derive(Debug, Default)]
pub struct Gathered {
    flows: BTreeMap<Key, LoggedFlow>,
    /// Packets that are in none of them, as there was no room.
    pub lost: u64,
    /// Hosts that were not heard all the time.
    pub missing: BTreeSet<HostNumber>,
}

/// What one flow has in common: whose it is on which host, and what became of it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    host: HostNumber,
    ports: (u32, u32),
    addresses: (Vec<u8>, Vec<u8>),
    protocol: u32,
    services: (u32, u32),
    reason: String,
}

impl Key {
    fn of(host: HostNumber, flow: &LoggedFlow) -> Self {
        Self {
            host,
            ports: (flow.from_port, flow.to_port),
            addresses: (flow.source.clone(), flow.destination.clone()),
            protocol: flow.protocol,
            services: (flow.source_port, flow.destination_port),
            reason: flow.reason.clone(),
        }
    }
}

impl Gathered {
    /// A host tells of packets.
    pub fn add(&mut self, host: HostNumber, more: LoggedFlow) {
        let is_full = self.is_full();
        match self.flows.entry(Key::of(host, &more)) {
            Entry::Occupied(mut flow) => {
                let flow = flow.get_mut();
                flow.first_us = flow.first_us.min(more.first_us);
                flow.last_us = flow.last_us.max(more.last_us);
                flow.packets += more.packets;
                flow.bytes += more.bytes;
            }
            Entry::Vacant(_) if is_full => self.lost += more.packets,
            Entry::Vacant(room) => drop(room.insert(more)),
        }
    }

    /// Whether there is no room for another connection.
    pub fn is_full(&self) -> bool {
        self.flows.len() >= MOST
    }

    /// All of it, in the order in which they began.
    pub fn take(&mut self) -> (Vec<(HostNumber, LoggedFlow)>, u64, BTreeSet<HostNumber>) {
        let Self { flows, lost, missing } = std::mem::take(self);
        let mut flows: Vec<_> = flows.into_iter().map(|(key, flow)| (key.host, flow)).collect();
        flows.sort_by_key(|(_, flow)| flow.first_us);
        (flows, lost, missing)
    }
}

/// Connections of an interval: some 20 MiB.
const MOST: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u32) -> HostNumber {
        HostNumber::new(number).unwrap()
    }

    fn flow(source_port: u32, first_us: u64, packets: u64) -> LoggedFlow {
        let last_us = first_us + 10;
        LoggedFlow { source_port, first_us, last_us, packets, bytes: packets * 100, ..Default::default() }
    }

    #[test]
    fn packets_of_a_connection_are_one_flow_unless_another_host_or_another_end_says_otherwise() {
        let mut gathered = Gathered::default();
        gathered.add(host(1), flow(4000, 70, 1));
        gathered.add(host(1), flow(4000, 20, 2));
        gathered.add(host(2), flow(4000, 50, 4));
        let dropped = LoggedFlow { reason: "no_route".into(), ..flow(4000, 60, 8) };
        gathered.add(host(1), dropped.clone());

        let (flows, lost, missing) = gathered.take();

        let whole = LoggedFlow { last_us: 80, ..flow(4000, 20, 3) };
        assert_eq!(flows, [(host(1), whole), (host(2), flow(4000, 50, 4)), (host(1), dropped)]);
        assert_eq!((lost, missing.len(), gathered.take().0.len()), (0, 0, 0));
    }

    #[test]
    fn a_full_interval_counts_on_what_it_has_and_says_what_it_has_not() {
        let mut gathered = Gathered::default();
        for port in 0..MOST as u32 + 5 {
            gathered.add(host(1), flow(port, 1, 3));
        }
        assert!(gathered.is_full());
        gathered.add(host(1), flow(7, 2, 1));
        let (flows, lost, _) = gathered.take();
        let seventh = flows.iter().find(|(_, flow)| flow.source_port == 7).unwrap();
        assert_eq!((flows.len(), lost, seventh.1.packets), (MOST, 15, 4));
        assert!(!gathered.is_full());
    }
}
