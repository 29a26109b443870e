//! Real TCP through the switch: large segments, checksums left to the device, both ways at once.

mod fabric;

use fabric::{Fabric, VIP, eventually, inside, own, run};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

const SECOND: Duration = Duration::from_secs(1);
const LENGTH: usize = 64 << 20;

/// Sends 64 MiB from one guest to an address that another has, checks every byte, and returns Gbit/s.
fn stream(from: &str, to: &str, address: Ipv4Addr) -> f64 {
    let at = SocketAddr::from((address, 5000));
    thread::scope(|scope| {
        let listener = inside(to, || TcpListener::bind(at).unwrap());
        scope.spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut block = vec![0; 1 << 16];
            let pattern: Vec<u8> = (0..1 << 17).map(|at| at as u8).collect();
            let mut got = 0;
            loop {
                match socket.read(&mut block).unwrap() {
                    0 => break,
                    length => {
                        let phase = got % 256;
                        assert!(
                            block[..length] == pattern[phase..phase + length],
                            "a byte differs after {got}"
                        );
                        got += length;
                    }
                }
            }
            assert_eq!(got, LENGTH);
        });
        let mut socket = inside(from, || TcpStream::connect_timeout(&at, 5 * SECOND).unwrap());
        let block: Vec<u8> = (0..1 << 16).map(|at| at as u8).collect();
        let began = Instant::now();
        for _ in 0..LENGTH / block.len() {
            socket.write_all(&block).unwrap();
        }
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(socket.read(&mut [0]).unwrap(), 0);
        LENGTH as f64 * 8.0 / began.elapsed().as_secs_f64() / 1e9
    })
}

#[test]
fn tcp_streams_pass_whole_on_one_host_across_hosts_and_to_a_vip() {
    let mut fabric = Fabric::new("tcp");
    let blue = fabric.guest(1, 11);
    let green = fabric.guest(2, 12);
    let near = fabric.guest(1, 13);
    fabric.vip(1, &[11, 12]);
    run(&format!("ip -n {blue} addr add {VIP}/32 dev eth0"));
    run(&format!("ip netns exec {blue} arping -U -c1 -w1 -I eth0 {VIP}"));
    eventually(SECOND, "both hosts name blue", || fabric.held_by(1, 11));

    println!("same host  {:.1} Gbit/s", stream(&near, &blue, own(11)));
    println!("other host {:.1} Gbit/s", stream(&near, &green, own(12)));
    println!("to the VIP {:.1} Gbit/s", stream(&green, &blue, VIP));
    for switch in &fabric.hosts {
        assert!(!switch.ledger().unwrap().contains_key("too_big"));
    }
}
