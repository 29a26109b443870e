//! What a keeper is told.

use crate::Notice;
use havip_model::{Digest, HostNumber, Incarnation, PortNumber, Record, VipKey, Vni};
use std::time::Duration;

/// What happened. All of it may be said again; what is already known changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The host became a member of a VPC; its ports there wait for [`Action::OpenPorts`](super::Action).
    VpcJoined(Vni),
    /// The host has nothing to do with the VPC any more.
    VpcLeft(Vni),
    /// The other members of a VPC that are alive and have a switch.
    PeersChanged {
        /// The VPC.
        vni: Vni,
        /// Their numbers.
        peers: Vec<HostNumber>,
    },
    /// Every record that a peer and the server had is merged, or nobody answered.
    ///
    /// The agent reads the records and says them ([`Event::RecordRead`]) first: the pull's notices may still be in the
    /// ring, and a record that names a port of before a reboot must be known before that port comes up.
    /// After a restart of the agent alone it says first, too, which ports are up and entitled already.
    PullDone(Vni),
    /// A peer has answered a digest with its own; none if it is of a version that knows no digests (C6).
    Compared {
        /// The VPC.
        vni: Vni,
        /// The peer.
        peer: HostNumber,
        /// The peer's.
        digest: Option<Digest>,
    },
    /// A local port is active in the switch's map.
    PortUp {
        /// The port.
        port: PortNumber,
        /// Its VPC.
        vni: Vni,
    },
    /// A local port went down or was unplugged. The switch's map says so *already* (C7).
    PortDown(PortNumber),
    /// A local port is not here any more, but its guest lives on: it is on its way to another host, which takes over what
    /// the port holds. The switch's map says so *already*.
    PortLeft(PortNumber),
    /// The guest of a port has come from another host. The port is *about to* come up here.
    PortArrives {
        /// The port.
        port: PortNumber,
        /// Its VPC.
        vni: Vni,
    },
    /// A port may claim the VIP (not one that may only send from it). Ports of other hosts do no harm.
    Entitled {
        /// The VIP.
        key: VipKey,
        /// The port.
        port: PortNumber,
    },
    /// A port may no longer claim the VIP. The switch's map says so *already* (C7).
    Disentitled {
        /// The VIP.
        key: VipKey,
        /// The port.
        port: PortNumber,
    },
    /// A VIP or EIP is in the switch's map, or has a new incarnation there.
    Configured {
        /// The VIP.
        key: VipKey,
        /// The making that claims are made under.
        incarnation: Incarnation,
        /// What the address is.
        kind: Kind,
    },
    /// A VIP or EIP is no longer in the switch's map.
    Removed(VipKey),
    /// What the agent read in the record map itself: at its start and each second, as a full ring loses notices.
    RecordRead {
        /// The VIP.
        key: VipKey,
        /// What is there; none if no holder was ever made under the configured incarnation.
        record: Option<Record>,
    },
    /// The switch said so through the ring.
    Noticed(Notice),
    /// The host's clock is now this much ahead of the time since boot; also the switch's offset.
    ClockSet {
        /// Time since 1970 minus time since boot.
        offset: Duration,
    },
    /// A deadline may have been reached.
    DeadlineReached,
}

/// What an address with a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A VIP: ports claim it.
    Vip,
    /// An EIP: its record names the active edge, port 1, and no guest can claim it.
    Eip,
}
