//! Projects, users and access keys: whether a request about them may happen, and what exactly it changes.

mod decide;
#[cfg(test)]
pub(crate) mod tests;

use crate::request::{NewTexts, Texts};
pub use decide::{decide, is_empty};
use havip_model::{AccessKeyId, Identity, IdentityKey, ProjectId, Timestamp, UserId};

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
