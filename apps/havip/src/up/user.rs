//! Whom the server runs as: a user that owns the server's data and nothing else.
//!
//! Without capabilities uid 0 would still own root's files.

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{Gid, Uid, User};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::Path;

/// The user and group that the server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerUser {
    /// Its user id.
    pub uid: Uid,
    /// Its group id.
    pub gid: Gid,
}

impl ServerUser {
    /// The system's user `havip` if there is one, else ids that systems leave free.
    pub fn of_this_machine() -> Result<Self> {
        let found = User::from_name(NAME).context("could not ask for the user havip")?;
        let user = match found {
            Some(user) => Self { uid: user.uid, gid: user.gid },
            None => Self { uid: Uid::from_raw(FREE), gid: Gid::from_raw(FREE) },
        };
        ensure!(!user.uid.is_root(), "the user {NAME} is root: give it an id of its own, or remove it");
        Ok(user)
    }

    /// Makes the server's data directory its own, closed to others, with what an earlier version left there.
    pub fn own(self, data: &Path) -> Result<()> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
        made.with_context(|| format!("could not make {}", data.display()))?;
        let found = fs::metadata(data).with_context(|| format!("could not look at {}", data.display()))?;
        if found.uid() != self.uid.as_raw() {
            // The directory itself last: what is interrupted is done again.
            self.take(data)?;
            tracing::info!(data = %data.display(), uid = %self.uid, "the server's data are its user's now");
        }
        fs::set_permissions(data, Permissions::from_mode(0o700))
            .with_context(|| format!("could not close {} to others", data.display()))?;
        self.must_reach(data)
    }

    fn take(self, path: &Path) -> Result<()> {
        let look = || format!("could not look into {}", path.display());
        if fs::symlink_metadata(path).with_context(look)?.is_dir() {
            for entry in fs::read_dir(path).with_context(look)? {
                self.take(&entry.with_context(look)?.path())?;
            }
        }
        lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
            .with_context(|| format!("could not give {} to uid {}", path.display(), self.uid))
    }

    /// Directories above that only their owner enters would keep the server out.
    fn must_reach(self, data: &Path) -> Result<()> {
        let data = data.canonicalize().with_context(|| format!("could not find {}", data.display()))?;
        for above in data.ancestors().skip(1) {
            let found =
                fs::metadata(above).with_context(|| format!("could not look at {}", above.display()))?;
            let shift = match (found.uid() == self.uid.as_raw(), found.gid() == self.gid.as_raw()) {
                (true, _) => 6,
                (_, true) => 3,
                _ => 0,
            };
            if found.mode() >> shift & 1 == 0 {
                bail!(
                    "the server runs as uid {}, which may not pass {}: choose another --data, or `chmod o+x {1}`",
                    self.uid,
                    above.display()
                );
            }
        }
        Ok(())
    }
}

/// Makes the directory that holds the data of server and agent: others may pass through, and see nothing.
///
/// An earlier version closed it altogether; whoever has opened it further keeps that.
pub fn make_passable(directory: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o711).create(directory);
    let passable = made.and_then(|()| {
        let mode = fs::metadata(directory)?.mode();
        fs::set_permissions(directory, Permissions::from_mode(mode & 0o777 | 0o011))
    });
    passable.with_context(|| format!("could not make {}", directory.display()))
}

/// Moves the key that the server's first start made to where root wants it, readable by root only. Says whether there
/// was one.
pub fn take_key(made: &Path, wanted: &Path) -> Result<bool> {
    if !made.exists() {
        return Ok(false);
    }
    let attempt = || -> std::io::Result<()> {
        let text = fs::read(made)?;
        let beside = wanted.with_extension("new");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, wanted)?;
        fs::remove_file(made)
    };
    attempt().with_context(|| format!("could not move the access key to {}", wanted.display()))?;
    Ok(true)
}

/// A user that is not root listens on high ports only.
pub fn must_be_able_to_listen(address: SocketAddr) -> Result<()> {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first = first.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024);
    ensure!(
        address.port() == 0 || address.port() >= first,
        "the server runs as a user that may not listen on port {}: take one from {first} on",
        address.port()
    );
    Ok(())
}

const NAME: &str = "havip";
/// Between what systemd gives to home directories and greeters (to 60705) and to services (from 61184).
const FREE: u32 = 60740;

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn what_an_earlier_version_left_becomes_the_servers_and_is_closed_to_others() {
        let user = ServerUser { uid: Uid::from_raw(FREE), gid: Gid::from_raw(FREE) };
        let scratch = tempfile::tempdir().unwrap();
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o711)).unwrap();
        let data = scratch.path().join("server");
        fs::create_dir_all(data.join("deep")).unwrap();
        fs::write(data.join("deep/file"), b"x").unwrap();
        let outside = scratch.path().join("outside");
        fs::write(&outside, b"x").unwrap();
        std::os::unix::fs::symlink(&outside, data.join("link")).unwrap();

        user.own(&data).unwrap();

        for path in ["", "deep", "deep/file"] {
            assert_eq!(fs::metadata(data.join(path)).unwrap().uid(), FREE, "{path}");
        }
        assert_eq!(fs::metadata(&outside).unwrap().uid(), 0, "a link leads nowhere");
        assert_eq!(mode(&data), 0o700);
        user.own(&data).unwrap();

        fs::set_permissions(scratch.path(), Permissions::from_mode(0o700)).unwrap();
        let error = user.own(&data).unwrap_err().to_string();
        assert!(error.contains("chmod o+x") && error.contains(scratch.path().to_str().unwrap()), "{error}");
    }

    #[test]
    fn the_directory_of_all_data_is_passed_and_not_read() {
        let scratch = tempfile::tempdir().unwrap();
        let new = scratch.path().join("a/b");
        make_passable(&new).unwrap();
        assert_eq!(mode(&new), 0o711);
        for (before, after) in [(0o700, 0o711), (0o755, 0o755)] {
            fs::set_permissions(&new, Permissions::from_mode(before)).unwrap();
            make_passable(&new).unwrap();
            assert_eq!(mode(&new), after);
        }
    }

    #[test]
    fn a_new_key_is_moved_to_its_place_for_its_owner_only() {
        let scratch = tempfile::tempdir().unwrap();
        let (made, wanted) = (scratch.path().join("made"), scratch.path().join("key.json"));
        assert!(!take_key(&made, &wanted).unwrap());
        fs::write(&made, b"secret").unwrap();
        assert!(take_key(&made, &wanted).unwrap());
        assert_eq!(
            (fs::read(&wanted).unwrap(), mode(&wanted), made.exists()),
            (b"secret".to_vec(), 0o600, false)
        );
    }

    #[test]
    fn a_low_port_is_refused_with_the_first_that_is_not() {
        assert!(must_be_able_to_listen("127.0.0.1:7400".parse().unwrap()).is_ok());
        if fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap().trim() == "1024" {
            let error = must_be_able_to_listen("127.0.0.1:443".parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains("1024"), "{error}");
        }
    }
}
