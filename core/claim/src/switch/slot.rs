//! The place of one VIP's record.

use super::MessageKind;
use havip_model::{Incarnation, Record};
use std::time::Duration;

/// A prepared VIP. Blank at first: only claims make holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Nothing of a smaller incarnation is applied.
    pub floor: Incarnation,
    /// The record; in the kernel a blank one has host and port 0.
    pub record: Option<Record>,
    /// What the record displaced here, a former incarnation's included.
    pub displaced: Option<Record>,
    /// When the record was last announced, the first refresh after a new epoch not counted.
    pub announced_at: Duration,
    /// No refresh has come since this host made the epoch.
    pub awaits_first_refresh: bool,
    /// The record is released because its holder's port went down: said with every announcement of it.
    pub is_down: bool,
}

impl Slot {
    pub fn blank(floor: Incarnation) -> Self {
        Self {
            floor,
            record: None,
            displaced: None,
            announced_at: Duration::ZERO,
            awaits_first_refresh: false,
            is_down: false,
        }
    }

    /// Puts the record in, and returns what was there.
    pub fn replace(&mut self, record: Record) -> Option<Record> {
        let before = self.record.replace(record);
        self.displaced = before.or(self.displaced);
        before
    }

    /// Nothing is held any more: the VIP was made again.
    pub fn make_again(&mut self) {
        *self = Self { displaced: self.record.or(self.displaced), ..Self::blank(self.floor) };
    }

    /// How a smaller record is answered (C5): hops and kind. One that was this host's own until a greater one came was
    /// displaced, as the greater one's maker may have meant: its claimant learns what holds, and does not claim again.
    pub fn answer_to(&self, smaller: &Record) -> (u8, MessageKind) {
        // A line of the kernel's history, which says no incarnation.
        let line = |record: &Record| (record.epoch, record.holder, record.released);
        match &self.displaced {
            Some(displaced) if line(displaced) == line(smaller) => (1, self.announcement()),
            _ => (0, MessageKind::Correction),
        }
    }

    /// Whether `record` is to be applied here (C5).
    pub fn yields_to(&self, record: &Record) -> bool {
        match &self.record {
            Some(own) => record.outranks(own),
            None => record.incarnation >= self.floor,
        }
    }

    /// What an announcement of its record is.
    pub fn announcement(&self) -> MessageKind {
        if self.is_down { MessageKind::AnnounceDown } else { MessageKind::Announce }
    }

    /// Whether the record is exactly this one; equal ranks are one and the same record.
    pub fn is_exactly(&self, expected: Option<&Record>) -> bool {
        self.record.as_ref().map(Record::rank) == expected.map(Record::rank)
    }

    /// The greatest incarnation seen here.
    pub fn incarnation(&self) -> Incarnation {
        self.record.map_or(self.floor, |record| record.incarnation)
    }
}
