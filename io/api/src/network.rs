//! VPCs, subnets and routes.

use crate::Meta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A private network of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vpc {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Where it is.
    pub region: String,
    /// The addresses its subnets are cut from.
    pub cidr: String,
    /// The same for IPv6.
    pub cidr6: Option<String>,
    /// Its number on the wire.
    pub vni: u32,
    /// What its gateways and VIPs answer ARP and neighbour solicitations with.
    pub virtual_mac: String,
}

/// Makes a VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateVpc {
    /// May be empty.
    #[serde(default)]
    pub name: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
    /// What it is sorted by: at most 20 keys of 1 to 128 characters, each with a value of at most 128.
    ///
    /// Neither begins with `aliyun` or `acs:`, nor holds `http://` or `https://`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The id of the resource group that it is to be in; the project's default one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// Such as `10.20.0.0/16`.
    #[schema(example = "10.20.0.0/16")]
    pub cidr: String,
    /// The same for IPv6, a /16 to /64 such as `fd00:20::/56`; no IPv6 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "fd00:20::/56")]
    pub cidr6: Option<String>,
    /// The server's own region if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A range of a VPC's addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subnet {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Its VPC's id.
    pub vpc: String,
    /// Where it is.
    pub zone: String,
    /// Its addresses.
    pub cidr: String,
    /// Its IPv6 addresses.
    pub cidr6: Option<String>,
    /// The gateway's address.
    pub gateway: String,
    /// The gateway's IPv6 address.
    pub gateway6: Option<String>,
    /// The provider's network that it is a part of; its gateway is a router there.
    pub external: Option<External>,
}

/// How a subnet is joined to a provider's network, by the edges' outside device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct External {
    /// The tag of its frames there; they are not tagged if absent.
    pub vlan: Option<u16>,
    /// The edge that joins it now.
    pub edge: Option<String>,
}

/// Makes a subnet a part of a provider's network; administrators only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateExternal {
    /// The tag of its frames there, 1 to 4094; they are not tagged if absent. One subnet of a VLAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 177)]
    pub vlan: Option<u16>,
    /// The router there; the network's first address if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "192.168.177.1")]
    pub gateway: Option<String>,
    /// The router of IPv6 there, which may be a link-local address; the first address of `cidr6` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "fe80::1")]
    pub gateway6: Option<String>,
}

/// Makes a subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSubnet {
    /// Its VPC's id.
    pub vpc: String,
    /// May be empty.
    #[serde(default)]
    pub name: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
    /// What it is sorted by: at most 20 keys of 1 to 128 characters, each with a value of at most 128.
    ///
    /// Neither begins with `aliyun` or `acs:`, nor holds `http://` or `https://`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The id of the resource group that it is to be in; the project's default one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// Within the VPC's addresses.
    #[schema(example = "10.20.1.0/24")]
    pub cidr: String,
    /// A /64 within the VPC's IPv6 addresses, or, of a provider's network, one of its own; no IPv6 if absent. Each of
    /// its interfaces gets an address of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "fd00:20:0:1::/64")]
    pub cidr6: Option<String>,
    /// The server's own zone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The provider's network that it is to be a part of; its addresses are that network's then, not of the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<CreateExternal>,
}

/// Changes a VPC or a subnet; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateNetwork {
    /// The new name, at most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description, at most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// IPv6 addresses for one that has none; its interfaces get such addresses by `/interfaces/{id}/addresses`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "fd00:20::/56")]
    pub cidr6: Option<String>,
}

/// A route of a VPC besides those to its subnets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Route {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Its VPC's id.
    pub vpc: String,
    /// What it leads to.
    pub destination: String,
    /// The id of the VIP (then it follows the holder) or of the interface that takes the packets.
    pub next_hop: String,
}

/// Makes a route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRoute {
    /// Its VPC's id.
    pub vpc: String,
    /// May be empty.
    #[serde(default)]
    pub name: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
    /// What it is sorted by: at most 20 keys of 1 to 128 characters, each with a value of at most 128.
    ///
    /// Neither begins with `aliyun` or `acs:`, nor holds `http://` or `https://`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The id of the resource group that it is to be in; the project's default one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// Outside the VPC's subnets.
    #[schema(example = "192.168.0.0/16")]
    pub destination: String,
    /// The id of a VIP, or of an interface without source/destination check.
    pub next_hop: String,
}
