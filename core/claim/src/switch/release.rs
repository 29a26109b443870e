//! A holder is gone: the same record with `released` set (C7).

use super::{Action, Refused, SwitchModel, claim::refuse};
use crate::{Cause, Release};
use havip_model::{MoveCause, Record, VipKey};

impl SwitchModel {
    /// Sets `released` if the record is one of those that the order allows, and announces it.
    pub(super) fn release(&mut self, key: VipKey, only: Release) -> Vec<Action> {
        let Some(slot) = self.slots.get(&key) else { return refuse(Refused::NotPrepared) };
        let is_allowed = |record: &Record| match only {
            Release::Port(port) | Release::Down(port) => record.holder == self.here(port),
            Release::Exact(expected) => slot.is_exactly(Some(&expected)),
        };
        let Some(record) = slot.record.filter(|record| !record.released && is_allowed(record)) else {
            return refuse(Refused::Unexpected);
        };
        let released = Record { released: true, ..record };
        let cause = match only {
            Release::Port(_) => MoveCause::Released,
            Release::Down(_) => MoveCause::PortDown,
            Release::Exact(_) => MoveCause::HostLost,
        };
        let slot = self.slots.get_mut(&key).expect("it was found above");
        let before = slot.replace(released);
        slot.is_down = cause == MoveCause::PortDown;
        let kind = slot.announcement();

        let mut actions = vec![Self::moved(key, released, before, Cause::Here(cause))];
        actions.extend(self.announcements(key, released, kind));
        actions
    }
}
