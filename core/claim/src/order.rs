//! What the agent orders the switch to do, through its BPF program; nothing else in user space writes records.

use havip_model::{Incarnation, MacAddr, MoveCause, PortNumber, Record, VipKey};
use std::time::Duration;

/// One order. The switch carries it out at once or refuses it; it never waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Apply the record if it is greater than the switch's own (C5): repair, pull, the server's state.
    Merge {
        /// The VIP.
        key: VipKey,
        /// What somebody else has.
        record: Record,
    },
    /// Set `released` in the record (C7), and announce it.
    Release {
        /// The VIP.
        key: VipKey,
        /// Which record may be released.
        only: Release,
    },
    /// Make a local port the holder by a new epoch, and announce it.
    ///
    /// Refused unless the VIP is configured, the port local, active and entitled, and the record exactly `expected`.
    Take {
        /// The VIP.
        key: VipKey,
        /// The new holder.
        port: PortNumber,
        /// The MAC that it answered or claimed with.
        mac: MacAddr,
        /// The record that is there now; none if no record of the configured incarnation is.
        expected: Option<Record>,
        /// For the history. [`MoveCause::Claim`] is a postponed claim: it spends a token of its bucket (C4).
        cause: MoveCause,
    },
    /// Ask a local port whether it has the address (C10): an answer within 200 ms is a [`Notice::Answered`](crate::Notice).
    Ask {
        /// The VIP.
        key: VipKey,
        /// The port.
        port: PortNumber,
    },
    /// Send a doubt that names this record to its holder's host, which may be this one (C10 b).
    Doubt {
        /// The VIP.
        key: VipKey,
        /// The record in doubt.
        record: Record,
    },
    /// Tell the VPC's other hosts the record once more (C6).
    Announce {
        /// The VIP.
        key: VipKey,
    },
    /// Let the port's claims be contested until then: it has the address, and so has the holder (C9).
    HoldOff {
        /// The VIP.
        key: VipKey,
        /// The port.
        port: PortNumber,
        /// Since boot.
        until: Duration,
        /// Whatever the VIP's contention says: its guest has just come from another host.
        always: bool,
    },
    /// Make room for the record of a VIP that is being configured, so that a claim cannot fail for want of memory.
    ///
    /// A record of a smaller incarnation is dropped, a waiting one merged (C5).
    Prepare {
        /// The VIP.
        key: VipKey,
        /// The making that claims will be made under.
        incarnation: Incarnation,
    },
    /// Drop the record of a VIP that is gone; one of a greater incarnation goes back to waiting (C5).
    Forget {
        /// The VIP.
        key: VipKey,
        /// The making that is gone.
        incarnation: Incarnation,
    },
}

/// Which record a release may touch (C7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Release {
    /// Whatever record names this port of the own host now.
    Port(PortNumber),
    /// The same of a port that went down: the announcement says so, and hosts may speak for the dead (section 6).
    Down(PortNumber),
    /// This one and no other: for a holder on a lost host.
    Exact(Record),
}
