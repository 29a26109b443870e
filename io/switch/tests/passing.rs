//! Rule C8 over a real underlay: a packet for a VIP that has moved is passed on under the mark, and its sender learns;
//! how long a host does not know of a move is printed.

mod fabric;
mod hook;

use fabric::{Fabric, VIP, eventually, host, inside, mac, own, port, run, vip};
use havip_claim::{Notice, Order};
use havip_model::{Epoch, Holder, Record};
use havip_switch::SwitchEvent;
use havip_wire::Ipv4;
use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_packet_for_a_vip_that_has_moved_travels_on_under_the_mark_and_its_sender_learns() {
    let mut fabric = Fabric::new("c8");
    let client = fabric.guest(2, 13);
    fabric.guest(1, 11);
    fabric.vip(1, &[11, 14]);
    // Host 3 is a neighbour whose frames go to host 2's device, where they are read.
    let to_two = run(&format!("ip netns exec {} cat /sys/class/net/u0/address", fabric.namespace(2)));
    run(&format!("ip -n {} neigh add 192.0.2.3 lladdr {} dev u0", fabric.namespace(1), to_two.trim()));
    fabric.put(
        havip_reconcile::table::EntryKey::Host(host(3)),
        havip_reconcile::table::Entry::Host { underlay: [192, 0, 2, 3].into() },
    );
    let underlay = inside(&fabric.namespace(2), || hook::listen("u0"));
    let held = |on: u32, number: u32, epoch: u64| Record {
        incarnation: havip_model::Incarnation(1),
        epoch: Epoch(epoch),
        holder: Holder { host: host(on), port: port(number) },
        released: false,
        mac: mac(number),
        moves: 1,
    };
    for (switch, record) in fabric.hosts.iter().zip([held(3, 14, 11), held(1, 11, 10)]) {
        switch.order(&Order::Merge { key: vip(), record }).unwrap();
    }
    let payload: Vec<u8> = (0..1200).map(|at| at as u8).collect();

    inside(&client, || {
        let socket = UdpSocket::bind((own(13), 7000)).unwrap();
        socket.send_to(&payload, (VIP, 8000)).unwrap();
    });

    eventually(SECOND, "host 2 learns the record that host 1 has", || {
        fabric.records() == [Some(held(3, 14, 11)); 2]
    });
    let marked = seen(&underlay, |packet| packet.tunnel == 0x80_0064);
    assert_eq!(marked.to, [192, 0, 2, 3], "once, to the holder's host, in the VPC's tunnel under the mark");
    let (ip, udp) = (Ipv4::LEN, 8);
    assert_eq!(&marked.inner[14 + 12..14 + 20], [own(13).octets(), VIP.octets()].as_flattened());
    assert_eq!(&marked.inner[14 + ip + udp..], payload);
    let ledger = fabric.hosts[0].ledger().unwrap();
    assert_eq!((ledger["passed_on"], ledger["sender_told"]), (1, 1));
    assert!(!fabric.hosts[0].drops().unwrap().iter().any(|drop| drop.port.is_none()));
}

#[test]
fn a_host_does_not_know_of_a_move_for_as_long_as_the_announcement_flies() {
    let mut fabric = Fabric::new("c8w");
    let blue = fabric.guest(1, 11);
    let green = fabric.guest(2, 12);
    fabric.vip(1, &[11, 12]);
    let mut events: Vec<_> = fabric.hosts.iter().map(|switch| switch.events().unwrap()).collect();
    let mut windows = vec![];
    // Claims of one port are followed at once eight times.
    for turn in 0..8 {
        let (guest, on, number) = [(&blue, 1, 11), (&green, 2, 12)][turn % 2];
        fabric.set_clocks();
        run(&format!("ip -n {guest} addr replace {VIP}/32 dev eth0"));
        run(&format!("ip netns exec {guest} arping -U -c1 -w1 -I eth0 {VIP}"));
        eventually(SECOND, "both hosts name the claimant", || fabric.held_by(on, number));
        let moved_at = |told: Vec<SwitchEvent>| {
            told.into_iter().find_map(|event| match event {
                SwitchEvent::Notice { notice: Notice::Moved { .. }, at, .. } => Some(at),
                _ => None,
            })
        };
        let at: Vec<_> =
            events.iter_mut().map(|ring| moved_at(ring.poll(Duration::ZERO).unwrap()).unwrap()).collect();
        windows.push(at[on as usize % 2].checked_sub(at[on as usize - 1]).expect("told after it was made"));
    }
    windows.sort();
    println!("a move is known to the other host after {:?} (median), {:?} at most", windows[4], windows[7]);
    assert!(windows[4] < Duration::from_millis(100), "one packet on the underlay, not a repeat: {windows:?}");
}

/// One VXLAN packet on the underlay.
struct Seen {
    to: [u8; 4],
    tunnel: u32,
    inner: Vec<u8>,
}

/// The first packet like this that comes by.
fn seen(underlay: &std::os::fd::OwnedFd, is_it: impl Fn(&Seen) -> bool) -> Seen {
    const OUTER: usize = 14 + 20 + 8 + 8;
    let deadline = Instant::now() + SECOND;
    loop {
        assert!(Instant::now() < deadline, "no such packet within a second");
        let Some(frame) = hook::receive(underlay) else {
            std::thread::yield_now();
            continue;
        };
        if frame.len() < OUTER || frame[23] != 17 || frame[36..38] != 7402u16.to_be_bytes() {
            continue;
        }
        let seen = Seen {
            to: frame[30..34].try_into().unwrap(),
            tunnel: u32::from_be_bytes([0, frame[46], frame[47], frame[48]]),
            inner: frame[OUTER..].to_vec(),
        };
        if is_it(&seen) {
            return seen;
        }
    }
}
