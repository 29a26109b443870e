//! Lies of IPv4, and of what is in it.

use super::link::announcement;
use super::{Lie, because, by_guest, told};
use crate::aim::{Aim, Place};
use crate::scene::{VIRTUAL_MAC, gateway, mac, own, underlay, vip};
use havip_model::MacAddr;
use havip_wire::{
    Authentication, Dhcp, Protocol, Vrrp, VrrpVersion,
    build::{Packet4, frame},
    known::{ANNOUNCEMENT_SOURCE, ANNOUNCEMENT_VNI},
};
use std::net::Ipv4Addr;

pub fn lies() -> Vec<Lie> {
    let asks = |source: Ipv4Addr, destination| {
        let asks = Dhcp::discover(mac(12), 7).encode();
        frame(mac(11), MacAddr::BROADCAST).ip(source, destination).udp(68, 67, &asks)
    };
    let none = Ipv4Addr::UNSPECIFIED;
    vec![
        by_guest("from another's address", "source_address", says(own(13))),
        by_guest("from a VIP of others", "source_address", says(vip(1))),
        by_guest("from the gateway's address", "source_address", says(gateway(1))),
        by_guest("from a public address", "source_address", says(Ipv4Addr::new(8, 8, 8, 8))),
        by_guest("from nobody's address", "source_odd", says(none)),
        by_guest("from loopback", "source_odd", says(Ipv4Addr::LOCALHOST)),
        by_guest("from a group", "source_odd", says(Ipv4Addr::new(224, 0, 0, 5))),
        by_guest("answers DHCP", "dhcp_server", move |to| {
            from(own(11), to).udp(67, 68, &Dhcp::discover(to.mac, 7).encode())
        }),
        by_guest("answers DHCP from any port", "dhcp_server", move |to| from(own(11), to).udp(9, 68, b"x")),
        by_guest("answers DHCP in fragments", "dhcp_server", move |to| {
            let whole = from(own(11), to).udp(67, 68, &Dhcp::discover(to.mac, 7).encode());
            from(own(11), to).fragment(9, 0, true).raw(Protocol::UDP, &whole[34..98])
        }),
        by_guest("asks DHCP for another's MAC", "dhcp_mac", move |to| asks(none, to.address)),
        by_guest("gives another's lease back", "dhcp_mac", move |to| asks(own(11), to.address)),
        told("asks DHCP of all for another's MAC", "p11x", move |to| {
            let first = to.place == Place::SameSubnet;
            first.then(|| because("dhcp_mac", asks(none, Ipv4Addr::BROADCAST)))
        }),
        told("deposes the master", "p11x", move |to| Some(advert(to, from(own(11), to).vrrp(&vrrp(to))))),
        told("deposes the master behind a header of authentication", "p11x", move |to| {
            let plain = from(own(11), to).vrrp(&vrrp(to));
            let header = [&[112, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0; 12]].concat();
            let packet = from(own(11), to).ttl(255);
            Some(advert(to, packet.raw(Protocol::AUTHENTICATION, &[&header[..], &plain[34..]].concat())))
        }),
        by_guest("deposes the master in a first fragment", "advert_malformed", move |to| {
            let plain = from(own(11), to).vrrp(&vrrp(to));
            from(own(11), to).ttl(255).fragment(9, 0, true).raw(Protocol::VRRP, &plain[34..])
        }),
        by_guest("deposes the master in a later fragment", "advert_malformed", move |to| {
            from(own(11), to).ttl(255).fragment(9, 1, false).raw(Protocol::VRRP, &[0; 8])
        }),
        by_guest("longer than it is", "ip_malformed", move |to| {
            let mut ping = says(own(11))(to);
            ping[16] = 4;
            ping
        }),
        told("a host's message to a host, by the edge", "p11x", move |to| {
            let inner = frame(ANNOUNCEMENT_SOURCE, MacAddr::BROADCAST).announcement(&announcement(to));
            Some(to_hosts(underlay(2), |packet| packet.vxlan(9, ANNOUNCEMENT_VNI, &inner)))
        }),
        told("a packet of a VPC to a host, by the edge", "p11x", move |to| {
            let inner = frame(mac(13), to.mac).ip(own(13), to.address).ping(1, 1);
            Some(to_hosts(underlay(2), |packet| packet.vxlan(9, to.vpc, &inner)))
        }),
        told("a packet of a VPC to its own host, by the edge", "p11x", move |to| {
            let inner = frame(mac(13), to.mac).ip(own(13), to.address).ping(1, 1);
            Some(to_hosts(underlay(1), |packet| packet.vxlan(9, to.vpc, &inner)))
        }),
    ]
}

/// Port 11's packet from this address.
fn from(source: Ipv4Addr, to: &Aim) -> Packet4 {
    frame(mac(11), to.mac).ip(source, to.address)
}
fn says(source: Ipv4Addr) -> impl Fn(&Aim) -> Vec<u8> {
    move |to| from(source, to).ping(1, 1)
}

/// An advert of priority 0 for the VIP.
pub fn vrrp(to: &Aim) -> Vrrp {
    let version = VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::None };
    Vrrp { vrid: 51, priority: 0, version, addresses: vec![to.vip.into()] }
}

/// A gateway is between two subnets, and it is the door where an advert is judged.
fn advert(to: &Aim, frame: Vec<u8>) -> super::Told {
    let told = because("advert_stranger", frame);
    if to.place == Place::OtherSubnet { told.besides(&["routed"]) } else { told }
}

/// What a guest with an EIP sends to a host's underlay address.
fn to_hosts(address: Ipv4Addr, packet: impl Fn(Packet4) -> Vec<u8>) -> super::Told {
    let frame = packet(frame(mac(11), VIRTUAL_MAC).ip(own(11), address));
    because("to_underlay", frame).besides(&["routed", "left_vpc"])
}
