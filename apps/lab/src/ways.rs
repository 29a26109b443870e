//! Guests that pass on what is not their own, and what leads to them.

use crate::Scene;
use anyhow::{Context, Result};
use havip_api::{CreateRoute, Interface, InterfaceFilter, UpdateInterface};

impl Scene {
    /// The first interface of a guest.
    pub fn interface_of(&self, guest: &str) -> Result<Interface> {
        let filter = InterfaceFilter { instance: Some(self[guest].id.clone()), ..InterfaceFilter::default() };
        let interfaces = self.lab.api(|client| client.all_interfaces(&filter))?;
        let first = interfaces.into_iter().find(|interface| interface.is_primary);
        first.with_context(|| format!("{guest} has no first interface"))
    }

    /// Whether a guest may send and receive only its own addresses.
    pub fn set_source_dest_check(&self, guest: &str, on: bool) -> Result<()> {
        let interface = self.interface_of(guest)?.meta.id;
        let body = UpdateInterface { source_dest_check: Some(on), ..UpdateInterface::default() };
        self.settled(|client| client.update_interface(&interface, &body)).map(drop)
    }

    /// The guest becomes a router: it may pass on what is not its own, and its kernel does.
    pub fn make_router(&self, guest: &str) -> Result<()> {
        self.set_source_dest_check(guest, false)?;
        self[guest].shell("sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1").map(drop)
    }

    /// A custom route to the id of a VIP or of an interface; returns its id.
    pub fn add_route(&self, destination: &str, next_hop: &str) -> Result<String> {
        let body = CreateRoute {
            vpc: self.vpc.clone(),
            destination: destination.into(),
            next_hop: next_hop.into(),
            ..CreateRoute::default()
        };
        Ok(self.settled(|client| client.create_route(&body))?.meta.id)
    }
}
