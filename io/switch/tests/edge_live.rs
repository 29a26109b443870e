//! Real hosts, guests and an outside machine: sockets through EIPs in both directions, and what errors they see.

mod fabric;

use fabric::{Fabric, VIP, host, inside, own, port, run, vip, vni};
use havip_model::{Incarnation, MacAddr, MoveCause, VipKey};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::{Edge, Order, Outcome, Switch};
use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
const EIP_OF_11: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 11);
const EIP_OF_12: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 12);

/// Guests 11 and 13 on host 1, 12 on host 2; both hosts are edges, host 1 the active one of every EIP.
fn scene(name: &str) -> (Fabric, [String; 3], String) {
    let mut fabric = Fabric::new(name);
    let guests = [(1, 11), (2, 12), (1, 13)].map(|(on, number)| fabric.guest(on, number));
    fabric.vip(1, &[11, 12]);
    let outside = format!("{}-out", fabric.name);
    run(&format!("ip netns add {outside}"));
    run(&format!("ip -n {outside} link set lo up"));
    run(&format!("ip -n {outside} link add lan type bridge"));
    run(&format!("ip -n {outside} addr add {OUTSIDE}/24 dev lan"));
    run(&format!("ip -n {outside} link set lan up"));
    for number in 1..=2 {
        let namespace = fabric.namespace(number);
        run(&format!("ip -n {namespace} link add e0 type veth peer name e{number} netns {outside}"));
        run(&format!("ip -n {namespace} link set e0 address {}", edge_mac(number)));
        run(&format!("ip -n {namespace} addr add 203.0.113.{}/24 dev e0", 100 + number));
        run(&format!("ip -n {namespace} link set e0 up"));
        run(&format!("ip -n {outside} link set e{number} master lan up"));
        let address = Some(Ipv4Addr::new(203, 0, 113, 100 + number as u8));
        let switch = &fabric.hosts[number as usize - 1];
        inside(&namespace, || {
            let ifindex = nix::net::if_::if_nametoindex("e0").unwrap();
            switch.attach_edge(Edge { ifindex, mac: edge_mac(number), address }).unwrap();
        });
    }
    fabric.put(EntryKey::Pool("203.0.113.0/24".parse().unwrap()), Entry::Pool { gateway: None });
    for (public, target) in [(EIP, VIP), (EIP_OF_11, own(11)), (EIP_OF_12, own(12))] {
        let incarnation = Incarnation(9);
        fabric.put(
            EntryKey::Eip(public.into()),
            Entry::Eip { vni: vni(), target: target.into(), bandwidth_mbps: None },
        );
        fabric.put(EntryKey::Nat(vni(), target.into()), Entry::Nat { public: public.into(), incarnation });
        for switch in &fabric.hosts {
            switch.order(&Order::Prepare { key: eip_key(public), incarnation }).unwrap();
        }
        take(&fabric, 1, public);
    }
    (fabric, guests, outside)
}

fn edge_mac(number: u32) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0xed, number as u8])
}

fn eip_key(public: Ipv4Addr) -> VipKey {
    VipKey { vni: vni(), address: public.into() }
}

/// Makes this host the active edge of the EIP, as its agent does.
fn take(fabric: &Fabric, number: u32, public: Ipv4Addr) {
    let switch: &Switch = &fabric.hosts[number as usize - 1];
    let order = Order::Take {
        key: eip_key(public),
        port: port(1),
        mac: edge_mac(number),
        expected: switch.record(eip_key(public)).unwrap(),
        cause: MoveCause::Claim,
    };
    let outcome = inside(&fabric.namespace(number), || switch.order(&order).unwrap());
    assert_eq!(outcome, Outcome::Done);
    fabric::eventually(Duration::from_secs(1), "both hosts name the edge", || {
        let holds =
            |switch: &Switch| switch.record(eip_key(public)).unwrap().map(|record| record.holder.host);
        fabric.hosts.iter().all(|switch| holds(switch) == Some(host(number)))
    });
}

/// Sends a megabyte to an echoing server and compares what comes back; returns whom the server saw.
fn echoes(client: &str, server: &str, address: Ipv4Addr) -> io::Result<Ipv4Addr> {
    const SIZE: usize = 1 << 20;
    let listener = inside(server, || TcpListener::bind("0.0.0.0:8080").unwrap());
    thread::scope(|scope| {
        let seen = scope.spawn(move || {
            let (mut stream, from) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
            match from.ip() {
                std::net::IpAddr::V4(from) => from,
                other => panic!("{other} is not IPv4"),
            }
        });
        inside(client, || {
            let mut stream = TcpStream::connect_timeout(&(address, 8080).into(), Duration::from_secs(3))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            let sent = (0..SIZE).map(|at| (at / 3) as u8).collect::<Vec<_>>();
            let mut reader = stream.try_clone()?;
            let received = thread::scope(|inner| {
                let received = inner.spawn(move || {
                    let mut received = Vec::new();
                    reader.read_to_end(&mut received).map(|_| received)
                });
                stream.write_all(&sent)?;
                stream.shutdown(Shutdown::Write)?;
                received.join().expect("the reader does not panic")
            })?;
            assert!(received == sent, "{} bytes came back, some of them changed", received.len());
            Ok::<_, io::Error>(())
        })?;
        Ok(seen.join().expect("the server does not panic"))
    })
}

/// What a UDP socket learns when its datagram is not delivered.
fn refused(from: &str, to: Ipv4Addr, size: usize) -> Option<i32> {
    inside(from, || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        // Without it a socket hears of closed ports only.
        nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Ipv4RecvErr, &true).unwrap();
        socket.connect((to, 9999)).unwrap();
        if let Err(error) = socket.send(&vec![7; size]) {
            return error.raw_os_error();
        }
        socket.recv(&mut [0; 10]).expect_err("nobody answers").raw_os_error()
    })
}

#[test]
fn connections_pass_an_eip_in_both_directions_on_both_hosts() {
    let (fabric, [here, there, _], outside) = scene("elive");
    assert!(fabric.pings(&outside, EIP_OF_11));
    assert!(fabric.pings(&outside, EIP_OF_12));

    assert_eq!(echoes(&outside, &here, EIP_OF_11).unwrap(), OUTSIDE);
    assert_eq!(echoes(&outside, &there, EIP_OF_12).unwrap(), OUTSIDE);
    assert_eq!(echoes(&here, &outside, OUTSIDE).unwrap(), EIP_OF_11);
    assert_eq!(echoes(&there, &outside, OUTSIDE).unwrap(), EIP_OF_12);
    assert_eq!(echoes(&here, &there, EIP_OF_12).unwrap(), EIP_OF_11, "a hairpin");
}

#[test]
fn the_eip_of_a_vip_follows_the_holder_and_the_other_edge_takes_over() {
    let (fabric, [here, there, _], outside) = scene("emove");
    assert!(!fabric.pings(&outside, EIP), "nobody holds the VIP");
    for (guest, number, on) in [(&here, 11, 1), (&there, 12, 2)] {
        run(&format!("ip -n {guest} addr add {VIP}/32 dev eth0"));
        run(&format!("ip netns exec {guest} arping -U -c1 -w1 -I eth0 {VIP}"));
        fabric::eventually(Duration::from_secs(1), "the claim is followed", || fabric.held_by(on, number));
        assert_eq!(echoes(&outside, guest, EIP).unwrap(), OUTSIDE);
        run(&format!("ip -n {guest} addr del {VIP}/32 dev eth0"));
    }
    assert_eq!(fabric.records()[0].unwrap().holder.port, port(12), "{:?}", vip());

    take(&fabric, 2, EIP_OF_11);
    run(&format!("ip -n {outside} neigh flush dev lan"));

    assert_eq!(echoes(&outside, &here, EIP_OF_11).unwrap(), OUTSIDE);
    let learned = run(&format!("ip -n {outside} neigh show {EIP_OF_11}"));
    assert!(learned.contains(&edge_mac(2).to_string()), "{learned}");
}

#[test]
fn errors_reach_the_socket_that_they_are_about() {
    let (fabric, [here, there, without], outside) = scene("eerror");
    let connection_refused = Some(libc::ECONNREFUSED);
    for (from, to) in [
        (&outside, EIP_OF_11),
        (&outside, EIP_OF_12),
        (&here, OUTSIDE),
        (&there, OUTSIDE),
        (&here, EIP_OF_12),
    ] {
        assert_eq!(refused(from, to, 100), connection_refused, "{from} to {to}");
    }
    assert_eq!(refused(&outside, EIP, 100), Some(libc::EHOSTUNREACH), "a VIP without holder");
    assert_eq!(refused(&without, OUTSIDE, 100), Some(libc::EHOSTUNREACH), "no EIP: prohibited");

    // The outside is narrower than the guests think: they learn it and get through.
    for number in 1..=2 {
        run(&format!("ip -n {} link set e0 mtu 1300", fabric.namespace(number)));
    }
    for (guest, target) in [(&here, EIP_OF_11), (&there, EIP_OF_12)] {
        let dropped = refused(guest, OUTSIDE, 1400);
        assert_eq!(dropped, Some(libc::EMSGSIZE), "{target}");
        let route = run(&format!("ip -n {guest} route get {OUTSIDE}"));
        assert!(route.contains("mtu 1300"), "{route}");
        assert_eq!(echoes(guest, &outside, OUTSIDE).unwrap(), target);
    }
}
