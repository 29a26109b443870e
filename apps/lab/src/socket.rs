//! Single packets that no program of Debian sends: false adverts and forged announcements.

use anyhow::{Context, Result};
use havip_netlink::Namespace;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

/// A raw socket of a namespace for ICMP with the target's family.
pub fn icmp(namespace: &Namespace, target: IpAddr) -> Result<Socket> {
    match target {
        IpAddr::V4(_) => raw(namespace, Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => raw(namespace, Domain::IPV6, Protocol::ICMPV6),
    }
}

/// Sends one VRRPv2 advert of one address, PASS 1111, interval 1 s, TTL 255.
pub fn send_advert(namespace: &Namespace, to: Ipv4Addr, vrid: u8, priority: u8, vip: Ipv4Addr) -> Result<()> {
    let socket = raw(namespace, Domain::IPV4, Protocol::from(112))?;
    socket.set_ttl_v4(255)?;
    let mut advert = vec![0x21, vrid, priority, 1, 1, 1, 0, 0];
    advert.extend(vip.octets());
    advert.extend(b"1111\0\0\0\0");
    let sum = checksum(&advert).to_be_bytes();
    advert[6..8].copy_from_slice(&sum);
    socket.send_to(&advert, &SockAddr::from(SocketAddrV4::new(to, 0))).context("cannot send an advert")?;
    Ok(())
}

/// Sends one UDP datagram from a namespace.
pub fn send_udp(namespace: &Namespace, to: SocketAddr, payload: &[u8]) -> Result<()> {
    namespace
        .run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.send_to(payload, to)))?
        .with_context(|| format!("cannot send a datagram to {to}"))?;
    Ok(())
}

/// The Internet checksum (RFC 1071).
pub fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn raw(namespace: &Namespace, domain: Domain, protocol: Protocol) -> Result<Socket> {
    // A socket stays in the namespace of the thread that made it.
    namespace.run(|| Socket::new(domain, Type::RAW, Some(protocol)))?.context("cannot open a raw socket")
}
