//! Requests about deployment sets.

use super::{NewTexts, Texts};
use havip_model::{DeploymentSetId, InstanceId};

/// See [`Request::CreateDeploymentSet`](super::Request::CreateDeploymentSet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateDeploymentSet {
    /// Name and description.
    pub texts: Texts,
}

/// See [`Request::UpdateDeploymentSet`](super::Request::UpdateDeploymentSet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateDeploymentSet {
    /// Which.
    pub set: DeploymentSetId,
    /// The new texts.
    pub texts: NewTexts,
}

/// See [`Request::DeleteDeploymentSet`](super::Request::DeleteDeploymentSet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteDeploymentSet {
    /// Which.
    pub set: DeploymentSetId,
}

/// See [`Request::JoinDeploymentSet`](super::Request::JoinDeploymentSet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinDeploymentSet {
    /// Which instance.
    pub instance: InstanceId,
    /// The set that it is to be of, and of no other.
    pub set: DeploymentSetId,
}

/// See [`Request::LeaveDeploymentSet`](super::Request::LeaveDeploymentSet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveDeploymentSet {
    /// Which instance.
    pub instance: InstanceId,
}
