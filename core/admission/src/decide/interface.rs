//! Interfaces.

use super::{Decision, check, nothing_to_do, set_texts};
use crate::{Code, Refusal, request::*};
use havip_model::{
    Counter, EipTarget, Instance, Interface, InterfaceId, MacAddr, Meta, NextHop, PortNumber, PortState,
    ResourceKey, Subnet, Target, Vpc,
};

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
        interface.groups = self.pick_groups(subnet.vpc, &request.groups, "/security_groups")?;
        self.give(subnet, &mut interface, &request.secondary, "/secondary")?;
        if let Some(instance) = request.instance {
            let instance = self.find::<Instance>(instance, "/instance")?;
            let attach = self.attach(&interface, instance, None)?;
            attach(&mut interface);
        }
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
            id: self.fresh_id(&self.whole.interfaces),
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
            groups: Vec::new(),
            port_state: PortState::Inactive,
            migration: None,
            migrated: None,
            left: None,
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
        // One of another project is not told of.
        if self.world.interface_by_mac(mac).is_none() && self.whole.interface_by_mac(mac).is_some() {
            let message = format!("{mac} cannot be used here; give another one, or none to have one drawn");
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
            if self.whole.interface_by_mac(mac).is_none() {
                return mac;
            }
        }
    }

    pub fn update_interface(&mut self, request: &UpdateInterface) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        if request.texts == NewTexts::default()
            && request.source_dest_check.is_none()
            && request.groups.is_none()
        {
            return Err(nothing_to_do("a name, a description, source_dest_check or security_groups"));
        }
        check::texts(request.texts.name.as_deref(), request.texts.description.as_deref())?;
        if request.source_dest_check == Some(true) {
            self.check_no_next_hop(interface, "/source_dest_check")?;
        }
        let groups = request.groups.as_ref();
        let groups = groups.map(|groups| self.pick_groups(interface.vpc, groups, "/security_groups"));
        let groups = groups.transpose()?;
        Ok(self.edit::<Interface>(interface.id, |interface| {
            set_texts(&mut interface.meta, &request.texts);
            if let Some(groups) = groups {
                interface.groups = groups;
            }
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
        self.check_no_next_hop(interface, "/interface")?;
        Ok(self.forget_interface(interface.id))
    }

    /// Whether an interface may go, or stop passing on what is not its own: no route may lead to it.
    ///
    /// A route without a next hop would lose its packets without a word.
    pub fn check_no_next_hop(&self, interface: &Interface, field: &str) -> Result<(), Refusal> {
        let routes: Vec<_> = self.world.routes_via(NextHop::Interface(interface.id)).collect();
        if routes.is_empty() {
            return Ok(());
        }
        let names: Vec<_> =
            routes.iter().map(|route| format!("{} ({})", route.id, route.destination)).collect();
        let message = format!(
            "interface {} is the next hop of {}; delete the route(s) first",
            interface.id,
            names.join(", ")
        );
        let blockers = routes.iter().map(|route| ResourceKey::Route(route.id));
        Err(Code::InterfaceHasRoute.at(field, message).blocked_by(blockers))
    }

    /// Deletes an interface that no route leads to, ends its associations, and unbinds its EIP.
    ///
    /// The hosts that have its port stay in the VPC until all know that it is gone: what it held is released there.
    pub fn forget_interface(&mut self, id: InterfaceId) -> ResourceKey {
        if let Some(interface) = self.world.interfaces.get(&id)
            && interface.places().next().is_some()
        {
            self.note::<Vpc>(interface.vpc, |vpc| {
                vpc.left.extend(interface.places().map(|host| (id, host)));
            });
        }
        self.end_associations(Target::Interface(id));
        self.unbind_all(EipTarget::Interface(id));
        self.delete(ResourceKey::Interface(id))
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
