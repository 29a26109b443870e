//! A frame in one line, for people who look on.
//!
//! The frame may be cut, and a checksum may not be there yet, as its device would have written it: what cannot be
//! read is named by what can.

use crate::{
    Announcement, Arp, ArpOperation, Authentication, Dhcp, EtherType, Ethernet, Icmp, IcmpError, Icmpv6,
    Icmpv6Error, Ipv4, Ipv6, Message, Nd, Protocol, RecordKind, Tcp, TcpFlags, Udp, Vrrp, VrrpVersion,
    known::{DHCP_CLIENT_PORT, DHCP_SERVER_PORT},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What a frame is, in one line.
///
/// ```
/// let mac = havip_model::MacAddr([2, 0, 0, 0, 0, 11]);
/// let frame = havip_wire::build::gratuitous_arp(mac, [10, 0, 0, 100].into());
/// assert_eq!(havip_wire::describe(&frame), "ARP announcement 10.0.0.100 is-at 02:00:00:00:00:0b");
/// ```
pub fn describe(frame: &[u8]) -> String {
    let Ok(frame) = Ethernet::decode(frame) else { return format!("{} bytes, no frame", frame.len()) };
    let tags: String = frame
        .tags
        .iter()
        .map(|tag| format!("{} {} ", if tag.service { "QinQ" } else { "VLAN" }, tag.vlan_id()))
        .collect();
    tags + &match frame.ether_type {
        EtherType::ARP => arp(frame.payload),
        EtherType::RARP => format!("RARP from {}", frame.source),
        EtherType::IPV4 => ipv4(frame.payload),
        EtherType::IPV6 => ipv6(frame.payload),
        EtherType::ANNOUNCEMENT => announcement(frame.payload),
        length if length.is_length() => format!("802.3 {} > {}", frame.source, frame.destination),
        other => format!("{other:?} {} > {}", frame.source, frame.destination),
    }
}

fn arp(bytes: &[u8]) -> String {
    let Ok(arp) = Arp::decode(bytes) else { return "ARP, malformed".into() };
    let Arp { sender_mac, sender, target, .. } = arp;
    match arp.operation {
        _ if arp.is_gratuitous() => format!("ARP announcement {sender} is-at {sender_mac}"),
        _ if arp.is_probe() => format!("ARP probe who-has {target} from {sender_mac}"),
        ArpOperation::ReverseRequest | ArpOperation::ReverseReply => format!("RARP in ARP from {sender_mac}"),
        ArpOperation::Request => format!("ARP who-has {target} tell {sender}"),
        ArpOperation::Reply => format!("ARP {sender} is-at {sender_mac}"),
    }
}

fn ipv4(bytes: &[u8]) -> String {
    let Ok(packet) = Ipv4::decode_quoted(bytes) else { return "IPv4, malformed".into() };
    let (source, destination) = (packet.source, packet.destination);
    if !packet.has_transport_header() {
        return format!("{source} > {destination} {:?}, later fragment", packet.protocol);
    }
    upper(packet.protocol, source.into(), destination.into(), packet.payload, || {
        icmp(packet.payload, source, destination)
    })
}

fn ipv6(bytes: &[u8]) -> String {
    let Ok(packet) = Ipv6::decode_quoted(bytes) else { return "IPv6, malformed".into() };
    let (source, destination) = (packet.source, packet.destination);
    let Ok(its) = packet.upper() else { return format!("{source} > {destination}, malformed extensions") };
    if its.fragment.is_some_and(|fragment| fragment.offset > 0) {
        return format!("{source} > {destination} {:?}, later fragment", its.protocol);
    }
    upper(its.protocol, source.into(), destination.into(), its.payload, || {
        icmpv6(its.payload, source, destination)
    })
}

/// What both families carry; `icmp` says what theirs is.
fn upper(
    protocol: Protocol,
    source: IpAddr,
    destination: IpAddr,
    payload: &[u8],
    icmp: impl FnOnce() -> String,
) -> String {
    let ends = |from: u16, to: u16| {
        format!("{} > {}", SocketAddr::new(source, from), SocketAddr::new(destination, to))
    };
    match protocol {
        Protocol::TCP => match Tcp::decode(payload) {
            Ok(tcp) => format!("{} TCP {}", ends(tcp.source, tcp.destination), flags(tcp.flags)),
            Err(_) => format!("{source} > {destination} TCP, cut"),
        },
        Protocol::UDP => match (ports(payload), payload.get(Udp::LEN..).map(Dhcp::decode)) {
            (
                Some((DHCP_CLIENT_PORT | DHCP_SERVER_PORT, DHCP_CLIENT_PORT | DHCP_SERVER_PORT)),
                Some(Ok(dhcp)),
            ) => {
                format!("{source} > {destination} DHCP {:?} of {}", dhcp.kind, dhcp.mac)
            }
            (Some((from, to)), _) => format!("{} UDP", ends(from, to)),
            (None, _) => format!("{source} > {destination} UDP, cut"),
        },
        Protocol::VRRP => match Vrrp::decode(payload, source, destination) {
            Ok(advert) => format!("{source} > {destination} {}", vrrp(&advert)),
            // CARP, or an advert that keepalived would not take.
            Err(error) => format!("{source} > {destination} protocol 112: {error}"),
        },
        Protocol::ICMP | Protocol::ICMPV6 => icmp(),
        other => format!("{source} > {destination} {other:?}"),
    }
}

fn ports(payload: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d, ..] = *payload else { return None };
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

fn flags(flags: TcpFlags) -> String {
    let named = [
        (TcpFlags::SYN, "SYN"),
        (TcpFlags::FIN, "FIN"),
        (TcpFlags::RST, "RST"),
        (TcpFlags::PSH, "PSH"),
        (TcpFlags::ACK, "ACK"),
    ];
    named.into_iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| name).collect::<Vec<_>>().join(" ")
}

fn vrrp(advert: &Vrrp) -> String {
    let version = match &advert.version {
        VrrpVersion::V2 { authentication: Authentication::None, .. } => "v2",
        VrrpVersion::V2 { authentication: Authentication::Password(_), .. } => "v2 with password",
        VrrpVersion::V2 { authentication: Authentication::Header(_), .. } => "v2 with AH",
        VrrpVersion::V3 { .. } => "v3",
    };
    let addresses: Vec<String> = advert.addresses.iter().map(IpAddr::to_string).collect();
    format!(
        "VRRP {version} router {} priority {} each {} ms: {}",
        advert.vrid,
        advert.priority,
        u32::from(advert.interval_centis()) * 10,
        addresses.join(" ")
    )
}

fn icmp(bytes: &[u8], source: Ipv4Addr, destination: Ipv4Addr) -> String {
    let what = match Icmp::decode(bytes) {
        Ok(Icmp::EchoRequest { sequence, .. }) => format!("echo request {sequence}"),
        Ok(Icmp::EchoReply { sequence, .. }) => format!("echo reply {sequence}"),
        Ok(Icmp::Error { error, quoted }) => {
            let about = Ipv4::decode_quoted(quoted)
                .map(|packet| format!(" about a packet to {}", packet.destination));
            let error = match error {
                IcmpError::NETWORK_UNREACHABLE => "network unreachable".to_owned(),
                IcmpError::HOST_UNREACHABLE => "host unreachable".to_owned(),
                IcmpError::PORT_UNREACHABLE => "port unreachable".to_owned(),
                IcmpError::PROHIBITED => "prohibited".to_owned(),
                IcmpError::FragmentationNeeded { mtu } => format!("too big, at most {mtu}"),
                IcmpError::TimeExceeded { .. } => "time exceeded".to_owned(),
                other => format!("{other:?}"),
            };
            error + &about.unwrap_or_default()
        }
        Ok(Icmp::Other { kind, code, .. }) => format!("type {kind} code {code}"),
        // Cut, or the kernel has not yet written the checksum.
        Err(_) => kind_of(bytes),
    };
    format!("{source} > {destination} ICMP {what}")
}

fn icmpv6(bytes: &[u8], source: Ipv6Addr, destination: Ipv6Addr) -> String {
    let what = match Icmpv6::decode(bytes, source, destination) {
        Ok(Icmpv6::EchoRequest { sequence, .. }) => format!("echo request {sequence}"),
        Ok(Icmpv6::EchoReply { sequence, .. }) => format!("echo reply {sequence}"),
        Ok(Icmpv6::Nd(nd)) => neighbour(&nd),
        Ok(Icmpv6::Error { error, quoted }) => {
            let about = Ipv6::decode_quoted(quoted)
                .map(|packet| format!(" about a packet to {}", packet.destination));
            let error = match error {
                Icmpv6Error::Unreachable { code: 1 } => "prohibited".to_owned(),
                Icmpv6Error::Unreachable { code: 4 } => "port unreachable".to_owned(),
                Icmpv6Error::Unreachable { .. } => "unreachable".to_owned(),
                Icmpv6Error::PacketTooBig { mtu } => format!("too big, at most {mtu}"),
                Icmpv6Error::TimeExceeded { .. } => "time exceeded".to_owned(),
                other => format!("{other:?}"),
            };
            error + &about.unwrap_or_default()
        }
        Ok(Icmpv6::Other { kind, code, .. }) => format!("type {kind} code {code}"),
        Err(_) => kind_of(bytes),
    };
    format!("{source} > {destination} ICMPv6 {what}")
}

fn kind_of(bytes: &[u8]) -> String {
    match *bytes {
        [kind, code, ..] => format!("type {kind} code {code}"),
        _ => "cut".into(),
    }
}

fn neighbour(nd: &Nd<'_>) -> String {
    match nd {
        Nd::RouterSolicitation { .. } => "router solicitation".into(),
        Nd::RouterAdvertisement { .. } => "router advertisement".into(),
        Nd::NeighbourSolicitation { target, .. } => format!("who-has {target}"),
        Nd::NeighbourAdvertisement { target, .. } => {
            let whose = nd.target_mac().map(|mac| format!(" is-at {mac}")).unwrap_or_default();
            format!("{}{target}{whose}", if nd.is_gratuitous() { "announcement " } else { "" })
        }
    }
}

fn announcement(bytes: &[u8]) -> String {
    let Ok(said) = Announcement::decode(bytes) else { return "a host's message, malformed".into() };
    let what = match said.message {
        Message::EchoRequest => "echo".to_owned(),
        Message::EchoReply { .. } => "echo returned".to_owned(),
        Message::Record { kind, key, record } => {
            let kind = match kind {
                RecordKind::Announce => "announces",
                RecordKind::AnnounceDown => "announces (port down)",
                RecordKind::Correction => "corrects",
                RecordKind::Doubt => "doubts",
                RecordKind::Alive => "says alive",
                RecordKind::AdvertStalled => "says stalled",
            };
            let released = if record.released { ", released" } else { "" };
            let holder = record.holder;
            format!(
                "{kind} {} of VPC {}: port {} on host {}{released}, epoch {}",
                key.address,
                key.vni,
                holder.port.get(),
                holder.host.get(),
                record.epoch.0
            )
        }
    };
    format!("host {} {what}", said.from.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{VlanTag, build, known};
    use havip_model::MacAddr;

    fn mac() -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, 11])
    }

    fn frame(ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
        let ethernet =
            Ethernet { destination: MacAddr::BROADCAST, source: mac(), tags: vec![], ether_type, payload };
        ethernet.encode()
    }

    fn in_ipv4(protocol: Protocol, payload: &[u8]) -> Vec<u8> {
        let packet = Ipv4::new([10, 0, 0, 11].into(), [10, 0, 0, 100].into(), protocol, payload);
        frame(EtherType::IPV4, &packet.encode())
    }

    #[test]
    fn every_kind_of_frame_has_its_words() {
        let (source, destination): (Ipv4Addr, Ipv4Addr) = ([10, 0, 0, 11].into(), [10, 0, 0, 100].into());
        let probe = Arp::request(mac(), Ipv4Addr::UNSPECIFIED, destination);
        let asked = Arp::request(mac(), source, destination);
        let tcp = Tcp::new(40000, 80, TcpFlags::SYN, &[]).encode(source.into(), destination.into());
        let udp = Udp::new(5000, 53, b"x").encode(source.into(), destination.into());
        let ping = Icmp::EchoRequest { identifier: 1, sequence: 7, data: b"x" }.encode();
        let quoted = Ipv4::new(source, destination, Protocol::UDP, &udp).encode();
        let error = Icmp::Error { error: IcmpError::HOST_UNREACHABLE, quoted: &quoted }.encode();
        let advert = Vrrp {
            vrid: 51,
            priority: 100,
            version: VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::None },
            addresses: vec![destination.into()],
        };
        let advert = advert.encode(source.into(), destination.into());
        let table = [
            (
                build::gratuitous_arp(mac(), destination),
                "ARP announcement 10.0.0.100 is-at 02:00:00:00:00:0b",
            ),
            (frame(EtherType::ARP, &probe.encode()), "ARP probe who-has 10.0.0.100 from 02:00:00:00:00:0b"),
            (frame(EtherType::ARP, &asked.encode()), "ARP who-has 10.0.0.100 tell 10.0.0.11"),
            (frame(EtherType::ARP, &asked.answer(mac()).encode()), "ARP 10.0.0.100 is-at 02:00:00:00:00:0b"),
            (frame(EtherType::ARP, b"short"), "ARP, malformed"),
            (frame(EtherType::RARP, &[]), "RARP from 02:00:00:00:00:0b"),
            (frame(EtherType(0x88cc), &[]), "type 88cc 02:00:00:00:00:0b > ff:ff:ff:ff:ff:ff"),
            (frame(EtherType(64), &[]), "802.3 02:00:00:00:00:0b > ff:ff:ff:ff:ff:ff"),
            (in_ipv4(Protocol::TCP, &tcp), "10.0.0.11:40000 > 10.0.0.100:80 TCP SYN"),
            (in_ipv4(Protocol::UDP, &udp), "10.0.0.11:5000 > 10.0.0.100:53 UDP"),
            (in_ipv4(Protocol::ICMP, &ping), "10.0.0.11 > 10.0.0.100 ICMP echo request 7"),
            (
                in_ipv4(Protocol::ICMP, &error),
                "10.0.0.11 > 10.0.0.100 ICMP host unreachable about a packet to 10.0.0.100",
            ),
            (
                in_ipv4(Protocol::VRRP, &advert),
                "10.0.0.11 > 10.0.0.100 VRRP v2 router 51 priority 100 each 1000 ms: 10.0.0.100",
            ),
            (in_ipv4(Protocol::ESP, &[0; 8]), "10.0.0.11 > 10.0.0.100 protocol 50"),
            (vec![1, 2, 3], "3 bytes, no frame"),
        ];
        for (frame, words) in table {
            assert_eq!(describe(&frame), words);
        }
    }

    #[test]
    fn tags_come_first() {
        let ethernet = Ethernet {
            destination: MacAddr::BROADCAST,
            source: mac(),
            tags: vec![VlanTag::vlan(7)],
            ether_type: EtherType::RARP,
            payload: &[],
        };
        assert_eq!(describe(&ethernet.encode()), "VLAN 7 RARP from 02:00:00:00:00:0b");
    }

    #[test]
    fn what_is_cut_is_named_by_what_is_there() {
        let source: Ipv4Addr = [10, 0, 0, 11].into();
        let udp = Udp::new(5000, 53, &[0; 1000]).encode(source.into(), source.into());
        let cut = &in_ipv4(Protocol::UDP, &udp)[..100];
        assert_eq!(describe(cut), "10.0.0.11:5000 > 10.0.0.100:53 UDP");
        assert_eq!(describe(&cut[..36]), "10.0.0.11 > 10.0.0.100 UDP, cut");
        let ping = Icmp::EchoRequest { identifier: 1, sequence: 7, data: &[9; 100] }.encode();
        assert_eq!(
            describe(&in_ipv4(Protocol::ICMP, &ping)[..80]),
            "10.0.0.11 > 10.0.0.100 ICMP type 8 code 0"
        );
    }

    #[test]
    fn neighbour_discovery_says_who_has_what() {
        let (source, all) = ("fd00::b".parse::<Ipv6Addr>().unwrap(), known::ALL_NODES);
        let nd = Nd::NeighbourAdvertisement {
            router: false,
            solicited: false,
            override_flag: true,
            target: "fd00::64".parse().unwrap(),
            options: vec![crate::NdOption::TargetMac(mac())],
        };
        let icmp = Icmpv6::Nd(nd).encode(source, all);
        let packet = Ipv6::new(source, all, Protocol::ICMPV6, &icmp);
        assert_eq!(
            describe(&frame(EtherType::IPV6, &packet.encode())),
            "fd00::b > ff02::1 ICMPv6 announcement fd00::64 is-at 02:00:00:00:00:0b"
        );
    }
}
