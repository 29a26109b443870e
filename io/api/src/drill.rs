//! A failover on purpose.

use crate::Holder;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long the holder of a VIP has no link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillVip {
    /// 1 to 60; longer than the instances' own software needs to take over.
    #[serde(default = "usual")]
    #[schema(minimum = 1, maximum = 60)]
    pub seconds: u32,
}

impl Default for DrillVip {
    fn default() -> Self {
        Self { seconds: usual() }
    }
}

/// A failover on purpose that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Drill {
    /// The VIP's id.
    pub vip: String,
    /// Its address.
    pub address: String,
    /// Who held it, and has no link now.
    pub holder: Holder,
    /// The ids of other VIPs that the same interface held: they move, too.
    pub also: Vec<String>,
    /// When it began.
    #[schema(format = DateTime)]
    pub begun_at: String,
    /// When the link comes back.
    #[schema(format = DateTime)]
    pub ends_at: String,
    /// The last event before it: what it causes comes behind this number.
    pub after: u64,
}

/// keepalived with adverts of 1 s takes over within 4 s.
fn usual() -> u32 {
    10
}
