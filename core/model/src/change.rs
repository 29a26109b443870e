//! What was decided: the resources to write and to forget, and the numbers that were drawn for them.

use crate::{Resource, ResourceKey};
use std::collections::BTreeMap;

/// One decision, committed as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the request was about: what it made, changed or deleted.
    pub subject: ResourceKey,
    /// Resources to forget, before anything is written.
    pub deletes: Vec<ResourceKey>,
    /// Resources to write whole, in an order in which each names only what is there already.
    pub puts: Vec<Resource>,
    /// Counters that were drawn from, with what each will give next.
    pub counters: BTreeMap<Counter, u64>,
}

impl Change {
    /// A decision about one resource that changes nothing yet.
    pub fn about(subject: ResourceKey) -> Self {
        Self { subject, deletes: Vec::new(), puts: Vec::new(), counters: BTreeMap::new() }
    }

    /// Whether there is anything to commit.
    pub fn is_empty(&self) -> bool {
        self.deletes.is_empty() && self.puts.is_empty() && self.counters.is_empty()
    }
}

/// A source of numbers that are never given twice; each begins at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// VPCs on the wire.
    Vni,
    /// Subnets in every switch.
    Subnet,
    /// Interfaces in every switch.
    Port,
    /// Hosts in every switch.
    Host,
    /// Makings of VIPs and of EIP bindings.
    Incarnation,
    /// Security groups in every switch.
    Group,
    /// Rules of security groups in every switch.
    Rule,
    /// States of a security group's rules.
    Edition,
}

impl Counter {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Vni,
        Self::Subnet,
        Self::Port,
        Self::Host,
        Self::Incarnation,
        Self::Group,
        Self::Rule,
        Self::Edition,
    ];

    /// Its word, as in stored keys.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Vni => "vni",
            Self::Subnet => "subnet",
            Self::Port => "port",
            Self::Host => "host",
            Self::Incarnation => "incarnation",
            Self::Group => "group",
            Self::Rule => "rule",
            Self::Edition => "edition",
        }
    }
}
