//! Security groups.

use crate::Meta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Rules that interfaces have in common: what may reach them, and what they may send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecurityGroup {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Its VPC's id; null where interfaces of every VPC may have it.
    pub vpc: Option<String>,
    /// Whether it guards the interfaces whose groups nobody named; it goes with its VPC.
    pub is_default: bool,
    /// How many interfaces it guards.
    pub interfaces: usize,
    /// Its rules; what none of an interface's groups allows is dropped.
    pub rules: Vec<Rule>,
}

/// A rule of a security group; the first packet of a connection decides about all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rule {
    /// Its name within the installation, also in counters.
    pub number: u32,
    /// Which way a connection is opened, as the interface sees it.
    pub direction: Direction,
    /// What becomes of it.
    pub action: RuleAction,
    /// 1 is looked at first, 100 last; of rules of the same priority those count that drop.
    pub priority: u8,
    /// `all`, `tcp`, `udp`, `icmp`, `icmpv6`, or a number.
    pub protocol: String,
    /// The destination's port or ports; all if absent.
    pub ports: Option<String>,
    /// The other end: `any`, `vpc`, a range of addresses, or the id of a security group.
    pub peer: String,
    /// May be empty.
    pub description: String,
}

/// A rule that is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// Which way a connection is opened, as the interface sees it.
    pub direction: Direction,
    /// What becomes of it; allowed if absent.
    #[serde(default = "allow")]
    pub action: RuleAction,
    /// 1 is looked at first, 100 last; of rules of the same priority those count that drop. 100 if absent.
    #[serde(default = "last")]
    #[schema(minimum = 1, maximum = 100)]
    pub priority: u8,
    /// `all`, `tcp`, `udp`, `icmp`, `icmpv6`, or a number; `all` if absent.
    #[serde(default = "all")]
    #[schema(example = "tcp")]
    pub protocol: String,
    /// The destination's port or ports, of `tcp` and `udp`; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "8000-8080")]
    pub ports: Option<String>,
    /// The other end: `any`, `vpc` (whoever has an address of the VPC), a range of addresses, or the id of a security
    /// group (its interfaces, and the VIPs that they hold).
    #[schema(example = "0.0.0.0/0")]
    pub peer: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
}

/// Which way a connection is opened, as the interface sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the interface.
    Ingress,
    /// By the interface.
    Egress,
}

/// What becomes of what a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    /// It passes.
    Allow,
    /// It is dropped.
    Drop,
}

/// Makes a security group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSecurityGroup {
    /// Its VPC's id; interfaces of every VPC may have it if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
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
    /// Its first rules; without any, nothing passes.
    #[serde(default)]
    pub rules: Vec<NewRule>,
}

/// Rules to add to a security group, or to replace its rules by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// All of them or none.
    pub rules: Vec<NewRule>,
}

impl NewRule {
    /// Lets everything pass between the interfaces and somebody, unless another rule says otherwise.
    pub fn allow(direction: Direction, peer: impl Into<String>) -> Self {
        let (action, priority, protocol) = (allow(), last(), all());
        Self {
            direction,
            action,
            priority,
            protocol,
            ports: None,
            peer: peer.into(),
            description: String::new(),
        }
    }
    /// The same of these ports of a protocol alone.
    pub fn of(self, protocol: &str, ports: &str) -> Self {
        Self { protocol: protocol.into(), ports: (!ports.is_empty()).then(|| ports.into()), ..self }
    }
}

fn allow() -> RuleAction {
    RuleAction::Allow
}
fn last() -> u8 {
    100
}
fn all() -> String {
    "all".into()
}
