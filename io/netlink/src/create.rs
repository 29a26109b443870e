//! Making devices.

use crate::{LinkError, Links};
use havip_model::MacAddr;
use netlink_packet_route::link::{InfoBridge, InfoData, InfoKind, InfoVeth};
use rtnetlink::{LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, LinkVxlan};
use std::os::fd::{AsRawFd, BorrowedFd};

/// A veth pair to be made, both ends down.
#[derive(Debug, Clone, Copy)]
pub struct VethSpec<'a> {
    /// The end that stays in this namespace.
    pub near: VethEnd<'a>,
    /// The other end.
    pub far: VethEnd<'a>,
    /// Where the far end is made; this namespace if none.
    pub far_namespace: Option<BorrowedFd<'a>>,
}

/// One end of a veth pair.
#[derive(Debug, Clone, Copy)]
pub struct VethEnd<'a> {
    /// Its name, at most 15 bytes.
    pub name: &'a str,
    /// Its Ethernet address; the kernel makes one up if none.
    pub mac: Option<MacAddr>,
    /// In bytes, Ethernet header not counted.
    pub mtu: u32,
}

/// A VXLAN device in external mode: programs say where each packet goes (`bpf_skb_set_tunnel_key`).
///
/// It learns nothing, sends without UDP checksum and takes packets without, over IPv4 and IPv6 alike.
/// One namespace can have one such device per UDP port, and none beside an ordinary VXLAN of that port.
#[derive(Debug, Clone, Copy)]
pub struct VxlanSpec<'a> {
    /// Its name, at most 15 bytes.
    pub name: &'a str,
    /// The UDP port it listens on and sends to.
    pub port: u16,
    /// In bytes: the largest inner packet, inner Ethernet header not counted.
    pub mtu: u32,
    /// Its Ethernet address; the kernel makes one up if none.
    pub mac: Option<MacAddr>,
}

/// A bridge without spanning tree and without multicast snooping, so that it forwards from its first moment.
#[derive(Debug, Clone, Copy)]
pub struct BridgeSpec<'a> {
    /// Its name, at most 15 bytes.
    pub name: &'a str,
    /// In bytes, Ethernet header not counted.
    pub mtu: u32,
}

impl Links {
    /// Makes a veth pair and returns the index of the near end.
    ///
    /// Both ends are made here and the far one is then moved, so that their indexes differ: where they are the
    /// same, the kernel takes the veth for a device without a lower one and tells a loss of carrier up to a
    /// second late.
    ///
    /// # Errors
    /// A name is taken, or the kernel refused; nothing is left then.
    pub async fn create_veth(&self, spec: VethSpec<'_>) -> Result<u32, LinkError> {
        let attempted = || format!("make the veth pair {} and {}", spec.near.name, spec.far.name);
        let passing_name;
        let far_name = if spec.far_namespace.is_some() {
            let skip = spec.near.name.chars().count().saturating_sub(14);
            passing_name = format!("~{}", spec.near.name.chars().skip(skip).collect::<String>());
            passing_name.as_str()
        } else {
            spec.far.name
        };
        let mut far = LinkMessageBuilder::<LinkUnspec>::new().name(far_name).mtu(spec.far.mtu);
        if let Some(mac) = spec.far.mac {
            far = far.address(mac.0.to_vec());
        }
        let mut near = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
            .name(spec.near.name)
            .mtu(spec.near.mtu)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(far.build())));
        if let Some(mac) = spec.near.mac {
            near = near.address(mac.0.to_vec());
        }
        let made = self.handle.link().add(near.build()).execute().await;
        made.map_err(|error| LinkError::netlink(attempted(), error))?;
        let index = self.index_of(spec.near.name).await?;
        if let Some(namespace) = spec.far_namespace {
            let far_index = self.index_of(far_name).await?;
            let message = self.unspecified(far_index).setns_by_fd(namespace.as_raw_fd()).name(spec.far.name);
            let moved = self.handle.link().set(message.build()).execute().await;
            if let Err(error) = moved {
                self.delete(index).await?;
                return Err(LinkError::netlink(attempted(), error));
            }
        }
        Ok(index)
    }

    /// Makes an external-mode VXLAN device, down, and returns its index.
    ///
    /// # Errors
    /// The name is taken, or the kernel refused. A second device on the same port is made, and refused only
    /// when it is set up.
    pub async fn create_vxlan(&self, spec: VxlanSpec<'_>) -> Result<u32, LinkError> {
        let mut device = LinkMessageBuilder::<LinkVxlan>::new(spec.name)
            .mtu(spec.mtu)
            .collect_metadata(true)
            .port(spec.port)
            .learning(false)
            .udp_csum(false)
            .udp_zero_csum6_tx(true)
            .udp_zero_csum6_rx(true);
        if let Some(mac) = spec.mac {
            device = device.address(mac.0.to_vec());
        }
        let made = self.handle.link().add(device.build()).execute().await;
        made.map_err(|error| LinkError::netlink(format!("make the VXLAN device {}", spec.name), error))?;
        self.index_of(spec.name).await
    }

    /// Makes a bridge, down, and returns its index.
    ///
    /// # Errors
    /// The name is taken, or the kernel refused.
    pub async fn create_bridge(&self, spec: BridgeSpec<'_>) -> Result<u32, LinkError> {
        let bridge = LinkMessageBuilder::<LinkBridge>::new(spec.name)
            .mtu(spec.mtu)
            .append_info_data(InfoBridge::ForwardDelay(0))
            .append_info_data(InfoBridge::MulticastSnooping(false));
        let made = self.handle.link().add(bridge.build()).execute().await;
        made.map_err(|error| LinkError::netlink(format!("make the bridge {}", spec.name), error))?;
        self.index_of(spec.name).await
    }
}
