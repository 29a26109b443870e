//! Policies: what users may do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What users may do who have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// Its id; empty of those that every project has.
    pub id: String,
    /// Users name it by this.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it says: a RAM policy, as JSON in a text.
    pub document: String,
    /// When it was made; empty of those that every project has.
    pub created_at: String,
    /// When it last changed; empty of those that every project has.
    pub updated_at: String,
    /// The names of the users who have it.
    pub users: Vec<String>,
}

/// Makes a policy for users of the project that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePolicy {
    /// 1 to 64 of letters, digits, `-`, `_` and `.`; no other policy of the project has it.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// What it says: a RAM policy, as JSON in a text.
    pub document: String,
}

/// Changes a policy; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePolicy {
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it says from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

/// Gives a user a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachPolicy {
    /// The policy's name.
    pub policy: String,
}

/// Asks what policies decide; nothing happens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestPolicy {
    /// What is to be done, such as `vpc:DeleteHaVip`.
    pub action: String,
    /// To what: an id, or a whole `acs:…`; all of the kind that the action is about if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// In which resource group that is, by id; in the one of the resource that `resource` names if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// By which user, by id or name; by whoever asks if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// By this document instead of a user's policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// From which address; from the asker's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Through which API: `native`, `aliyun`, `tencent`, `ucloud` or `ucloudstack`; the native one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
}

/// What policies decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyVerdict {
    /// Whether it may be done.
    pub allowed: bool,
    /// The action.
    pub action: String,
    /// The resource as policies know it.
    pub resource: String,
    /// The policy that decides; none if no statement speaks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Which of its statements, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<u32>,
    /// The same in a sentence.
    pub reason: String,
}
