//! Whom a lie is meant for: the columns of the matrix.

use crate::scene::{
    CLIENT, EDGE_MAC, ROUTER, VIRTUAL_MAC, eip, gateway, mac, own, own6, underlay, vip, vip6,
};
use havip_model::MacAddr;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Where somebody is who is lied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    SameSubnet,
    OtherSubnet,
    /// A VPC that has the same addresses.
    OtherVpc,
    /// Beyond the edge.
    Outside,
    /// The host that the liar runs on.
    Host,
}

/// Somebody, and what a lie to or about them would name.
pub struct Aim {
    pub place: Place,
    pub mac: MacAddr,
    pub address: Ipv4Addr,
    /// Nothing of IPv6 goes outside, and hosts have none.
    pub six: Option<Ipv6Addr>,
    /// An address that moves there.
    pub vip: Ipv4Addr,
    pub vip6: Option<Ipv6Addr>,
    pub gateway: Ipv4Addr,
    pub vpc: u32,
    /// By which it is reached from outside.
    pub eip: Option<Ipv4Addr>,
}

impl Aim {
    /// Whether the address is of the liar's own VPC.
    pub fn is_inside(&self) -> bool {
        !matches!(self.place, Place::Outside | Place::Host)
    }
}

/// Every column.
pub fn aims() -> [Aim; 5] {
    let guest = |place, number: u32, subnet: u32, like: u32, vpc| Aim {
        place,
        mac: mac(number),
        address: own(like),
        six: Some(own6(like)),
        vip: vip(subnet),
        vip6: Some(vip6(subnet)),
        gateway: gateway(subnet),
        vpc,
        eip: Some(eip(number)),
    };
    let nobody = |place, mac, address, vip, gateway| Aim {
        place,
        mac,
        address,
        six: None,
        vip,
        vip6: None,
        gateway,
        vpc: 100,
        eip: None,
    };
    [
        guest(Place::SameSubnet, 12, 1, 12, 100),
        guest(Place::OtherSubnet, 21, 2, 21, 100),
        guest(Place::OtherVpc, 31, 3, 12, 200),
        nobody(Place::Outside, VIRTUAL_MAC, CLIENT, eip(12), ROUTER),
        nobody(Place::Host, EDGE_MAC, underlay(1), underlay(1), underlay(1)),
    ]
}
