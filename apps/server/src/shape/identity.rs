//! Those who may ask, as the API shows them.

use super::{Shapes, time};
use crate::entropy;
use havip_model::{AccessKey, Policy, Project, ProjectId, Timestamp, User};

impl Shapes<'_> {
    /// A project.
    pub fn project(&self, project: &Project) -> havip_api::Project {
        havip_api::Project {
            id: project.id.to_string(),
            name: project.name.clone(),
            description: project.description.clone(),
            created_at: time(project.created_at),
            users: self.durable.state.directory.users_of(project.id).count() as u64,
        }
    }

    /// A user.
    pub fn user(&self, user: &User) -> havip_api::User {
        havip_api::User {
            id: user.id.to_string(),
            name: user.name.clone(),
            description: user.description.clone(),
            project: user.project.to_string(),
            administrator: user.is_administrator,
            created_at: time(user.created_at),
            access_keys: self.durable.state.directory.keys_of(user.id).count() as u64,
            policies: user.policies.clone(),
        }
    }

    /// A policy of a project.
    pub fn policy(&self, policy: &Policy) -> havip_api::Policy {
        havip_api::Policy {
            id: policy.id.to_string(),
            name: policy.name.clone(),
            description: policy.description.clone(),
            document: policy.document.clone(),
            created_at: time(policy.created_at),
            updated_at: time(policy.updated_at),
            users: self.users_with(policy.project, &policy.name),
        }
    }

    /// A policy that every project has.
    pub fn built_in_policy(&self, project: ProjectId, name: &str) -> havip_api::Policy {
        havip_api::Policy {
            id: String::new(),
            name: name.into(),
            description: "every project has it".into(),
            document: crate::service::built_in(name).unwrap_or_default().into(),
            created_at: String::new(),
            updated_at: String::new(),
            users: self.users_with(project, name),
        }
    }

    fn users_with(&self, project: ProjectId, policy: &str) -> Vec<String> {
        let users = self.durable.state.directory.users_of(project);
        let users = users.filter(|user| user.policies.iter().any(|has| has == policy));
        users.map(|user| user.name.clone()).collect()
    }

    /// An access key, without its secret.
    pub fn access_key(&self, key: &AccessKey) -> havip_api::AccessKey {
        let has_ended = |at: Timestamp| at <= entropy::now();
        let status = match key.expires_at {
            _ if key.is_disabled => havip_api::KeyStatus::Disabled,
            Some(at) if has_ended(at) => havip_api::KeyStatus::Expired,
            _ => havip_api::KeyStatus::Enabled,
        };
        havip_api::AccessKey {
            id: key.id.to_string(),
            name: key.name.clone(),
            user: key.user.map(|user| user.to_string()).unwrap_or_default(),
            status,
            created_at: time(key.created_at),
            expires_at: key.expires_at.map(time),
            last_used_at: self.service.used_at(key).map(time),
        }
    }
}
