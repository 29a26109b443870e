//! What the kernel says about a received frame beside its bytes.

use nix::errno::Errno;
use std::{
    mem,
    os::fd::RawFd,
    time::{Duration, SystemTime},
};

/// A frame was received into the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// How many bytes are in the buffer.
    pub length: usize,
    /// How long the frame was; more than `length` if the buffer was too small.
    pub original_length: usize,
    /// The 802.1Q or 802.1ad tag, which the kernel takes out of the frame's bytes.
    pub vlan: Option<Vlan>,
    /// For whom the frame was.
    pub direction: Direction,
    /// Whether the frame's UDP or TCP checksum is not computed yet: a packet that never left this machine.
    pub checksum_is_partial: bool,
    /// When the kernel saw it.
    pub at: SystemTime,
}

/// A VLAN tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlan {
    /// 0x8100 or 0x88a8.
    pub ether_type: u16,
    /// Priority, drop bit and VLAN number.
    pub control: u16,
}

/// For whom a frame was, seen from this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// For this device.
    ToUs,
    /// For everybody.
    Broadcast,
    /// For a group.
    Multicast,
    /// For another Ethernet address.
    ToOthers,
    /// Sent by this host.
    Outgoing,
}

pub(crate) fn receive(socket: RawFd, buffer: &mut [u8]) -> Result<Received, Errno> {
    // SAFETY: all-zero bytes are valid values of these plain C structs.
    let (mut from, mut message): (libc::sockaddr_ll, libc::msghdr) = unsafe { mem::zeroed() };
    let mut control = Control([0; CONTROL_LENGTH]);
    let mut parts = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    message.msg_name = (&raw mut from).cast();
    message.msg_namelen = mem::size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    message.msg_iov = &raw mut parts;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;

    // SAFETY: every pointer in the message leads to a live buffer of the length given beside it.
    let got = unsafe { libc::recvmsg(socket, &raw mut message, libc::MSG_TRUNC | libc::MSG_DONTWAIT) };
    let original_length = usize::try_from(Errno::result(got)?).expect("a length is not negative");

    let mut received = Received {
        length: original_length.min(buffer.len()),
        original_length,
        vlan: None,
        direction: Direction::of(from.sll_pkttype),
        checksum_is_partial: false,
        at: SystemTime::UNIX_EPOCH,
    };
    // SAFETY: recvmsg left a valid chain of control messages, or none, in the aligned buffer.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: the macros above and below give null or a header inside the buffer; a message of these two
        // kinds holds the struct that is read, perhaps unaligned.
        unsafe {
            let data = libc::CMSG_DATA(header);
            match ((*header).cmsg_level, (*header).cmsg_type) {
                (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                    received.take(&data.cast::<libc::tpacket_auxdata>().read_unaligned());
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let stamp = data.cast::<libc::timespec>().read_unaligned();
                    let since = Duration::new(stamp.tv_sec.cast_unsigned(), stamp.tv_nsec as u32);
                    received.at = SystemTime::UNIX_EPOCH + since;
                }
                _ => {}
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    Ok(received)
}

impl Received {
    fn take(&mut self, aux: &libc::tpacket_auxdata) {
        self.checksum_is_partial = aux.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0;
        if aux.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
            let known = aux.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
            let ether_type = if known { aux.tp_vlan_tpid } else { libc::ETH_P_8021Q as u16 };
            self.vlan = Some(Vlan { ether_type, control: aux.tp_vlan_tci });
        }
    }
}

impl Direction {
    fn of(kind: u8) -> Self {
        match kind {
            libc::PACKET_BROADCAST => Self::Broadcast,
            libc::PACKET_MULTICAST => Self::Multicast,
            libc::PACKET_OTHERHOST => Self::ToOthers,
            libc::PACKET_OUTGOING => Self::Outgoing,
            _ => Self::ToUs,
        }
    }
}

/// Aligned as `cmsghdr` is.
#[repr(align(8))]
struct Control([u8; CONTROL_LENGTH]);

/// Room for both messages: 16 bytes of header each, 20 and 16 bytes of data, padded.
const CONTROL_LENGTH: usize = 128;
