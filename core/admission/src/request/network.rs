//! Requests about VPCs and subnets.

use super::{NewTexts, Texts};
use havip_model::{SubnetId, VpcId};
use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

/// See [`Request::CreateVpc`](super::Request::CreateVpc).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVpc {
    /// Name and description.
    pub texts: Texts,
    /// Where it is to be.
    pub region: String,
    /// The addresses its subnets are cut from: /8 to /28.
    pub cidr: Ipv4Net,
    /// The same for IPv6: /16 to /64.
    pub cidr6: Option<Ipv6Net>,
}

/// See [`Request::UpdateVpc`](super::Request::UpdateVpc).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateVpc {
    /// Which.
    pub vpc: VpcId,
    /// The new texts.
    pub texts: NewTexts,
    /// The IPv6 addresses of a VPC that has none yet.
    pub cidr6: Option<Ipv6Net>,
}

/// See [`Request::DeleteVpc`](super::Request::DeleteVpc).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteVpc {
    /// Which.
    pub vpc: VpcId,
}

/// See [`Request::CreateSubnet`](super::Request::CreateSubnet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSubnet {
    /// Its VPC.
    pub vpc: VpcId,
    /// Name and description.
    pub texts: Texts,
    /// The zone it is to be in.
    pub zone: String,
    /// Its addresses, within the VPC's: at most a /29.
    pub cidr: Ipv4Net,
    /// Its IPv6 addresses, a /64 within the VPC's; of an external subnet one that is not.
    pub cidr6: Option<Ipv6Net>,
    /// The provider's network that it is to be a part of.
    pub external: Option<NewExternal>,
}

/// A provider's network to be joined by the edges' outside device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewExternal {
    /// The tag of its frames, 1 to 4094; none: they are not tagged.
    pub vlan: Option<u16>,
    /// The router outside; none: the network's first address.
    pub gateway: Option<Ipv4Addr>,
    /// The same for IPv6, which may be a link-local address.
    pub gateway6: Option<Ipv6Addr>,
}

/// See [`Request::UpdateSubnet`](super::Request::UpdateSubnet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateSubnet {
    /// Which.
    pub subnet: SubnetId,
    /// The new texts.
    pub texts: NewTexts,
    /// The IPv6 addresses of a subnet that has none yet; what is there already gets none by itself.
    pub cidr6: Option<Ipv6Net>,
}

/// See [`Request::DeleteSubnet`](super::Request::DeleteSubnet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteSubnet {
    /// Which.
    pub subnet: SubnetId,
}
