//! What a switch puts out: messages, questions to guests, notices, refusals.

use crate::Notice;
use havip_model::{HostNumber, PortNumber, Record, VipKey};

/// One output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Write to the ring.
    Notify(Notice),
    /// Send to another host.
    Send {
        /// The receiver.
        to: HostNumber,
        /// What it gets.
        message: Message,
    },
    /// Ask the guest behind the port for the address: ARP request or NS from the gateway (C10).
    AskGuest {
        /// The port.
        port: PortNumber,
        /// The VIP.
        key: VipKey,
    },
    /// Put the packet that came into the port.
    Deliver {
        /// The holder.
        port: PortNumber,
    },
    /// Send the packet that came to the holder's host, with the mark that it is passed on (C8).
    PassOn {
        /// The VIP.
        key: VipKey,
        /// The holder's host.
        to: HostNumber,
    },
    /// Nothing was done, and counted.
    Refuse(Refused),
}

/// What hosts tell each other; every kind carries a record, and every kind is first applied as an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Message {
    /// What for.
    pub kind: MessageKind,
    /// Whose message it is: its maker's, also if a relay passed it on.
    pub from: HostNumber,
    /// 0: whoever is a relay passes it on; 1: nobody does (C4).
    pub hops: u8,
    /// The VIP.
    pub key: VipKey,
    /// The sender's record.
    pub record: Record,
}

/// What a message is for; the numbers below 0x80 are those on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MessageKind {
    /// A new record, or an old one repeated (C4, C6).
    Announce = 1,
    /// The same of a record that is released because its holder's port went down; on the wire a flag of `Announce`.
    AnnounceDown = 0x81,
    /// The greater record, as answer to a smaller one (C5).
    Correction = 2,
    /// Does the holder named here still have the address? (C10 b)
    Doubt = 5,
    /// It does: it has just answered. Goes to every member, as several may doubt at once (C10 b).
    Alive = 6,
    /// The holder named here has stopped advertising, your port has not (C10 c).
    Stalled = 7,
}

/// Why the switch did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    /// The port is not on this host, not in the VPC, or not active.
    PortInactive,
    /// The address is no VIP of the port's VPC.
    NotAVip,
    /// The port may not claim it (C2).
    NotEntitled,
    /// The record is of a greater incarnation than the configured one (C5).
    Remade,
    /// The VIP has no slot for its record: it was not prepared.
    NotPrepared,
    /// An epoch of 2⁶³ or more would be made, or was received.
    EpochLimit,
    /// The record is another than the order expected.
    Unexpected,
    /// A reply with a VIP as sender, by a port that neither holds it nor was asked within 200 ms (C1, C10);
    /// or a packet that was passed on to this host and whose VIP another host holds (C8).
    NotHeld,
    /// More claims than a host without an agent follows.
    Limited,
    /// A packet for a VIP that nobody holds.
    NoHolder,
    /// The message is about a VPC that this host is not in.
    UnknownVpc,
}
