//! Routes of the main table.

use crate::{LinkError, Links, error::absent_is_fine};
use ipnet::IpNet;
use netlink_packet_route::route::{RouteMessage, RouteScope};
use rtnetlink::RouteMessageBuilder;
use std::{io, net::IpAddr};

/// Where packets to a prefix go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `0.0.0.0/0` or `::/0` is the default route.
    pub destination: IpNet,
    /// The next router; none if the destination is on the device itself.
    pub via: Option<IpAddr>,
    /// The device's index; none to let the kernel find it by `via`.
    pub device: Option<u32>,
    /// Whether `via` is taken as reachable on the device although no address of the device covers it.
    pub onlink: bool,
    /// The source address that the host's own packets get.
    pub source: Option<IpAddr>,
}

impl Route {
    /// A route through a router.
    pub fn via(destination: IpNet, router: IpAddr) -> Self {
        Self { destination, via: Some(router), device: None, onlink: false, source: None }
    }

    /// A route to whoever is on a device.
    pub fn on_device(destination: IpNet, device: u32) -> Self {
        Self { destination, via: None, device: Some(device), onlink: false, source: None }
    }
}

impl Links {
    /// Adds a route, in place of one with the same destination.
    ///
    /// # Errors
    /// The router is not reachable, the device is down or absent, or the kernel refused.
    pub async fn add_route(&self, route: Route) -> Result<(), LinkError> {
        let done = self.handle.route().add(message(route)?).replace().execute().await;
        done.map_err(|error| LinkError::netlink(format!("add the route to {}", route.destination), error))
    }

    /// Removes a route; one that is not there is fine.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn remove_route(&self, route: Route) -> Result<(), LinkError> {
        let done = self.handle.route().del(message(route)?).execute().await;
        let attempted = || format!("remove the route to {}", route.destination);
        absent_is_fine(done.map_err(|error| LinkError::netlink(attempted(), error)))
    }
}

fn message(route: Route) -> Result<RouteMessage, LinkError> {
    let families = |address: IpAddr| address.is_ipv4() == route.destination.addr().is_ipv4();
    if !route.via.into_iter().chain(route.source).all(families) {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "IPv4 and IPv6 are mixed");
        return Err(LinkError::new(format!("build the route to {}", route.destination), source));
    }
    let valid = "one family, and an IpNet's prefix is in range";
    let destination = route.destination.trunc();
    let mut builder = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(destination.addr(), destination.prefix_len())
        .expect(valid);
    if let Some(via) = route.via {
        builder = builder.gateway(via).expect(valid);
    } else {
        builder = builder.scope(RouteScope::Link);
    }
    if let Some(source) = route.source {
        builder = builder.pref_source(source).expect(valid);
    }
    if let Some(device) = route.device {
        builder = builder.output_interface(device);
    }
    if route.onlink {
        builder = builder.onlink();
    }
    Ok(builder.build())
}
