//! Who may ask: access keys and their users, found quickly; changes to them.

use super::{Caller, Fault, FaultKind, Held, Service};
use crate::{
    entropy,
    ledger::{Removal, State, Write},
};
use havip_admission::identity::{IdentityChange, IdentityRequest, decide, is_empty};
use havip_model::{
    AccessKey, AccessKeyId, Body, Directory, FULL_ACCESS, Identity, IdentityKey, Project, ProjectId,
    Timestamp, User, UserId,
};
use havip_store::stored::{Answer, Stored};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, RwLock},
};
use tracing::{error, info};

/// Somebody who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The access key's id.
    pub key: String,
    /// Whose key it is.
    pub user: UserId,
    /// The project that is asked for.
    pub project: ProjectId,
    /// Whether everything is allowed.
    pub is_administrator: bool,
    /// The user's name.
    pub name: String,
    /// What says what is allowed otherwise.
    pub policies: Vec<Held>,
}

impl Principal {
    /// A user, with what it may do.
    fn of(directory: &Directory, user: &User, key: String) -> Self {
        Self {
            key,
            user: user.id,
            project: user.project,
            is_administrator: user.is_administrator,
            name: user.name.clone(),
            policies: Service::held(directory, user),
        }
    }
}

/// An access key that is there.
pub struct Known {
    /// Its secret.
    pub secret: Arc<str>,
    /// Whose it is.
    pub principal: Arc<Principal>,
    key: AccessKey,
    /// Of which version of the directory this was made.
    version: u64,
}

impl Known {
    /// Whether it lets anybody in now.
    pub fn is_good(&self) -> bool {
        self.key.is_good(entropy::now())
    }
}

/// What is remembered of access keys besides the store.
#[derive(Default)]
pub struct Secrets {
    /// Secrets that were opened and policies that were understood: each request needs them.
    known: RwLock<HashMap<AccessKeyId, Arc<Known>>>,
    /// Uses that are not stored yet.
    used: Mutex<BTreeMap<AccessKeyId, Timestamp>>,
}

impl Service {
    /// The secret of an access key, good or not; none if there is no such key.
    pub fn secret_of(&self, id: &str) -> Option<String> {
        self.known(id).map(|known| known.secret.to_string())
    }

    /// An access key that is there.
    pub fn known(&self, id: &str) -> Option<Arc<Known>> {
        let id: AccessKeyId = id.parse().ok()?;
        let version = self.read(|durable| durable.state.directory_version);
        let cache = &self.secrets.known;
        if let Some(known) = cache.read().expect("nothing panics here").get(&id)
            && known.version == version
        {
            return Some(known.clone());
        }
        let (version, key, principal) = self.read(|durable| {
            let directory = &durable.state.directory;
            let key = directory.keys.get(&id)?;
            let user = directory.user_of(key)?;
            let principal = Principal::of(directory, user, id.to_string());
            Some((durable.state.directory_version, key.clone(), principal))
        })?;
        let secret = self.opened(id, &key.sealed_secret)?;
        let known = Arc::new(Known { secret, principal: Arc::new(principal), key, version });
        let mut cache = cache.write().expect("nothing panics here");
        // Keys that are gone leave with the next change.
        cache.retain(|_, known| known.version == version);
        cache.insert(id, known.clone());
        Some(known)
    }

    fn opened(&self, id: AccessKeyId, sealed: &str) -> Option<Arc<str>> {
        match self.sealer.open_sealed(&id.to_string(), sealed) {
            Ok(secret) => Some(secret.into()),
            Err(error) => {
                error!(error = &*error as &dyn std::error::Error, key = %id, "an access key cannot be opened");
                None
            }
        }
    }

    /// Somebody got in; stored within a minute.
    pub fn note_use(&self, principal: &Principal) {
        let Ok(id) = principal.key.parse() else { return };
        self.secrets.used.lock().expect("nothing panics here").insert(id, entropy::now());
    }

    /// The secret of a key that was just made.
    pub fn fresh_secret(&self, key: &AccessKey) -> Result<String, Fault> {
        let opened = self.opened(key.id, &key.sealed_secret).map(|secret| secret.to_string());
        let detail = "the new key's secret cannot be read; delete the key and make another one";
        opened.ok_or_else(|| Fault::new(FaultKind::Unavailable, "store_failed", detail))
    }

    /// When somebody last got in with a key.
    pub fn used_at(&self, key: &AccessKey) -> Option<Timestamp> {
        let used = self.secrets.used.lock().expect("nothing panics here").get(&key.id).copied();
        used.max(key.used_at)
    }

    /// Stores what is known of the last uses of keys, at most once a minute for each.
    pub(super) async fn store_uses(&self) {
        let used = self.secrets.used.lock().expect("nothing panics here").clone();
        let is_news = |state: &State, id: &AccessKeyId, at: Timestamp| {
            let key = state.directory.keys.get(id);
            key.is_some_and(|key| key.used_at.is_none_or(|known| known.0 + USE_GRAIN <= at.0))
        };
        if !self.read(|durable| used.iter().any(|(id, at)| is_news(&durable.state, id, *at))) {
            return;
        }
        let stored = self.commit(|state| {
            let mut write = Write::by("server");
            for (id, at) in used.iter().filter(|(id, at)| is_news(state, id, **at)) {
                let key = state.directory.keys.get(id).cloned();
                let key = key.map(|key| AccessKey { used_at: Some(*at), ..key });
                write.puts.extend(key.map(|key| Stored::Identity(key.into())));
            }
            Ok((write, ()))
        });
        if let Err(fault) = stored.await {
            tracing::warn!(fault = %fault, "the last uses of access keys are not stored");
        }
    }

    /// Carries out a change of those who may ask; whether the caller may is decided before.
    pub async fn change_identity(
        &self,
        caller: &Caller,
        request: IdentityRequest,
    ) -> Result<IdentityKey, Fault> {
        if caller.if_generation.is_some() {
            let detail = "projects, users and access keys have no generations; leave If-Match out";
            return Err(Fault::invalid("If-Match", "contradiction", detail));
        }
        let (_, subject) = self
            .commit(|state| {
                let name = caller.once.as_ref().map(|(key, _)| format!("{}/{key}", caller.principal));
                if let Some(answer) = name.as_ref().and_then(|name| state.answers.get(name)) {
                    let is_same = caller.once.as_ref().is_some_and(|(_, asked)| *asked == answer.request);
                    let before = IdentityKey::read(&answer.subject).filter(|_| is_same);
                    return before
                        .map(|key| (Write::by(&caller.principal), key))
                        .ok_or_else(Fault::key_reused);
                }
                let is_used = |project| {
                    let withdrawing = state.withdrawing.values();
                    !is_empty(state.seen_by(project))
                        || withdrawing.into_iter().any(|resource| resource.owner() == Some(project))
                };
                let change = decide(&state.directory, is_used, &request, &self.facts(state))?;
                let subject = change.subject;
                let mut write = written(&caller.principal, change);
                if let (Some(name), Some((_, asked))) = (name, &caller.once) {
                    let (subject, at) = (format!("{}/{}", subject.kind(), subject.id()), entropy::now());
                    let answer =
                        Answer { name, request: asked.clone(), status: 200, subject, at, body: None };
                    write.puts.push(Stored::Answer(answer));
                }
                write.audit = caller.done(vec![subject.id()]);
                Ok((write, subject))
            })
            .await?;
        let (request_id, principal) = (&caller.request_id, &caller.principal);
        info!(subject = subject.id(), request_id, principal, "changed who may ask");
        Ok(subject)
    }

    /// A fresh secret under a fresh id, and as it is stored.
    pub fn draw_secret(&self) -> (AccessKeyId, String, String) {
        let id = AccessKeyId::new(Body::from_entropy(entropy::random()));
        let secret = entropy::hex(&entropy::random::<32>());
        let sealed = self.sealer.seal(&id.to_string(), &secret);
        (id, secret, sealed)
    }

    /// Makes the first project and its administrator unless they are there, and gives it the keys that are nobody's.
    /// Says who that is.
    pub async fn first_administrator(&self) -> Result<UserId, Fault> {
        let id = UserId::new(Body::from_entropy(entropy::random()));
        let (_, admin) = self
            .commit(|state| {
                let mut write = Write::by("server");
                let directory = &state.directory;
                let mut put = |identity: Identity| write.puts.push(Stored::Identity(identity));
                let (description, created_at) = ("made at the first start".to_string(), entropy::now());
                let first = ProjectId::first();
                if !directory.projects.contains_key(&first) {
                    let (name, description) = ("default".into(), description.clone());
                    put(Project { id: first, name, description, created_at, granted: vec![] }.into());
                }
                let known = directory.users.values().find(|user| user.is_administrator).map(|user| user.id);
                if known.is_none() {
                    let (name, project) = ("admin".into(), first);
                    let policies = vec![FULL_ACCESS.into()];
                    put(User {
                        id,
                        project,
                        name,
                        description,
                        is_administrator: true,
                        created_at,
                        policies,
                    }
                    .into());
                }
                let admin = known.unwrap_or(id);
                for key in directory.keys.values().filter(|key| key.user.is_none()) {
                    put(AccessKey { user: Some(admin), ..key.clone() }.into());
                }
                Ok((write, admin))
            })
            .await?;
        Ok(admin)
    }

    /// A user of this id or name of the project that is asked for, with what it may do; others than themselves only
    /// administrators may name.
    pub fn principal_called(&self, asker: &Principal, called: &str) -> Result<Principal, Fault> {
        let found = self.read(|durable| {
            let directory = &durable.state.directory;
            let is_it = |user: &&User| user.name == called || user.id.to_string() == called;
            let may = |user: &&User| asker.is_administrator || user.id == asker.user;
            let user = directory.users_of(asker.project).find(is_it).filter(may)?;
            Some(Principal::of(directory, user, String::new()))
        });
        found.ok_or_else(|| Fault::not_found("user", "user_not_found", called))
    }

    /// The project of this id or name, if whoever asks may act in it.
    pub fn project_called(&self, principal: &Principal, called: &str) -> Result<ProjectId, Fault> {
        let found = self.read(|durable| {
            let mut projects = durable.state.directory.projects.values();
            let is_it = |project: &&Project| project.name == called || project.id.to_string() == called;
            projects.find(is_it).map(|project| project.id)
        });
        let may = |id: &ProjectId| principal.is_administrator || *id == principal.project;
        found.filter(may).ok_or_else(|| Fault::not_found("project", "project_not_found", called))
    }
}

fn written(actor: &str, change: IdentityChange) -> Write {
    let mut write = Write::by(actor);
    write.puts.extend(change.puts.into_iter().map(Stored::Identity));
    write.removals.extend(change.deletes.into_iter().map(Removal::Identity));
    write
}

impl Fault {
    /// The access key lets nobody in.
    pub fn key_disabled() -> Self {
        let detail = "this access key was disabled, or has ended by rotation; use another one of the user";
        Self::new(FaultKind::Unauthenticated, "access_key_disabled", detail)
    }

    /// Only an administrator may.
    pub fn administrators_only() -> Self {
        let detail = "only an administrator may do this; ask one";
        Self::new(FaultKind::Forbidden, "forbidden", detail)
    }
}

/// A minute, in milliseconds.
const USE_GRAIN: u64 = 60_000;
