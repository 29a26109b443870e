//! Where a switch lives between two lives of its agent: `/sys/fs/bpf/havip/NAME/vSCHEMA`.

use crate::error::OpenError;
use libbpf_rs::MapHandle;
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
    /// `v1` and so on: which version's they are.
    schema: String,
}

impl Pins {
    /// The pins of the switch with this name; nothing is made yet.
    pub fn named(name: &str) -> Result<Self, OpenError> {
        // Only tests say another one: an agent that is restarted with it is as one of another version.
        let schema = std::env::var("HAVIP_TEST_SCHEMA").ok().and_then(|text| text.parse().ok());
        Self::of_schema(name, schema.unwrap_or(SCHEMA))
    }

    /// The same as another version of this program would have them.
    pub fn of_schema(name: &str, schema: u32) -> Result<Self, OpenError> {
        let fits = (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then(|| Self { root: Path::new(BPFFS).join("havip").join(name), schema: format!("v{schema}") })
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
        self.root.join(&self.schema).join("maps")
    }
    /// One file per tcx link, named by the device's index.
    pub fn links(&self) -> PathBuf {
        self.root.join(&self.schema).join("links")
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

    /// There while devices have programs of an earlier version, or with earlier maps, whose new maps are not filled.
    fn mark(&self) -> PathBuf {
        self.root.join(&self.schema).join("behind")
    }
    /// Whether devices still have earlier programs.
    pub fn is_behind(&self) -> bool {
        self.mark().exists()
    }
    /// Says so, for an agent that ends before it has filled the maps, too.
    pub fn set_behind(&self) -> io::Result<()> {
        match fs::create_dir(self.mark()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }
    /// Removes what earlier programs needed, and the mark at last.
    pub fn forget_earlier(&self) -> io::Result<()> {
        for other in self.of_other_versions() {
            fs::remove_dir_all(other.root.join(&other.schema))?;
        }
        match fs::remove_file(self.maps().join("stages_before")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match fs::remove_dir(self.mark()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The pins that other versions have left of this switch.
    pub fn of_other_versions(&self) -> Vec<Self> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let versions = names.filter(|name| name.starts_with('v') && *name != self.schema);
        versions.map(|schema| Self { root: self.root.clone(), schema }).collect()
    }

    /// Takes over the holders and the links of another version, if this one has nothing yet. Says whether it did.
    pub fn carry_over(&self) -> Result<bool, OpenError> {
        if self.maps().join("records").exists() {
            return Ok(false);
        }
        let others = self.of_other_versions();
        let Some(other) = others.iter().find(|other| other.maps().join("records").exists()) else {
            return Ok(false);
        };
        // Marked first: whatever happens between, nobody takes these maps for filled.
        let failed = |path: PathBuf| move |source| OpenError::Pin { path, source };
        self.set_behind().map_err(failed(self.mark()))?;
        for device in other.linked() {
            fs::rename(other.link(device), self.link(device)).map_err(failed(other.link(device)))?;
        }
        // The records last: they tell the next life that all of this is done.
        for name in CARRIED {
            let path = other.maps().join(name);
            let map = MapHandle::from_pinned_path(&path).map_err(OpenError::Load)?;
            let again = self.maps().join(name);
            if !again.exists() {
                let mut map = map;
                map.pin(&again).map_err(OpenError::Load)?;
            }
        }
        Ok(true)
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
/// The version of the maps' layout and meaning; another one lives beside it until it has taken over.
const SCHEMA: u32 = 1;
/// What every version has in the same layout: which devices have a program, and who holds what.
const CARRIED: [&str; 2] = ["attachments", "records"];
