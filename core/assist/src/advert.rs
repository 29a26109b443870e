//! The last advert that a port was given, as the switch kept it.

use havip_model::PortNumber;
use havip_wire::{EtherType, Ethernet, Ipv4, Ipv6, Protocol, Vrrp};
use std::{net::IpAddr, time::Duration};

/// The last advert that a port was given by a sender for one virtual router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The port of this host that it was given to.
    pub to: PortNumber,
    /// The port it came from, of this host or another.
    pub sender: PortNumber,
    /// The address it came from.
    pub source: IpAddr,
    /// The virtual router's number.
    pub router: u8,
    /// When, since boot.
    pub at: Duration,
    /// The port was given it once more already.
    pub is_repeated: bool,
    /// The whole frame, as it was delivered.
    pub frame: Vec<u8>,
}

impl Delivered {
    /// What it says; none if it is no advert of whole and right bytes, or one behind an authentication header.
    pub fn advert(&self) -> Option<Vrrp> {
        let ethernet = Ethernet::decode(&self.frame).ok()?;
        match ethernet.ether_type {
            EtherType::IPV4 => {
                let packet = Ipv4::decode(ethernet.payload).ok()?;
                let is_vrrp = packet.protocol == Protocol::VRRP && IpAddr::V4(packet.source) == self.source;
                let (source, destination) = (packet.source.into(), packet.destination.into());
                is_vrrp.then(|| Vrrp::decode(packet.payload, source, destination).ok())?
            }
            EtherType::IPV6 => {
                let packet = Ipv6::decode(ethernet.payload).ok()?;
                let is_vrrp =
                    packet.next_header == Protocol::VRRP && IpAddr::V6(packet.source) == self.source;
                let (source, destination) = (packet.source.into(), packet.destination.into());
                is_vrrp.then(|| Vrrp::decode(packet.payload, source, destination).ok())?
            }
            _ => None,
        }
    }
}
