//! What happened: moves of VIPs, refusals, changes.

use crate::{Epoch, Finding, Holder, HostNumber, MacAddr, PortNumber, ProjectId, SubnetId, Timestamp, VipId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts events, from 1; a watch continues behind one.
    pub sequence: u64,
    /// When it happened, by the clock of whoever saw it.
    pub at: Timestamp,
    /// The project of what it happened to; none if that is a host, or version 0.1 noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EventKind {
    /// A VIP has another holder, or none.
    VipMoved {
        /// The VIP.
        vip: VipId,
        /// Its address.
        address: IpAddr,
        /// The claim.
        epoch: Epoch,
        /// Who held it before.
        from: Option<Holder>,
        /// Who holds it now.
        to: Option<Holder>,
        /// Why.
        cause: MoveCause,
        /// Moves since the VIP was made, this one counted in; version 0.1 did not note it.
        #[serde(default)]
        moves: Option<u32>,
        /// On what it rests that the holder before was dead, if the switch spoke for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
    },
    /// The holder sent its first packet as the VIP, and it is known when the one before it had sent its last.
    VipServed {
        /// The VIP.
        vip: VipId,
        /// Its address.
        address: IpAddr,
        /// The claim under which it is held.
        epoch: Epoch,
        /// Who holds it.
        holder: Holder,
        /// The last packet of whoever held it before, by that host's clock.
        last_at: Timestamp,
        /// The first of the holder, by its host's clock.
        first_at: Timestamp,
    },
    /// The switch refused what a guest sent.
    Refused(Refusal),
    /// A host found something out about a VIP.
    Found {
        /// The VIP.
        vip: VipId,
        /// Its address.
        address: IpAddr,
        /// The claim that it is about.
        epoch: Epoch,
        /// The host that found it.
        host: HostNumber,
        /// How many like it this one stands for.
        count: u64,
        /// What it found.
        finding: Finding,
    },
    /// A host's stream opened.
    HostJoined {
        /// The host.
        host: HostNumber,
    },
    /// A host was not heard any more.
    HostLost {
        /// The host.
        host: HostNumber,
    },
    /// The active edge of an EIP, or of an external subnet, is another host.
    EdgeMoved {
        /// The public address, or the network's.
        address: IpAddr,
        /// The external subnet, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subnet: Option<SubnetId>,
        /// The new edge.
        to: HostNumber,
    },
    /// An instance changed its state by itself or by order.
    InstanceChanged {
        /// The instance's id.
        instance: String,
        /// What it does now.
        state: String,
        /// Why, in words.
        reason: String,
    },
    /// A resource was made, changed or deleted through the API.
    Changed {
        /// The resource's id.
        resource: String,
        /// `created`, `updated` or `deleted`; of a VIP also `drilled`.
        change: String,
    },
}

/// Why a VIP moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveCause {
    /// A guest announced it (C4).
    Claim,
    /// A port answered an ask while nobody held it (C10 a).
    Asked,
    /// The recorded holder did not answer a doubt (C10 b).
    Doubted,
    /// The holder was released (C7), and its host does not say why.
    Released,
    /// A released holder was alive and took it back (C7).
    TakenBack,
    /// An answered-over claimant repeated its claim (C5).
    Repeated,
    /// Learned from another host by repair (C6).
    Repaired,
    /// The holder's host is lost: its VIPs are released (C7), its EIPs pass to a standby edge (section 4 of the design).
    HostLost,
    /// The holder's port went down or was unplugged (C7).
    PortDown,
    /// A guest announced it after the switch had spoken to it for a dead holder (section 6 of the design).
    Assisted,
    /// Of two ports that claimed it this one alone has the address, or its turn has come (C9).
    Contested,
    /// The holder may not claim the VIP any more (C7).
    Disassociated,
    /// The holder's interface or instance was deleted (C7).
    Deleted,
    /// The same port, on the host that its guest has migrated to (section 4 of the design).
    Migrated,
}

/// On what a move rests, in words for the history.
pub type Evidence = String;

/// What the switch refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// The host whose switch refused.
    pub host: HostNumber,
    /// The port that sent it; none if it came over the underlay.
    pub port: Option<PortNumber>,
    /// The source MAC of the frame.
    pub mac: MacAddr,
    /// The address that was claimed, faked or asked for.
    pub address: Option<IpAddr>,
    /// How many like it this report stands for.
    pub count: u64,
}

/// Why the switch dropped a packet: each has a counter and a word for users.
///
/// The numbers are the indices of `enum reason` in `bpf/maps.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RefusalReason(pub u16);

impl RefusalReason {
    /// Somebody outside has an address of an external subnet.
    pub const FOREIGN_OWNER: Self = Self(88);

    /// What came in by an edge's outside device.
    pub const fn is_of_outside(self) -> bool {
        matches!(self.0, 80 | 82 | 84 | 87 | 88 | 95)
    }
}
