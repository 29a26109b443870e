//! Announces VIPs by raw frames from a guest's interface: as fast as a socket takes them, without a process in between.

use crate::Guest;
use anyhow::{Context, Result};
use havip_model::MacAddr;
use havip_netlink::Links;
use havip_packet_socket::PacketSocket;
use havip_wire::build::gratuitous_arp;
use std::net::Ipv4Addr;

/// A guest's voice; it ends with the guest.
pub struct Herald {
    socket: PacketSocket,
    mac: MacAddr,
}

impl Guest {
    /// Its voice. The guest need not have the address that it announces.
    pub fn herald(&self) -> Result<Herald> {
        let namespace = self.network_namespace()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let link = runtime.block_on(async { Links::open_in(&namespace)?.by_name("eth0").await })?;
        let link = link.context("the guest has no eth0")?;
        let socket = namespace.run(|| PacketSocket::open(link.index))??;
        Ok(Herald { socket, mac: MacAddr(link.mac.0) })
    }
}

impl Herald {
    /// Sends one gratuitous ARP request; the kernel of the host has followed it when this returns.
    pub fn announce(&self, vip: Ipv4Addr) -> Result<()> {
        Ok(self.socket.send(&gratuitous_arp(self.mac, vip))?)
    }

    /// The MAC by which records name the guest's port.
    pub fn mac(&self) -> String {
        self.mac.to_string()
    }
}
