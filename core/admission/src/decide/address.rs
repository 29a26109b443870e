//! Which address of a subnet something gets.

use super::Decision;
use crate::{Code, Refusal, request::Choice};
use havip_model::{ResourceKey, Subnet};
use std::net::{IpAddr, Ipv4Addr};

impl Decision<'_> {
    /// The address of one interface or VIP; none only for [`Choice::Without`].
    pub fn pick(
        &self,
        subnet: &Subnet,
        choice: Choice,
        field: &str,
        taken: &[IpAddr],
    ) -> Result<Option<IpAddr>, Refusal> {
        match choice {
            Choice::Without => Ok(None),
            Choice::Chosen(address) => self.check_free(subnet, address, field, taken).map(|()| Some(address)),
            Choice::Automatic => self.pick_lowest(subnet, field, taken).map(Some),
        }
    }

    /// The same where an address is needed.
    pub fn pick_some(&self, subnet: &Subnet, choice: Choice, taken: &[IpAddr]) -> Result<IpAddr, Refusal> {
        let none = || {
            Code::AddressRequired.at("/address", "it needs an address; choose one or leave the choice to us")
        };
        self.pick(subnet, choice, "/address", taken)?.ok_or_else(none)
    }

    /// The lowest address that neither the world nor this request uses.
    pub fn pick_lowest(&self, subnet: &Subnet, field: &str, taken: &[IpAddr]) -> Result<IpAddr, Refusal> {
        let (_, last) = subnet.usable();
        let is_free = |address: &IpAddr| !taken.contains(address) && self.user(subnet, *address).is_none();
        let range = self.world.lowest_free(subnet.id).map(|lowest| u32::from(lowest)..=u32::from(last));
        let full = || {
            let message = format!(
                "every address of subnet {} ({}) is in use; free one, or use another subnet",
                subnet.id, subnet.cidr
            );
            Code::SubnetFull.at(field, message)
        };
        range.into_iter().flatten().map(|n| IpAddr::V4(n.into())).find(is_free).ok_or_else(full)
    }

    /// Checks that an address is of the subnet, not kept back, and not in use.
    pub fn check_free(
        &self,
        subnet: &Subnet,
        address: IpAddr,
        field: &str,
        taken: &[IpAddr],
    ) -> Result<(), Refusal> {
        check_usable(subnet, address, field)?;
        if taken.contains(&address) {
            let message = format!("{address} stands twice in the request; give each address once");
            return Err(Code::AddressRepeated.at(field, message));
        }
        let Some(user) = self.user(subnet, address) else { return Ok(()) };
        let message = format!("{address} is in use by {}; choose another one, or free it first", user.id());
        Err(Code::AddressInUse.at(field, message).blocked_by([user]))
    }

    fn user(&self, subnet: &Subnet, address: IpAddr) -> Option<ResourceKey> {
        self.world.address_user(subnet.vpc, address).map(ResourceKey::from)
    }
}

fn check_usable(subnet: &Subnet, address: IpAddr, field: &str) -> Result<(), Refusal> {
    let (first, last) = subnet.usable();
    let within = match address {
        IpAddr::V4(address) => subnet.cidr.contains(&address).then_some(address),
        IpAddr::V6(_) => None,
    };
    let Some(address) = within else {
        let message = format!(
            "{address} is not of subnet {} ({}); choose one of {first} to {last}",
            subnet.id, subnet.cidr
        );
        return Err(Code::AddressOutsideSubnet.at(field, message));
    };
    match reservation(subnet, address) {
        Some(what) => {
            let message = format!("{address} is {what} of {}; choose one of {first} to {last}", subnet.cidr);
            Err(Code::AddressReserved.at(field, message))
        }
        None => Ok(()),
    }
}

/// What an address of the subnet is kept back for.
fn reservation(subnet: &Subnet, address: Ipv4Addr) -> Option<&'static str> {
    let (first, last) = subnet.usable();
    match address {
        _ if address == subnet.cidr.network() => Some("the network address"),
        _ if address == subnet.gateway => Some("the gateway"),
        _ if address < first => Some("kept for the services"),
        _ if address > last => Some("the broadcast address"),
        _ => None,
    }
}
