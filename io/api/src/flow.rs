//! The flow log of a VPC.

use crate::TraceEnd;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which flows to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FlowFilter {
    /// Keep one of so many connections, the same ones on every host; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 10000)]
    pub one_of: Option<u32>,
    /// Only what is dropped or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<bool>,
    /// Put together what a connection has in so many seconds; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 600)]
    pub interval: Option<u32>,
    /// End after so long; 60 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 86400)]
    pub seconds: Option<u32>,
}

/// What a flow log tells: flow after flow, what of an interval is in none of them, and at its end how many there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Logged {
    /// A flow.
    Flow(Box<LoggedFlow>),
    /// What is missing.
    Loss(FlowLoss),
    /// The end.
    Total(FlowTotal),
}

/// Packets of one connection in one direction, within an interval, that ended in the same way on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoggedFlow {
    /// When the first came, by the host's clock, in microseconds.
    #[schema(format = DateTime)]
    pub first: String,
    /// When the last came.
    #[schema(format = DateTime)]
    pub last: String,
    /// The name of the host that saw them.
    pub host: String,
    /// Whether they were sent on or delivered; else they were dropped or refused.
    pub accepted: bool,
    /// Why they were rejected: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The interface of this host that sent them; absent if they came from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TraceEnd>,
    /// The interface of this host that was given them; absent if they went elsewhere, or ended here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TraceEnd>,
    /// The protocol's number in IP: 1, 6, 17, 58.
    pub protocol: u32,
    /// Whom they were from, as they came.
    pub source: String,
    /// Whom they were for.
    pub destination: String,
    /// From which port of TCP or UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// To which port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<u16>,
    /// How many they were.
    pub packets: u64,
    /// How long they were together, from Ethernet on.
    pub bytes: u64,
    /// One of so many connections is kept; absent if all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<u32>,
}

/// What of an interval is in no flow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowLoss {
    /// The end of the interval, by the server's clock.
    #[schema(format = DateTime)]
    pub at: String,
    /// Packets for which there was no room.
    pub lost_packets: u64,
    /// Hosts of the VPC that were not heard all the time.
    pub missing_hosts: Vec<String>,
}

/// How much a flow log had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowTotal {
    /// Flows that were told.
    pub flows: u64,
    /// One of so many connections was kept.
    pub one_of: u32,
    /// Packets that are in none of them, as there was no room.
    pub lost_packets: u64,
    /// Hosts of the VPC that were not heard all the time.
    pub missing_hosts: Vec<String>,
}
