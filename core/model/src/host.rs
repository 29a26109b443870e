//! Hosts: the machines that run guests and an agent.

use crate::{HostId, HostNumber, Meta, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A machine with an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its name in every API.
    pub id: HostId,
    /// Names, times, generation.
    pub meta: Meta,
    /// Where it is.
    pub region: String,
    /// Where in the region it is.
    pub zone: String,
    /// Its number in every switch.
    pub number: HostNumber,
    /// Its VXLAN address.
    pub underlay: IpAddr,
    /// Where other agents reach its agent: `address:port` on the underlay.
    pub peer_endpoint: String,
    /// The device to the outside network, if it is an edge.
    pub edge_device: Option<String>,
    /// The largest packet a guest may send: the underlay's MTU less 50.
    pub guest_mtu: u16,
    /// What its instances may have in all.
    #[serde(default)]
    pub capacity: Capacity,
}

/// What a host has for instances, as its administrator says; none is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Processors, in thousandths.
    pub cpu_millis: Option<u64>,
    /// Memory, in MiB.
    pub memory_mib: Option<u64>,
}

/// Processors and memory that instances have, or are to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Processors, in thousandths.
    pub cpu_millis: u64,
    /// Memory, in MiB.
    pub memory_mib: u64,
}

impl Capacity {
    /// Whether all of these are no more than there is.
    pub fn holds(&self, shares: impl IntoIterator<Item = Share>) -> bool {
        let all = shares.into_iter().fold(Share::default(), |all, share| Share {
            cpu_millis: all.cpu_millis + share.cpu_millis,
            memory_mib: all.memory_mib + share.memory_mib,
        });
        self.cpu_millis.is_none_or(|most| all.cpu_millis <= most)
            && self.memory_mib.is_none_or(|most| all.memory_mib <= most)
    }
}

/// What is known of a host's life; never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    /// Its stream is open.
    Live,
    /// Its stream is closed, or it has not been heard for longer than its lease.
    Lost {
        /// When it was last heard.
        since: Timestamp,
    },
}
