//! What happened.

use crate::{Holder, MoveCause};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of the timeline; which fields are there depends on `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Counts events, from 1; a list or a watch continues behind one.
    pub sequence: u64,
    /// When it happened, by the clock of whoever saw it.
    #[schema(format = DateTime)]
    pub at: String,
    /// `vip-moved`, `vip-served`, `refused`, `both-answer`, `one-answers`, `clock-ahead`, `host-joined`, `host-lost`, `edge-moved`, `instance-changed` or `changed`.
    pub kind: String,
    /// What happened, in plain words.
    pub text: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: String,
    /// The VIP's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// The address that moved, or that was claimed, faked or asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The claim's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// Who held the VIP before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Holder>,
    /// Who holds it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Holder>,
    /// Why it moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<MoveCause>,
    /// Who holds the VIP that something was found out about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// How many milliseconds nobody had sent as the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_ms: Option<u64>,
    /// Who has the VIP's address besides its holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Holder>,
    /// How many milliseconds a claim is ahead of the clock of the host that reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead_ms: Option<u64>,
    /// On what it rests that the holder before was dead, in words, if the switch spoke for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Why the switch refused: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The host's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The host's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The port's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u32>,
    /// The interface's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The instance's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The instance's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// The source MAC of what was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// How many packets or findings like it the report stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The id of the resource that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// `created`, `updated`, `deleted` or `drilled`; of an instance, its new state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
}
