//! Resource groups: parts of a project.

use crate::Meta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of a project; each of its resources is in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResourceGroup {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// It is the project's own, for what nobody has put into another.
    pub is_default: bool,
    /// How many resources are in it.
    pub resources: usize,
}

/// Makes a resource group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateResourceGroup {
    /// 1 to 128 characters; no other group of the project has it.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
}

/// Moves resources to a resource group, all of them or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveResources {
    /// Their ids, at most 50. An instance takes its first interface along.
    #[schema(min_items = 1, max_items = 50)]
    pub resources: Vec<String>,
}
