//! Hosts.

use super::{Decision, check, nothing_to_do, set_texts};
use crate::{Code, Refusal, request::*};
use havip_model::{Capacity, Counter, Host, HostId, HostNumber, Interface, ResourceKey, Vpc};
use std::net::SocketAddr;

impl Decision<'_> {
    pub fn join_host(&mut self, request: &JoinHost) -> Result<ResourceKey, Refusal> {
        check::word(&request.name, "/name")?;
        check::word(&request.region, "/region")?;
        check::word(&request.zone, "/zone")?;
        self.check_host_name(&request.name, None)?;
        self.check_facts(&request.facts, None)?;
        let number = self.number(Counter::Host, HostNumber::MAX.get().into())?;
        let number = u32::try_from(number).ok().and_then(|n| HostNumber::new(n).ok());
        let texts = Texts { name: request.name.clone(), ..Texts::default() };
        let HostFacts { underlay, peer_endpoint, edge_device, guest_mtu } = request.facts.clone();
        let host = Host {
            id: HostId::new(self.draw.body()),
            meta: self.meta(&texts)?,
            region: request.region.clone(),
            zone: request.zone.clone(),
            number: number.expect("the counter stays within host numbers"),
            underlay,
            peer_endpoint,
            edge_device,
            guest_mtu,
            capacity: Capacity::default(),
        };
        Ok(self.put(host))
    }

    fn check_host_name(&self, name: &str, own: Option<HostNumber>) -> Result<(), Refusal> {
        let same = |host: &&Host| host.meta.name == name && Some(host.number) != own;
        let Some(other) = self.world.hosts.values().find(same) else { return Ok(()) };
        let message = format!(
            "host {} is called {name:?} already; choose another name, remove the old host if it is gone for good, \
             or start its agent with its old data directory",
            other.number
        );
        Err(Code::HostNameInUse.at("/name", message).blocked_by([ResourceKey::Host(other.number)]))
    }

    fn check_facts(&self, facts: &HostFacts, own: Option<HostNumber>) -> Result<(), Refusal> {
        check::unicast(facts.underlay, "/underlay")?;
        if facts.peer_endpoint.parse::<SocketAddr>().is_err() {
            let message =
                format!("{:?} is not address:port; give where other agents reach it", facts.peer_endpoint);
            return Err(Code::InvalidText.at("/peer_endpoint", message));
        }
        if let Some(device) = &facts.edge_device {
            check::device(device).map_err(|refusal| Refusal { field: "/edge_device".into(), ..refusal })?;
        }
        check::within(
            facts.guest_mtu.into(),
            576,
            65_535,
            "/guest_mtu",
            "the largest packet of a guest in bytes",
        )?;
        match self.world.host_by_underlay(facts.underlay).filter(|other| Some(other.number) != own) {
            Some(other) => {
                let message = format!(
                    "{} is the VXLAN address of host {} ({}); give this host's own, or remove the old host",
                    facts.underlay, other.number, other.meta.name
                );
                Err(Code::UnderlayInUse
                    .at("/underlay", message)
                    .blocked_by([ResourceKey::Host(other.number)]))
            }
            None => Ok(()),
        }
    }

    pub fn update_host(&mut self, request: &UpdateHost) -> Result<ResourceKey, Refusal> {
        let host = self.find::<Host>(request.host, "/host")?;
        let changes_capacity = request.cpu_millis.is_some() || request.memory_mib.is_some();
        if request.texts == NewTexts::default() && request.facts.is_none() && !changes_capacity {
            return Err(nothing_to_do("a name, a description, a capacity or what the host says of itself"));
        }
        if let Some(name) = &request.texts.name {
            check::word(name, "/name")?;
            self.check_host_name(name, Some(host.number))?;
        }
        check::texts(None, request.texts.description.as_deref())?;
        if let Some(facts) = &request.facts {
            self.check_facts(facts, Some(host.number))?;
        }
        Ok(self.edit::<Host>(host.number, |host| {
            set_texts(&mut host.meta, &request.texts);
            let Capacity { cpu_millis, memory_mib } = &mut host.capacity;
            *cpu_millis = request.cpu_millis.unwrap_or(*cpu_millis);
            *memory_mib = request.memory_mib.unwrap_or(*memory_mib);
            if let Some(HostFacts { underlay, peer_endpoint, edge_device, guest_mtu }) = request.facts.clone()
            {
                host.underlay = underlay;
                host.peer_endpoint = peer_endpoint;
                host.edge_device = edge_device;
                host.guest_mtu = guest_mtu;
            }
        }))
    }

    pub fn remove_host(&mut self, request: &RemoveHost) -> Result<ResourceKey, Refusal> {
        let id = request.host;
        let Some(host) = self.world.host_by_id(id) else {
            let message = format!("host {id} does not exist; list them to see which do");
            return Err(Code::HostNotFound.at("/host", message));
        };
        let instances =
            self.world.instances_on(host.number).map(|instance| ResourceKey::Instance(instance.id));
        let plugged =
            self.world.interfaces_on(host.number).filter(|interface| interface.has_port_at(host.number));
        let interfaces = plugged.map(|interface| ResourceKey::Interface(interface.id));
        let blockers: Vec<_> = instances.chain(interfaces).collect();
        if !blockers.is_empty() {
            let message = format!(
                "host {} ({}) still has {} instance(s) or interface(s); delete the instances and unplug the \
                 interfaces first",
                host.number,
                host.meta.name,
                blockers.len()
            );
            return Err(Code::HostInUse.at("/host", message).blocked_by(blockers));
        }
        for interface in self.world.interfaces_on(host.number) {
            self.edit::<Interface>(interface.id, |interface| interface.left = None);
        }
        for vpc in self.world.placed_vpcs(host.number) {
            self.note::<Vpc>(vpc, |vpc| vpc.left.retain(|(_, left)| *left != host.number));
        }
        Ok(self.delete(ResourceKey::Host(host.number)))
    }
}
