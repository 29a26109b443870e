//! Good frames of every kind, and how each comes to the switch: what random ones are made of.

use crate::hook::six::{self, NOBODY, link_local};
use crate::scene::segment::{self, OUTWARDS, VLAN, outer, outer6};
use crate::scene::{
    CLIENT, CLIENT6, EDGE_MAC, ROUTER_MAC, VIRTUAL_MAC, eip, eip6, gateway, host, key, mac, own, own6, port,
    underlay, vip, vip6, vni,
};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record, VipKey};
use havip_wire::{
    Announcement, Arp, Authentication, ChecksumForm, Dhcp, EtherType, Icmp, IcmpError, Icmpv6, Icmpv6Error,
    Message, Protocol, RecordKind, TcpFlags, VlanTag, Vrrp, VrrpVersion,
    build::{Frame, frame, gratuitous_arp},
    known::{ANNOUNCEMENT_SOURCE, ANNOUNCEMENT_VNI, PASSED_ON_VNI_BIT, VRRP_IPV4, VRRP_IPV6},
    multicast_mac,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How a frame comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A guest sends it.
    Port(u32),
    /// It comes in a tunnel.
    Overlay {
        from: Ipv4Addr,
        vni: u32,
    },
    Edge,
    /// The agent sends it.
    Dhcp,
}

/// A frame, and how it comes.
#[derive(Debug, Clone)]
pub struct Given {
    pub way: Way,
    pub frame: Vec<u8>,
    /// A tag that a device has taken out of it.
    pub tag: Option<u16>,
}

fn given(way: Way, frame: Vec<u8>) -> Given {
    Given { way, frame, tag: None }
}

/// One of each.
pub fn corpus() -> Vec<Given> {
    let mut all: Vec<Given> = vec![];
    // 11 is associated with nothing, 12 and 21 hold VIPs, 31 is of another VPC.
    for number in [11, 12, 21, 31] {
        all.extend(of_guest(number).into_iter().map(|frame| given(Way::Port(number), frame)));
    }
    for vpc in [100, 200] {
        let way = Way::Overlay { from: underlay(2), vni: vpc };
        all.extend(of_host().into_iter().map(|frame| given(way, frame)));
        let way = Way::Overlay { from: underlay(2), vni: ANNOUNCEMENT_VNI };
        all.extend(messages(vpc).into_iter().map(|frame| given(way, frame)));
    }
    all.extend(of_outside().into_iter().map(|frame| given(Way::Edge, frame)));
    for number in segment::PORTS {
        all.extend(of_segment(number).into_iter().map(|frame| given(Way::Port(number), frame)));
    }
    let way = Way::Overlay { from: underlay(2), vni: OUTWARDS };
    all.extend(of_segment(43).into_iter().map(|frame| given(way, frame)));
    for frame in of_providers() {
        all.push(Given { tag: Some(VLAN), ..given(Way::Edge, frame.clone()) });
        all.push(given(Way::Overlay { from: underlay(2), vni: OUTWARDS | PASSED_ON_VNI_BIT }, frame));
    }
    for number in [11, 31, 41] {
        let offer = frame(VIRTUAL_MAC, mac(number)).ip(gateway(1), own(11)).udp(67, 68, &[0; 240]);
        all.push(given(Way::Dhcp, offer));
    }
    all
}

/// What the port's number has in its VPC.
fn address_of(number: u32) -> u32 {
    if number == 31 { 12 } else { number }
}

fn vrrp(priority: u8, addresses: Vec<IpAddr>) -> Vrrp {
    let version = match addresses[0] {
        IpAddr::V4(_) => VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::None },
        IpAddr::V6(_) => VrrpVersion::V3 { interval_centis: 100, checksum: ChecksumForm::Pseudo },
    };
    Vrrp { vrid: 51, priority, version, addresses }
}

fn of_guest(number: u32) -> Vec<Vec<u8>> {
    let (its_mac, four, six) = (mac(number), own(address_of(number)), own6(address_of(number)));
    let subnet = if number == 21 { 2 } else { 1 };
    let (vip4, vip6) = (vip(subnet), vip6(subnet));
    let any = Ipv4Addr::UNSPECIFIED;
    let others =
        [own(11), own(12), own(13), own(21), vip(1), vip(2), gateway(subnet), CLIENT, eip(12), underlay(2)];
    let inside6 = [own6(11), own6(12), own6(13), own6(21), self::vip6(1), self::vip6(2), link_local(mac(12))];
    let others6 = inside6.into_iter().chain([CLIENT6, eip6(12), eip6(31)]);
    let to = || frame(its_mac, VIRTUAL_MAC);
    let mut all = vec![
        gratuitous_arp(its_mac, vip4),
        gratuitous_arp(MacAddr::vrrp(false, 51), vip4),
        gratuitous_arp(its_mac, four),
        to().arp(Arp::request(its_mac, any, vip4)),
        to().arp(Arp::request(its_mac, any, own(13)).answer(its_mac)),
        frame(its_mac, MacAddr::BROADCAST).ip(any, Ipv4Addr::BROADCAST).udp(
            68,
            67,
            &Dhcp::discover(its_mac, 7).encode(),
        ),
        to().ip(four, VRRP_IPV4).vrrp(&vrrp(100, vec![vip4.into(), own(13).into()])),
        frame(its_mac, multicast_mac(VRRP_IPV4.into()).unwrap())
            .ip(four, VRRP_IPV4)
            .vrrp(&vrrp(0, vec![vip4.into()])),
        frame(its_mac, multicast_mac(VRRP_IPV6.into()).unwrap())
            .ip6(link_local(its_mac), VRRP_IPV6)
            .vrrp(&vrrp(100, vec![vip6.into()])),
        six::announcement(its_mac, vip6),
        six::announcement(its_mac, six),
        six::solicitation(its_mac, six::NOBODY, vip6),
        six::solicitation(its_mac, six, own6(13)),
        six::solicitation(its_mac, link_local(its_mac), link_local(VIRTUAL_MAC)),
        to().tag(VlanTag::vlan(0)).raw(EtherType::IPV4, &to().ip(four, own(12)).ping(1, 1)[14..]),
        to().raw(EtherType(0x88cc), &[0; 46]),
        to().raw(EtherType(64), &[0xaa; 64]),
        to().ip(four, own(13)).vxlan(9, 100, &gratuitous_arp(mac(13), vip(1))),
    ];
    for other in others {
        all.extend(packets(to(), four, other));
        all.push(to().arp(Arp::request(its_mac, four, other)));
        all.push(to().ip(four, other).vrrp(&vrrp(0, vec![vip(1).into(), vip(2).into()])));
    }
    for other in others6 {
        all.extend(packets6(to(), six, other));
        all.push(six::solicitation(its_mac, six, other));
        all.push(to().ip6(six, other).vrrp(&vrrp(0, vec![self::vip6(1).into(), self::vip6(2).into()])));
    }
    if number != 11 {
        all.extend(packets(to(), vip4, own(13)));
        all.extend(packets6(to(), vip6, own6(13)));
    }
    all
}

/// IPv4 with everything that it may have.
fn packets(to: Frame, from: Ipv4Addr, other: Ipv4Addr) -> Vec<Vec<u8>> {
    let packet = || to.clone().ip(from, other);
    let quoted = &packet().udp(1, 2, b"quoted")[14..];
    let error = Icmp::Error { error: IcmpError::HOST_UNREACHABLE, quoted };
    vec![
        packet().ping(1, 1),
        packet().udp(1000, 53, b"question"),
        packet().syn(40_000, 80, 1460),
        packet().tcp(40_000, 80, TcpFlags::ACK, b"data"),
        packet().options(&[7, 7, 8, 0, 0, 0, 0, 0]).udp(1, 2, b"x"),
        packet().fragment(7, 0, true).udp(1, 2, &[7; 32]),
        packet().fragment(7, 6, false).raw(Protocol::UDP, &[7; 32]),
        packet().icmp(&error),
        packet().raw(Protocol(47), &[0; 32]),
        packet().ttl(1).ping(1, 1),
    ]
}

/// IPv6 with everything that it may have.
fn packets6(to: Frame, from: Ipv6Addr, other: Ipv6Addr) -> Vec<Vec<u8>> {
    let packet = || to.clone().ip6(from, other);
    let behind = |header: u8, rest: &[u8], next: u8, upper: &[u8]| {
        packet().raw(Protocol(header), &[&[next, 0][..], rest, upper].concat())
    };
    let udp = packet().udp(1000, 53, b"question");
    let quoted = &udp[14..];
    let error = Icmpv6::Error { error: Icmpv6Error::Unreachable { code: 3 }, quoted };
    vec![
        packet().icmp(&Icmpv6::EchoRequest { identifier: 1, sequence: 1, data: b"data" }),
        udp.clone(),
        packet().tcp(40_000, 80, TcpFlags::SYN, b""),
        behind(0, &[1, 4, 0, 0, 0, 0], 17, &udp[54..]),
        behind(60, &[1, 4, 0, 0, 0, 0], 58, &[136; 24]),
        behind(44, &[0, 1, 0, 0, 0, 9], 17, &udp[54..]),
        behind(44, &[0, 41, 0, 0, 0, 9], 58, &[136; 24]),
        packet().icmp(&error),
        packet().hop_limit(1).udp(1, 2, b"x"),
        packet().hop_limit(255).raw(Protocol::ICMPV6, &[134; 24]),
    ]
}

/// What host 2 sends in a VPC: of its port 13.
fn of_host() -> Vec<Vec<u8>> {
    let to = || frame(mac(13), VIRTUAL_MAC);
    let mut all = vec![
        frame(mac(13), MacAddr::BROADCAST).arp(Arp::request(mac(13), Ipv4Addr::UNSPECIFIED, vip(1))),
        to().arp(Arp {
            target: Ipv4Addr::UNSPECIFIED,
            ..Arp::request(mac(13), vip(1), vip(1)).answer(mac(13))
        }),
        six::solicitation(mac(13), six::NOBODY, vip6(1)),
        six::announcement(mac(13), vip6(1)),
        to().ip(own(13), VRRP_IPV4).vrrp(&vrrp(100, vec![vip(1).into()])),
        to().ip6(link_local(mac(13)), VRRP_IPV6).vrrp(&vrrp(100, vec![vip6(1).into()])),
        to().ip(own(13), own(12)).vrrp(&vrrp(100, vec![vip(1).into()])),
        to().ip6(own6(13), own6(12)).vrrp(&vrrp(100, vec![vip6(1).into()])),
    ];
    for other in [own(11), own(12), own(21), vip(1), CLIENT, gateway(1)] {
        all.extend(packets(to(), own(13), other));
    }
    for other in [own6(11), own6(12), own6(21), vip6(1), link_local(mac(12))] {
        all.extend(packets6(to(), own6(13), other));
    }
    all
}

/// What host 2 tells about a VIP of this VPC, sealed.
fn messages(vpc: u32) -> Vec<Vec<u8>> {
    let number = if vpc == 100 { 12 } else { 31 };
    let record = |epoch, on, number| Record {
        incarnation: Incarnation(5),
        epoch: Epoch(epoch),
        holder: Holder { host: host(on), port: port(number) },
        released: false,
        mac: mac(number),
        moves: 7,
    };
    let key_of = |address: IpAddr| VipKey { vni: vni(vpc), address };
    let about = |kind, key, record| Message::Record { kind, key, record };
    let kinds = [
        RecordKind::Announce,
        RecordKind::Correction,
        RecordKind::Doubt,
        RecordKind::Alive,
        RecordKind::AdvertStalled,
    ];
    let mut said = vec![Message::EchoRequest, Message::EchoReply { to: Some(host(1)) }];
    let of_segment = [IpAddr::from(segment::VIP), segment::VIP6.into()];
    for address in [IpAddr::from(vip(1)), vip6(1).into(), own(13).into()].into_iter().chain(of_segment) {
        for kind in kinds {
            said.push(about(kind, key_of(address), record(1 << 20, 2, 13)));
            said.push(about(kind, key_of(address), record(1 << 60, 1, number)));
        }
    }
    let sealed = |message| {
        let announcement = Announcement { from: host(2), hops: 0, nonce: 0, sent_at: 0, message };
        frame(ANNOUNCEMENT_SOURCE, MacAddr::BROADCAST)
            .raw(EtherType::ANNOUNCEMENT, &announcement.sealed(&key(1)))
    };
    said.into_iter().map(sealed).collect()
}

/// What comes in by the edge.
fn of_outside() -> Vec<Vec<u8>> {
    let mut all = vec![];
    for number in [11, 12, 21, 31] {
        all.extend(packets(frame(ROUTER_MAC, EDGE_MAC), CLIENT, eip(number)));
        all.push(frame(ROUTER_MAC, MacAddr::BROADCAST).arp(Arp::request(ROUTER_MAC, CLIENT, eip(number))));
        all.push(frame(ROUTER_MAC, EDGE_MAC).ip(CLIENT, eip(number)).vrrp(&vrrp(0, vec![vip(1).into()])));
        all.extend(packets6(frame(ROUTER_MAC, EDGE_MAC), CLIENT6, eip6(number)));
        all.push(six::solicitation(ROUTER_MAC, link_local(ROUTER_MAC), eip6(number)));
        all.push(six::solicitation(ROUTER_MAC, NOBODY, eip6(number)));
    }
    all.extend(packets(frame(ROUTER_MAC, EDGE_MAC), CLIENT, Ipv4Addr::new(203, 0, 113, 2)));
    all
}

/// What a guest of the external subnet sends, inside and to the outside.
fn of_segment(number: u32) -> Vec<Vec<u8>> {
    let (its_mac, link_local) = (mac(number), link_local(mac(number)));
    let (four, six) =
        if number == 42 { (segment::VIP, segment::VIP6) } else { (outer(number), outer6(number)) };
    let to = || frame(its_mac, ROUTER_MAC);
    let router = self::link_local(ROUTER_MAC);
    let mut all = vec![
        gratuitous_arp(its_mac, segment::VIP),
        six::announcement(its_mac, segment::VIP6),
        frame(its_mac, MacAddr::BROADCAST).arp(Arp::request(its_mac, Ipv4Addr::UNSPECIFIED, segment::VIP)),
        six::solicitation(its_mac, six::NOBODY, segment::VIP6),
        to().ip(four, outer(1)).vrrp(&vrrp(0, vec![segment::VIP.into()])),
        to().ip6(six, outer6(1)).vrrp(&vrrp(0, vec![segment::VIP6.into()])),
    ];
    for other in
        [outer(1), outer(2), outer(41), outer(43), outer(70), segment::VIP, own(11), CLIENT, underlay(2)]
    {
        all.extend(packets(to(), four, other));
        all.push(frame(its_mac, MacAddr::BROADCAST).arp(Arp::request(its_mac, four, other)));
    }
    let inside6 = [outer6(2), outer6(41), outer6(43), segment::VIP6, self::link_local(mac(41))];
    for other in inside6.into_iter().chain([outer6(1), outer6(70), router, own6(11), CLIENT6]) {
        all.extend(packets6(to(), six, other));
        all.push(six::solicitation(its_mac, six, other));
        all.push(six::solicitation(its_mac, link_local, other));
    }
    all
}

/// What comes from the provider's network.
fn of_providers() -> Vec<Vec<u8>> {
    let router = link_local(ROUTER_MAC);
    let mut all = vec![
        gratuitous_arp(ROUTER_MAC, outer(1)),
        gratuitous_arp(ROUTER_MAC, segment::VIP),
        six::announcement(ROUTER_MAC, outer6(1)),
        six::announcement(ROUTER_MAC, segment::VIP6),
    ];
    for (number, four, six) in [
        (41, outer(41), outer6(41)),
        (42, segment::VIP, segment::VIP6),
        (43, outer(43), outer6(43)),
        (42, own(11), own6(11)),
    ] {
        let to = || frame(ROUTER_MAC, mac(number));
        let guests = link_local(mac(number));
        all.extend(packets(to(), CLIENT, four));
        all.push(to().ip(outer(1), four).vrrp(&vrrp(0, vec![segment::VIP.into()])));
        all.push(frame(ROUTER_MAC, MacAddr::BROADCAST).arp(Arp::request(ROUTER_MAC, outer(1), four)));
        all.push(to().arp(Arp::request(mac(number), four, outer(1)).answer(ROUTER_MAC)));
        for destination in [six, guests] {
            all.extend(packets6(to(), CLIENT6, destination));
            all.extend(packets6(to(), router, destination));
            all.push(six::solicitation(ROUTER_MAC, router, destination));
            all.push(six::solicitation(ROUTER_MAC, NOBODY, destination));
            let said =
                six::Said { router: true, solicited: true, override_flag: true, mac: Some(ROUTER_MAC) };
            all.push(six::advertisement(ROUTER_MAC, mac(number), router, destination, router, said));
        }
        all.push(to().ip6(outer6(1), six).vrrp(&vrrp(0, vec![segment::VIP6.into()])));
    }
    all
}
