//! A stream of what happens to devices: how the agent learns that a port is down.

use crate::{Link, LinkError, Namespace};
use netlink_packet_route::RouteNetlinkMessage;
use rtnetlink::{
    packet_core::{NetlinkBuffer, NetlinkMessage, NetlinkPayload},
    sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE},
};
use std::{collections::VecDeque, io};

/// Something happened to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// It was made, set up or down, renamed, got or lost its carrier.
    Changed(Link),
    /// It was removed or moved to another namespace.
    Deleted(Link),
    /// Events were lost, for nobody read them in time: list the devices again.
    Missed,
}

/// Events of the devices of one namespace, from the moment this was opened.
///
/// The kernel tells a veth's loss of carrier at once; only if both ends happen to have the same index in their
/// namespaces it may wait up to a second.
pub struct LinkWatch {
    socket: TokioSocket,
    waiting: VecDeque<LinkEvent>,
}

impl LinkWatch {
    /// Watches the namespace that the calling thread is in. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// A socket could not be made.
    pub fn open() -> Result<Self, LinkError> {
        let failed = |source| LinkError::new("watch the devices", source);
        let mut socket = TokioSocket::new(NETLINK_ROUTE).map_err(failed)?;
        socket.socket_mut().set_rx_buf_sz(RECEIVE_BUFFER).map_err(failed)?;
        socket.socket_mut().bind(&SocketAddr::new(0, libc::RTMGRP_LINK as u32)).map_err(failed)?;
        Ok(Self { socket, waiting: VecDeque::new() })
    }

    /// Watches another namespace. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The namespace could not be entered, or a socket could not be made.
    pub fn open_in(namespace: &Namespace) -> Result<Self, LinkError> {
        let runtime = tokio::runtime::Handle::current();
        namespace
            .run(|| {
                let _inside = runtime.enter();
                Self::open()
            })
            .map_err(|error| LinkError::new(error.to_string(), io::Error::other(error)))?
    }

    /// Waits for the next event. May be dropped and called again without losing one.
    ///
    /// # Errors
    /// The socket broke; open a new one.
    pub async fn next(&mut self) -> Result<LinkEvent, LinkError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            match self.socket.recv_from_full().await {
                Ok((bytes, _)) => self.waiting.extend(read(&bytes)),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => return Ok(LinkEvent::Missed),
                Err(error) => return Err(LinkError::new("read the events of devices", error)),
            }
        }
    }
}

/// One datagram may hold several messages, each padded to four bytes.
fn read(mut bytes: &[u8]) -> Vec<LinkEvent> {
    let mut events = Vec::new();
    while let Ok(header) = NetlinkBuffer::new_checked(&bytes) {
        let length = header.length() as usize;
        match NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes).map(|message| message.payload) {
            Ok(NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link))) => {
                events.push(LinkEvent::Changed(Link::from_message(&link)));
            }
            Ok(NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link))) => {
                events.push(LinkEvent::Deleted(Link::from_message(&link)));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "unreadable netlink message");
                events.push(LinkEvent::Missed);
            }
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    events
}

/// 1 MiB holds some 700 events, a burst of that many ports at once.
const RECEIVE_BUFFER: usize = 1 << 20;
