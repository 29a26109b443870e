//! Rules as hosts get them, and what they say of a packet.

use havip_model::{
    Direction, GroupNumber, Peer, Ports, Protocol, Rule, RuleAction, RuleNumber, SecurityGroup,
    SecurityGroupId,
};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A rule whose groups have their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupRule {
    /// Its name in counters.
    pub number: RuleNumber,
    /// Which way.
    pub direction: Direction,
    /// What becomes of it.
    pub action: RuleAction,
    /// 1 is looked at first.
    pub priority: u8,
    /// The protocol.
    pub protocol: Protocol,
    /// The destination's ports; none: all.
    pub ports: Option<Ports>,
    /// Who the other end is.
    pub peer: GroupPeer,
}

/// Who the other end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupPeer {
    /// Anybody.
    Any,
    /// Whoever has an address of the VPC.
    Vpc,
    /// Whoever has an address in here.
    Prefix(IpNet),
    /// The interfaces of this group.
    Group(GroupNumber),
}

impl GroupRule {
    /// The rules of a group; one that names a group that is not there is about nobody, and left out.
    pub fn of(group: &SecurityGroup, number: impl Fn(SecurityGroupId) -> Option<GroupNumber>) -> Vec<Self> {
        group.rules.iter().filter_map(|rule| Self::with(rule, &number)).collect()
    }

    fn with(rule: &Rule, number: impl Fn(SecurityGroupId) -> Option<GroupNumber>) -> Option<Self> {
        Some(Self {
            number: rule.number,
            direction: rule.direction,
            action: rule.action,
            priority: rule.priority,
            protocol: rule.protocol,
            ports: rule.ports,
            peer: match rule.peer {
                Peer::Any => GroupPeer::Any,
                Peer::Vpc => GroupPeer::Vpc,
                Peer::Prefix(net) => GroupPeer::Prefix(net.trunc()),
                Peer::Group(id) => GroupPeer::Group(number(id)?),
            },
        })
    }

    /// Which rule is looked at first: priority, then what drops.
    pub fn rank(&self) -> u16 {
        u16::from(self.priority) << 1 | u16::from(self.action == RuleAction::Allow)
    }

    /// Whether it is about such a packet.
    pub fn matches(&self, direction: Direction, protocol: u8, port: u16, other: &OtherEnd) -> bool {
        self.direction == direction
            && [Protocol::All, Protocol::Number(protocol)].contains(&self.protocol)
            && self.ports.is_none_or(|ports| ports.range().contains(&port))
            && match self.peer {
                GroupPeer::Any => true,
                GroupPeer::Vpc => other.is_of_vpc,
                GroupPeer::Prefix(net) => net.contains(&other.address),
                GroupPeer::Group(group) => other.groups.contains(&group),
            }
    }
}

/// The other end of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherEnd {
    /// Its address.
    pub address: IpAddr,
    /// Somebody in the VPC has it.
    pub is_of_vpc: bool,
    /// The groups of the interface that has it.
    pub groups: BTreeSet<GroupNumber>,
}

/// What the rules of all these groups together say of a first packet, rule by rule: the oracle of the tests.
pub fn walk<'a>(
    rules: impl IntoIterator<Item = &'a GroupRule>,
    direction: Direction,
    protocol: u8,
    port: u16,
    other: &OtherEnd,
) -> RuleAction {
    let matching = rules.into_iter().filter(|rule| rule.matches(direction, protocol, port, other));
    let first = matching.min_by_key(|rule| rule.rank());
    first.map_or(RuleAction::Drop, |rule| rule.action)
}
