//! What hosts tell each other: who holds a VIP, and whether they are alive.
//!
//! It travels in an Ethernet frame of type 0x88B5 in the VXLAN network [`crate::known::ANNOUNCEMENT_VNI`].
//! A newer version may add a tail, which is ignored; the kernel reads and writes the same layout (`bpf/`).
//! Version 2 added when it was sent, and a seal over everything but the hops: a keyed digest that only hosts can make.

use crate::{DecodeError, from_mapped, reader::Reader, siphash, to_mapped};
use havip_model::{Epoch, Holder, HostNumber, Incarnation, PortNumber, Record, SealKey, VipKey, Vni};

/// A message between hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// The host that made it.
    pub from: HostNumber,
    /// How often it was passed on; a relay sends with 1 and nobody passes that on (rule C4).
    pub hops: u8,
    /// Goes back unchanged in the answer to an echo.
    pub nonce: u64,
    /// The sender's time since boot, in nanoseconds; 0 in version 1.
    pub sent_at: u64,
    /// What it says.
    pub message: Message,
}

/// What an announcement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// Something about who holds a VIP.
    Record {
        /// What about it.
        kind: RecordKind,
        /// The VIP.
        key: VipKey,
        /// The record.
        record: Record,
    },
    /// Are you alive? The receiver's kernel answers.
    EchoRequest,
    /// Yes.
    EchoReply {
        /// Who asked; none in version 1.
        to: Option<HostNumber>,
    },
}

/// Why a record is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// It is new, or repeated for whoever missed it.
    Announce,
    /// The same, and it is released because its holder's port went down; on the wire a flag of the former.
    AnnounceDown,
    /// It is greater than the one that the receiver announced (rule C5).
    Correction,
    /// Does the holder answer still (rule C10 b)?
    Doubt,
    /// The holder answered the doubt.
    Alive,
    /// The holder's adverts have stopped while the receiver's port sends its own (rule C10 c).
    AdvertStalled,
}

/// The first field of every announcement: "HV".
const MAGIC: u16 = 0x4856;
/// The layout written here.
const VERSION: u8 = 2;
/// The layout before seals.
const UNSEALED: u8 = 1;
/// The length of that.
const UNSEALED_LEN: usize = 76;
/// Where the hops are, which relays change.
const HOPS_AT: usize = 5;
/// Where the key's number is.
const KEY_AT: usize = UNSEALED_LEN;
/// Where the seal is: behind all that it is over.
const SEAL_AT: usize = 88;
/// Set in the flags: the record is released.
const RELEASED: u16 = 1;
/// Set in the flags of an announcement: it is released because its holder's port went down.
const PORT_DOWN: u16 = 2;

impl Announcement {
    /// The bytes of version 2.
    pub const LEN: usize = 96;

    /// Reads the part that version 2 knows, or a message of version 1; later versions only add to the end.
    /// Whether its seal is good is another question: [`Self::is_sealed_by`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("an announcement", bytes);
        let magic = reader.u16()?;
        if magic != MAGIC {
            return Err(DecodeError::wrong("the magic of an announcement", magic));
        }
        let (version, length) = (reader.u8()?, reader.u8()?);
        if version < UNSEALED {
            return Err(DecodeError::wrong("the version of an announcement", version));
        }
        let least = if version < VERSION { UNSEALED_LEN } else { Self::LEN };
        if usize::from(length) < least {
            return Err(DecodeError::wrong("the length of an announcement", length));
        }
        if bytes.len() < usize::from(length) {
            let need = usize::from(length);
            return Err(DecodeError::Truncated { what: "an announcement", need, got: bytes.len() });
        }
        let (kind, hops, flags) = (reader.u8()?, reader.u8()?, reader.u16()?);
        let (vni, from) = (reader.u32()?, host(reader.u32()?)?);
        let address = from_mapped(reader.array()?);
        let (incarnation, epoch) = (Incarnation(reader.u64()?), Epoch(reader.u64()?));
        let (holder_host, holder_port) = (reader.u32()?, reader.u32()?);
        let mac = reader.mac()?;
        reader.u16()?;
        let (moves, nonce) = (reader.u32()?, reader.u64()?);
        let mut sent_at = 0;
        if version >= VERSION {
            reader.u32()?;
            sent_at = reader.u64()?;
        }
        let said = |message| Self { from, hops, nonce, sent_at, message };
        let kind = match kind {
            1 if flags & (RELEASED | PORT_DOWN) == RELEASED | PORT_DOWN => RecordKind::AnnounceDown,
            1 => RecordKind::Announce,
            2 => RecordKind::Correction,
            3 => return Ok(said(Message::EchoRequest)),
            4 => return Ok(said(Message::EchoReply { to: HostNumber::new(holder_host).ok() })),
            5 => RecordKind::Doubt,
            6 => RecordKind::Alive,
            7 => RecordKind::AdvertStalled,
            other => return Err(DecodeError::wrong("the kind of an announcement", other)),
        };
        let vni = Vni::new(vni).map_err(|_| DecodeError::wrong("the VNI of an announcement", vni))?;
        if !epoch.is_valid() {
            return Err(DecodeError::wrong("the epoch of an announcement", epoch.0));
        }
        let port = PortNumber::new(holder_port)
            .map_err(|_| DecodeError::wrong("the port of an announcement", holder_port))?;
        let holder = Holder { host: host(holder_host)?, port };
        let record = Record { incarnation, epoch, holder, released: flags & RELEASED != 0, mac, moves };
        Ok(said(Message::Record { kind, key: VipKey { vni, address }, record }))
    }

    /// Whether these bytes, which are an announcement, were sealed with this key.
    pub fn is_sealed_by(key: &SealKey, bytes: &[u8]) -> bool {
        let Some(head) = bytes.first_chunk::<{ Self::LEN }>() else { return false };
        head[2] >= VERSION
            && head[KEY_AT..KEY_AT + 4] == key.id.to_be_bytes()
            && head[SEAL_AT..] == seal(key, head).to_be_bytes()
    }

    /// Writes the announcement and seals it.
    pub fn sealed(&self, key: &SealKey) -> Vec<u8> {
        let mut bytes = self.encode();
        bytes[KEY_AT..KEY_AT + 4].copy_from_slice(&key.id.to_be_bytes());
        let seal = seal(key, &bytes);
        bytes[SEAL_AT..].copy_from_slice(&seal.to_be_bytes());
        bytes
    }

    /// Writes the announcement without a seal; an echo has zeros where a record would be.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, subject) = match self.message {
            Message::EchoRequest => (3, None),
            Message::EchoReply { .. } => (4, None),
            Message::Record { kind, key, record } => (kind.number(), Some((key, record))),
        };
        let released = subject.is_some_and(|(_, record)| record.released);
        let is_down = matches!(self.message, Message::Record { kind: RecordKind::AnnounceDown, .. });
        let mut bytes = Vec::with_capacity(Self::LEN);
        bytes.extend(MAGIC.to_be_bytes());
        bytes.extend([VERSION, Self::LEN as u8, kind, self.hops]);
        let flags = match (released, is_down) {
            (false, _) => 0,
            (true, false) => RELEASED,
            (true, true) => RELEASED | PORT_DOWN,
        };
        bytes.extend(flags.to_be_bytes());
        bytes.extend(subject.map_or(0, |(key, _)| key.vni.get()).to_be_bytes());
        bytes.extend(self.from.get().to_be_bytes());
        match subject {
            None => {
                let to = match self.message {
                    Message::EchoReply { to: Some(to) } => to.get(),
                    _ => 0,
                };
                bytes.extend([0; 32]);
                bytes.extend(to.to_be_bytes());
                bytes.extend([0; 16]);
            }
            Some((key, record)) => {
                bytes.extend(to_mapped(key.address));
                bytes.extend(record.incarnation.0.to_be_bytes());
                bytes.extend(record.epoch.0.to_be_bytes());
                bytes.extend(record.holder.host.get().to_be_bytes());
                bytes.extend(record.holder.port.get().to_be_bytes());
                bytes.extend(record.mac.0);
                bytes.extend([0; 2]);
                bytes.extend(record.moves.to_be_bytes());
            }
        }
        bytes.extend(self.nonce.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.sent_at.to_be_bytes());
        bytes.extend([0; 8]);
        bytes
    }
}

impl RecordKind {
    fn number(self) -> u8 {
        match self {
            Self::Announce | Self::AnnounceDown => 1,
            Self::Correction => 2,
            Self::Doubt => 5,
            Self::Alive => 6,
            Self::AdvertStalled => 7,
        }
    }
}

/// The seal over everything before it, the hops taken for 0: a relay passes on what it cannot make.
fn seal(key: &SealKey, bytes: &[u8]) -> u64 {
    let mut sealed: [u8; SEAL_AT] = *bytes.first_chunk().expect("the caller has the whole announcement");
    sealed[HOPS_AT] = 0;
    siphash(&key.secret, &sealed)
}

fn host(number: u32) -> Result<HostNumber, DecodeError> {
    HostNumber::new(number).map_err(|_| DecodeError::wrong("the host of an announcement", number))
}
