//! Guests that move to another host while they run (section 4 of the design).
//!
//! Here they come up with their first frame, or when the server says that they are here; from here they go when the other
//! host says so. What they hold goes along: the claim machine takes it over there, and releases nothing here.

use super::ports::Guest;
use super::program::chain;
use super::{Done, Engine};
use havip_claim::keeper::Event;
use havip_model::{HostNumber, InterfaceId, PortNumber};
use havip_reconcile::item::{EndpointItem, Item, ItemKey};
use havip_stream::proto;
use std::time::Duration;
use tokio::sync::oneshot;

impl Engine {
    /// The switch saw the first frame of a guest.
    pub(super) fn guest_arrived(&mut self, at: Duration, port: PortNumber) {
        let Some((interface, _)) = self.ports.device_of(port) else { return };
        if !self.come(interface, port) {
            return;
        }
        let from = self.endpoint_item(interface).and_then(|endpoint| endpoint.host);
        self.say_arrived(interface, port);
        // The server tells everybody; the host it came from need not wait for that.
        let Some(from) = from else { return };
        let endpoint = self.host_item(from).map(|host| host.peer_endpoint.clone());
        if let Some(client) = endpoint.and_then(|endpoint| self.peers.client(from, &endpoint)) {
            let (done, first_ms) = (self.done.clone(), self.wall_ms(at));
            tokio::spawn(async move {
                if let Some(last_ms) = client.arrived(port).await {
                    // The loop ends only with the process.
                    let _ = done.send(Done::Departed { port, last_ms, first_ms });
                }
            });
        }
    }

    /// The server hears that a guest is here, which is taken for granted until it says so itself.
    pub(super) fn say_arrived(&mut self, interface: InterfaceId, port: PortNumber) {
        self.outbox.arrived(port, None);
        self.move_endpoint(interface, self.host);
    }

    /// The host that a guest came from says when it sent its last frame there.
    pub(super) fn guest_departed(&mut self, port: PortNumber, last_ms: u64, first_ms: u64) {
        // The two clocks may differ by more than the guest stood still.
        let outage_ms = u32::try_from(first_ms.saturating_sub(last_ms)).unwrap_or(u32::MAX);
        tracing::info!(%port, outage_ms, "the guest of a port has migrated here");
        if self.ports.device_of(port).is_some() {
            self.outbox.arrived(port, Some(outage_ms));
        }
    }

    /// Another host says that the guest of a port of this one has arrived there.
    pub(super) fn guest_left(
        &mut self,
        to: HostNumber,
        port: PortNumber,
        answer: oneshot::Sender<proto::ArrivedReply>,
    ) {
        let goes = self.port_items().find(|item| item.port == port && item.is_awaited_at(to));
        let went = || self.endpoints().find(|endpoint| endpoint.port == port && endpoint.host == Some(to));
        let Some(interface) = goes.map(|item| item.interface).or_else(|| Some(went()?.interface)) else {
            // Dropping the answer tells it to say so again: the server may have told it earlier than us.
            return tracing::debug!(%port, %to, "a guest is said to have arrived that nobody expects to go");
        };
        if let Some(guest) = self.ports.guest_of(&interface) {
            *guest = Guest::Left;
            tracing::info!(%port, %to, "the guest of a port has migrated");
            self.renew_device(interface);
        }
        self.move_endpoint(interface, to);
        let departed_at = self.switch.departed_at(port).unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "could not read when a guest departed");
            None
        });
        // Whoever told it may have gone.
        let _ = answer.send(proto::ArrivedReply { last_ms: departed_at.map(|at| self.wall_ms(at)) });
    }

    /// What the server says of migrations: finished, or cancelled. Says whether anything was done.
    pub(super) fn follow_migrations(&mut self) -> bool {
        let settled: Vec<(InterfaceId, PortNumber)> = self
            .port_items()
            .filter(|item| item.arrives.is_none())
            .map(|item| (item.interface, item.port))
            .collect();
        let mut done = false;
        for (interface, port) in settled {
            match self.ports.guest_of(&interface) {
                // On command.
                Some(Guest::Awaited) => done |= self.come(interface, port),
                // It came back, or never left.
                Some(guest @ Guest::Left) => {
                    *guest = Guest::Here;
                    self.renew_device(interface);
                    done = true;
                }
                Some(Guest::Here) | None => {}
            }
        }
        done
    }

    /// A guest that was awaited is here: its claims are checked before its port comes up.
    fn come(&mut self, interface: InterfaceId, port: PortNumber) -> bool {
        let Some(guest @ Guest::Awaited) = self.ports.guest_of(&interface) else { return false };
        *guest = Guest::Here;
        let vni = self.port_items().find(|item| item.port == port).map(|item| item.vni);
        tracing::info!(%port, "the guest of a port has arrived");
        if let Some(vni) = vni {
            self.tell_keeper(Event::PortArrives { port, vni });
        }
        self.renew_device(interface);
        true
    }

    fn endpoint_item(&self, interface: InterfaceId) -> Option<&EndpointItem> {
        match self.desired.items().get(&ItemKey::Endpoint(interface))? {
            Item::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        }
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = &EndpointItem> {
        self.desired.items().values().filter_map(|item| match item {
            Item::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        })
    }

    /// Until the server says the same.
    fn move_endpoint(&mut self, interface: InterfaceId, to: HostNumber) {
        if let Some(endpoint) = self.endpoint_item(interface).cloned() {
            self.touched
                .extend(self.desired.put(Item::Endpoint(EndpointItem { host: Some(to), ..endpoint })));
        }
    }
}
