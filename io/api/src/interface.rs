//! Network interfaces.

use crate::{Family, Meta, PortState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A network interface (ENI).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Interface {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Its VPC's id.
    pub vpc: String,
    /// Its subnet's id.
    pub subnet: String,
    /// Its number in every switch.
    pub port: u32,
    /// Its MAC.
    pub mac: String,
    /// Its own IPv4 address; an interface may have none.
    pub address: Option<String>,
    /// Its own IPv6 address; an interface may have none.
    pub address6: Option<String>,
    /// Further addresses.
    pub secondary_addresses: Vec<String>,
    /// The id of the instance it is attached to.
    pub instance: Option<String>,
    /// Whether it is the instance's first interface, made and deleted with it.
    pub is_primary: bool,
    /// The id of the host it is plugged into.
    pub host: Option<String>,
    /// The existing device that is plugged, for guests that Havip does not run.
    pub device: Option<String>,
    /// Whether the guest may send and receive only its own addresses.
    pub source_dest_check: bool,
    /// The ids of its security groups; none only in what is older than groups: everything passes.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// As wanted.
    pub port_state: PortState,
    /// Where its guest is on its way to, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<Migration>,
    /// The last time that its guest moved to another host while it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrated: Option<Migrated>,
    /// Whether its device has a carrier, as its host reported; absent where it has not.
    pub port_up: Option<bool>,
}

/// Where a guest is on its way to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Migration {
    /// The host's id.
    pub host: Option<String>,
    /// The existing device there; null if its agent makes one.
    pub device: Option<String>,
}

/// What became of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Migrated {
    /// The id of the host that the guest left; null if it was removed.
    pub from: Option<String>,
    /// When it was known to be at the other (RFC 3339).
    pub at: String,
    /// For how long nobody heard from it: from its last frame there to its first here, in milliseconds, each by its
    /// host's clock; null while that is not known.
    pub outage_ms: Option<u32>,
}

/// Makes an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInterface {
    /// Its subnet's id.
    pub subnet: String,
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
    /// Its own IPv4 address; chosen if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// It has no IPv4 address of its own.
    #[serde(default)]
    pub without_address: bool,
    /// Its own IPv6 address; chosen if absent and its subnet has IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address6: Option<String>,
    /// It has no IPv6 address of its own.
    #[serde(default)]
    pub without_address6: bool,
    /// Further addresses.
    #[serde(default)]
    pub secondary_addresses: Vec<String>,
    /// Chosen if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Whether the guest may send and receive only its own addresses.
    #[serde(default = "yes")]
    pub source_dest_check: bool,
    /// The ids of its security groups, at most 5; the VPC's default one if there are none.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// The id of the instance that it is attached to at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Default for CreateInterface {
    fn default() -> Self {
        Self {
            subnet: String::new(),
            name: String::new(),
            description: String::new(),
            tags: BTreeMap::new(),
            resource_group: None,
            address: None,
            without_address: false,
            address6: None,
            without_address6: false,
            secondary_addresses: vec![],
            mac: None,
            source_dest_check: true,
            security_groups: vec![],
            instance: None,
        }
    }
}

/// Changes an interface; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateInterface {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the guest may send and receive only its own addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_dest_check: Option<bool>,
    /// The ids of all its security groups from now on, at most 5; the VPC's default one if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
}

/// Attaches an interface to an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    /// The instance's id.
    pub instance: String,
    /// The existing device to plug, for instances of the driver `external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A host, and an existing device of it to be plugged into its switch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Plug {
    /// The host's id.
    pub host: String,
    /// The name of a veth or tap on that host, at most 15 characters.
    pub device: String,
}

/// Gives an interface further addresses, named, chosen, or taken from another interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddAddresses {
    /// These: free ones of its subnet, or secondary ones of `from`.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// And so many of the lowest free ones.
    #[serde(default)]
    #[schema(maximum = 100)]
    pub automatic: u32,
    /// Of which family these are; `ipv4` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// The id of the interface that loses them in the same step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whoever has one of `addresses` besides its primary ones loses it in the same step; free ones are given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reassign: bool,
}

fn yes() -> bool {
    true
}
