//! Requests about hosts.

use super::NewTexts;
use havip_model::{HostId, HostNumber};
use std::net::IpAddr;

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Its VXLAN address.
    pub underlay: IpAddr,
    /// Where its agent answers other agents: `address:port`.
    pub peer_endpoint: String,
    /// The device to the outside network, if it is an edge.
    pub edge_device: Option<String>,
    /// The largest packet a guest may send: 576 to 65 535 bytes.
    pub guest_mtu: u16,
}

/// See [`Request::JoinHost`](super::Request::JoinHost).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinHost {
    /// Its name; unique among hosts, not empty.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// Where in the region it is.
    pub zone: String,
    /// What it says of itself.
    pub facts: HostFacts,
}

/// See [`Request::UpdateHost`](super::Request::UpdateHost).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateHost {
    /// Which.
    pub host: HostNumber,
    /// The new texts.
    pub texts: NewTexts,
    /// What it says of itself now.
    pub facts: Option<HostFacts>,
    /// Processors that its instances may have in all, in thousandths; `Some(None)` is not limited.
    pub cpu_millis: Option<Option<u64>>,
    /// Memory that they may have in all, in MiB; `Some(None)` is not limited.
    pub memory_mib: Option<Option<u64>>,
}

/// See [`Request::RemoveHost`](super::Request::RemoveHost).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveHost {
    /// Which.
    pub host: HostId,
}
