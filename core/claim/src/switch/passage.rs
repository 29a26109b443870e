//! A packet for a VIP that another host sent here: delivered, or passed on to the holder's host, once (C8).

use super::{Action, Message, MessageKind, Refused, SwitchModel, claim::refuse};
use havip_model::{HostNumber, VipKey};
use std::time::Duration;

impl SwitchModel {
    /// What becomes of the packet. The sender is told the record as an announcement, not as a correction:
    /// it is no answer to its guest's claim, which is not to be repeated.
    pub(super) fn arrived(
        &mut self,
        now: Duration,
        key: VipKey,
        from: HostNumber,
        is_passed_on: bool,
    ) -> Vec<Action> {
        if is_passed_on && !self.members.contains_key(&key.vni) {
            return refuse(Refused::UnknownVpc);
        }
        if !self.configured.contains_key(&key) {
            return refuse(Refused::NotAVip);
        }
        let Some(slot) = self.slots.get(&key) else { return refuse(Refused::NotPrepared) };
        let Some(record) = slot.record.filter(|record| !record.released) else {
            return refuse(Refused::NoHolder);
        };
        let holder = record.holder;
        if holder.host == self.host {
            return match self.refusal(key, holder.port) {
                Some(reason) => refuse(reason),
                None => vec![Action::Deliver { port: holder.port }],
            };
        }
        if is_passed_on {
            return refuse(Refused::NotHeld);
        }
        let mut actions = vec![Action::PassOn { key, to: holder.host }];
        if self.may_correct(now, key, from) {
            let message = Message { hops: 1, kind: MessageKind::Announce, from: self.host, key, record };
            actions.push(Action::Send { to: from, message });
        }
        actions
    }

    /// Whether this host was not told about this VIP within the millisecond.
    pub(super) fn may_correct(&mut self, now: Duration, key: VipKey, host: HostNumber) -> bool {
        let now_ms = now.as_millis();
        self.corrections.insert((key, host), now_ms) != Some(now_ms)
    }
}
