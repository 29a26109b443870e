//! Replayed: what a node of a Windows failover cluster sends when an IP Address resource comes online.
//!
//! From public descriptions, as no Windows runs here: since Windows Vista and Server 2008 it asks three times, a
//! second apart, whether somebody has the address, with sender 0.0.0.0 (Microsoft, "ARP changes in Server 2008 and
//! Vista", 2009; RFC 5227); if nobody answers, it announces the address by broadcast requests whose sender and
//! target both are the address. An answer is a conflict: the resource fails, and nothing is announced.

use crate::Guest;
use anyhow::{Context, Result};
use havip_model::MacAddr;
use havip_packet_socket::PacketSocket;
use havip_wire::{Arp, EtherType, Ethernet, build::frame};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

/// How the resource's coming online ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Online {
    /// Nobody answered, and the address was announced.
    Announced,
    /// Somebody with this MAC answered a probe.
    Conflict(MacAddr),
}

impl Guest {
    /// Sends the sequence from eth0; the guest gets the address as Windows would, before it announces it.
    pub fn bring_online_like_windows(&self, address: Ipv4Addr) -> Result<Online> {
        let mac: MacAddr = self.shell("cat /sys/class/net/eth0/address")?.trim().parse()?;
        let socket = self.network_namespace()?.run(|| {
            let device = nix::net::if_::if_nametoindex("eth0")?;
            anyhow::Ok(PacketSocket::open_for(device, EtherType::ARP.0)?)
        })??;
        let probe = Arp::request(mac, Ipv4Addr::UNSPECIFIED, address);
        for _ in 0..PROBES {
            socket.send(&frame(mac, MacAddr::BROADCAST).arp(probe))?;
            if let Some(other) = answer(&socket, address, PROBES_APART)? {
                return Ok(Online::Conflict(other));
            }
        }
        self.shell(&format!("ip address replace {address}/32 dev eth0"))?;
        // The target MAC is zero, as in every request of Windows.
        let announcement = Arp::request(mac, address, address);
        for _ in 0..ANNOUNCEMENTS {
            socket.send(&frame(mac, MacAddr::BROADCAST).arp(announcement))?;
        }
        Ok(Online::Announced)
    }
}

/// The MAC of whoever says within this time that it has the address.
fn answer(socket: &PacketSocket, address: Ipv4Addr, time: Duration) -> Result<Option<MacAddr>> {
    let deadline = Instant::now() + time;
    let mut buffer = [0; 1600];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(received) = socket.receive(&mut buffer, left)? else { return Ok(None) };
        let ethernet = Ethernet::decode(&buffer[..received.length]).context("no Ethernet frame")?;
        match Arp::decode(ethernet.payload) {
            Ok(arp) if arp.sender == address => return Ok(Some(arp.sender_mac)),
            _ => {}
        }
    }
}

const PROBES: usize = 3;
const PROBES_APART: Duration = Duration::from_secs(1);
/// One when the address becomes usable, and one more by the cluster service.
const ANNOUNCEMENTS: usize = 2;
