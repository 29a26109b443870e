//! Random packets through both translations: what comes out is what the other addresses would have given anew.

mod edge_scene;
mod hook;

use edge_scene::*;
use havip_wire::{
    EtherType, Icmp, IcmpError, Ipv4, Protocol, Tcp, TcpFlags, Udp,
    build::{Frame, frame},
};
use hook::{REDIRECTED, VIRTUAL_MAC, mac, own};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::net::Ipv4Addr;

/// A packet without its addresses.
#[derive(Debug, Clone)]
struct Shape {
    kind: Kind,
    ttl: u8,
    tos: u8,
    identification: u16,
    dont_fragment: bool,
    /// The first fragment, cut here in units of 8 bytes.
    cut: Option<usize>,
    /// A later fragment: its place.
    later: Option<u16>,
    option_words: usize,
    data: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Kind {
    Tcp {
        source: u16,
        destination: u16,
        sequence: u32,
        option_words: usize,
    },
    Udp {
        source: u16,
        destination: u16,
        has_checksum: bool,
    },
    Ping {
        identifier: u16,
    },
    Other(u8),
    /// An error about a packet that went the other way, of which so many bytes are quoted: whole words, the IP
    /// header at least.
    Error {
        error: IcmpError,
        about: Box<Shape>,
        quoted: usize,
    },
}

fn simple_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (any::<(u16, u16, u32)>(), 0..=10_usize).prop_map(
            |((source, destination, sequence), option_words)| {
                Kind::Tcp { source, destination, sequence, option_words }
            }
        ),
        any::<(u16, u16, bool)>().prop_map(|(source, destination, has_checksum)| Kind::Udp {
            source,
            destination,
            has_checksum
        }),
        any::<u16>().prop_map(|identifier| Kind::Ping { identifier }),
        select(&[2_u8, 4, 41, 47, 50, 132][..]).prop_map(Kind::Other),
    ]
}

fn shape_of(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Shape> {
    let cut = prop_oneof![4 => Just(None), 1 => (1..20_usize).prop_map(Some)];
    let later = prop_oneof![5 => Just(None), 1 => (1..1000_u16).prop_map(Some)];
    let head = (2..=255_u8, any::<u8>(), any::<u16>(), any::<bool>());
    (kind, head, cut, later, 0..=10_usize, vec(any::<u8>(), 0..600)).prop_map(
        |(kind, (ttl, tos, identification, dont_fragment), cut, later, option_words, data)| Shape {
            kind,
            ttl,
            tos,
            identification,
            dont_fragment,
            cut,
            later,
            option_words,
            data,
        },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let errors = [
        IcmpError::HOST_UNREACHABLE,
        IcmpError::FragmentationNeeded { mtu: 1400 },
        IcmpError::TTL_EXCEEDED,
        IcmpError::SourceQuench,
        IcmpError::ParameterProblem { code: 0, pointer: 20 },
    ];
    let error =
        (Just(errors).prop_map(|e| e.to_vec()).prop_flat_map(select), shape_of(simple_kind()), 30..350_usize)
            .prop_map(|(error, about, words)| Kind::Error {
                error,
                about: Box::new(about),
                quoted: words * 2,
            });
    prop_oneof![2 => shape_of(simple_kind()), 1 => shape_of(error)]
}

impl Shape {
    /// The packet between these ends, every checksum computed from its bytes.
    fn packet(&self, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
        const NOTHING: [u8; 40] = [1; 40];
        let (source_ip, destination_ip) = (from.into(), to.into());
        let data = self.data.as_slice();
        let (protocol, mut payload) = match &self.kind {
            &Kind::Tcp { source, destination, sequence, option_words } => {
                let options = &NOTHING[..option_words * 4];
                let tcp = Tcp { sequence, options, ..Tcp::new(source, destination, TcpFlags::ACK, data) };
                (Protocol::TCP, tcp.encode(source_ip, destination_ip))
            }
            &Kind::Udp { source, destination, has_checksum } => {
                let udp = Udp { source, destination, has_checksum, payload: data };
                (Protocol::UDP, udp.encode(source_ip, destination_ip))
            }
            &Kind::Ping { identifier } => {
                (Protocol::ICMP, Icmp::EchoRequest { identifier, sequence: 1, data }.encode())
            }
            &Kind::Other(protocol) => (Protocol(protocol), data.to_vec()),
            Kind::Error { error, about, quoted } => {
                let about = about.packet(to, from);
                let quoted = &about[..about.len().min(*quoted)];
                (Protocol::ICMP, Icmp::Error { error: *error, quoted }.encode())
            }
        };
        let mut more = false;
        if let Some(place) = self.later {
            // Only data, whatever the protocol.
            payload = [&[3, 1, 0, 0][..], data].concat();
            more = place % 2 == 0;
            payload.truncate(if more { payload.len() / 8 * 8 } else { payload.len() });
        } else if let Some(cut) = self.cut {
            // No kernel cuts within a header of TCP.
            let cut = cut * 8 + 64;
            more = payload.len() > cut;
            payload.truncate(cut);
        }
        Ipv4 {
            tos: self.tos,
            identification: self.identification,
            dont_fragment: self.dont_fragment,
            more_fragments: more,
            fragment_offset: self.later.unwrap_or(0),
            ttl: self.ttl,
            options: &NOTHING[..self.option_words * 4],
            ..Ipv4::new(from, to, protocol, &payload)
        }
        .encode()
    }

    fn frame(&self, head: Frame, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
        head.raw(EtherType::IPV4, &self.packet(from, to))
    }

    fn one_hop_on(&self) -> Self {
        Self { ttl: self.ttl - 1, ..self.clone() }
    }
}

/// The same cases in every run: one in 65 536 sums may be written as 0 or as ffff, both right.
fn runner() -> TestRunner {
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[0x48; 32]);
    TestRunner::new_with_rng(Config { cases: 1500, failure_persistence: None, ..Config::default() }, random)
}

#[test]
fn random_packets_come_in_as_if_they_had_been_sent_to_the_target() {
    let hook = edge("rin");
    let check = |(shape, complete): (Shape, bool)| {
        let ran = enters(&hook, complete, &shape.frame(frame(ROUTER_MAC, EDGE_MAC), CLIENT, EIP_OF_11));
        prop_assert_eq!(ran.verdict, REDIRECTED);
        let wanted = shape.one_hop_on().frame(frame(VIRTUAL_MAC, mac(11)), CLIENT, own(11));
        prop_assert_eq!(ran.frame, wanted);
        Ok(())
    };
    runner().run(&(shape(), any::<bool>()), check).unwrap();
}

#[test]
fn random_packets_leave_as_if_the_eip_had_sent_them() {
    let hook = edge("rout");
    let check = |(shape, complete): (Shape, bool)| {
        let sent = shape.frame(frame(mac(11), VIRTUAL_MAC), own(11), CLIENT);
        let ran = hook.summed(complete, || hook.sends(11, &sent));
        prop_assert_eq!(ran.verdict, REDIRECTED);
        let wanted = shape.one_hop_on().frame(frame(VIRTUAL_MAC, VIRTUAL_MAC), EIP_OF_11, CLIENT);
        prop_assert_eq!(ran.frame, wanted);
        Ok(())
    };
    runner().run(&(shape(), any::<bool>()), check).unwrap();
}
