//! Tags: what a project sorts its resources by.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A tag of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tag {
    /// The id of the resource.
    pub resource: String,
    /// The key.
    pub key: String,
    /// The value; may be empty.
    pub value: String,
}

/// Changes the tags of a resource: first some go, then some come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTags {
    /// Keys with values that come, at most 20; a key that is there gets the new value.
    ///
    /// A key has 1 to 128 characters, a value at most 128; neither begins with `aliyun` or `acs:`, nor holds `http://` or `https://`.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Keys that go, at most 20; one that is not there is no trouble.
    #[serde(default)]
    pub remove: Vec<String>,
    /// All of them go.
    #[serde(default)]
    pub remove_all: bool,
}
