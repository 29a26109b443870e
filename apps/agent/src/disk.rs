//! Files that are whole or absent, whatever happens while they are written.

use anyhow::{Context, bail};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// Makes a directory that only its owner reads, with those above it.
///
/// # Errors
/// It could not be made.
pub fn make_directory(path: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("could not make the directory {}", path.display()))
}

/// Makes this process the only one that works in a data directory, until the lock is dropped or the process ends.
///
/// # Errors
/// Another one works in it and does not end within two seconds, or the directory is not writable.
pub async fn lock(directory: &Path) -> anyhow::Result<Flock<File>> {
    for _ in 0..LOOKS {
        if let Some(lock) = try_lock(directory)? {
            return Ok(lock);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    bail!("an agent runs with the data directory {}: end it first", directory.display())
}

/// None if another one works there.
fn try_lock(directory: &Path) -> anyhow::Result<Option<Flock<File>>> {
    let path = directory.join("lock");
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = open.with_context(|| format!("could not open {}", path.display()))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno).with_context(|| format!("could not lock {}", path.display())),
    }
}

/// One that was just told to end needs a moment: two seconds in all.
const LOOKS: u32 = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Writes a file that only its owner reads, in place of an older one, in one step.
///
/// # Errors
/// The disk is full or broken; the older file is still there then.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let attempt = || -> std::io::Result<()> {
        let new = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        // The rename itself is durable only with its directory.
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    };
    attempt().with_context(|| format!("could not write {}", path.display()))
}

/// Reads a file; none if there is no such file.
///
/// # Errors
/// It is there but cannot be read.
pub fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_data_directory_has_one_agent_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = try_lock(directory.path()).unwrap();
        assert!(first.is_some());
        assert!(try_lock(directory.path()).unwrap().is_none());
        drop(first);
        assert!(try_lock(directory.path()).unwrap().is_some());
    }

    #[test]
    fn a_file_is_replaced_whole_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    }
}
