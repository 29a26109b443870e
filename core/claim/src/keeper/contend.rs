//! What a VIP's contests bring about (C9), and what ends them.

use super::{
    Action, Report,
    contest::{Contest, Step},
    vip::Vip,
};
use crate::Order;
use havip_model::{MacAddr, MoveCause, PortNumber, Record};
use std::time::Duration;

/// How often the VIP has moved of late: who has the address alone is left alone, who fights waits ever longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Unrest {
    /// The move counter when the VIP last had been at rest.
    moves_at_rest: u32,
    moved_at: Duration,
}

impl Unrest {
    /// The record is another one.
    pub fn note(&mut self, now: Duration, before: Option<&Record>, record: &Record) {
        let same_making = before.filter(|before| before.incarnation == record.incarnation);
        let Some(before) = same_making else {
            *self = Self { moves_at_rest: record.moves, moved_at: now };
            return;
        };
        if before.moves == record.moves {
            return; // released, or the same holder again
        }
        if now.saturating_sub(self.moved_at) >= REST {
            self.moves_at_rest = before.moves;
        }
        self.moved_at = now;
    }

    /// How long the present holder keeps the VIP against a port that has the address, too: 5 s after the first move,
    /// doubling with each one more.
    pub fn hold(&self, record: &Record) -> Duration {
        let moves = record.moves.saturating_sub(self.moves_at_rest);
        (FIRST_HOLD * 2u32.pow(moves.saturating_sub(1).min(4))).min(LONGEST_HOLD)
    }
}

impl Vip {
    /// A local port that lost the VIP a short while ago claims it again.
    pub fn contested(&mut self, now: Duration, port: PortNumber, mac: MacAddr) -> Vec<Action> {
        let is_rival = self.present_holder().is_some() && !self.is_named(port) && !self.is_remade();
        if !is_rival || !self.candidates.contains(&port) {
            return vec![]; // where nobody holds, it is asked
        }
        self.doubts.remove(&port);
        let contest = self.contests.entry(port).or_insert_with(|| Contest::begin(now, mac));
        let mut actions = match contest.claimed(now, mac) {
            Step::Take(mac) => vec![self.take(port, mac, self.record, MoveCause::Contested)],
            _ => vec![],
        };
        actions.extend(self.deadline_reached(now));
        actions
    }

    /// Doubt has found that both have the address: reported, and watched from now on.
    pub(super) fn both_answer(
        &mut self,
        now: Duration,
        record: Record,
        port: PortNumber,
        mac: MacAddr,
    ) -> [Action; 2] {
        let (key, hold) = (self.key, self.unrest.hold(&record));
        self.doubts.remove(&port);
        self.contests.insert(port, Contest::known(now, mac, hold));
        let until = now + hold;
        let reported = Action::Report(Report::BothAnswer { key, record, port });
        [reported, Action::Order(Order::HoldOff { key, port, until, always: false })]
    }

    /// Runs the contests of local ports.
    pub(super) fn contend(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = vec![];
        let Some(record) = self.record.filter(|record| !record.released) else { return actions };
        let (key, hold) = (self.key, self.unrest.hold(&record));
        let mut over = vec![];
        for (port, contest) in &mut self.contests {
            match contest.deadline_reached(now, hold) {
                Step::Nothing => {}
                Step::Ask => {
                    actions.push(Action::Order(Order::Ask { key, port: *port }));
                    actions.push(Action::Order(Order::Doubt { key, record }));
                }
                Step::Take(mac) => {
                    let (port, expected) = (*port, Some(record));
                    let take = Order::Take { key, port, mac, expected, cause: MoveCause::Contested };
                    actions.push(Action::Order(take));
                }
                Step::Both => {
                    actions.push(Action::Report(Report::BothAnswer { key, record, port: *port }));
                    let until = contest.held_until().expect("it is what both begin");
                    let hold_off = Order::HoldOff { key, port: *port, until, always: false };
                    actions.push(Action::Order(hold_off));
                }
                Step::Over => over.push(*port),
            }
        }
        actions.extend(over.into_iter().filter_map(|port| self.end_contest(port, record)));
        actions
    }

    /// Another record: contests go on against another holder, and are over where nobody or the port itself holds.
    pub(super) fn contest_anew(&mut self, now: Duration, before: Option<Record>) -> Vec<Action> {
        let mut actions = vec![];
        for port in self.contests.keys().copied().collect::<Vec<_>>() {
            let holder = self.present_holder().filter(|_| !self.is_remade() && !self.is_named(port));
            let report = before.and_then(|before| self.end_report(port, before));
            match (holder, before.and_then(|before| before.present_holder())) {
                (None, _) => _ = self.contests.remove(&port),
                (now_holds, held) if now_holds == held => continue, // the same once more
                _ => self.contests.get_mut(&port).expect("its port was listed").meet_another(now),
            }
            actions.extend(report);
        }
        actions
    }

    /// The port's contest is over.
    pub(super) fn end_contest(&mut self, port: PortNumber, record: Record) -> Option<Action> {
        let report = self.end_report(port, record);
        self.contests.remove(&port);
        report
    }

    fn end_report(&self, port: PortNumber, record: Record) -> Option<Action> {
        let is_known = self.contests.get(&port).is_some_and(Contest::is_known);
        is_known.then_some(Action::Report(Report::BothAnswerNoMore { key: self.key, record, port }))
    }
}

const FIRST_HOLD: Duration = Duration::from_secs(5);
const LONGEST_HOLD: Duration = Duration::from_secs(60);
/// A VIP that has not moved for so long is at rest: twice the longest hold.
const REST: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Epoch, Holder, HostNumber, Incarnation};

    #[test]
    fn the_hold_doubles_from_5_s_to_60_s_and_is_short_again_after_a_rest() {
        let record = |moves| Record {
            incarnation: Incarnation(1),
            epoch: Epoch(u64::from(moves)),
            holder: Holder { host: HostNumber::MIN, port: PortNumber::MIN },
            released: false,
            mac: MacAddr::ZERO,
            moves,
        };
        let mut unrest = Unrest::default();
        unrest.note(Duration::ZERO, None, &record(7));
        let mut holds = vec![];
        for moves in 8..15 {
            let now = Duration::from_secs(60 * u64::from(moves));
            unrest.note(now, Some(&record(moves - 1)), &record(moves));
            holds.push(unrest.hold(&record(moves)).as_secs());
        }
        // The first came more than two minutes after the VIP was first seen.
        assert_eq!(holds, [5, 10, 20, 40, 60, 60, 60]);
        unrest.note(Duration::from_secs(9999), Some(&record(14)), &record(15));
        assert_eq!(unrest.hold(&record(15)).as_secs(), 5);
    }
}
