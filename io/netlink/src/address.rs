//! Addresses of devices.

use crate::{LinkError, Links, error::absent_is_fine};
use futures_util::TryStreamExt;
use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage};
use std::net::IpAddr;

impl Links {
    /// Gives a device an address with its prefix; an address that is there already is fine.
    ///
    /// An IPv6 address is usable at once: no duplicate address detection.
    ///
    /// # Errors
    /// The device does not exist, or the kernel refused.
    pub async fn add_address(&self, index: u32, address: IpNet) -> Result<(), LinkError> {
        let mut request = self.handle.address().add(index, address.addr(), address.prefix_len()).replace();
        if address.addr().is_ipv6() {
            let message = request.message_mut();
            message.header.flags |= AddressHeaderFlags::Nodad;
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        let done = request.execute().await;
        done.map_err(|error| LinkError::netlink(format!("add {address} to device {index}"), error))
    }

    /// Takes an address from a device; an address that is not there is fine.
    ///
    /// # Errors
    /// The device does not exist, or the kernel refused.
    pub async fn remove_address(&self, index: u32, address: IpNet) -> Result<(), LinkError> {
        let wanted = (address.addr(), address.prefix_len());
        for message in self.address_messages(index).await? {
            if read(&message) == Some(wanted) {
                let done = self.handle.address().del(message).execute().await;
                let attempted = || format!("remove {address} from device {index}");
                absent_is_fine(done.map_err(|error| LinkError::netlink(attempted(), error)))?;
            }
        }
        Ok(())
    }

    /// The addresses of a device, IPv4 and IPv6.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn addresses(&self, index: u32) -> Result<Vec<IpNet>, LinkError> {
        let messages = self.address_messages(index).await?;
        Ok(messages.iter().filter_map(read).filter_map(|(ip, length)| IpNet::new(ip, length).ok()).collect())
    }

    async fn address_messages(&self, index: u32) -> Result<Vec<AddressMessage>, LinkError> {
        let listing = self.handle.address().get().set_link_index_filter(index).execute();
        (listing.try_collect().await)
            .map_err(|error| LinkError::netlink(format!("list the addresses of device {index}"), error))
    }
}

/// The device's own address: `Local` where there is one, for on point-to-point links `Address` is the peer's.
fn read(message: &AddressMessage) -> Option<(IpAddr, u8)> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(ip) => Some(*ip),
        _ => None,
    });
    let address = || {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(ip) => Some(*ip),
            _ => None,
        })
    };
    Some((local.or_else(address)?, message.header.prefix_len))
}
