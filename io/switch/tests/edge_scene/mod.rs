//! The scene of the edge's tests: host 1 is an edge, and the active one, of three EIPs.
//!
//! One leads to the VIP, one to port 11 of this host, one to port 13 of host 2. The outside device is `e0`.

#![allow(dead_code)] // each test file uses its part

pub mod ended;
pub mod six;

use crate::hook::{Hook, Ran, VIP, own, port, vni};
use havip_model::{Incarnation, MacAddr, MoveCause, VipKey};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::{Edge, Order, Outcome};
use havip_wire::{Icmp, IcmpError, Ipv4, Protocol, Tcp, TcpFlags, Udp, build::Frame, build::frame};
use std::net::Ipv4Addr;

pub const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
pub const EIP_OF_11: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 11);
pub const EIP_OF_13: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 13);
/// The edge device's own.
pub const EDGE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
pub const EDGE_MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0xe0]);
/// The outside.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
pub const ROUTER_MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0xee]);
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// TC_ACT_UNSPEC
pub const TO_THE_HOST: i32 = -1;

pub fn eip_key(address: Ipv4Addr) -> VipKey {
    VipKey { vni: vni(), address: address.into() }
}

/// The scene; `name` is unique among tests.
pub fn edge(name: &str) -> Hook {
    let mut hook = Hook::new(&format!("edge-{name}"));
    let device = Edge { ifindex: hook.ifindex("e0"), mac: EDGE_MAC, address: Some(EDGE) };
    hook.switch.attach_edge(device).unwrap();
    let cidr = "203.0.113.0/24".parse().unwrap();
    hook.put(EntryKey::Pool(cidr), Entry::Pool { gateway: Some(ROUTER.into()) });
    for (public, target) in [(EIP, VIP), (EIP_OF_11, own(11)), (EIP_OF_13, own(13))] {
        bind(&hook, public, target);
        let take = Order::Take {
            key: eip_key(public),
            port: port(1),
            mac: EDGE_MAC,
            expected: None,
            cause: MoveCause::Claim,
        };
        assert_eq!(hook.order(take), Outcome::Done);
    }
    hook.settle();
    hook
}

/// Binds an EIP without a limit; no edge is active for it yet.
pub fn bind(hook: &Hook, public: Ipv4Addr, target: Ipv4Addr) {
    let incarnation = Incarnation(6);
    limit(hook, public, target, None);
    hook.put(EntryKey::Nat(vni(), target.into()), Entry::Nat { public: public.into(), incarnation });
    hook.order(Order::Prepare { key: eip_key(public), incarnation });
}

/// Limits what may pass each way.
pub fn limit(hook: &Hook, public: Ipv4Addr, target: Ipv4Addr, bandwidth_mbps: Option<u32>) {
    let entry = Entry::Eip { vni: vni(), target: target.into(), bandwidth_mbps };
    hook.put(EntryKey::Eip(public.into()), entry);
}

/// The frame comes in from outside; `complete`: the device has summed it (CHECKSUM_COMPLETE), and the kernel
/// compares the sum that it ends with.
pub fn enters(hook: &Hook, complete: bool, frame: &[u8]) -> Ran {
    hook.summed(complete, || hook.enters("edge_rx", "e0", frame))
}

/// A packet of a kind, in a frame of some MACs, with a TTL.
pub type Packet = Box<dyn Fn(Frame, u8) -> Vec<u8>>;
type Ends = (Ipv4Addr, Ipv4Addr);

/// Packets of every kind before and after translation: between these ends, then between those.
pub fn packets(before: Ends, after: Ends) -> Vec<(&'static str, Packet, Packet)> {
    const RECORD_ROUTE: &[u8] = &[7, 7, 8, 0, 0, 0, 0, 0];
    type Build = fn(Frame, u8, Ends) -> Vec<u8>;
    /// The first part of a datagram whose checksum covers the whole.
    fn first_fragment(frame: Frame, ttl: u8, (from, to): Ends, protocol: Protocol) -> Vec<u8> {
        let data = [0x5a; 64];
        let whole = match protocol {
            Protocol::UDP => Udp::new(4000, 53, &data).encode(from.into(), to.into()),
            _ => Tcp::new(4000, 80, TcpFlags::ACK, &data).encode(from.into(), to.into()),
        };
        frame.ip(from, to).ttl(ttl).fragment(77, 0, true).raw(protocol, &whole[..48])
    }
    let kinds: Vec<(&'static str, Build)> = vec![
        ("TCP", |frame, ttl, (a, b)| frame.ip(a, b).ttl(ttl).tcp(40_000, 80, TcpFlags::ACK, b"hello")),
        ("UDP", |frame, ttl, (a, b)| frame.ip(a, b).ttl(ttl).udp(4000, 53, b"hello")),
        ("UDP without checksum", |frame, ttl, (a, b)| {
            frame.ip(a, b).ttl(ttl).udp_without_checksum(4000, 53, b"hi")
        }),
        ("ping", |frame, ttl, (a, b)| frame.ip(a, b).ttl(ttl).ping(1, 2)),
        ("GRE", |frame, ttl, (a, b)| frame.ip(a, b).ttl(ttl).raw(Protocol(47), &[0; 32])),
        ("TCP behind IP options", |frame, ttl, (a, b)| {
            frame.ip(a, b).ttl(ttl).options(RECORD_ROUTE).tcp(40_000, 80, TcpFlags::ACK, b"hello")
        }),
        ("UDP behind IP options", |frame, ttl, (a, b)| {
            frame.ip(a, b).ttl(ttl).options(RECORD_ROUTE).udp(4000, 53, b"hello")
        }),
        ("the first fragment of UDP", |frame, ttl, ends| first_fragment(frame, ttl, ends, Protocol::UDP)),
        ("the first fragment of TCP", |frame, ttl, ends| first_fragment(frame, ttl, ends, Protocol::TCP)),
        ("a later fragment of UDP", |frame, ttl, (a, b)| {
            frame.ip(a, b).ttl(ttl).fragment(77, 6, true).raw(Protocol::UDP, &[0xa5; 48])
        }),
        ("the last fragment of TCP", |frame, ttl, (a, b)| {
            frame.ip(a, b).ttl(ttl).fragment(77, 12, false).raw(Protocol::TCP, &[0xa5; 24])
        }),
        ("a later fragment of ICMP that looks like an error", |frame, ttl, (a, b)| {
            frame.ip(a, b).ttl(ttl).fragment(77, 6, false).raw(Protocol::ICMP, &[3; 48])
        }),
    ];
    let between =
        |build: Build, ends: Ends| -> Packet { Box::new(move |frame, ttl| build(frame, ttl, ends)) };
    kinds.into_iter().map(|(what, build)| (what, between(build, before), between(build, after))).collect()
}

/// A SYN with these options.
pub fn syn(options: &[u8]) -> Tcp<'_> {
    Tcp { options, ..Tcp::new(40_000, 80, TcpFlags::SYN, &[]) }
}

/// The MSS among other options, at even and odd places.
pub fn mss_options() -> Vec<fn(u16) -> Vec<u8>> {
    fn with(before: &[u8], mss: u16, after: &[u8]) -> Vec<u8> {
        let [high, low] = mss.to_be_bytes();
        [before, &[2, 4, high, low], after].concat()
    }
    vec![
        |mss| with(&[], mss, &[]),
        |mss| with(&[], mss, &[4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]),
        |mss| with(&[1], mss, &[3, 3, 7]),
        |mss| with(&[1, 1, 1, 3, 3, 7], mss, &[4, 2]),
        |mss| {
            with(
                &[4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 3, 3, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
                mss,
                &[4, 2],
            )
        },
    ]
}

/// The ICMP error that this frame's sender gets back: at most 96 bytes of the packet are quoted.
pub fn complaint(about: &[u8], by: Ipv4Addr, error: IcmpError) -> Vec<u8> {
    let mac = |at: usize| MacAddr(about[at..at + 6].try_into().unwrap());
    let packet = Ipv4::decode(&about[14..]).unwrap();
    let total = 20 + packet.options.len() + packet.payload.len();
    let quoted = &about[14..][..total.min(96)];
    frame(mac(0), mac(6)).ip(by, packet.source).tos(0xc0).icmp(&Icmp::Error { error, quoted })
}
