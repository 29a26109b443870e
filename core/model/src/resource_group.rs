//! Resource groups: parts of a project, each of whose resources is in one.

use crate::{Meta, ProjectId, ResourceGroupId};
use serde::{Deserialize, Serialize};

/// A part of a project.
///
/// The default one, in which everything is that nobody has put into another, is no resource: it can be neither changed
/// nor deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceGroup {
    /// Its name in every API.
    pub id: ResourceGroupId,
    /// Names, times, generation.
    pub meta: Meta,
}

impl ResourceGroupId {
    /// The default group of a project.
    pub const fn default_of(project: ProjectId) -> Self {
        Self::new(project.body())
    }
}
