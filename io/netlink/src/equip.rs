//! Giving a guest its interfaces: moved into its namespace, named, addressed and up before anything runs there.

use crate::{LinkError, Links, Namespace, Route};
use havip_model::MacAddr;
use ipnet::IpNet;
use std::{io, net::IpAddr, os::fd::AsFd};

/// A device of this namespace and what it will be in the guest's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestInterface {
    /// Its name here, such as the far end of a port's veth.
    pub device: String,
    /// Its name there, such as `eth0`.
    pub name: String,
    /// Its Ethernet address there; as it is if none.
    pub mac: Option<MacAddr>,
    /// Its addresses there, each with its subnet's prefix.
    pub addresses: Vec<IpNet>,
    /// Its default routers there, at most one of each family.
    pub gateways: Vec<IpAddr>,
    /// In bytes, Ethernet header not counted.
    pub mtu: u32,
}

impl Links {
    /// Moves devices from here into a guest's namespace and sets them up there as told.
    ///
    /// A gateway that no address covers is reached on its link.
    ///
    /// # Errors
    /// The first step that failed; devices moved before it stay where they are.
    pub async fn equip(&self, guest: &Namespace, interfaces: &[GuestInterface]) -> Result<(), LinkError> {
        let inside = Links::open_in(guest)?;
        for interface in interfaces {
            let index = self.index_of(&interface.device).await?;
            // The name may be taken here, and the name here may be taken there: the kernel does both at once.
            let message = self.unspecified(index).setns_by_fd(raw(guest)).name(&interface.name).build();
            let attempted = || format!("move device {} into the guest", interface.device);
            let moved = self.handle.link().set(message).execute().await;
            moved.map_err(|error| LinkError::netlink(attempted(), error))?;

            let index = inside.index_of(&interface.name).await?;
            if let Some(mac) = interface.mac {
                inside.set_mac(index, mac).await?;
            }
            inside.set_mtu(index, interface.mtu).await?;
            listen_to_no_router(guest, &interface.name)?;
            inside.set_up(index).await?;
            for &address in &interface.addresses {
                inside.add_address(index, address).await?;
            }
            for &gateway in &interface.gateways {
                let everywhere = if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
                let route = Route {
                    destination: everywhere.parse().expect("a constant"),
                    via: Some(gateway),
                    device: Some(index),
                    onlink: !interface.addresses.iter().any(|address| address.contains(&gateway)),
                    source: None,
                };
                inside.add_route(route).await?;
            }
        }
        Ok(())
    }

    /// Checks that a device can be plugged as a port: it exists, is a veth or a tap, and nobody else's.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn check_pluggable(&self, device: &str) -> Result<crate::Link, LinkError> {
        let attempted = || format!("plug device {device}");
        let refused = |why: &str| Err(LinkError::new(attempted(), io::Error::other(why.to_owned())));
        let Some(link) = self.by_name(device).await? else {
            return Err(LinkError::new(attempted(), io::Error::from_raw_os_error(libc::ENODEV)));
        };
        match link.kind.as_str() {
            "veth" => {}
            "tun" if link.is_ethernet => {}
            "tun" => return refused("it is a tun device, which has no Ethernet frames; make a tap"),
            "" => return refused("it is a physical device or loopback, not a veth or tap"),
            kind => return refused(&format!("it is a {kind}, not a veth or tap")),
        }
        if link.master.is_some() {
            return refused("it belongs to a bridge; take it out first");
        }
        if link.kind == "veth" && !link.peer_is_elsewhere {
            return refused("its peer is in this namespace, so no guest has it");
        }
        Ok(link)
    }
}

/// A port's network has no router that advertises itself: the guest neither asks for one nor believes one.
fn listen_to_no_router(guest: &Namespace, device: &str) -> Result<(), LinkError> {
    match guest.set_sysctl(&format!("ipv6/conf/{device}/accept_ra"), "0") {
        // A kernel without IPv6 has nothing to tell.
        Err(error) if !error.is_not_found() => {
            Err(LinkError::new(format!("let {device} ignore routers"), io::Error::other(error)))
        }
        _ => Ok(()),
    }
}

fn raw(namespace: &Namespace) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(&namespace.as_fd())
}
