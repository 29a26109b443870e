//! Why a request was not carried out, in words for people and codes for programs.

use crate::{agents::CommandError, ledger::CommitError};
use havip_admission::{Kind, Refusal};
use std::time::Duration;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// What transports decide by.
    pub kind: FaultKind,
    /// A stable word.
    pub code: String,
    /// What is wrong with what, and what to do.
    pub detail: String,
    /// Where in the request: a JSON pointer, or a parameter's name.
    pub field: Option<String>,
    /// The ids of what stands in the way.
    pub blocked_by: Vec<String>,
}

/// What transports decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request makes no sense.
    Invalid,
    /// Nobody knows who asks.
    Unauthenticated,
    /// Whoever asks may not.
    Forbidden,
    /// What it names does not exist.
    NotFound,
    /// What it names cannot do this.
    NoSuchMethod,
    /// It does not fit what is there.
    Conflict,
    /// A limit is reached.
    LimitExceeded,
    /// The access key asks too often.
    Throttled,
    /// The resource is not as the caller expected.
    PreconditionFailed,
    /// The idempotency key was used for something else.
    KeyReused,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON.
    NotJson,
    /// A host does not answer.
    HostSilent,
    /// The server cannot now.
    Unavailable,
}

impl Fault {
    /// A fault of a kind.
    pub fn new(kind: FaultKind, code: &str, detail: impl Into<String>) -> Self {
        Self { kind, code: code.into(), detail: detail.into(), field: None, blocked_by: vec![] }
    }

    /// The access key asks for this too often.
    pub fn throttled(wait: Duration) -> Self {
        let millis = wait.as_millis().max(1);
        let detail = format!("this access key asks for this too often; ask again in {millis} ms");
        Self::new(FaultKind::Throttled, "throttled", detail)
    }

    /// A part of the request that makes no sense.
    pub fn invalid(field: &str, code: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(FaultKind::Invalid, code, detail) }
    }

    /// The idempotency key was used for something else.
    pub fn key_reused() -> Self {
        let detail = "this Idempotency-Key was used for another request within the last day; use a new one";
        let fault = Self::new(FaultKind::KeyReused, "idempotency_key_reused", detail);
        Self { field: Some("Idempotency-Key".into()), ..fault }
    }

    /// A resource that does not exist; `what` is its word, such as `VIP`.
    pub fn not_found(what: &str, code: &str, id: &str) -> Self {
        let id: String = id.chars().take(64).collect();
        Self::new(
            FaultKind::NotFound,
            code,
            format!("{what} {id:?} does not exist; look at the list for its id"),
        )
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.kind() {
            Kind::NotFound => FaultKind::NotFound,
            Kind::Conflict | Kind::InUse => FaultKind::Conflict,
            Kind::Invalid => FaultKind::Invalid,
            Kind::LimitExceeded => FaultKind::LimitExceeded,
        };
        Self {
            kind,
            code: refusal.code.as_str().into(),
            detail: refusal.message,
            field: Some(refusal.field).filter(|field| !field.is_empty()),
            blocked_by: refusal.blocked_by.iter().map(|key| key.id()).collect(),
        }
    }
}

impl From<CommitError> for Fault {
    fn from(error: CommitError) -> Self {
        let detail = format!("{error}; ask again with the same Idempotency-Key");
        Self::new(FaultKind::Unavailable, "store_failed", detail)
    }
}

impl From<CommandError> for Fault {
    fn from(error: CommandError) -> Self {
        let (kind, code) = match &error {
            CommandError::HostLost(_) => (FaultKind::Conflict, "host_not_live"),
            CommandError::Busy(_) => (FaultKind::Unavailable, "host_busy"),
            CommandError::TooSlow { .. } => (FaultKind::HostSilent, "host_silent"),
            CommandError::Failed(_) => (FaultKind::Conflict, "command_failed"),
        };
        Self::new(kind, code, error.to_string())
    }
}
