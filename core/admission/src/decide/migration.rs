//! Guests that move to another host while they run: the port is plugged there as well, until they have arrived.

use super::{Decision, plug};
use crate::{Code, Refusal, request::*};
use havip_model::{
    Driver, Host, HostNumber, Instance, Interface, InterfaceId, Migrated, Migration, PortState, PowerState,
    ResourceKey, Subnet, Vpc,
};
use std::collections::BTreeSet;

impl Decision<'_> {
    pub fn migrate_interface(&mut self, request: &MigrateInterface) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        let host = self.find::<Host>(request.host, "/host")?;
        let Some(from) = interface.host.filter(|_| interface.device.is_some()) else {
            let message = format!(
                "interface {} is not plugged in by an existing device; only a guest of yours can be on its way",
                interface.id
            );
            return Err(Code::NotPlugged.at("/interface", message));
        };
        if let Some(migration) = &interface.migration {
            let message = format!(
                "the guest of interface {} is on its way to host {} already; finish or cancel that",
                interface.id, migration.to
            );
            return Err(Code::AlreadyMigrating.at("/interface", message));
        }
        if from == host.number {
            let message = format!("interface {} is plugged into host {from} already", interface.id);
            return Err(Code::AlreadyPlugged.at("/host", message));
        }
        self.check_companions(interface, host.number)?;
        let instance = interface.instance.and_then(|id| self.world.instances.get(&id));
        self.check_spread(instance.and_then(|instance| instance.deployment_set), host, instance)?;
        if interface.port_state != PortState::Active {
            let message = format!("interface {} is inactive; start its instance first", interface.id);
            return Err(Code::NotPlugged.at("/interface", message));
        }
        self.check_live(host)?;
        let subnet = self.find::<Subnet>(interface.subnet, "/interface")?;
        plug::same_zone(subnet, &host.zone, "/host", "the host")?;
        self.check_device(Driver::External, host.number, &request.device)?;
        let migration = Migration { to: host.number, device: Some(request.device.clone()) };
        Ok(self.edit::<Interface>(interface.id, |interface| {
            interface.migration = Some(migration);
            interface.port_state = PortState::MigratingOut;
        }))
    }

    /// Lets a machine of ours go on at another host, with all its interfaces.
    pub fn migrate_instance(&mut self, request: &MigrateInstance) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        let host = self.find::<Host>(request.host, "/host")?;
        if instance.driver != Driver::Qemu {
            let message = format!(
                "instance {} is no machine of the driver \"qemu\"; only such a one is migrated by its host, one of your \
                 own by its interfaces",
                instance.id
            );
            return Err(Code::WrongDriver.at("/instance", message));
        }
        let interfaces: Vec<&Interface> = self.world.interfaces_of(instance.id).collect();
        if let Some(going) = interfaces.iter().find_map(|interface| interface.migration.as_ref()) {
            let message =
                format!("instance {} is on its way to host {} already; cancel that", instance.id, going.to);
            return Err(Code::AlreadyMigrating.at("/instance", message));
        }
        if instance.host == host.number {
            let message = format!("instance {} is on host {} already", instance.id, host.number);
            return Err(Code::AlreadyPlugged.at("/host", message));
        }
        if instance.power != PowerState::Running {
            let message = format!("instance {} does not run; start it first", instance.id);
            return Err(Code::NotPlugged.at("/instance", message));
        }
        self.check_live(host)?;
        self.check_spread(instance.deployment_set, host, Some(instance))?;
        self.check_share(host, instance, "/host")?;
        for interface in interfaces {
            let subnet = self.find::<Subnet>(interface.subnet, "/instance")?;
            plug::same_zone(subnet, &host.zone, "/host", "the host")?;
            self.edit::<Interface>(interface.id, |interface| {
                interface.migration = Some(Migration { to: host.number, device: None });
                interface.port_state = PortState::MigratingOut;
            });
        }
        Ok(self.edit::<Instance>(instance.id, |_| {}))
    }

    /// The machine stays where it is, with all its interfaces.
    pub fn cancel_instance_migration(
        &mut self,
        request: &CancelInstanceMigration,
    ) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        let going = self.world.interfaces_of(instance.id).filter(|interface| interface.migration.is_some());
        let going: Vec<InterfaceId> = going.map(|interface| interface.id).collect();
        if going.is_empty() {
            let message = format!("instance {} is not on its way to another host", instance.id);
            return Err(Code::NotMigrating.at("/instance", message));
        }
        for interface in going {
            self.edit::<Interface>(interface, |interface| {
                interface.migration = None;
                interface.port_state = PortState::Active;
            });
        }
        Ok(self.edit::<Instance>(instance.id, |_| {}))
    }

    fn check_live(&self, host: &Host) -> Result<(), Refusal> {
        if self.facts.live.iter().any(|live| live.host == host.number) {
            return Ok(());
        }
        let message = format!(
            "host {} ({}) is not heard from; start its agent, or use another host",
            host.number, host.meta.name
        );
        Err(Code::HostNotLive.at("/host", message).blocked_by([ResourceKey::Host(host.number)]))
    }

    pub fn finish_migration(&mut self, request: &FinishMigration) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        let Some(Migration { to, device }) = interface.migration.clone() else {
            return Err(not_migrating(interface));
        };
        if device.is_none() && !request.is_seen {
            return Err(hosts_move(interface));
        }
        let from = interface.host.filter(|from| *from != to);
        let at = self.facts.now;
        self.edit::<Interface>(interface.id, |interface| {
            interface.migrated = from.map(|from| Migrated { from, at, outage_ms: None });
            interface.left = from;
            interface.host = Some(to);
            interface.device = device;
            interface.migration = None;
            interface.port_state = PortState::Active;
        });
        self.follow_guest(interface, Some(to));
        Ok(ResourceKey::Interface(interface.id))
    }

    /// The interfaces of one guest go to one host, each once: which of them is ahead of its instance is on its way still.
    fn check_companions(&self, interface: &Interface, to: HostNumber) -> Result<(), Refusal> {
        let Some(instance) = interface.instance.and_then(|id| self.world.instances.get(&id)) else {
            return Ok(());
        };
        let goes_to = |other: &Interface| match &other.migration {
            Some(migration) => Some(migration.to),
            None => other.host.filter(|host| *host != instance.host),
        };
        let elsewhere = self.world.interfaces_of(instance.id).find_map(|other| {
            let host = goes_to(other).filter(|host| *host != to || other.id == interface.id)?;
            Some((other.id, host))
        });
        let Some((other, host)) = elsewhere else { return Ok(()) };
        let message = format!(
            "interface {other} of the same instance goes to host {host}; let all of them go there, or unplug those that do not"
        );
        Err(Code::OtherHost.at("/host", message).blocked_by([ResourceKey::Interface(other)]))
    }

    /// An instance is where its guest is: of several interfaces the last one takes it along.
    pub fn follow_guest(&mut self, changed: &Interface, now_at: Option<HostNumber>) {
        let Some(instance) = changed.instance.and_then(|id| self.world.instances.get(&id)) else { return };
        let others = self.world.interfaces_of(instance.id).filter(|other| other.id != changed.id);
        let places: BTreeSet<HostNumber> = others.filter_map(|other| other.host).chain(now_at).collect();
        if let (1, Some(host)) = (places.len(), places.first().copied())
            && host != instance.host
        {
            self.edit::<Instance>(instance.id, |instance| instance.host = host);
        }
    }

    pub fn cancel_migration(&mut self, request: &CancelMigration) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        match &interface.migration {
            None => return Err(not_migrating(interface)),
            Some(migration) if migration.device.is_none() => return Err(hosts_move(interface)),
            Some(_) => {}
        }
        Ok(self.edit::<Interface>(interface.id, |interface| {
            interface.migration = None;
            interface.port_state = PortState::Active;
        }))
    }

    /// What was measured already stays: agents say things again.
    pub fn measure_migration(&mut self, request: &MeasureMigration) -> Result<ResourceKey, Refusal> {
        let interface = self.find::<Interface>(request.interface, "/interface")?;
        if interface.migrated.is_none() {
            return Err(not_migrating(interface));
        }
        Ok(self.note::<Interface>(interface.id, |interface| {
            if let Some(migrated) = &mut interface.migrated {
                migrated.outage_ms.get_or_insert(request.outage_ms);
            }
        }))
    }

    /// Nobody has to do any more with the hosts that had the port before.
    pub fn settle_interface(&mut self, request: &SettleInterface) -> Result<ResourceKey, Refusal> {
        let id = request.interface;
        if let Some(vpc) = self.world.vpc_left_by(id) {
            return Ok(self.note::<Vpc>(vpc.id, |vpc| vpc.left.retain(|(interface, _)| *interface != id)));
        }
        let interface = self.find::<Interface>(id, "/interface")?;
        if interface.left.is_none() {
            return Err(not_migrating(interface));
        }
        Ok(self.note::<Interface>(id, |interface| interface.left = None))
    }
}

fn not_migrating(interface: &Interface) -> Refusal {
    let message = format!("the guest of interface {} is not on its way to another host", interface.id);
    Code::NotMigrating.at("/interface", message)
}

/// A machine of ours is there when its hosts say so, and stays with all its interfaces or with none.
fn hosts_move(interface: &Interface) -> Refusal {
    let message = format!(
        "interface {} is of a machine that its hosts move; wait for them, or cancel the migration of its instance",
        interface.id
    );
    Code::DriverPlugs.at("/interface", message)
}
