//! Resource groups.

use super::transport::{Client, ClientError, segment};
use crate::{CreateResourceGroup, MoveResources, Page, ResourceGroup, ResourceGroupFilter, Update};

impl Client {
    /// A page of resource groups.
    pub fn resource_groups(&self, filter: &ResourceGroupFilter) -> Result<Page<ResourceGroup>, ClientError> {
        self.list("/resource-groups", filter)
    }
    /// All resource groups that pass the filter.
    pub fn all_resource_groups(
        &self,
        filter: &ResourceGroupFilter,
    ) -> Result<Vec<ResourceGroup>, ClientError> {
        let page = |after| ResourceGroupFilter { after, limit: Some(200), ..filter.clone() };
        self.every(|after| self.resource_groups(&page(after)))
    }
    /// One resource group.
    pub fn resource_group(&self, id: &str) -> Result<ResourceGroup, ClientError> {
        self.get(&format!("/resource-groups/{}", segment(id)))
    }
    /// Makes a resource group.
    pub fn create_resource_group(&self, body: &CreateResourceGroup) -> Result<ResourceGroup, ClientError> {
        self.post("/resource-groups", body)
    }
    /// Changes a resource group's texts; what is absent stays.
    pub fn update_resource_group(&self, id: &str, body: &Update) -> Result<ResourceGroup, ClientError> {
        self.patch(&format!("/resource-groups/{}", segment(id)), body)
    }
    /// Deletes a resource group in which nothing is.
    pub fn delete_resource_group(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/resource-groups/{}", segment(id)), &[])
    }
    /// Moves resources to a resource group.
    pub fn move_resources(&self, group: &str, body: &MoveResources) -> Result<ResourceGroup, ClientError> {
        self.post(&format!("/resource-groups/{}/move", segment(group)), body)
    }
}
