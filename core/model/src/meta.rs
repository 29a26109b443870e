//! What all resources have: names, times, generation, and a status that is true.

use crate::{ProjectId, ResourceGroupId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Common to every stored resource.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// Given by the user; may be empty, need not be unique.
    pub name: String,
    /// Given by the user; may be empty.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its specification last changed.
    pub updated_at: Timestamp,
    /// Counts changes of the specification, from 1.
    pub generation: u64,
    /// Whose it is; of hosts and pools, which are everybody's, it says nothing.
    #[serde(default, skip_serializing_if = "is_first")]
    pub project: ProjectId,
    /// Being withdrawn from the hosts; gone once every one has acknowledged.
    ///
    /// No resource of a [`World`](crate::World) has it: rules see a deleted resource no more. The store keeps
    /// what is being withdrawn apart, so that it can still be shown.
    #[serde(default)]
    pub deleting: bool,
    /// What a cloud's API was told and shows again, of no effect here: a zone's name, a way to pay; by `API.word`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: BTreeMap<String, String>,
    /// What its owner sorts it by: keys with values, which may be empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The resource group that it is in; none is the project's default one. See [`Meta::group`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<ResourceGroupId>,
}

impl Meta {
    /// The resource group that it is in.
    pub fn group(&self) -> ResourceGroupId {
        self.resource_group.unwrap_or(ResourceGroupId::default_of(self.project))
    }
}

/// What version 0.1 wrote has no project.
fn is_first(project: &ProjectId) -> bool {
    *project == ProjectId::first()
}

/// How far the world is with a specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Some live host that needs it has not acknowledged it yet.
    Creating,
    /// Every live host that needs it has acknowledged it.
    Available,
    /// A host refused it, or did not acknowledge within ten seconds.
    Failed,
    /// Being withdrawn.
    Deleting,
}

/// A status with its reason, computed from acknowledgements whenever it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The status.
    pub status: Status,
    /// Why, in words; empty where there is nothing to say.
    pub reason: String,
    /// The generation that every live host has acknowledged.
    pub observed_generation: u64,
}
