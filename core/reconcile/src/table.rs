//! What a switch must know: the entries of its configuration maps, one enum for all of them.
//!
//! `io/switch` turns them into the bytes of `bpf/maps.h`; nothing else knows that layout.
//! Holder records are not here: only claims make holders, and only BPF writes them.

use havip_groups::Compiled;
use havip_model::{
    Edition, GroupNumber, HostNumber, Incarnation, MacAddr, PortNumber, PortState, SubnetNumber, VipKey, Vni,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// All entries of a switch.
pub type Table = BTreeMap<EntryKey, Entry>;

/// Names an entry: the map and the key in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKey {
    /// A host by number, and by its underlay address.
    Host(HostNumber),
    /// The hosts that the own ports' claims in a VPC are announced to.
    Members(Vni),
    /// The hosts that announcements of others in a VPC are passed on to, where there are relays.
    Relayed(Vni),
    /// A subnet.
    Subnet(SubnetNumber),
    /// An address of a VPC: an interface's, a gateway's or a VIP's.
    Address(Vni, IpAddr),
    /// The interface with this MAC in a subnet.
    Mac(SubnetNumber, MacAddr),
    /// A port that may claim a VIP.
    Entitled(VipKey, PortNumber),
    /// An address whose adverts naming the VIP reach associated ports.
    AdvertSource(VipKey, IpAddr),
    /// A custom route, or the range of a subnet.
    Route(Vni, IpNet),
    /// A public address, for what comes from outside.
    Eip(IpAddr),
    /// A private address that has a public one, for what goes outside.
    Nat(Vni, IpAddr),
    /// A range of public addresses on an edge.
    Pool(IpNet),
    /// One edition of a security group's rules.
    Group(Edition),
    /// The security groups of a port anywhere in a VPC.
    Membership(PortNumber),
    /// How an external subnet is joined to the outside.
    Segment(SubnetNumber),
    /// A port on this host, by its device; the last variant, as a port leans on its addresses.
    Port(PortNumber),
}

/// What stands under an [`EntryKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A host.
    Host {
        /// Its VXLAN address.
        underlay: IpAddr,
    },
    /// Receivers of announcements besides this host, at most 64; also under [`EntryKey::Relayed`].
    Members {
        /// Their numbers.
        hosts: Vec<HostNumber>,
    },
    /// A subnet.
    Subnet {
        /// Its VPC.
        vni: Vni,
        /// The gateways' MAC.
        virtual_mac: MacAddr,
        /// The IPv4 gateway, the source of asks and ICMP errors.
        gateway: Option<IpAddr>,
        /// The IPv6 gateway.
        gateway6: Option<IpAddr>,
    },
    /// An address.
    Address(Address),
    /// The address that stands for the interface with this MAC.
    Mac {
        /// Its port.
        port: PortNumber,
        /// Where to look it up.
        address: IpAddr,
    },
    /// What an entitled port may do.
    Entitled {
        /// It may send as the VIP without holding it.
        direct_return: bool,
    },
    /// A permitted source of adverts.
    AdvertSource,
    /// A route's next hop, an address of the same VPC.
    Route {
        /// The VIP or interface; none of a subnet's range, of which an address that nobody has leads nowhere.
        next_hop: Option<IpAddr>,
    },
    /// Where a public address leads.
    Eip {
        /// The VPC.
        vni: Vni,
        /// The VIP or interface.
        target: IpAddr,
        /// What may pass each way: bits per second in units of a million; none: all.
        bandwidth_mbps: Option<u32>,
    },
    /// What a private address is translated to.
    Nat {
        /// The public address; its active edge is the holder of (vni, public).
        public: IpAddr,
        /// The making of the binding.
        incarnation: Incarnation,
    },
    /// How an edge sends to the outside.
    Pool {
        /// The outside router.
        gateway: Option<IpAddr>,
    },
    /// A segment of a provider's network.
    Segment {
        /// Its VPC.
        vni: Vni,
        /// Its addresses.
        cidr: Ipv4Net,
        /// Its IPv6 addresses, a /64.
        cidr6: Option<Ipv6Net>,
        /// The tag of its frames outside.
        vlan: Option<u16>,
    },
    /// The tables of a security group's rules.
    Group(Box<Compiled>),
    /// Which groups a port is in.
    Membership {
        /// Their numbers.
        groups: Vec<GroupNumber>,
    },
    /// A port on this host.
    Port(Port),
}

/// What an address of a VPC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// An interface's own.
    Interface {
        /// Its subnet.
        subnet: SubnetNumber,
        /// Its port.
        port: PortNumber,
        /// The host it is on; none while it is nowhere.
        host: Option<HostNumber>,
        /// Its MAC.
        mac: MacAddr,
        /// Whether it may send and receive only its own addresses.
        source_dest_check: bool,
        /// It is the interface's primary address, not a secondary one.
        primary: bool,
    },
    /// A subnet's gateway.
    Gateway {
        /// The subnet.
        subnet: SubnetNumber,
    },
    /// The network's of an external subnet: the edge that joins it is in the records.
    Segment {
        /// The subnet.
        subnet: SubnetNumber,
        /// The making of that record.
        incarnation: Incarnation,
    },
    /// A VIP; its holder is in the records.
    Vip {
        /// Its subnet.
        subnet: SubnetNumber,
        /// The making that claims are made under.
        incarnation: Incarnation,
        /// Any port of the subnet may claim it.
        subnet_binding: bool,
        /// A port that has just lost it does not just take it back (C9).
        hold: bool,
    },
}

/// A port on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The host-side device.
    pub ifindex: u32,
    /// The device's peer is in another namespace, so packets may be put there directly.
    pub is_veth: bool,
    /// Its VPC.
    pub vni: Vni,
    /// Its subnet.
    pub subnet: SubnetNumber,
    /// Its MAC.
    pub mac: MacAddr,
    /// The VPC's virtual MAC.
    pub virtual_mac: MacAddr,
    /// Its primary addresses, which the fast path compares without a look-up.
    pub primary: Option<IpAddr>,
    /// The same for IPv6.
    pub primary6: Option<IpAddr>,
    /// The largest packet it takes.
    pub mtu: u16,
    /// Whether it may send and receive only its own addresses.
    pub source_dest_check: bool,
    /// As wanted, or inactive because it was seen down.
    pub state: PortState,
    /// It is inactive because its guest is on its way here: its first frame is told.
    pub is_awaited: bool,
    /// The rules of its security groups; nothing passes that none of them allows. None: it has no groups, and
    /// everything passes.
    pub editions: Option<Vec<Edition>>,
}
