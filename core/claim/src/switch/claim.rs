//! How a port becomes the holder: by its guest's claim (C3, C4) or by the agent's order.

use super::{Action, MessageKind, Refused, SwitchModel};
use crate::{Cause, Notice, keeper::Kind};
use havip_model::{Epoch, Holder, MacAddr, MoveCause, PortNumber, Record, VipKey};
use std::{net::IpAddr, time::Duration};

impl SwitchModel {
    /// A guest's claim.
    pub(super) fn claim(
        &mut self,
        now: Duration,
        port: PortNumber,
        address: IpAddr,
        mac: MacAddr,
    ) -> Vec<Action> {
        let Some(state) = self.ports.get(&port) else { return refuse(Refused::PortInactive) };
        let key = VipKey { vni: state.vni, address };
        if let Some(reason) = self.refusal(key, port) {
            return refuse(reason);
        }
        if let Some(reason) = self.slot_refusal(key) {
            return refuse(reason);
        }
        let record = self.record(key);
        // Another MAC is a new claim: the record must outrank its old self to be told to anybody.
        if record.is_some_and(|own| own.present_holder() == Some(self.here(port)) && own.mac == mac) {
            return self.refresh(now, key);
        }
        if let Some(contested) = self.contested(now, key, port, mac) {
            return vec![contested];
        }
        if !self.agent_is_alive(now) && self.alone.entry((key, port)).or_default().take_alone(now).is_err() {
            return refuse(Refused::Limited);
        }
        if let Err(ready_at) = self.spend(now, key, port) {
            let postponed = Notice::Postponed { key, port, mac, expected: record, ready_at };
            return vec![Action::Notify(postponed)];
        }
        self.hold(now, key, self.here(port), mac, MoveCause::Claim)
    }

    /// The agent's order to make a port, or this edge, the holder.
    pub(super) fn take(
        &mut self,
        now: Duration,
        key: VipKey,
        port: PortNumber,
        mac: MacAddr,
        expected: Option<Record>,
        cause: MoveCause,
    ) -> Vec<Action> {
        let is_eip = self.configured.get(&key).is_some_and(|configured| configured.kind == Kind::Eip);
        let refusal = if is_eip {
            (port != EDGE_PORT).then_some(Refused::NotEntitled)
        } else {
            self.refusal(key, port)
        };
        if let Some(reason) = refusal.or_else(|| self.slot_refusal(key)) {
            return refuse(reason);
        }
        if !self.slots.get(&key).is_some_and(|slot| slot.is_exactly(expected.as_ref())) {
            return refuse(Refused::Unexpected);
        }
        if cause == MoveCause::Claim
            && let Err(ready_at) = self.spend(now, key, port)
        {
            let postponed = Notice::Postponed { key, port, mac, expected, ready_at };
            return vec![Action::Notify(postponed)];
        }
        self.hold(now, key, self.here(port), mac, cause)
    }

    /// Why nobody can become holder of this VIP now.
    fn slot_refusal(&self, key: VipKey) -> Option<Refused> {
        let Some(slot) = self.slots.get(&key) else { return Some(Refused::NotPrepared) };
        let Some(configured) = self.configured.get(&key) else { return Some(Refused::NotAVip) };
        (slot.incarnation() > configured.incarnation).then_some(Refused::Remade)
    }

    /// A token of (VIP, port); free while the agent is dead, as nobody could carry a postponed claim out.
    fn spend(&mut self, now: Duration, key: VipKey, port: PortNumber) -> Result<(), Duration> {
        match self.agent_is_alive(now) {
            true => self.buckets.entry((key, port)).or_default().take(now),
            false => Ok(()),
        }
    }

    /// The present holder again: told to others once a second, and once more right after a new epoch (C3).
    fn refresh(&mut self, now: Duration, key: VipKey) -> Vec<Action> {
        let slot = self.slots.get_mut(&key).expect("the caller found its record");
        let record = slot.record.expect("the caller found the holder in it");
        if !std::mem::take(&mut slot.awaits_first_refresh) {
            if now.saturating_sub(slot.announced_at) < REFRESH_INTERVAL {
                return vec![];
            }
            slot.announced_at = now;
        }
        self.announcements(key, record, MessageKind::Announce)
    }

    /// Makes a new epoch and announces it.
    fn hold(
        &mut self,
        now: Duration,
        key: VipKey,
        holder: Holder,
        mac: MacAddr,
        cause: MoveCause,
    ) -> Vec<Action> {
        let now_ms = self.now_ms(now);
        let configured = self.configured.get(&key).expect("the caller checked that it is configured");
        let slot = self.slots.get_mut(&key).expect("the caller checked that it is prepared");
        // Of this incarnation only: `renew` ends what a bad clock began.
        let last = slot.record.filter(|last| last.incarnation == configured.incarnation);
        let Some(epoch) = last.map_or(Epoch::default(), |last| last.epoch).next(now_ms) else {
            return refuse(Refused::EpochLimit);
        };
        let is_move = last.and_then(|last| last.present_holder()) != Some(holder);
        let moves = last.map_or(0, |last| last.moves).saturating_add(u32::from(is_move));
        let record =
            Record { incarnation: configured.incarnation, epoch, holder, released: false, mac, moves };
        let before = slot.replace(record);
        slot.announced_at = now;
        slot.awaits_first_refresh = true;
        slot.is_down = false;
        self.note_loss(now, key, before, &record);

        let mut actions = vec![Self::moved(key, record, before, Cause::Here(cause))];
        actions.extend(self.announcements(key, record, MessageKind::Announce));
        actions
    }
}

pub(super) fn refuse(reason: Refused) -> Vec<Action> {
    vec![Action::Refuse(reason)]
}

/// An edge has no port; its records name port 1.
const EDGE_PORT: PortNumber = PortNumber::MIN;
/// A refresh is told to others at most this often (C3).
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
