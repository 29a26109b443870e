//! What went wrong between us and the kernel.

use std::io;

/// An order to the kernel failed: what was attempted, and the kernel's reason.
#[derive(Debug, thiserror::Error)]
#[error("could not {attempted}")]
pub struct LinkError {
    attempted: String,
    #[source]
    source: io::Error,
}

/// What a caller may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The device, address, route or namespace is not there.
    NotFound,
    /// The name or address is taken.
    Exists,
    /// A capability is missing.
    Denied,
    /// Anything else: see the source.
    Other,
}

impl LinkError {
    pub(crate) fn new(attempted: impl Into<String>, source: io::Error) -> Self {
        Self { attempted: attempted.into(), source }
    }

    pub(crate) fn netlink(attempted: impl Into<String>, error: rtnetlink::Error) -> Self {
        let source = match error {
            rtnetlink::Error::NetlinkError(message) => message.to_io(),
            other => io::Error::other(other.to_string()),
        };
        Self::new(attempted, source)
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self.source.raw_os_error() {
            Some(libc::ENODEV | libc::ENOENT | libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENXIO) => {
                ErrorKind::NotFound
            }
            Some(libc::EEXIST | libc::EADDRINUSE | libc::ENOTUNIQ) => ErrorKind::Exists,
            Some(libc::EPERM | libc::EACCES) => ErrorKind::Denied,
            _ => ErrorKind::Other,
        }
    }
}

/// Turns "it was not there" into success, for removals that must end in absence only.
pub(crate) fn absent_is_fine(result: Result<(), LinkError>) -> Result<(), LinkError> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
