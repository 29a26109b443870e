//! Looking on: what the hooks are given, and what becomes of it (`bpf/look.h`).
//!
//! Who looks on loads the programs once more ([`Looker::load`], some tenths of a second, by any thread), and swaps
//! them as a new version of the agent would ([`Switch::look_on`]); when nobody looks any more, they are loaded and
//! swapped back ([`Switch::look_away`]).

mod flows;
mod wanted;

pub use flows::{FlowLog, LoggedFlow, TakenFlows};
pub use wanted::{Verdict, Verdicts, Wanted};

use crate::{
    Capacity, OpenError, Switch,
    error::{AttachError, MapError},
    layout::{self, Plain},
    pins::Pins,
    programs::{self, Mode},
    switch::boot_time,
};
use havip_model::{RefusalReason, Vni};
use libbpf_rs::{MapCore, MapFlags, MapHandle, Object, RingBuffer, RingBufferBuilder};
use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A frame and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When it came, since boot.
    pub at: Duration,
    /// The device that it came in by; none if the switch made it, or copied it, for a port.
    pub came_by: Option<u32>,
    /// The tunnel that it came in, and the underlay address of its sender.
    pub tunnel: Option<(u32, Ipv4Addr)>,
    /// The device that it left by; none if it ended here: dropped if there is a reason, else used up, as a claim is.
    pub left_by: Option<u32>,
    /// The underlay address that it was sent to, and in which tunnel, if it left by the overlay.
    pub aimed_at: Option<(Ipv4Addr, u32)>,
    /// What became of it, in one word.
    pub verdict: Verdict,
    /// The VPC that it is of, if it is of one.
    pub vni: Option<Vni>,
    /// Why it was dropped, or refused: then what left is an error about it.
    pub reason: Option<RefusalReason>,
    /// Its length in bytes.
    pub length: u32,
    /// Its first bytes as it came.
    pub frame: Vec<u8>,
}

/// Loads the programs of a switch once more.
#[derive(Debug, Clone)]
pub struct Looker {
    pins: Pins,
    capacity: Capacity,
}

/// Programs of the switch that are loaded and at no device yet.
pub struct Loaded {
    object: Object,
    mode: Mode,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loaded")
    }
}

impl Loaded {
    fn map(&self, name: &str) -> Result<MapHandle, OpenError> {
        let found = self.object.maps().find(|map| map.name() == name);
        MapHandle::try_from(&found.expect("the object has the map")).map_err(OpenError::Load)
    }
}

impl Looker {
    /// Loads the programs as they are while somebody looks on, or as they are usually.
    pub fn load(&self, mode: Mode) -> Result<Loaded, OpenError> {
        programs::load(&self.pins, &self.capacity, mode).map(|object| Loaded { object, mode })
    }
}

/// Somebody looks on.
pub struct Trace {
    ring: RingBuffer<'static>,
    heard: Arc<Mutex<Vec<layout::Seen>>>,
    wanted: Wanted,
    seen: MapHandle,
    lost: MapHandle,
    devices: MapHandle,
    /// By processor: the number of the last frame that was taken before the kernel told it.
    taken: HashMap<u32, u64>,
}

impl Switch {
    /// Who can load the programs once more, also in another thread.
    pub fn looker(&self) -> Looker {
        Looker { pins: self.pins.clone(), capacity: self.capacity }
    }

    /// Puts programs to work, which may look on: `wanted` is for a trace, `followed` for a flow log, so that it counts
    /// from its first packet on.
    ///
    /// Whoever looked on before has seen the last of it.
    pub fn put_to_work(
        &self,
        loaded: Loaded,
        wanted: &Wanted,
        followed: &BTreeMap<Vni, NonZeroU32>,
    ) -> Result<(Option<Trace>, Option<FlowLog>), OpenError> {
        let trace = loaded.mode.frames.then(|| Self::trace(&loaded, wanted)).transpose()?;
        let mut flows = loaded.mode.flows.then(|| FlowLog::of(&loaded)).transpose()?;
        if let Some(log) = &mut flows {
            followed.iter().try_for_each(|(vni, one_of)| log.follow(*vni, *one_of))?;
        }
        self.exchange(loaded.object)?;
        Ok((trace, flows))
    }

    /// Puts programs to work that show frames.
    pub fn look_on(&self, loaded: Loaded, wanted: &Wanted) -> Result<Trace, OpenError> {
        Ok(self.put_to_work(loaded, wanted, &BTreeMap::new())?.0.expect("they are loaded for that"))
    }

    fn trace(loaded: &Loaded, wanted: &Wanted) -> Result<Trace, OpenError> {
        let map = |name: &str| loaded.map(name);
        let ring = map("look_ring")?;
        map("look_wanted")?.update(&KEY, wanted.raw().bytes(), MapFlags::ANY).map_err(OpenError::Load)?;
        let heard = Arc::new(Mutex::new(vec![]));
        let mut builder = RingBufferBuilder::new();
        let to = Arc::clone(&heard);
        let hear = move |bytes: &[u8]| {
            to.lock().expect("no holder of the lock panics").extend(layout::Seen::read(bytes));
            0
        };
        builder.add(&ring, hear).map_err(OpenError::Load)?;
        let (seen, lost, devices) = (map("look_seen")?, map("look_lost")?, map("devices")?);
        let ring = builder.build().map_err(OpenError::Load)?;
        Ok(Trace { ring, heard, wanted: *wanted, seen, lost, devices, taken: HashMap::new() })
    }

    /// Puts programs to work that do not look.
    pub fn look_away(&self, loaded: Loaded) -> Result<(), OpenError> {
        Ok(self.exchange(loaded.object)?)
    }

    fn exchange(&self, object: Object) -> Result<(), AttachError> {
        let before =
            std::mem::replace(&mut *self.programs.lock().expect("no holder of the lock panics"), object);
        let swapped = if self.is_behind() { Ok(()) } else { self.swap_programs() };
        drop(before);
        swapped
    }
}

impl Trace {
    /// Takes what was seen since the last time, oldest first, and how much did not fit between in all.
    pub fn take(&mut self) -> Result<(Vec<Seen>, u64), MapError> {
        let failed = |what, map| move |source| MapError::Kernel { what, map, source };
        // First what waits: the kernel may tell it meanwhile, and is then not believed.
        let waiting = self.seen.lookup_percpu(&KEY, MapFlags::ANY).map_err(failed("read", "look_seen"))?;
        self.ring.consume().map_err(failed("read", "look_ring"))?;
        let told = std::mem::take(&mut *self.heard.lock().expect("no holder of the lock panics"));
        let is_new = |taken: &HashMap<u32, u64>, seen: &layout::Seen| {
            seen.sequence == 0 || taken.get(&seen.cpu).is_none_or(|taken| seen.sequence > *taken)
        };
        // The kernel has sorted out what is not wanted, but for copies and what it makes itself.
        let is_wanted = |seen: &layout::Seen| seen.sequence != 0 || self.wanted.wants(seen, self.vni(seen));
        let told = told.into_iter().filter(|seen| is_new(&self.taken, seen) && is_wanted(seen));
        let mut all: Vec<layout::Seen> = told.collect();
        let now = boot_time().as_nanos() as u64;
        for bytes in waiting.into_iter().flatten() {
            let Some(seen) = layout::Seen::read(&bytes) else { continue };
            let is_whole = seen.at != 0 && seen.sequence == seen.sequence_behind;
            let has_ended = now.saturating_sub(seen.at) >= LONGEST_HOOK.as_nanos() as u64;
            let is_told = all.iter().any(|told| (told.cpu, told.sequence) == (seen.cpu, seen.sequence));
            if is_whole
                && has_ended
                && is_new(&self.taken, &seen)
                && !is_told
                && self.wanted.wants(&seen, self.vni(&seen))
            {
                self.taken.insert(seen.cpu, seen.sequence);
                all.push(seen);
            }
        }
        all.sort_by_key(|seen| seen.at);
        let lost = self.lost.lookup(&KEY, MapFlags::ANY).map_err(failed("read", "look_lost"))?;
        let lost = lost.and_then(|bytes| u64::read(&bytes)).unwrap_or_default();
        let whole = |seen: &layout::Seen| read(seen, self.vni(seen));
        Ok((all.iter().map(whole).collect(), lost))
    }

    /// As `look_vni` of the kernel finds it; 0: of none.
    fn vni(&self, raw: &layout::Seen) -> u32 {
        const MARK: u32 = 1 << 23;
        let is_made_here = raw.ifindex == 0 && raw.frame[12..14] == ANNOUNCEMENT_ETHERTYPE.to_be_bytes();
        if tunnel(raw) == ANNOUNCEMENT_VNI || is_made_here {
            // Behind Ethernet and the first eight bytes of the message.
            return u32::from_be_bytes(std::array::from_fn(|index| raw.frame[14 + 8 + index]));
        }
        if raw.vni != 0 {
            return raw.vni;
        }
        let to = self.devices.lookup(&raw.left_by.to_ne_bytes(), MapFlags::ANY).ok().flatten();
        let to = to.and_then(|bytes| layout::Port::read(&bytes));
        to.map_or(raw.tunnel & !MARK, |port| port.vni)
    }
}

/// The number of the tunnel that a frame came in; 0: none.
fn tunnel(raw: &layout::Seen) -> u32 {
    u32::from_ne_bytes(std::array::from_fn(|index| raw.came[index]))
}

fn read(raw: &layout::Seen, vni: u32) -> Seen {
    let captured = (raw.captured as usize).min(raw.frame.len());
    let sender = u32::from_ne_bytes(std::array::from_fn(|index| raw.came[4 + index]));
    let some = |index: u32| (index != 0).then_some(index);
    Seen {
        at: Duration::from_nanos(raw.at),
        came_by: some(raw.ifindex),
        tunnel: some(tunnel(raw)).map(|number| (number, sender.into())),
        left_by: some(raw.left_by).filter(|index| *index != UNSEEN),
        aimed_at: (raw.to != [0; 4]).then(|| (raw.to.into(), raw.tunnel)),
        verdict: Verdict::of(raw),
        vni: Vni::new(vni).ok(),
        reason: u16::try_from(raw.reason).ok().filter(|reason| *reason != 0).map(RefusalReason),
        length: raw.length,
        frame: raw.frame[..captured].to_vec(),
    }
}

const KEY: [u8; 4] = [0; 4];
const ANNOUNCEMENT_VNI: u32 = 0xff_ffff;
const ANNOUNCEMENT_ETHERTYPE: u16 = 0x88b5;
/// `LOOK_UNSEEN`.
const UNSEEN: u32 = u32::MAX;
/// A frame that is older has been through its hook.
const LONGEST_HOOK: Duration = Duration::from_millis(5);
