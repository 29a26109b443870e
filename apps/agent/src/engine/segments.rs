//! External subnets on an edge: when the outside is told who has their addresses.
//!
//! The kernel tells it of claims by itself, and decides what may be told; what nobody claims is told from here, and all
//! of it again from time to time, as switches outside forget where a MAC is.

use super::Engine;
use super::program::chain;
use crate::edge::EDGE_PORT;
use havip_model::{Holder, Record, SubnetNumber, VipKey, is_link_local};
use havip_reconcile::table::{Address, Entry, EntryKey};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The addresses that the outside may know, and when it is told of them.
#[derive(Debug, Default)]
pub struct Segments {
    /// This host is an edge: others tell the outside nothing, and need not remember what there is to tell.
    is_edge: bool,
    subnets: BTreeSet<SubnetNumber>,
    addresses: BTreeMap<VipKey, SubnetNumber>,
    /// In order of time.
    due: BTreeSet<(Duration, VipKey)>,
    /// When all of them are told again.
    again_at: Duration,
}

impl Segments {
    /// Whether there is an external subnet.
    pub fn are_here(&self) -> bool {
        !self.subnets.is_empty()
    }

    /// None yet.
    pub fn new(is_edge: bool) -> Self {
        Self { is_edge, ..Self::default() }
    }

    /// An entry stands under its key now, or none.
    pub fn follow(&mut self, key: EntryKey, now: Option<&Entry>, at: Duration) {
        if !self.is_edge {
            return;
        }
        match (key, now) {
            (EntryKey::Segment(subnet), Some(_)) => _ = self.subnets.insert(subnet),
            (EntryKey::Segment(subnet), None) => _ = self.subnets.remove(&subnet),
            (EntryKey::Address(vni, address), now) => {
                let key = VipKey { vni, address };
                match now {
                    Some(Entry::Address(Address::Interface { subnet, .. } | Address::Vip { subnet, .. }))
                        // A MAC says a link-local one: nobody else has it, and who wants to know asks.
                        if subnet.is_external() && !is_link_local(address) =>
                    {
                        self.addresses.insert(key, *subnet);
                        self.tell(key, at);
                    }
                    _ => {
                        if self.addresses.remove(&key).is_some() {
                            self.due.retain(|(_, due)| *due != key);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// The outside is told of this address soon: it is probed for, then announced.
    fn tell(&mut self, key: VipKey, at: Duration) {
        if self.addresses.contains_key(&key) {
            self.due.extend(TOLD_AFTER.iter().map(|after| (at + *after, key)));
        }
    }

    /// This host joins the external subnet with this key to the outside now: all of its addresses are to be told.
    fn tell_all_of(&mut self, segment: SubnetNumber, at: Duration) {
        let its = self.addresses.iter().filter(|(_, subnet)| **subnet == segment);
        let its: Vec<VipKey> = its.map(|(key, _)| *key).collect();
        its.into_iter().for_each(|key| self.tell(key, at));
    }

    /// The addresses whose turn has come, each once.
    fn due(&mut self, now: Duration) -> BTreeSet<VipKey> {
        let mut due = BTreeSet::new();
        if self.again_at <= now {
            self.again_at = now + TOLD_AGAIN;
            due.extend(self.addresses.keys().copied());
        }
        while let Some((at, key)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, key));
            due.insert(key);
        }
        due
    }

    /// When an address is to be told next.
    pub fn next_deadline(&self) -> Option<Duration> {
        let again = (!self.addresses.is_empty()).then_some(self.again_at);
        self.due.first().map(|(at, _)| *at).into_iter().chain(again).min()
    }
}

impl Engine {
    /// A VIP of an external subnet, or what names the edge that joins one, has moved.
    pub(super) fn segment_may_have_moved(&mut self, key: VipKey, record: Record) {
        if self.devices.edge.is_none() {
            return;
        }
        let now = crate::clock::since_boot();
        self.segments.tell(key, now);
        let own = Holder { host: self.host, port: EDGE_PORT };
        let entry = self.observed.get(&EntryKey::Address(key.vni, key.address));
        if let Some(Entry::Address(Address::Segment { subnet, .. })) = entry {
            self.alive.edges_are_due = true;
            if record.present_holder() == Some(own) {
                self.segments.tell_all_of(*subnet, now);
            }
        }
    }

    /// Has the switch tell the outside of the addresses that are due; it knows which it may tell of.
    pub(super) fn show_due(&mut self, now: Duration) {
        for key in self.segments.due(now) {
            if let Err(error) = self.switch.show(key) {
                tracing::warn!(address = %key.address, error = chain(&error), "could not tell the outside of an address");
            }
        }
    }
}

/// A probe for the address three times while a foreign owner has time to answer (200 ms), then the announcement:
/// switches and routers outside may lose one.
const TOLD_AFTER: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(70),
    Duration::from_millis(140),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
];
/// Switches forget a MAC after some minutes, and a foreign owner is asked for anew after 30 s.
const TOLD_AGAIN: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Incarnation, Vni};

    fn key(last: u8) -> VipKey {
        VipKey { vni: Vni::MIN, address: [192, 168, 177, last].into() }
    }
    fn subnet() -> SubnetNumber {
        SubnetNumber::new(SubnetNumber::EXTERNAL | 1).unwrap()
    }
    fn vip(subnet: SubnetNumber) -> Entry {
        let incarnation = Incarnation(1);
        Entry::Address(Address::Vip { subnet, incarnation, subnet_binding: false, hold: false })
    }
    fn put(segments: &mut Segments, key: VipKey, entry: Option<&Entry>, at: Duration) {
        segments.follow(EntryKey::Address(key.vni, key.address), entry, at);
    }

    #[test]
    fn an_address_is_told_some_times_when_it_is_new_and_then_with_all_others() {
        let mut segments = Segments::new(true);
        let start = Duration::from_secs(100);
        assert_eq!(segments.next_deadline(), None);
        put(&mut segments, key(204), Some(&vip(subnet())), start);
        put(&mut segments, key(9), Some(&vip(SubnetNumber::MIN)), start);
        assert_eq!(segments.due(start), [key(204)].into(), "of an ordinary subnet nothing is told");
        for after in TOLD_AFTER.into_iter().skip(1) {
            assert_eq!(segments.next_deadline(), Some(start + after));
            assert_eq!(segments.due(start + after), [key(204)].into());
        }
        assert_eq!(segments.next_deadline(), Some(start + TOLD_AGAIN));
        put(&mut segments, key(204), None, start);
        assert_eq!((segments.due(start + TOLD_AGAIN), segments.next_deadline()), ([].into(), None));
    }

    #[test]
    fn a_host_that_is_no_edge_is_never_woken_for_it() {
        let mut segments = Segments::new(false);
        put(&mut segments, key(204), Some(&vip(subnet())), Duration::ZERO);
        segments.tell_all_of(subnet(), Duration::ZERO);
        assert_eq!(segments.next_deadline(), None);
    }
}
