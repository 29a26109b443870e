//! What the switch tells its agent through the ring.

use havip_model::{MacAddr, MoveCause, PortNumber, Record, VipKey};
use std::time::Duration;

/// One message of the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The record is now this one.
    Moved {
        /// The VIP.
        key: VipKey,
        /// The new record.
        record: Record,
        /// What it replaced.
        before: Option<Record>,
        /// How it came.
        cause: Cause,
    },
    /// A port that was asked by order answered in time (C10).
    Answered {
        /// The VIP.
        key: VipKey,
        /// The port.
        port: PortNumber,
        /// The MAC that it answered with: its own or VRRP's.
        mac: MacAddr,
        /// It advertised the VIP (VRRP) within its last three intervals.
        advertised_recently: bool,
    },
    /// The holder named by this record answered a doubt, here or on its host (C10 b).
    Alive {
        /// The VIP.
        key: VipKey,
        /// The record whose holder is alive.
        record: Record,
    },
    /// A claim beyond the token bucket, not followed (C4); a later one replaces it.
    Postponed {
        /// The VIP.
        key: VipKey,
        /// The claimant.
        port: PortNumber,
        /// The MAC that it claimed with.
        mac: MacAddr,
        /// The record at that moment.
        expected: Option<Record>,
        /// When its bucket will have a token, since boot.
        ready_at: Duration,
    },
    /// A port that lost the VIP a short while ago claims it again, not followed (C9); a later one replaces it.
    Contested {
        /// The VIP.
        key: VipKey,
        /// The claimant.
        port: PortNumber,
        /// The MAC that it claimed with.
        mac: MacAddr,
        /// The record at that moment; somebody else holds.
        expected: Record,
    },
    /// The holder's adverts stopped while another entitled port's go on, says the holder's host (C10 c).
    Stalled {
        /// The VIP.
        key: VipKey,
        /// The record of the silent holder.
        record: Record,
    },
}

/// How a record came to this host's switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Made on this host: a claim, a take, or a release.
    Here(MoveCause),
    /// Another host announced it, or sent it along with a doubt or its answer (C5).
    Announced,
    /// The same, and the record is released because its holder's port went down there (C7, section 6).
    AnnouncedDown,
    /// Another host answered our smaller record with it (C5).
    Corrected,
    /// The agent brought it: repair, pull, the server's state, or a waiting one at configuration (C5, C6).
    Merged,
}
