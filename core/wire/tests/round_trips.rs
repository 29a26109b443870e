//! Random values of every kind are read as they were written, and what is cut is refused.

use havip_model::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Record, VipKey, Vni};
use havip_wire::*;
use proptest::{collection::vec, option, prelude::*, sample::select};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn mac() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..200)
}

/// Whole words, as options of IPv4 and TCP are.
fn words() -> impl Strategy<Value = Vec<u8>> {
    (0..=10_usize).prop_flat_map(|words| vec(any::<u8>(), words * 4))
}

/// Reads as written, and no prefix shorter than `least` is accepted.
fn check<T: PartialEq + Debug>(
    value: &T,
    bytes: &[u8],
    least: usize,
    read: impl Fn(&[u8]) -> Result<T, DecodeError>,
) {
    assert_eq!(read(bytes).as_ref(), Ok(value));
    for end in 0..least {
        let error = read(&bytes[..end]).expect_err("a cut packet is refused");
        assert!(!matches!(error, DecodeError::Wrong { .. }), "{end} of {least} bytes: {error}");
    }
}

proptest! {
    #[test]
    fn ethernet(
        destination in mac(),
        source in mac(),
        tags in vec((any::<bool>(), any::<u16>()).prop_map(|(service, control)| VlanTag { service, control }), 0..3),
        ether_type in any::<u16>().prop_filter("no tag", |t| ![0x8100, 0x88a8].contains(t)).prop_map(EtherType),
        payload in data(),
    ) {
        let payload = payload.as_slice();
        let frame = Ethernet { destination, source, tags, ether_type, payload };
        let bytes = frame.encode();
        prop_assert_eq!(Ethernet::decode(&bytes), Ok(frame.clone()));
        for end in 0..bytes.len() - payload.len() {
            prop_assert!(Ethernet::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn arp(
        operation in select(&[
            ArpOperation::Request, ArpOperation::Reply, ArpOperation::ReverseRequest, ArpOperation::ReverseReply,
        ][..]),
        sender_mac in mac(),
        sender: Ipv4Addr,
        target_mac in mac(),
        target: Ipv4Addr,
        padding in data(),
    ) {
        let arp = Arp { operation, sender_mac, sender, target_mac, target };
        let bytes = [arp.encode(), padding].concat();
        check(&arp, &bytes, Arp::LEN, Arp::decode);
    }

    #[test]
    fn ipv4(
        (tos, identification, ttl, protocol) in any::<(u8, u16, u8, u8)>(),
        (dont_fragment, more_fragments) in any::<(bool, bool)>(),
        fragment_offset in 0..=0x1fff_u16,
        (source, destination) in any::<(Ipv4Addr, Ipv4Addr)>(),
        options in words(),
        payload in data(),
        padding in vec(any::<u8>(), 0..20),
    ) {
        let packet = Ipv4 {
            tos, identification, dont_fragment, more_fragments, fragment_offset, ttl, protocol: Protocol(protocol),
            source, destination, options: &options, payload: &payload,
        };
        let whole = packet.encode();
        let bytes = [whole.clone(), padding].concat();
        prop_assert_eq!(Ipv4::decode(&bytes), Ok(packet));
        prop_assert_eq!(Ipv4::decode_quoted(&bytes), Ok(packet));
        prop_assert_eq!(packet.is_fragment(), more_fragments || fragment_offset > 0);
        for end in 0..whole.len() {
            prop_assert!(Ipv4::decode(&whole[..end]).is_err());
        }
    }

    #[test]
    fn ipv6(
        (traffic_class, next_header, hop_limit) in any::<(u8, u8, u8)>(),
        flow_label in 0..1_u32 << 20,
        (source, destination) in any::<(Ipv6Addr, Ipv6Addr)>(),
        payload in data(),
        padding in vec(any::<u8>(), 0..20),
    ) {
        let next_header = Protocol(next_header);
        let payload = payload.as_slice();
        let packet = Ipv6 { traffic_class, flow_label, next_header, hop_limit, source, destination, payload };
        let whole = packet.encode();
        let bytes = [whole.clone(), padding].concat();
        prop_assert_eq!(Ipv6::decode(&bytes), Ok(packet));
        for end in 0..whole.len() {
            prop_assert!(Ipv6::decode(&whole[..end]).is_err());
        }
    }

    #[test]
    fn icmp(identifier: u16, sequence: u16, code in 14..=200_u8, gateway: Ipv4Addr, data in data()) {
        let data = data.as_slice();
        let error = |error| Icmp::Error { error, quoted: data };
        for message in [
            Icmp::EchoRequest { identifier, sequence, data },
            Icmp::EchoReply { identifier, sequence, data },
            error(IcmpError::Unreachable { code }),
            error(IcmpError::FragmentationNeeded { mtu: sequence }),
            error(IcmpError::SourceQuench),
            error(IcmpError::Redirect { code, gateway }),
            error(IcmpError::TimeExceeded { code }),
            error(IcmpError::ParameterProblem { code, pointer: code }),
            Icmp::Other { kind: code, code, rest: gateway.octets(), data },
        ] {
            let bytes = message.encode();
            prop_assert_eq!(Icmp::decode(&bytes), Ok(message));
            for end in 0..Icmp::LEN {
                prop_assert!(Icmp::decode(&bytes[..end]).is_err());
            }
            let mut broken = bytes.clone();
            broken[4] ^= 0x40;
            prop_assert!(Icmp::decode(&broken).is_err());
        }
    }

    #[test]
    fn icmpv6((identifier, sequence, code, mtu) in any::<(u16, u16, u8, u32)>(), data in data()) {
        let (source, destination) = ends6();
        let data = data.as_slice();
        let error = |error| Icmpv6::Error { error, quoted: data };
        for message in [
            Icmpv6::EchoRequest { identifier, sequence, data },
            Icmpv6::EchoReply { identifier, sequence, data },
            error(Icmpv6Error::Unreachable { code }),
            error(Icmpv6Error::PacketTooBig { mtu }),
            error(Icmpv6Error::TimeExceeded { code }),
            error(Icmpv6Error::ParameterProblem { code, pointer: mtu }),
            Icmpv6::Other { kind: 143, code, data },
        ] {
            let bytes = message.encode(source, destination);
            prop_assert_eq!(Icmpv6::decode(&bytes, source, destination), Ok(message.clone()));
            prop_assert!(Icmpv6::decode(&bytes[..3], source, destination).is_err());
        }
    }

    #[test]
    fn nd(
        (router, override_flag) in any::<(bool, bool)>(),
        target in any::<Ipv6Addr>().prop_filter("unicast", |target| !target.is_multicast()),
        (hop_limit, flags, lifetime_secs) in any::<(u8, u8, u16)>(),
        (reachable_ms, retransmit_ms) in any::<(u32, u32)>(),
        options in vec((0..5_u8, any::<[u8; 6]>(), any::<u32>(), 0..=128_u8), 0..5),
    ) {
        let options = options.iter().map(|(which, bytes, number, length)| match which {
            0 => NdOption::SourceMac(MacAddr(*bytes)),
            1 => NdOption::TargetMac(MacAddr(*bytes)),
            2 => NdOption::Mtu(*number),
            3 => NdOption::Prefix(Prefix {
                length: *length, flags, valid_secs: *number, preferred_secs: reachable_ms, prefix: target,
            }),
            _ => NdOption::Other { kind: 31, data: bytes },
        }).collect::<Vec<_>>();
        let (source, destination) = ends6();
        for nd in [
            Nd::RouterSolicitation { options: options.clone() },
            Nd::RouterAdvertisement {
                hop_limit, flags, lifetime_secs, reachable_ms, retransmit_ms, options: options.clone(),
            },
            Nd::NeighbourSolicitation { target, options: options.clone() },
            Nd::NeighbourAdvertisement { router, solicited: true, override_flag, target, options: options.clone() },
        ] {
            let message = Icmpv6::Nd(nd);
            let bytes = message.encode(source, destination);
            prop_assert_eq!(Icmpv6::decode(&bytes, source, destination), Ok(message));
        }
    }

    #[test]
    fn udp((source, destination) in any::<(u16, u16)>(), has_checksum: bool, payload in data()) {
        let udp = Udp { source, destination, has_checksum, payload: &payload };
        let (from, to) = ends();
        let bytes = udp.encode(from, to);
        prop_assert_eq!(Udp::decode(&bytes), Ok(udp));
        prop_assert!(checksum::segment_is_right(from, to, Protocol::UDP, &bytes));
        for end in 0..bytes.len() {
            prop_assert!(Udp::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn tcp(
        (source, destination, sequence, acknowledgement) in any::<(u16, u16, u32, u32)>(),
        (flags, window, urgent) in any::<(u8, u16, u16)>(),
        options in words(),
        payload in data(),
    ) {
        let tcp = Tcp {
            source, destination, sequence, acknowledgement, flags: TcpFlags(flags), window, urgent,
            options: &options, payload: &payload,
        };
        let (from, to) = ends();
        let bytes = tcp.encode(from, to);
        prop_assert_eq!(Tcp::decode(&bytes), Ok(tcp));
        prop_assert!(checksum::segment_is_right(from, to, Protocol::TCP, &bytes));
        for end in 0..Tcp::LEN + options.len() {
            prop_assert!(Tcp::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn the_mss_is_found_behind_other_options(before in 0..6_usize, mss: u16) {
        let [high, low] = mss.to_be_bytes();
        let mut options = vec![1; before];
        options.extend([3, 3, 7, 2, 4, high, low]);
        options.resize(options.len().next_multiple_of(4), 0);
        let tcp = Tcp { options: &options, ..Tcp::new(1, 2, TcpFlags::SYN, &[]) };
        prop_assert_eq!(tcp.max_segment_size(), Some(mss));
    }

    #[test]
    fn vxlan(vni in 0..1_u32 << 24, payload in data()) {
        let vxlan = Vxlan { vni, payload: &payload };
        let bytes = vxlan.encode();
        prop_assert_eq!(Vxlan::decode(&bytes), Ok(vxlan));
        for end in 0..Vxlan::LEN {
            prop_assert!(Vxlan::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn vrrp(
        vrid in 1..=255_u8,
        priority: u8,
        kind in 0..6,
        interval_secs: u8,
        interval_centis in 0..4096_u16,
        secret: [u8; 8],
        addresses in vec(any::<[u8; 16]>(), 1..=255),
    ) {
        let v2 = |authentication| VrrpVersion::V2 { interval_secs, authentication };
        let v3 = |checksum| VrrpVersion::V3 { interval_centis, checksum };
        let version = match kind {
            0 => v2(Authentication::None),
            1 => v2(Authentication::Password(secret)),
            2 => v2(Authentication::Header(secret)),
            3 => v3(ChecksumForm::Plain),
            _ => v3(ChecksumForm::Pseudo),
        };
        let (source, destination) = if kind == 5 { (ends6().0.into(), ends6().1.into()) } else { ends() };
        let address = |bytes: &[u8; 16]| match (kind, bytes) {
            (5, _) => Ipv6Addr::from(*bytes).into(),
            (_, [.., a, b, c, d]) => IpAddr::from([*a, *b, *c, *d]),
        };
        let advert = Vrrp { vrid, priority, version, addresses: addresses.iter().map(address).collect() };
        let bytes = advert.encode(source, destination);
        check(&advert, &bytes, bytes.len(), |bytes| Vrrp::decode(bytes, source, destination));
    }

    #[test]
    fn dhcp(
        kind in select(&[
            DhcpKind::Discover, DhcpKind::Offer, DhcpKind::Request, DhcpKind::Decline, DhcpKind::Ack, DhcpKind::Nak,
            DhcpKind::Release, DhcpKind::Inform,
        ][..]),
        (hops, transaction, seconds, broadcast) in any::<(u8, u32, u16, bool)>(),
        [client, yours, next_server, relay] in any::<[Ipv4Addr; 4]>(),
        mac in mac(),
        (requested, server, mask) in option::of(any::<[Ipv4Addr; 3]>()).prop_map(|some| match some {
            Some([a, b, c]) => (Some(a), Some(b), Some(c)),
            None => (None, None, None),
        }),
        (lease_secs, renewal_secs, rebinding_secs) in any::<(Option<u32>, Option<u32>, Option<u32>)>(),
        (mtu, max_size) in any::<(Option<u16>, Option<u16>)>(),
        routers in vec(any::<Ipv4Addr>(), 0..3),
        name_servers in vec(any::<Ipv4Addr>(), 0..100),
        client_id in data(),
        host_name in vec(any::<u8>(), 0..600),
        wanted in data(),
    ) {
        let options = DhcpOptions {
            requested, server, lease_secs, renewal_secs, rebinding_secs, mask, routers, name_servers, mtu, client_id,
            host_name, wanted, max_size,
        };
        let message =
            Dhcp { kind, hops, transaction, seconds, broadcast, client, yours, next_server, relay, mac, options };
        let bytes = message.encode();
        prop_assert_eq!(Dhcp::decode(&bytes), Ok(message));
        for end in 0..241 {
            prop_assert!(Dhcp::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn announcement(
        (from, holder_host) in (1..1_u32 << 31, 1..1_u32 << 31),
        (port, vni) in (1..=u32::MAX, 1..1_u32 << 22),
        (hops, nonce, sent_at, moves, released) in any::<(u8, u64, u64, u32, bool)>(),
        (incarnation, epoch) in (any::<u64>(), 0..1_u64 << 63),
        address: [u8; 16],
        mac in mac(),
        tail in data(),
        kind in select(&[
            RecordKind::Announce, RecordKind::AnnounceDown, RecordKind::Correction, RecordKind::Doubt, RecordKind::Alive,
            RecordKind::AdvertStalled,
        ][..]),
    ) {
        let host = |number| HostNumber::new(number).unwrap();
        let holder = Holder { host: host(holder_host), port: PortNumber::new(port).unwrap() };
        let released = released || kind == RecordKind::AnnounceDown;
        let record =
            Record { incarnation: Incarnation(incarnation), epoch: Epoch(epoch), holder, released, mac, moves };
        let key = VipKey { vni: Vni::new(vni).unwrap(), address: from_mapped(address) };
        let to = Some(host(holder_host));
        for message in [Message::Record { kind, key, record }, Message::EchoRequest, Message::EchoReply { to }] {
            let announcement = Announcement { from: host(from), hops, nonce, sent_at, message };
            let mut bytes = announcement.encode();
            prop_assert_eq!(bytes.len(), Announcement::LEN);
            // Version 1 ended before the time of sending.
            let mut first = bytes[..76].to_vec();
            (first[2], first[3]) = (1, 76);
            let unsealed = Announcement { sent_at: 0, ..announcement };
            check(&unsealed, &first, 76, Announcement::decode);
            // A later version with a tail.
            bytes[2] = 3;
            bytes[3] += tail.len().min(100) as u8;
            bytes.extend(&tail);
            check(&announcement, &bytes, Announcement::LEN + tail.len().min(100), Announcement::decode);
        }
    }
}

fn ends() -> (IpAddr, IpAddr) {
    (Ipv4Addr::new(10, 20, 1, 1).into(), Ipv4Addr::new(10, 20, 1, 2).into())
}

fn ends6() -> (Ipv6Addr, Ipv6Addr) {
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2))
}
