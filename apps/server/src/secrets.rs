//! Sealing of secrets that are stored: AES-256-GCM under a key that lives beside the store, not in it.

use crate::{entropy, files};
use anyhow::{Context, Result, anyhow, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::path::Path;

/// Seals and opens secrets.
pub struct Sealer(LessSafeKey);

impl Sealer {
    /// Reads the key file, or makes it (mode 0600) on the first start.
    pub fn open(path: &Path) -> Result<Self> {
        let key = match files::read_if_there(path)? {
            Some(key) => key,
            None => {
                let key: [u8; 32] = entropy::random();
                files::write_secret(path, &key)?;
                key.to_vec()
            }
        };
        match UnboundKey::new(&AES_256_GCM, &key) {
            Ok(key) => Ok(Self(LessSafeKey::new(key))),
            Err(_) => bail!("{} must hold exactly 32 bytes, it holds {}", path.display(), key.len()),
        }
    }

    /// Seals a secret that belongs to `owner`: it opens under no other name.
    pub fn seal(&self, owner: &str, secret: &str) -> String {
        let nonce: [u8; NONCE_LEN] = entropy::random();
        let mut sealed = secret.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(owner.as_bytes()),
                &mut sealed,
            )
            .expect("a secret is far below the cipher's limit of 64 GiB");
        STANDARD.encode([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for `owner`.
    ///
    /// # Errors
    /// The key file is not the one it was sealed under, or the text was changed.
    pub fn open_sealed(&self, owner: &str, sealed: &str) -> Result<String> {
        let bytes = STANDARD.decode(sealed).context("a sealed secret is not base64")?;
        let (nonce, sealed) =
            bytes.split_first_chunk::<NONCE_LEN>().context("a sealed secret is too short")?;
        let mut opened = sealed.to_vec();
        let secret = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(owner.as_bytes()), &mut opened)
            .map_err(|_| {
                anyhow!("the secret of {owner} does not open: is this the key file of this store?")
            })?;
        String::from_utf8(secret.to_vec()).context("a secret is not text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_opens_under_its_key_and_its_name_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("seal.key");
        let sealer = Sealer::open(&path).unwrap();
        let sealed = sealer.seal("key-a", "hush");

        assert!(!sealed.contains("hush"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Sealer::open(&path).unwrap().open_sealed("key-a", &sealed).unwrap(), "hush");
        assert!(sealer.open_sealed("key-b", &sealed).is_err());
        let other = Sealer::open(&directory.path().join("other.key")).unwrap();
        assert!(other.open_sealed("key-a", &sealed).is_err());
    }
}
