//! Two guests that take a VIP from each other, and a client that sends to it: how long a claim takes to be followed.

use crate::Guest;
use anyhow::{Context, Result, bail};
use havip_model::MacAddr;
use havip_netlink::Links;
use havip_packet_socket::PacketSocket;
use havip_wire::build::gratuitous_arp;
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

/// The guests and the client.
pub struct Takeover {
    claimants: [Claimant; 2],
    client: UdpSocket,
    target: SocketAddrV4,
    turn: usize,
    last_at: Instant,
}

struct Claimant {
    socket: PacketSocket,
    announcement: Vec<u8>,
    receiver: UdpSocket,
}

impl Takeover {
    /// Gives both the address; the first one takes it. Both must be associated with the VIP.
    pub fn new(vip: Ipv4Addr, claimants: [&Guest; 2], client: &Guest) -> Result<Self> {
        let target = SocketAddrV4::new(vip, PORT);
        let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let [first, second] = claimants;
        let mut takeover = Self {
            claimants: [Claimant::new(first, target)?, Claimant::new(second, target)?],
            client: client.network_namespace()?.run(|| UdpSocket::bind(any))??,
            target,
            turn: 0,
            last_at: Instant::now(),
        };
        // Caches warm up: neighbours of the underlay, ARP of the client.
        for _ in 0..4 {
            takeover.trial().context("warming up")?;
        }
        Ok(takeover)
    }

    /// The other one claims: the time until a datagram of the client, sent after that, has reached it.
    pub fn trial(&mut self) -> Result<Duration> {
        // Rule C4's bucket gives two claims a second and port.
        std::thread::sleep((self.last_at + SPACING).saturating_duration_since(Instant::now()));
        let claimant = &self.claimants[self.turn];
        self.turn = 1 - self.turn;
        claimant.drain()?;
        self.last_at = Instant::now();
        claimant.socket.send(&claimant.announcement)?;
        while self.last_at.elapsed() < PATIENCE {
            // Unreachable while nobody holds the VIP, and on the way to its former holder.
            let _ = self.client.send_to(b"tick", self.target);
            if claimant.has_received()? {
                return Ok(self.last_at.elapsed());
            }
        }
        bail!("nothing reached the new holder of {} within {PATIENCE:?}", self.target.ip())
    }
}

impl Claimant {
    fn new(guest: &Guest, target: SocketAddrV4) -> Result<Self> {
        guest.shell(&format!("ip address replace {}/32 dev eth0", target.ip()))?;
        let namespace = guest.network_namespace()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let link = runtime.block_on(async { Links::open_in(&namespace)?.by_name("eth0").await })?;
        let link = link.context("the guest has no eth0")?;
        let receiver = namespace.run(|| UdpSocket::bind(target))??;
        receiver.set_nonblocking(true)?;
        Ok(Self {
            socket: namespace.run(|| PacketSocket::open(link.index))??,
            announcement: gratuitous_arp(MacAddr(link.mac.0), *target.ip()),
            receiver,
        })
    }

    fn has_received(&self) -> Result<bool> {
        match self.receiver.recv(&mut [0; 64]) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error).context("the receiver's socket broke"),
        }
    }

    fn drain(&self) -> Result<()> {
        while self.has_received()? {}
        Ok(())
    }
}

const PORT: u16 = 9000;
const SPACING: Duration = Duration::from_millis(600);
const PATIENCE: Duration = Duration::from_secs(3);
