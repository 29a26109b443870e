//! Taps: devices whose other side is a descriptor, as a machine of QEMU has it.

use crate::LinkError;
use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, OwnedFd},
};

/// Makes a tap that lives as long as somebody has its descriptor open.
///
/// Frames pass with the head that tells what is left to do of checksums and segments (`vnet_hdr`): so a guest's
/// large packet crosses the host in one piece. It is made in the network namespace of the calling thread.
///
/// # Errors
/// The name is taken or too long, or `/dev/net/tun` cannot be used.
pub fn create_tap(name: &str) -> Result<OwnedFd, LinkError> {
    let attempted = || format!("make the tap {name}");
    if name.len() >= libc::IFNAMSIZ {
        return Err(LinkError::new(attempted(), io::Error::from_raw_os_error(libc::ENAMETOOLONG)));
    }
    let file = File::options().read(true).write(true).open("/dev/net/tun");
    let file = file.map_err(|error| LinkError::new(attempted(), error))?;
    // SAFETY: all-zero bytes are a valid ifreq, a plain C struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    // A tap of this name that lasts, or that somebody else has open, is not taken over.
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR | libc::IFF_TUN_EXCL;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: the request lives through the call and has the kernel's layout.
    if unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw const request) } < 0 {
        return Err(LinkError::new(attempted(), io::Error::last_os_error()));
    }
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Links;
    use nix::sched::{CloneFlags, unshare};

    #[tokio::test]
    async fn a_tap_has_carrier_while_it_is_open_and_is_gone_with_its_descriptor() {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let links = Links::open().unwrap();
        let tap = create_tap("tap7").unwrap();
        let link = links.by_name("tap7").await.unwrap().unwrap();
        links.set_up(link.index).await.unwrap();
        let link = links.by_name("tap7").await.unwrap().unwrap();
        assert!(link.has_carrier && link.is_ethernet && link.kind == "tun", "{link:?}");
        assert!(create_tap("tap7").is_err(), "it is taken");
        drop(tap);
        assert!(links.by_name("tap7").await.unwrap().is_none());
    }
}
