//! The keys with which hosts seal what they tell each other.

use super::{ConvertError, field};
use crate::proto;
use havip_model::{SealKey, SealKeys};
use std::fmt;

/// Shows which key it is, never the secret.
impl fmt::Debug for proto::SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seal key {}", self.id)
    }
}

/// Keys as a message.
pub fn seal_keys_message(keys: &SealKeys) -> proto::SealKeys {
    let key = |key: &SealKey| proto::SealKey { id: key.id, secret: key.secret.to_vec() };
    proto::SealKeys {
        stage: keys.stage,
        sending: keys.sending.unwrap_or(0),
        required: keys.required,
        keys: keys.keys.iter().map(key).collect(),
    }
}

/// Reads keys; whatever is said to be used is among them.
pub fn seal_keys(message: &proto::SealKeys) -> Result<SealKeys, ConvertError> {
    let key = |key: &proto::SealKey| {
        let secret = key.secret.as_slice().try_into().ok().filter(|_| key.id != 0);
        Ok(SealKey { id: key.id, secret: field::present("keys.secret", secret)? })
    };
    let keys: Vec<SealKey> = message.keys.iter().map(key).collect::<Result<_, _>>()?;
    let sending = Some(message.sending).filter(|sending| *sending != 0);
    let is_known = |id: &u32| keys.iter().any(|key| key.id == *id);
    if sending.is_some_and(|id| !is_known(&id)) || (message.required && sending.is_none()) {
        return Err(ConvertError::new(
            "sending",
            format!("is {}, which is none of the keys", message.sending),
        ));
    }
    if keys.len() > 2 || (keys.len() == 2 && keys[0].id % 2 == keys[1].id % 2) {
        return Err(ConvertError::new("keys", "are not one, or two of numbers that differ by one"));
    }
    Ok(SealKeys { stage: message.stage, sending, required: message.required, keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(sending: Option<u32>, ids: &[u32]) -> SealKeys {
        let keys = ids.iter().map(|id| SealKey { id: *id, secret: [0xab; 16] }).collect();
        SealKeys { stage: 3, sending, required: true, keys }
    }

    #[test]
    fn keys_read_back_and_show_no_secret() {
        for keys in [keys(Some(1), &[1]), keys(Some(2), &[1, 2]), keys(Some(3), &[4, 3])] {
            let message = seal_keys_message(&keys);
            assert_eq!(seal_keys(&message), Ok(keys));
            assert!(!format!("{message:?}").contains("171"), "{message:?}");
        }
    }

    #[test]
    fn keys_that_cannot_be_meant_are_refused() {
        for wrong in
            [keys(None, &[1]), keys(Some(2), &[1]), keys(Some(1), &[1, 3]), keys(Some(1), &[1, 2, 3])]
        {
            assert!(seal_keys(&seal_keys_message(&wrong)).is_err(), "{wrong:?}");
        }
        let mut short = seal_keys_message(&keys(Some(1), &[1]));
        short.keys[0].secret.pop();
        assert!(seal_keys(&short).is_err());
    }
}
