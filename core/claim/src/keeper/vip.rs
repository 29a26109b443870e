//! One VIP on one host: which local ports may hold it, and what is under way about it.

use super::{
    Action, Kind,
    announce::Repeat,
    contend::Unrest,
    contest::Contest,
    doubt::{Doubt, Step},
    migrate::Migrants,
    vacancy::Vacancy,
};
use crate::{Order, Release};
use havip_model::{HostNumber, Incarnation, MacAddr, MoveCause, PortNumber, Record, VipKey};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A VIP's states.
#[derive(Debug, Clone, Hash)]
pub struct Vip {
    pub(super) key: VipKey,
    pub(super) host: HostNumber,
    pub(super) incarnation: Incarnation,
    kind: Kind,
    /// The VPC's records were pulled: until then nobody is asked, doubted or looked at.
    is_settled: bool,
    /// What the switch has, as far as it was heard.
    pub(super) record: Option<Record>,
    /// The local ports that are active and entitled.
    pub(super) candidates: BTreeSet<PortNumber>,
    pub(super) vacancy: Vacancy,
    /// One series for each port that had reason to doubt the present record, over or not.
    pub(super) doubts: BTreeMap<PortNumber, Doubt>,
    /// Ports that want it although somebody else holds it (C9).
    pub(super) contests: BTreeMap<PortNumber, Contest>,
    pub(super) unrest: Unrest,
    /// Ports that were barred a moment ago: a hook that was under way may still have made one the holder.
    looks: BTreeMap<PortNumber, (Duration, Release)>,
    pub(super) migrants: Migrants,
    pub(super) postponed: Option<Postponed>,
    pub(super) claimed: Option<Claimed>,
    pub(super) repeat: Option<Repeat>,
}

/// A claim that waits for its bucket (C4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Postponed {
    pub port: PortNumber,
    pub mac: MacAddr,
    pub expected: Option<Record>,
    pub ready_at: Duration,
}

/// The last claim of a local guest, which may yet be answered with a greater record (C5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claimed {
    pub port: PortNumber,
    pub mac: MacAddr,
    pub at: Duration,
}

impl Vip {
    pub fn new(key: VipKey, host: HostNumber) -> Self {
        Self {
            key,
            host,
            incarnation: Incarnation::default(),
            kind: Kind::Vip,
            is_settled: false,
            record: None,
            candidates: BTreeSet::new(),
            vacancy: Vacancy::Held,
            doubts: BTreeMap::new(),
            contests: BTreeMap::new(),
            unrest: Unrest::default(),
            looks: BTreeMap::new(),
            migrants: Migrants::default(),
            postponed: None,
            claimed: None,
            repeat: None,
        }
    }

    /// Takes a new configuration; says whether it is one. What was under way belongs to the old incarnation.
    pub fn configure(
        &mut self,
        incarnation: Incarnation,
        kind: Kind,
        candidates: BTreeSet<PortNumber>,
    ) -> bool {
        if self.incarnation >= incarnation && self.kind == kind {
            return false;
        }
        let record = self.record.filter(|record| record.incarnation >= incarnation);
        *self = Self { incarnation, kind, record, candidates, ..Self::new(self.key, self.host) };
        true
    }

    /// The VPC's records are there.
    pub fn settle(&mut self, now: Duration) -> Vec<Action> {
        if self.is_settled {
            return vec![];
        }
        self.is_settled = true;
        for port in self.candidates.clone() {
            self.weigh(now, port);
        }
        self.deadline_reached(now)
    }

    /// The VPC was left.
    pub fn unsettle(&mut self) {
        self.is_settled = false;
        self.vacancy.close();
        self.doubts.clear();
        self.contests.clear();
    }

    /// A local port became active or entitled, and is now both (C10).
    pub fn appeared(&mut self, now: Duration, port: PortNumber) -> Vec<Action> {
        if self.kind == Kind::Eip || !self.candidates.insert(port) {
            return vec![];
        }
        self.migrants.is_back(port);
        let mut actions: Vec<_> = self.take_along(now).into_iter().collect();
        if actions.is_empty() {
            self.weigh(now, port);
        }
        actions.extend(self.deadline_reached(now));
        actions
    }

    /// Begins what C10 wants for a port that has just become a candidate.
    pub(super) fn weigh(&mut self, now: Duration, port: PortNumber) {
        if !self.is_settled || self.is_remade() {
            return;
        }
        match self.present_holder() {
            None => self.vacancy.open(now, [port]),
            Some(holder) if (holder.host, holder.port) == (self.host, port) => {}
            Some(_) if self.contests.contains_key(&port) => {}
            Some(_) => {
                self.doubts.insert(port, Doubt::begin(now));
            }
        }
    }

    /// Nobody holds it: its ports are asked, unless the records may not be complete yet (C10 a).
    pub(super) fn open_vacancy(&mut self, now: Duration, rivals: Vec<PortNumber>) {
        if self.is_settled {
            self.vacancy.open(now, rivals);
        }
    }

    /// A port went down or is not entitled any more: whatever names it is released, now and in 100 ms (C7).
    pub fn barred(&mut self, now: Duration, port: PortNumber, only: Release) -> Vec<Action> {
        self.migrants.is_gone(port);
        let concerns_it = self.candidates.remove(&port) || (self.is_named(port) && self.kind == Kind::Vip);
        if !concerns_it {
            return vec![];
        }
        self.doubts.remove(&port);
        self.vacancy.forget(port);
        self.postponed = self.postponed.filter(|postponed| postponed.port != port);
        self.claimed = self.claimed.filter(|claimed| claimed.port != port);
        self.looks.insert(port, (now + LOOKS_AGAIN_AFTER, only));
        let over = self.record.and_then(|record| self.end_contest(port, record));
        [self.release(only)].into_iter().chain(over).collect()
    }

    /// A port that has left needs no second look.
    pub(super) fn forget_looks(&mut self, port: PortNumber) {
        self.looks.remove(&port);
    }

    /// Releases a record that names a local port which may not hold it: each second and after each pull (C7).
    pub fn look(&mut self) -> Vec<Action> {
        let named = self.present_holder().filter(|holder| holder.host == self.host && self.kind == Kind::Vip);
        let barred = named.filter(|holder| {
            let is_here = self.candidates.contains(&holder.port) || self.migrants.is_on_its_way(holder.port);
            self.is_settled && !is_here
        });
        barred.map(|holder| self.release(Release::Port(holder.port))).into_iter().collect()
    }

    /// The VIP is no longer configured here: a local holder is released, as hosts that keep it for a while must know (C7).
    pub fn withdraw(self) -> Vec<Action> {
        let holder =
            self.present_holder().filter(|holder| holder.host == self.host && self.kind == Kind::Vip);
        let mut actions: Vec<_> =
            holder.map(|holder| self.release(Release::Port(holder.port))).into_iter().collect();
        actions.push(Action::Order(Order::Forget { key: self.key, incarnation: self.incarnation }));
        actions
    }

    /// A local port has the address (C10).
    pub fn answered(
        &mut self,
        now: Duration,
        port: PortNumber,
        mac: MacAddr,
        advertised_recently: bool,
    ) -> Vec<Action> {
        if !self.candidates.contains(&port) {
            return vec![];
        }
        self.vacancy.answered(now, port, mac, advertised_recently);
        if self.vacancy == Vacancy::Held && !self.doubts.contains_key(&port) {
            // Asked while nobody held the VIP, it answers when somebody does.
            self.weigh(now, port);
        }
        if let Some(doubt) = self.doubts.get_mut(&port) {
            doubt.answered(mac);
        }
        if let Some(contest) = self.contests.get_mut(&port) {
            contest.answered(mac);
        }
        self.deadline_reached(now)
    }

    /// The holder answered a doubt (C10 b).
    pub fn alive(&mut self, record: &Record) -> Vec<Action> {
        if self.is_exactly(Some(record)) {
            self.doubts.values_mut().for_each(Doubt::alive);
            self.contests.values_mut().for_each(Contest::alive);
        }
        vec![]
    }

    /// The holder's adverts stopped while a local port's go on: doubt it at once (C10 c).
    pub fn stalled(&mut self, now: Duration, record: &Record) -> Vec<Action> {
        if !self.is_settled || !self.is_exactly(Some(record)) {
            return vec![];
        }
        let holder =
            self.present_holder().filter(|holder| holder.host == self.host).map(|holder| holder.port);
        let contests = &self.contests;
        let others = self.candidates.iter().filter(|port| Some(**port) != holder);
        for port in others.filter(|port| !contests.contains_key(port)) {
            let doubt = self.doubts.entry(*port).or_insert(Doubt::begin_at_once(now));
            if !doubt.is_asking() {
                *doubt = Doubt::begin_at_once(now);
            }
        }
        self.contests.values_mut().for_each(|contest| contest.hasten(now));
        self.deadline_reached(now)
    }

    /// A claim beyond its bucket; it replaces an earlier one (C4).
    pub fn postponed(
        &mut self,
        port: PortNumber,
        mac: MacAddr,
        expected: Option<Record>,
        ready_at: Duration,
    ) -> Vec<Action> {
        if self.candidates.contains(&port) {
            self.postponed = Some(Postponed { port, mac, expected, ready_at });
        }
        vec![]
    }

    /// Does what is due.
    pub fn deadline_reached(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = vec![];
        if !self.candidates.is_empty() && self.vacancy.asks_now(now) {
            let asks =
                self.candidates.iter().map(|port| Action::Order(Order::Ask { key: self.key, port: *port }));
            actions.extend(asks);
        }
        if let Some((port, mac)) = self.vacancy.takes_now(now) {
            actions.push(self.take(port, mac, self.record, MoveCause::Asked));
        }
        actions.extend(self.doubt(now));
        actions.extend(self.contend(now));
        if let Some(due) = self.postponed.take_if(|postponed| postponed.ready_at <= now) {
            actions.push(self.take(due.port, due.mac, due.expected, MoveCause::Claim));
        }
        if self.repeat.as_mut().is_some_and(|repeat| repeat.says_now(now)) {
            actions.push(Action::Order(Order::Announce { key: self.key }));
        }
        actions.extend(self.give_up_migrants(now));
        let (due, later) = std::mem::take(&mut self.looks).into_iter().partition(|(_, (at, _))| *at <= now);
        self.looks = later;
        let due: BTreeMap<PortNumber, (Duration, Release)> = due;
        let barred = due.into_iter().filter(|(port, _)| !self.candidates.contains(port));
        actions.extend(barred.map(|(_, (_, only))| self.release(only)));
        actions
    }

    /// The earliest of all deadlines.
    pub fn next_deadline(&self) -> Option<Duration> {
        let vacancy = self.vacancy.next_deadline().filter(|_| !self.candidates.is_empty());
        let is_held = self.present_holder().is_some();
        let doubts = self.doubts.values().filter(|_| is_held).filter_map(Doubt::next_deadline);
        let contests = self.contests.values().filter(|_| is_held).map(Contest::next_deadline);
        let postponed = self.postponed.map(|postponed| postponed.ready_at);
        let repeat = self.repeat.and_then(|repeat| repeat.next_deadline());
        let looks = self.looks.values().map(|(at, _)| *at);
        let migrants = self.migrants.next_deadline();
        let all = doubts.chain(contests).chain(looks).chain(vacancy).chain(postponed).chain(repeat);
        all.chain(migrants).min()
    }

    /// Runs the doubts on behalf of local ports.
    fn doubt(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = vec![];
        let Some(record) = self.record.filter(|record| !record.released) else { return actions };
        let (key, mut both) = (self.key, vec![]);
        for (port, doubt) in &mut self.doubts {
            match doubt.deadline_reached(now) {
                Step::Ask { port: asks_port, holder } => {
                    actions.extend(asks_port.then_some(Action::Order(Order::Ask { key, port: *port })));
                    actions.extend(holder.then_some(Action::Order(Order::Doubt { key, record })));
                }
                Step::Take(mac) => {
                    let (port, expected) = (*port, Some(record));
                    let take = Order::Take { key, port, mac, expected, cause: MoveCause::Doubted };
                    actions.push(Action::Order(take));
                }
                Step::Both(mac) => both.push((*port, mac)),
                Step::Silent | Step::Nothing => {}
            }
        }
        let found = both.into_iter().flat_map(|(port, mac)| self.both_answer(now, record, port, mac));
        actions.extend(found.collect::<Vec<_>>());
        actions
    }

    pub(super) fn take(
        &self,
        port: PortNumber,
        mac: MacAddr,
        expected: Option<Record>,
        cause: MoveCause,
    ) -> Action {
        Action::Order(Order::Take { key: self.key, port, mac, expected, cause })
    }

    pub(super) fn release(&self, only: Release) -> Action {
        Action::Order(Order::Release { key: self.key, only })
    }
}

/// How long a hook may be under way at most, generously (C7).
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(100);
