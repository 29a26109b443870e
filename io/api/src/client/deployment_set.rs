//! Deployment sets.

use super::transport::{Client, ClientError, segment};
use crate::{
    CreateDeploymentSet, DeploymentSet, DeploymentSetFilter, Instance, JoinDeploymentSet, Page, Update,
};

impl Client {
    /// A page of deployment sets.
    pub fn deployment_sets(&self, filter: &DeploymentSetFilter) -> Result<Page<DeploymentSet>, ClientError> {
        self.list("/deployment-sets", filter)
    }
    /// All deployment sets that pass the filter.
    pub fn all_deployment_sets(
        &self,
        filter: &DeploymentSetFilter,
    ) -> Result<Vec<DeploymentSet>, ClientError> {
        let page = |after| DeploymentSetFilter { after, limit: Some(200), ..filter.clone() };
        self.every(|after| self.deployment_sets(&page(after)))
    }
    /// One deployment set.
    pub fn deployment_set(&self, id: &str) -> Result<DeploymentSet, ClientError> {
        self.get(&format!("/deployment-sets/{}", segment(id)))
    }
    /// Makes a deployment set.
    pub fn create_deployment_set(&self, body: &CreateDeploymentSet) -> Result<DeploymentSet, ClientError> {
        self.post("/deployment-sets", body)
    }
    /// Changes a deployment set's texts; what is absent stays.
    pub fn update_deployment_set(&self, id: &str, body: &Update) -> Result<DeploymentSet, ClientError> {
        self.patch(&format!("/deployment-sets/{}", segment(id)), body)
    }
    /// Puts an instance into a deployment set, from another one too.
    pub fn join_deployment_set(
        &self,
        instance: &str,
        body: &JoinDeploymentSet,
    ) -> Result<Instance, ClientError> {
        self.put(&format!("/instances/{}/deployment-set", segment(instance)), body)
    }
    /// Takes an instance out of its deployment set.
    pub fn leave_deployment_set(&self, instance: &str) -> Result<(), ClientError> {
        self.delete(&format!("/instances/{}/deployment-set", segment(instance)), &[])
    }
    /// Deletes a deployment set without instances.
    pub fn delete_deployment_set(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/deployment-sets/{}", segment(id)), &[])
    }
}
