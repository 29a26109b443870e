//! Packets whose checksum the kernel has still to fill in (CHECKSUM_PARTIAL), as guests send them, through real devices.
//!
//! They are sent and received with the head of virtio-net, which tells where the checksum belongs.

mod edge_scene;
mod hook;

use edge_scene::*;
use havip_wire::{Icmp, IcmpError, Ipv4, Tcp, TcpFlags, build::frame, checksum};
use hook::{GATEWAY, Hook, VIP, VIRTUAL_MAC, ip, mac, own};
use std::{
    mem::{size_of, zeroed},
    net::{IpAddr, Ipv4Addr},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::{Duration, Instant},
};

#[test]
fn an_unfinished_checksum_stays_right_on_the_way_out() {
    let hook = live("pout");
    let (guest, outside) = (Wire::at("p11x"), Wire::at("e0x"));
    for sent in unfinished(frame(mac(11), VIRTUAL_MAC), own(11), CLIENT, 64) {
        guest.send(&sent);

        let left = outside.receive();

        let whole = sent.translated(frame(EDGE_MAC, ROUTER_MAC), EIP_OF_11, CLIENT, 63);
        assert_eq!((left.gso_size, left.finished()), (sent.gso_size, whole), "{}", sent.what);
    }
    drop(hook);
}

#[test]
fn an_unfinished_checksum_stays_right_on_the_way_in() {
    let hook = live("pin");
    let (guest, outside) = (Wire::at("p11x"), Wire::at("e0x"));
    for sent in unfinished(frame(ROUTER_MAC, EDGE_MAC), CLIENT, EIP_OF_11, 64) {
        outside.send(&sent);

        let came = guest.receive();

        let whole = sent.translated(frame(VIRTUAL_MAC, mac(11)), CLIENT, own(11), 63);
        assert_eq!((came.gso_size, came.finished()), (sent.gso_size, whole), "{}", sent.what);
    }
    drop(hook);
}

#[test]
fn an_unfinished_checksum_survives_both_translations_of_a_hairpin() {
    let mut hook = live("phair");
    hook.holds(12);
    let (guest, holder) = (Wire::at("p11x"), Wire::at("p12x"));
    for sent in unfinished(frame(mac(11), VIRTUAL_MAC), own(11), EIP, 64) {
        guest.send(&sent);

        let came = holder.receive();

        let whole = sent.translated(frame(VIRTUAL_MAC, mac(12)), EIP_OF_11, VIP, 63);
        assert_eq!((came.gso_size, came.finished()), (sent.gso_size, whole), "{}", sent.what);
    }
}

#[test]
fn an_error_about_an_unfinished_packet_is_right_once_it_is_finished() {
    let hook = live("picmp");
    let guest = Wire::at("p11x");
    for sent in unfinished(frame(mac(11), VIRTUAL_MAC), own(11), VIP, 64) {
        guest.send(&sent);

        let told = guest.receive().finished();

        // What the kernel filled in belongs to the part that is quoted, so the quoted checksum is another one.
        let wanted = complaint(&sent.frame, GATEWAY, IcmpError::HOST_UNREACHABLE);
        let same = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes[36..38].fill(0);
            let at = 42 + usize::from(sent.csum_start) - 14 + usize::from(sent.csum_offset);
            bytes[at..at + 2].fill(0);
            bytes
        };
        assert_eq!(same(&told), same(&wanted), "{}", sent.what);
        let packet = Ipv4::decode(&told[14..]).unwrap();
        assert!(matches!(Icmp::decode(packet.payload), Ok(Icmp::Error { .. })), "{}", sent.what);
    }
    drop(hook);
}

/// The scene with ports 11 and 12 and the edge attached, and a router outside that is known.
fn live(name: &str) -> Hook {
    let hook = edge(name);
    for device in ["p11", "p12"] {
        hook.switch.attach_port(hook.ifindex(device)).unwrap();
    }
    ip(&format!("link set e0 address {EDGE_MAC}"));
    ip(&format!("neigh replace {ROUTER} lladdr {ROUTER_MAC} dev e0"));
    hook
}

/// A frame and what virtio-net says of it.
struct Unfinished {
    what: &'static str,
    frame: Vec<u8>,
    csum_start: u16,
    csum_offset: u16,
    gso_size: u16,
    needs: bool,
}

/// TCP and UDP, short and long, and one that is to be cut into segments later.
fn unfinished(head: havip_wire::build::Frame, from: Ipv4Addr, to: Ipv4Addr, ttl: u8) -> Vec<Unfinished> {
    let data = (0..20_000_u32).map(|at| (at * 7) as u8).collect::<Vec<u8>>();
    let packet = || head.clone().ip(from, to).ttl(ttl);
    let tcp = |data| packet().segment(&Tcp::new(40_000, 80, TcpFlags::ACK, data));
    [
        ("a short TCP segment", tcp(&data[..3]), 16, 0),
        ("a TCP segment", tcp(&data[..1400]), 16, 0),
        ("a short UDP datagram", packet().udp(4000, 53, &data[..1]), 6, 0),
        ("a UDP datagram", packet().udp(4000, 53, &data[..1001]), 6, 0),
        ("TCP behind IP options", packet().options(&[1; 12]).tcp(1, 2, TcpFlags::ACK, &data[..99]), 16, 0),
        ("many TCP segments at once", tcp(&data), 16, 1448),
    ]
    .into_iter()
    .map(|(what, mut frame, csum_offset, gso_size)| {
        let csum_start = 14 + u16::from(frame[14] & 0xf) * 4;
        // What a kernel leaves: the sum of the pseudo-header.
        let packet = Ipv4::decode(&frame[14..]).unwrap();
        let (source, destination) = (IpAddr::from(packet.source), IpAddr::from(packet.destination));
        let sum = checksum::Sum::default();
        let sum = sum.pseudo_header(source, destination, packet.protocol, packet.payload.len()).folded();
        let at = usize::from(csum_start + csum_offset);
        frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        Unfinished { what, frame, csum_start, csum_offset, gso_size, needs: true }
    })
    .collect()
}

impl Unfinished {
    /// The frame with its checksum filled in.
    fn finished(&self) -> Vec<u8> {
        assert!(self.needs, "the checksum was filled in on the way");
        let mut frame = self.frame.clone();
        let start = usize::from(self.csum_start);
        let sum = checksum::of(&frame[start..]);
        frame[start + usize::from(self.csum_offset)..][..2].copy_from_slice(&sum.to_be_bytes());
        frame
    }

    /// The same packet with other MACs, addresses and TTL, every checksum computed anew.
    fn translated(&self, head: havip_wire::build::Frame, from: Ipv4Addr, to: Ipv4Addr, ttl: u8) -> Vec<u8> {
        let packet = Ipv4::decode(&self.frame[14..]).unwrap();
        let mut payload = packet.payload.to_vec();
        let at = usize::from(self.csum_offset);
        payload[at..at + 2].fill(0);
        let sum =
            checksum::Sum::default().pseudo_header(from.into(), to.into(), packet.protocol, payload.len());
        let sum = sum.plus(&payload).finish();
        payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        let packet = Ipv4 { source: from, destination: to, ttl, payload: &payload, ..packet };
        head.raw(havip_wire::EtherType::IPV4, &packet.encode())
    }
}

/// A packet socket that speaks with the head of virtio-net.
struct Wire(OwnedFd);

#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    flags: u8,
    gso_type: u8,
    hdr_len: u16,
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
}

const NEEDS_CSUM: u8 = 1;
const GSO_TCPV4: u8 = 1;
const PACKET_VNET_HDR: i32 = 15;
const PACKET_IGNORE_OUTGOING: i32 = 23;

impl Wire {
    fn at(device: &str) -> Self {
        // SAFETY: a socket, options and an address of the sizes that they say.
        unsafe {
            let protocol = (libc::ETH_P_ALL as u16).to_be();
            let socket =
                libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, i32::from(protocol));
            assert!(socket >= 0);
            let socket = OwnedFd::from_raw_fd(socket);
            for option in [PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING] {
                let on = 1_i32;
                let size = size_of::<i32>() as u32;
                let fd = socket.as_raw_fd();
                assert_eq!(libc::setsockopt(fd, libc::SOL_PACKET, option, (&raw const on).cast(), size), 0);
            }
            let wait = libc::timeval { tv_sec: 1, tv_usec: 0 };
            let size = size_of::<libc::timeval>() as u32;
            let option = libc::SO_RCVTIMEO;
            let fd = socket.as_raw_fd();
            assert_eq!(libc::setsockopt(fd, libc::SOL_SOCKET, option, (&raw const wait).cast(), size), 0);
            let mut address: libc::sockaddr_ll = zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = protocol;
            address.sll_ifindex = nix::net::if_::if_nametoindex(device).unwrap() as i32;
            let size = size_of::<libc::sockaddr_ll>() as u32;
            assert_eq!(libc::bind(fd, (&raw const address).cast(), size), 0);
            Self(socket)
        }
    }

    fn send(&self, packet: &Unfinished) {
        let head = Head {
            flags: NEEDS_CSUM,
            gso_type: if packet.gso_size > 0 { GSO_TCPV4 } else { 0 },
            hdr_len: packet.csum_start + if packet.csum_offset == 16 { 20 } else { 8 },
            gso_size: packet.gso_size,
            csum_start: packet.csum_start,
            csum_offset: packet.csum_offset,
        };
        // SAFETY: integers without padding, read as bytes.
        let head = unsafe { std::slice::from_raw_parts((&raw const head).cast::<u8>(), size_of::<Head>()) };
        let bytes = [head, packet.frame.as_slice()].concat();
        // SAFETY: a buffer of the length that it says.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
        assert_eq!(usize::try_from(sent), Ok(bytes.len()), "{}", std::io::Error::last_os_error());
    }

    /// The next IPv4 frame.
    fn receive(&self) -> Unfinished {
        let deadline = Instant::now() + Duration::from_secs(2);
        let mut bytes = vec![0; 70_000];
        while Instant::now() < deadline {
            // SAFETY: a buffer of the length that it says.
            let length = unsafe { libc::recv(self.0.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) };
            let Ok(length) = usize::try_from(length) else { continue };
            let (head, frame) = bytes[..length].split_at(size_of::<Head>());
            if frame.get(12..14) != Some(&[8, 0]) {
                continue; // ARP of the devices themselves
            }
            // SAFETY: as many bytes as the struct has, of which every pattern is a value.
            let head = unsafe { head.as_ptr().cast::<Head>().read_unaligned() };
            return Unfinished {
                what: "received",
                frame: frame.to_vec(),
                csum_start: head.csum_start,
                csum_offset: head.csum_offset,
                gso_size: head.gso_size,
                needs: head.flags & NEEDS_CSUM != 0,
            };
        }
        panic!("nothing came within two seconds");
    }
}
