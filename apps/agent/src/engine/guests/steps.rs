//! Starting, stopping and ending instances, step by step as their tasks come to an end.

use super::{Guest, Happened, Order, Phase, Way, What, decide};
use crate::engine::Engine;
use crate::engine::program::chain;
use havip_guest::{Sandbox, Spec};
use havip_model::{Driver, InstanceId, InstanceState, PowerState};
use havip_netlink::Namespace;
use havip_reconcile::item::{InstanceItem, Item, ItemKey};
use havip_stream::{convert, proto};
use std::time::Duration;

impl Engine {
    pub(super) fn instance(&self, id: InstanceId) -> Option<&InstanceItem> {
        match self.desired.items().get(&ItemKey::Instance(id))? {
            Item::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    /// Starts and ends what is to be; says whether ports may have to be looked at again.
    pub(in crate::engine) async fn sync_guests(&mut self, now: Duration) -> bool {
        if !self.guests.has_adopted {
            self.guests.has_adopted = true;
            self.guests.adopt();
            self.guests.look_at = now;
            self.ports.look_again();
        }
        if !std::mem::take(&mut self.guests.is_due) {
            return false;
        }
        let wanted = self.instances().map(|instance| instance.id);
        let mut all: Vec<InstanceId> = wanted.chain(self.guests.guests.keys().copied()).collect();
        all.sort();
        all.dedup();
        for id in all {
            self.sync_guest(id);
        }
        self.ports.is_due()
    }

    fn sync_guest(&mut self, id: InstanceId) {
        let item = self.instance(id).cloned();
        if let Some(external) = item.as_ref().filter(|item| item.driver == Driver::External) {
            // It runs elsewhere; only its ports are ours.
            let state = if external.power == PowerState::Running {
                InstanceState::Running
            } else {
                InstanceState::Stopped
            };
            return self.tell_instance(id, external.starts, state, "");
        }
        let guest = self.guests.guests.entry(id).or_default();
        let runs = matches!(guest.phase, Phase::Running { .. } | Phase::Stopping { .. });
        let gave_up_at = guest.gave_up.as_ref().map(|(starts, ..)| *starts);
        let settled = matches!(guest.phase, Phase::Running { .. } | Phase::Idle);
        let order = decide(
            item.as_ref().map(|item| (item.power, item.starts)),
            runs,
            self.guests.ran.get(&id).copied(),
            gave_up_at,
        );
        match (&item, order) {
            // Power fails whatever is under way.
            (_, Some(Order::Kill)) if matches!(guest.phase, Phase::Stopping { .. }) => self.kill_stopping(id),
            // All else comes to its end first, and then this is asked again.
            _ if !settled => self.let_go_if_equipped(id),
            (Some(item), Some(Order::Start)) if item.driver == Driver::Qemu => self.wire(item),
            (Some(item), Some(Order::Start)) => self.prepare(item),
            (_, Some(Order::Stop)) => self.stop(id),
            (_, Some(Order::Kill)) => self.kill(id),
            (_, Some(Order::Start)) => unreachable!("only what is wanted is started"),
            (Some(item), None) => {
                self.see_off(item);
                self.tell_rest(item);
            }
            (None, None) => self.remove(id),
        }
    }

    /// Nothing is to be done: says what the instance does.
    pub(super) fn tell_rest(&mut self, item: &InstanceItem) {
        let starts = self.guests.ran.get(&item.id).copied().unwrap_or(0);
        let Some(guest) = self.guests.guests.get(&item.id) else { return };
        let failed = |why: &str| format!("it could not go on at another host: {why}");
        let (way, stays) = match &guest.way {
            Way::Failed(_, why) => (failed(why), why.clone()),
            Way::Stays(why) if !why.is_empty() => (failed(why), String::new()),
            Way::Went(_, Some(why)) => {
                let unknown = format!(
                    "another host has all of its state and does not say whether it runs there ({why}); if it does not, \
                     cancel the migration, and it goes on here"
                );
                (unknown, String::new())
            }
            Way::Stays(_) | Way::Goes(_) | Way::Went(_, None) | Way::Comes => Default::default(),
        };
        let (starts, state, mut reason) = match (&guest.phase, &guest.gave_up) {
            (Phase::Running { sandbox, .. }, _) => {
                let why = sandbox.emulated().map(|why| format!("emulated in software: {why}"));
                (starts, InstanceState::Running, why.unwrap_or_default())
            }
            (_, Some((starts, state, reason))) if item.power == PowerState::Running => {
                (*starts, *state, reason.clone())
            }
            _ => (item.starts, InstanceState::Stopped, String::new()),
        };
        if !way.is_empty() {
            let between = if reason.is_empty() { "" } else { "; " };
            reason = format!("{reason}{between}{way}");
        }
        let (id, state) = (item.id.to_string(), convert::instance_state_text(state));
        self.outbox.instance(proto::InstanceReport { id, state, reason, starts, stays });
    }

    pub(super) fn tell_instance(&self, id: InstanceId, starts: u64, state: InstanceState, reason: &str) {
        let state = convert::instance_state_text(state);
        self.outbox.instance(proto::InstanceReport {
            id: id.to_string(),
            state,
            reason: reason.into(),
            starts,
            stays: String::new(),
        });
    }

    fn prepare(&mut self, item: &InstanceItem) {
        let spec = Spec {
            instance: item.id,
            host_name: host_name(item),
            init: item.init,
            user_data: item.user_data.clone(),
            cpu_millis: item.cpu_millis,
            memory_mib: item.memory_mib,
            hidden: self.guests.hidden.clone(),
        };
        tracing::info!(instance = %item.id, starts = item.starts, "starting an instance");
        self.tell_instance(item.id, item.starts, InstanceState::Pending, "");
        let guest = self.guests.guests.entry(item.id).or_default();
        *guest = Guest { phase: Phase::Preparing { starts: item.starts }, ..Guest::default() };
        let sandboxes = self.guests.sandboxes();
        self.guests.spawn(item.id, move || What::Prepared(Box::new(sandboxes.prepare(&spec))));
    }

    /// Runs an instance once each of its ports is up, or cannot be plugged: its first announcement must count.
    fn let_go_if_equipped(&mut self, id: InstanceId) {
        let waits = self.port_items().any(|port| {
            port.instance.is_some_and(|(instance, _)| instance == id)
                && port.device.is_none()
                && !self.is_port_up(&port.interface)
                // One that comes from another host is up only when it is here.
                && !(port.is_awaited_at(self.host) && self.ports.has(&port.interface))
                && !self.faults.items.contains_key(&ItemKey::Port(port.interface))
        });
        let Some(guest) = self.guests.guests.get_mut(&id) else { return };
        if waits || !matches!(guest.phase, Phase::Equipping { .. } | Phase::Wiring { .. }) {
            return;
        }
        match std::mem::take(&mut guest.phase) {
            Phase::Equipping { starts, prepared, namespace } => {
                guest.phase = Phase::Starting { starts, namespace: Some(namespace) };
                self.guests.spawn(id, move || What::Started(Box::new(prepared.run())));
            }
            Phase::Wiring { starts, spec, taps } => {
                guest.phase = Phase::Starting { starts, namespace: None };
                self.switch_on(*spec, taps);
            }
            _ => unreachable!("just looked at"),
        }
    }

    fn stop(&mut self, id: InstanceId) {
        let Some(guest) = self.guests.guests.get_mut(&id) else { return };
        if let Phase::Running { sandbox, namespace } = std::mem::take(&mut guest.phase) {
            tracing::info!(instance = %id, "stopping an instance");
            guest.phase = Phase::Stopping { namespace };
            let starts = self.guests.ran.get(&id).copied().unwrap_or(0);
            self.tell_instance(id, starts, InstanceState::Stopping, "");
            self.guests.spawn(id, move || What::Ended(sandbox.stop(GRACE).map(|_| ())));
        }
    }

    /// Ports down, then everything killed at once, as a power failure would.
    fn kill(&mut self, id: InstanceId) {
        let Some(guest) = self.guests.guests.get_mut(&id) else { return };
        if let Phase::Running { sandbox, .. } = std::mem::replace(&mut guest.phase, Phase::Killing) {
            tracing::info!(instance = %id, "powering an instance off");
            self.renew_devices();
            self.program();
            self.guests.spawn(id, move || What::Ended(sandbox.power_off()));
        }
    }

    /// The same for an instance that has been asked to end and takes its time.
    fn kill_stopping(&mut self, id: InstanceId) {
        let Some(guest) = self.guests.guests.get_mut(&id) else { return };
        guest.phase = Phase::Killing;
        self.renew_devices();
        self.program();
        let sandboxes = self.guests.sandboxes();
        self.guests.spawn(id, move || {
            let running = sandboxes.adopt(id);
            What::Ended(running.and_then(|sandbox| sandbox.map_or(Ok(()), Sandbox::power_off)))
        });
    }

    /// The instance is deleted: what it wrote goes, too.
    fn remove(&mut self, id: InstanceId) {
        self.guests.guests.remove(&id);
        self.outbox.forget_instance(&id.to_string());
        self.faults.items.remove(&ItemKey::Instance(id));
        if self.guests.ran.remove(&id).is_some() {
            self.guests.keep_starts();
        }
        let sandboxes = self.guests.sandboxes();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = sandboxes.remove(id) {
                tracing::warn!(instance = %id, error = chain(&error), "could not remove an instance's files");
            }
        });
    }

    pub(in crate::engine) async fn guest_happened(&mut self, happened: Happened) {
        let Happened { instance: id, what } = happened;
        let Some(guest) = self.guests.guests.get_mut(&id) else { return };
        if let What::Departed(departed) = what {
            return self.departed(id, departed);
        }
        let phase = std::mem::take(&mut guest.phase);
        match (what, phase) {
            (What::Prepared(prepared), Phase::Preparing { starts }) => {
                let prepared = prepared.map_err(|error| chain(&error)).and_then(|prepared| {
                    let namespace = Namespace::of_process(prepared.pid()).map_err(|error| chain(&error))?;
                    Ok((prepared, namespace))
                });
                match prepared {
                    Ok((prepared, namespace)) => {
                        guest.phase = Phase::Equipping { starts, prepared: Box::new(prepared), namespace };
                        self.ports.look_again();
                    }
                    Err(reason) => self.failed(id, starts, reason),
                }
            }
            (What::Started(started), Phase::Starting { starts, namespace }) => match *started {
                Ok(sandbox) => {
                    guest.phase = Phase::Running { sandbox: Box::new(sandbox), namespace };
                    self.faults.items.remove(&ItemKey::Instance(id));
                    self.guests.ran.insert(id, starts);
                    self.guests.keep_starts();
                }
                Err(error) => self.failed(id, starts, chain(&error)),
            },
            (What::Ended(ended), Phase::Stopping { .. } | Phase::Killing) => {
                if let Err(error) = ended {
                    tracing::error!(instance = %id, error = chain(&error), "something of an instance is left");
                }
                self.unplug_all_of(id).await;
            }
            (_, phase) => guest.phase = phase,
        }
        self.guests.look_again();
    }

    pub(super) fn failed(&mut self, id: InstanceId, starts: u64, reason: String) {
        tracing::error!(instance = %id, reason, "could not start an instance");
        self.faults.items.insert(ItemKey::Instance(id), reason.clone());
        self.guests.guests.entry(id).or_default().gave_up = Some((starts, InstanceState::Failed, reason));
    }

    /// The devices of an instance that has ended: with its namespace their far ends are gone.
    async fn unplug_all_of(&mut self, id: InstanceId) {
        let of_instance = |port: &&havip_reconcile::item::PortItem| {
            port.device.is_none() && port.instance.is_some_and(|(instance, _)| instance == id)
        };
        let interfaces: Vec<_> = self.port_items().filter(of_instance).map(|port| port.interface).collect();
        for interface in interfaces {
            self.unplug(interface).await;
        }
    }

    /// Looks whether running instances still run.
    pub(in crate::engine) async fn guests_due(&mut self, now: Duration) {
        if self.guests.look_at > now {
            return;
        }
        self.guests.look_at = now + LOOK;
        let ended: Vec<InstanceId> = self
            .guests
            .guests
            .iter()
            .filter(
                |(_, guest)| matches!(&guest.phase, Phase::Running { sandbox, .. } if sandbox.has_ended()),
            )
            .map(|(id, _)| *id)
            .collect();
        for id in ended {
            tracing::warn!(instance = %id, "an instance ended by itself");
            let starts = self.guests.ran.get(&id).copied().unwrap_or(0);
            let is_machine = matches!(self.guests.guests.get(&id), Some(Guest { phase: Phase::Running { sandbox, .. }, .. })
                if sandbox.is_machine());
            let reason =
                if is_machine { "it turned itself off, or QEMU died" } else { "its first process ended" };
            let reason = reason.to_owned();
            let gave_up = Some((starts, InstanceState::Stopped, reason));
            self.guests.guests.insert(id, Guest { gave_up, ..Guest::default() });
            self.unplug_all_of(id).await;
            self.guests.look_again();
        }
    }
}

/// The name that the guest has for itself: the instance's if it can be one, else its id.
pub(super) fn host_name(item: &InstanceItem) -> String {
    let plain: String =
        item.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() { item.id.to_string() } else { plain.to_owned() }
}

/// What an instance gets to end by itself, as in the clouds; who does not want to wait powers it off.
const GRACE: Duration = Duration::from_secs(60);
/// How soon the end of an instance is seen, when its devices have not told already.
const LOOK: Duration = Duration::from_millis(250);
