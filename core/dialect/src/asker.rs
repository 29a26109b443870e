//! The other end of a dialect: what tests and benches need to ask as a cloud's clients do.

use crate::Params;
use havip_model::Timestamp;

/// Who asks, and when.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The access key.
    pub key: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// The client's clock.
    pub at: Timestamp,
    /// What no other request has.
    pub nonce: u64,
}

impl Params {
    /// These parameters; where one is there twice, the later one wins.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// These, and what of the others is missing.
    pub fn or(mut self, others: &[(&str, &str)]) -> Self {
        for (name, value) in others {
            if self.sent(name).is_none() {
                self.extend([((*name).to_owned(), (*value).to_owned())]);
            }
        }
        self
    }

    /// As `application/x-www-form-urlencoded`.
    pub fn form(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.iter()).finish()
    }
}
