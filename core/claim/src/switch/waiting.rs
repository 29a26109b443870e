//! Records of VIPs that are not configured here yet (C5).

use havip_model::{Record, VipKey};
use std::collections::BTreeMap;

/// The most that wait; the least recently used goes first. An LRU map in the kernel, which picks only about so.
pub const MOST_WAITING: usize = 4096;

/// Records that wait for their configuration.
#[derive(Debug, Clone, Default, Hash)]
pub struct Waiting {
    records: BTreeMap<VipKey, (Record, u64)>,
    uses: u64,
}

impl Waiting {
    pub fn get(&self, key: VipKey) -> Option<Record> {
        self.records.get(&key).map(|(record, _)| *record)
    }

    /// Keeps the record, unless a greater one waits already.
    pub fn put(&mut self, key: VipKey, record: Record) {
        self.uses += 1;
        let greatest = self.get(key).filter(|own| !record.outranks(own)).unwrap_or(record);
        if !self.records.contains_key(&key) && self.records.len() == MOST_WAITING {
            let eldest = self.records.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| *key);
            self.records.remove(&eldest.expect("a full map has an eldest"));
        }
        self.records.insert(key, (greatest, self.uses));
    }

    pub fn take(&mut self, key: VipKey) -> Option<Record> {
        self.records.remove(&key).map(|(record, _)| record)
    }
}
