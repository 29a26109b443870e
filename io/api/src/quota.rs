//! Limits of a project, how much of them is used, and requests for more.

use crate::Profile;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A limit, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    /// Its name.
    pub name: String,
    /// For VIPs of this profile; none of a quota that has one limit, whichever API asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// A cloud's own name for it, which is understood wherever the name is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_name: Option<String>,
    /// The limit.
    pub limit: u64,
    /// The limit unless an administrator sets another one for the project.
    pub usual: u64,
    /// The most that can be set.
    pub most: u64,
    /// How much is used of it, where that is most.
    pub used: u64,
    /// Where that is: the id of a VPC, an instance and so on; none where the whole project is counted, or nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fullest: Option<String>,
}

/// Which limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QuotaFilter {
    /// With this name, a cloud's own included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For VIPs of this profile, and those that have no profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// As far as they are about this resource, by its id: how much it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// Sets a limit of the project that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetQuota {
    /// For VIPs of this profile; for all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The limit from now on; the usual one again if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A request for a higher limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaRequest {
    /// Its id.
    pub id: String,
    /// The id of the project that asks.
    pub project: String,
    /// The name of the quota.
    pub quota: String,
    /// For VIPs of this profile; for all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// What is asked for.
    pub limit: u64,
    /// Why.
    pub reason: String,
    /// The name of the user who asks.
    pub user: String,
    /// When.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// What was decided; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<QuotaDecision>,
}

/// What an administrator decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuotaDecision {
    /// The limit that was given; absent if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Why.
    pub comment: String,
    /// The name of the administrator.
    pub user: String,
    /// When.
    #[schema(format = DateTime)]
    pub decided_at: String,
}

/// Asks for a higher limit of the project that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestQuota {
    /// The name of the quota, a cloud's own included.
    pub quota: String,
    /// For VIPs of this profile; for all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The limit.
    pub limit: u64,
    /// Why, in at most 256 characters.
    #[serde(default)]
    pub reason: String,
}

/// Decides a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideQuota {
    /// Whether something is given.
    pub approve: bool,
    /// Another limit than was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Why, in at most 256 characters.
    #[serde(default)]
    pub comment: String,
}

/// Which requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QuotaRequestFilter {
    /// Only those that are not decided yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Of every project; administrators only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_projects: Option<bool>,
}
