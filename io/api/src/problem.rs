//! What went wrong, as RFC 9457 shows it.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A problem document (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A name for the kind of problem; always `about:blank`, `code` tells them apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    pub code: String,
    /// What is wrong with what, and what to do.
    pub detail: String,
    /// The field that is wrong, as a JSON pointer such as `/address`; or the parameter's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The ids of the resources that stand in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
    /// Finds the request in the server's log.
    #[serde(default)]
    pub request_id: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{}: {} ({})", field.trim_start_matches('/'), self.detail, self.code),
            None => write!(f, "{} ({})", self.detail, self.code),
        }
    }
}
