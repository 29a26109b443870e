//! Loads between two posts: one TCP stream, small UDP packets, a ping-pong.

use crate::{post::Post, priority};
use anyhow::{Context, Result};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use socket2::{SockAddr, Socket};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Gigabits per second of one TCP stream from one post to another.
pub fn tcp_stream(from: &Post, to: &Post, time: Duration) -> Result<f64> {
    let listener = to.namespace.run(|| TcpListener::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)))??;
    let port = listener.local_addr()?.port();
    let reader = std::thread::spawn(move || -> Result<u64> {
        priority::stay_on(1);
        let (mut stream, _) = listener.accept()?;
        let mut buffer = vec![0; 1 << 18];
        let mut total = 0;
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(total),
                length => total += length as u64,
            }
        }
    });
    let mut stream = from.namespace.run(|| TcpStream::connect(SocketAddrV4::new(to.address, port)))??;
    let block = vec![0x55; 1 << 17];
    let began = Instant::now();
    while began.elapsed() < time {
        stream.write_all(&block)?;
    }
    drop(stream);
    let total = reader.join().expect("the reader does not panic")?;
    Ok(total as f64 * 8.0 / began.elapsed().as_secs_f64() / 1e9)
}

/// What a flood of small UDP packets came to.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// Packets that arrived, per second.
    pub per_second: f64,
    /// Processor time of sender and receiver per packet that arrived, in microseconds: the kernel runs the whole
    /// path between network namespaces within the sender, so that others on the machine are not counted.
    pub cpu_micros: f64,
}

/// Sends packets of 64 bytes as fast as one thread can.
pub fn udp_flood(from: &Post, to: &Post, time: Duration) -> Result<Flood> {
    let receiver = to.namespace.run(|| UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)))??;
    receiver.set_read_timeout(Some(Duration::from_millis(50)))?;
    let sender = from.sender()?;
    sender.connect(SocketAddrV4::new(to.address, receiver.local_addr()?.port()))?;
    let stop = Arc::new(AtomicBool::new(false));
    let ready = Arc::new(Barrier::new(2));
    let counter = std::thread::spawn({
        let (stop, ready) = (stop.clone(), ready.clone());
        move || {
            priority::stay_on(1);
            ready.wait();
            let (mut packets, mut buffer) = (0u64, [0; 128]);
            while !stop.load(Ordering::Relaxed) {
                packets += u64::from(receiver.recv(&mut buffer).is_ok());
            }
            packets
        }
    });
    ready.wait();
    let (began, busy) = (Instant::now(), busy_seconds()?);
    while began.elapsed() < time {
        for _ in 0..64 {
            // A full queue is what a flood is about.
            let _ = sender.send(&[0; 64]);
        }
    }
    let (took, busy) = (began.elapsed().as_secs_f64(), busy_seconds()? - busy);
    stop.store(true, Ordering::Relaxed);
    let packets = counter.join().expect("the counter does not panic") as f64;
    Ok(Flood { per_second: packets / took, cpu_micros: busy * 1e6 / packets.max(1.0) })
}

/// The median microseconds of `count` new TCP connections, one at a time: the other guest's kernel answers, and the
/// connection is reset, so that none is left.
pub fn new_connection(from: &Post, to: &Post, count: usize) -> Result<f64> {
    let listener = to.namespace.run(|| TcpListener::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)))??;
    let at = SocketAddrV4::new(to.address, listener.local_addr()?.port());
    let mut times = from.namespace.run(|| -> Result<Vec<f64>> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let began = Instant::now();
            let connection = TcpStream::connect(at)?;
            times.push(began.elapsed().as_secs_f64() * 1e6);
            drop(listener.accept()?);
            socket2::SockRef::from(&connection).set_linger(Some(Duration::ZERO))?;
        }
        Ok(times)
    })??;
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// The median microseconds of `count` pings, one at a time: the other guest's kernel answers, no process waits.
pub fn round_trip(from: &Post, to: &Post, count: usize) -> Result<f64> {
    let socket = havip_lab::socket::icmp(&from.namespace, to.address.into())?;
    socket.connect(&SockAddr::from(SocketAddrV4::new(to.address, 0)))?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut times = Vec::with_capacity(count);
    for sequence in 0..count {
        let request = echo_request(sequence as u16);
        let began = Instant::now();
        socket.send(&request)?;
        wait_for_answer(&socket, &request)?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn echo_request(sequence: u16) -> [u8; 64] {
    let mut packet = [0; 64];
    packet[0] = 8;
    packet[4..6].copy_from_slice(&(std::process::id() as u16).to_be_bytes());
    packet[6..8].copy_from_slice(&sequence.to_be_bytes());
    let sum = havip_lab::socket::checksum(&packet).to_be_bytes();
    packet[2..4].copy_from_slice(&sum);
    packet
}

/// Reads until the answer to this request comes; what precedes its ICMP is an IPv4 header without options.
fn wait_for_answer(mut socket: &Socket, request: &[u8; 64]) -> Result<()> {
    let mut packet = [0; 256];
    loop {
        let length = socket.read(&mut packet).context("a ping was lost")?;
        if length >= 28 && packet[20] == 0 && packet[24..28] == request[4..8] {
            return Ok(());
        }
    }
}

/// Processor seconds of this process since its start.
fn busy_seconds() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("cannot read the own processor time")?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}
