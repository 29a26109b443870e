//! Why bytes are not a packet.

/// Why bytes are not a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("{what} needs {need} bytes, {got} are there")]
    Truncated {
        /// The header or option that was read.
        what: &'static str,
        /// The bytes it needs, at least.
        need: usize,
        /// The bytes there were.
        got: usize,
    },
    /// A field has a value that it cannot have.
    #[error("{field} cannot be {got}")]
    Wrong {
        /// The field.
        field: &'static str,
        /// What it was.
        got: u64,
    },
    /// The checksum does not fit the bytes.
    #[error("the checksum of {what} is wrong")]
    Checksum {
        /// The header it protects.
        what: &'static str,
    },
}

impl DecodeError {
    /// A field with a value that it cannot have.
    pub(crate) fn wrong(field: &'static str, got: impl Into<u64>) -> Self {
        Self::Wrong { field, got: got.into() }
    }
}
