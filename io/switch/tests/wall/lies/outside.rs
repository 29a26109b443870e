//! Lies from outside: to those who have an EIP. What is for the host itself is the host's own business.

use super::address::vrrp;
use super::{Lie, Told, because, told};
use crate::aim::Aim;
use crate::scene::{CLIENT, EDGE_MAC, ROUTER_MAC, gateway, own, vip};
use havip_wire::{Dhcp, build::Packet4, build::frame};
use std::net::Ipv4Addr;

pub fn lies() -> Vec<Lie> {
    let ping = |packet: Packet4, _: &Aim| packet.ping(1, 1);
    vec![
        outside("from outside with an address of the VPC", "outside_source", own(12), ping),
        outside("from outside with a VIP", "outside_source", vip(1), ping),
        outside("from outside with the gateway's address", "outside_source", gateway(1), ping),
        outside("from outside with loopback's address", "source_odd", Ipv4Addr::LOCALHOST, ping),
        outside("from outside, answering DHCP", "dhcp_server", CLIENT, |packet, aim| {
            packet.udp(67, 68, &Dhcp::discover(aim.mac, 7).encode())
        }),
        told("from outside, deposing the master", "e0x", |aim| {
            let frame = frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, aim.eip?).vrrp(&vrrp(aim));
            Some(because("advert_stranger", frame).besides(&["edge_in", "routed"]))
        }),
    ]
}

fn outside(
    what: &'static str,
    reason: &'static str,
    source: Ipv4Addr,
    say: impl Fn(Packet4, &Aim) -> Vec<u8> + 'static,
) -> Lie {
    told(what, "e0x", move |aim| -> Option<Told> {
        Some(because(reason, say(frame(ROUTER_MAC, EDGE_MAC).ip(source, aim.eip?), aim)))
    })
}
