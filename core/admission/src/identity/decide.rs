//! The decision about those who may ask.

use super::{
    BUILT_IN, IdentityChange, IdentityRequest, KEYS_PER_USER, POLICIES_PER_PROJECT, POLICIES_PER_USER,
};
use crate::{
    Code, Draw, Facts, Refusal,
    decide::check,
    request::{NewTexts, Texts},
};
use havip_model::{
    AccessKey, AccessKeyId, Directory, Identity, IdentityKey, Policy, PolicyId, Project, ProjectId, User,
    UserId, World,
};

/// Decides whether a request may happen, and what exactly it changes. `is_used` tells whether a project has resources.
///
/// # Errors
/// The first thing that is wrong, with what to do about it.
pub fn decide(
    directory: &Directory,
    is_used: impl Fn(ProjectId) -> bool,
    request: &IdentityRequest,
    facts: &Facts,
) -> Result<IdentityChange, Refusal> {
    let decision = Decision { directory, facts };
    let change = match request {
        IdentityRequest::CreateProject { texts } => decision.create_project(texts)?,
        IdentityRequest::UpdateProject { project, texts } => decision.update_project(*project, texts)?,
        IdentityRequest::DeleteProject { project } => decision.delete_project(*project, is_used)?,
        IdentityRequest::CreateUser { project, texts, is_administrator, policies } => {
            decision.create_user(*project, texts, *is_administrator, policies)?
        }
        IdentityRequest::AttachPolicy { user, policy } => decision.attach(*user, policy)?,
        IdentityRequest::DetachPolicy { user, policy } => decision.detach(*user, policy)?,
        IdentityRequest::CreatePolicy { project, texts, document } => {
            decision.create_policy(*project, texts, document)?
        }
        IdentityRequest::UpdatePolicy { policy, description, document } => {
            decision.update_policy(*policy, description.as_deref(), document.as_deref())?
        }
        IdentityRequest::DeletePolicy { policy } => decision.delete_policy(*policy)?,
        IdentityRequest::UpdateUser { user, texts, is_administrator } => {
            decision.update_user(*user, texts, *is_administrator)?
        }
        IdentityRequest::DeleteUser { user } => decision.delete_user(*user)?,
        IdentityRequest::CreateKey { user, name, id, sealed_secret } => {
            decision.create_key(*user, name, *id, sealed_secret)?
        }
        IdentityRequest::UpdateKey { key, name, is_disabled } => {
            decision.update_key(*key, name.as_deref(), *is_disabled)?
        }
        IdentityRequest::RotateKey { key, expires_at, id, sealed_secret } => {
            let mut old = decision.key(*key)?.clone();
            let new =
                AccessKey { expires_at: None, ..decision.new_key(old.user, &old.name, *id, sealed_secret) };
            old.expires_at = Some(old.expires_at.map_or(*expires_at, |at| at.min(*expires_at)));
            IdentityChange { puts: vec![old.into(), new.clone().into()], ..put(new) }
        }
        IdentityRequest::SetQuota { project, quota, profile, limit } => {
            decision.set_quota(*project, *quota, *profile, *limit)?
        }
        IdentityRequest::RequestQuota { project, wanted, reason, user } => {
            decision.request_quota(*project, *wanted, reason, user)?
        }
        IdentityRequest::DecideQuota { request, given, comment, user } => {
            decision.decide_quota(*request, *given, comment, user)?
        }
        IdentityRequest::DeleteKey { key } => {
            let key = IdentityKey::AccessKey(decision.key(*key)?.id);
            IdentityChange { subject: key, deletes: vec![key], puts: vec![] }
        }
    };
    decision.somebody_is_left(&change)?;
    Ok(change)
}

/// Whether a world has anything that is not everybody's.
pub fn is_empty(world: &World) -> bool {
    world.vpcs.is_empty() && world.instances.is_empty() && world.eips.is_empty()
}

pub(super) struct Decision<'a> {
    pub(super) directory: &'a Directory,
    pub(super) facts: &'a Facts,
}

impl<'a> Decision<'a> {
    fn create_project(&self, texts: &Texts) -> Result<IdentityChange, Refusal> {
        self.check_project_name(&texts.name, None)?;
        check::texts(None, Some(&texts.description))?;
        Ok(put(Project {
            id: ProjectId::new(Draw::new(self.facts.entropy).body()),
            name: texts.name.clone(),
            description: texts.description.clone(),
            created_at: self.facts.now,
            granted: vec![],
        }))
    }

    fn update_project(&self, id: ProjectId, texts: &NewTexts) -> Result<IdentityChange, Refusal> {
        let mut project = self.project(id, "/project")?.clone();
        if let Some(name) = &texts.name {
            self.check_project_name(name, Some(id))?;
            project.name.clone_from(name);
        }
        check::texts(None, texts.description.as_deref())?;
        project.description = texts.description.clone().unwrap_or(project.description);
        Ok(put(project))
    }

    fn delete_project(
        &self,
        id: ProjectId,
        is_used: impl Fn(ProjectId) -> bool,
    ) -> Result<IdentityChange, Refusal> {
        let project = self.project(id, "/project")?;
        let has_policies = self.directory.policies.values().any(|policy| policy.project == id);
        let obstacle = match () {
            () if id == ProjectId::first() => "is the first one, which always is there",
            () if is_used(id) => "has resources; delete them first",
            () if self.directory.users_of(id).next().is_some() => "has users; delete them first",
            () if has_policies => "has policies; delete them first",
            () => {
                let subject = IdentityKey::Project(id);
                let requests = self.directory.quota_requests_of(id).into_iter();
                let requests = requests.map(|request| IdentityKey::QuotaRequest(request.id));
                let deletes = std::iter::once(subject).chain(requests).collect();
                return Ok(IdentityChange { subject, deletes, puts: vec![] });
            }
        };
        Err(Code::ProjectInUse.at("/project", format!("project {} {obstacle}", project.name)))
    }

    fn create_user(
        &self,
        project: ProjectId,
        texts: &Texts,
        is_administrator: bool,
        policies: &[String],
    ) -> Result<IdentityChange, Refusal> {
        self.project(project, "/project")?;
        policies.iter().try_for_each(|policy| self.check_policy(project, policy, "/policies"))?;
        check_policies(policies.len())?;
        self.check_user_name(project, &texts.name, None)?;
        check::texts(None, Some(&texts.description))?;
        Ok(put(User {
            id: UserId::new(Draw::new(self.facts.entropy).body()),
            project,
            name: texts.name.clone(),
            description: texts.description.clone(),
            is_administrator,
            created_at: self.facts.now,
            policies: policies.to_vec(),
        }))
    }

    fn attach(&self, id: UserId, policy: &str) -> Result<IdentityChange, Refusal> {
        let mut user = self.user(id, "/user")?.clone();
        self.check_policy(user.project, policy, "/policy")?;
        if !user.policies.iter().any(|has| has == policy) {
            check_policies(user.policies.len() + 1)?;
            user.policies.push(policy.into());
        }
        Ok(put(user))
    }

    fn detach(&self, id: UserId, policy: &str) -> Result<IdentityChange, Refusal> {
        let mut user = self.user(id, "/user")?.clone();
        let before = user.policies.len();
        user.policies.retain(|has| has != policy);
        match user.policies.len() == before {
            true => Err(Code::PolicyNotFound
                .at("/policy", format!("user {} does not have policy {policy:?}", user.name))),
            false => Ok(put(user)),
        }
    }

    fn create_policy(
        &self,
        project: ProjectId,
        texts: &Texts,
        document: &str,
    ) -> Result<IdentityChange, Refusal> {
        self.project(project, "/project")?;
        check::word(&texts.name, "/name")?;
        check::texts(None, Some(&texts.description))?;
        let is_built_in = BUILT_IN.contains(&texts.name.as_str());
        let is_taken = is_built_in || self.directory.policy_called(project, &texts.name).is_some();
        taken(is_taken.then_some("a policy of the project"), &texts.name)?;
        let has = self.directory.policies.values().filter(|policy| policy.project == project).count();
        if has >= POLICIES_PER_PROJECT {
            let message = format!("the project has {has} policies, the most it may have; delete one");
            return Err(Code::TooManyPolicies.at("", message));
        }
        Ok(put(Policy {
            id: PolicyId::new(Draw::new(self.facts.entropy).body()),
            project,
            name: texts.name.clone(),
            description: texts.description.clone(),
            document: document.into(),
            created_at: self.facts.now,
            updated_at: self.facts.now,
        }))
    }

    fn update_policy(
        &self,
        id: PolicyId,
        description: Option<&str>,
        document: Option<&str>,
    ) -> Result<IdentityChange, Refusal> {
        let mut policy = self.policy(id)?.clone();
        check::texts(None, description)?;
        policy.description = description.map_or(policy.description, Into::into);
        policy.document = document.map_or(policy.document, Into::into);
        policy.updated_at = self.facts.now;
        Ok(put(policy))
    }

    fn delete_policy(&self, id: PolicyId) -> Result<IdentityChange, Refusal> {
        let policy = self.policy(id)?;
        let has = |user: &&User| user.policies.contains(&policy.name);
        if let Some(user) = self.directory.users_of(policy.project).find(has) {
            let message = format!("user {} has policy {}; detach it first", user.name, policy.name);
            return Err(Code::PolicyInUse.at("/policy", message));
        }
        let subject = IdentityKey::Policy(id);
        Ok(IdentityChange { subject, deletes: vec![subject], puts: vec![] })
    }

    fn policy(&self, id: PolicyId) -> Result<&'a Policy, Refusal> {
        let missing = || Code::PolicyNotFound.at("/policy", format!("policy {id} does not exist; list them"));
        self.directory.policies.get(&id).ok_or_else(missing)
    }

    fn check_policy(&self, project: ProjectId, name: &str, field: &str) -> Result<(), Refusal> {
        match BUILT_IN.contains(&name) || self.directory.policy_called(project, name).is_some() {
            true => Ok(()),
            false => Err(Code::PolicyNotFound
                .at(field, format!("the project has no policy called {name:?}; list them"))),
        }
    }

    fn update_user(
        &self,
        id: UserId,
        texts: &NewTexts,
        is_administrator: Option<bool>,
    ) -> Result<IdentityChange, Refusal> {
        let mut user = self.user(id, "/user")?.clone();
        if let Some(name) = &texts.name {
            self.check_user_name(user.project, name, Some(id))?;
            user.name.clone_from(name);
        }
        check::texts(None, texts.description.as_deref())?;
        user.description = texts.description.clone().unwrap_or(user.description);
        user.is_administrator = is_administrator.unwrap_or(user.is_administrator);
        Ok(put(user))
    }

    fn delete_user(&self, id: UserId) -> Result<IdentityChange, Refusal> {
        let subject = IdentityKey::User(self.user(id, "/user")?.id);
        let keys = self.directory.keys_of(id).map(|key| IdentityKey::AccessKey(key.id));
        Ok(IdentityChange { subject, deletes: keys.chain([subject]).collect(), puts: vec![] })
    }

    fn create_key(
        &self,
        user: UserId,
        name: &str,
        id: AccessKeyId,
        sealed_secret: &str,
    ) -> Result<IdentityChange, Refusal> {
        let user = self.user(user, "/user")?;
        check::text(name, "/name", 128)?;
        if self.directory.keys_of(user.id).count() >= KEYS_PER_USER {
            let message = format!(
                "user {} has {KEYS_PER_USER} access keys, the most a user may have; delete one",
                user.name
            );
            return Err(Code::TooManyAccessKeys.at("/user", message));
        }
        Ok(put(self.new_key(Some(user.id), name, id, sealed_secret)))
    }

    fn new_key(&self, user: Option<UserId>, name: &str, id: AccessKeyId, sealed_secret: &str) -> AccessKey {
        AccessKey {
            id,
            user,
            name: name.into(),
            created_at: self.facts.now,
            is_disabled: false,
            expires_at: None,
            used_at: None,
            sealed_secret: sealed_secret.into(),
        }
    }

    fn update_key(
        &self,
        id: AccessKeyId,
        name: Option<&str>,
        is_disabled: Option<bool>,
    ) -> Result<IdentityChange, Refusal> {
        let mut key = self.key(id)?.clone();
        if let Some(name) = name {
            check::text(name, "/name", 128)?;
            key.name = name.into();
        }
        key.is_disabled = is_disabled.unwrap_or(key.is_disabled);
        Ok(put(key))
    }

    pub(super) fn project(&self, id: ProjectId, field: &str) -> Result<&'a Project, Refusal> {
        let missing = || Code::ProjectNotFound.at(field, format!("project {id} does not exist; list them"));
        self.directory.projects.get(&id).ok_or_else(missing)
    }

    fn user(&self, id: UserId, field: &str) -> Result<&'a User, Refusal> {
        let missing = || Code::UserNotFound.at(field, format!("user {id} does not exist; list them"));
        self.directory.users.get(&id).ok_or_else(missing)
    }

    fn key(&self, id: AccessKeyId) -> Result<&'a AccessKey, Refusal> {
        let missing =
            || Code::AccessKeyNotFound.at("/key", format!("access key {id} does not exist; list them"));
        self.directory.keys.get(&id).ok_or_else(missing)
    }

    fn check_project_name(&self, name: &str, own: Option<ProjectId>) -> Result<(), Refusal> {
        check::word(name, "/name")?;
        let same = |project: &&Project| project.name == name && Some(project.id) != own;
        taken(self.directory.projects.values().find(same).map(|_| "a project"), name)
    }

    fn check_user_name(&self, project: ProjectId, name: &str, own: Option<UserId>) -> Result<(), Refusal> {
        check::word(name, "/name")?;
        let same = |user: &&User| user.name == name && Some(user.id) != own;
        taken(self.directory.users_of(project).find(same).map(|_| "a user of the project"), name)
    }

    /// Nobody may lock everybody out.
    fn somebody_is_left(&self, change: &IdentityChange) -> Result<(), Refusal> {
        let mut after = self.directory.clone();
        change.deletes.iter().for_each(|key| after.remove(*key));
        change.puts.iter().cloned().for_each(|put| after.put(put));
        let may_all = |directory: &Directory| {
            let good = directory.keys.values().filter(|key| !key.is_disabled && key.expires_at.is_none());
            good.filter_map(|key| directory.user_of(key)).any(|user| user.is_administrator)
        };
        match may_all(self.directory) && !may_all(&after) {
            false => Ok(()),
            true => {
                let message = "nobody would be left who may do everything: \
                               make another administrator with an access key first";
                Err(Code::LastAdministrator.at("", message))
            }
        }
    }
}

fn put(identity: impl Into<Identity>) -> IdentityChange {
    let identity = identity.into();
    IdentityChange { subject: identity.key(), deletes: vec![], puts: vec![identity] }
}

fn check_policies(count: usize) -> Result<(), Refusal> {
    let message =
        || format!("a user has at most {POLICIES_PER_USER} policies; detach one, or join what they say");
    match count <= POLICIES_PER_USER {
        true => Ok(()),
        false => Err(Code::TooManyPolicies.at("", message())),
    }
}

fn taken(by: Option<&str>, name: &str) -> Result<(), Refusal> {
    match by {
        None => Ok(()),
        Some(by) => Err(Code::NameInUse.at("/name", format!("{by} is called {name:?}; choose another name"))),
    }
}
