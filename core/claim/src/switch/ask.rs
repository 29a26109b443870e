//! Asks, doubts and their answers (C10): the switch only reflects, the agent decides.

use super::{Action, Message, MessageKind, Refused, SwitchModel, claim::refuse};
use crate::Notice;
use havip_model::{Holder, MacAddr, PortNumber, Record, VipKey};
use std::{net::IpAddr, time::Duration};

/// Who waits for a port's answer, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Ask {
    /// The own agent, in its name (C10 a, and b for the displaced port).
    pub agent_until: Duration,
    /// Whoever doubts the holder (C10 b).
    pub doubt_until: Duration,
    /// It was told: each ask has one answer, and a guest that repeats its own causes nothing more.
    pub agent_told: bool,
    /// The same for whoever doubts.
    pub doubt_told: bool,
}

impl SwitchModel {
    /// The agent asks a local port.
    pub(super) fn ask(&mut self, now: Duration, key: VipKey, port: PortNumber) -> Vec<Action> {
        if let Some(reason) = self.refusal(key, port) {
            return refuse(reason);
        }
        let ask = self.asks.entry((port, key)).or_default();
        (ask.agent_until, ask.agent_told) = (now + ANSWER_WITHIN, false);
        vec![Action::AskGuest { port, key }]
    }

    /// The agent doubts a holder, on another host or on this one.
    pub(super) fn doubt(&mut self, now: Duration, key: VipKey, record: Record) -> Vec<Action> {
        if !self.slots.get(&key).is_some_and(|slot| slot.is_exactly(Some(&record))) {
            return refuse(Refused::Unexpected);
        }
        if record.holder.host == self.host {
            return self.ask_holder(now, key, record);
        }
        let message = Message { hops: 0, kind: MessageKind::Doubt, from: self.host, key, record };
        vec![Action::Send { to: record.holder.host, message }]
    }

    /// A doubt about a record that is this switch's own: its holder is asked, if it is here.
    pub(super) fn ask_holder(&mut self, now: Duration, key: VipKey, record: Record) -> Vec<Action> {
        let Some(Holder { host, port }) = record.present_holder() else { return vec![] };
        if host != self.host || !self.is_candidate(key, port) {
            return vec![];
        }
        let ask = self.asks.entry((port, key)).or_default();
        (ask.doubt_until, ask.doubt_told) = (now + ANSWER_WITHIN, false);
        vec![Action::AskGuest { port, key }]
    }

    /// A guest's reply with a VIP as sender: an answer if it was asked, in itself never a claim (C1).
    pub(super) fn reply(
        &mut self,
        now: Duration,
        port: PortNumber,
        address: IpAddr,
        mac: MacAddr,
        advertised_recently: bool,
    ) -> Vec<Action> {
        let Some(state) = self.ports.get(&port) else { return refuse(Refused::PortInactive) };
        let key = VipKey { vni: state.vni, address };
        if let Some(reason) = self.refusal(key, port) {
            return refuse(reason);
        }
        let held = self.record(key).filter(|record| record.present_holder() == Some(self.here(port)));
        let mut ask = self.asks.get(&(port, key)).copied().unwrap_or_default();
        let mut actions = vec![];
        if now < ask.agent_until && !std::mem::replace(&mut ask.agent_told, true) {
            actions.push(Action::Notify(Notice::Answered { key, port, mac, advertised_recently }));
        }
        if now < ask.doubt_until
            && let Some(record) = held
            && !std::mem::replace(&mut ask.doubt_told, true)
        {
            actions.push(Action::Notify(Notice::Alive { key, record }));
            actions.extend(self.announcements(key, record, MessageKind::Alive));
        }
        if let Some(kept) = self.asks.get_mut(&(port, key)) {
            *kept = ask;
        }
        if now >= ask.agent_until && held.is_none() {
            actions.push(Action::Refuse(Refused::NotHeld));
        }
        actions
    }

    /// The holder's adverts have stopped: the host of the port whose adverts go on is told (C10 c).
    pub(super) fn adverts_stalled(&self, key: VipKey, advertiser: Holder) -> Vec<Action> {
        let Some(record) = self.record(key) else { return vec![] };
        let holder = record.present_holder();
        if holder.is_none_or(|holder| holder.host != self.host || holder == advertiser) {
            return vec![];
        }
        if advertiser.host == self.host {
            return vec![Action::Notify(Notice::Stalled { key, record })];
        }
        let message = Message { hops: 0, kind: MessageKind::Stalled, from: self.host, key, record };
        vec![Action::Send { to: advertiser.host, message }]
    }
}

/// How long after an ask a reply is its answer (C10).
const ANSWER_WITHIN: Duration = Duration::from_millis(200);
