//! A guest as a bench sees it: a network namespace in which sockets are opened and commands run.

use anyhow::{Context, Result, ensure};
use havip_model::MacAddr;
use havip_netlink::{Link, Links, Namespace};
use havip_packet_socket::PacketSocket;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use std::{
    io::IoSliceMut,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    os::fd::AsRawFd,
    process::Command,
    time::Duration,
};

/// A guest.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where it is.
    pub namespace: Namespace,
    /// Its own address.
    pub address: Ipv4Addr,
}

/// A time by the system's clock, in nanoseconds since 1970; the kernel stamps packets by the same clock.
pub type Nanos = u64;

impl Post {
    /// Runs a command that must succeed; returns what it printed.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        let [program, arguments @ ..] = words else { anyhow::bail!("no command was given") };
        let mut command: Command = self.namespace.command(program);
        let output = command.args(arguments).output().with_context(|| format!("cannot run {program}"))?;
        ensure!(
            output.status.success(),
            "{} failed: {}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Its eth0.
    pub fn link(&self) -> Result<Link> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let link = runtime.block_on(async { Links::open_in(&self.namespace)?.by_name("eth0").await })?;
        link.context("the guest has no eth0")
    }

    /// Its MAC.
    pub fn mac(&self) -> Result<MacAddr> {
        Ok(MacAddr(self.link()?.mac.0))
    }

    /// A socket for whole frames on its eth0.
    pub fn packet_socket(&self) -> Result<PacketSocket> {
        let index = self.link()?.index;
        Ok(self.namespace.run(|| PacketSocket::open(index))??)
    }

    /// A UDP socket on one of its addresses, whose datagrams carry the kernel's time of arrival.
    pub fn stamped_receiver(&self, address: Ipv4Addr, port: u16) -> Result<UdpSocket> {
        let socket = self.namespace.run(|| UdpSocket::bind(SocketAddrV4::new(address, port)))??;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        Ok(socket)
    }

    /// A UDP socket to send from.
    pub fn sender(&self) -> Result<UdpSocket> {
        Ok(self.namespace.run(|| UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)))??)
    }
}

/// The arrival of the next datagram; none if none comes within the socket's read timeout.
pub fn next_arrival(socket: &UdpSocket) -> Option<Nanos> {
    let mut byte = [0; 64];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let message = recvmsg::<nix::sys::socket::SockaddrIn>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::empty(),
    );
    message.ok()?.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => {
            Some(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
        }
        _ => None,
    })
}

/// Now, by the clock of the kernel's stamps.
pub fn now() -> Nanos {
    std::time::UNIX_EPOCH.elapsed().expect("the clock is past 1970").as_nanos() as u64
}
