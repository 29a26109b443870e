//! Deployment sets: instances that must not fail together.

use crate::{DeploymentSetId, Meta};
use serde::{Deserialize, Serialize};

/// Instances of which no two are on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentSet {
    /// Its name in every API.
    pub id: DeploymentSetId,
    /// Names, times, generation.
    pub meta: Meta,
}
