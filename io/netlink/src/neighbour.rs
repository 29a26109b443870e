//! Which Ethernet address a neighbour has.

use crate::{LinkError, Links, error::absent_is_fine};
use futures_util::TryStreamExt;
use havip_model::MacAddr;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use std::net::IpAddr;

/// An entry of the kernel's neighbour table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Who.
    pub address: IpAddr,
    /// Its Ethernet address, if known.
    pub mac: Option<MacAddr>,
    /// Whether it was set by somebody and is not asked for.
    pub is_permanent: bool,
}

impl Links {
    /// Says for good which Ethernet address a neighbour has, in place of what was known.
    ///
    /// # Errors
    /// The device does not exist, or the kernel refused.
    pub async fn set_neighbour(&self, index: u32, address: IpAddr, mac: MacAddr) -> Result<(), LinkError> {
        let request = self.handle.neighbours().add(index, address).link_layer_address(&mac.0);
        let done = request.state(NeighbourState::Permanent).replace().execute().await;
        done.map_err(|error| LinkError::netlink(format!("set the neighbour {address} to {mac}"), error))
    }

    /// Lets the kernel ask for a neighbour now if it does not know it, as a packet to it would.
    ///
    /// A program that encapsulates to a neighbour not resolved yet succeeds, and nothing is on the wire.
    ///
    /// # Errors
    /// The device does not exist or is down, or the kernel refused.
    pub async fn resolve_neighbour(&self, index: u32, address: IpAddr) -> Result<(), LinkError> {
        let request = self.handle.neighbours().add(index, address).replace();
        let done = request.state(NeighbourState::None).flags(NeighbourFlags::Use).execute().await;
        done.map_err(|error| LinkError::netlink(format!("ask for the neighbour {address}"), error))
    }

    /// Forgets a neighbour; one that is not known is fine.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn remove_neighbour(&self, index: u32, address: IpAddr) -> Result<(), LinkError> {
        for message in self.neighbour_messages(index).await? {
            if read(&message).is_some_and(|neighbour| neighbour.address == address) {
                let done = self.handle.neighbours().del(message).execute().await;
                let attempted = || format!("remove the neighbour {address}");
                absent_is_fine(done.map_err(|error| LinkError::netlink(attempted(), error)))?;
            }
        }
        Ok(())
    }

    /// The neighbours known on a device.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn neighbours(&self, index: u32) -> Result<Vec<Neighbour>, LinkError> {
        Ok(self.neighbour_messages(index).await?.iter().filter_map(read).collect())
    }

    async fn neighbour_messages(&self, index: u32) -> Result<Vec<NeighbourMessage>, LinkError> {
        let all: Vec<NeighbourMessage> = (self.handle.neighbours().get().execute().try_collect().await)
            .map_err(|error| LinkError::netlink(format!("list the neighbours of device {index}"), error))?;
        Ok(all.into_iter().filter(|message| message.header.ifindex == index).collect())
    }
}

fn read(message: &NeighbourMessage) -> Option<Neighbour> {
    let mut address = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => address = Some(IpAddr::V4(*ip)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => address = Some(IpAddr::V6(*ip)),
            NeighbourAttribute::LinkLayerAddress(bytes) => {
                mac = bytes.as_slice().try_into().ok().map(MacAddr);
            }
            _ => {}
        }
    }
    let is_permanent = message.header.state == NeighbourState::Permanent;
    Some(Neighbour { address: address?, mac, is_permanent })
}
