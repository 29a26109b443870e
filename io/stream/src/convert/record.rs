//! Holder records, moves, refusals, states of instances.

use super::field::{self, present};
use super::{ConvertError, address, address_bytes, mac, mac_bytes};
use crate::proto;
use havip_model::{
    Epoch, Evidence, Holder, Incarnation, InstanceState, MacAddr, MoveCause, PortNumber, Record,
    RefusalReason, Timestamp, VipKey, Vni,
};
use std::net::IpAddr;

/// A VIP's key as a message.
pub fn vip_key_message(key: VipKey) -> proto::VipKey {
    proto::VipKey { vni: key.vni.get(), address: address_bytes(key.address) }
}

/// Reads a VIP's key.
pub fn vip_key(message: &proto::VipKey) -> Result<VipKey, ConvertError> {
    Ok(VipKey { vni: field::number("vni", message.vni)?, address: address("address", &message.address)? })
}

/// A holder record as a message.
pub fn record_message(record: &Record) -> proto::Record {
    proto::Record {
        incarnation: record.incarnation.0,
        epoch: record.epoch.0,
        host: record.holder.host.get(),
        port: record.holder.port.get(),
        released: record.released,
        mac: mac_bytes(record.mac),
        moves: record.moves,
    }
}

/// Reads a holder record; an epoch beyond the limit is refused on any host alike.
pub fn record(message: &proto::Record) -> Result<Record, ConvertError> {
    let epoch = Epoch(message.epoch);
    if !epoch.is_valid() {
        return Err(ConvertError::new("epoch", format!("is {}, not below 2^63", epoch.0)));
    }
    Ok(Record {
        incarnation: Incarnation(message.incarnation),
        epoch,
        holder: Holder {
            host: field::number("host", message.host)?,
            port: field::number("port", message.port)?,
        },
        released: message.released,
        mac: mac("mac", &message.mac)?,
        moves: message.moves,
    })
}

/// Records of one VPC.
pub fn records_message(
    vni: Vni,
    from_host: u32,
    all: impl IntoIterator<Item = (IpAddr, Record)>,
) -> proto::Records {
    let entry = |(address, record): (IpAddr, Record)| proto::records::Entry {
        address: address_bytes(address),
        record: Some(record_message(&record)),
    };
    proto::Records { vni: vni.get(), from_host, entries: all.into_iter().map(entry).collect() }
}

/// Reads the records of one VPC.
pub fn records(message: &proto::Records) -> Result<Vec<(VipKey, Record)>, ConvertError> {
    let vni = field::number("vni", message.vni)?;
    let one = |(at, entry): (usize, &proto::records::Entry)| {
        let key = VipKey { vni, address: address("address", &entry.address)? };
        let inner = present("record", entry.record.as_ref())?;
        Ok((key, record(inner).map_err(|error: ConvertError| error.within(format!("entries[{at}].record")))?))
    };
    message.entries.iter().enumerate().map(one).collect()
}

/// A VIP changed its holder, as a host saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The VIP, or an EIP by its public address.
    pub vip: VipKey,
    /// The record since.
    pub record: Record,
    /// Who held it before.
    pub from: Option<Holder>,
    /// Why.
    pub cause: MoveCause,
    /// When, by that host's clock.
    pub at: Timestamp,
    /// On what it rests that the holder before was dead, if the switch spoke for it.
    pub evidence: Option<Evidence>,
}

/// A move as a message.
pub fn move_message(moved: &Move) -> proto::Move {
    proto::Move {
        vip: Some(vip_key_message(moved.vip)),
        record: Some(record_message(&moved.record)),
        from_host: moved.from.map_or(0, |from| from.host.get()),
        from_port: moved.from.map_or(0, |from| from.port.get()),
        cause: 1 + CAUSES.iter().position(|cause| *cause == moved.cause).expect("CAUSES has every cause")
            as u32,
        at_ms: moved.at.0,
        evidence: moved.evidence.clone().unwrap_or_default(),
    }
}

/// Reads a move.
pub fn moved(message: &proto::Move) -> Result<Move, ConvertError> {
    let from = match (message.from_host, message.from_port) {
        (0, 0) => None,
        (host, port) => {
            Some(Holder { host: field::number("from_host", host)?, port: field::number("from_port", port)? })
        }
    };
    let cause = (message.cause as usize).checked_sub(1).and_then(|at| CAUSES.get(at));
    Ok(Move {
        vip: vip_key(&present("vip", message.vip.clone())?).map_err(|error| error.within("vip"))?,
        record: record(&present("record", message.record.clone())?)
            .map_err(|error| error.within("record"))?,
        from,
        cause: *cause.ok_or_else(|| ConvertError::new("cause", format!("is {}, unknown", message.cause)))?,
        at: Timestamp(message.at_ms),
        evidence: Some(message.evidence.clone()).filter(|evidence| !evidence.is_empty()),
    })
}

/// What a host's switch refused, and how often; the host is the one whose stream this came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: RefusalReason,
    /// The port that sent it; none if it came over the underlay.
    pub port: Option<PortNumber>,
    /// The source MAC of the frame.
    pub mac: MacAddr,
    /// The address that was claimed, faked or asked for.
    pub address: Option<IpAddr>,
    /// How many like it.
    pub count: u64,
    /// When the last of them came.
    pub at: Timestamp,
}

/// A refusal as a message.
pub fn refused_message(refused: &Refused) -> proto::Refusal {
    proto::Refusal {
        reason: refused.reason.0.into(),
        port: refused.port.map_or(0, |port| port.get()),
        mac: mac_bytes(refused.mac),
        address: refused.address.map_or_else(Vec::new, address_bytes),
        count: refused.count,
        at_ms: refused.at.0,
    }
}

/// Reads a refusal.
pub fn refused(message: &proto::Refusal) -> Result<Refused, ConvertError> {
    Ok(Refused {
        reason: RefusalReason(field::number("reason", message.reason)?),
        port: field::optional_number("port", message.port)?,
        mac: mac("mac", &message.mac)?,
        address: field::optional_address("address", &message.address)?,
        count: message.count,
        at: Timestamp(message.at_ms),
    })
}

/// The state's word in [`proto::InstanceReport`].
pub fn instance_state_text(state: InstanceState) -> String {
    field::word_text(state, STATES)
}

/// Reads the state's word.
pub fn instance_state(text: &str) -> Result<InstanceState, ConvertError> {
    field::word("state", text, STATES)
}

const CAUSES: [MoveCause; 14] = [
    MoveCause::Claim,
    MoveCause::Asked,
    MoveCause::Doubted,
    MoveCause::Released,
    MoveCause::TakenBack,
    MoveCause::Repeated,
    MoveCause::Repaired,
    MoveCause::HostLost,
    MoveCause::PortDown,
    MoveCause::Assisted,
    MoveCause::Contested,
    MoveCause::Disassociated,
    MoveCause::Deleted,
    MoveCause::Migrated,
];
const STATES: &[(&str, InstanceState)] = &[
    ("pending", InstanceState::Pending),
    ("running", InstanceState::Running),
    ("stopping", InstanceState::Stopping),
    ("stopped", InstanceState::Stopped),
    ("failed", InstanceState::Failed),
];
