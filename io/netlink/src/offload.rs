//! What a device's checksum and segmentation engines do, by the ethtool ioctl.

use crate::{LinkError, Links};
use std::{io, os::fd::AsRawFd};

/// An engine that can be switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// Checksums of sent packets are left to the device.
    TransmitChecksum,
    /// Checksums of received packets are the device's.
    ReceiveChecksum,
    /// TCP packets larger than the MTU are cut by the device.
    TcpSegmentation,
    /// Packets larger than the MTU are cut as late as possible.
    GenericSegmentation,
    /// Small received packets of a flow are joined.
    GenericReceive,
}

impl Links {
    /// Switches one of a device's engines.
    ///
    /// # Errors
    /// The device does not exist or cannot switch it.
    pub fn set_offload(&self, device: &str, offload: Offload, on: bool) -> Result<(), LinkError> {
        #[repr(C)]
        struct EthtoolValue {
            command: u32,
            data: u32,
        }
        let attempted = || format!("switch {offload:?} of {device} {}", if on { "on" } else { "off" });
        if device.len() >= libc::IFNAMSIZ {
            return Err(LinkError::new(attempted(), io::Error::from_raw_os_error(libc::ENODEV)));
        }
        let mut value = EthtoolValue { command: offload.command(), data: u32::from(on) };
        // SAFETY: all-zero bytes are a valid ifreq, a plain C struct.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(device.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request and the value it points to live through the call and have the kernel's layout.
        if unsafe { libc::ioctl(self.control.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) } < 0 {
            return Err(LinkError::new(attempted(), io::Error::last_os_error()));
        }
        Ok(())
    }
}

impl Offload {
    /// The numbers of `linux/ethtool.h`.
    fn command(self) -> u32 {
        match self {
            Self::ReceiveChecksum => 0x15,
            Self::TransmitChecksum => 0x17,
            Self::TcpSegmentation => 0x1f,
            Self::GenericSegmentation => 0x24,
            Self::GenericReceive => 0x2c,
        }
    }
}
