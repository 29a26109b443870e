//! The keys with which hosts seal what they tell each other: on disk, so that a host boots while the servers are dead.

use crate::disk;
use anyhow::Context;
use havip_model::SealKeys;
use havip_stream::{convert, proto};
use prost::Message;
use std::path::{Path, PathBuf};

/// The keys that the data directory holds; none if the server has not told any yet.
///
/// # Errors
/// The file is damaged: a host without keys would refuse all others.
pub fn load(data: &Path) -> anyhow::Result<Option<SealKeys>> {
    let path = path(data);
    let Some(bytes) = disk::read(&path)? else { return Ok(None) };
    let keys = proto::SealKeys::decode(bytes.as_slice()).map_err(anyhow::Error::from);
    let keys = keys.and_then(|keys| Ok(convert::seal_keys(&keys)?));
    keys.map(Some).with_context(|| format!("{} is damaged", path.display()))
}

/// Keeps the keys, readable by their owner only.
///
/// # Errors
/// The disk refuses.
pub fn save(data: &Path, keys: &SealKeys) -> anyhow::Result<()> {
    disk::write(&path(data), &convert::seal_keys_message(keys).encode_to_vec())
}

fn path(data: &Path) -> PathBuf {
    data.join("seal-keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::SealKey;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_kept_for_their_owner_only_and_a_damaged_file_is_not_taken_for_none() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(load(directory.path()).unwrap(), None);
        let keys = [1, 2].map(|id| SealKey { id, secret: [id as u8; 16] }).to_vec();
        let keys = SealKeys { stage: 4, sending: Some(2), required: true, keys };
        save(directory.path(), &keys).unwrap();
        assert_eq!(load(directory.path()).unwrap(), Some(keys));
        let path = path(directory.path());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"no message").unwrap();
        assert!(load(directory.path()).is_err());
    }
}
