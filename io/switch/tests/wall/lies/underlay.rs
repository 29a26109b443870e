//! Lies from the underlay: by who is no host, and by who sends from a host's address.

use super::link::announcement;
use super::{Lie, Told, because, told};
use crate::aim::{Aim, Place};
use crate::hook::six::{advertisement, announcing, link_local, ping};
use crate::scene::{UNDERLAY_MAC, host, key, mac, own, own6, underlay};
use havip_model::MacAddr;
use havip_wire::{
    Announcement, Arp, EtherType, Nd, VlanTag,
    build::frame,
    known::{ANNOUNCEMENT_SOURCE, ANNOUNCEMENT_VNI, PASSED_ON_VNI_BIT},
};
use std::net::{Ipv4Addr, Ipv6Addr};

pub fn lies() -> Vec<Lie> {
    let stranger = Ipv4Addr::new(192, 0, 2, 99);
    let packet = |to: &Aim| frame(mac(13), to.mac).ip(own(13), to.address).ping(1, 1);
    let probe = |to: &Aim| frame(mac(13), to.mac).arp(Arp::request(mac(13), Ipv4Addr::UNSPECIFIED, to.vip));
    let known = underlay(2);
    let none = 300;
    vec![
        said("by no host", "outer_unknown", stranger, move |to| (to.vpc, packet(to))),
        said("by no host, a probe", "outer_unknown", stranger, move |to| (to.vpc, probe(to))),
        said("by no host, a message", "outer_unknown", stranger, |to| {
            (ANNOUNCEMENT_VNI, carried(&announcement(to).sealed(&key(1))))
        }),
        said("of no VPC", "vni_unknown", known, move |to| (none, packet(to))),
        said("of no VPC, a probe", "vni_unknown", known, move |to| (none, probe(to))),
        said("of no VPC, marked", "vni_unknown", known, move |to| (none | PASSED_ON_VNI_BIT, packet(to))),
        said6("of no VPC, IPv6", "vni_unknown", move |to, six| {
            (none, ping(mac(13), to.mac, own6(13), six, 64))
        }),
        said6("of no VPC, an advertisement", "vni_unknown", move |to, six| {
            (none, advertisement(mac(13), to.mac, own6(13), six, own6(13), announcing(mac(13))))
        }),
        said("of VNI 0", "vni_reserved", known, move |to| (0, packet(to))),
        said("of a VNI that tenants cannot have", "vni_reserved", known, move |to| {
            (to.vpc | 1 << 22, packet(to))
        }),
        said("passed on, and ARP", "vni_marked", known, move |to| (to.vpc | PASSED_ON_VNI_BIT, probe(to))),
        said("a message without a seal", "announcement_forged", known, |to| {
            (ANNOUNCEMENT_VNI, carried(&announcement(to).encode()))
        }),
        said("a message with a false seal", "announcement_forged", known, |to| {
            let false_key = havip_model::SealKey { id: 1, secret: [9; 16] };
            (ANNOUNCEMENT_VNI, carried(&announcement(to).sealed(&false_key)))
        }),
        said("a message of a key that nobody has", "announcement_forged", known, |to| {
            (ANNOUNCEMENT_VNI, carried(&announcement(to).sealed(&key(3))))
        }),
        said("a message in another host's name", "announcement_host", known, |to| {
            let other = Announcement { from: host(3), ..announcement(to) };
            (ANNOUNCEMENT_VNI, carried(&other.sealed(&key(1))))
        }),
        said("a message that is cut", "announcement_malformed", known, |to| {
            (ANNOUNCEMENT_VNI, carried(&announcement(to).sealed(&key(1))[..60]))
        }),
        said("a message in a VPC", "inner_odd", known, |to| {
            (to.vpc, carried(&announcement(to).sealed(&key(1))))
        }),
        said("tagged in the tunnel", "inner_odd", known, move |to| {
            let tagged = frame(mac(13), to.mac).tag(VlanTag::vlan(5)).raw(EtherType::IPV4, &packet(to)[14..]);
            (to.vpc, tagged)
        }),
        said("from loopback in the tunnel", "inner_odd", known, |to| {
            (to.vpc, frame(mac(13), to.mac).ip(Ipv4Addr::LOCALHOST, to.address).ping(1, 1))
        }),
        told("to a group in the tunnel", "u0x", move |to| {
            let inner =
                frame(mac(13), MacAddr([1, 0, 0x5e, 0, 0, 5])).ip(own(13), Ipv4Addr::new(224, 0, 0, 5));
            let first = to.place == Place::SameSubnet;
            first.then(|| because("inner_odd", tunnelled(known, to.vpc, &inner.ping(1, 1))))
        }),
        said6("from a mapped address in the tunnel", "inner_odd", |to, six| {
            (to.vpc, ping(mac(13), to.mac, "::ffff:10.0.0.13".parse().unwrap(), six, 64))
        }),
        said6("a router in the tunnel", "inner_odd", |to, six| {
            let nd = Nd::RouterAdvertisement {
                hop_limit: 64,
                flags: 0,
                lifetime_secs: 1800,
                reachable_ms: 0,
                retransmit_ms: 0,
                options: vec![],
            };
            (to.vpc, frame(mac(13), to.mac).ip6(link_local(mac(13)), six).nd(nd))
        }),
        said6("an advertisement behind options in the tunnel", "inner_odd", |to, six| {
            let nd = advertisement(mac(13), to.mac, own6(13), six, own6(13), announcing(mac(13)));
            let payload = [&[58, 0, 1, 4, 0, 0, 0, 0][..], &nd[54..]].concat();
            let packet = frame(mac(13), to.mac).ip6(own6(13), six).hop_limit(255);
            (to.vpc, packet.raw(havip_wire::Protocol(60), &payload))
        }),
    ]
}

fn carried(message: &[u8]) -> Vec<u8> {
    frame(ANNOUNCEMENT_SOURCE, MacAddr::BROADCAST).raw(EtherType::ANNOUNCEMENT, message)
}

/// The frame in a tunnel to this host.
fn tunnelled(from: Ipv4Addr, vni: u32, inner: &[u8]) -> Vec<u8> {
    frame(mac(202), UNDERLAY_MAC).ip(from, underlay(1)).vxlan(40_000, vni, inner)
}

/// Somebody with this underlay address says it to everybody.
fn said(
    what: &'static str,
    reason: &'static str,
    from: Ipv4Addr,
    say: impl Fn(&Aim) -> (u32, Vec<u8>) + 'static,
) -> Lie {
    told(what, "u0x", move |aim| {
        let (vni, inner) = say(aim);
        Some(because(reason, tunnelled(from, vni, &inner)))
    })
}

/// The same of IPv6, from host 2's address.
fn said6(
    what: &'static str,
    reason: &'static str,
    say: impl Fn(&Aim, Ipv6Addr) -> (u32, Vec<u8>) + 'static,
) -> Lie {
    told(what, "u0x", move |aim| -> Option<Told> {
        let (vni, inner) = say(aim, aim.six?);
        Some(because(reason, tunnelled(underlay(2), vni, &inner)))
    })
}
