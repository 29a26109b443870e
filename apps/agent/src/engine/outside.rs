//! The outside device of an edge: what it takes, and what it says of EIPs.

use super::Engine;
use super::program::chain;
use crate::clock;
use crate::edge::EDGE_PORT;
use havip_model::{Holder, MacAddr, Record, VipKey};
use havip_packet_socket::PacketSocket;
use havip_wire::build::{gratuitous_arp, unsolicited_advertisement};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// What the loop keeps of it.
#[derive(Debug, Default)]
pub struct Outside {
    /// EIPs that this edge has just taken: when they are announced outside, until nothing is left to say.
    announce_at: BTreeMap<IpAddr, Vec<Duration>>,
    /// The device takes frames for the MACs of guests.
    takes_all: bool,
    /// The device takes multicast frames of every group.
    takes_groups: bool,
}

impl Outside {
    /// When an EIP is to be announced.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.announce_at.values().filter_map(|at| at.first().copied()).min()
    }
}

impl Engine {
    /// The device takes frames for guests while there is an external subnet, and, while there are EIPs of IPv6, those to
    /// the groups in which they are asked for.
    pub(super) async fn open_outside(&mut self) {
        let Some(outside) = self.devices.edge else { return };
        let all = self.segments.are_here();
        if all != self.outside.takes_all {
            match self.links.set_promiscuous(outside.index, all).await {
                Ok(()) => self.outside.takes_all = all,
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        "the outside device does not take frames for guests"
                    );
                }
            }
        }
        let groups = self.eips().any(|eip| eip.address.is_ipv6());
        if groups != self.outside.takes_groups {
            match self.links.set_all_multicast(outside.index, groups).await {
                Ok(()) => self.outside.takes_groups = groups,
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        "the outside device does not hear who asks for EIPs"
                    );
                }
            }
        }
    }

    /// The outside learns of an EIP's new edge by gratuitous ARP, or an unsolicited neighbour advertisement.
    pub(super) fn eip_may_have_moved(&mut self, key: VipKey, record: Record) {
        let own = Holder { host: self.host, port: EDGE_PORT };
        if self.devices.edge.is_none() || !self.eips().any(|eip| eip.address == key.address) {
            return;
        }
        self.alive.edges_are_due = true;
        if record.present_holder() == Some(own) {
            let now = clock::since_boot();
            let times = ANNOUNCED_AFTER.iter().map(|after| now + *after).collect();
            self.outside.announce_at.insert(key.address, times);
            self.announce_outside(now);
        } else {
            self.outside.announce_at.remove(&key.address);
        }
    }

    pub(super) fn announce_outside(&mut self, now: Duration) {
        let Some(outside) = self.devices.edge else { return };
        let mut due = Vec::new();
        for (public, times) in &mut self.outside.announce_at {
            let before = times.len();
            times.retain(|at| *at > now);
            if times.len() < before {
                due.push(*public);
            }
        }
        self.outside.announce_at.retain(|_, times| !times.is_empty());
        if due.is_empty() {
            return;
        }
        let sent = PacketSocket::open(outside.index).and_then(|socket| {
            due.iter().try_for_each(|public| socket.send(&announcement(outside.mac, *public)))
        });
        if let Err(error) = sent {
            tracing::warn!(error = chain(&error), "could not announce an EIP outside");
        }
    }
}

fn announcement(mac: MacAddr, public: IpAddr) -> Vec<u8> {
    match public {
        IpAddr::V4(public) => gratuitous_arp(mac, public),
        IpAddr::V6(public) => unsolicited_advertisement(mac, public),
    }
}

/// Switches and routers outside may lose one; keepalived says it as often.
const ANNOUNCED_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)];
