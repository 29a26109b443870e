//! A packet socket that tokio waits for.

use crate::{PacketError, PacketSocket, Received};
use tokio::io::{Interest, unix::AsyncFd};

/// A [`PacketSocket`] in a tokio runtime.
#[derive(Debug)]
pub struct AsyncPacketSocket(AsyncFd<PacketSocket>);

impl AsyncPacketSocket {
    /// Hands the socket to the runtime of the caller.
    ///
    /// # Errors
    /// The runtime could not register it.
    pub fn new(socket: PacketSocket) -> Result<Self, PacketError> {
        let device = socket.device;
        // SAFETY: PacketSocket owns its descriptor, keeps it open and the same as long as it lives.
        let registered = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
        registered.map(Self).map_err(|error| PacketError {
            attempted: "wait for frames of",
            device,
            source: error.into_parts().1,
        })
    }

    /// Waits for a frame and reads it into `buffer`. May be dropped without losing one.
    ///
    /// # Errors
    /// The device is down or gone ([`PacketError::is_down`]).
    pub async fn receive(&self, buffer: &mut [u8]) -> Result<Received, PacketError> {
        loop {
            let mut ready =
                self.0.readable().await.map_err(|source| self.get().failed("wait for", source))?;
            match self.get().try_receive(buffer)? {
                Some(received) => return Ok(received),
                None => ready.clear_ready(),
            }
        }
    }

    /// The socket itself, to send by it.
    pub fn get(&self) -> &PacketSocket {
        self.0.get_ref()
    }
}
