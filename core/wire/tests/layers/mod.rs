//! Peels frames layer by layer, and puts them together again.
#![allow(dead_code)]

use crate::captured::bytes;
use havip_wire::*;
use std::net::IpAddr;

pub fn arp_of(hex: &str) -> Arp {
    let frame = bytes(hex);
    Arp::decode(Ethernet::decode(&frame).unwrap().payload).unwrap()
}

pub fn ip_of(frame: &[u8]) -> Ipv4<'_> {
    Ipv4::decode(Ethernet::decode(frame).unwrap().payload).unwrap()
}

pub fn ip6_of(frame: &[u8]) -> Ipv6<'_> {
    Ipv6::decode(Ethernet::decode(frame).unwrap().payload).unwrap()
}

pub fn tcp_of(frame: &[u8]) -> Tcp<'_> {
    Tcp::decode(ip_of(frame).payload).unwrap()
}

pub fn icmp_of(frame: &[u8]) -> Icmp<'_> {
    Icmp::decode(ip_of(frame).payload).unwrap()
}

pub fn icmp6_of(frame: &[u8]) -> Icmpv6<'_> {
    let packet = ip6_of(frame);
    Icmpv6::decode(packet.upper().unwrap().payload, packet.source, packet.destination).unwrap()
}

pub fn dhcp_of(hex: &str) -> Dhcp {
    let frame = bytes(hex);
    Dhcp::decode(Udp::decode(ip_of(&frame).payload).unwrap().payload).unwrap()
}

/// The advert with its packet's source and destination.
pub fn vrrp_of(frame: &[u8]) -> (Vrrp, IpAddr, IpAddr) {
    let ethernet = Ethernet::decode(frame).unwrap();
    let (source, destination, body) = if ethernet.ether_type == EtherType::IPV6 {
        let packet = Ipv6::decode(ethernet.payload).unwrap();
        (packet.source.into(), packet.destination.into(), packet.payload)
    } else {
        let packet = Ipv4::decode(ethernet.payload).unwrap();
        (packet.source.into(), packet.destination.into(), packet.payload)
    };
    (Vrrp::decode(body, source, destination).unwrap(), source, destination)
}

/// Reads every layer that is known and writes it again, the innermost first.
pub fn rewrite(frame: &[u8]) -> Vec<u8> {
    let ethernet = Ethernet::decode(frame).unwrap();
    let payload = match ethernet.ether_type {
        EtherType::ARP => Arp::decode(ethernet.payload).unwrap().encode(),
        EtherType::IPV4 => rewrite_ipv4(Ipv4::decode(ethernet.payload).unwrap()),
        EtherType::IPV6 => rewrite_ipv6(Ipv6::decode(ethernet.payload).unwrap()),
        other => panic!("no fixture has {other:?}"),
    };
    Ethernet { payload: &payload, ..ethernet }.encode()
}

fn rewrite_ipv4(packet: Ipv4<'_>) -> Vec<u8> {
    let (source, destination) = (packet.source.into(), packet.destination.into());
    let payload = match packet.protocol {
        _ if packet.is_fragment() => packet.payload.to_vec(),
        Protocol::ICMP => Icmp::decode(packet.payload).unwrap().encode(),
        Protocol::TCP => Tcp::decode(packet.payload).unwrap().encode(source, destination),
        Protocol::VRRP => {
            Vrrp::decode(packet.payload, source, destination).unwrap().encode(source, destination)
        }
        Protocol::UDP => {
            let udp = Udp::decode(packet.payload).unwrap();
            let inner = (udp.destination == known::VXLAN_PORT).then(|| {
                let vxlan = Vxlan::decode(udp.payload).unwrap();
                let mut inner = rewrite(vxlan.payload);
                inner.resize(vxlan.payload.len(), 0); // arping pads.
                Vxlan { payload: &inner, ..vxlan }.encode()
            });
            Udp { payload: inner.as_deref().unwrap_or(udp.payload), ..udp }.encode(source, destination)
        }
        _ => packet.payload.to_vec(),
    };
    Ipv4 { payload: &payload, ..packet }.encode()
}

fn rewrite_ipv6(packet: Ipv6<'_>) -> Vec<u8> {
    let upper = packet.upper().unwrap();
    let mut payload =
        upper.extensions.iter().flat_map(|extension| extension.bytes).copied().collect::<Vec<u8>>();
    payload.extend(match upper.protocol {
        _ if upper.fragment.is_some() => upper.payload.to_vec(),
        Protocol::ICMPV6 => {
            let message = Icmpv6::decode(upper.payload, packet.source, packet.destination).unwrap();
            message.encode(packet.source, packet.destination)
        }
        Protocol::VRRP => {
            let (source, destination) = (packet.source.into(), packet.destination.into());
            Vrrp::decode(upper.payload, source, destination).unwrap().encode(source, destination)
        }
        _ => upper.payload.to_vec(),
    });
    Ipv6 { payload: &payload, ..packet }.encode()
}
