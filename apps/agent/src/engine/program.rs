//! Bringing the switch to what should be, and saying what it could not hold.

use super::{Engine, SECOND};
use crate::{clock, facts};
use anyhow::Context;
use havip_claim::Order;
use havip_claim::keeper::Event;
use havip_model::{Holder, PortState, VipKey, Vni};
use havip_reconcile::item::ItemKey;
use havip_reconcile::plan::{Step, plan_for};
use havip_reconcile::table::{Address, Entry, EntryKey, Table};
use havip_stream::convert::key_text;
use havip_stream::proto;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What does not work here, by what is at fault.
#[derive(Debug, Default)]
pub struct Faults {
    /// Entries that the switch could not hold, tried again each second.
    pub entries: BTreeMap<EntryKey, String>,
    /// VIPs without room for a record.
    pub records: BTreeMap<EntryKey, String>,
    /// Ports and instances.
    pub items: BTreeMap<ItemKey, String>,
    /// Items that this version does not understand, by the text of their key.
    pub unreadable: BTreeMap<String, String>,
}

impl Engine {
    /// Takes over what the switch holds: nothing is touched, but the claim machine must know of it.
    pub(super) fn inherit(&mut self, now: Duration, observed: Table) {
        self.claims.second_at = now + SECOND;
        for (key, entry) in &observed {
            if let Entry::Port(port) = entry
                && port.state != PortState::Inactive
            {
                // It was active before: its VPC's records have been here all the time.
                self.claims.open.insert(port.vni);
            }
            self.records.follow(*key, None, Some(entry));
            self.segments.follow(*key, Some(entry), now);
            for event in facts::events(*key, None, Some(entry)) {
                self.tell_keeper(event);
            }
        }
        self.touched.extend(observed.keys());
        self.observed = observed;
        for vni in self.claims.open.clone() {
            self.read_vpc(vni);
        }
    }

    /// Writes, plugs, starts and tells until all is as it should be or has failed.
    pub(super) async fn settle(&mut self, now: Duration) -> anyhow::Result<()> {
        if !self.is_known {
            return Ok(());
        }
        if !std::mem::replace(&mut self.has_adopted, true) {
            self.adopt_ports().await.context("could not take over the ports of an earlier life")?;
            if self.switch.is_behind() {
                self.take_over()?;
            }
        }
        // Each round may make the next one possible: an entry a port, a port an instance. Three are the most seen.
        for _ in 0..8 {
            self.program();
            let plugged = self.sync_ports().await;
            let guests = self.sync_guests(now).await;
            if !plugged && !guests && self.touched.is_empty() {
                break;
            }
        }
        self.acknowledge();
        Ok(())
    }

    /// An earlier version's programs are still at work, as this one's maps were empty: fills them, then swaps.
    ///
    /// The holders are in a map that both have, so claims that come meanwhile are not lost.
    fn take_over(&mut self) -> anyhow::Result<()> {
        let vpcs: BTreeSet<Vni> = self.port_items().map(|port| port.vni).collect();
        // Their records have been here all the time.
        self.claims.open.extend(&vpcs);
        self.renew_devices();
        self.program();
        vpcs.into_iter().for_each(|vni| self.read_vpc(vni));
        self.switch.take_over().context("could not replace an earlier version's programs")?;
        tracing::info!("took over from a version with other maps");
        Ok(())
    }

    /// Writes what differs, in the order of the plan; the claim machine hears of each write after it.
    pub(super) fn program(&mut self) {
        while !self.touched.is_empty() {
            let touched = std::mem::take(&mut self.touched);
            for key in &touched {
                if self.desired.table().get(key).is_none() {
                    self.faults.entries.remove(key);
                    self.faults.records.remove(key);
                }
            }
            for step in plan_for(&touched, self.desired.table(), &self.observed) {
                self.write(step);
            }
        }
    }

    fn write(&mut self, step: Step) {
        let (key, now) = match step {
            Step::Put(key, entry) => (key, Some(entry)),
            Step::Remove(key) => (key, None),
        };
        let written = match &now {
            Some(entry) => self.switch.put(&key, entry),
            None => self.switch.remove(&key),
        };
        if let Err(error) = written {
            let reason = chain(&error);
            let before = self.faults.entries.insert(key, reason.clone());
            if before.as_ref() != Some(&reason) {
                tracing::error!(?key, reason, "the switch could not take an entry");
            }
            return;
        }
        self.faults.entries.remove(&key);
        let before = match &now {
            Some(entry) => self.observed.insert(key, entry.clone()),
            None => self.observed.remove(&key),
        };
        self.records.follow(key, before.as_ref(), now.as_ref());
        self.segments.follow(key, now.as_ref(), clock::since_boot());
        for event in facts::events(key, before.as_ref(), now.as_ref()) {
            match &event {
                Event::VpcLeft(vni) => _ = self.claims.open.remove(vni),
                // Whatever it holds: an interface that only sends adverts may be the last of its instance to go.
                Event::PortDown(port) => self.port_down(Holder { host: self.host, port: *port }),
                _ => {}
            }
            self.tell_keeper(event);
        }
    }

    /// Tries again what failed: a full map may have room now.
    pub(super) fn retry(&mut self) {
        self.take_keys();
        self.touched.extend(self.faults.entries.keys());
        for at in self.faults.records.keys().copied().collect::<Vec<_>>() {
            if let Some(prepare) = self.observed.get(&at).and_then(|entry| prepare(at, entry)) {
                self.order(&prepare);
            }
        }
        self.ports.look_again();
    }

    fn acknowledge(&self) {
        if self.state.revision == 0 {
            return;
        }
        let mut reasons: BTreeMap<String, String> = BTreeMap::new();
        for (entry, reason) in self.faults.entries.iter().chain(&self.faults.records) {
            if let Some(item) = self.desired.giver(entry) {
                reasons.insert(key_text(&item), reason.clone());
            }
        }
        reasons.extend(self.faults.items.iter().map(|(item, reason)| (key_text(item), reason.clone())));
        reasons.extend(self.faults.unreadable.clone());
        let failures = reasons.into_iter().map(|(key, reason)| proto::Failure { key, reason }).collect();
        let (revision, keys_stage) = (self.state.revision, self.keys.stage);
        self.outbox.acknowledge(proto::Acknowledged { revision, failures, keys_stage });
    }

    /// The claim machine hears of something, and what it wants is done.
    pub(super) fn tell_keeper(&mut self, event: Event) {
        let now = clock::since_boot();
        for action in self.keeper.handle(now, event) {
            self.act(now, action);
        }
    }
}

/// What makes room for the record of a VIP.
fn prepare(at: EntryKey, entry: &Entry) -> Option<Order> {
    match (at, entry) {
        (
            EntryKey::Address(vni, address),
            Entry::Address(Address::Vip { incarnation, .. } | Address::Segment { incarnation, .. }),
        ) => Some(Order::Prepare { key: VipKey { vni, address }, incarnation: *incarnation }),
        (EntryKey::Nat(vni, _), Entry::Nat { public, incarnation }) => {
            Some(Order::Prepare { key: VipKey { vni, address: *public }, incarnation: *incarnation })
        }
        _ => None,
    }
}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
