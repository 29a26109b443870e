//! Machines of the driver `qemu` that go on at another host: there they wait for their state, from here they send it.

use super::{Guest, Happened, Phase, Way, What};
use crate::engine::program::chain;
use crate::engine::{Done, Engine};
use crate::machines::{Arriving, Departing, Outcome, go_on};
use havip_guest::Sandbox;
use havip_model::{HostNumber, InstanceId};
use havip_reconcile::item::{InstanceItem, Item};
use tokio::sync::oneshot;

impl Engine {
    /// Follows what is wanted of a machine that runs here: to go on at another host, or to stay after all.
    pub(super) fn see_off(&mut self, item: &InstanceItem) {
        let Some(guest) = self.guests.guests.get_mut(&item.id) else { return };
        let runs = matches!(guest.phase, Phase::Running { .. });
        match (&guest.way, item.goes_to) {
            (_, Some(to)) if to == self.host => guest.way = Way::Comes,
            (Way::Goes(at) | Way::Went(at, _) | Way::Failed(at, _), Some(to)) if *at == to => {}
            (_, Some(to)) if runs => {
                guest.way = Way::Goes(to);
                self.send_away(item.id, to);
            }
            // It is here for good: now the server takes this host's word for it.
            (Way::Comes, None) => {
                guest.way = Way::default();
                self.outbox.forget_instance(&item.id.to_string());
            }
            (Way::Went(..), None) => {
                guest.way = Way::default();
                self.resume(item.id);
            }
            (Way::Goes(_), None) => guest.way = Way::default(),
            (Way::Failed(_, why), None) => guest.way = Way::Stays(why.clone()),
            (Way::Stays(_), None) | (_, Some(_)) => {}
        }
    }

    fn send_away(&mut self, instance: InstanceId, to: HostNumber) {
        let endpoint = self.host_item(to).map(|host| host.peer_endpoint.clone());
        let Some(client) = endpoint.and_then(|endpoint| self.peers.client(to, &endpoint)) else {
            return self.departed(instance, Outcome::Stays("the other host has no usable address".into()));
        };
        tracing::info!(%instance, %to, "a machine is sent to another host");
        let departing = Departing { sandboxes: self.guests.sandboxes(), instance };
        let done = self.guests.done.clone();
        tokio::spawn(async move {
            let what = What::Departed(client.migrate(departing).await);
            // The loop ends only with the process.
            let _ = done.send(Done::Guest(Happened { instance, what }));
        });
    }

    /// What came of it: the rest is the server's word, who hears from the other host that it is there.
    pub(super) fn departed(&mut self, id: InstanceId, outcome: Outcome) {
        let Some(guest) = self.guests.guests.get_mut(&id) else { return };
        let Way::Goes(to) = guest.way else { return };
        guest.way = match outcome {
            Outcome::Gone => {
                tracing::info!(instance = %id, %to, "a machine runs on another host now");
                Way::Went(to, None)
            }
            Outcome::Stays(why) => {
                tracing::warn!(instance = %id, %to, why, "a machine stays on this host");
                Way::Failed(to, why)
            }
            Outcome::Unknown(why) => {
                tracing::warn!(instance = %id, %to, why, "nobody knows whether a machine runs on another host");
                Way::Went(to, Some(why))
            }
        };
        self.guests.look_again();
    }

    /// The server wants a machine here that stands still since it was sent away.
    fn resume(&self, instance: InstanceId) {
        let resume = |machine: &Sandbox| machine.resume().map(|()| true);
        tokio::spawn(go_on(self.guests.sandboxes(), instance, resume));
    }

    /// Another host wants to send a machine that is to go on here.
    pub(in crate::engine) fn machine_comes(
        &mut self,
        host: HostNumber,
        instance: InstanceId,
        answer: oneshot::Sender<Result<Arriving, String>>,
    ) {
        let is_expected = self.instance(instance).is_some_and(|item| item.goes_to == Some(self.host));
        let is_its_host = self.desired.items().values().any(|item| match item {
            Item::Endpoint(endpoint) => endpoint.instance == Some(instance) && endpoint.host == Some(host),
            _ => false,
        });
        let comes = is_expected && is_its_host;
        let waits = match self.guests.guests.get(&instance).filter(|_| comes) {
            Some(Guest { phase: Phase::Running { sandbox, .. }, .. }) => {
                sandbox.receive().map_err(|error| chain(&error))
            }
            Some(Guest { gave_up: Some((_, _, why)), .. }) => {
                let _ = answer.send(Err(why.clone()));
                return;
            }
            _ => Err("it is not here".to_owned()),
        };
        match waits {
            Ok(state) => {
                let sandboxes = self.guests.sandboxes();
                _ = answer.send(Ok(Arriving { sandboxes, instance, state }));
            }
            // Dropping the answer tells it to ask again.
            Err(why) => tracing::debug!(%instance, %host, why, "a machine comes that is not waited for yet"),
        }
    }
}
