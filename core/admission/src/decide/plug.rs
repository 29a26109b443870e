//! Where an interface is plugged in: attached to an instance, or to an existing device by hand.

use super::{Decision, check, interface::primary_stays};
use crate::{Code, Refusal, request::*};
use havip_model::{
    Driver, Host, HostNumber, Instance, Interface, PortState, PowerState, Profile, ResourceKey, Subnet,
    Target,
};

impl Decision<'_> {
    pub fn attach_interface(&mut self, request: &AttachInterface) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        if let Some(other) = interface.instance {
            let message =
                format!("interface {} is attached to instance {other}; detach it first", interface.id);
            return Err(Code::AlreadyAttached
                .at("/interface", message)
                .blocked_by([ResourceKey::Instance(other)]));
        }
        if let Some(host) = interface.host {
            return Err(plugged(interface, host));
        }
        let attach = self.attach(interface, instance, request.device.clone())?;
        Ok(self.edit::<Interface>(interface.id, attach))
    }

    /// What makes an interface that is nowhere a part of an instance.
    pub fn attach(
        &self,
        interface: &Interface,
        instance: &Instance,
        device: Option<String>,
    ) -> Result<impl FnOnce(&mut Interface) + use<>, Refusal> {
        let goes = self.world.interfaces_of(instance.id).find_map(|other| other.migration.as_ref());
        if let Some(migration) = goes {
            let message = format!(
                "instance {} is on its way to host {}; wait until it is there, or cancel that",
                instance.id, migration.to
            );
            return Err(Code::AlreadyMigrating.at("/instance", message));
        }
        self.check_neighbours(interface, instance)?;
        let vips = self.world.vips_of(Target::Interface(interface.id)).count();
        let most = self.facts.quotas.limits(Profile::Native).vips_per_instance;
        self.check_vips_of_instance(instance.id, vips, most, "/interface")?;
        if let Some(device) = &device {
            self.check_device(instance.driver, instance.host, device)?;
        }
        let position = self.free_position(instance)?;
        let (id, state) = (instance.id, port_state(instance.driver, instance.power));
        let host = is_placed(instance.driver, device.as_deref()).then_some(instance.host);
        Ok(move |interface: &mut Interface| {
            interface.instance = Some(id);
            interface.position = position;
            interface.host = host;
            interface.device = device;
            interface.port_state = if host.is_some() { state } else { PortState::Inactive };
        })
    }

    /// An interface of another VPC would join two, one of another zone would not reach its subnet.
    fn check_neighbours(&self, interface: &Interface, instance: &Instance) -> Result<(), Refusal> {
        let vpc = self.world.primary_interface(instance.id).map(|primary| primary.vpc);
        if vpc.is_some_and(|vpc| vpc != interface.vpc) {
            let message = format!(
                "interface {} is in VPC {}, instance {} is not; use an interface of the instance's VPC",
                interface.id, interface.vpc, instance.id
            );
            return Err(Code::OtherVpc.at("/instance", message));
        }
        let subnet = self.find::<Subnet>(interface.subnet, "/interface")?;
        same_zone(subnet, &instance.zone, "/instance", "the instance")
    }

    /// The least position that no interface of the instance has.
    fn free_position(&self, instance: &Instance) -> Result<u8, Refusal> {
        let taken: Vec<_> =
            self.world.interfaces_of(instance.id).map(|interface| interface.position).collect();
        (0..MOST_INTERFACES).find(|position| !taken.contains(position)).ok_or_else(|| {
            let message = format!(
                "instance {} has {MOST_INTERFACES} interfaces, the most it may have; detach one",
                instance.id
            );
            Code::TooManyInterfaces.at("/instance", message)
        })
    }

    pub fn detach_interface(&mut self, request: &DetachInterface) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        if interface.instance.is_none() {
            let message =
                format!("interface {} is not attached to an instance; nothing to detach", interface.id);
            return Err(Code::NotAttached.at("/interface", message));
        }
        if interface.is_primary {
            return Err(primary_stays(interface));
        }
        self.edit::<Interface>(interface.id, pull_out);
        self.follow_guest(interface, None);
        Ok(ResourceKey::Interface(interface.id))
    }

    pub fn plug_interface(&mut self, request: &PlugInterface) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        let host = self.find::<Host>(request.host, "/host")?;
        if let Some(at) = interface.host {
            return Err(match self.driver_of(interface) {
                Some(Driver::Namespace | Driver::Qemu) => driver_plugs(interface),
                Some(Driver::External) | None => plugged(interface, at),
            });
        }
        let instance = interface.instance.and_then(|id| self.world.instances.get(&id));
        if let Some(instance) = instance
            && instance.host != host.number
        {
            let message = format!(
                "instance {} of interface {} is on host {}, not on host {}; plug it in there",
                instance.id, interface.id, instance.host, host.number
            );
            return Err(Code::OtherHost.at("/host", message));
        }
        let subnet = self.find::<Subnet>(interface.subnet, "/interface")?;
        same_zone(subnet, &host.zone, "/host", "the host")?;
        self.check_device(Driver::External, host.number, &request.device)?;
        let state =
            instance.map_or(PortState::Active, |instance| port_state(instance.driver, instance.power));
        Ok(self.edit::<Interface>(interface.id, |interface| {
            interface.host = Some(host.number);
            interface.device = Some(request.device.clone());
            interface.port_state = state;
        }))
    }

    pub fn unplug_interface(&mut self, request: &UnplugInterface) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        if matches!(self.driver_of(interface), Some(Driver::Namespace | Driver::Qemu)) {
            return Err(driver_plugs(interface));
        }
        if interface.host.is_none() {
            let message = format!("interface {} is not plugged in anywhere; nothing to unplug", interface.id);
            return Err(Code::NotPlugged.at("/interface", message));
        }
        self.edit::<Interface>(interface.id, unplug);
        self.follow_guest(interface, None);
        Ok(ResourceKey::Interface(interface.id))
    }

    fn driver_of(&self, interface: &Interface) -> Option<Driver> {
        Some(self.world.instances.get(&interface.instance?)?.driver)
    }

    /// Whether a device of a host may be plugged for a guest of this driver.
    pub fn check_device(&self, driver: Driver, host: HostNumber, device: &str) -> Result<(), Refusal> {
        if driver != Driver::External {
            let message = "only the driver \"external\" plugs an existing device; leave the device out";
            return Err(Code::InvalidDevice.at("/device", message));
        }
        check::device(device)?;
        let same = |other: &&Interface| {
            let plugged = other.device.as_deref().filter(|_| other.host == Some(host));
            let awaited = other.migration.as_ref().filter(|migration| migration.to == host);
            plugged == Some(device)
                || awaited.is_some_and(|migration| migration.device.as_deref() == Some(device))
        };
        if let Some(other) = self.whole.interfaces_on(host).find(same) {
            let message =
                format!("interface {} is plugged into {device} of host {host}; unplug it first", other.id);
            return Err(Code::DeviceInUse
                .at("/device", message)
                .blocked_by([ResourceKey::Interface(other.id)]));
        }
        Ok(())
    }
}

/// Takes an interface out of its instance and its host.
pub fn pull_out(interface: &mut Interface) {
    interface.instance = None;
    interface.position = 0;
    unplug(interface);
}

/// Takes an interface out of its host, which others listen to until all know.
fn unplug(interface: &mut Interface) {
    interface.left = interface.host.take().or(interface.left);
    interface.device = None;
    interface.port_state = PortState::Inactive;
    interface.migration = None;
    interface.migrated = None;
}

/// A driver that makes its devices places an interface at once, `external` when it is told the device.
pub fn is_placed(driver: Driver, device: Option<&str>) -> bool {
    driver != Driver::External || device.is_some()
}

/// What a port should be while its instance is wanted so.
///
/// A guest that is being stopped keeps its port until its last process has ended, so that keepalived can
/// say goodbye; power-off leaves it no time, and an external guest is beyond our reach.
pub fn port_state(driver: Driver, power: PowerState) -> PortState {
    match (driver, power) {
        (_, PowerState::Running) | (Driver::Namespace | Driver::Qemu, PowerState::Stopped) => {
            PortState::Active
        }
        (_, PowerState::PoweredOff) | (Driver::External, PowerState::Stopped) => PortState::Inactive,
    }
}

/// Checks that a subnet and the machine on it are in the same zone.
pub fn same_zone(subnet: &Subnet, zone: &str, field: &str, what: &str) -> Result<(), Refusal> {
    if subnet.zone == zone {
        return Ok(());
    }
    let message = format!(
        "subnet {} is in zone {}, {what} is in zone {zone}; both must be in one zone",
        subnet.id, subnet.zone
    );
    Err(Code::OtherZone.at(field, message))
}

fn plugged(interface: &Interface, host: HostNumber) -> Refusal {
    let device = interface.device.as_deref().unwrap_or_default();
    let message =
        format!("interface {} is plugged into {device} of host {host}; unplug it first", interface.id);
    Code::AlreadyPlugged.at("/interface", message)
}

fn driver_plugs(interface: &Interface) -> Refusal {
    let message = format!(
        "interface {} belongs to an instance whose driver makes its devices itself; detach it first",
        interface.id
    );
    Code::DriverPlugs.at("/interface", message)
}

/// As many as a small machine type of the clouds takes.
const MOST_INTERFACES: u8 = 8;
