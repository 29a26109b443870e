//! What must hold for any bytes: the functions that fuzz targets and property tests both run.
//!
//! Each reads the bytes as one kind of packet. Reading must not panic; what it accepts must survive being written
//! and read again, and nothing that is cut may be accepted as the whole. A broken law panics.

use crate::{
    Announcement, Arp, Dhcp, Ethernet, Icmp, Icmpv6, Ipv4, Ipv6, Tcp, Udp, Vrrp, Vxlan, known::ALL_NODES,
    known::VRRP_IPV4, known::VRRP_IPV6,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A law and the name of its fuzz target.
pub type Law = (&'static str, fn(&[u8]));

/// Every law.
pub const ALL: &[Law] = &[
    ("ethernet", ethernet),
    ("arp", arp),
    ("ipv4", ipv4),
    ("ipv6", ipv6),
    ("icmp", icmp),
    ("icmpv6", icmpv6),
    ("udp", udp),
    ("tcp", tcp),
    ("vxlan", vxlan),
    ("vrrp", vrrp),
    ("dhcp", dhcp),
    ("announcement", announcement),
    ("describe", describe),
];

const V4: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 20, 1, 1), Ipv4Addr::new(10, 20, 1, 2));
const V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 0xa);

macro_rules! survives {
    ($decode:expr, $encode:expr, $bytes:expr) => {{
        let bytes: &[u8] = $bytes;
        if let Ok(value) = $decode(bytes) {
            let written = $encode(&value);
            assert_eq!($decode(&written).as_ref(), Ok(&value), "{written:02x?}");
        }
    }};
}

/// Ethernet frames.
pub fn ethernet(bytes: &[u8]) {
    survives!(Ethernet::decode, Ethernet::encode, bytes);
}

/// ARP packets.
pub fn arp(bytes: &[u8]) {
    survives!(Arp::decode, Arp::encode, bytes);
}

/// IPv4 packets, whole and quoted.
pub fn ipv4(bytes: &[u8]) {
    survives!(Ipv4::decode, Ipv4::encode, bytes);
    survives!(Ipv4::decode_quoted, Ipv4::encode, bytes);
}

/// IPv6 packets and their extension headers.
pub fn ipv6(bytes: &[u8]) {
    survives!(Ipv6::decode, Ipv6::encode, bytes);
    survives!(Ipv6::decode_quoted, Ipv6::encode, bytes);
    if let Ok(packet) = Ipv6::decode(bytes)
        && let Ok(upper) = packet.upper()
    {
        let extensions = upper.extensions.iter().map(|extension| extension.bytes.len()).sum::<usize>();
        assert_eq!(extensions + upper.payload.len(), packet.payload.len(), "no byte is lost or read twice");
    }
}

/// ICMP messages, and what their errors quote.
pub fn icmp(bytes: &[u8]) {
    survives!(Icmp::decode, Icmp::encode, bytes);
    if let Ok(message) = Icmp::decode(bytes) {
        message.quoted();
    }
}

/// ICMPv6 messages and neighbour discovery.
pub fn icmpv6(bytes: &[u8]) {
    for (source, destination) in
        [(V6, ALL_NODES), (V6, V6), (Ipv6Addr::UNSPECIFIED, crate::solicited_node(V6))]
    {
        if let Ok(message) = Icmpv6::decode(bytes, source, destination) {
            let written = message.encode(source, destination);
            assert_eq!(Icmpv6::decode(&written, source, destination).as_ref(), Ok(&message));
            message.quoted();
        }
    }
}

/// UDP datagrams.
pub fn udp(bytes: &[u8]) {
    survives!(Udp::decode, |udp: &Udp<'_>| udp.encode(V4.0.into(), V4.1.into()), bytes);
}

/// TCP segments and the search for their MSS.
pub fn tcp(bytes: &[u8]) {
    survives!(Tcp::decode, |tcp: &Tcp<'_>| tcp.encode(V4.0.into(), V4.1.into()), bytes);
    if let Ok(segment) = Tcp::decode(bytes) {
        segment.max_segment_size();
    }
}

/// VXLAN packets.
pub fn vxlan(bytes: &[u8]) {
    survives!(Vxlan::decode, Vxlan::encode, bytes);
}

/// VRRP adverts in both families, and their copies with priority 0.
pub fn vrrp(bytes: &[u8]) {
    let ends: [(IpAddr, IpAddr); 3] =
        [(V4.0.into(), V4.1.into()), (V4.0.into(), VRRP_IPV4.into()), (V6.into(), VRRP_IPV6.into())];
    for (source, destination) in ends {
        if let Ok(advert) = Vrrp::decode(bytes, source, destination) {
            let resigned = advert.resigned();
            for value in [advert, resigned] {
                let read = Vrrp::decode(&value.encode(source, destination), source, destination);
                assert_eq!(read.as_ref(), Ok(&value));
            }
        }
    }
}

/// DHCP messages and their answers.
pub fn dhcp(bytes: &[u8]) {
    survives!(Dhcp::decode, Dhcp::encode, bytes);
    if let Ok(message) = Dhcp::decode(bytes) {
        let nak = message.nak(V4.0);
        assert_eq!(Dhcp::decode(&nak.encode()).as_ref(), Ok(&nak));
    }
}

/// Announcements between hosts.
pub fn announcement(bytes: &[u8]) {
    survives!(Announcement::decode, Announcement::encode, bytes);
}

/// The words for any frame: one line, whatever is in it.
pub fn describe(bytes: &[u8]) {
    let words = crate::describe(bytes);
    assert!(!words.contains(char::is_control), "{words:?}");
}
