//! Instances.

use super::{Decision, address::required, check, deployment_set, nothing_to_do, plug, room};
use crate::{Code, Refusal, request::*};
use havip_model::{
    DeploymentSet, DeploymentSetId, Driver, EipTarget, Host, HostNumber, InitSystem, Instance, Interface,
    PowerState, ResourceKey, Share, Subnet, Target,
};

impl<'a> Decision<'a> {
    pub fn run_instance(&mut self, request: &RunInstance) -> Result<ResourceKey, Refusal> {
        let subnet = self.find::<Subnet>(request.subnet, "/subnet")?;
        let meta = self.meta(&request.texts)?;
        check::within(
            request.cpu_millis.into(),
            10,
            64_000,
            "/cpu_millis",
            "the number of processors in thousandths",
        )?;
        check::within(request.memory_mib.into(), 16, 262_144, "/memory_mib", "the memory in MiB")?;
        check::within(
            request.user_data.len() as u64,
            0,
            65_536,
            "/user_data",
            "the length of the script in bytes",
        )?;
        check_image(request)?;
        check_init(request)?;
        let set = request.deployment_set.map(|id| self.find::<DeploymentSet>(id, "/deployment_set"));
        let set = set.transpose()?.map(|set| set.id);
        let share = Share { cpu_millis: request.cpu_millis.into(), memory_mib: request.memory_mib.into() };
        let share = Some(share).filter(|_| request.driver != Driver::External);
        let host = self.place(subnet, request.host, set, share)?;
        if let Some(device) = &request.device {
            self.check_device(request.driver, host.number, device)?;
        }
        let primary = self.pick4(subnet, request.address)?.ok_or_else(required)?;
        let primary6 = self.pick6(subnet, request.address6)?;
        let id = self.fresh_id(&self.whole.instances);
        // Whoever looks for a machine's parts by its tags or its group finds them, as on Alibaba Cloud.
        let unnamed = Texts { name: String::new(), description: String::new(), ..request.texts.clone() };
        let own = self.meta(&unnamed)?;
        let mut interface = self.new_interface(subnet, own, request.mac)?;
        interface.primary = Some(primary);
        interface.primary6 = primary6;
        interface.source_dest_check = request.source_dest_check;
        interface.groups = self.pick_groups(subnet.vpc, &request.groups, "/security_groups")?;
        interface.instance = Some(id);
        interface.is_primary = true;
        interface.device.clone_from(&request.device);
        if plug::is_placed(request.driver, request.device.as_deref()) {
            interface.host = Some(host.number);
            interface.port_state = plug::port_state(request.driver, PowerState::Running);
        }
        self.put(interface);
        Ok(self.put(Instance {
            id,
            meta,
            region: host.region.clone(),
            zone: host.zone.clone(),
            driver: request.driver,
            image: request.image.clone(),
            init: request.init,
            host: host.number,
            deployment_set: set,
            cpu_millis: request.cpu_millis,
            memory_mib: request.memory_mib,
            user_data: request.user_data.clone(),
            power: PowerState::Running,
            starts: 1,
            gave_up_share: false,
        }))
    }

    /// The host that is to run it: the given one, or of the live ones in the zone the one with the fewest
    /// instances, then the least load, then the lowest number; none that has an instance of the same set, or no room.
    fn place(
        &self,
        subnet: &Subnet,
        wanted: Option<HostNumber>,
        set: Option<DeploymentSetId>,
        share: Option<Share>,
    ) -> Result<&'a Host, Refusal> {
        if let Some(number) = wanted {
            let host = self.find::<Host>(number, "/host")?;
            plug::same_zone(subnet, &host.zone, "/host", "the host")?;
            if !self.facts.live.iter().any(|live| live.host == number) {
                let message = format!(
                    "host {number} ({}) is not heard from; start its agent, or use another host",
                    host.meta.name
                );
                return Err(Code::HostNotLive.at("/host", message).blocked_by([ResourceKey::Host(number)]));
            }
            self.check_spread(set, host, None)?;
            if let Some(share) = share.filter(|share| !self.has_room(host, *share)) {
                return Err(room::full(host, share, "/host"));
            }
            return Ok(host);
        }
        let here = |number| self.world.hosts.get(&number).filter(|host| host.zone == subnet.zone);
        let live = self.facts.live.iter().filter_map(|live| Some((here(live.host)?, live.load_millis)));
        let mut live = live.peekable();
        let is_any = live.peek().is_some();
        let free: Vec<_> = live.filter(|(host, _)| self.may_be_at(set, host.number)).collect();
        let with_room = free.iter().filter(|(host, _)| share.is_none_or(|share| self.has_room(host, share)));
        let least =
            with_room.min_by_key(|(host, load)| (self.whole.instance_count(host.number), *load, host.number));
        least.map(|&(host, _)| host).ok_or_else(|| {
            if let Some(share) = share.filter(|_| !free.is_empty()) {
                let message = format!(
                    "no host of zone {} has room for {}; give one more (havip host update), or add one",
                    subnet.zone,
                    room::words(share)
                );
                return Code::HostFull.at("/host", message);
            }
            if let Some(set) = set.filter(|_| is_any) {
                return deployment_set::full(set, &subnet.zone);
            }
            let message =
                format!("no host of zone {} is heard from; add one, or start its agent", subnet.zone);
            Code::NoHost.at("/host", message)
        })
    }

    pub fn update_instance(&mut self, request: &UpdateInstance) -> Result<ResourceKey, Refusal> {
        if request.texts == NewTexts::default() {
            return Err(nothing_to_do("a name or a description"));
        }
        self.edit_texts::<Instance>(request.instance, &request.texts, "/instance")
    }

    pub fn start_instance(&mut self, request: &StartInstance) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        let has_ended = self.facts.ended.contains(&instance.id);
        if instance.power == PowerState::Running && !has_ended {
            return Err(already(instance, "running"));
        }
        if instance.gave_up_share {
            self.check_share(self.find::<Host>(instance.host, "/instance")?, instance, "/instance")?;
        }
        Ok(self.set_power(instance, PowerState::Running))
    }

    pub fn stop_instance(&mut self, request: &StopInstance) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        match instance.power {
            PowerState::Running => {
                self.set_power(instance, PowerState::Stopped);
                Ok(self.note_share(instance, request.gives_up_share))
            }
            PowerState::Stopped => Err(already(instance, "stopped")),
            PowerState::PoweredOff => Err(already(instance, "powered off")),
        }
    }

    /// One more start of what runs: its host stops it first.
    pub fn restart_instance(&mut self, request: &RestartInstance) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        if instance.driver == Driver::External {
            let message = format!("instance {} is a machine of your own; restart it yourself", instance.id);
            return Err(Code::WrongDriver.at("/instance", message));
        }
        if instance.power != PowerState::Running || self.facts.ended.contains(&instance.id) {
            let message = format!("instance {} does not run; start it", instance.id);
            return Err(Code::AlreadyInState.at("/instance", message));
        }
        Ok(self.set_power(instance, PowerState::Running))
    }

    /// Also for an instance that is being stopped and takes too long.
    pub fn power_off_instance(&mut self, request: &PowerOffInstance) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        match instance.power {
            PowerState::Running | PowerState::Stopped => {
                self.set_power(instance, PowerState::PoweredOff);
                Ok(self.note_share(instance, request.gives_up_share))
            }
            PowerState::PoweredOff => Err(already(instance, "powered off")),
        }
    }

    /// Of a guest that is not ours there is nothing to give up.
    fn note_share(&mut self, instance: &Instance, gives_up: bool) -> ResourceKey {
        let gives_up = gives_up && instance.driver != Driver::External;
        self.edit::<Instance>(instance.id, |instance| instance.gave_up_share = gives_up)
    }

    fn set_power(&mut self, instance: &Instance, power: PowerState) -> ResourceKey {
        let state = plug::port_state(instance.driver, power);
        for interface in self.world.interfaces_of(instance.id) {
            if interface.host.is_some() && interface.port_state != state {
                self.edit::<Interface>(interface.id, |interface| {
                    interface.port_state = state;
                    // A guest that ends does not go anywhere.
                    interface.migration = None;
                });
            }
        }
        self.edit::<Instance>(instance.id, |instance| {
            instance.power = power;
            instance.starts += u64::from(power == PowerState::Running);
            instance.gave_up_share &= power != PowerState::Running;
        })
    }

    pub fn delete_instance(&mut self, request: &DeleteInstance) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        for interface in self.world.interfaces_of(instance.id).filter(|interface| interface.is_primary) {
            self.check_no_next_hop(interface, "/instance")?;
        }
        self.end_associations(Target::Instance(instance.id));
        self.unbind_all(EipTarget::Instance(instance.id));
        for interface in self.world.interfaces_of(instance.id) {
            match interface.is_primary {
                true => self.forget_interface(interface.id),
                false => self.edit::<Interface>(interface.id, plug::pull_out),
            };
        }
        Ok(self.delete(ResourceKey::Instance(instance.id)))
    }
}

/// Checks that a machine has something to boot, and that nothing else is told to.
///
/// Which images a host has is the host's affair: a tenant names one, never a file.
fn check_image(request: &RunInstance) -> Result<(), Refusal> {
    match (&request.image, request.driver) {
        (Some(image), Driver::Qemu) => {
            check::word(image, "/image")?;
            let (least, most) = (MACHINE_MEMORY_MIB, 262_144);
            check::within(
                request.memory_mib.into(),
                least,
                most,
                "/memory_mib",
                "the memory of a machine in MiB",
            )
        }
        (None, Driver::Namespace | Driver::External) => Ok(()),
        (None, Driver::Qemu) => {
            let message =
                "a machine needs something to boot; give an image that the host's agent has in [images]";
            Err(Code::InvalidImage.at("/image", message))
        }
        (Some(_), Driver::Namespace | Driver::External) => {
            let message = "only the driver \"qemu\" boots an image; leave it out, or use that driver";
            Err(Code::InvalidImage.at("/image", message))
        }
    }
}

/// Checks that only a sandbox is told what its first process is: all other guests bring their own.
fn check_init(request: &RunInstance) -> Result<(), Refusal> {
    match (request.init, request.driver) {
        (InitSystem::Minimal, _) | (InitSystem::Systemd, Driver::Namespace) => Ok(()),
        (InitSystem::Systemd, Driver::Qemu | Driver::External) => {
            let message = "only the driver \"namespace\" is told what its first process is; leave it out, as \
                           the guest brings its own";
            Err(Code::InvalidInit.at("/init", message))
        }
    }
}

fn already(instance: &Instance, state: &str) -> Refusal {
    let message = format!("instance {} is {state} already; nothing to do", instance.id);
    Code::AlreadyInState.at("/instance", message)
}

/// No kernel of our time starts in less.
const MACHINE_MEMORY_MIB: u64 = 64;
