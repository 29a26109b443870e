//! What went wrong with a sandbox.

use havip_model::InstanceId;
use std::io;

/// A sandbox could not be started, found, ended or removed.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// The order itself makes no sense.
    #[error("cannot start {instance}: {why}")]
    Refused {
        /// Whose sandbox.
        instance: InstanceId,
        /// What to change.
        why: String,
    },
    /// It runs already.
    #[error("{0} runs already")]
    Runs(InstanceId),
    /// A step of the start failed; nothing of it is left.
    #[error("could not start {instance}: {why}")]
    Start {
        /// Whose sandbox.
        instance: InstanceId,
        /// The step and the kernel's reason.
        why: String,
    },
    /// A file or process of the sandbox could not be handled.
    #[error("could not {attempted} of {instance}")]
    Io {
        /// What was attempted.
        attempted: &'static str,
        /// Whose sandbox.
        instance: InstanceId,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// The directory of all sandboxes could not be handled.
    #[error("could not {attempted} the directory of the sandboxes")]
    Directory {
        /// What was attempted.
        attempted: &'static str,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
}
