//! What the hosts' maps would do with a packet, and what hosts did with one.

use crate::{LiveOutcome, PathOutcome, PathProtocol};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a packet would go, host by host; `live`: where one that was sent really went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundPath {
    /// The address it is from.
    pub source: String,
    /// The address it is for.
    pub destination: String,
    /// Where it ends.
    pub outcome: PathOutcome,
    /// Why, if it is dropped: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in one sentence.
    pub summary: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: String,
    /// The hosts on its way, in order.
    pub hops: Vec<PathHop>,
    /// Where the packet went; absent if none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LivePath>,
}

/// What one host's switch would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PathHop {
    /// The host's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The host's name.
    pub name: String,
    /// From whom it comes: an instance, a host, or the outside.
    pub from: String,
    /// What decides, in order.
    pub rules: Vec<PathRule>,
    /// To whom it goes; none if it ends here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What decides something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PathRule {
    /// Its name, for programs.
    pub code: String,
    /// In words.
    pub text: String,
}

/// A packet to be sent, to see where it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbePath {
    /// The id of the interface as whose guest it is sent.
    pub interface: String,
    /// The address that it is from; the interface's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The address that it is for.
    pub destination: String,
    /// What it is; a ping if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<PathProtocol>,
    /// To which port, if it is TCP or UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Where the packet that was sent really went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LivePath {
    /// Where it ended.
    pub outcome: LiveOutcome,
    /// Why, if it was dropped: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in one sentence.
    pub summary: String,
    /// Whether it went as the maps say.
    pub is_as_told: bool,
    /// The hosts that saw it, in order.
    pub hops: Vec<LiveHop>,
}

/// What one host's switch did with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveHop {
    /// The host's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The host's name.
    pub name: String,
    /// When, by that host's clock, in microseconds.
    #[schema(format = DateTime)]
    pub at: String,
    /// From whom it came: an instance or a host.
    pub from: String,
    /// What became of it, in words.
    pub did: String,
    /// To whom it went; none if it ended here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}
