//! The keys with which hosts seal what they tell each other.

use std::fmt;

/// One key of the fabric; every host has it, nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey {
    /// Its number: from 1, one more with each rotation.
    pub id: u32,
    /// The secret.
    pub secret: [u8; 16],
}

/// Never shows the secret: keys travel in messages that are logged.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seal key {}", self.id)
    }
}

/// The keys that a host has at one stage of their life.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealKeys {
    /// Counts the steps of all rotations; a host acknowledges it.
    pub stage: u64,
    /// The key to seal with; none: nothing is sealed yet.
    pub sending: Option<u32>,
    /// What is not sealed is refused.
    pub required: bool,
    /// The keys that are good for receiving: at most two, of numbers that differ by one.
    pub keys: Vec<SealKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_printed_does_not_show_its_secret() {
        let key = SealKey { id: 3, secret: [0xab; 16] };
        let keys = SealKeys { stage: 1, sending: Some(3), required: true, keys: vec![key] };
        let shown = format!("{keys:?}");
        assert!(shown.contains("seal key 3"), "{shown}");
        assert!(!shown.contains("171") && !shown.contains("secret"), "{shown}");
    }
}
