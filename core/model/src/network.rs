//! VPCs, subnets, interfaces and routes.

use crate::{
    HostNumber, Incarnation, InstanceId, InterfaceId, MacAddr, Meta, PortNumber, RouteId, SecurityGroupId,
    SubnetId, SubnetNumber, Timestamp, VipId, Vni, VpcId,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which of the two Internet protocols an address is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// 32 bits.
    #[default]
    Ipv4,
    /// 128 bits.
    Ipv6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// A private network of its own, separate from all others by its VNI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Its name in every API.
    pub id: VpcId,
    /// Names, times, generation.
    pub meta: Meta,
    /// Where it is.
    pub region: String,
    /// The addresses its subnets are cut from.
    pub cidr: Ipv4Net,
    /// The same for IPv6.
    pub cidr6: Option<Ipv6Net>,
    /// Its number on the wire.
    pub vni: Vni,
    /// What its gateways and VIPs answer ARP and ND with.
    pub virtual_mac: MacAddr,
    /// Interfaces that were deleted and the hosts that had to do with them, until every host has acknowledged that they
    /// are gone: those hosts' last words about the ports count.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<(InterfaceId, HostNumber)>,
}

/// A range of a VPC's addresses whose members reach each other without a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its name in every API.
    pub id: SubnetId,
    /// Names, times, generation.
    pub meta: Meta,
    /// The VPC it is part of.
    pub vpc: VpcId,
    /// The zone it is in.
    pub zone: String,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// Its IPv6 addresses.
    pub cidr6: Option<Ipv6Net>,
    /// The gateway's address.
    pub gateway: Ipv4Addr,
    /// The gateway's IPv6 address.
    pub gateway6: Option<Ipv6Addr>,
    /// Its number in every switch; those of external subnets have [`SubnetNumber::EXTERNAL`].
    pub number: SubnetNumber,
    /// The provider's network that it is a part of; its gateway is a router outside then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

/// How a subnet is joined to a provider's network, by the edges' outside device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// The tag of its frames outside, 1 to 4094; none: they are not tagged.
    pub vlan: Option<u16>,
    /// The making of the record that names the edge which joins it.
    pub incarnation: Incarnation,
}

impl Subnet {
    /// The address that the switch answers for and speaks as: the gateway's, or in a provider's network, where that is
    /// a router outside, the first one behind it that is kept back.
    pub fn own_address(&self) -> Ipv4Addr {
        let behind = |offset| Ipv4Addr::from(u32::from(self.cidr.network()) + offset);
        match self.external {
            None => self.gateway,
            Some(_) if self.gateway == behind(2) => behind(1),
            Some(_) => behind(2),
        }
    }

    /// The same for IPv6; none without an IPv6 range.
    pub fn own_address6(&self) -> Option<Ipv6Addr> {
        let network = self.cidr6?.network().to_bits();
        let behind = |offset| Ipv6Addr::from_bits(network.saturating_add(offset));
        match self.external {
            None => self.gateway6,
            Some(_) if self.gateway6 == Some(behind(2)) => Some(behind(1)),
            Some(_) => Some(behind(2)),
        }
    }

    /// The first and the last address that may be given to interfaces and VIPs.
    ///
    /// Kept back, as clouds do: the network, the gateway (.1 of a /24), the one behind it for services such
    /// as DHCP and names (.2), and the broadcast address. A /29, the smallest subnet, has four left.
    pub fn usable(&self) -> (Ipv4Addr, Ipv4Addr) {
        let first = u32::from(self.cidr.network()).saturating_add(3);
        let last = u32::from(self.cidr.broadcast()).saturating_sub(1);
        (first.into(), last.into())
    }

    /// The same for IPv6; none without an IPv6 range.
    ///
    /// Kept back: the routers' anycast address (RFC 4291 section 2.6.1), the gateway (::1), the one behind it
    /// as for IPv4, and the last 128, which are anycast addresses as well (RFC 2526).
    pub fn usable6(&self) -> Option<(Ipv6Addr, Ipv6Addr)> {
        let cidr = self.cidr6?;
        let first = cidr.network().to_bits().saturating_add(3);
        let last = cidr.broadcast().to_bits().saturating_sub(128);
        Some((first.into(), last.into()))
    }

    /// The range of one family and what of it may be given out; none if the subnet has no such range.
    pub fn range(&self, family: Family) -> Option<(IpNet, IpAddr, IpAddr)> {
        match family {
            Family::Ipv4 => {
                let (first, last) = self.usable();
                Some((self.cidr.into(), first.into(), last.into()))
            }
            Family::Ipv6 => {
                let (first, last) = self.usable6()?;
                Some((self.cidr6?.into(), first.into(), last.into()))
            }
        }
    }
}

/// A network interface (ENI).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name in every API.
    pub id: InterfaceId,
    /// Names, times, generation.
    pub meta: Meta,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Its number in every switch, never reused.
    pub port: PortNumber,
    /// Its MAC, unique in the whole system.
    pub mac: MacAddr,
    /// Its own address; an interface may have none. IPv4.
    pub primary: Option<IpAddr>,
    /// Its own IPv6 address; an interface may have none.
    #[serde(default)]
    pub primary6: Option<Ipv6Addr>,
    /// Further addresses of either family, which the API moves.
    pub secondary: Vec<IpAddr>,
    /// The instance it is attached to.
    pub instance: Option<InstanceId>,
    /// Which of its instance's interfaces it is: 0 is `eth0`. Means nothing while it is not attached.
    #[serde(default)]
    pub position: u8,
    /// Whether it is the instance's first interface, made and deleted with it.
    pub is_primary: bool,
    /// The host whose switch it is plugged into.
    pub host: Option<HostNumber>,
    /// The existing device to plug, for the driver `external`.
    pub device: Option<String>,
    /// Whether the guest may send and receive only its own addresses.
    pub source_dest_check: bool,
    /// Its security groups, each once; none only in interfaces that are older than groups: everything passes.
    #[serde(default)]
    pub groups: Vec<SecurityGroupId>,
    /// Inactive, active or migrating out, as wanted.
    pub port_state: PortState,
    /// Where its guest is on its way to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<Migration>,
    /// The last time that its guest moved to another host while it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrated: Option<Migrated>,
    /// The host that had its port before, until every host has acknowledged where that is now: what is sent there is
    /// passed on, and its last words about the port count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<HostNumber>,
}

/// The destination of a guest that moves to another host while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The host.
    pub to: HostNumber,
    /// The existing device to plug there; none: its agent makes one.
    pub device: Option<String>,
}

/// What became of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrated {
    /// The host that the guest left.
    pub from: HostNumber,
    /// When it was known to be at the other.
    pub at: Timestamp,
    /// From its last frame there to its first here, as far as the two hosts could tell.
    pub outage_ms: Option<u32>,
}

impl Interface {
    /// The hosts that have a port for it: where it is plugged, and where its guest is on its way to.
    pub fn has_port_at(&self, host: HostNumber) -> bool {
        self.host == Some(host) || self.migration.as_ref().is_some_and(|migration| migration.to == host)
    }

    /// The hosts that have to do with it: those of its ports, and the one that had it before.
    pub fn places(&self) -> impl Iterator<Item = HostNumber> + use<> {
        let host = self.host;
        let to = self.migration.as_ref().map(|migration| migration.to).filter(|to| host != Some(*to));
        let left = self.left.filter(|left| host != Some(*left) && to != Some(*left));
        host.into_iter().chain(to).chain(left)
    }

    /// Whether a host has to do with it.
    pub fn is_at(&self, host: HostNumber) -> bool {
        self.places().any(|place| place == host)
    }

    /// Its addresses, the primary ones first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.primaries().chain(self.secondary.iter().copied())
    }

    /// Its primary addresses, at most one of each family.
    pub fn primaries(&self) -> impl Iterator<Item = IpAddr> + use<> {
        self.primary.into_iter().chain(self.primary6.map(IpAddr::V6))
    }

    /// Its primary address of one family.
    pub fn primary_of(&self, family: Family) -> Option<IpAddr> {
        self.primaries().find(|address| Family::of(*address) == family)
    }
}

/// Whether a port may send and receive (`design.md` section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortState {
    /// Nothing passes.
    #[default]
    Inactive,
    /// Everything passes that the rules allow.
    Active,
    /// Passes until the destination has taken over.
    MigratingOut,
}

/// A route of a VPC besides those to its subnets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its name in every API.
    pub id: RouteId,
    /// Names, times, generation.
    pub meta: Meta,
    /// The VPC it is part of.
    pub vpc: VpcId,
    /// What it leads to.
    pub destination: IpNet,
    /// Who takes the packets.
    pub next_hop: NextHop,
}

/// Who takes a route's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NextHop {
    /// Whoever holds this VIP.
    Vip(VipId),
    /// This interface, whose source/destination check is off.
    Interface(InterfaceId),
}
