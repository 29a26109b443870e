//! The packet: what the user described, with a mark by which every host on its way knows it.

use crate::path::Protocol;
use havip_model::MacAddr;
use havip_wire::{
    EtherType, Ethernet, Icmp, Icmpv6, Ipv4, Ipv6, Protocol as Of, Tcp, TcpFlags, Udp,
    build::{self, Frame},
};
use std::net::IpAddr;

/// A packet that is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Whom it says it is from.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
    /// What it is: a ping's request, a SYN, or a datagram that says who sent it.
    pub protocol: Protocol,
    /// Drawn anew for each probe.
    pub mark: u64,
}

impl Probe {
    /// The frame, as a guest with this MAC would send it by its gateway; none if the addresses are of two families.
    ///
    /// Forwarding is by IP, so it goes where the same packet to a neighbour's MAC would go.
    pub fn frame(&self, own: MacAddr, gateway: MacAddr) -> Option<Vec<u8>> {
        let frame = build::frame(own, gateway);
        match (self.source, self.destination) {
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
            _ => Some(self.packet(frame)),
        }
    }

    fn packet(&self, frame: Frame) -> Vec<u8> {
        let [a, b, c, d, ..] = self.mark.to_be_bytes();
        let (identifier, sequence) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let data = self.data();
        let (from, to) = (self.source, self.destination);
        let (protocol, bytes) = match (self.protocol, from, to) {
            (Protocol::Ping, IpAddr::V6(from), IpAddr::V6(to)) => {
                (Of::ICMPV6, Icmpv6::EchoRequest { identifier, sequence, data: &data }.encode(from, to))
            }
            (Protocol::Ping, ..) => {
                (Of::ICMP, Icmp::EchoRequest { identifier, sequence, data: &data }.encode())
            }
            (Protocol::Tcp(port), ..) => {
                let syn =
                    Tcp { sequence: self.sequence(), ..Tcp::new(self.own_port(), port, TcpFlags::SYN, b"") };
                (Of::TCP, syn.encode(from, to))
            }
            (Protocol::Udp(port), ..) => (Of::UDP, Udp::new(self.own_port(), port, &data).encode(from, to)),
        };
        match (from, to) {
            (IpAddr::V6(from), IpAddr::V6(to)) => frame.ip6(from, to).raw(protocol, &bytes),
            (IpAddr::V4(from), IpAddr::V4(to)) => frame.ip(from, to).raw(protocol, &bytes),
            _ => unreachable!("both are of one family"),
        }
    }

    /// Whether these first bytes of a frame are the probe; an edge may have given it other addresses.
    pub fn is_in(&self, frame: &[u8]) -> bool {
        let Ok(frame) = Ethernet::decode(frame) else { return false };
        let (protocol, payload) = match frame.ether_type {
            EtherType::IPV4 => match Ipv4::decode_quoted(frame.payload) {
                Ok(packet) if packet.has_transport_header() => (packet.protocol, packet.payload),
                _ => return false,
            },
            EtherType::IPV6 => match Ipv6::decode_quoted(frame.payload) {
                Ok(packet) => (packet.next_header, packet.payload),
                Err(_) => return false,
            },
            _ => return false,
        };
        let asks = |kind: u8| payload.first() == Some(&kind) && payload.get(8..) == Some(&self.data());
        match (self.protocol, protocol) {
            (Protocol::Ping, Of::ICMP) => asks(8),
            (Protocol::Ping, Of::ICMPV6) => asks(128),
            (Protocol::Udp(port), Of::UDP) => {
                payload.get(..4) == Some(&ends(self.own_port(), port))
                    && payload.get(8..) == Some(&self.data())
            }
            (Protocol::Tcp(port), Of::TCP) => {
                payload.get(..4) == Some(&ends(self.own_port(), port))
                    && payload.get(4..8) == Some(&self.sequence().to_be_bytes())
            }
            _ => false,
        }
    }

    /// What it says: whoever sees it knows what it is.
    fn data(&self) -> [u8; 20] {
        let mut data = *b"havip probe:........";
        data[12..].copy_from_slice(&self.mark.to_be_bytes());
        data
    }

    /// Of the range that systems take for connections they open.
    fn own_port(&self) -> u16 {
        49_152 + (self.mark >> 32) as u16 % 16_384
    }

    fn sequence(&self) -> u32 {
        self.mark as u32
    }
}

fn ends(from: u16, to: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (from.to_be_bytes(), to.to_be_bytes());
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn probes(mark: u64) -> Vec<Probe> {
        let (four, six): ([IpAddr; 2], [IpAddr; 2]) = (
            ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()],
            ["fd00::1".parse().unwrap(), "fd00::2".parse().unwrap()],
        );
        let kinds = [Protocol::Ping, Protocol::Tcp(80), Protocol::Udp(53)];
        let of = |[source, destination]: [IpAddr; 2]| {
            kinds.map(|protocol| Probe { source, destination, protocol, mark })
        };
        of(four).into_iter().chain(of(six)).collect()
    }

    #[test]
    fn a_probe_is_known_by_its_mark_and_nothing_else_is_taken_for_it() {
        let (ours, others) = (probes(0x0102_0304_0506_0708), probes(0x0102_0304_0506_0709));
        for (at, probe) in ours.iter().enumerate() {
            let frame = probe.frame(MAC, MAC).unwrap();
            assert!(frame.len() <= 96, "a switch takes no longer one");
            for (other_at, other) in ours.iter().enumerate() {
                let alike = at % 3 == other_at % 3;
                assert_eq!(other.is_in(&frame), alike, "{probe:?} {other:?}");
            }
            assert!(!others[at].is_in(&frame));
            for length in 0..frame.len() {
                probe.is_in(&frame[..length]);
            }
        }
    }

    #[test]
    fn an_answer_to_a_ping_is_not_the_probe_though_it_says_the_same() {
        let probe = probes(7)[0];
        let mut frame = probe.frame(MAC, MAC).unwrap();
        frame[34] = 0;
        assert!(!probe.is_in(&frame));
    }

    #[test]
    fn two_families_make_no_packet() {
        let probe = Probe { destination: "fd00::2".parse().unwrap(), ..probes(7)[0] };
        assert_eq!(probe.frame(MAC, MAC), None);
    }
}
