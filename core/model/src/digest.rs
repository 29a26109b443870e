//! All records of a VPC in one word, so that hosts need not tell each other what both have (rule C6).

use crate::{Record, VipKey};
use std::net::IpAddr;

/// The sum of the hashes of a VPC's records: kept up record by record, in whatever order they change.
///
/// Two sets that differ have the same digest once in 2⁶⁴; nobody gains by making it so, as records are only
/// repaired by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Digest(pub u64);

impl Digest {
    /// Of these records.
    pub fn of<'a>(records: impl IntoIterator<Item = (&'a VipKey, &'a Record)>) -> Self {
        let mut digest = Self::default();
        for (key, record) in records {
            digest.replace(key.address, None, Some(record));
        }
        digest
    }

    /// An address has another record now, or none.
    pub fn replace(&mut self, address: IpAddr, before: Option<&Record>, now: Option<&Record>) {
        let hash = |record: Option<&Record>| record.map_or(0, |record| hash(address, record));
        self.0 = self.0.wrapping_sub(hash(before)).wrapping_add(hash(now));
    }
}

/// What orders records goes in; equal ranks are one and the same record.
fn hash(address: IpAddr, record: &Record) -> u64 {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    };
    let holder = u64::from(record.holder.host.get()) << 32 | u64::from(record.holder.port.get());
    let words = [
        (address >> 64) as u64,
        address as u64,
        record.incarnation.0,
        record.epoch.0,
        holder,
        u64::from(record.released),
    ];
    words.into_iter().fold(0, |sum, word| mixed(sum ^ word))
}

/// The finish of SplitMix64 (Steele, Lea and Flood 2014): each bit of the word changes half of the result's.
fn mixed(word: u64) -> u64 {
    let mut word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Vni};

    fn record(epoch: u64) -> Record {
        let holder = Holder { host: HostNumber::MIN, port: PortNumber::MIN };
        let (incarnation, mac) = (Incarnation(1), MacAddr::ZERO);
        Record { incarnation, epoch: Epoch(epoch), holder, released: false, mac, moves: 1 }
    }

    fn key(last: u8) -> VipKey {
        VipKey { vni: Vni::MIN, address: [10, 0, 0, last].into() }
    }

    #[test]
    fn the_same_records_have_the_same_digest_however_they_came_about() {
        let all = [(key(1), record(5)), (key(2), record(6))];
        let whole = Digest::of(all.iter().rev().map(|(key, record)| (key, record)));
        let mut step = Digest::default();
        step.replace(key(2).address, None, Some(&record(1)));
        step.replace(key(1).address, None, Some(&record(5)));
        step.replace(key(3).address, None, Some(&record(9)));
        step.replace(key(2).address, Some(&record(1)), Some(&record(6)));
        step.replace(key(3).address, Some(&record(9)), None);
        assert_eq!(step, whole);
    }

    #[test]
    fn whatever_orders_records_changes_the_digest_and_nothing_else_does() {
        let one = |key: VipKey, record: Record| Digest::of([(&key, &record)]);
        let base = record(5);
        let other_port = Holder { port: PortNumber::MAX, ..base.holder };
        let mut all = vec![
            one(key(1), base),
            one(key(2), base),
            one(key(1), record(6)),
            one(key(1), Record { incarnation: Incarnation(2), ..base }),
            one(key(1), Record { holder: other_port, ..base }),
            one(key(1), Record { released: true, ..base }),
            Digest::default(),
        ];
        let distinct = all.len();
        all.sort_by_key(|digest| digest.0);
        all.dedup();
        assert_eq!(all.len(), distinct);
        assert_eq!(one(key(1), Record { moves: 9, ..base }), one(key(1), base));
    }
}
