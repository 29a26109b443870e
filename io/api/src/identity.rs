//! Who may ask: projects, users, access keys.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::{IntoParams, ToSchema};

/// What owns resources; invisible to other projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its id.
    pub id: String,
    /// No other project has it.
    pub name: String,
    /// For people.
    pub description: String,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// How many users it has.
    pub users: u64,
}

/// Makes a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    /// 1 to 64 of letters, digits, `-`, `_` and `.`; no other project has it.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// Somebody of a project who may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Its id.
    pub id: String,
    /// No other user of the project has it.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its project's id.
    pub project: String,
    /// Whether it may do everything, in every project.
    pub administrator: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// How many access keys it has.
    pub access_keys: u64,
    /// The names of the policies that say what it may do.
    pub policies: Vec<String>,
}

/// Makes a user of the project that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// 1 to 64 of letters, digits, `-`, `_` and `.`; no other user of the project has it.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Whether it may do everything, in every project.
    #[serde(default)]
    pub administrator: bool,
    /// The names of the policies that say what it may do; `FullAccess` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<String>>,
}

/// Changes a user; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it may do everything, in every project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<bool>,
}

/// Whether an access key lets anybody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It does.
    Enabled,
    /// Not until it is enabled again.
    Disabled,
    /// Not any more: it was rotated.
    Expired,
}

impl KeyStatus {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        }
    }
}

/// An access key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessKey {
    /// Its name.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Whose it is.
    pub user: String,
    /// Whether it lets anybody in.
    pub status: KeyStatus,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it ends, if it was rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// When somebody last got in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
}

/// Makes an access key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccessKey {
    /// What it is for.
    #[serde(default)]
    pub name: String,
    /// Whose it is to be; of whoever asks if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// A new access key with its secret, which is shown only now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewAccessKey {
    /// The key.
    pub access_key: AccessKey,
    /// Its secret.
    pub access_key_secret: String,
}

impl fmt::Debug for NewAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccessKey").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Changes an access key; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAccessKey {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it lets nobody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// Makes a new key in place of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateAccessKey {
    /// For so long the old one is still good; 0 ends it at once.
    #[serde(default = "an_hour")]
    #[schema(default = 3600, maximum = 2_592_000)]
    pub keep_seconds: u64,
}

impl Default for RotateAccessKey {
    fn default() -> Self {
        Self { keep_seconds: an_hour() }
    }
}

fn an_hour() -> u64 {
    3600
}

/// Which access keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccessKeyFilter {
    /// Of this user, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}
