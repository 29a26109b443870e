//! Requests about resource groups.

use super::{NewTexts, Texts};
use havip_model::{ResourceGroupId, ResourceKey};

/// What a project's default resource group is called.
pub const DEFAULT_RESOURCE_GROUP: &str = "default";

/// See [`Request::CreateResourceGroup`](super::Request::CreateResourceGroup).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateResourceGroup {
    /// The name, which no other group of the project has, and a description.
    pub texts: Texts,
}

/// See [`Request::UpdateResourceGroup`](super::Request::UpdateResourceGroup).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateResourceGroup {
    /// Which.
    pub group: ResourceGroupId,
    /// The new texts.
    pub texts: NewTexts,
}

/// See [`Request::DeleteResourceGroup`](super::Request::DeleteResourceGroup).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteResourceGroup {
    /// Which.
    pub group: ResourceGroupId,
}

/// See [`Request::MoveToGroup`](super::Request::MoveToGroup).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveToGroup {
    /// Where to; the project's default group is one, too.
    pub group: ResourceGroupId,
    /// What; all of it or nothing.
    pub resources: Vec<ResourceKey>,
}
