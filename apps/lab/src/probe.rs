//! A client that asks every millisecond and says how long nobody answered.
//!
//! It sends ICMP echo requests from inside a namespace and notes which came back, so it measures the network
//! and not a web server's connection handling.

use anyhow::Result;
use havip_netlink::Namespace;
use socket2::{SockAddr, Socket};
use std::{
    io::Read,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A running client; dropping it stops it.
pub struct Probe {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    began_at: Instant,
    /// One per request, in the order of sending: when it left, and whether it was answered.
    requests: Mutex<Vec<Request>>,
}

#[derive(Clone, Copy)]
struct Request {
    sent_at: Duration,
    answered: bool,
}

/// A span in which no request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// From the first unanswered request to the next answered one.
    pub length: Duration,
    /// When it began, counted from the probe's start.
    pub began: Duration,
    /// It was still going on at the last request.
    pub unfinished: bool,
}

impl Probe {
    /// Begins to ask `target` from a namespace.
    pub fn start(namespace: &Namespace, target: impl Into<IpAddr>) -> Result<Self> {
        let target = target.into();
        let socket = crate::socket::icmp(namespace, target)?;
        socket.connect(&SockAddr::from(SocketAddr::new(target, 0)))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        socket.set_recv_buffer_size(1 << 20)?;
        let identifier =
            (std::process::id() as u16).wrapping_add(NEXT_IDENTIFIER.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            began_at: Instant::now(),
            requests: Mutex::new(Vec::with_capacity(1 << 16)),
        });
        let listener = socket.try_clone()?;
        let threads = vec![
            std::thread::spawn({
                let shared = shared.clone();
                move || shared.ask(&socket, identifier, target)
            }),
            std::thread::spawn({
                let shared = shared.clone();
                move || shared.listen(listener, identifier, target)
            }),
        ];
        Ok(Self { shared, threads })
    }

    /// Time since the start; hand it to [`Self::longest_outage_since`].
    pub fn now(&self) -> Duration {
        self.shared.began_at.elapsed()
    }

    /// Whether a request sent after `since` was answered.
    pub fn answered_since(&self, since: Duration) -> bool {
        self.shared
            .lock()
            .iter()
            .rev()
            .take_while(|request| request.sent_at >= since)
            .any(|request| request.answered)
    }

    /// Whether a request sent after `since` went unanswered for longer than [`GRACE`].
    pub fn silent_since(&self, since: Duration) -> bool {
        self.longest_outage_since(since).is_some_and(|outage| outage.length >= GRACE)
    }

    /// The longest span without an answer among the requests sent after `since`.
    ///
    /// Requests younger than [`GRACE`] are left out: their answers may be under way.
    pub fn longest_outage_since(&self, since: Duration) -> Option<Outage> {
        let settled = self.now().saturating_sub(GRACE);
        let requests = self.shared.lock();
        let from = requests.partition_point(|request| request.sent_at < since);
        let to = requests.partition_point(|request| request.sent_at < settled);
        longest_outage(&requests[from.min(to)..to])
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Request>> {
        self.requests.lock().expect("no thread panics while it holds the list")
    }

    fn ask(&self, socket: &Socket, identifier: u16, target: IpAddr) {
        let mut sequence: u32 = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let due = self.began_at + Duration::from_millis(u64::from(sequence));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            // Noted before it is sent, so that the answer always finds it.
            self.lock().push(Request { sent_at: self.began_at.elapsed(), answered: false });
            // A refused send (no route yet, buffer full) is an unanswered request.
            let _ = socket.send(&echo_request(identifier, sequence, target));
            sequence += 1;
        }
    }

    fn listen(&self, mut socket: Socket, identifier: u16, target: IpAddr) {
        let mut packet = [0; 256];
        while !self.stop.load(Ordering::Relaxed) {
            let Ok(length) = socket.read(&mut packet) else { continue };
            if let Some(sequence) = echo_reply(&packet[..length], identifier, target)
                && let Some(request) = self.lock().get_mut(sequence as usize)
            {
                request.answered = true;
            }
        }
    }
}

fn longest_outage(requests: &[Request]) -> Option<Outage> {
    let mut longest: Option<Outage> = None;
    let mut began: Option<Duration> = None;
    let mut consider = |outage: Outage| {
        if longest.is_none_or(|known| outage.length > known.length) {
            longest = Some(outage);
        }
    };
    for request in requests {
        match (request.answered, began) {
            (false, None) => began = Some(request.sent_at),
            (true, Some(start)) => {
                consider(Outage { length: request.sent_at - start, began: start, unfinished: false });
                began = None;
            }
            _ => {}
        }
    }
    if let (Some(start), Some(last)) = (began, requests.last()) {
        consider(Outage { length: last.sent_at - start, began: start, unfinished: true });
    }
    longest
}

/// An ICMP echo request; its payload holds the whole sequence, as the header's 16 bits wrap after a minute.
fn echo_request(identifier: u16, sequence: u32, target: IpAddr) -> [u8; 12] {
    let mut packet = [0; 12];
    // The kernel writes the checksum of ICMPv6, which has the addresses in it (RFC 3542 section 3.1).
    packet[0] = if target.is_ipv4() { 8 } else { 128 };
    packet[4..6].copy_from_slice(&identifier.to_be_bytes());
    packet[6..8].copy_from_slice(&(sequence as u16).to_be_bytes());
    packet[8..12].copy_from_slice(&sequence.to_be_bytes());
    let checksum = crate::socket::checksum(&packet);
    packet[2..4].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// The sequence of an echo reply to one of ours; a packet of IPv4, and only of that, begins with its IP header.
fn echo_reply(packet: &[u8], identifier: u16, target: IpAddr) -> Option<u32> {
    let (header, reply) = match target {
        IpAddr::V4(_) => (usize::from(packet.first()? & 0x0f) * 4, 0),
        IpAddr::V6(_) => (0, 129),
    };
    let icmp = packet.get(header..header + 12)?;
    let ours = icmp[0] == reply && icmp[4..6] == identifier.to_be_bytes();
    ours.then(|| u32::from_be_bytes([icmp[8], icmp[9], icmp[10], icmp[11]]))
}

/// How long an answer may take before its request counts as lost.
pub const GRACE: Duration = Duration::from_millis(100);

static NEXT_IDENTIFIER: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn requests(pattern: &str) -> Vec<Request> {
        let at = |index: usize| Duration::from_millis(index as u64);
        pattern.chars().enumerate().map(|(i, c)| Request { sent_at: at(i), answered: c == '+' }).collect()
    }

    #[test]
    fn the_longest_gap_is_found_wherever_it_lies() {
        let rows =
            [("++++", None), ("+--+-+", Some((2, 1, false))), ("+-+---", Some((2, 3, true))), ("", None)];
        for (pattern, expected) in rows {
            let found = longest_outage(&requests(pattern));
            let expected = expected.map(|(length, began, unfinished)| Outage {
                length: Duration::from_millis(length),
                began: Duration::from_millis(began),
                unfinished,
            });
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn loopback_answers_without_an_outage() {
        for loopback in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let probe = Probe::start(&Namespace::current().unwrap(), loopback).unwrap();
            let deadline = Instant::now() + Duration::from_secs(5);
            while !probe.answered_since(Duration::ZERO) {
                assert!(Instant::now() < deadline, "{loopback} does not answer");
                std::thread::yield_now();
            }
        }
    }
}
