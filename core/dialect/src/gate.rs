//! What a dialect is told besides the request: time, secrets, nonces, and where it is.

use crate::Nonces;

/// What a dialect is told besides the request.
pub struct Gate<'a> {
    /// Seconds since 1970.
    pub now: u64,
    /// The secret of an access key; none if there is no such key.
    pub secret_of: &'a dyn Fn(&str) -> Option<String>,
    /// The nonces of this dialect that were seen.
    pub nonces: &'a mut Nonces,
    /// Where it is.
    pub home: &'a std::sync::Arc<Home>,
}

/// Where the server is, and what an instance is if nobody says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The region of everything.
    pub region: String,
    /// The zone of what is made.
    pub zone: String,
    /// The regions that clients may name; any if empty, and all are this one.
    pub regions: Vec<String>,
    /// The zones that clients may name; any if empty, and all are this one.
    pub zones: Vec<String>,
    /// What an instance is: everything but what the request says.
    pub instance: havip_admission::request::RunInstance,
}

impl Home {
    /// Whether a client may name this region.
    pub fn knows_region(&self, name: &str) -> bool {
        self.regions.is_empty() || self.region == name || self.regions.iter().any(|known| known == name)
    }

    /// Whether a client may name this zone.
    pub fn knows_zone(&self, name: &str) -> bool {
        self.zones.is_empty() || self.zone == name || self.zones.iter().any(|known| known == name)
    }
}
