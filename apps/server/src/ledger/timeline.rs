//! What happened, bounded: refusals and findings cannot crowd out moves, nor one VIP's moves another's.

use havip_model::{Epoch, Event, EventKind, VipId};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// The events that are kept, in the order in which the server learned them.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    last: u64,
    all: BTreeMap<u64, Arc<Event>>,
    refusals: BTreeSet<u64>,
    moves: HashMap<VipId, BTreeSet<u64>>,
    findings: HashMap<VipId, BTreeSet<u64>>,
    served: HashMap<VipId, BTreeMap<Epoch, u64>>,
}

impl Timeline {
    /// The newest event's number; 0 if there was none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Events behind a number, oldest first.
    pub fn after(&self, sequence: u64) -> impl Iterator<Item = &Arc<Event>> {
        self.all.range(sequence.saturating_add(1)..).map(|(_, event)| event)
    }

    /// Moves of a VIP behind a number, oldest first.
    pub fn moves_of(&self, vip: VipId, after: u64) -> impl Iterator<Item = &Arc<Event>> {
        let moves = self.moves.get(&vip).into_iter();
        moves.flat_map(move |moves| moves.range(after.saturating_add(1)..)).filter_map(|at| self.all.get(at))
    }

    /// Moves of a VIP before a number, newest first.
    pub fn moves_before(&self, vip: VipId, before: u64) -> impl Iterator<Item = &Arc<Event>> {
        let moves = self.moves.get(&vip).into_iter();
        moves.flat_map(move |moves| moves.range(..before).rev()).filter_map(|at| self.all.get(at))
    }

    /// The event of a VIP's first packet under a claim.
    pub fn served(&self, vip: VipId, epoch: Epoch) -> Option<&Arc<Event>> {
        self.all.get(self.served.get(&vip)?.get(&epoch)?)
    }

    /// Refusals, newest first.
    pub fn refusals(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.refusals.iter().rev().filter_map(|at| self.all.get(at))
    }

    /// Findings about a VIP, newest first.
    pub fn findings_of(&self, vip: VipId) -> impl Iterator<Item = &Arc<Event>> {
        let findings = self.findings.get(&vip).into_iter();
        findings.flat_map(|findings| findings.iter().rev()).filter_map(|at| self.all.get(at))
    }

    /// Adds an event; its number is greater than all before.
    pub fn push(&mut self, event: Arc<Event>) {
        self.last = self.last.max(event.sequence);
        match &event.kind {
            EventKind::VipMoved { vip, .. } => {
                self.moves.entry(*vip).or_default().insert(event.sequence);
            }
            EventKind::VipServed { vip, epoch, .. } => {
                self.served.entry(*vip).or_default().insert(*epoch, event.sequence);
            }
            EventKind::Found { vip, .. } => {
                self.findings.entry(*vip).or_default().insert(event.sequence);
            }
            EventKind::Refused(_) => {
                self.refusals.insert(event.sequence);
            }
            EventKind::HostJoined { .. }
            | EventKind::HostLost { .. }
            | EventKind::EdgeMoved { .. }
            | EventKind::InstanceChanged { .. }
            | EventKind::Changed { .. } => {}
        }
        self.all.insert(event.sequence, event);
    }

    /// Forgets an event.
    pub fn remove(&mut self, sequence: u64) {
        let Some(event) = self.all.remove(&sequence) else { return };
        self.refusals.remove(&sequence);
        match &event.kind {
            EventKind::VipMoved { vip, .. } => forget(&mut self.moves, *vip, sequence),
            EventKind::Found { vip, .. } => forget(&mut self.findings, *vip, sequence),
            EventKind::VipServed { vip, epoch, .. } => {
                let Some(of_vip) = self.served.get_mut(vip) else { return };
                of_vip.remove(epoch);
                if of_vip.is_empty() {
                    self.served.remove(vip);
                }
            }
            _ => {}
        }
    }

    /// The oldest event that is one too many, given the one that was just added.
    pub fn excess(&self, added: &Event) -> Option<u64> {
        if self.refusals.len() > MOST_REFUSALS {
            return self.refusals.first().copied();
        }
        if let EventKind::VipServed { vip, .. } = &added.kind
            && let Some(of_vip) = self.served.get(vip).filter(|of_vip| of_vip.len() > MOST_MOVES_OF_A_VIP)
        {
            return of_vip.values().next().copied();
        }
        let (of_vip, most) = match &added.kind {
            EventKind::VipMoved { vip, .. } => (self.moves.get(vip), MOST_MOVES_OF_A_VIP),
            EventKind::Found { vip, .. } => (self.findings.get(vip), MOST_FINDINGS_OF_A_VIP),
            _ => (None, 0),
        };
        if let Some(too_many) = of_vip.filter(|of_vip| of_vip.len() > most) {
            return too_many.first().copied();
        }
        (self.all.len() > MOST).then(|| self.all.keys().next().copied()).flatten()
    }
}

fn forget(all: &mut HashMap<VipId, BTreeSet<u64>>, vip: VipId, sequence: u64) {
    let Some(of_vip) = all.get_mut(&vip) else { return };
    of_vip.remove(&sequence);
    if of_vip.is_empty() {
        all.remove(&vip);
    }
}

/// Some 20 MB.
const MOST: usize = 50_000;
const MOST_REFUSALS: usize = 5_000;
const MOST_MOVES_OF_A_VIP: usize = 1_000;
const MOST_FINDINGS_OF_A_VIP: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{HostNumber, MacAddr, Refusal, RefusalReason, Timestamp};

    #[test]
    fn a_storm_of_refusals_leaves_everything_else() {
        let mut timeline = Timeline::default();
        let joined = EventKind::HostJoined { host: HostNumber::MIN };
        timeline.push(Arc::new(Event { sequence: 1, at: Timestamp(0), project: None, kind: joined }));
        for sequence in 2..20_000 {
            let refusal = Refusal {
                reason: RefusalReason(1),
                host: HostNumber::MIN,
                port: None,
                mac: MacAddr::ZERO,
                address: None,
                count: 1,
            };
            let event =
                Event { sequence, at: Timestamp(0), project: None, kind: EventKind::Refused(refusal) };
            timeline.push(Arc::new(event.clone()));
            if let Some(old) = timeline.excess(&event) {
                timeline.remove(old);
            }
        }
        assert_eq!(timeline.after(0).next().unwrap().sequence, 1);
        assert_eq!(timeline.after(0).count(), 1 + MOST_REFUSALS);
        assert_eq!(timeline.last(), 19_999);
    }
}
