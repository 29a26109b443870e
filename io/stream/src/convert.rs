//! Messages to values that cannot be wrong and back; a refusal names the field.

mod field;
mod finding;
mod group;
mod item;
mod key;
mod record;
mod seal;
mod sent;
#[cfg(test)]
mod tests;

pub use field::{address, address_bytes, mac, mac_bytes};
pub use finding::{Found, found, found_message};
pub use item::{Changed, change, gone};
pub use key::{key, key_text};
pub use record::{
    Move, Refused, instance_state, instance_state_text, move_message, moved, record, record_message, records,
    records_message, refused, refused_message, vip_key, vip_key_message,
};
pub use seal::{seal_keys, seal_keys_message};
pub use sent::{Sending, Sent, sent, sent_message};

/// A message that its sender must not have sent: which field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct ConvertError {
    /// The field, dotted from the outermost message: `vip.entitled[2].port`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl ConvertError {
    fn new(field: impl Into<String>, problem: impl ToString) -> Self {
        Self { field: field.into(), problem: problem.to_string() }
    }

    /// The same, seen from a message around this one.
    fn within(self, outer: impl std::fmt::Display) -> Self {
        Self { field: format!("{outer}.{}", self.field), problem: self.problem }
    }
}
