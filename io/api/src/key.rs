//! Key files, and whether the server is well.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Whether the server is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The server's version.
    pub version: String,
    /// The store's revision.
    pub revision: u64,
    /// Hosts whose streams are open.
    pub live_hosts: u64,
}

/// What a key file holds; the file has mode 0600.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The key's name.
    pub access_key_id: String,
    /// The secret; never shown.
    pub access_key_secret: String,
}

impl KeyFile {
    /// As the header `Authorization` carries it.
    pub fn bearer(&self) -> String {
        format!("Bearer {}.{}", self.access_key_id, self.access_key_secret)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}
