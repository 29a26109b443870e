//! Loading the programs, with new maps or pinned ones.

use crate::{
    Capacity, OBJECT,
    entries::{decode, groups},
    error::OpenError,
    pins::Pins,
};
use libbpf_rs::{MapCore, MapHandle, Object, ObjectBuilder, OpenObject};
use std::fs;

/// What of looking on the programs have; of the rest they are rid by the kernel's verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// Frames are told.
    pub frames: bool,
    /// Flows are counted.
    pub flows: bool,
}

impl Mode {
    /// Nothing: what usually runs.
    pub const USUAL: Self = Self { frames: false, flows: false };
    /// A trace.
    pub const FRAMES: Self = Self { frames: true, flows: false };
    /// A flow log.
    pub const FLOWS: Self = Self { frames: false, flows: true };

    /// `enum looked_at`.
    fn bits(self) -> u32 {
        u32::from(self.frames) | u32::from(self.flows) << 1
    }

    fn needs(self, map: &str) -> bool {
        match map {
            "look_seen" => self != Self::USUAL,
            map if map.starts_with(LOG) => self.flows,
            _ => self.frames,
        }
    }
}

/// Loads the programs.
///
/// If a configuration map had to be made anew, the switch is marked to be behind.
pub fn load(pins: &Pins, capacity: &Capacity, mode: Mode) -> Result<Object, OpenError> {
    let mut open = ObjectBuilder::default().open_memory(OBJECT).map_err(OpenError::Load)?;
    if place_maps(&mut open, pins, capacity)? {
        pins.set_behind().map_err(|source| OpenError::Pin { path: pins.maps(), source })?;
    }
    for mut map in open.maps_mut() {
        let name = map.name().to_string_lossy().into_owned();
        if name.starts_with(LOOK) {
            map.set_autocreate(mode.needs(&name)).map_err(OpenError::Load)?;
        } else if name == ".rodata.look" {
            map.set_initial_value(&mode.bits().to_ne_bytes()).map_err(OpenError::Load)?;
        }
    }
    open.load().map_err(OpenError::Load)
}

/// Sizes each map, and ties it to its pin; removes the pins of maps that have another shape now.
///
/// Says whether one of them holds configuration, which has to be written anew.
fn place_maps(open: &mut OpenObject, pins: &Pins, capacity: &Capacity) -> Result<bool, OpenError> {
    let mut must_be_filled = false;
    for mut map in open.maps_mut() {
        let name = map.name().to_string_lossy().into_owned();
        if name.contains('.') || name.starts_with(LOOK) {
            continue; // a section of the object, or a map of those who look on: nobody's after them
        }
        let path = pins.maps().join(&name);
        let wanted = match name.as_str() {
            "records" => Some(capacity.records),
            "addresses" | "macs" => Some(capacity.addresses),
            "entitled" | "circles" | "associated" => Some(capacity.entitlements),
            "memberships" => Some(capacity.addresses),
            "ports" | "devices" | "hosts" | "peers" => Some(capacity.ports),
            // Memories that guests fill: what one port may leave in them in its time, for every port.
            "buckets" | "adverts" | "probes" | "drops" => Some(capacity.ports * MEMORIES_PER_PORT),
            _ => None,
        };
        let pinned = MapHandle::from_pinned_path(&path).ok();
        let entries = pinned.as_ref().map(|map| map.max_entries()).or(wanted).unwrap_or(map.max_entries());
        map.set_max_entries(entries).map_err(OpenError::Load)?;
        let differs = pinned.is_some_and(|old| {
            (old.map_type(), old.key_size(), old.value_size())
                != (map.map_type(), map.key_size(), map.value_size())
        });
        if differs && name != "records" {
            let lists = [&decode::MAPS[..], &groups::MAPS, &INDICES];
            must_be_filled |= lists.iter().any(|list| list.contains(&name.as_str()));
            fs::remove_file(&path).map_err(|source| OpenError::Pin { path: path.clone(), source })?;
        }
        map.set_pin_path(&path).map_err(OpenError::Load)?;
    }
    let stages = pins.maps().join("stages");
    if must_be_filled && stages.exists() {
        // The old programs jump by the old table, which is emptied when nothing holds it any more.
        let kept = pins.maps().join("stages_before");
        fs::rename(&stages, &kept).map_err(|source| OpenError::Pin { path: stages, source })?;
    }
    Ok(must_be_filled)
}

/// The buckets of a port's own, of its VIPs and its ICMP errors; what it advertises; what it probes within 3 s.
const MEMORIES_PER_PORT: u32 = 16;

/// Maps that are made of entries, besides those that entries are read from.
const INDICES: [&str; 4] = ["devices", "peers", "circles", "associated"];
/// What the names of the maps begin with that only those need who look on.
const LOOK: &str = "look_";
/// And those who follow flows.
const LOG: &str = "look_log";
