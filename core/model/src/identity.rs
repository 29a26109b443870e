//! Who may ask: projects, their users, and the users' access keys.

use crate::{
    AccessKeyId, Body, Granted, PolicyId, Profile, ProjectId, Quota, QuotaRequest, QuotaRequestId, Timestamp,
    UserId,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What owns resources: nobody of another project sees them, or that they are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its name in every API.
    pub id: ProjectId,
    /// No other project has it.
    pub name: String,
    /// For people.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The limits that an administrator has changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted: Vec<Granted>,
}

impl Project {
    /// Sets a limit, or takes back what was set.
    pub fn grant(&mut self, quota: Quota, profile: Option<Profile>, limit: Option<usize>) {
        self.granted.retain(|granted| (granted.quota, granted.profile) != (quota, profile));
        self.granted.extend(limit.map(|limit| Granted { quota, profile, limit }));
    }
}

/// Somebody of a project who may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its name in every API.
    pub id: UserId,
    /// The project whose resources it sees.
    pub project: ProjectId,
    /// No other user of the project has it.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it may do everything, hosts, pools, projects and users included, in every project.
    pub is_administrator: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The names of the policies of its project that say what it may do; an administrator needs none.
    #[serde(default = "full_access")]
    pub policies: Vec<String>,
}

/// What a user may do, for all users that it is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name in the native API.
    pub id: PolicyId,
    /// The project whose users it is for.
    pub project: ProjectId,
    /// No other policy of the project has it; users name it by this.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it says, in JSON.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The policy that every project has and that allows everything in it; users have it unless something else is said.
pub const FULL_ACCESS: &str = "FullAccess";

fn full_access() -> Vec<String> {
    vec![FULL_ACCESS.into()]
}

/// An access key, its secret sealed under a key that is not in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its name.
    pub id: AccessKeyId,
    /// Whose it is; none of a key that version 0.1 made, which the next start gives to the first administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What it is for.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Good for nothing until it is enabled again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_disabled: bool,
    /// Good for nothing from then on: it was rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When somebody last got in with it, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// Nonce and ciphertext of its secret, in base64.
    pub sealed_secret: String,
}

impl AccessKey {
    /// Whether it lets anybody in.
    pub fn is_good(&self, now: Timestamp) -> bool {
        !self.is_disabled && self.expires_at.is_none_or(|at| now < at)
    }
}

impl ProjectId {
    /// The project that every installation begins with, and that owns what was made before there were others.
    pub fn first() -> Self {
        Self::new(Body::from_entropy([0; 16]))
    }
}

impl Default for ProjectId {
    fn default() -> Self {
        Self::first()
    }
}

macro_rules! identities {
    ($($kind:ident($id:ident) in $table:ident = $word:literal;)*) => {
        /// One of those who may ask, or what they ask by.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Identity { $(#[doc = concat!("See [`", stringify!($kind), "`].")] $kind($kind),)* }

        /// Its name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum IdentityKey { $(#[doc = concat!("Of ", $word, ".")] $kind($id),)* }

        /// Everybody who may ask.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Directory { $(#[doc = concat!("By id: ", $word, ".")] pub $table: BTreeMap<$id, $kind>,)* }

        impl Identity {
            /// Its name.
            pub fn key(&self) -> IdentityKey {
                match self { $(Self::$kind(one) => IdentityKey::$kind(one.id),)* }
            }
        }

        impl IdentityKey {
            /// Reads what it shows: `user/user-…`.
            pub fn read(text: &str) -> Option<Self> {
                let (kind, id) = text.split_once('/')?;
                match kind {
                    $($word => Some(Self::$kind(id.parse().ok()?)),)*
                    _ => None,
                }
            }
            /// The word for its kind.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => $word,)* }
            }
            /// Its id alone.
            pub fn id(&self) -> String {
                match self { $(Self::$kind(id) => id.to_string(),)* }
            }
        }

        impl Directory {
            /// Adds one, or replaces it.
            pub fn put(&mut self, identity: Identity) {
                match identity { $(Identity::$kind(one) => drop(self.$table.insert(one.id, one)),)* }
            }
            /// Forgets one.
            pub fn remove(&mut self, key: IdentityKey) {
                match key { $(IdentityKey::$kind(id) => drop(self.$table.remove(&id)),)* }
            }
        }

        $(impl From<$kind> for Identity {
            fn from(one: $kind) -> Self { Self::$kind(one) }
        })*
    };
}

identities! {
    Project(ProjectId) in projects = "project";
    User(UserId) in users = "user";
    AccessKey(AccessKeyId) in keys = "access-key";
    Policy(PolicyId) in policies = "policy";
    QuotaRequest(QuotaRequestId) in quota_requests = "quota-request";
}

impl Directory {
    /// The user of a key.
    pub fn user_of(&self, key: &AccessKey) -> Option<&User> {
        self.users.get(&key.user?)
    }

    /// The keys of a user.
    pub fn keys_of(&self, user: UserId) -> impl Iterator<Item = &AccessKey> {
        self.keys.values().filter(move |key| key.user == Some(user))
    }

    /// The policy of a project that is called so.
    pub fn policy_called(&self, project: ProjectId, name: &str) -> Option<&Policy> {
        self.policies.values().find(|policy| policy.project == project && policy.name == name)
    }

    /// What a project asks for, the oldest request first.
    pub fn quota_requests_of(&self, project: ProjectId) -> Vec<&QuotaRequest> {
        let mut all: Vec<_> =
            self.quota_requests.values().filter(|request| request.project == project).collect();
        all.sort_by_key(|request| (request.created_at, request.id));
        all
    }

    /// The users of a project.
    pub fn users_of(&self, project: ProjectId) -> impl Iterator<Item = &User> {
        self.users.values().filter(move |user| user.project == project)
    }
}
