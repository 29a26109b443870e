//! Interfaces and their further addresses.

use super::{Decision, check, nothing_to_do, set_texts};
use crate::{Code, Refusal, request::*};
use havip_model::{
    Counter, EipTarget, Interface, InterfaceId, MacAddr, Meta, NextHop, PortNumber, PortState, Profile,
    ResourceKey, Subnet, Target,
};
use std::net::IpAddr;

impl Decision<'_> {
    pub fn create_interface(&mut self, request: &CreateInterface) -> Result<ResourceKey, Refusal> {
        let subnet = self.find::<Subnet>(request.subnet, "/subnet")?;
        let meta = self.meta(&request.texts)?;
        let primary = self.pick4(subnet, request.address)?;
        let primary6 = self.pick6(subnet, request.address6)?;
        let mut interface = self.new_interface(subnet, meta, request.mac)?;
        interface.primary = primary;
        interface.primary6 = primary6;
        interface.source_dest_check = request.source_dest_check;
        self.give(subnet, &mut interface, &request.secondary, "/secondary")?;
        Ok(self.put(interface))
    }

    /// An interface that is not attached and has no address yet.
    pub fn new_interface(
        &mut self,
        subnet: &Subnet,
        meta: Meta,
        mac: Option<MacAddr>,
    ) -> Result<Interface, Refusal> {
        let mac = match mac {
            Some(mac) => self.check_mac(mac)?,
            None => self.draw_mac(),
        };
        let number = self.number(Counter::Port, PortNumber::MAX.get().into())?;
        let number = u32::try_from(number).ok().and_then(|n| PortNumber::new(n).ok());
        Ok(Interface {
            id: self.fresh_id(&self.world.interfaces),
            meta,
            vpc: subnet.vpc,
            subnet: subnet.id,
            port: number.expect("the counter stays within port numbers"),
            mac,
            primary: None,
            primary6: None,
            secondary: Vec::new(),
            instance: None,
            position: 0,
            is_primary: false,
            host: None,
            device: None,
            source_dest_check: true,
            port_state: PortState::Inactive,
        })
    }

    fn check_mac(&self, mac: MacAddr) -> Result<MacAddr, Refusal> {
        let own = |prefix: &[u8]| mac.0.starts_with(prefix);
        if mac.is_multicast() || mac == MacAddr::ZERO || own(&[0x00, 0x00, 0x5e, 0x00]) || own(&[0x02, 0x68])
        {
            let message = format!(
                "{mac} is multicast, zero, VRRP's (00:00:5e:00) or kept for gateways (02:68); \
                 give the guest's own MAC, or none to have one drawn"
            );
            return Err(Code::MacNotUsable.at("/mac", message));
        }
        if let Some(other) = self.world.interface_by_mac(mac) {
            let message = format!(
                "{mac} is the MAC of interface {}; give another one, or none to have one drawn",
                other.id
            );
            return Err(Code::MacInUse.at("/mac", message).blocked_by([ResourceKey::Interface(other.id)]));
        }
        Ok(mac)
    }

    fn draw_mac(&mut self) -> MacAddr {
        loop {
            let mac = self.draw.mac();
            if self.world.interface_by_mac(mac).is_none() {
                return mac;
            }
        }
    }

    pub fn update_interface(&mut self, request: &UpdateInterface) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        if request.texts == NewTexts::default() && request.source_dest_check.is_none() {
            return Err(nothing_to_do("a name, a description or source_dest_check"));
        }
        check::texts(request.texts.name.as_deref(), request.texts.description.as_deref())?;
        if request.source_dest_check == Some(true)
            && let Some(route) = self.world.routes_via(NextHop::Interface(interface.id)).next()
        {
            let message = format!(
                "route {} leads to interface {}, which could not pass its packets on any more; delete the route first",
                route.id, interface.id
            );
            let blocker = ResourceKey::Route(route.id);
            return Err(Code::InterfaceHasRoute.at("/source_dest_check", message).blocked_by([blocker]));
        }
        Ok(self.edit::<Interface>(interface.id, |interface| {
            set_texts(&mut interface.meta, &request.texts);
            interface.source_dest_check = request.source_dest_check.unwrap_or(interface.source_dest_check);
        }))
    }

    pub fn delete_interface(&mut self, request: &DeleteInterface) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        if let Some(instance) = interface.instance {
            let blocker = ResourceKey::Instance(instance);
            return Err(match interface.is_primary {
                true => primary_stays(interface),
                false => {
                    let message = format!(
                        "interface {} is attached to instance {instance}; detach it first",
                        interface.id
                    );
                    Code::InterfaceAttached.at("/interface", message)
                }
            }
            .blocked_by([blocker]));
        }
        Ok(self.forget_interface(interface.id))
    }

    /// Deletes an interface, its associations and the routes to it, and unbinds its EIP.
    pub fn forget_interface(&mut self, id: InterfaceId) -> ResourceKey {
        self.end_associations(Target::Interface(id));
        if let Some(eip) = self.world.eip_of(EipTarget::Interface(id)) {
            self.unbind(eip.id);
        }
        let routes: Vec<_> = self.world.routes_via(NextHop::Interface(id)).map(|route| route.id).collect();
        routes.into_iter().for_each(|route| {
            self.delete(ResourceKey::Route(route));
        });
        self.delete(ResourceKey::Interface(id))
    }

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

    /// Adds chosen addresses to an interface that is not in the world so yet.
    fn give(
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

/// The primary interface can neither be detached nor deleted alone.
pub fn primary_stays(interface: &Interface) -> Refusal {
    let instance = interface.instance.map(|instance| instance.to_string()).unwrap_or_default();
    let message = format!(
        "interface {} is the primary one of instance {instance} and stays with it; delete the instance",
        interface.id
    );
    Code::PrimaryInterface.at("/interface", message)
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
        if addresses.iter().take(position).any(|earlier| earlier == address) {
            let message = format!("{address} stands twice in the request; give each address once");
            return Err(Code::AddressRepeated.at(field, message));
        }
    }
    Ok(())
}
