//! The decision about those who may ask.

use super::{IdentityChange, IdentityRequest, KEYS_PER_USER};
use crate::{
    Code, Draw, Facts, Refusal,
    decide::check,
    request::{NewTexts, Texts},
};
use havip_model::{
    AccessKey, AccessKeyId, Directory, Identity, IdentityKey, Project, ProjectId, User, UserId, World,
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
        IdentityRequest::CreateUser { project, texts, is_administrator } => {
            decision.create_user(*project, texts, *is_administrator)?
        }
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

struct Decision<'a> {
    directory: &'a Directory,
    facts: &'a Facts,
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
        let obstacle = match () {
            () if id == ProjectId::first() => "is the first one, which always is there",
            () if is_used(id) => "has resources; delete them first",
            () if self.directory.users_of(id).next().is_some() => "has users; delete them first",
            () => {
                let subject = IdentityKey::Project(id);
                return Ok(IdentityChange { subject, deletes: vec![subject], puts: vec![] });
            }
        };
        Err(Code::ProjectInUse.at("/project", format!("project {} {obstacle}", project.name)))
    }

    fn create_user(
        &self,
        project: ProjectId,
        texts: &Texts,
        is_administrator: bool,
    ) -> Result<IdentityChange, Refusal> {
        self.project(project, "/project")?;
        self.check_user_name(project, &texts.name, None)?;
        check::texts(None, Some(&texts.description))?;
        Ok(put(User {
            id: UserId::new(Draw::new(self.facts.entropy).body()),
            project,
            name: texts.name.clone(),
            description: texts.description.clone(),
            is_administrator,
            created_at: self.facts.now,
        }))
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

    fn project(&self, id: ProjectId, field: &str) -> Result<&'a Project, Refusal> {
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

fn taken(by: Option<&str>, name: &str) -> Result<(), Refusal> {
    match by {
        None => Ok(()),
        Some(by) => Err(Code::NameInUse.at("/name", format!("{by} is called {name:?}; choose another name"))),
    }
}
