//! One connection to the kernel, and the devices seen through it.

use crate::{LinkError, Namespace};
use futures_util::{StreamExt, TryStreamExt};
use havip_model::MacAddr;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec};
use std::{io, os::fd::OwnedFd, sync::Arc};

/// The devices of one network namespace, the one in which this was opened.
///
/// Clones share the connection; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Links {
    pub(crate) handle: Handle,
    /// For ioctls: a datagram socket of the same namespace.
    pub(crate) control: Arc<OwnedFd>,
    _connection: Arc<Connection>,
}

/// Ends the task that carries the messages.
#[derive(Debug)]
struct Connection(tokio::task::JoinHandle<()>);

/// A device as the kernel described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its index in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its Ethernet address; zero for a device without one.
    pub mac: MacAddr,
    /// The largest packet it carries, in bytes, Ethernet header not counted.
    pub mtu: u32,
    /// `veth`, `vxlan`, `bridge`, `tun` and so on; empty for a physical device or loopback.
    pub kind: String,
    /// Whether it was set up.
    pub is_up: bool,
    /// Whether it is up and its other side is there too: for a veth, the peer is up; for a tap, it is open.
    pub has_carrier: bool,
    /// The index of its bridge.
    pub master: Option<u32>,
    /// The index of a veth's peer, in the peer's namespace.
    pub peer: Option<u32>,
    /// Whether it carries Ethernet frames, as a tap does and a tun does not.
    pub is_ethernet: bool,
    /// Whether the peer is in another namespace.
    pub peer_is_elsewhere: bool,
}

impl Links {
    /// Opens the namespace that the calling thread is in.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// A socket could not be made.
    pub fn open() -> Result<Self, LinkError> {
        let failed = |source| LinkError::new("open a netlink socket", source);
        let (connection, handle, _) = rtnetlink::new_connection().map_err(failed)?;
        let control = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
            .map_err(|errno| failed(errno.into()))?;
        let connection = Arc::new(Connection(tokio::spawn(connection)));
        Ok(Self { handle, control: Arc::new(control), _connection: connection })
    }

    /// Opens another namespace; the calling thread stays where it is.
    ///
    /// Must be called inside a tokio runtime.
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

    /// The device of this name, if there is one.
    ///
    /// # Errors
    /// The kernel refused for another reason than absence.
    pub async fn by_name(&self, name: &str) -> Result<Option<Link>, LinkError> {
        let mut found = self.handle.link().get().match_name(name).execute().boxed();
        self.one(format!("look for device {name}"), found.try_next().await)
    }

    /// The device of this index, if there is one.
    ///
    /// # Errors
    /// The kernel refused for another reason than absence.
    pub async fn by_index(&self, index: u32) -> Result<Option<Link>, LinkError> {
        let mut found = self.handle.link().get().match_index(index).execute().boxed();
        self.one(format!("look for device number {index}"), found.try_next().await)
    }

    /// All devices.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn list(&self) -> Result<Vec<Link>, LinkError> {
        let all: Vec<LinkMessage> = (self.handle.link().get().execute().try_collect().await)
            .map_err(|error| LinkError::netlink("list the devices", error))?;
        Ok(all.iter().map(Link::from_message).collect())
    }

    /// The index of a device that must exist.
    ///
    /// # Errors
    /// It does not, or the kernel refused.
    pub async fn index_of(&self, name: &str) -> Result<u32, LinkError> {
        match self.by_name(name).await? {
            Some(link) => Ok(link.index),
            None => {
                let absent = io::Error::from_raw_os_error(libc::ENODEV);
                Err(LinkError::new(format!("find device {name}"), absent))
            }
        }
    }

    fn one(
        &self,
        attempted: String,
        answer: Result<Option<LinkMessage>, rtnetlink::Error>,
    ) -> Result<Option<Link>, LinkError> {
        match answer {
            Ok(message) => Ok(message.as_ref().map(Link::from_message)),
            Err(error) => {
                let error = LinkError::netlink(attempted, error);
                if error.kind() == crate::ErrorKind::NotFound { Ok(None) } else { Err(error) }
            }
        }
    }

    pub(crate) fn unspecified(&self, index: u32) -> LinkMessageBuilder<LinkUnspec> {
        LinkUnspec::new_with_index(index)
    }
}

impl Link {
    pub(crate) fn from_message(message: &LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            mac: MacAddr::ZERO,
            mtu: 0,
            kind: String::new(),
            is_up: flags.contains(LinkFlags::Up),
            has_carrier: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
            master: None,
            peer: None,
            is_ethernet: message.header.link_layer_type == LinkLayerType::Ether,
            peer_is_elsewhere: false,
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Address(bytes) => {
                    link.mac = bytes.as_slice().try_into().map(MacAddr).unwrap_or(MacAddr::ZERO);
                }
                LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
                LinkAttribute::Controller(index) => link.master = Some(*index),
                LinkAttribute::Link(index) => link.peer = Some(*index),
                LinkAttribute::LinkNetNsId(_) => link.peer_is_elsewhere = true,
                LinkAttribute::LinkInfo(infos) => {
                    for info in infos {
                        if let LinkInfo::Kind(kind) = info {
                            link.kind = kind.to_string();
                        }
                    }
                }
                _ => {}
            }
        }
        link
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}
