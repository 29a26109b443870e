//! VPCs, subnets, interfaces and routes.

use crate::{
    HostNumber, InstanceId, InterfaceId, MacAddr, Meta, PortNumber, RouteId, SubnetId, SubnetNumber, VipId,
    Vni, VpcId,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    /// Its number in every switch.
    pub number: SubnetNumber,
}

impl Subnet {
    /// The first and the last address that may be given to interfaces and VIPs.
    ///
    /// Kept back, as clouds do: the network, the gateway (.1 of a /24), the one behind it for services such
    /// as DHCP and names (.2), and the broadcast address. A /29, the smallest subnet, has four left.
    pub fn usable(&self) -> (Ipv4Addr, Ipv4Addr) {
        let first = u32::from(self.cidr.network()).saturating_add(3);
        let last = u32::from(self.cidr.broadcast()).saturating_sub(1);
        (first.into(), last.into())
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
    /// Its own address; an interface may have none.
    pub primary: Option<IpAddr>,
    /// Further addresses, which the API moves.
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
    /// Inactive, active or migrating out, as wanted.
    pub port_state: PortState,
}

impl Interface {
    /// Its addresses, the primary one first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.primary.into_iter().chain(self.secondary.iter().copied())
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
