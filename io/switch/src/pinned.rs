//! A switch as its pins show it, whether an agent runs or none: read, never changed.

use crate::{
    error::{MapError, OpenError},
    layout::{AddressKey, KeptRecord, Plain},
    ledger::{self, Ledger},
    pins::Pins,
};
use havip_model::{Record, VipKey};
use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};
use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, path::PathBuf};

/// The maps of a switch that somebody else runs, or nobody.
#[derive(Debug)]
pub struct Pinned {
    folder: PathBuf,
    /// Which pins were opened: others of the same name are another switch's.
    inode: u64,
    records: MapHandle,
    ledger: MapHandle,
}

/// How full a map is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Its name.
    pub map: String,
    /// How many entries it has.
    pub entries: u32,
    /// How many it takes.
    pub most: u32,
    /// The least recently used entry goes when it is full: it fills, in the end.
    pub forgets: bool,
}

impl Pinned {
    /// Opens the pins of the switch with this name.
    pub fn open(name: &str) -> Result<Self, OpenError> {
        let own = Pins::named(name)?;
        // While one version takes over from another, both have the same records.
        let all = [own.clone()].into_iter().chain(own.of_other_versions());
        let pins = all.into_iter().find(|pins| pins.maps().join("records").exists());
        let folder = pins.ok_or_else(|| OpenError::Absent(name.into()))?.maps();
        let path = folder.join("records");
        let found = fs::metadata(&path).map_err(|source| OpenError::Pin { path: path.clone(), source })?;
        let open = |name| MapHandle::from_pinned_path(folder.join(name)).map_err(OpenError::Load);
        Ok(Self { records: open("records")?, ledger: open("ledger")?, inode: found.ino(), folder })
    }

    /// Whether the pins are still those that were opened: a host that was rebooted has others, or none.
    pub fn is_current(&self) -> bool {
        fs::metadata(self.folder.join("records")).is_ok_and(|found| found.ino() == self.inode)
    }

    /// Every record of a VIP or EIP that somebody holds or held.
    pub fn records(&self) -> Result<BTreeMap<VipKey, Record>, MapError> {
        let failed = |source| MapError::Kernel { what: "read", map: "records", source };
        let mut records = BTreeMap::new();
        for bytes in self.records.keys() {
            let key = AddressKey::read(&bytes).ok_or(MapError::Foreign { map: "records" })?;
            // Gone since its key was read.
            let Some(value) = self.records.lookup(&bytes, MapFlags::LOCK).map_err(failed)? else { continue };
            let kept = KeptRecord::read(&value).ok_or(MapError::Foreign { map: "records" })?;
            records.extend(key.key().zip(kept.now.model()));
        }
        Ok(records)
    }

    /// Everything counted since the switch was made.
    pub fn ledger(&self) -> Result<Ledger, MapError> {
        ledger::read(&self.ledger)
    }

    /// How full its maps are, by name; arrays, which have all their entries from the beginning, are left out.
    pub fn fills(&self) -> Result<Vec<Fill>, OpenError> {
        let failed = |source| OpenError::Pin { path: self.folder.clone(), source };
        let mut fills = vec![];
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let map = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            let handle = MapHandle::from_pinned_path(self.folder.join(&map)).map_err(OpenError::Load)?;
            if !GROWING.contains(&handle.map_type()) {
                continue;
            }
            let most = handle.max_entries();
            // One that changes under our eyes may begin again: it never has more than it takes.
            let entries = handle.keys().take(most as usize).count() as u32;
            let forgets = [MapType::LruHash, MapType::LruPercpuHash].contains(&handle.map_type());
            fills.push(Fill { map, entries, most, forgets });
        }
        fills.sort_by(|one, other| one.map.cmp(&other.map));
        Ok(fills)
    }
}

/// Maps whose entries come and go.
const GROWING: [MapType; 5] =
    [MapType::Hash, MapType::LruHash, MapType::PercpuHash, MapType::LruPercpuHash, MapType::LpmTrie];
