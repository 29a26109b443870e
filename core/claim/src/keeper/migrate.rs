//! Ports whose guests move to another host while they run: what they hold goes along (section 4 of the design).

use super::{Action, vip::Vip};
use crate::{Order, Release};
use havip_model::{MoveCause, PortNumber};
use std::{collections::BTreeMap, time::Duration};

/// The ports of one VIP that have left this host, or have come to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Migrants {
    /// Left: until when the other host may take over what they held.
    left: BTreeMap<PortNumber, Duration>,
    /// Come from another host, which may still be named as theirs until then.
    came: BTreeMap<PortNumber, Duration>,
}

impl Migrants {
    /// The port is up here.
    pub fn is_back(&mut self, port: PortNumber) {
        self.left.remove(&port);
    }

    /// The port is down here, or may not claim the VIP.
    pub fn is_gone(&mut self, port: PortNumber) {
        self.left.remove(&port);
        self.came.remove(&port);
    }

    /// The port holds the VIP here: if it is named elsewhere now, it may have gone on there.
    pub fn has_taken_along(&mut self, port: PortNumber) {
        self.came.remove(&port);
    }

    /// Whether the port has left and the other host has time left.
    pub fn is_on_its_way(&self, port: PortNumber) -> bool {
        self.left.contains_key(&port)
    }

    /// When the first of those that left has had its time.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.left.values().min().copied()
    }
}

impl Vip {
    /// A local port has left for another host: nothing is released, for its guest lives on.
    pub fn left(&mut self, now: Duration, port: PortNumber) -> Vec<Action> {
        let over = match self.barred(now, port, Release::Port(port)) {
            actions if actions.is_empty() => return actions,
            actions => actions.into_iter().filter(|action| !is_release(action)).collect(),
        };
        self.forget_looks(port);
        // Also of one that does not hold the VIP: what it has just claimed may not have been heard yet.
        self.migrants.left.insert(port, now + ARRIVES_WITHIN);
        over
    }

    /// The guest of a port has come from another host. It announces every address that it has: for a while its claims
    /// are checked first (C10 b), whatever the contention.
    pub fn arrives(&mut self, now: Duration, port: PortNumber) -> Vec<Action> {
        let until = now + CHECKED_FOR;
        self.migrants.left.remove(&port);
        self.migrants.came.insert(port, until);
        vec![Action::Order(Order::HoldOff { key: self.key, port, until, always: true })]
    }

    /// What a port that came held where it was, it holds here.
    pub(super) fn take_along(&self, now: Duration) -> Option<Action> {
        let record = self.record.filter(|_| !self.is_remade())?;
        let holder = record.present_holder().filter(|holder| holder.host != self.host)?;
        let has_come = self.migrants.came.get(&holder.port).is_some_and(|until| now < *until);
        let is_here = has_come && self.candidates.contains(&holder.port);
        is_here.then(|| self.take(holder.port, record.mac, Some(record), MoveCause::Migrated))
    }

    /// Ports that left and have not come anywhere are gone like any other.
    pub(super) fn give_up_migrants(&mut self, now: Duration) -> Vec<Action> {
        let due: Vec<_> = self.migrants.left.extract_if(.., |_, until| *until <= now).collect();
        let named =
            due.into_iter().filter(|(port, _)| self.is_named(*port) && !self.candidates.contains(port));
        named.map(|(port, _)| self.release(Release::Port(port))).collect()
    }
}

fn is_release(action: &Action) -> bool {
    matches!(action, Action::Order(Order::Release { .. }))
}

/// How long the host that a guest goes to has from its leaving until it takes over: what it holds is nowhere meanwhile.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);
/// A guest announces its addresses within a second or so of its arrival.
const CHECKED_FOR: Duration = Duration::from_secs(2);
