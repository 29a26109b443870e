//! Reading the record map: for peers, for the server, and for whatever a full ring or a dead agent has missed.

use super::Engine;
use super::program::chain;
use super::sent::SentTold;
use crate::clock;
use havip_claim::keeper::Event;
use havip_model::{Epoch, Holder, MacAddr, MoveCause, PortNumber, Record, Timestamp, VipKey, Vni};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_stream::convert::{self, Move};
use havip_switch::Move as Line;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::ops::Bound;

/// Which records there are, and what the server was told of them.
#[derive(Debug, Default)]
pub struct Records {
    /// Every address of this host's VPCs that may have a record, in order of VPC.
    keys: BTreeSet<VipKey>,
    /// Where the present round goes on; none between two rounds.
    next: Option<VipKey>,
    /// The last record of each VIP whose history was looked at, whoever holds it: its place in the order of claims.
    looked: BTreeMap<VipKey, (Epoch, bool)>,
    /// The last move of each VIP, to or from a port of this host, that the server was told.
    told: BTreeMap<VipKey, (Epoch, bool)>,
    /// The records of own ports that the server was told on this stream.
    said: BTreeMap<VipKey, Record>,
    /// What the server was told on this stream of what holders sent.
    pub(super) sent: BTreeMap<VipKey, SentTold>,
}

impl Records {
    /// A new stream: the server hears every record once more.
    pub fn say_again(&mut self) {
        self.said.clear();
        self.sent.clear();
    }

    /// The server has these records of a VPC: what it was said and has not, it is said once more.
    pub fn compare_said(&mut self, vni: Vni, servers: &[(VipKey, Record)]) {
        let servers: BTreeMap<VipKey, Record> = servers.iter().copied().collect();
        self.said.retain(|key, said| {
            key.vni != vni || servers.get(key).is_some_and(|servers| servers.rank() >= said.rank())
        });
    }

    /// Begins to read all of them.
    pub fn begin_round(&mut self) {
        self.next = self.next.or(self.keys.first().copied());
    }

    /// Begins to read all of them anew: something is to be looked for now.
    pub fn begin_anew(&mut self) {
        self.next = self.keys.first().copied();
    }

    /// Whether a round is under way, so that the loop must not wait long.
    pub fn is_reading(&self) -> bool {
        self.next.is_some()
    }

    /// The server was told of this move.
    pub fn told(&mut self, key: VipKey, record: &Record) {
        self.told.insert(key, (record.epoch, record.released));
    }

    /// An entry that stood and the one that stands now: the index follows.
    pub fn follow(&mut self, key: EntryKey, before: Option<&Entry>, now: Option<&Entry>) {
        let [before, now] = [before, now].map(|entry| entry.and_then(|entry| record_key(key, entry)));
        // An entry that only changes has the same record, and what was told of it was told.
        if let Some(gone) = before.filter(|_| before != now) {
            self.keys.remove(&gone);
            self.looked.remove(&gone);
            self.told.remove(&gone);
            self.said.remove(&gone);
            self.sent.remove(&gone);
        }
        self.keys.extend(now);
    }

    fn of_vpc(&self, vni: Vni) -> Vec<VipKey> {
        // Keys are in order of VPC first, and this is the least address.
        let first = VipKey { vni, address: Ipv4Addr::UNSPECIFIED.into() };
        self.keys.range(first..).take_while(|key| key.vni == vni).copied().collect()
    }

    /// The next keys of the round, at most so many.
    fn slice(&mut self, most: usize) -> Vec<VipKey> {
        let Some(next) = self.next else { return vec![] };
        let mut rest = self.keys.range((Bound::Included(next), Bound::Unbounded));
        let slice = rest.by_ref().take(most).copied().collect();
        self.next = rest.next().copied();
        slice
    }
}

/// The record that an entry has, if it has one: a VIP's own, or that of an EIP's or external subnet's active edge.
fn record_key(key: EntryKey, entry: &Entry) -> Option<VipKey> {
    match (key, entry) {
        (EntryKey::Address(vni, address), Entry::Address(Address::Vip { .. } | Address::Segment { .. })) => {
            Some(VipKey { vni, address })
        }
        (EntryKey::Nat(vni, _), Entry::Nat { public, .. }) => Some(VipKey { vni, address: *public }),
        _ => None,
    }
}

impl Engine {
    /// The records of a VPC, as far as the switch can be read.
    pub(super) fn records(&self, vni: Vni) -> BTreeMap<VipKey, Record> {
        let read = |key: VipKey| Some((key, self.record(key)?));
        self.records.of_vpc(vni).into_iter().filter_map(read).collect()
    }

    pub(super) fn record(&self, key: VipKey) -> Option<Record> {
        self.switch.record(key).unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "could not read a record");
            None
        })
    }

    /// Reads the records of a VPC at once: before ports come up.
    pub(super) fn read_vpc(&mut self, vni: Vni) {
        for key in self.records.of_vpc(vni) {
            self.read_record(key);
        }
    }

    /// Reads some of the records: all of them in one go would make the echoes late.
    pub(super) fn read_some(&mut self) {
        for key in self.records.slice(SLICE) {
            self.read_record(key);
        }
    }

    fn read_record(&mut self, key: VipKey) {
        let (record, sent) = self.switch.record_and_sent(key).unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "could not read a record");
            (None, None)
        });
        self.tell_keeper(Event::RecordRead { key, record });
        self.tell_missed_sent(key, record.as_ref(), sent);
        let Some(record) = record else { return };
        // Also of a VIP that is elsewhere by now: a port of this host may have held it in between.
        let last = (record.epoch, record.released);
        if self.records.looked.get(&key) != Some(&last) {
            let now = Timestamp(self.wall_ms(clock::since_boot()));
            // What was there before this agent is in no ring of its.
            let is_new = !self.records.looked.contains_key(&key);
            if self.tell_missed(key, record, |line| !is_new && is_fresh(line, now)) {
                self.records.looked.insert(key, last);
            }
        }
        if record.holder.host != self.host {
            return self.release_if_lost(key, record);
        }
        if self.stream_is_open && self.records.said.insert(key, record) != Some(record) {
            self.outbox.record(key, record);
        }
    }

    /// Moves of own ports that nobody heard of: the ring was full, or no agent was there. Some are left for later;
    /// says whether none was.
    fn tell_missed(&mut self, key: VipKey, present: Record, is_left: impl Fn(&Line) -> bool) -> bool {
        let history = self.switch.history(key).unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "could not read a history");
            vec![]
        });
        let missed = history.iter().position(is_left).unwrap_or(history.len());
        let is_all = missed == history.len();
        for line in history.into_iter().take(missed) {
            let released = line.to.is_none();
            let Some(holder) = line.to.or(line.from).filter(|holder| holder.host == self.host) else {
                continue;
            };
            let last = (line.epoch, released);
            if self.records.told.get(&key) >= Some(&last) {
                continue;
            }
            self.records.told.insert(key, last);
            let is_present = (line.epoch, released) == (present.epoch, present.released);
            let mac = if is_present { present.mac } else { self.mac_of(holder) };
            let (epoch, moves) = (line.epoch, line.moves);
            let record = Record { incarnation: present.incarnation, epoch, holder, released, mac, moves };
            tracing::info!(vip = ?key, to = ?line.to, from = ?line.from, "a move that was not heard of");
            let moved =
                Move { vip: key, record, from: line.from, cause: line.cause, at: line.at, evidence: None };
            self.outbox.moved(convert::move_message(&moved));
        }
        is_all
    }

    /// A history has no MACs; a port's own is the likely one.
    fn mac_of(&self, holder: Holder) -> MacAddr {
        let port = self.port_items().find(|port| port.port == holder.port);
        port.map_or(MacAddr::ZERO, |port| port.mac)
    }

    /// A move that was made on this host; the others' are told by theirs.
    pub(super) fn tell_move(
        &mut self,
        at: std::time::Duration,
        vip: VipKey,
        record: Record,
        before: Option<Record>,
        cause: MoveCause,
    ) {
        let from = before.filter(|before| before.incarnation == record.incarnation);
        let from = from.and_then(|before| before.present_holder());
        let to = record.present_holder();
        let (cause, evidence) = self.cause_of(at, vip, to, cause);
        tracing::info!(vip = ?vip, ?to, ?from, ?cause, epoch = record.epoch.0, "holder changed");
        // Events come in their order: an earlier move that was not told by now has none.
        let this = (record.epoch, record.released);
        self.tell_missed(vip, record, |line| (line.epoch, line.to.is_none()) >= this);
        self.records.told(vip, &record);
        let cause = self.why_released(vip, record.holder.port, cause);
        let moved = Move { vip, record, from, cause, at: Timestamp(self.wall_ms(at)), evidence };
        self.outbox.moved(convert::move_message(&moved));
    }

    /// Why this host has released what a port of it held, where it knows better than the switch.
    fn why_released(&self, vip: VipKey, port: PortNumber, cause: MoveCause) -> MoveCause {
        let is_release = matches!(cause, MoveCause::Released | MoveCause::PortDown);
        let is_here = |engine: &Self| engine.port_items().any(|item| item.port == port);
        // Of an interface that is only unplugged this host hears until all others know.
        let is_anywhere = |engine: &Self| engine.endpoints().any(|endpoint| endpoint.port == port);
        if is_release && !is_here(self) && !is_anywhere(self) {
            return MoveCause::Deleted;
        }
        let table = self.desired.table();
        let is_open = matches!(
            table.get(&EntryKey::Address(vip.vni, vip.address)),
            Some(Entry::Address(Address::Vip { subnet_binding: true, .. }))
        );
        let is_entitled = is_open
            || matches!(
                table.get(&EntryKey::Entitled(vip, port)),
                Some(Entry::Entitled { direct_return: false })
            );
        if cause == MoveCause::Released && !is_entitled { MoveCause::Disassociated } else { cause }
    }

    /// When the next part of a round is due.
    pub(super) fn reading_deadline(&self) -> Option<std::time::Duration> {
        self.records.is_reading().then(|| clock::since_boot() + PAUSE)
    }
}

/// Whether the move's own event may lie unread in the ring, which knows more of it than the history does.
fn is_fresh(line: &Line, now: Timestamp) -> bool {
    // A clock that was set back must not make it fresh for hours.
    now.0.abs_diff(line.at.0) < FRESH_MS
}

/// A turn of the loop takes some milliseconds; this is for a busy machine.
const FRESH_MS: u64 = 300;
/// Some 0.5 ms of system calls.
const SLICE: usize = 256;
/// Between two slices; 10 000 records take 0.4 s.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Incarnation, SubnetNumber};

    fn vip(vni: u32, last: u8) -> (EntryKey, Entry) {
        let entry = Address::Vip {
            subnet: SubnetNumber::MIN,
            incarnation: Incarnation(1),
            subnet_binding: false,
            hold: false,
        };
        (EntryKey::Address(Vni::new(vni).unwrap(), [10, 0, 0, last].into()), Entry::Address(entry))
    }

    #[test]
    fn a_round_reads_every_record_once_in_slices() {
        let mut records = Records::default();
        for (key, entry) in (0..10).map(|last| vip(1 + u32::from(last) % 2, last)) {
            records.follow(key, None, Some(&entry));
        }
        assert_eq!(records.slice(4), []);
        records.begin_round();
        let mut read = vec![];
        while records.is_reading() {
            let slice = records.slice(4);
            assert!(slice.len() <= 4);
            read.extend(slice);
        }
        assert_eq!(read, records.keys.iter().copied().collect::<Vec<_>>());
        let first = Vni::new(1).unwrap();
        assert_eq!(records.of_vpc(first).len(), 5);
        assert!(records.of_vpc(first).iter().all(|key| key.vni == first));
    }

    #[test]
    fn a_move_is_left_to_its_event_for_a_while_and_a_clock_that_was_set_back_hides_none() {
        let line = |at| Line {
            epoch: Epoch(1),
            from: None,
            to: None,
            at: Timestamp(at),
            cause: MoveCause::Claim,
            moves: 1,
        };
        let now = Timestamp(100_000);
        for (at, fresh) in
            [(99_699, false), (99_700, false), (99_701, true), (100_000, true), (100_300, false)]
        {
            assert_eq!(is_fresh(&line(at), now), fresh, "{at}");
        }
    }

    #[test]
    fn what_was_told_of_a_vip_is_known_as_long_as_the_vip_is_there() {
        let mut records = Records::default();
        let (key, entry) = vip(1, 9);
        records.follow(key, None, Some(&entry));
        let told = BTreeMap::from([(records.of_vpc(Vni::new(1).unwrap())[0], (Epoch(7), false))]);
        records.told = told.clone();
        records.follow(key, Some(&entry), Some(&entry));
        assert_eq!(records.told, told, "its configuration has changed");
        records.follow(key, Some(&entry), None);
        assert!(records.told.is_empty() && records.keys.is_empty());
    }

    #[test]
    fn a_vip_that_goes_in_the_middle_of_a_round_is_left_out() {
        let mut records = Records::default();
        let all: Vec<_> = (0..4).map(|last| vip(1, last)).collect();
        for (key, entry) in &all {
            records.follow(*key, None, Some(entry));
        }
        records.begin_round();
        assert_eq!(records.slice(2).len(), 2);
        records.follow(all[2].0, Some(&all[2].1), None);
        assert_eq!(records.slice(2).len(), 1);
        assert!(!records.is_reading());
    }
}
