//! Rules to tables: what a packet's other end matches, what its protocol and port match, and what both match.
//!
//! A table answers with a set of rules, one bit for each, in the order in which they count. So the first bit that is
//! in both answers is the deciding rule, whether there are ten rules or two hundred (Lakshman and Stiliadis,
//! *High-speed policy-based packet forwarding*, SIGCOMM 1998). Addresses and ports are looked up by longest match: each
//! node has the rules that are about all of it, and no two rules differ within a node that has none below it.

use crate::rule::{GroupPeer, GroupRule, OtherEnd};
use havip_model::{Direction, GroupNumber, Ports, Protocol, RuleAction, RuleNumber};
use ipnet::{IpNet, Ipv4Net};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// A set of a group's rules, by their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bits(pub [u64; 4]);

impl Bits {
    fn with(mut self, index: usize) -> Self {
        self.0[index / 64] |= 1 << (index % 64);
        self
    }
    fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }
    fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] & other.0[at]))
    }
    fn first(self) -> Option<usize> {
        let word = self.0.iter().position(|word| *word != 0)?;
        Some(word * 64 + self.0[word].trailing_zeros() as usize)
    }
}

/// A range of addresses as the switch has it: IPv4 is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net {
    /// The first address.
    pub address: [u8; 16],
    /// How many of its bits count.
    pub length: u8,
}

/// A protocol and ports of it: those whose first bits are these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Every protocol for which there is no other.
    Any,
    /// A protocol; `length` is 0 for all ports that are in no other.
    Of {
        /// Its number.
        protocol: u8,
        /// The first port.
        port: u16,
        /// How many of its bits count.
        length: u8,
    },
}

/// A group's tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compiled {
    /// The rank and the name of each rule, in the order in which they count.
    pub rules: Vec<(u16, RuleNumber)>,
    /// Rules by the other end's address.
    pub nets: BTreeMap<(Direction, Net), Bits>,
    /// Rules by the other end's groups; none: it is of the VPC.
    pub peers: BTreeMap<(Direction, Option<GroupNumber>), Bits>,
    /// Rules by protocol and port.
    pub services: BTreeMap<(Direction, Service), Bits>,
}

impl Compiled {
    /// The tables of these rules. Of more rules than there are bits the last are left out, which admission prevents.
    pub fn of(rules: &[GroupRule]) -> Self {
        let mut sorted: Vec<&GroupRule> = rules.iter().collect();
        sorted.sort_by_key(|rule| (rule.rank(), rule.number));
        sorted.truncate(256);
        let mut compiled =
            Self { rules: sorted.iter().map(|rule| (rule.rank(), rule.number)).collect(), ..Self::default() };
        for direction in [Direction::Ingress, Direction::Egress] {
            let rules: Vec<_> =
                sorted.iter().enumerate().filter(|(_, rule)| rule.direction == direction).collect();
            if rules.is_empty() {
                continue;
            }
            let all = |keep: &dyn Fn(&GroupRule) -> bool| {
                let kept = rules.iter().filter(|(_, rule)| keep(rule));
                kept.fold(Bits::default(), |bits, (index, _)| bits.with(*index))
            };
            for net in nets(rules.iter().map(|(_, rule)| rule.peer)) {
                let covers = |rule: &GroupRule| match rule.peer {
                    GroupPeer::Any => true,
                    GroupPeer::Prefix(prefix) => prefix.contains(&net),
                    GroupPeer::Vpc | GroupPeer::Group(_) => false,
                };
                compiled.nets.insert((direction, Net::of(net)), all(&covers));
            }
            for (_, rule) in &rules {
                let (peer, key) = match rule.peer {
                    GroupPeer::Vpc => (rule.peer, None),
                    GroupPeer::Group(group) => (rule.peer, Some(group)),
                    GroupPeer::Any | GroupPeer::Prefix(_) => continue,
                };
                compiled.peers.insert((direction, key), all(&|rule| rule.peer == peer));
            }
            for service in services(rules.iter().map(|(_, rule)| ***rule)) {
                compiled.services.insert((direction, service), all(&|rule| service.is_within(rule)));
            }
        }
        compiled
    }

    /// The place of the rule that decides about a first packet.
    fn first(&self, direction: Direction, protocol: u8, port: u16, other: &OtherEnd) -> Option<usize> {
        let mut by_peer = self.by_net(direction, other.address);
        if other.is_of_vpc {
            by_peer = by_peer.or(self.peers.get(&(direction, None)).copied().unwrap_or_default());
        }
        for group in &other.groups {
            by_peer = by_peer.or(self.peers.get(&(direction, Some(*group))).copied().unwrap_or_default());
        }
        by_peer.and(self.by_service(direction, protocol, port)).first()
    }

    fn by_net(&self, direction: Direction, address: IpAddr) -> Bits {
        let whole = Net::of(address.into());
        let longest = (0..=128).rev().find_map(|length| self.nets.get(&(direction, whole.cut(length))));
        longest.copied().unwrap_or_default()
    }

    fn by_service(&self, direction: Direction, protocol: u8, port: u16) -> Bits {
        let of = |length| Service::of(protocol, port, length);
        let longest = (0..=16).rev().find_map(|length| self.services.get(&(direction, of(length))));
        longest.or_else(|| self.services.get(&(direction, Service::Any))).copied().unwrap_or_default()
    }
}

/// What groups say of a first packet, as the switch finds it: the deciding rule of each, of which the first counts.
pub fn judge<'a>(
    groups: impl IntoIterator<Item = &'a Compiled>,
    direction: Direction,
    protocol: u8,
    port: u16,
    other: &OtherEnd,
) -> (RuleAction, Option<RuleNumber>) {
    let firsts = groups.into_iter().filter_map(|group| {
        let rule = group.rules.get(group.first(direction, protocol, port, other)?);
        // Half a group, as a switch may hold it for a moment: nobody can say what it would have dropped.
        Some(rule.map_or((0, None), |(rank, number)| (*rank, Some(*number))))
    });
    match firsts.min_by_key(|(rank, _)| *rank) {
        Some((rank, number)) if rank & 1 == 1 => (RuleAction::Allow, number),
        Some((_, number)) => (RuleAction::Drop, number),
        None => (RuleAction::Drop, None),
    }
}

/// The nodes for addresses: what rules name, and both families, for a rule about all of IPv6 is not one about IPv4.
fn nets(peers: impl Iterator<Item = GroupPeer>) -> BTreeSet<IpNet> {
    let named = peers.filter_map(|peer| match peer {
        GroupPeer::Prefix(net) => Some(net.trunc()),
        _ => None,
    });
    let all4 = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0).into();
    named.chain([all4, ALL6]).collect()
}

/// The nodes for services: every protocol that a rule names, and its ports.
fn services(rules: impl Iterator<Item = GroupRule>) -> BTreeSet<Service> {
    let mut nodes = BTreeSet::from([Service::Any]);
    for rule in rules {
        let Protocol::Number(protocol) = rule.protocol else { continue };
        nodes.insert(Service::of(protocol, 0, 0));
        let ports = rule.ports.map(prefixes).unwrap_or_default();
        nodes.extend(ports.into_iter().map(|(port, length)| Service::of(protocol, port, length)));
    }
    nodes
}

/// The fewest prefixes that make up a range: at most 30.
fn prefixes(ports: Ports) -> Vec<(u16, u8)> {
    let (mut next, end) = (u32::from(*ports.range().start()), u32::from(*ports.range().end()) + 1);
    let mut found = vec![];
    while next < end {
        let aligned = if next == 0 { 16 } else { next.trailing_zeros() };
        let fits = (end - next).ilog2();
        let bits = aligned.min(fits).min(16);
        found.push((next as u16, (16 - bits) as u8));
        next += 1 << bits;
    }
    found
}

impl Service {
    fn of(protocol: u8, port: u16, length: u8) -> Self {
        let mask = u32::from(u16::MAX) << (16 - length);
        Self::Of { protocol, port: port & mask as u16, length }
    }

    /// Whether the rule is about all of it.
    fn is_within(self, rule: &GroupRule) -> bool {
        match (self, rule.protocol) {
            (_, Protocol::All) => rule.ports.is_none(),
            (Self::Any, Protocol::Number(_)) => false,
            (Self::Of { protocol, port, length }, Protocol::Number(number)) => {
                let last = port | (u32::from(u16::MAX) >> length) as u16;
                let within = |ports: Ports| ports.range().contains(&port) && ports.range().contains(&last);
                protocol == number && rule.ports.is_none_or(within)
            }
        }
    }
}

impl Net {
    /// As the switch has it.
    pub fn of(net: IpNet) -> Self {
        match net.trunc() {
            IpNet::V4(net) => {
                Self { address: net.addr().to_ipv6_mapped().octets(), length: 96 + net.prefix_len() }
            }
            IpNet::V6(net) => Self { address: net.addr().octets(), length: net.prefix_len() },
        }
    }

    fn cut(self, length: u8) -> Self {
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        Self { address: (u128::from_be_bytes(self.address) & mask).to_be_bytes(), length }
    }
}

const ALL6: IpNet = IpNet::V6(ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::UNSPECIFIED, 0));
