//! Security groups: what may reach an interface, and what it may send.

use crate::{Edition, GroupNumber, Meta, RuleNumber, SecurityGroupId, VpcId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// Rules that interfaces have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Its name in every API.
    pub id: SecurityGroupId,
    /// Names, times, generation.
    pub meta: Meta,
    /// The VPC it is part of. None: it may guard interfaces of every VPC, and every host knows it.
    pub vpc: Option<VpcId>,
    /// Its number in every switch, never reused: what rules of other groups mean by it.
    pub number: GroupNumber,
    /// Names these very rules: never that of others, of this group or another.
    pub edition: Edition,
    /// It is the VPC's own: used for interfaces whose groups nobody named, and deleted with the VPC.
    pub is_default: bool,
    /// Its rules, in the order in which they were added.
    pub rules: Vec<Rule>,
}

/// What one kind of packet may or may not do; a connection is judged by its first packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name within the whole installation, and in counters; never reused.
    pub number: RuleNumber,
    /// Which way.
    pub direction: Direction,
    /// What becomes of it.
    pub action: RuleAction,
    /// 1 is looked at first, 100 last; of two rules alike the one that drops wins.
    pub priority: u8,
    /// The protocol.
    pub protocol: Protocol,
    /// The destination's ports; none: all. Only of TCP and UDP.
    pub ports: Option<Ports>,
    /// Who the other end is.
    pub peer: Peer,
    /// Given by the user; may be empty.
    #[serde(default)]
    pub description: String,
}

/// Which way a connection is opened, as the interface sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the interface.
    Ingress,
    /// By the interface.
    Egress,
}

/// What becomes of what a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    /// It is dropped. First, as it wins over the other at the same priority.
    Drop,
    /// It passes.
    Allow,
}

/// What is behind the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Anything.
    All,
    /// The protocol of this number.
    Number(u8),
}

impl Protocol {
    /// TCP.
    pub const TCP: Self = Self::Number(6);
    /// UDP.
    pub const UDP: Self = Self::Number(17);
    /// ICMP, of IPv4.
    pub const ICMP: Self = Self::Number(1);
    /// ICMPv6.
    pub const ICMPV6: Self = Self::Number(58);

    /// By the word that the clouds and we have for it, in any case: of those that rules are written about.
    pub fn called(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "all" => Self::All,
            "tcp" => Self::TCP,
            "udp" => Self::UDP,
            "icmp" => Self::ICMP,
            "icmpv6" => Self::ICMPV6,
            "gre" => Self::Number(47),
            _ => return None,
        })
    }

    /// Whether it has ports that rules can name.
    pub fn has_ports(self) -> bool {
        self == Self::TCP || self == Self::UDP
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::All => f.write_str("all"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::ICMP => f.write_str("icmp"),
            Self::ICMPV6 => f.write_str("icmpv6"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Ports from one to another, both included; the first is not above the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ports {
    first: u16,
    last: u16,
}

impl Ports {
    /// None if the first is above the last.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }
    /// Them, as a range.
    pub fn range(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// The other end: where a packet comes from, or where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Anybody.
    Any,
    /// Whoever has an address of the VPC: interfaces, holders of VIPs, gateways. What only looks like one of its
    /// ranges from outside is not meant.
    Vpc,
    /// Whoever has an address in here.
    Prefix(IpNet),
    /// The interfaces of this group, and the VIPs that they hold.
    Group(SecurityGroupId),
}

impl SecurityGroup {
    /// The most groups of one interface, as on Alibaba Cloud and AWS; the switch has room for so many.
    pub const PER_INTERFACE: usize = 5;
    /// The most rules of one group, both directions together, as on Alibaba Cloud; the switch has room for 256.
    pub const MOST_RULES: usize = 200;
    /// The last priority.
    pub const LAST_PRIORITY: u8 = 100;
}
