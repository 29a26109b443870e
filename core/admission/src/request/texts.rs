//! What several requests have: texts, and the choice of an address.

use havip_model::{Family, ResourceGroupId};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// What is said of something that is made: a name, a description, tags, where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The tags: keys with values, which may be empty.
    pub tags: BTreeMap<String, String>,
    /// The resource group that it is to be in; the project's default one if none.
    pub resource_group: Option<ResourceGroupId>,
}

impl Texts {
    /// These, and tags.
    pub fn tagged(self, tags: BTreeMap<String, String>) -> Self {
        Self { tags, ..self }
    }

    /// These, and a resource group.
    pub fn grouped(self, resource_group: Option<ResourceGroupId>) -> Self {
        Self { resource_group, ..self }
    }
}

/// A new name, a new description, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewTexts {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
}

impl From<NewTexts> for Texts {
    /// Of something that is made; what is not said is empty.
    fn from(new: NewTexts) -> Self {
        Self {
            name: new.name.unwrap_or_default(),
            description: new.description.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// Which address something is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The lowest free one of this family.
    Automatic(Family),
    /// This one.
    Chosen(IpAddr),
    /// None; interfaces only.
    Without,
}

impl Default for Choice {
    fn default() -> Self {
        Self::Automatic(Family::Ipv4)
    }
}

/// Which IPv6 address an interface is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice6 {
    /// The lowest free one, if its subnet has IPv6: short, as people type it into configuration files, and found in
    /// the way in which IPv4 addresses are. One made of the MAC would need no search, and nobody could remember it.
    #[default]
    Automatic,
    /// This one.
    Chosen(Ipv6Addr),
    /// None.
    Without,
}
