//! Rings that tokio waits for.

use crate::{Events, SwitchEvent};
use std::{io, os::fd::AsRawFd, time::Duration};
use tokio::io::{Interest, unix::AsyncFd};

/// [`Events`] in a tokio runtime.
pub struct AsyncEvents(AsyncFd<Events>);

impl AsyncEvents {
    /// Hands the rings to the runtime of the caller.
    ///
    /// # Errors
    /// The runtime could not register them.
    pub fn new(events: Events) -> io::Result<Self> {
        // SAFETY: the rings own their epoll descriptor, keep it open and the same as long as they live.
        let registered = unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) };
        registered.map(Self).map_err(|error| error.into_parts().1)
    }

    /// Waits until something may be there to take. May be dropped without losing anything.
    ///
    /// # Errors
    /// The runtime is ending.
    pub async fn wait(&mut self) -> io::Result<()> {
        self.0.readable_mut().await.map(|mut ready| ready.clear_ready())
    }

    /// Takes all that is there, without waiting.
    ///
    /// # Errors
    /// The rings cannot be read.
    pub fn take(&mut self) -> libbpf_rs::Result<Vec<SwitchEvent>> {
        self.0.get_mut().poll(Duration::ZERO)
    }
}

impl AsRawFd for Events {
    fn as_raw_fd(&self) -> i32 {
        self.descriptor()
    }
}
