//! A disk that loses what was not synced: any of it, in any order, by the sector.

use super::trace::Step;
use rand::{Rng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What disks write as a whole.
const SECTOR: usize = 512;

/// Writes the files as a disk may show them when the power fails after the first `end` steps.
///
/// Of what was not synced each sector survives with this chance; 0 is a disk that kept nothing, 1 one that
/// kept all.
pub fn after_power_failure(steps: &[Step], end: usize, chance: f64, random: &mut StdRng, into: &Path) {
    let mut synced: BTreeMap<&str, usize> = BTreeMap::new();
    for step in &steps[..end] {
        if let Step::Synced { file, since } = step {
            synced.insert(file, *since);
        }
    }
    let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for (at, step) in steps[..end].iter().enumerate() {
        let is_safe = |file: &str| synced.get(file).is_some_and(|since| at < *since);
        match step {
            Step::Write { file, offset, bytes } => {
                let content = files.entry(file).or_default();
                let mut offset = *offset as usize;
                // Sectors are those of the disk, not of the write.
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (part, behind) = rest.split_at(rest.len().min(SECTOR - offset % SECTOR));
                    if is_safe(file) || random.random_bool(chance) {
                        content.resize(content.len().max(offset + part.len()), 0);
                        content[offset..offset + part.len()].copy_from_slice(part);
                    }
                    (offset, rest) = (offset + part.len(), behind);
                }
            }
            Step::Truncate { file, length } if is_safe(file) || random.random_bool(chance) => {
                files.entry(file).or_default().resize(*length as usize, 0);
            }
            Step::Remove { file } => {
                let directory = Path::new(file).parent().and_then(Path::to_str).unwrap();
                if is_safe(directory) || random.random_bool(chance) {
                    files.remove(file.as_str());
                }
            }
            Step::Truncate { .. } | Step::Synced { .. } | Step::Said(_) => {}
        }
    }
    for (file, content) in files {
        let name = PathBuf::from(file).file_name().unwrap().to_owned();
        fs::write(into.join(name), content).unwrap();
    }
}
