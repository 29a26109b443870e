//! Tags.

use havip_model::ResourceKey;
use std::collections::BTreeMap;

/// Changes the tags of a resource: first some go, then some come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagResource {
    /// Which.
    pub resource: ResourceKey,
    /// Keys of tags that go; one that is not there is no trouble.
    pub remove: Vec<String>,
    /// All of them go.
    pub remove_all: bool,
    /// Keys with values that come; a key that is there gets the new value.
    pub set: BTreeMap<String, String>,
}
