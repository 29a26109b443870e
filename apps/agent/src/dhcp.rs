//! Answers guests that ask for their address by DHCP: always the one that the API says.

use havip_model::MacAddr;
use havip_reconcile::item::PortItem;
use havip_wire::{Dhcp, DhcpKind, EtherType, Ethernet, Ipv4, Lease, Protocol, Udp, build};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, RwLock};

/// What each MAC of this host is lent; renewed by the main loop, read by the answering task.
pub type Leases = Arc<RwLock<BTreeMap<MacAddr, Lent>>>;

/// What a port is lent, and by whom as it seems to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lent {
    lease: Lease,
    virtual_mac: MacAddr,
}

/// What a port's guest is lent; none if it has no IPv4 address or no gateway to answer from.
pub fn lent(port: &PortItem) -> Option<Lent> {
    let (address, prefix_length) = port.addresses.iter().find_map(|net| match net.addr() {
        IpAddr::V4(address) => Some((address, net.prefix_len())),
        IpAddr::V6(_) => None,
    })?;
    let server = port.gateways.iter().find_map(|gateway| match gateway {
        IpAddr::V4(gateway) => Some(*gateway),
        IpAddr::V6(_) => None,
    })?;
    let lease = Lease { address, prefix_length, router: Some(server), server, mtu: port.mtu, secs: DAY };
    Some(Lent { lease, virtual_mac: port.virtual_mac })
}

/// The frame that answers a guest's frame, if it is to be answered.
pub fn answer(leases: &BTreeMap<MacAddr, Lent>, frame: &[u8]) -> Option<Vec<u8>> {
    let ethernet = Ethernet::decode(frame).ok().filter(|ethernet| ethernet.ether_type == EtherType::IPV4)?;
    let ip =
        Ipv4::decode(ethernet.payload).ok().filter(|ip| ip.protocol == Protocol::UDP && !ip.is_fragment())?;
    let udp = Udp::decode(ip.payload).ok().filter(|udp| udp.destination == SERVER_PORT)?;
    let asked = Dhcp::decode(udp.payload).ok()?;
    // The switch has checked the frame's MAC against the port; the one inside must be the same.
    let lent = leases.get(&ethernet.source).filter(|_| asked.mac == ethernet.source)?;
    let reply = reply(&asked, &lent.lease)?;

    let (_, address) = reply.reply_destination();
    // The switch finds the port by this MAC, so a broadcast goes to it in the IP header only.
    let packet = build::frame(lent.virtual_mac, ethernet.source).ip(lent.lease.server, address);
    Some(packet.udp(SERVER_PORT, CLIENT_PORT, &reply.encode()))
}

fn reply(asked: &Dhcp, lease: &Lease) -> Option<Dhcp> {
    let another_server = asked.options.server.is_some_and(|server| server != lease.server);
    match asked.kind {
        DhcpKind::Discover => Some(asked.offer(lease)),
        DhcpKind::Request if another_server => None,
        DhcpKind::Request if asked.asked_address() == Some(lease.address) => Some(asked.ack(lease)),
        DhcpKind::Request => Some(asked.nak(lease.server)),
        DhcpKind::Inform => Some(asked.ack(lease)),
        DhcpKind::Decline | DhcpKind::Release => None, // the address stays the port's
        DhcpKind::Offer | DhcpKind::Ack | DhcpKind::Nak => None, // no question
    }
}

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// In seconds: no guest loses its address while an agent is away.
const DAY: u32 = 24 * 3600;

/// The leases of these ports by MAC.
pub fn leases<'a>(ports: impl Iterator<Item = &'a PortItem>) -> BTreeMap<MacAddr, Lent> {
    ports.filter_map(|port| Some((port.mac, lent(port)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Body, InterfaceId, PortNumber, PortState, SubnetNumber, Vni};
    use havip_wire::DhcpOptions;
    use std::net::Ipv4Addr;

    const GUEST: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 7);
    const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 1);

    fn port() -> PortItem {
        PortItem {
            interface: InterfaceId::new(Body::from_entropy([1; 16])),
            port: PortNumber::MIN,
            vni: Vni::MIN,
            subnet: SubnetNumber::MIN,
            mac: GUEST,
            virtual_mac: MacAddr([2, 0, 0, 0, 1, 0]),
            addresses: vec!["10.20.1.7/24".parse().unwrap()],
            gateways: vec![GATEWAY.into()],
            mtu: 1450,
            source_dest_check: true,
            state: PortState::Active,
            device: None,
            instance: None,
            arrives: None,
            groups: vec![],
        }
    }

    fn asks(kind: DhcpKind, requested: Option<Ipv4Addr>) -> Dhcp {
        let none = Ipv4Addr::UNSPECIFIED;
        Dhcp {
            kind,
            hops: 0,
            transaction: 77,
            seconds: 0,
            broadcast: false,
            client: none,
            yours: none,
            next_server: none,
            relay: none,
            mac: GUEST,
            options: DhcpOptions { requested, ..DhcpOptions::default() },
        }
    }

    fn answered(from: MacAddr, asked: &Dhcp) -> Option<Dhcp> {
        let packet = build::frame(from, MacAddr::BROADCAST).ip(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
        let frame = answer(&leases([port()].iter()), &packet.udp(CLIENT_PORT, SERVER_PORT, &asked.encode()))?;
        let ethernet = Ethernet::decode(&frame).unwrap();
        assert_eq!((ethernet.source, ethernet.destination), (port().virtual_mac, GUEST));
        let ip = Ipv4::decode(ethernet.payload).unwrap();
        assert_eq!(ip.source, GATEWAY);
        let udp = Udp::decode(ip.payload).unwrap();
        assert_eq!((udp.source, udp.destination), (SERVER_PORT, CLIENT_PORT));
        Some(Dhcp::decode(udp.payload).unwrap())
    }

    #[test]
    fn a_guest_is_given_the_address_that_the_api_says_with_mask_gateway_and_mtu() {
        for (kind, requested, reply) in
            [(DhcpKind::Discover, None, DhcpKind::Offer), (DhcpKind::Request, Some(ADDRESS), DhcpKind::Ack)]
        {
            let answer = answered(GUEST, &asks(kind, requested)).unwrap();
            assert_eq!((answer.kind, answer.yours, answer.transaction), (reply, ADDRESS, 77));
            let options = &answer.options;
            assert_eq!(options.mask, Some([255, 255, 255, 0].into()));
            assert_eq!((&options.routers[..], options.mtu), (&[GATEWAY][..], Some(1450)));
            assert_eq!(options.lease_secs, Some(DAY));
        }
    }

    #[test]
    fn a_request_for_another_address_is_denied() {
        let answer = answered(GUEST, &asks(DhcpKind::Request, Some([10, 20, 1, 8].into()))).unwrap();
        assert_eq!(answer.kind, DhcpKind::Nak);
    }

    #[test]
    fn nobody_is_answered_about_a_mac_that_is_not_its_own() {
        let other = MacAddr([2, 0, 0, 0, 0, 8]);
        assert_eq!(answered(other, &asks(DhcpKind::Discover, None)), None);
        let inside = Dhcp { mac: other, ..asks(DhcpKind::Discover, None) };
        assert_eq!(answered(GUEST, &inside), None);
    }

    #[test]
    fn a_request_to_another_server_is_not_answered() {
        let mut asked = asks(DhcpKind::Request, Some(ADDRESS));
        asked.options.server = Some([10, 20, 1, 2].into());
        assert_eq!(answered(GUEST, &asked), None);
    }
}
