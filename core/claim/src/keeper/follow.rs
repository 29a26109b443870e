//! What a change of the record means for what is under way about a VIP.

use super::{
    Action,
    announce::Repeat,
    doubt::Doubt,
    vip::{Claimed, Vip},
};
use crate::Cause;
use havip_model::{Holder, MoveCause, PortNumber, Record};
use std::time::Duration;

impl Vip {
    /// The switch said that it has a new record. Notices come in the order of the ring, so an old one is stale.
    pub fn moved(
        &mut self,
        now: Duration,
        record: Record,
        before: Option<Record>,
        cause: Cause,
    ) -> Vec<Action> {
        if cause == Cause::Here(MoveCause::Claim) {
            self.claimed = Some(Claimed { port: record.holder.port, mac: record.mac, at: now });
        }
        let is_stale =
            record.incarnation < self.incarnation || self.record.is_some_and(|own| !record.outranks(&own));
        let known = self.record;
        if !is_stale {
            self.record = Some(record);
        }
        let mut actions: Vec<_> = self.take_back(before, record, cause).into_iter().collect();
        if !is_stale {
            actions.extend(self.follow(now, known, Some(cause)));
        } else if matches!(cause, Cause::Here(_)) && self.is_exactly(Some(&record)) {
            self.repeat = Some(Repeat::begin(now)); // read in the map before the notice came
        }
        actions
    }

    /// The agent read the record itself: the truth, whatever was heard.
    pub fn read(&mut self, now: Duration, record: Option<Record>) -> Vec<Action> {
        let record = record.filter(|record| record.incarnation >= self.incarnation);
        if self.is_exactly(record.as_ref()) {
            return vec![];
        }
        let before = std::mem::replace(&mut self.record, record);
        self.follow(now, before, None)
    }

    fn follow(&mut self, now: Duration, before: Option<Record>, cause: Option<Cause>) -> Vec<Action> {
        let mut actions = vec![];
        if let Some(record) = &self.record {
            self.unrest.note(now, before.as_ref(), record);
        }
        if self.postponed.is_some_and(|postponed| !self.is_exactly(postponed.expected.as_ref())) {
            self.postponed = None; // another record has been applied since (C4)
        }
        self.repeat = matches!(cause, Some(Cause::Here(_))).then(|| Repeat::begin(now));
        actions.extend(self.claim_again(now, cause));
        if let Some(holder) = self.present_holder().filter(|holder| holder.host == self.host) {
            self.migrants.has_taken_along(holder.port);
        }
        actions.extend(self.take_along(now));

        let rivals = self.contests.keys().copied().collect();
        actions.extend(self.contest_anew(now, before));
        if self.is_remade() {
            // C10 b follows when the configuration arrives.
            self.vacancy.close();
            self.doubts.clear();
        } else if self.present_holder().is_none() {
            self.open_vacancy(now, rivals); // doubts pause, and go on about whoever is next
        } else {
            self.doubt_anew(now, before);
        }
        actions.extend(self.deadline_reached(now));
        actions
    }

    /// Answered with a greater record within 200 ms of its guest's claim: the claim is repeated, once (C5).
    fn claim_again(&mut self, now: Duration, cause: Option<Cause>) -> Option<Action> {
        if cause != Some(Cause::Corrected) {
            return None;
        }
        let claimed = self.claimed.take()?;
        let is_recent = now.saturating_sub(claimed.at) <= REPEATS_WITHIN;
        let is_displaced = self.present_holder() != Some(self.here(claimed.port));
        (is_recent && is_displaced && self.candidates.contains(&claimed.port))
            .then(|| self.take(claimed.port, claimed.mac, self.record, MoveCause::Repeated))
    }

    /// Released by others, who had exactly the record of a port that is active and entitled: taken back at once (C7).
    ///
    /// Also if the map had it before the notice was read, as after a time without an agent: its ports were active all
    /// the while. One that comes up later may be another guest's, or that of the same guest after a reboot.
    fn take_back(&self, before: Option<Record>, record: Record, cause: Cause) -> Option<Action> {
        let by_others =
            matches!(cause, Cause::Announced | Cause::AnnouncedDown | Cause::Corrected | Cause::Merged);
        let was_held = record.released && before == Some(Record { released: false, ..record });
        let Holder { host, port } = record.holder;
        let is_here = host == self.host && self.candidates.contains(&port);
        (by_others && was_held && is_here && self.is_exactly(Some(&record)))
            .then(|| self.take(port, record.mac, Some(record), MoveCause::TakenBack))
    }

    /// Another record holds: those who lost by it doubt it, those who doubted its predecessor go on with it (C10 b).
    fn doubt_anew(&mut self, now: Duration, before: Option<Record>) {
        let mut losers = self.vacancy.close();
        losers.extend(self.doubts.iter().filter(|(_, doubt)| !doubt.is_over()).map(|(port, _)| *port));
        losers
            .extend(before.filter(|before| before.holder.host == self.host).map(|before| before.holder.port));
        self.doubts.clear();
        for port in losers {
            let is_holder = self.present_holder() == Some(self.here(port));
            if self.candidates.contains(&port) && !is_holder && !self.contests.contains_key(&port) {
                self.doubts.insert(port, Doubt::begin(now));
            }
        }
    }

    /// Who holds the VIP now, if anybody does.
    pub(super) fn present_holder(&self) -> Option<Holder> {
        self.record.and_then(|record| record.present_holder())
    }

    /// Whether the record is of an incarnation whose configuration has not come yet.
    pub(super) fn is_remade(&self) -> bool {
        self.record.is_some_and(|record| record.incarnation > self.incarnation)
    }

    pub(super) fn is_named(&self, port: PortNumber) -> bool {
        self.present_holder() == Some(self.here(port))
    }

    pub(super) fn is_exactly(&self, record: Option<&Record>) -> bool {
        self.record.as_ref().map(Record::rank) == record.map(Record::rank)
    }

    fn here(&self, port: PortNumber) -> Holder {
        Holder { host: self.host, port }
    }
}

/// How long a guest's claim may still be answered with a greater record (C5).
const REPEATS_WITHIN: Duration = Duration::from_millis(200);
