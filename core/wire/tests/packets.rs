//! Captured packets: what they say, and that writing them again gives the captured bytes.

mod captured;
mod layers;

use captured::*;
use havip_model::{
    Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Record, SealKey, VipKey, Vni,
};
use havip_wire::*;
use layers::{arp_of, dhcp_of, icmp_of, icmp6_of, ip_of, ip6_of, rewrite, tcp_of, vrrp_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x0a]);
const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x0b]);
const ALICE: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 1);
const BOB: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 2);

#[test]
fn every_captured_packet_is_written_as_it_was_read() {
    for (name, hex) in ALL {
        let frame = bytes(hex);
        if name.starts_with("DHCP") {
            continue; // Options that do not matter are left out.
        }
        let mut written = rewrite(&frame);
        assert!(
            written.len() <= frame.len() && frame.len() - written.len() <= 18,
            "{name}: only padding is lost"
        );
        written.resize(frame.len(), 0);
        assert_eq!(written, frame, "{name}");
    }
}

#[test]
fn keepalived_claims_with_a_gratuitous_request_to_ff() {
    let claim = arp_of(ARP_GRATUITOUS_KEEPALIVED);
    assert_eq!(claim, Arp::gratuitous(A, Ipv4Addr::new(10, 20, 1, 100)));
    assert!(claim.is_gratuitous() && !claim.is_probe());
    assert_eq!(build::gratuitous_arp(A, Ipv4Addr::new(10, 20, 1, 100)), bytes(ARP_GRATUITOUS_KEEPALIVED));
}

#[test]
fn a_request_and_its_answer_are_the_kernels() {
    let request = arp_of(ARP_REQUEST);
    assert_eq!(request, Arp::request(A, ALICE, BOB));
    assert_eq!(arp_of(ARP_REPLY), request.answer(B));
    assert!(!request.is_gratuitous() && !arp_of(ARP_REPLY).is_gratuitous());
    assert!(arp_of(ARP_UNSOLICITED_ARPING).is_gratuitous());
    assert!(Arp::request(A, Ipv4Addr::UNSPECIFIED, BOB).is_probe());
}

#[test]
fn options_and_fragments_of_ipv4_are_seen() {
    let (record_route, last) = (bytes(PING_RECORD_ROUTE), bytes(PING_LAST_FRAGMENT));
    let packet = ip_of(&record_route);
    assert_eq!((packet.options.len(), packet.options[1]), (40, 7), "NOP, then record route");
    assert_eq!((packet.source, packet.destination), (ALICE, BOB));
    let packet = ip_of(&last);
    assert!(packet.is_fragment() && !packet.has_transport_header() && !packet.more_fragments);
    assert_eq!(usize::from(packet.fragment_offset) * 8, 2 * 1480);
}

#[test]
fn icmp_errors_quote_the_packet_they_are_about() {
    let table = [
        (PORT_UNREACHABLE, IcmpError::PORT_UNREACHABLE, BOB, Protocol::UDP),
        (
            FRAGMENTATION_NEEDED,
            IcmpError::FragmentationNeeded { mtu: 1300 },
            [10, 40, 0, 9].into(),
            Protocol::ICMP,
        ),
        (TTL_EXCEEDED, IcmpError::TTL_EXCEEDED, [10, 40, 0, 9].into(), Protocol::ICMP),
        (HOST_UNREACHABLE, IcmpError::HOST_UNREACHABLE, [10, 40, 0, 77].into(), Protocol::ICMP),
    ];
    for (hex, wanted, destination, protocol) in table {
        let frame = bytes(hex);
        let message = icmp_of(&frame);
        let Icmp::Error { error, .. } = message else { panic!("{message:?} is no error") };
        assert_eq!(error, wanted);
        let quoted = message.quoted().unwrap().unwrap();
        assert_eq!((quoted.source, quoted.destination, quoted.protocol), (ALICE, destination, protocol));
    }
    let frame = bytes(PORT_UNREACHABLE6);
    let message = icmp6_of(&frame);
    assert!(
        matches!(message, Icmpv6::Error { error: Icmpv6Error::Unreachable { code: 4 }, .. }),
        "{message:?}"
    );
    assert_eq!(message.quoted().unwrap().unwrap().next_header, Protocol::UDP);
}

#[test]
fn tcp_options_tell_the_largest_segment() {
    let (syn, ack) = (bytes(TCP_SYN), bytes(TCP_ACK));
    assert_eq!(tcp_of(&syn).max_segment_size(), Some(1460));
    assert!(tcp_of(&syn).flags.has(TcpFlags::SYN) && !tcp_of(&syn).flags.has(TcpFlags::ACK));
    assert_eq!(tcp_of(&ack).max_segment_size(), None);
}

#[test]
fn extension_headers_are_followed_to_the_upper_layer() {
    let (report, last) = (bytes(LISTENER_REPORT), bytes(PING6_LAST_FRAGMENT));
    let upper = ip6_of(&report).upper().unwrap();
    assert_eq!(upper.protocol, Protocol::ICMPV6);
    assert_eq!(upper.extensions.iter().map(|e| e.protocol).collect::<Vec<_>>(), [Protocol::HOP_BY_HOP]);
    assert_eq!(upper.payload[0], 143);
    let upper = ip6_of(&last).upper().unwrap();
    let fragment = upper.fragment.unwrap();
    assert_eq!((fragment.offset * 8, fragment.more, upper.protocol), (2896, false, Protocol::ICMPV6));
}

#[test]
fn neighbour_discovery_tells_addresses_routers_and_claims() {
    let nd = |hex: &str| match icmp6_of(&bytes(hex)) {
        Icmpv6::Nd(nd) => (nd.target(), nd.source_mac(), nd.target_mac(), nd.is_gratuitous()),
        other => panic!("{other:?} is no neighbour discovery"),
    };
    let bob: Ipv6Addr = "fd00:20::2".parse().unwrap();
    assert_eq!(nd(NEIGHBOUR_SOLICITATION), (Some(bob), Some(A), None, false));
    assert_eq!(nd(NEIGHBOUR_ADVERTISEMENT), (Some(bob), None, Some(B), false));
    assert_eq!(nd(NEIGHBOUR_ADVERTISEMENT_KEEPALIVED), ("fe80::55".parse().ok(), None, Some(A), true));
    assert_eq!(nd(DAD).1, None);
    let frame = bytes(ROUTER_ADVERTISEMENT);
    let Icmpv6::Nd(Nd::RouterAdvertisement { lifetime_secs, options, .. }) = icmp6_of(&frame) else {
        panic!("radvd sends router advertisements")
    };
    assert_eq!(lifetime_secs, 12);
    assert!(
        options.contains(&NdOption::Mtu(1450)) && options.contains(&NdOption::SourceMac(B)),
        "{options:?}"
    );
    let prefix = Prefix {
        length: 64,
        flags: 0xc0,
        valid_secs: 86_400,
        preferred_secs: 14_400,
        prefix: "fd00:20::".parse().unwrap(),
    };
    assert!(options.contains(&NdOption::Prefix(prefix)), "{options:?}");
}

#[test]
fn keepaliveds_adverts_tell_vrid_priority_interval_and_addresses() {
    let address = |text: &str| vec![text.parse::<IpAddr>().unwrap()];
    let password = Authentication::Password(*b"1111\0\0\0\0");
    let v2 = |authentication| VrrpVersion::V2 { interval_secs: 1, authentication };
    let v3 = VrrpVersion::V3 { interval_centis: 100, checksum: ChecksumForm::Pseudo };
    let two = vec![[10, 20, 1, 102].into(), [10, 20, 1, 103].into()];
    let six = vec!["fe80::55".parse().unwrap(), "fd00:20::100".parse().unwrap()];
    let table = [
        (VRRP2_UNICAST, 51, 100, v2(password), address("10.20.1.100")),
        (VRRP2_UNICAST_RESIGNATION, 51, 0, v2(password), address("10.20.1.100")),
        (VRRP2_MULTICAST, 53, 100, v2(Authentication::None), two),
        (VRRP3_UNICAST, 52, 100, v3, address("10.20.1.101")),
        (VRRP3_UNICAST_RESIGNATION, 52, 0, v3, address("10.20.1.101")),
        (VRRP3_MULTICAST, 54, 100, v3, address("10.20.1.104")),
        (VRRP3_IPV6, 55, 100, v3, six),
    ];
    for (hex, vrid, priority, version, addresses) in table {
        let (advert, ..) = vrrp_of(&bytes(hex));
        assert_eq!(advert, Vrrp { vrid, priority, version, addresses });
        assert_eq!(advert.interval_centis(), 100);
        assert!(advert.can_be_repeated());
    }
}

#[test]
fn the_copy_with_priority_0_is_what_keepalived_sends_when_it_stops() {
    for (live, stopped) in
        [(VRRP2_UNICAST, VRRP2_UNICAST_RESIGNATION), (VRRP3_UNICAST, VRRP3_UNICAST_RESIGNATION)]
    {
        let ((live, source, destination), stopped) = (vrrp_of(&bytes(live)), bytes(stopped));
        let copy = live.resigned();
        assert!(copy.is_resignation() && !live.is_resignation());
        assert_eq!(copy.encode(source, destination), ip_of(&stopped).payload);
    }
}

#[test]
fn all_three_checksums_of_version_3_are_read_and_kept() {
    let (source, destination) = (IpAddr::from(ALICE), IpAddr::from(BOB));
    for checksum in [ChecksumForm::Pseudo, ChecksumForm::Plain, ChecksumForm::PseudoMulticast] {
        let advert = Vrrp {
            vrid: 7,
            priority: 100,
            version: VrrpVersion::V3 { interval_centis: 4095, checksum },
            addresses: vec![source],
        };
        let mut written = advert.encode(source, destination);
        assert_eq!(Vrrp::decode(&written, source, destination), Ok(advert.clone()));
        written[2] ^= 1;
        let broken = DecodeError::Checksum { what: "a VRRP advert" };
        assert_eq!(Vrrp::decode(&written, source, destination), Err(broken));
    }
}

#[test]
fn a_lease_is_answered_as_the_client_can_read_it() {
    let discover = dhcp_of(DHCP_DISCOVER);
    let request = dhcp_of(DHCP_REQUEST);
    assert_eq!((discover.kind, discover.mac, discover.asked_address()), (DhcpKind::Discover, A, None));
    let address = Ipv4Addr::new(10, 20, 1, 51);
    assert_eq!((request.kind, request.asked_address()), (DhcpKind::Request, Some(address)));
    assert_eq!(request.options.server, Some(BOB));

    let lease = Lease { address, prefix_length: 24, router: Some(BOB), server: BOB, mtu: 1450, secs: 86_400 };
    for (ours, theirs, kind) in [
        (discover.offer(&lease), dhcp_of(DHCP_OFFER), DhcpKind::Offer),
        (request.ack(&lease), dhcp_of(DHCP_ACK), DhcpKind::Ack),
    ] {
        assert_eq!((ours.kind, theirs.kind), (kind, kind));
        assert_eq!((ours.yours, ours.transaction, ours.mac), (theirs.yours, theirs.transaction, theirs.mac));
        let said = |o: &DhcpOptions| (o.server, o.lease_secs, o.mask, o.routers.clone(), o.mtu);
        assert_eq!(said(&ours.options), said(&theirs.options));
        assert_eq!(ours.reply_destination(), (A, address));
        assert!(ours.encode().len() >= 300);
    }
    let nak = request.nak(BOB);
    assert_eq!((nak.kind, nak.yours, nak.options.lease_secs), (DhcpKind::Nak, Ipv4Addr::UNSPECIFIED, None));
    assert_eq!(nak.reply_destination(), (MacAddr::BROADCAST, Ipv4Addr::BROADCAST));
}

#[test]
fn the_vxlan_packet_holds_the_arp_request_of_its_network() {
    let frame = bytes(VXLAN);
    let udp = Udp::decode(ip_of(&frame).payload).unwrap();
    assert_eq!((udp.destination, udp.has_checksum), (known::VXLAN_PORT, true));
    let vxlan = Vxlan::decode(udp.payload).unwrap();
    assert_eq!(vxlan.vni, 4660);
    let inner = Ethernet::decode(vxlan.payload).unwrap();
    assert_eq!((inner.destination, inner.ether_type), (MacAddr::BROADCAST, EtherType::ARP));
}

/// A record that web-1 on host 2 holds the VIP, sealed: both what is written and what the kernel must make of it.
#[test]
fn a_sealed_announcement_has_these_very_bytes_and_breaks_with_any_of_them_but_the_hops() {
    let key = SealKey { id: 7, secret: std::array::from_fn(|index| index as u8) };
    let host = |number| HostNumber::new(number).unwrap();
    let holder = Holder { host: host(2), port: PortNumber::new(13).unwrap() };
    let (incarnation, epoch) = (Incarnation(5), Epoch(0x0192_0000_0000_0000));
    let record = Record { incarnation, epoch, holder, released: false, mac: A, moves: 3 };
    let vip = VipKey { vni: Vni::new(100).unwrap(), address: Ipv4Addr::new(10, 20, 1, 100).into() };
    let message = Message::Record { kind: RecordKind::Announce, key: vip, record };
    let announcement = Announcement { from: host(2), hops: 0, nonce: 0, sent_at: 1_000_000_000, message };

    let sealed = announcement.sealed(&key);
    let expected = "4856 02 60 01 00 0000 00000064 00000002 00000000000000000000ffff0a140164 \
                    0000000000000005 0192000000000000 00000002 0000000d MAC 0000 00000003 \
                    0000000000000000 00000007 000000003b9aca00";
    let mac: String = A.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = expected.replace("MAC", &mac).replace(' ', "");
    let shown: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(&shown[..176], expected);
    assert_eq!(sealed[88..], siphash(&key.secret, &sealed[..88]).to_be_bytes());
    assert_eq!(Announcement::decode(&sealed), Ok(announcement));
    assert!(Announcement::is_sealed_by(&key, &sealed));

    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        // A relay counts its hop (rule C4) and cannot make a seal.
        assert_eq!(Announcement::is_sealed_by(&key, &changed), at == 5, "byte {at}");
    }
    assert!(!Announcement::is_sealed_by(&SealKey { id: 8, ..key.clone() }, &sealed));
    assert!(!Announcement::is_sealed_by(&SealKey { secret: [1; 16], ..key.clone() }, &sealed));
    assert!(!Announcement::is_sealed_by(&key, &announcement.encode()));
    assert!(!Announcement::is_sealed_by(&key, &sealed[..95]));
}
