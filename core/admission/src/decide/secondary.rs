//! Addresses of an interface besides its primary ones, which the API moves from one interface to another.

use super::{Decision, nothing_to_do};
use crate::{Code, Refusal, request::*};
use havip_model::{AddressUser, Interface, InterfaceId, Profile, ResourceKey, Subnet};
use std::{collections::BTreeSet, net::IpAddr};

impl Decision<'_> {
    pub fn add_addresses(&mut self, request: &AddAddresses) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        let subnet = self.find::<Subnet>(interface.subnet, "/interface")?;
        if request.addresses.is_empty() && request.automatic == 0 {
            return Err(nothing_to_do("the addresses, or how many to choose"));
        }
        let mut wanted = interface.clone();
        let more = request.addresses.len().saturating_add(request.automatic);
        self.check_address_limit(&wanted, more, "/addresses")?;
        self.give(subnet, &mut wanted, &request.addresses, "/addresses")?;
        for _ in 0..request.automatic {
            let address = self.pick_lowest(subnet, request.family, "/automatic", &wanted.secondary)?;
            wanted.secondary.push(address);
        }
        Ok(self.edit::<Interface>(interface.id, |interface| interface.secondary = wanted.secondary))
    }

    pub fn remove_addresses(&mut self, request: &RemoveAddresses) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        check_has(interface, &request.addresses)?;
        let gone = |address: &IpAddr| request.addresses.contains(address);
        Ok(self.edit::<Interface>(interface.id, |interface| {
            interface.secondary.retain(|address| !gone(address))
        }))
    }

    pub fn move_addresses(&mut self, request: &MoveAddresses) -> Result<ResourceKey, Refusal> {
        let from = self.find::<Interface>(request.from, "/from")?;
        let to = self.find::<Interface>(request.to, "/to")?;
        if from.id == to.id {
            return Err(nothing_to_do("two different interfaces"));
        }
        if from.subnet != to.subnet {
            let message = format!(
                "interface {} is in subnet {}, and the addresses are of subnet {}; use an interface there",
                to.id, to.subnet, from.subnet
            );
            return Err(Code::OtherSubnet.at("/to", message));
        }
        check_has(from, &request.addresses)?;
        self.check_address_limit(to, request.addresses.len(), "/addresses")?;
        let moved = request.addresses.clone();
        self.edit::<Interface>(from.id, |from| from.secondary.retain(|address| !moved.contains(address)));
        Ok(self.edit::<Interface>(to.id, |to| to.secondary.extend(&moved)))
    }

    /// The way to switch an address without a VIP: whoever is active now says so, and need not know who was before.
    pub fn take_addresses(&mut self, request: &TakeAddresses) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        let subnet = self.find::<Subnet>(interface.subnet, "/interface")?;
        if request.addresses.is_empty() {
            return Err(nothing_to_do("the addresses"));
        }
        let mut losers = BTreeSet::new();
        let mut taken = Vec::new();
        for (position, address) in request.addresses.iter().enumerate() {
            let field = format!("/addresses/{position}");
            check_repeated(&request.addresses, position, &field)?;
            match self.secondary_of(subnet, *address) {
                Some(owner) if owner == interface.id => continue,
                Some(owner) => _ = losers.insert(owner),
                None => self.check_free(subnet, *address, &field, &[])?,
            }
            taken.push(*address);
        }
        self.check_address_limit(interface, taken.len(), "/addresses")?;
        for owner in losers {
            self.edit::<Interface>(owner, |owner| owner.secondary.retain(|address| !taken.contains(address)));
        }
        Ok(self.edit::<Interface>(interface.id, |interface| interface.secondary.extend(&taken)))
    }

    /// Who has this address of the subnet besides its primary one.
    fn secondary_of(&self, subnet: &Subnet, address: IpAddr) -> Option<InterfaceId> {
        let AddressUser::Interface(id) = self.world.address_user(subnet.vpc, address)? else { return None };
        let interface = self.world.interfaces.get(&id)?;
        (interface.subnet == subnet.id && interface.secondary.contains(&address)).then_some(id)
    }

    /// Adds chosen addresses to an interface that is not in the world so yet.
    pub fn give(
        &self,
        subnet: &Subnet,
        to: &mut Interface,
        addresses: &[IpAddr],
        field: &str,
    ) -> Result<(), Refusal> {
        self.check_address_limit(to, addresses.len(), field)?;
        for (position, address) in addresses.iter().enumerate() {
            let taken: Vec<_> = to.primaries().chain(addresses.iter().take(position).copied()).collect();
            self.check_free(subnet, *address, &format!("{field}/{position}"), &taken)?;
            to.secondary.push(*address);
        }
        Ok(())
    }

    fn check_address_limit(&self, interface: &Interface, more: usize, field: &str) -> Result<(), Refusal> {
        let most = self.facts.quotas.limits(Profile::Native).secondary_addresses;
        let (id, has) = (interface.id, interface.secondary.len());
        if has.saturating_add(more) <= most {
            return Ok(());
        }
        let message = format!(
            "an interface may have {most} further addresses, {id} has {has} and would get {more}; \
             remove some, or have the quota secondary_addresses raised"
        );
        Err(Code::TooManyAddresses.at(field, message))
    }
}

fn check_has(interface: &Interface, addresses: &[IpAddr]) -> Result<(), Refusal> {
    if addresses.is_empty() {
        return Err(nothing_to_do("the addresses"));
    }
    for (position, address) in addresses.iter().enumerate() {
        let field = format!("/addresses/{position}");
        if !interface.secondary.contains(address) {
            let message = format!(
                "{address} is not a further address of interface {}; look at which are",
                interface.id
            );
            return Err(Code::AddressNotOnInterface.at(field, message));
        }
        check_repeated(addresses, position, &field)?;
    }
    Ok(())
}

fn check_repeated(addresses: &[IpAddr], position: usize, field: &str) -> Result<(), Refusal> {
    let address = addresses[position];
    if addresses[..position].contains(&address) {
        let message = format!("{address} stands twice in the request; give each address once");
        return Err(Code::AddressRepeated.at(field, message));
    }
    Ok(())
}
