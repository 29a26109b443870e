//! Three switches and what was ever sent between them.

use super::{BOOTED, Budget};
use crate::names::{HOSTS, INCARNATION, index, mac, ms, number, port, print, vip, vni};
use havip_claim::switch::{Message, MessageKind, SwitchModel};
use havip_model::Record;
use std::{
    collections::BTreeSet,
    fmt,
    hash::{Hash, Hasher},
    time::Duration,
};

#[derive(Clone)]
pub struct State {
    pub switches: [SwitchModel; HOSTS],
    pub up: [bool; HOSTS],
    pub lost_map: [bool; HOSTS],
    pub sent: BTreeSet<Sent>,
    pub budget: Budget,
    /// Steps so far: a host answers with its greater record once in a millisecond, and each step is one.
    pub moment: u64,
    pub broken: Option<&'static str>,
}

/// A record on its way to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sent {
    pub to: usize,
    pub vip: usize,
    pub record: [u64; 2],
    /// A relay passes it on.
    pub is_to_be_relayed: bool,
}

impl State {
    pub fn now(&self) -> Duration {
        BOOTED + ms(self.moment)
    }

    pub fn record(&self, host: usize, vip_index: usize) -> Option<Record> {
        self.switches[host].record(vip(vip_index))
    }

    pub fn rank(&self, host: usize, vip: usize) -> Option<impl Ord + use<>> {
        self.record(host, vip).map(|record| record.rank())
    }

    /// The host whose port this one knows as the present holder.
    pub fn holder(&self, host: usize, vip: usize) -> Option<usize> {
        Some(index(self.record(host, vip)?.present_holder()?.host))
    }

    pub fn names_port_of(&self, at: usize, of: usize, vip: usize) -> bool {
        self.holder(at, vip) == Some(of)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { switches, up, lost_map, sent, budget, moment: _, broken } = self;
        Records(switches).hash(hasher);
        (up, lost_map, sent, budget, broken).hash(hasher);
    }
}

/// Of switches only these.
pub struct Records<'a>(pub &'a [SwitchModel]);

impl Hash for Records<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for switch in self.0 {
            switch.records(vni()).for_each(|(key, record)| (key.address, pack(&record)).hash(hasher));
            hasher.write_u8(0xff);
        }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        print(self) == print(other)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records: Vec<_> =
            self.switches.iter().map(|switch| switch.records(vni()).collect::<Vec<_>>()).collect();
        f.debug_struct("State").field("records", &records).field("up", &self.up).finish_non_exhaustive()
    }
}

impl Sent {
    /// By the record's maker, who is answered.
    pub fn message(&self) -> Message {
        let [epoch, holder] = self.record;
        let host = (holder >> 1) as usize;
        let record = Record {
            incarnation: INCARNATION,
            epoch: havip_model::Epoch(epoch),
            holder: havip_model::Holder { host: number(host), port: port(host) },
            released: holder & 1 == 1,
            mac: mac(host),
            moves: 0,
        };
        // A host ignores what it seems to have said itself.
        let from = if host == self.to { (host + 1) % HOSTS } else { host };
        let hops = u8::from(!self.is_to_be_relayed);
        Message { kind: MessageKind::Announce, from: number(from), hops, key: vip(self.vip), record }
    }
}

/// All that differs between two records of one rank and another; nothing here depends on how often a VIP has moved.
pub fn pack(record: &Record) -> [u64; 2] {
    [record.epoch.0, (index(record.holder.host) as u64) << 1 | u64::from(record.released)]
}
