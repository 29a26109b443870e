//! Where a switch lives between two lives of its agent: `/sys/fs/bpf/havip/NAME/v1`.

use crate::error::OpenError;
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sys::statfs::{FsType, statfs},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The pins of one switch.
#[derive(Debug, Clone)]
pub struct Pins {
    root: PathBuf,
}

impl Pins {
    /// The pins of the switch with this name; nothing is made yet.
    pub fn named(name: &str) -> Result<Self, OpenError> {
        let fits = (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then(|| Self { root: Path::new(BPFFS).join("havip").join(name) })
            .ok_or_else(|| OpenError::Name(name.into()))
    }

    /// Mounts bpffs if it is not, and makes the directories.
    pub fn make(&self) -> Result<(), OpenError> {
        mount_bpffs()?;
        for directory in [self.maps(), self.links()] {
            fs::create_dir_all(&directory)
                .map_err(|source| OpenError::Pin { path: directory.clone(), source })?;
        }
        Ok(())
    }

    /// One file per map.
    pub fn maps(&self) -> PathBuf {
        self.root.join(SCHEMA).join("maps")
    }
    /// One file per tcx link, named by the device's index.
    pub fn links(&self) -> PathBuf {
        self.root.join(SCHEMA).join("links")
    }
    /// The link at a device.
    pub fn link(&self, ifindex: u32) -> PathBuf {
        self.links().join(ifindex.to_string())
    }
    /// The devices that have a pinned link.
    pub fn linked(&self) -> Vec<u32> {
        let names = fs::read_dir(self.links()).into_iter().flatten().flatten();
        names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// Removes every pin; goes on past failures and returns them all.
    pub fn remove(&self) -> Vec<io::Error> {
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => vec![error],
            _ => vec![],
        }
    }
}

fn mount_bpffs() -> Result<(), OpenError> {
    let path = Path::new(BPFFS);
    if statfs(path).is_ok_and(|found| found.filesystem_type() == FsType(0xcafe_4a11)) {
        return Ok(());
    }
    match mount(Some("bpf"), path, Some("bpf"), MsFlags::empty(), Some("mode=0700")) {
        Ok(()) | Err(Errno::EBUSY) => Ok(()),
        Err(errno) => Err(OpenError::Mount { path: path.into(), source: errno.into() }),
    }
}

const BPFFS: &str = "/sys/fs/bpf";
/// The version of the maps' layout; another one lives beside it.
const SCHEMA: &str = "v1";
