//! Looking on at what a host's switch does with packets.

use crate::{TraceHook, TraceVerdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a trace tells: frame after frame, and at its end how many there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Traced {
    /// A frame.
    Frame(Box<TracedFrame>),
    /// The end.
    Total(TraceTotal),
}

/// How many frames a trace had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceTotal {
    /// Frames that were told.
    pub frames: u64,
    /// Frames that were looked for and came too fast to be told.
    pub lost: u64,
    /// Why it ended before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// One frame that a hook of the switch was given, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TracedFrame {
    /// When, by the host's clock, in microseconds.
    #[schema(format = DateTime)]
    pub at: String,
    /// Where it came in.
    pub hook: TraceHook,
    /// What the switch decided.
    pub verdict: TraceVerdict,
    /// Why it was dropped or refused: a stable word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who sent it: an interface of this host, another host, or the outside.
    pub from: TraceEnd,
    /// Where it went, if it was sent on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TraceEnd>,
    /// The VPC's id, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// What it was, in words.
    pub summary: String,
    /// Its length in bytes.
    pub length: u32,
    /// Its first bytes as it came, from Ethernet on, in hexadecimal.
    pub frame: String,
    /// Frames of this trace so far that came too fast to be told.
    pub lost: u64,
}

/// One end of a frame's way past a hook; nothing where it is neither an interface's nor a host's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceEnd {
    /// In words: the instance's name, or as much as is known.
    pub name: String,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u32>,
    /// The interface's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The instance's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The other host's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}
