//! What a keeper wants done.

use crate::Order;
use havip_model::{Digest, HostNumber, PortNumber, Record, VipKey, Vni};
use std::time::Duration;

/// What the agent does now, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Give the order to the switch.
    Order(Order),
    /// Send what the VPC's records are in one word; a peer answers with its own, which makes an
    /// [`Event::Compared`](super::Event), the server with its records if it has others (C6).
    SendDigest {
        /// The VPC.
        vni: Vni,
        /// Who gets it.
        to: Party,
        /// This host's.
        digest: Digest,
    },
    /// Send every record of the VPC to this peer, and merge the greater ones that it answers with (C6).
    SendRecords {
        /// The VPC.
        vni: Vni,
        /// The peer.
        peer: HostNumber,
    },
    /// Pull the VPC's records from a peer and from the server, whichever answers, then say `PullDone` (C6).
    Pull(Vni),
    /// The records are there: the VPC's ports may come up (C6).
    OpenPorts(Vni),
    /// Tell people.
    Report(Report),
}

/// With whom a host compares its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The agent of another host.
    Host(HostNumber),
    /// The server.
    Server,
}

/// What people should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Two ports have the address; the recorded holder keeps the VIP (C10 b).
    BothAnswer {
        /// The VIP.
        key: VipKey,
        /// The holder's record.
        record: Record,
        /// The local port that answered too.
        port: PortNumber,
    },
    /// Of the two one alone has the address now, or the VIP has no holder: what was reported is over.
    BothAnswerNoMore {
        /// The VIP.
        key: VipKey,
        /// The record that the report named.
        record: Record,
        /// The local port that had answered too.
        port: PortNumber,
    },
    /// A record's epoch is more than an hour ahead of this host's clock; until then the VIP counts moves, not time.
    ClockAhead {
        /// The VIP.
        key: VipKey,
        /// The record.
        record: Record,
        /// How far ahead.
        ahead: Duration,
    },
}
