//! Changing and removing devices.

use crate::{LinkError, Links, error::absent_is_fine};
use havip_model::MacAddr;
use netlink_packet_route::link::LinkMessage;
use std::os::fd::{AsRawFd, BorrowedFd};

impl Links {
    /// Sets a device up.
    ///
    /// # Errors
    /// It does not exist, or the kernel refused.
    pub async fn set_up(&self, index: u32) -> Result<(), LinkError> {
        self.set(self.unspecified(index).up().build(), || format!("set device {index} up")).await
    }

    /// Has a device take every frame, or only its own again.
    ///
    /// # Errors
    /// It does not exist, or the kernel refused.
    pub async fn set_promiscuous(&self, index: u32, wanted: bool) -> Result<(), LinkError> {
        let message = self.unspecified(index).promiscuous(wanted).build();
        self.set(message, || format!("have device {index} take every frame: {wanted}")).await
    }

    /// Has a device take every multicast frame, or only those of groups that somebody joined again.
    ///
    /// # Errors
    /// It does not exist, or the kernel refused.
    pub async fn set_all_multicast(&self, index: u32, wanted: bool) -> Result<(), LinkError> {
        let message = self.unspecified(index).allmulticast(wanted).build();
        self.set(message, || format!("have device {index} take every multicast frame: {wanted}")).await
    }

    /// Sets a device down.
    ///
    /// # Errors
    /// It does not exist, or the kernel refused.
    pub async fn set_down(&self, index: u32) -> Result<(), LinkError> {
        self.set(self.unspecified(index).down().build(), || format!("set device {index} down")).await
    }

    /// Sets the largest packet a device carries, in bytes.
    ///
    /// # Errors
    /// It does not exist, or cannot carry this size.
    pub async fn set_mtu(&self, index: u32, mtu: u32) -> Result<(), LinkError> {
        let message = self.unspecified(index).mtu(mtu).build();
        self.set(message, || format!("set the MTU of device {index} to {mtu}")).await
    }

    /// Sets a device's Ethernet address.
    ///
    /// # Errors
    /// It does not exist, or the kernel refused.
    pub async fn set_mac(&self, index: u32, mac: MacAddr) -> Result<(), LinkError> {
        let message = self.unspecified(index).address(mac.0.to_vec()).build();
        self.set(message, || format!("set the MAC of device {index} to {mac}")).await
    }

    /// Puts a device into a bridge, or takes it out with `None`.
    ///
    /// # Errors
    /// One of them does not exist, or the kernel refused.
    pub async fn set_master(&self, index: u32, bridge: Option<u32>) -> Result<(), LinkError> {
        let message = self.unspecified(index).controller(bridge.unwrap_or(0)).build();
        self.set(message, || format!("set the bridge of device {index} to {bridge:?}")).await
    }

    /// Renames a device. Since Linux 6.2 it may be up.
    ///
    /// # Errors
    /// It does not exist, the name is taken, or the kernel refused.
    pub async fn rename(&self, index: u32, name: &str) -> Result<(), LinkError> {
        let message = self.unspecified(index).name(name).build();
        self.set(message, || format!("rename device {index} to {name}")).await
    }

    /// Moves a device into another namespace, where it is down and may have another index.
    ///
    /// # Errors
    /// It does not exist, its name is taken there, or the kernel refused.
    pub async fn move_to(&self, index: u32, namespace: BorrowedFd<'_>) -> Result<(), LinkError> {
        let message = self.unspecified(index).setns_by_fd(namespace.as_raw_fd()).build();
        self.set(message, || format!("move device {index} to another namespace")).await
    }

    /// Removes a device, and with a veth its peer. A device that does not exist is removed already.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn delete(&self, index: u32) -> Result<(), LinkError> {
        let done = self.handle.link().del(index).execute().await;
        absent_is_fine(done.map_err(|error| LinkError::netlink(format!("remove device {index}"), error)))
    }

    /// Removes the device of this name. A device that does not exist is removed already.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn delete_by_name(&self, name: &str) -> Result<(), LinkError> {
        match self.by_name(name).await? {
            Some(link) => self.delete(link.index).await,
            None => Ok(()),
        }
    }

    async fn set(&self, message: LinkMessage, attempted: impl Fn() -> String) -> Result<(), LinkError> {
        let done = self.handle.link().set(message).execute().await;
        done.map_err(|error| LinkError::netlink(attempted(), error))
    }
}
