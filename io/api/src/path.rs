//! What the hosts' maps would do with a packet.

use crate::PathOutcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a packet would go, host by host. Nothing was sent to find out.
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
