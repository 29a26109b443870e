//! Projects, users and access keys, asked for.

use super::transport::segment;
use crate::{
    AccessKey, AccessKeyFilter, AttachPolicy, Client, ClientError, CreateAccessKey, CreatePolicy,
    CreateProject, CreateUser, NewAccessKey, Page, Policy, PolicyVerdict, Project, RotateAccessKey,
    TestPolicy, Update, UpdateAccessKey, UpdatePolicy, UpdateUser, User,
};

impl Client {
    /// The projects that may be seen.
    pub fn projects(&self) -> Result<Page<Project>, ClientError> {
        self.get("/projects")
    }
    /// One project.
    pub fn project(&self, id: &str) -> Result<Project, ClientError> {
        self.get(&format!("/projects/{}", segment(id)))
    }
    /// Makes a project.
    pub fn create_project(&self, body: &CreateProject) -> Result<Project, ClientError> {
        self.post("/projects", body)
    }
    /// Changes a project; what is absent stays.
    pub fn update_project(&self, id: &str, body: &Update) -> Result<Project, ClientError> {
        self.patch(&format!("/projects/{}", segment(id)), body)
    }
    /// Deletes a project without users and resources.
    pub fn delete_project(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/projects/{}", segment(id)), &[])
    }
    /// The users of the project that may be seen.
    pub fn users(&self) -> Result<Page<User>, ClientError> {
        self.get("/users")
    }
    /// One user.
    pub fn user(&self, id: &str) -> Result<User, ClientError> {
        self.get(&format!("/users/{}", segment(id)))
    }
    /// Makes a user of the project.
    pub fn create_user(&self, body: &CreateUser) -> Result<User, ClientError> {
        self.post("/users", body)
    }
    /// Changes a user; what is absent stays.
    pub fn update_user(&self, id: &str, body: &UpdateUser) -> Result<User, ClientError> {
        self.patch(&format!("/users/{}", segment(id)), body)
    }
    /// Deletes a user with its access keys.
    pub fn delete_user(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/users/{}", segment(id)), &[])
    }
    /// Gives a user a policy.
    pub fn attach_policy(&self, user: &str, policy: &str) -> Result<User, ClientError> {
        self.post(&format!("/users/{}/policies", segment(user)), &AttachPolicy { policy: policy.into() })
    }
    /// Takes a policy from a user.
    pub fn detach_policy(&self, user: &str, policy: &str) -> Result<User, ClientError> {
        let path = format!("/users/{}/policies/{}", segment(user), segment(policy));
        self.change("DELETE", &path, None::<&()>, &[])
    }
    /// The policies of the project.
    pub fn policies(&self) -> Result<Page<Policy>, ClientError> {
        self.get("/policies")
    }
    /// Makes a policy.
    pub fn create_policy(&self, body: &CreatePolicy) -> Result<Policy, ClientError> {
        self.post("/policies", body)
    }
    /// Changes a policy; what is absent stays.
    pub fn update_policy(&self, id: &str, body: &UpdatePolicy) -> Result<Policy, ClientError> {
        self.patch(&format!("/policies/{}", segment(id)), body)
    }
    /// Deletes a policy that no user has.
    pub fn delete_policy(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/policies/{}", segment(id)), &[])
    }
    /// Says what policies decide; nothing happens.
    pub fn test_policy(&self, body: &TestPolicy) -> Result<PolicyVerdict, ClientError> {
        self.post("/policies/test", body)
    }
    /// The access keys that may be seen, without their secrets.
    pub fn access_keys(&self, filter: &AccessKeyFilter) -> Result<Page<AccessKey>, ClientError> {
        self.list("/access-keys", filter)
    }
    /// One access key, without its secret.
    pub fn access_key(&self, id: &str) -> Result<AccessKey, ClientError> {
        self.get(&format!("/access-keys/{}", segment(id)))
    }
    /// Makes an access key; its secret is in this answer and nowhere else.
    pub fn create_access_key(&self, body: &CreateAccessKey) -> Result<NewAccessKey, ClientError> {
        self.post("/access-keys", body)
    }
    /// Changes an access key; what is absent stays.
    pub fn update_access_key(&self, id: &str, body: &UpdateAccessKey) -> Result<AccessKey, ClientError> {
        self.patch(&format!("/access-keys/{}", segment(id)), body)
    }
    /// Makes a new key in place of one, which stays good for a while.
    pub fn rotate_access_key(&self, id: &str, body: &RotateAccessKey) -> Result<NewAccessKey, ClientError> {
        self.post(&format!("/access-keys/{}/rotate", segment(id)), body)
    }
    /// Deletes an access key.
    pub fn delete_access_key(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/access-keys/{}", segment(id)), &[])
    }
}
