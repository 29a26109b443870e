//! Which ports are of one instance.

use havip_model::{InstanceId, PortNumber};
use std::collections::BTreeMap;

/// Which ports are of one instance: they die together.
#[derive(Debug, Default)]
pub(super) struct Owners {
    instances: BTreeMap<PortNumber, InstanceId>,
    ports: BTreeMap<InstanceId, Vec<PortNumber>>,
}

impl Owners {
    /// From each port that has one, and its instance.
    pub(super) fn new(owned: impl Iterator<Item = (PortNumber, InstanceId)>) -> Self {
        let mut owners = Self::default();
        for (port, instance) in owned {
            owners.instances.insert(port, instance);
            owners.ports.entry(instance).or_default().push(port);
        }
        owners
    }

    /// The instance of a port.
    pub(super) fn of(&self, port: PortNumber) -> Option<InstanceId> {
        self.instances.get(&port).copied()
    }

    /// The ports of an instance.
    pub(super) fn ports(&self, instance: Option<InstanceId>) -> impl Iterator<Item = PortNumber> {
        instance.and_then(|instance| self.ports.get(&instance)).into_iter().flatten().copied()
    }
}
