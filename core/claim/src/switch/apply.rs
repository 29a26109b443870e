//! How records of others come in: announcements, merges, and those that wait for configuration (C5).

use super::{Action, Message, MessageKind, Refused, SwitchModel, claim::refuse, slot::Slot};
use crate::{Cause, Notice};
use havip_model::{Incarnation, Record, VipKey};
use std::time::Duration;

impl SwitchModel {
    /// Another host's message: its record first, then what it is for.
    pub(super) fn receive(&mut self, now: Duration, message: Message) -> Vec<Action> {
        let Message { kind, from, key, record, .. } = message;
        if from == self.host {
            return vec![]; // its own, come back from a relay
        }
        if !self.members.contains_key(&key.vni) {
            return refuse(Refused::UnknownVpc);
        }
        if !record.epoch.is_valid() {
            return refuse(Refused::EpochLimit);
        }
        let Some(slot) = self.slots.get_mut(&key) else {
            self.waiting.put(key, record);
            return self.relay(message);
        };
        let mut actions = vec![];
        if slot.yields_to(&record) {
            let is_down = kind == MessageKind::AnnounceDown && record.released;
            let before = set(slot, record, is_down);
            self.note_loss(now, key, before, &record);
            let cause = match kind {
                MessageKind::Correction => Cause::Corrected,
                _ if is_down => Cause::AnnouncedDown,
                _ => Cause::Announced,
            };
            actions.push(Self::moved(key, record, before, cause));
        } else if let Some(own) = slot.record.filter(|own| own.outranks(&record)) {
            let (hops, kind) = slot.answer_to(&record);
            if !self.may_correct(now, key, from) {
                return actions;
            }
            let message = Message { hops, kind, from: self.host, key, record: own };
            actions.push(Action::Send { to: from, message });
        }
        if !self.slots.get(&key).is_some_and(|slot| slot.is_exactly(Some(&record))) {
            return actions;
        }
        actions.extend(self.relay(message));
        match kind {
            MessageKind::Announce | MessageKind::AnnounceDown | MessageKind::Correction => {}
            MessageKind::Doubt => actions.extend(self.ask_holder(now, key, record)),
            MessageKind::Alive => actions.push(Action::Notify(Notice::Alive { key, record })),
            MessageKind::Stalled => actions.push(Action::Notify(Notice::Stalled { key, record })),
        }
        actions
    }

    /// Passes what goes to all of a VPC on to this host's part of it, once (C4).
    fn relay(&self, message: Message) -> Vec<Action> {
        let goes_to_all =
            matches!(message.kind, MessageKind::Announce | MessageKind::AnnounceDown | MessageKind::Alive);
        if message.hops > 0 || !goes_to_all {
            return vec![];
        }
        let onward = Message { hops: 1, ..message };
        let to = self.relayed.get(&message.key.vni).into_iter().flatten();
        to.filter(|to| **to != message.from).map(|to| Action::Send { to: *to, message: onward }).collect()
    }

    /// What the agent learned from others.
    pub(super) fn merge(&mut self, now: Duration, key: VipKey, record: Record) -> Vec<Action> {
        if !record.epoch.is_valid() {
            return refuse(Refused::EpochLimit);
        }
        let Some(slot) = self.slots.get_mut(&key) else {
            self.waiting.put(key, record);
            return vec![];
        };
        if !slot.yields_to(&record) {
            return vec![];
        }
        let before = set(slot, record, false);
        self.note_loss(now, key, before, &record);
        vec![Self::moved(key, record, before, Cause::Merged)]
    }

    /// Makes room before the VIP is configured, and merges what waited.
    pub(super) fn prepare(&mut self, now: Duration, key: VipKey, incarnation: Incarnation) -> Vec<Action> {
        let slot = self.slots.entry(key).or_insert(Slot::blank(incarnation));
        slot.floor = slot.floor.max(incarnation);
        if slot.record.is_some_and(|record| record.incarnation < incarnation) {
            slot.make_again();
        }
        match self.waiting.take(key) {
            Some(record) => self.merge(now, key, record),
            None => vec![],
        }
    }

    /// The VIP is gone. Its successor's record, if that came first, waits for the successor's configuration.
    pub(super) fn forget(&mut self, key: VipKey, incarnation: Incarnation) -> Vec<Action> {
        if let Some(record) = self.slots.remove(&key).and_then(|slot| slot.record)
            && record.incarnation > incarnation
        {
            self.waiting.put(key, record);
        }
        vec![]
    }
}

/// Returns what was there.
fn set(slot: &mut Slot, record: Record, is_down: bool) -> Option<Record> {
    slot.awaits_first_refresh = false;
    slot.is_down = is_down;
    slot.replace(record)
}
