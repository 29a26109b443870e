//! Raw frames of one device: what DHCP replies, gratuitous ARP and measurements are sent and read by.

mod received;
mod waiting;

pub use received::{Direction, Received, Vlan};
pub use waiting::AsyncPacketSocket;

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};
use std::{
    io, mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    time::{Duration, Instant},
};

/// A socket that sends and receives whole Ethernet frames on one device of the caller's network namespace.
///
/// Its descriptor never blocks: let [`Self::receive`] wait, or a tokio runtime by [`AsyncPacketSocket`].
#[derive(Debug)]
pub struct PacketSocket {
    socket: Socket,
    device: u32,
}

/// A socket could not be opened, or a frame could not be sent or received.
#[derive(Debug, thiserror::Error)]
#[error("could not {attempted} device {device}")]
pub struct PacketError {
    attempted: &'static str,
    device: u32,
    #[source]
    source: io::Error,
}

impl PacketSocket {
    /// Opens a device by its index, for frames of every type, those sent by others on this host included.
    ///
    /// # Errors
    /// The device does not exist, or CAP_NET_RAW is missing.
    pub fn open(device: u32) -> Result<Self, PacketError> {
        Self::open_for(device, libc::ETH_P_ALL as u16)
    }

    /// Opens a device for received frames of one EtherType, such as 0x0806 for ARP.
    ///
    /// # Errors
    /// The device does not exist, or CAP_NET_RAW is missing.
    pub fn open_for(device: u32, ether_type: u16) -> Result<Self, PacketError> {
        let failed = |source| PacketError { attempted: "open", device, source };
        // With protocol 0 nothing is received until bound: no frame of another device slips in.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let socket = Self { socket, device };
        socket.switch_on(libc::SOL_PACKET, libc::PACKET_AUXDATA).map_err(failed)?;
        socket.switch_on(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS).map_err(failed)?;
        socket.socket.bind(&address(device, ether_type)).map_err(failed)?;
        Ok(socket)
    }

    /// No longer receives what others on this host send on the device.
    ///
    /// # Errors
    /// The kernel is older than 4.20.
    pub fn ignore_outgoing(&self) -> Result<(), PacketError> {
        const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
        self.switch_on(libc::SOL_PACKET, PACKET_IGNORE_OUTGOING)
            .map_err(|source| self.failed("ignore what is sent on", source))
    }

    /// Receives frames for other Ethernet addresses too, until the socket is closed.
    ///
    /// # Errors
    /// The device is gone.
    pub fn listen_to_all(&self) -> Result<(), PacketError> {
        let membership = libc::packet_mreq {
            mr_ifindex: self.device.cast_signed(),
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set_option(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)
            .map_err(|source| self.failed("listen to all on", source))
    }

    /// Sends a frame, from its destination address to the end of its payload.
    ///
    /// The kernel pads short frames.
    ///
    /// # Errors
    /// The device is down or gone ([`PacketError::is_down`]), the frame is longer than its MTU, or its queue is
    /// full.
    pub fn send(&self, frame: &[u8]) -> Result<(), PacketError> {
        match self.socket.send(frame) {
            Ok(_) => Ok(()),
            Err(source) => Err(self.failed("send on", source)),
        }
    }

    /// Waits for a frame, at most so long, and reads it into `buffer`.
    ///
    /// # Errors
    /// The device is down or gone ([`PacketError::is_down`]).
    pub fn receive(&self, buffer: &mut [u8], at_most: Duration) -> Result<Option<Received>, PacketError> {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(received) = self.try_receive(buffer)? {
                return Ok(Some(received));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // Rounded up, lest the last millisecond is spent in a busy loop.
            let millis = left.as_micros().div_ceil(1000);
            let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(self.failed("wait for frames of", errno.into())),
            }
        }
    }

    /// Reads a frame into `buffer` if one is there.
    ///
    /// # Errors
    /// The device is down or gone ([`PacketError::is_down`]).
    pub fn try_receive(&self, buffer: &mut [u8]) -> Result<Option<Received>, PacketError> {
        match received::receive(self.socket.as_raw_fd(), buffer) {
            Ok(received) => Ok(Some(received)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(errno) => Err(self.failed("receive from", errno.into())),
        }
    }

    fn failed(&self, attempted: &'static str, source: io::Error) -> PacketError {
        PacketError { attempted, device: self.device, source }
    }

    fn switch_on(&self, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
        self.set_option(level, option, &1_i32)
    }

    fn set_option<T>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
        let length = mem::size_of::<T>() as libc::socklen_t;
        // SAFETY: value points to length readable bytes for the time of the call.
        let answer = unsafe {
            libc::setsockopt(self.socket.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), length)
        };
        if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl PacketError {
    /// Whether the device is down, or was removed.
    pub fn is_down(&self) -> bool {
        matches!(self.source.raw_os_error(), Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV))
    }

    /// Whether the frame was longer than the device carries.
    pub fn is_too_long(&self) -> bool {
        self.source.raw_os_error() == Some(libc::EMSGSIZE)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn address(device: u32, ether_type: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is what AF_PACKET keeps in a sockaddr_storage, and all-zero bytes are a valid one.
    let link = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    link.sll_family = libc::AF_PACKET as u16;
    link.sll_protocol = ether_type.to_be();
    link.sll_ifindex = device.cast_signed();
    // SAFETY: the storage was written as a sockaddr_ll, whose length this is.
    unsafe { SockAddr::new(storage, mem::size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}
