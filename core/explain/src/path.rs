//! What a host's switch would do with a packet: its maps, read as rules, one sentence for each that decides.
//!
//! The same questions in the same order as the programs in `bpf/` ask them of the first packet of a flow, without a
//! packet: nothing is sent, counted or remembered. Limits, sizes and what stands in a packet besides its addresses,
//! protocol and ports are left out.

mod enter;
mod groups;
mod leave;
mod segment;
mod source;
mod way;

use havip_model::{HostNumber, PortNumber, Record, RuleNumber, VipKey, Vni};
use havip_reconcile::table::Table;
use std::{collections::BTreeMap, net::IpAddr};

/// A host's maps.
#[derive(Debug, Clone, Copy)]
pub struct Maps<'a> {
    /// Whose they are.
    pub host: HostNumber,
    /// It joins the fabric to the outside.
    pub is_edge: bool,
    /// What is configured.
    pub table: &'a Table,
    /// Who holds what: VIPs, and edges their EIPs.
    pub records: &'a BTreeMap<VipKey, Record>,
}

/// What of a packet decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Its VPC; whatever it says while it is outside.
    pub vni: Vni,
    /// Whom it says it is from.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
    /// What it is.
    pub protocol: Protocol,
}

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The request of a ping.
    Ping,
    /// TCP to a port.
    Tcp(u16),
    /// UDP to a port.
    Udp(u16),
}

impl Protocol {
    /// By its number in IP and its port; whatever is neither TCP nor UDP to a port is a ping.
    pub fn of(number: u32, port: u32) -> Self {
        match (number, u16::try_from(port)) {
            (6, Ok(port)) => Self::Tcp(port),
            (17, Ok(port)) => Self::Udp(port),
            _ => Self::Ping,
        }
    }
}

/// By which way it comes to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// A guest sends it.
    Port(PortNumber),
    /// Another host does.
    Host {
        /// Which.
        from: HostNumber,
        /// That host had it from another one that took this host for the holder's (C8).
        passed_on: bool,
    },
    /// It comes from outside.
    Outside,
}

/// What decided something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, for programs.
    pub code: &'static str,
    /// In words.
    pub text: String,
    /// The rule of a security group that it is.
    pub group_rule: Option<RuleNumber>,
}

/// Where a packet is when a host has done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In this port.
    Delivered(PortNumber),
    /// On its way to another host.
    ToHost {
        /// Which.
        host: HostNumber,
        /// It may not be passed on again.
        passed_on: bool,
    },
    /// Outside.
    Outside,
    /// The gateway, which is the switch itself, has answered.
    Answered,
    /// Nowhere; by the name of the reason that is counted.
    Dropped(&'static str),
}

/// What one host does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// What decides, in order.
    pub rules: Vec<Rule>,
    /// Where it ends.
    pub end: End,
    /// The packet as it goes on: an edge translates addresses.
    pub packet: Packet,
}

/// What this host does with the packet.
pub fn hop(maps: Maps<'_>, entrance: Entrance, packet: Packet) -> Hop {
    let mut walk = Walk { maps, packet, rules: vec![] };
    let end = match entrance {
        Entrance::Port(number) => walk.sent_by_port(number),
        Entrance::Host { from, passed_on } => walk.sent_by_host(from, passed_on),
        Entrance::Outside => walk.sent_from_outside(),
    };
    Hop { rules: walk.rules, end, packet: walk.packet }
}

/// A packet on its way through one host.
struct Walk<'a> {
    maps: Maps<'a>,
    packet: Packet,
    rules: Vec<Rule>,
}

impl Walk<'_> {
    fn say(&mut self, code: &'static str, text: impl Into<String>) {
        self.rules.push(Rule { code, text: text.into(), group_rule: None });
    }

    fn key(&self, address: IpAddr) -> VipKey {
        VipKey { vni: self.packet.vni, address }
    }

    /// Who is the active edge of an EIP, or holds a VIP.
    fn holder(&self, key: VipKey) -> Option<havip_model::Holder> {
        self.maps.records.get(&key).and_then(Record::present_holder)
    }
}
