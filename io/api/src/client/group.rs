//! Security groups.

use super::transport::{Client, ClientError, segment};
use crate::{CreateSecurityGroup, Page, Rules, SecurityGroup, SecurityGroupFilter, Update};

impl Client {
    /// A page of security groups.
    pub fn security_groups(&self, filter: &SecurityGroupFilter) -> Result<Page<SecurityGroup>, ClientError> {
        self.list("/security-groups", filter)
    }
    /// All security groups that pass the filter.
    pub fn all_security_groups(
        &self,
        filter: &SecurityGroupFilter,
    ) -> Result<Vec<SecurityGroup>, ClientError> {
        let page = |after| SecurityGroupFilter { after, limit: Some(200), ..filter.clone() };
        self.every(|after| self.security_groups(&page(after)))
    }
    /// One security group.
    pub fn security_group(&self, id: &str) -> Result<SecurityGroup, ClientError> {
        self.get(&format!("/security-groups/{}", segment(id)))
    }
    /// Makes a security group.
    pub fn create_security_group(&self, body: &CreateSecurityGroup) -> Result<SecurityGroup, ClientError> {
        self.post("/security-groups", body)
    }
    /// Changes a security group's texts; what is absent stays.
    pub fn update_security_group(&self, id: &str, body: &Update) -> Result<SecurityGroup, ClientError> {
        self.patch(&format!("/security-groups/{}", segment(id)), body)
    }
    /// Deletes a security group.
    pub fn delete_security_group(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/security-groups/{}", segment(id)), &[])
    }
    /// Gives a security group further rules.
    pub fn add_rules(&self, id: &str, body: &Rules) -> Result<SecurityGroup, ClientError> {
        self.post(&format!("/security-groups/{}/rules", segment(id)), body)
    }
    /// Gives a security group other rules at once.
    pub fn replace_rules(&self, id: &str, body: &Rules) -> Result<SecurityGroup, ClientError> {
        self.put(&format!("/security-groups/{}/rules", segment(id)), body)
    }
    /// Takes a rule from a security group.
    pub fn remove_rule(&self, id: &str, rule: u32) -> Result<(), ClientError> {
        self.delete(&format!("/security-groups/{}/rules/{rule}", segment(id)), &[])
    }
}
