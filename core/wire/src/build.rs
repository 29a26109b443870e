//! Whole frames in one expression, for tests and for the few packets that the agent sends itself.
//!
//! ```
//! use havip_wire::{build::frame, Arp, TcpFlags};
//! # use havip_model::MacAddr;
//! # use std::net::Ipv4Addr;
//! # let (blue, gateway) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
//! # let (client, vip) = (Ipv4Addr::new(10, 20, 1, 7), Ipv4Addr::new(10, 20, 1, 100));
//! let claim = frame(blue, MacAddr::BROADCAST).arp(Arp::gratuitous(blue, vip));
//! let syn = frame(blue, gateway).ip(client, vip).ttl(3).tcp(40_000, 80, TcpFlags::SYN, b"");
//! # assert_eq!((claim.len(), syn.len()), (42, 54));
//! ```

use crate::{
    Announcement, Arp, EtherType, Ethernet, Icmp, Icmpv6, Ipv4, Ipv6, Nd, NdOption, Protocol, Tcp, TcpFlags,
    Udp, VlanTag, Vrrp, Vxlan, known,
};
use havip_model::MacAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Begins a frame from one MAC to another.
pub fn frame(source: MacAddr, destination: MacAddr) -> Frame {
    Frame { source, destination, tags: Vec::new() }
}

/// A claim as keepalived makes it: a broadcast request with target MAC ff.
pub fn gratuitous_arp(mac: MacAddr, address: Ipv4Addr) -> Vec<u8> {
    frame(mac, MacAddr::BROADCAST).arp(Arp::gratuitous(mac, address))
}

/// The same in IPv6, as keepalived makes it: an unsolicited advertisement to all nodes, from the address itself.
pub fn unsolicited_advertisement(mac: MacAddr, address: Ipv6Addr) -> Vec<u8> {
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    const TO_ALL: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 1]);
    let options = vec![NdOption::TargetMac(mac)];
    let (router, solicited, override_flag, target) = (false, false, true, address);
    let nd = Nd::NeighbourAdvertisement { router, solicited, override_flag, target, options };
    frame(mac, TO_ALL).ip6(address, ALL_NODES).nd(nd)
}

/// A frame whose payload is not yet said.
#[derive(Debug, Clone)]
pub struct Frame {
    source: MacAddr,
    destination: MacAddr,
    tags: Vec<VlanTag>,
}

impl Frame {
    /// Adds a tag behind those already there.
    #[must_use]
    pub fn tag(mut self, tag: VlanTag) -> Self {
        self.tags.push(tag);
        self
    }

    /// Any payload.
    pub fn raw(self, ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
        let Self { source, destination, tags } = self;
        Ethernet { destination, source, tags, ether_type, payload }.encode()
    }

    /// An ARP packet.
    pub fn arp(self, arp: Arp) -> Vec<u8> {
        self.raw(EtherType::ARP, &arp.encode())
    }

    /// An announcement between hosts.
    pub fn announcement(self, announcement: &Announcement) -> Vec<u8> {
        self.raw(EtherType::ANNOUNCEMENT, &announcement.encode())
    }

    /// Begins an IPv4 packet: TTL 64.
    pub fn ip(self, source: Ipv4Addr, destination: Ipv4Addr) -> Packet4 {
        Packet4 {
            frame: self,
            options: Vec::new(),
            header: Ipv4::new(source, destination, Protocol::NONE, &[]),
        }
    }

    /// Begins an IPv6 packet: hop limit 64.
    pub fn ip6(self, source: Ipv6Addr, destination: Ipv6Addr) -> Packet6 {
        Packet6 { frame: self, header: Ipv6::new(source, destination, Protocol::NONE, &[]) }
    }
}

/// An IPv4 packet whose payload is not yet said.
#[derive(Debug, Clone)]
pub struct Packet4 {
    frame: Frame,
    options: Vec<u8>,
    header: Ipv4<'static>,
}

impl Packet4 {
    /// Sets the hops left.
    #[must_use]
    pub fn ttl(mut self, ttl: u8) -> Self {
        self.header.ttl = ttl;
        self
    }

    /// Sets the type of service: DSCP and ECN.
    #[must_use]
    pub fn tos(mut self, tos: u8) -> Self {
        self.header.tos = tos;
        self
    }

    /// Forbids routers to cut it.
    #[must_use]
    pub fn dont_fragment(mut self) -> Self {
        self.header.dont_fragment = true;
        self
    }

    /// Makes it a fragment, the offset in units of 8 bytes.
    #[must_use]
    pub fn fragment(mut self, identification: u16, offset: u16, more: bool) -> Self {
        self.header.identification = identification;
        self.header.fragment_offset = offset;
        self.header.more_fragments = more;
        self
    }

    /// Sets options: whole words, at most 40 bytes.
    #[must_use]
    pub fn options(mut self, options: &[u8]) -> Self {
        self.options = options.to_vec();
        self
    }

    /// Any payload.
    pub fn raw(self, protocol: Protocol, payload: &[u8]) -> Vec<u8> {
        let packet = Ipv4 { protocol, payload, options: &self.options, ..self.header }.encode();
        self.frame.raw(EtherType::IPV4, &packet)
    }

    /// A UDP datagram with a checksum.
    pub fn udp(self, source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.addresses();
        self.raw(Protocol::UDP, &Udp::new(source, destination, payload).encode(from, to))
    }

    /// A UDP datagram whose checksum is left out.
    pub fn udp_without_checksum(self, source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.addresses();
        let udp = Udp { has_checksum: false, ..Udp::new(source, destination, payload) };
        self.raw(Protocol::UDP, &udp.encode(from, to))
    }

    /// A TCP segment without options.
    pub fn tcp(self, source: u16, destination: u16, flags: TcpFlags, payload: &[u8]) -> Vec<u8> {
        self.segment(&Tcp::new(source, destination, flags, payload))
    }

    /// A TCP SYN that says the largest segment it takes.
    pub fn syn(self, source: u16, destination: u16, max_segment_size: u16) -> Vec<u8> {
        let [high, low] = max_segment_size.to_be_bytes();
        self.segment(&Tcp {
            options: &[2, 4, high, low],
            ..Tcp::new(source, destination, TcpFlags::SYN, &[])
        })
    }

    /// Any TCP segment.
    pub fn segment(self, tcp: &Tcp<'_>) -> Vec<u8> {
        let (from, to) = self.addresses();
        self.raw(Protocol::TCP, &tcp.encode(from, to))
    }

    /// An ICMP message.
    pub fn icmp(self, icmp: &Icmp<'_>) -> Vec<u8> {
        self.raw(Protocol::ICMP, &icmp.encode())
    }

    /// A ping.
    pub fn ping(self, identifier: u16, sequence: u16) -> Vec<u8> {
        self.icmp(&Icmp::EchoRequest { identifier, sequence, data: b"abcdefghijklmnopqrstuvwabcdefghi" })
    }

    /// A VRRP advert, with the TTL and the type of service that keepalived sets.
    pub fn vrrp(mut self, vrrp: &Vrrp) -> Vec<u8> {
        let (from, to) = self.addresses();
        self.header.ttl = 255;
        self.header.tos = 0xc0;
        self.raw(Protocol::VRRP, &vrrp.encode(from, to))
    }

    /// A VXLAN packet to Havip's port, its UDP checksum left out as the switch does.
    pub fn vxlan(self, source_port: u16, vni: u32, inner: &[u8]) -> Vec<u8> {
        let vxlan = Vxlan { vni, payload: inner }.encode();
        self.udp_without_checksum(source_port, known::VXLAN_PORT, &vxlan)
    }

    fn addresses(&self) -> (IpAddr, IpAddr) {
        (self.header.source.into(), self.header.destination.into())
    }
}

/// An IPv6 packet whose payload is not yet said.
#[derive(Debug, Clone)]
pub struct Packet6 {
    frame: Frame,
    header: Ipv6<'static>,
}

impl Packet6 {
    /// Sets the hops left.
    #[must_use]
    pub fn hop_limit(mut self, hop_limit: u8) -> Self {
        self.header.hop_limit = hop_limit;
        self
    }

    /// Any payload.
    pub fn raw(self, next_header: Protocol, payload: &[u8]) -> Vec<u8> {
        let packet = Ipv6 { next_header, payload, ..self.header }.encode();
        self.frame.raw(EtherType::IPV6, &packet)
    }

    /// A UDP datagram.
    pub fn udp(self, source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.addresses();
        self.raw(Protocol::UDP, &Udp::new(source, destination, payload).encode(from.into(), to.into()))
    }

    /// A TCP segment without options.
    pub fn tcp(self, source: u16, destination: u16, flags: TcpFlags, payload: &[u8]) -> Vec<u8> {
        let (from, to) = self.addresses();
        self.raw(Protocol::TCP, &Tcp::new(source, destination, flags, payload).encode(from.into(), to.into()))
    }

    /// An ICMPv6 message.
    pub fn icmp(self, icmp: &Icmpv6<'_>) -> Vec<u8> {
        let (from, to) = self.addresses();
        self.raw(Protocol::ICMPV6, &icmp.encode(from, to))
    }

    /// A message of neighbour discovery, with hop limit 255.
    pub fn nd(self, nd: Nd<'_>) -> Vec<u8> {
        self.hop_limit(255).icmp(&Icmpv6::Nd(nd))
    }

    /// A VRRP advert, with hop limit 255.
    pub fn vrrp(self, vrrp: &Vrrp) -> Vec<u8> {
        let (from, to) = self.addresses();
        self.hop_limit(255).raw(Protocol::VRRP, &vrrp.encode(from.into(), to.into()))
    }

    fn addresses(&self) -> (Ipv6Addr, Ipv6Addr) {
        (self.header.source, self.header.destination)
    }
}
