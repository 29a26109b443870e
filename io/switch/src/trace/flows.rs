//! The flow log of the kernel (`bpf/flow_log.h`): whose connections are counted, and what came of them.

use super::Loaded;
use crate::{
    OpenError, Switch,
    error::MapError,
    layout::{self, Plain, address},
};
use havip_model::{PortNumber, RefusalReason, Vni};
use libbpf_rs::{MapCore, MapFlags, MapHandle};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU32, thread, time::Duration};

/// Packets of one connection, in one direction, that ended in the same way on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedFlow {
    /// Its VPC.
    pub vni: Vni,
    /// The port of this host that sent them; none if they came from elsewhere.
    pub from: Option<PortNumber>,
    /// The port of this host that was given them; none if they went elsewhere, or ended here.
    pub to: Option<PortNumber>,
    /// Whom they were from, as they came.
    pub source: IpAddr,
    /// Whom they were for.
    pub destination: IpAddr,
    /// Of IP.
    pub protocol: u8,
    /// From which port of TCP or UDP to which.
    pub ports: Option<(u16, u16)>,
    /// Why they were dropped or refused.
    pub reason: Option<RefusalReason>,
    /// How many they were.
    pub packets: u64,
    /// How long they were together, from Ethernet on.
    pub bytes: u64,
    /// When the first came, since boot.
    pub first_at: Duration,
    /// When the last came.
    pub last_at: Duration,
}

/// Flows are counted.
pub struct FlowLog {
    followed: MapHandle,
    so_far: MapHandle,
    log: MapHandle,
    of: BTreeMap<Vni, Following>,
}

struct Following {
    one_of: NonZeroU32,
    so_far: layout::FollowedSoFar,
}

/// What was counted since the last time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TakenFlows {
    /// In no order.
    pub flows: Vec<LoggedFlow>,
    /// Packets that are in none of them, as there was no room for theirs.
    pub lost: BTreeMap<Vni, u64>,
}

impl FlowLog {
    pub(super) fn of(loaded: &Loaded) -> Result<Self, OpenError> {
        Ok(Self {
            followed: loaded.map(FOLLOWED)?,
            so_far: loaded.map(SO_FAR)?,
            log: loaded.map(LOG)?,
            of: BTreeMap::new(),
        })
    }

    /// Counts one of so many connections of a VPC from now on.
    pub fn follow(&mut self, vni: Vni, one_of: NonZeroU32) -> Result<(), MapError> {
        let fresh = layout::FollowedSoFar::zeroed();
        if !self.of.contains_key(&vni) {
            let nothing = self.so_far.update(&vni.get().to_ne_bytes(), fresh.bytes(), MapFlags::ANY);
            nothing.map_err(failed("write", SO_FAR))?;
        }
        self.of.entry(vni).or_insert(Following { one_of, so_far: fresh }).one_of = one_of;
        self.make_room()
    }

    /// Counts those of a VPC no more.
    pub fn leave(&mut self, vni: Vni) -> Result<(), MapError> {
        self.of.remove(&vni);
        for (map, name) in [(&self.followed, FOLLOWED), (&self.so_far, SO_FAR)] {
            match map.delete(&vni.get().to_ne_bytes()) {
                Err(error) if error.kind() == libbpf_rs::ErrorKind::NotFound => {}
                other => other.map_err(failed("change", name))?,
            }
        }
        self.make_room()
    }

    /// Takes what was counted since the last time.
    pub fn take(&mut self, switch: &Switch) -> Result<TakenFlows, MapError> {
        switch.end_frames_everywhere();
        let mut taken = TakenFlows::default();
        // A batch ends before it is full, as the kernel gives whole buckets; guests fill the map meanwhile.
        for _ in 0..MOST_BATCHES {
            let batch = self.log.lookup_and_delete_batch(BATCH, MapFlags::ANY, MapFlags::ANY);
            let before = taken.flows.len();
            taken.flows.extend(batch.map_err(failed("read", LOG))?.filter_map(|(key, value)| {
                flow(&layout::LoggedKey::read(&key)?, &layout::Logged::read(&value)?)
            }));
            if taken.flows.len() == before {
                break;
            }
        }
        for (vni, following) in &mut self.of {
            let found = self.so_far.lookup(&vni.get().to_ne_bytes(), MapFlags::ANY);
            let found = found.map_err(failed("read", SO_FAR))?;
            let Some(now) = found.and_then(|bytes| layout::FollowedSoFar::read(&bytes)) else { continue };
            match now.lost - following.so_far.lost {
                0 => {}
                lost => drop(taken.lost.insert(*vni, lost)),
            }
            following.so_far = now;
        }
        self.make_room()?;
        Ok(taken)
    }

    /// The map is shared out anew among those that are followed.
    fn make_room(&self) -> Result<(), MapError> {
        for (vni, following) in &self.of {
            let room = following.so_far.begun + MOST / self.of.len() as u64;
            let followed = layout::Followed { one_of: following.one_of.get(), zero: 0, room };
            let written = self.followed.update(&vni.get().to_ne_bytes(), followed.bytes(), MapFlags::ANY);
            written.map_err(failed("write", FOLLOWED))?;
        }
        Ok(())
    }
}

impl Switch {
    /// A processor counts a frame when its next one comes; an order is one. So each processor runs one that orders
    /// nothing.
    fn end_frames_everywhere(&self) {
        thread::scope(|scope| {
            scope.spawn(|| {
                for processor in 0..CpuSet::count() {
                    let mut one = CpuSet::new();
                    // A processor that is not there, or not for us, has nothing to end.
                    if one.set(processor).is_err() || sched_setaffinity(Pid::from_raw(0), &one).is_err() {
                        continue;
                    }
                    let nothing = [0; 128];
                    let _ = self.run("agent_op", &nothing, None);
                }
            });
        });
    }
}

fn flow(key: &layout::LoggedKey, value: &layout::Logged) -> Option<LoggedFlow> {
    let ports = (u16::from_be_bytes(key.source_port), u16::from_be_bytes(key.destination_port));
    Some(LoggedFlow {
        vni: Vni::new(key.vni).ok()?,
        from: PortNumber::new(key.from).ok(),
        to: PortNumber::new(key.to).ok(),
        source: address(key.source),
        destination: address(key.destination),
        protocol: key.protocol,
        ports: (ports != (0, 0)).then_some(ports),
        reason: (key.reason != 0).then_some(RefusalReason(key.reason)),
        packets: value.packets,
        bytes: value.bytes,
        first_at: Duration::from_nanos(value.first_at),
        last_at: Duration::from_nanos(value.last_at),
    })
}

fn failed(what: &'static str, map: &'static str) -> impl Fn(libbpf_rs::Error) -> MapError {
    move |source| MapError::Kernel { what, map, source }
}

/// What the map holds (`look_log`).
const MOST: u64 = 16_384;
/// Some milliseconds for all of it.
const BATCH: u32 = 4096;
const MOST_BATCHES: usize = 16;
const FOLLOWED: &str = "look_log_followed";
const SO_FAR: &str = "look_log_so_far";
const LOG: &str = "look_log";
