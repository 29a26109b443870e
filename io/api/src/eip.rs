//! Public addresses and the pools they come from.

use crate::{Family, Meta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Ranges of public addresses that the edges announce outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EipPool {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Its addresses: ranges, given out in this order.
    pub cidrs: Vec<String>,
    /// The outside router.
    pub gateway: Option<String>,
    /// Addresses that are never given out.
    pub reserved: Vec<String>,
    /// How many are allocated.
    pub allocated: u64,
}

/// Makes a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateEipPool {
    /// May be empty.
    #[serde(default)]
    pub name: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
    /// Its addresses: 1 to 16 ranges of one family, given out in this order.
    #[schema(example = json!(["198.51.100.0/24"]))]
    pub cidrs: Vec<String>,
    /// The outside router, of the same family; without one, only addresses on the edge's own network are reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Addresses that are never given out, the edges' own among them.
    #[serde(default)]
    pub reserved: Vec<String>,
}

/// Changes a pool; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateEipPool {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// All ranges; each EIP of the pool must be of one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidrs: Option<Vec<String>>,
    /// All addresses that are never given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Vec<String>>,
}

/// A public address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Eip {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Its pool's id.
    pub pool: String,
    /// The address.
    pub address: String,
    /// Bits per second in units of a million, each way; null is unlimited.
    pub bandwidth_mbps: Option<u32>,
    /// The id of the VIP, instance or interface it leads to.
    pub target: Option<String>,
    /// The id of the host that is its active edge, as last reported.
    pub edge: Option<String>,
    /// That host's name; empty without one.
    pub edge_name: String,
}

/// Takes a public address from a pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocateEip {
    /// The pool's id; the oldest pool of the family with a free address if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Chosen if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Of which family the address is to be chosen; the pool's if absent, and `ipv4` without a pool. Not together with
    /// `address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
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
    /// Bits per second in units of a million, each way; unlimited if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub bandwidth_mbps: Option<u32>,
}

/// Binds an EIP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindEip {
    /// The id of a VIP, an instance or an interface.
    pub target: String,
}

/// Changes an EIP; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateEip {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The new bandwidth; null is unlimited.
    #[serde(
        default,
        deserialize_with = "crate::meta::present::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub bandwidth_mbps: Option<Option<u32>>,
}
