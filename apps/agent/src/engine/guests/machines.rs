//! Machines of the driver `qemu`: their taps first, then QEMU on them.

use super::steps::host_name;
use super::{Guest, Phase, What};
use crate::engine::Engine;
use havip_guest::{MachineInterface, MachineSpec};
use havip_model::{InstanceId, InstanceState, InterfaceId};
use havip_reconcile::item::{InstanceItem, PortItem};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

impl Engine {
    /// Begins a start: its ports can be plugged from now on.
    pub(super) fn wire(&mut self, item: &InstanceItem) {
        tracing::info!(instance = %item.id, starts = item.starts, "starting a machine");
        self.tell_instance(item.id, item.starts, InstanceState::Pending, "");
        let spec = match self.machine_spec(item) {
            Ok(spec) => Box::new(spec),
            Err(reason) => {
                self.failed(item.id, item.starts, reason);
                return self.guests.look_again();
            }
        };
        let phase = Phase::Wiring { starts: item.starts, spec, taps: BTreeMap::new() };
        self.guests.guests.insert(item.id, Guest { phase, ..Guest::default() });
        self.ports.look_again();
        self.guests.look_again();
    }

    fn machine_spec(&self, item: &InstanceItem) -> Result<MachineSpec, String> {
        let images = &self.config.images;
        let wanted = item.image.as_deref().unwrap_or_default();
        let image = images.get(wanted).ok_or_else(|| {
            let known: Vec<_> = images.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!(
                "this host has no image {wanted:?} (it has: {known}); add it to [images] in the file that its agent \
                 reads with --config"
            )
        })?;
        let ports = self.ports_of(item.id);
        let first = ports.first().ok_or("it has no interface")?;
        // A port's number is never another's: so is the user of the host that QEMU becomes.
        let user = FIRST_USER + first.port.get();
        let interfaces = ports.iter().map(|port| MachineInterface {
            mac: port.mac,
            mtu: port.mtu,
            addresses: port.addresses.clone(),
            gateways: port.gateways.clone(),
        });
        Ok(MachineSpec {
            instance: item.id,
            host_name: host_name(item),
            user_data: item.user_data.clone(),
            cpu_millis: item.cpu_millis,
            memory_mib: item.memory_mib,
            image: image.clone(),
            interfaces: interfaces.collect(),
            user,
            is_awaited: item.goes_to == Some(self.host),
        })
    }

    /// The ports of an instance in the order of its interfaces.
    fn ports_of(&self, id: InstanceId) -> Vec<&PortItem> {
        let position =
            |port: &PortItem| port.instance.filter(|(instance, _)| *instance == id).map(|(_, at)| at);
        let mut ports: Vec<_> = self.port_items().filter(|port| position(port).is_some()).collect();
        ports.sort_by_key(|port| position(port));
        ports
    }

    /// Hands the taps to QEMU; from there on it alone has them, and their end is its end.
    pub(super) fn switch_on(&mut self, mut spec: MachineSpec, mut taps: BTreeMap<InterfaceId, OwnedFd>) {
        let id = spec.instance;
        let mut in_order = vec![];
        let mut interfaces = vec![];
        for (port, interface) in self.ports_of(id).iter().zip(std::mem::take(&mut spec.interfaces)) {
            // One that could not be plugged is missed by the guest alone.
            if let Some(tap) = taps.remove(&port.interface) {
                in_order.push(tap);
                interfaces.push(interface);
            }
        }
        spec.interfaces = interfaces;
        let sandboxes = self.guests.sandboxes();
        self.guests.spawn(id, move || What::Started(Box::new(sandboxes.run_machine(&spec, in_order))));
    }
}

impl super::Guests {
    /// Whether an instance waits for its taps.
    pub fn wants_tap(&self, instance: InstanceId) -> bool {
        self.guests.get(&instance).is_some_and(|guest| matches!(guest.phase, Phase::Wiring { .. }))
    }

    /// Keeps a tap until QEMU gets it.
    pub fn keep_tap(&mut self, instance: InstanceId, interface: InterfaceId, tap: OwnedFd) {
        if let Some(Guest { phase: Phase::Wiring { taps, .. }, .. }) = self.guests.get_mut(&instance) {
            taps.insert(interface, tap);
        }
    }
}

/// The users of machines: this and the number of a machine's first port. Far above those of people and services,
/// below those of containers at the end of the range.
const FIRST_USER: u32 = 0x6000_0000;
