//! What a switch remembers of ports that lost a VIP: they do not just take it back (C9).

use super::{Action, SwitchModel};
use crate::Notice;
use havip_model::{MacAddr, PortNumber, Record, VipKey};
use std::{collections::BTreeMap, time::Duration};

impl SwitchModel {
    /// A record was replaced: if a local port lost the VIP to another port by it, its next claims are contested.
    /// A release is no loss: whoever resigned may come back at once.
    pub(super) fn note_loss(&mut self, now: Duration, key: VipKey, before: Option<Record>, made: &Record) {
        let lost = before.filter(|before| before.incarnation == made.incarnation);
        let Some(loser) = lost.and_then(|before| before.present_holder()) else { return };
        // The same port on another host has not lost it: its guest has migrated.
        if loser.host == self.host && loser.port != made.holder.port {
            self.losses.insert((key, loser.port), now + CONTESTED_FOR);
        }
    }

    /// The agent knows that both have the address, or that the port's guest has just come from another host.
    pub(super) fn hold_off(
        &mut self,
        key: VipKey,
        port: PortNumber,
        until: Duration,
        always: bool,
    ) -> Vec<Action> {
        let of = if always { &mut self.arrivals } else { &mut self.losses };
        let kept = of.entry((key, port)).or_default();
        *kept = until.max(*kept);
        vec![]
    }

    /// A claim that goes against a present holder, by a port that lost the VIP a short while ago: the agent's.
    pub(super) fn contested(
        &self,
        now: Duration,
        key: VipKey,
        port: PortNumber,
        mac: MacAddr,
    ) -> Option<Action> {
        let configured = self.configured.get(&key)?;
        let expected = self.record(key).filter(|record| record.incarnation == configured.incarnation)?;
        let holder = expected.present_holder()?;
        let lasts = |of: &BTreeMap<_, Duration>| of.get(&(key, port)).is_some_and(|until| now < *until);
        let is_contested = configured.hold && lasts(&self.losses) || lasts(&self.arrivals);
        (is_contested && holder.port != port && holder != self.here(port) && self.agent_is_alive(now))
            .then_some(Action::Notify(Notice::Contested { key, port, mac, expected }))
    }
}

/// How long a port that lost a VIP may not just take it back.
const CONTESTED_FOR: Duration = Duration::from_secs(30);
