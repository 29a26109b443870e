//! Loads between two posts: one TCP stream, small UDP packets, a ping-pong.

use crate::post::Post;
use anyhow::{Context, Result};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Gigabits per second of one TCP stream from one post to another.
pub fn tcp_stream(from: &Post, to: &Post, time: Duration) -> Result<f64> {
    let listener = to.namespace.run(|| TcpListener::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)))??;
    let port = listener.local_addr()?.port();
    let reader = std::thread::spawn(move || -> Result<u64> {
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
    /// Processor time of the whole machine per packet that arrived, in microseconds.
    pub cpu_micros: f64,
}

/// Sends packets of 64 bytes as fast as one thread can.
pub fn udp_flood(from: &Post, to: &Post, time: Duration) -> Result<Flood> {
    let receiver = to.namespace.run(|| UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)))??;
    receiver.set_read_timeout(Some(Duration::from_millis(50)))?;
    let sender = from.sender()?;
    sender.connect(SocketAddrV4::new(to.address, receiver.local_addr()?.port()))?;
    let stop = Arc::new(AtomicBool::new(false));
    let counter = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let (mut packets, mut buffer) = (0u64, [0; 128]);
            while !stop.load(Ordering::Relaxed) {
                packets += u64::from(receiver.recv(&mut buffer).is_ok());
            }
            packets
        }
    });
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

/// The median microseconds of `count` round trips of one small UDP packet at a time.
pub fn round_trip(from: &Post, to: &Post, count: usize) -> Result<f64> {
    let echo = to.namespace.run(|| UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)))??;
    echo.set_read_timeout(Some(Duration::from_secs(1)))?;
    let port = echo.local_addr()?.port();
    let server = std::thread::spawn(move || {
        let mut buffer = [0; 128];
        while let Ok((length, client)) = echo.recv_from(&mut buffer) {
            if length == 1 || echo.send_to(&buffer[..length], client).is_err() {
                return;
            }
        }
    });
    let client = from.sender()?;
    client.connect(SocketAddrV4::new(to.address, port))?;
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut times = Vec::with_capacity(count);
    let mut buffer = [0; 128];
    for _ in 0..count {
        let began = Instant::now();
        client.send(&[0; 56])?;
        client.recv(&mut buffer).context("a round trip was lost")?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    client.send(&[0])?;
    let _ = server.join();
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Seconds that all processors were busy since boot.
fn busy_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal, in hundredths of a second
    let idle = ticks.get(3).copied().unwrap_or(0.0) + ticks.get(4).copied().unwrap_or(0.0);
    Ok((ticks.iter().take(8).sum::<f64>() - idle) / 100.0)
}
