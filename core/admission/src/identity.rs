//! Projects, users and access keys: whether a request about them may happen, and what exactly it changes.

mod decide;
mod quota;
#[cfg(test)]
pub(crate) mod tests;

use crate::request::{NewTexts, Texts};
pub use decide::{decide, is_empty};
use havip_model::{
    AccessKeyId, FULL_ACCESS, Granted, Identity, IdentityKey, PolicyId, Profile, ProjectId, Quota,
    QuotaRequestId, Timestamp, UserId,
};

/// Anything that may be asked about those who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityRequest {
    /// Makes a project.
    CreateProject {
        /// Name and description; no other project has the name.
        texts: Texts,
    },
    /// Changes a project's texts.
    UpdateProject {
        /// Which.
        project: ProjectId,
        /// The new texts.
        texts: NewTexts,
    },
    /// Deletes a project without users and resources.
    DeleteProject {
        /// Which.
        project: ProjectId,
    },
    /// Makes a user.
    CreateUser {
        /// Of which project.
        project: ProjectId,
        /// Name and description; no other user of the project has the name.
        texts: Texts,
        /// Whether it may do everything.
        is_administrator: bool,
        /// The policies that say what it may do.
        policies: Vec<String>,
    },
    /// Changes a user.
    UpdateUser {
        /// Which.
        user: UserId,
        /// The new texts.
        texts: NewTexts,
        /// Whether it may do everything.
        is_administrator: Option<bool>,
    },
    /// Gives a user a policy.
    AttachPolicy {
        /// To whom.
        user: UserId,
        /// The policy's name.
        policy: String,
    },
    /// Takes a policy from a user.
    DetachPolicy {
        /// From whom.
        user: UserId,
        /// The policy's name.
        policy: String,
    },
    /// Makes a policy; the caller has understood its document.
    CreatePolicy {
        /// For the users of which project.
        project: ProjectId,
        /// Name and description; no other policy of the project has the name.
        texts: Texts,
        /// What it says.
        document: String,
    },
    /// Changes a policy; the caller has understood its document.
    UpdatePolicy {
        /// Which.
        policy: PolicyId,
        /// For people.
        description: Option<String>,
        /// What it says.
        document: Option<String>,
    },
    /// Deletes a policy that no user has.
    DeletePolicy {
        /// Which.
        policy: PolicyId,
    },
    /// Deletes a user with its access keys.
    DeleteUser {
        /// Which.
        user: UserId,
    },
    /// Makes an access key; the caller has drawn and sealed its secret.
    CreateKey {
        /// For whom.
        user: UserId,
        /// What it is for.
        name: String,
        /// The id under which the secret is sealed.
        id: AccessKeyId,
        /// The secret.
        sealed_secret: String,
    },
    /// Changes an access key.
    UpdateKey {
        /// Which.
        key: AccessKeyId,
        /// What it is for.
        name: Option<String>,
        /// Whether it is good for nothing.
        is_disabled: Option<bool>,
    },
    /// Makes a new key for the same user; the old one ends.
    RotateKey {
        /// Which.
        key: AccessKeyId,
        /// When the old one ends.
        expires_at: Timestamp,
        /// The id under which the new secret is sealed.
        id: AccessKeyId,
        /// The new secret.
        sealed_secret: String,
    },
    /// Deletes an access key.
    DeleteKey {
        /// Which.
        key: AccessKeyId,
    },
    /// Changes a limit of a project.
    SetQuota {
        /// Whose.
        project: ProjectId,
        /// Which.
        quota: Quota,
        /// For VIPs of this profile; for all if none.
        profile: Option<Profile>,
        /// From now on; the usual one again if none.
        limit: Option<usize>,
    },
    /// Asks an administrator for a higher limit.
    RequestQuota {
        /// For which project.
        project: ProjectId,
        /// Which, and how much.
        wanted: Granted,
        /// Why.
        reason: String,
        /// The name of whoever asks.
        user: String,
    },
    /// Decides such a request.
    DecideQuota {
        /// Which.
        request: QuotaRequestId,
        /// What is given: what was asked for, or another limit; nothing if it is refused.
        given: Option<Given>,
        /// Why.
        comment: String,
        /// The name of whoever decides.
        user: String,
    },
}

/// What an administrator gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// What was asked for.
    Wanted,
    /// Another limit.
    Other(usize),
}

/// What was decided about those who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityChange {
    /// What the request was about.
    pub subject: IdentityKey,
    /// To be forgotten.
    pub deletes: Vec<IdentityKey>,
    /// To be written whole.
    pub puts: Vec<Identity>,
}

/// Access keys of one user; two are enough to change them without a gap.
pub const KEYS_PER_USER: usize = 5;
/// Policies of one user.
pub const POLICIES_PER_USER: usize = 10;
/// Policies of one project.
pub const POLICIES_PER_PROJECT: usize = 200;
/// Undecided requests for other limits, of one project.
pub const QUOTA_REQUESTS_PER_PROJECT: usize = 20;
/// Decided requests that are kept, of one project.
pub const DECIDED_QUOTA_REQUESTS: usize = 100;
/// The policy that every project has and that allows reading everything in it.
pub const READ_ONLY_ACCESS: &str = "ReadOnlyAccess";
/// The policies that every project has; their documents are known to whoever evaluates them.
pub const BUILT_IN: [&str; 2] = [FULL_ACCESS, READ_ONLY_ACCESS];
