//! Which network namespace this is: a device's number means another device in another one.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::{io, os::fd::AsRawFd};

/// The number of the calling thread's network namespace; never reused until the machine boots again.
pub(crate) fn cookie() -> io::Result<u64> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut cookie = 0u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to a u64 that outlives the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(cookie) }
}

/// `asm-generic/socket.h`, since Linux 5.14.
const SO_NETNS_COOKIE: libc::c_int = 71;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_keeps_its_number_and_another_has_another() {
        let here = cookie().unwrap();
        assert_eq!(cookie().unwrap(), here);
        let there = std::thread::spawn(|| {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            cookie().unwrap()
        });
        assert_ne!(there.join().unwrap(), here);
    }
}
