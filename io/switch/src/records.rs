//! Who holds what, and who held it: read from the kernel, never written.

use crate::{
    Switch,
    error::{MapError, OpenError},
    layout::{self, AddressKey, KeptRecord, Plain},
    pins::Pins,
};
use havip_model::{Epoch, Holder, HostNumber, MoveCause, PortNumber, Record, Timestamp, VipKey, Vni};
use libbpf_rs::{MapCore, MapFlags, MapHandle};
use std::{collections::BTreeMap, time::Duration};

/// One line of a VIP's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The claim.
    pub epoch: Epoch,
    /// Who held the VIP before, if anybody did.
    pub from: Option<Holder>,
    /// Who holds it from then on, if anybody does.
    pub to: Option<Holder>,
    /// When this host learned of it, by this host's clock.
    pub at: Timestamp,
    /// Why.
    pub cause: MoveCause,
    /// Counts moves since the VIP was made.
    pub moves: u32,
}

/// What a port of this host has sent as a VIP while it held it; times since boot, exact to a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The claim under which it held it.
    pub epoch: Epoch,
    /// The first packet.
    pub first_at: Duration,
    /// The last one so far.
    pub last_at: Duration,
    /// The last one that a port of this host sent under an earlier claim.
    pub before_at: Option<Duration>,
}

impl Switch {
    /// The VIP's record; none if nobody has claimed it, or it is not prepared here.
    pub fn record(&self, key: VipKey) -> Result<Option<Record>, MapError> {
        Ok(self.kept(&AddressKey::vip(key))?.and_then(|kept| kept.now.model()))
    }

    /// The same, and what this host's last holder has sent as the VIP; none if none has.
    pub fn record_and_sent(&self, key: VipKey) -> Result<(Option<Record>, Option<Sent>), MapError> {
        let Some(kept) = self.kept(&AddressKey::vip(key))? else { return Ok((None, None)) };
        Ok((kept.now.model(), sent(&kept)))
    }

    /// All records of a VPC.
    pub fn records(&self, vni: Vni) -> Result<BTreeMap<VipKey, Record>, MapError> {
        self.records_where(|vip| vip.vni == vni)
    }

    /// All records.
    pub fn all_records(&self) -> Result<BTreeMap<VipKey, Record>, MapError> {
        self.records_where(|_| true)
    }

    fn records_where(
        &self,
        is_wanted: impl Fn(&VipKey) -> bool,
    ) -> Result<BTreeMap<VipKey, Record>, MapError> {
        let mut records = BTreeMap::new();
        for bytes in self.map("records").keys() {
            let key = AddressKey::read(&bytes).ok_or(MapError::Foreign { map: "records" })?;
            let Some(vip) = key.key().filter(&is_wanted) else { continue };
            if let Some(record) = self.kept(&key)?.and_then(|kept| kept.now.model()) {
                records.insert(vip, record);
            }
        }
        Ok(records)
    }

    /// The last moves of a VIP on this host, at most 8, the oldest first.
    pub fn history(&self, key: VipKey) -> Result<Vec<Move>, MapError> {
        let Some(kept) = self.kept(&AddressKey::vip(key))? else { return Ok(vec![]) };
        let next = kept.next_move as usize;
        let oldest = next.saturating_sub(layout::HISTORY_LEN);
        Ok((oldest..next)
            .map(|index| {
                let line = kept.history[index % layout::HISTORY_LEN];
                let released = line.holder & 1 == 1;
                Move {
                    epoch: Epoch(line.epoch),
                    from: layout::holder(line.from).filter(|_| line.from & 1 == 0),
                    to: layout::holder(line.holder).filter(|_| !released),
                    at: Timestamp(line.at_ms),
                    cause: cause(line.cause, released),
                    moves: line.moves,
                }
            })
            .collect())
    }

    /// When this port last sent an advert naming the VIP, since boot, and the interval that it named.
    pub fn last_advert(
        &self,
        key: VipKey,
        port: PortNumber,
    ) -> Result<Option<(Duration, Duration)>, MapError> {
        let key = layout::AddressPortKey::new(key, port);
        let memory: Option<layout::AdvertMemory> = self.read("adverts", key.bytes(), MapFlags::ANY)?;
        let memory = memory.filter(|memory| memory.at != 0);
        let at = Duration::from_nanos;
        Ok(memory.map(|memory| (at(memory.at), at(memory.interval_ns))))
    }

    /// Since boot: when the last frame of each known host arrived, exact to 10 ms; zero if none has.
    pub fn heard(&self) -> Result<BTreeMap<HostNumber, Duration>, MapError> {
        let mut heard = BTreeMap::new();
        for key in self.map("peers").keys() {
            let Some(peer) = self.read::<layout::Peer>("peers", &key, MapFlags::ANY)? else { continue };
            if let Ok(host) = HostNumber::new(peer.host) {
                heard.insert(host, Duration::from_nanos(peer.heard_at));
            }
        }
        Ok(heard)
    }

    /// Since boot: when the guest of a port that was migrating sent its last frame here, if it has.
    pub fn departed_at(&self, port: PortNumber) -> Result<Option<Duration>, MapError> {
        let at: Option<u64> = self.read("departures", port.get().bytes(), MapFlags::ANY)?;
        Ok(at.map(Duration::from_nanos))
    }

    fn kept(&self, key: &AddressKey) -> Result<Option<KeptRecord>, MapError> {
        self.read("records", key.bytes(), MapFlags::LOCK)
    }
}

/// The pinned records of a switch, read beside its agent, which may be dead: what benches look at.
///
/// Nothing is loaded and nothing written.
pub struct PinnedRecords(MapHandle);

impl PinnedRecords {
    /// Of the switch with this name.
    pub fn open(name: &str) -> Result<Self, OpenError> {
        let path = Pins::named(name)?.maps().join("records");
        MapHandle::from_pinned_path(path).map(Self).map_err(OpenError::Load)
    }

    /// The VIP's record, and when it became this one on this host, since boot.
    pub fn record(&self, key: VipKey) -> Result<Option<(Record, Duration)>, MapError> {
        let found = self.0.lookup(AddressKey::vip(key).bytes(), MapFlags::LOCK);
        let bytes = found.map_err(|source| MapError::Kernel { what: "read", map: "records", source })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let kept = KeptRecord::read(&bytes).ok_or(MapError::Foreign { map: "records" })?;
        Ok(kept.now.model().map(|record| (record, Duration::from_nanos(kept.changed_at))))
    }
}

fn sent(kept: &KeptRecord) -> Option<Sent> {
    let at = Duration::from_nanos;
    (kept.sent_epoch != 0).then(|| Sent {
        epoch: Epoch(kept.sent_epoch),
        first_at: at(kept.first_sent_at),
        last_at: at(kept.last_sent_at),
        before_at: (kept.before_sent_at != 0).then(|| at(kept.before_sent_at)),
    })
}

/// The history's word for `enum cause`.
fn cause(number: u32, released: bool) -> MoveCause {
    match number {
        1 => MoveCause::Claim,
        2 => MoveCause::Asked,
        3 => MoveCause::Doubted,
        4 => MoveCause::Released,
        5 => MoveCause::TakenBack,
        6 => MoveCause::Repeated,
        8 => MoveCause::HostLost,
        9 | 19 => MoveCause::PortDown,
        10 => MoveCause::Contested,
        11 => MoveCause::Migrated,
        16 if released => MoveCause::Released,
        16 => MoveCause::Claim,
        _ => MoveCause::Repaired,
    }
}
