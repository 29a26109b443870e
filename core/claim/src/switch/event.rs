//! What a switch is told: its configuration maps, packets, orders.

use super::Message;
use crate::{Order, keeper::Kind};
use havip_model::{Holder, HostNumber, Incarnation, MacAddr, PortNumber, SubnetNumber, VipKey, Vni};
use std::{net::IpAddr, time::Duration};

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The hosts that a VPC's claims are announced to, all or relays; this host among them is ignored.
    MembersSet {
        /// The VPC.
        vni: Vni,
        /// Their numbers.
        others: Vec<HostNumber>,
    },
    /// The hosts that others' announcements are passed on to, as their relay (C4).
    RelayedSet {
        /// The VPC.
        vni: Vni,
        /// Their numbers.
        hosts: Vec<HostNumber>,
    },
    /// The VPC is unknown from now on.
    MembersGone(Vni),
    /// A port on this host, as the port map has it.
    PortSet {
        /// The port.
        port: PortNumber,
        /// What claims need to know of it.
        state: Port,
    },
    /// The port's entry is removed.
    PortGone(PortNumber),
    /// A VIP or EIP, as the address map has it.
    Configured {
        /// The VIP.
        key: VipKey,
        /// What claims need to know of it.
        configured: Configured,
    },
    /// The VIP's entry is removed.
    Unconfigured(VipKey),
    /// The port may claim the VIP (an entry without `direct_return`).
    Entitled {
        /// The VIP.
        key: VipKey,
        /// The port.
        port: PortNumber,
    },
    /// The port may no longer claim the VIP.
    Disentitled {
        /// The VIP.
        key: VipKey,
        /// The port.
        port: PortNumber,
    },
    /// The agent wrote the clock's offset: time since 1970 minus time since boot.
    ClockSet {
        /// The offset.
        offset: Duration,
    },
    /// The agent wrote its heartbeat.
    Heartbeat,

    /// A guest sent what C1 calls a claim.
    Claimed {
        /// The port that it came from.
        port: PortNumber,
        /// The address claimed.
        address: IpAddr,
        /// The MAC inside, which equals the frame's.
        mac: MacAddr,
    },
    /// A guest sent an ordinary ARP reply or a solicited advertisement with this sender address.
    Replied {
        /// The port that it came from.
        port: PortNumber,
        /// The sender address.
        address: IpAddr,
        /// The MAC inside, which equals the frame's.
        mac: MacAddr,
        /// The port advertised the VIP (VRRP) within its last three intervals.
        advertised_recently: bool,
    },
    /// Delivering `advertiser`'s advert to the local holder, the hook saw the holder's silent for two intervals (C10 c).
    AdvertsStalled {
        /// The VIP.
        key: VipKey,
        /// The entitled port whose adverts go on.
        advertiser: Holder,
    },
    /// Another host sent a packet whose destination is the VIP (C8).
    Arrived {
        /// The VIP.
        key: VipKey,
        /// The host that sent it.
        from: HostNumber,
        /// It says that `from` took it from a third host and passed it on.
        is_passed_on: bool,
    },
    /// Another host's message.
    Received(Message),
    /// The agent's order.
    Ordered(Order),
}

/// A port on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Port {
    /// Its VPC.
    pub vni: Vni,
    /// Its subnet.
    pub subnet: SubnetNumber,
    /// It may send and receive.
    pub is_active: bool,
}

/// A VIP or EIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Configured {
    /// The making that claims are made under.
    pub incarnation: Incarnation,
    /// What the address is.
    pub kind: Kind,
    /// Its subnet; of no meaning for an EIP.
    pub subnet: SubnetNumber,
    /// Any port of the subnet may claim it (C2).
    pub subnet_binding: bool,
    /// A port that has just lost it does not just take it back (C9).
    pub hold: bool,
}
