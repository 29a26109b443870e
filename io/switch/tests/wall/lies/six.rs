//! Lies of IPv6 and of its neighbour discovery.

use super::{Lie, Told, because, told};
use crate::aim::{Aim, Place};
use crate::hook::six::{
    ALL_NODES, Said, advertisement, announcement, announcing, group, link_local, ping, solicitation,
};
use crate::scene::{gateway, mac, own6, vip6};
use havip_model::MacAddr;
use havip_wire::{
    ChecksumForm, Nd, NdOption, Protocol, Vrrp, VrrpVersion,
    build::{Packet6, frame},
};
use std::net::Ipv6Addr;

pub fn lies() -> Vec<Lie> {
    let from = |source: Ipv6Addr, to: Ipv6Addr, mac_of: MacAddr| ping(mac(11), mac_of, source, to, 64);
    let says = |source: Ipv6Addr| move |aim: &Aim, to| from(source, to, aim.mac);
    let mapped: Ipv6Addr = "::ffff:10.0.0.13".parse().unwrap();
    let compatible: Ipv6Addr = "::10.0.0.13".parse().unwrap();
    let mine = announcing(mac(11));
    // To all of the link, about whom the lie is aimed at.
    let advertises = move |source, target, said: Said| {
        advertisement(mac(11), group(ALL_NODES), source, ALL_NODES, target, said)
    };
    let option = |mac_inside| vec![NdOption::SourceMac(mac_inside)];
    vec![
        six("from another's address of IPv6", "source_address", says(own6(13))),
        six("from another's link-local address", "source_address", says(link_local(mac(12)))),
        six("from a VIP of others of IPv6", "source_address", says(vip6(1))),
        six("from a mapped address", "mapped", says(mapped)),
        six("from a compatible address", "mapped", says(compatible)),
        six("from the own address of IPv4 as IPv6", "mapped", says("::ffff:10.0.0.11".parse().unwrap())),
        told("to a mapped address", "p11x", move |aim| {
            Some(because("mapped", from(own6(11), aim.address.to_ipv6_mapped(), aim.mac)))
        }),
        told("asks for a mapped address", "p11x", move |aim| {
            Some(because("mapped", solicitation(mac(11), own6(11), aim.address.to_ipv6_mapped())))
        }),
        told("announces a mapped address", "p11x", move |aim| {
            Some(because("mapped", announcement(mac(11), aim.address.to_ipv6_mapped())))
        }),
        six("from a group of IPv6", "source_odd", says(ALL_NODES)),
        six("asks from another's address", "nd_sender", |_, to| solicitation(mac(11), own6(13), to)),
        six("asks from a link-local address of others", "nd_sender", |_, to| {
            solicitation(mac(11), link_local(mac(12)), to)
        }),
        six("asks with another's MAC", "nd_mac", move |_, to| {
            let nd = Nd::NeighbourSolicitation { target: to, options: option(mac(12)) };
            frame(mac(11), group(ALL_NODES)).ip6(own6(11), to).nd(nd)
        }),
        six("advertises another's address", "nd_sender", move |_, to| {
            advertises(own6(11), to, Said { override_flag: false, ..mine })
        }),
        six("answers for another's address", "nd_sender", move |_, to| {
            advertises(own6(11), to, Said { solicited: true, ..mine })
        }),
        six("advertises from another's address", "nd_sender", move |_, to| advertises(to, own6(11), mine)),
        six("advertises another's MAC", "nd_mac", move |_, to| advertises(own6(11), to, announcing(mac(12)))),
        six("announces an address of IPv6", "claim_of_address", move |_, to| advertises(own6(11), to, mine)),
        told("announces a VIP of IPv6", "p11x", |aim| {
            let reason = match aim.place {
                Place::OtherSubnet => "claim_other_subnet",
                _ => "claim_not_associated",
            };
            aim.vip6.map(|vip| because(reason, announcement(mac(11), vip)))
        }),
        told("announces the gateway's link-local address", "p11x", |aim| {
            let its = link_local(crate::scene::VIRTUAL_MAC);
            let first = aim.place == Place::SameSubnet;
            first.then(|| because("claim_of_gateway", announcement(mac(11), its)))
        }),
        six("advertises behind options", "nd_hidden", move |aim, to| hidden(60, &[], to, aim)),
        six("advertises behind hop-by-hop options", "nd_hidden", move |aim, to| hidden(0, &[], to, aim)),
        six("advertises in a fragment that is whole", "nd_hidden", move |aim, to| {
            hidden(44, &[0, 0, 0, 0, 0, 9], to, aim)
        }),
        six("advertises in a first fragment", "nd_hidden", move |aim, to| {
            hidden(44, &[0, 1, 0, 0, 0, 9], to, aim)
        }),
        six("hides in padding what the first fragment says", "ipv6_headers", |aim, to| {
            // Options end the packet; what would be a ping behind them is none of it, but an advertisement follows.
            let headers = [60, 0, 0, 1, 0, 0, 0, 9, 58, 0, 1, 4, 0, 0, 0, 0];
            let mut bytes = frame(mac(11), aim.mac).ip6(own6(11), to).raw(Protocol::FRAGMENT, &headers);
            bytes.extend([128, 0, 0, 0, 0, 0, 0, 0]);
            bytes
        }),
        six("a first fragment without its headers", "ipv6_headers", |aim, to| {
            let cut = [60, 0, 0, 1, 0, 0, 0, 9, 58, 2, 1, 4, 0, 0, 0, 0];
            frame(mac(11), aim.mac).ip6(own6(11), to).raw(Protocol::FRAGMENT, &cut)
        }),
        six("is a router", "router_advertisement", |aim, to| {
            let nd = Nd::RouterAdvertisement {
                hop_limit: 64,
                flags: 0,
                lifetime_secs: 1800,
                reachable_ms: 0,
                retransmit_ms: 0,
                options: vec![NdOption::SourceMac(mac(11))],
            };
            frame(mac(11), aim.mac).ip6(link_local(mac(11)), to).nd(nd)
        }),
        six("is a router to all", "router_advertisement", |_, _| {
            let rest = [134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
            let packet = frame(mac(11), group(ALL_NODES)).ip6(link_local(mac(11)), ALL_NODES);
            packet.hop_limit(255).raw(Protocol::ICMPV6, &rest)
        }),
        six("redirects", "redirect", |aim, to| {
            let rest = [&[137, 0, 0, 0, 0, 0, 0, 0][..], &own6(11).octets(), &own6(13).octets()].concat();
            packet(aim, to).hop_limit(255).raw(Protocol::ICMPV6, &rest)
        }),
        six("answers DHCP of IPv6", "dhcp_server", |aim, to| packet(aim, to).udp(547, 546, b"x")),
        six("answers DHCP of IPv6 behind options", "dhcp_server", |aim, to| {
            let udp = &packet(aim, to).udp(547, 546, b"x")[54..];
            packet(aim, to).raw(Protocol(60), &[&[17, 0, 1, 4, 0, 0, 0, 0][..], udp].concat())
        }),
        six("deposes the master behind options", "advert_malformed", |aim, to| {
            packet(aim, to).raw(Protocol(60), &[&[112, 0, 1, 4, 0, 0, 0, 0][..], &[0; 24]].concat())
        }),
        told("deposes the master of IPv6", "p11x", |aim| {
            let vrrp = Vrrp {
                vrid: 51,
                priority: 0,
                version: VrrpVersion::V3 { interval_centis: 100, checksum: ChecksumForm::Pseudo },
                addresses: vec![aim.vip6?.into()],
            };
            let told = because("advert_stranger", packet(aim, aim.six?).vrrp(&vrrp));
            Some(if aim.place == Place::OtherSubnet { told.besides(&["routed"]) } else { told })
        }),
        told("IPv4 inside of what says IPv6", "p11x", |aim| {
            let inner = frame(mac(11), aim.mac).ip(crate::scene::own(11), gateway(1)).ping(1, 1);
            let bytes = frame(mac(11), aim.mac).raw(havip_wire::EtherType::IPV6, &inner[14..]);
            Some(because("ip_malformed", bytes))
        }),
    ]
}

/// A lie of IPv6 told to everybody who has it.
fn six(what: &'static str, reason: &'static str, frame: impl Fn(&Aim, Ipv6Addr) -> Vec<u8> + 'static) -> Lie {
    told(what, "p11x", move |aim| -> Option<Told> { Some(because(reason, frame(aim, aim.six?))) })
}

fn packet(aim: &Aim, to: Ipv6Addr) -> Packet6 {
    frame(mac(11), aim.mac).ip6(own6(11), to)
}

/// An advertisement of the target behind one header, whose bytes behind its length are said, else padding.
fn hidden(header: u8, rest: &[u8], target: Ipv6Addr, aim: &Aim) -> Vec<u8> {
    let said = advertisement(mac(11), aim.mac, own6(11), target, target, announcing(mac(11)));
    let rest = if rest.is_empty() { &[1, 4, 0, 0, 0, 0] } else { rest };
    let payload = [&[58, 0][..], rest, &said[54..]].concat();
    packet(aim, target).hop_limit(255).raw(Protocol(header), &payload)
}
