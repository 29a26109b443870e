//! Public addresses.

use crate::{EipId, EipPoolId, Family, Incarnation, InstanceId, InterfaceId, Meta, VipId, VpcId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Ranges of public addresses that the edges announce outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EipPool {
    /// Its name in every API.
    pub id: EipPoolId,
    /// Names, times, generation.
    pub meta: Meta,
    /// Its addresses, or the first range of them: all are of one family.
    pub cidr: IpNet,
    /// Further ranges, in the order in which they are given out; none overlap.
    #[serde(default)]
    pub further: Vec<IpNet>,
    /// The outside router; without one, only addresses on the edge's own network are reached.
    pub gateway: Option<IpAddr>,
    /// Addresses of its ranges that are never given out, the outside router's and the edges' own among them.
    pub reserved: Vec<IpAddr>,
}

impl EipPool {
    /// All ranges, in the order in which they are given out.
    pub fn cidrs(&self) -> impl Iterator<Item = IpNet> {
        std::iter::once(self.cidr).chain(self.further.iter().copied())
    }

    /// The family of all its addresses.
    pub fn family(&self) -> Family {
        Family::of(self.cidr.addr())
    }

    /// The range that an address is of.
    pub fn range_of(&self, address: IpAddr) -> Option<IpNet> {
        self.cidrs().find(|cidr| cidr.contains(&address))
    }

    /// Its ranges, for people.
    pub fn ranges(&self) -> String {
        let ranges: Vec<_> = self.cidrs().map(|cidr| cidr.to_string()).collect();
        ranges.join(", ")
    }
}

/// A public address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eip {
    /// Its name in every API.
    pub id: EipId,
    /// Names, times, generation.
    pub meta: Meta,
    /// The pool it is from.
    pub pool: EipPoolId,
    /// The address.
    pub address: IpAddr,
    /// Bits per second in units of a million, each way; none is unlimited.
    pub bandwidth_mbps: Option<u32>,
    /// What it leads to.
    pub target: Option<EipTarget>,
    /// The VPC it leads into; known exactly while it has a target.
    #[serde(default)]
    pub vpc: Option<VpcId>,
    /// The making of its last binding, from the counter that VIPs use; 0 if it never had one.
    #[serde(default)]
    pub incarnation: Incarnation,
}

/// What an EIP leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EipTarget {
    /// Whoever holds this VIP.
    Vip(VipId),
    /// The primary interface of this instance.
    Instance(InstanceId),
    /// The primary address of this interface.
    Interface(InterfaceId),
}
