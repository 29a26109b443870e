//! Guests that go on at another host while they run: where they are, how long nobody heard from them, who knows it.

use super::{Service, change::note_changes};
use crate::ledger::{State, Write};
use havip_admission::{Request, admit, request};
use havip_model::{HostNumber, InstanceId, Interface, InterfaceId, PortNumber, ResourceKey};
use tracing::{debug, warn};

impl Service {
    /// A guest that was on its way to this host is there, says the host; and for how long nobody heard from it, once that
    /// is known. Hosts say it again.
    pub async fn arrived(&self, host: HostNumber, port: PortNumber, outage_ms: Option<u32>) {
        let on_its_way = |state: &State| {
            let interface = state.world.interface_by_port(port)?;
            let is_awaited = interface.migration.as_ref().is_some_and(|migration| migration.to == host);
            is_awaited.then_some(interface.id)
        };
        if let Some(interface) = self.read(|durable| on_its_way(&durable.state)) {
            self.follow(host, request::FinishMigration { interface, is_seen: true }.into()).await;
        }
        let Some(outage_ms) = outage_ms else { return };
        let unmeasured = |interface: &&Interface| {
            interface.host == Some(host)
                && interface.migrated.as_ref().is_some_and(|migrated| migrated.outage_ms.is_none())
        };
        let interface = self.read(|durable| {
            durable.state.world.interface_by_port(port).filter(unmeasured).map(|interface| interface.id)
        });
        match interface {
            Some(interface) => {
                self.follow(host, request::MeasureMigration { interface, outage_ms }.into()).await
            }
            None => {
                debug!(host = host.get(), port = port.get(), "an outage that is known, or of no migration")
            }
        }
    }

    /// Hosts that had a port before have nothing to do with it any more, once every other knows that it has left.
    pub(super) async fn settle_interfaces(&self) {
        let known: Vec<(InterfaceId, HostNumber)> = self.read(|durable| {
            let leaving = durable.state.world.leaving();
            leaving.filter(|(id, _)| self.tracker.is_settled(ResourceKey::Interface(*id))).collect()
        });
        for (interface, from) in known {
            self.follow(from, request::SettleInterface { interface }.into()).await;
        }
    }

    /// A machine of this host could not go on at another, which its report says why.
    pub async fn stays(&self, host: HostNumber, id: InstanceId) {
        let goes = self.read(|durable| {
            let world = &durable.state.world;
            world.instances.get(&id).is_some_and(|instance| instance.host == host)
                && world.interfaces_of(id).any(|interface| interface.migration.is_some())
        });
        if goes {
            self.follow(host, request::CancelInstanceMigration { instance: id }.into()).await;
        }
    }

    /// Carries out what follows from a host's word.
    async fn follow(&self, host: HostNumber, request: Request) {
        let followed = self
            .commit(|state| {
                let facts = self.facts(state);
                let change = admit(&state.world, &request, &facts)?;
                let mut write = Write::by("agent");
                // What is only measured or settled is no news.
                if let Request::FinishMigration(_) | Request::CancelInstanceMigration(_) = request {
                    note_changes(&mut write, state, &change, &[change.subject], facts.now);
                }
                write.change = Some(change);
                Ok((write, ()))
            })
            .await;
        if let Err(fault) = followed {
            warn!(host = host.get(), ?request, %fault, "a migration could not be followed");
        }
    }
}
