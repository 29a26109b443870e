//! Hosts and how they join.

use crate::{HostState, Meta};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A machine with an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Host {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Its number in every switch.
    pub number: u32,
    /// Where it is.
    pub region: String,
    /// Where in the region it is.
    pub zone: String,
    /// Its VXLAN address.
    pub underlay: String,
    /// Where other agents reach its agent.
    pub peer_endpoint: String,
    /// The device to the outside network, if it is an edge.
    pub edge_device: Option<String>,
    /// The largest packet that a guest there may send.
    pub guest_mtu: u16,
    /// Processors that its instances may have in all, in thousandths; null is not limited.
    #[serde(default)]
    pub cpu_millis: Option<u64>,
    /// Memory that they may have in all, in MiB; null is not limited.
    #[serde(default)]
    pub memory_mib: Option<u64>,
    /// Processors that they have, in thousandths.
    #[serde(default)]
    pub promised_cpu_millis: u64,
    /// Memory that they have, in MiB.
    #[serde(default)]
    pub promised_memory_mib: u64,
    /// Whether it is there.
    pub state: HostState,
    /// When it was last heard; null if never since the server started.
    #[schema(format = DateTime)]
    pub heard_at: Option<String>,
    /// Its agent's version; empty while unknown.
    pub version: String,
    /// Up to which revision it has programmed everything, but for `unprogrammed`.
    pub acknowledged_revision: u64,
    /// What it could not program.
    pub unprogrammed: Vec<Unprogrammed>,
    /// Refusals that its agent could not report because there were too many.
    pub lost_refusals: u64,
    /// Findings about VIPs that its agent could not keep.
    pub lost_findings: u64,
}

/// Something that a host could not program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unprogrammed {
    /// What: `vip/vip-…` for instance.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// Lets one host join, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostToken {
    /// For `havip agent --join-token`.
    pub token: String,
    /// Useless from then on.
    #[schema(format = DateTime)]
    pub expires_at: String,
}

/// The keys with which hosts seal what they tell each other, by number: the secrets are shown to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostKeys {
    /// The key that hosts seal with; null while none is used yet.
    pub sealing: Option<u32>,
    /// The keys that are good now; two while they are changed.
    pub accepted: Vec<u32>,
    /// Whether hosts refuse what is not sealed.
    pub required: bool,
    /// When the newest key was made.
    #[schema(format = DateTime)]
    pub made_at: String,
    /// Whether the change to the newest key goes on.
    pub is_changing: bool,
    /// The names of the hosts that the next step waits for.
    pub waiting_for: Vec<String>,
}

/// What a host's switch has dropped since its maps were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Drops {
    /// One row per reason that has been counted.
    pub drops: Vec<DropCount>,
}

/// Packets dropped for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DropCount {
    /// A stable word.
    pub reason: String,
    /// How many.
    pub packets: u64,
}

/// Changes a host; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateHost {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Processors that its instances may have in all, in thousandths; null is not limited.
    #[serde(
        default,
        deserialize_with = "crate::meta::present::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u64>)]
    pub cpu_millis: Option<Option<u64>>,
    /// Memory that they may have in all, in MiB; null is not limited.
    #[serde(
        default,
        deserialize_with = "crate::meta::present::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u64>)]
    pub memory_mib: Option<Option<u64>>,
}
