//! Interfaces that were deleted or detached a moment ago, as they are with their instance: their ports went down, or
//! are about to, and nothing else tells whose they were.

use havip_model::{HostNumber, InstanceId, PortNumber};
use havip_reconcile::item::EndpointItem;
use std::{collections::BTreeMap, rc::Rc, time::Duration};

/// One that was on a host as a part of an instance.
#[derive(Debug)]
pub(super) struct Gone {
    pub host: HostNumber,
    pub instance: InstanceId,
    /// The hosts of its VPC at that moment.
    pub members: Rc<[HostNumber]>,
    until: Duration,
}

/// Those of the last moment.
#[derive(Debug, Default)]
pub struct Departed(BTreeMap<PortNumber, Gone>);

impl Departed {
    /// An interface has left its instance.
    pub(super) fn note(&mut self, now: Duration, endpoint: &EndpointItem, members: &Rc<[HostNumber]>) {
        self.0.retain(|_, gone| now < gone.until);
        if let (Some(host), Some(instance)) = (endpoint.host, endpoint.instance) {
            let (members, until) = (Rc::clone(members), now + REMEMBERED);
            self.0.insert(endpoint.port, Gone { host, instance, members, until });
        }
    }

    /// What a port was.
    pub(super) fn get(&self, port: PortNumber) -> Option<&Gone> {
        self.0.get(&port)
    }

    /// The ports, and whose they were.
    pub(super) fn owned(&self) -> impl Iterator<Item = (PortNumber, InstanceId)> {
        self.0.iter().map(|(port, gone)| (*port, gone.instance))
    }
}

/// An instance's ports leave their host one after another, and what asks for them is told within 0.25 s.
const REMEMBERED: Duration = Duration::from_secs(5);
