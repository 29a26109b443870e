//! Instances, deployment sets and hosts as the API shows them.

use super::{Shapes, time};
use havip_api::{HostState, InstanceInterface, InstanceState, Unprogrammed};
use havip_model::{DeploymentSet, Host, Instance, ResourceKey, Timestamp};
use havip_stream::convert::key_text;

impl Shapes<'_> {
    /// An instance.
    pub fn instance(&self, instance: &Instance) -> havip_api::Instance {
        let life = self.service.tracker().instance_life(instance.id);
        let interfaces =
            self.durable.state.world.interfaces_of(instance.id).map(|interface| InstanceInterface {
                id: interface.id.to_string(),
                subnet: interface.subnet.to_string(),
                address: interface.primary.map(|address| address.to_string()),
                address6: interface.primary6.map(|address| address.to_string()),
                mac: interface.mac.to_string(),
            });
        havip_api::Instance {
            meta: self.meta(ResourceKey::Instance(instance.id), instance.id.to_string(), &instance.meta),
            region: instance.region.clone(),
            zone: instance.zone.clone(),
            driver: instance.driver.into(),
            image: instance.image.clone(),
            init: instance.init.into(),
            host: self.host_id(instance.host).unwrap_or_default(),
            deployment_set: instance.deployment_set.map(|set| set.to_string()),
            cpu_millis: instance.cpu_millis,
            memory_mib: instance.memory_mib,
            user_data: instance.user_data.clone(),
            power: instance.power.into(),
            gave_up_share: instance.gave_up_share,
            state: life.map_or(InstanceState::Pending, |life| life.state.into()),
            interfaces: interfaces.collect(),
        }
    }

    /// A deployment set.
    pub fn deployment_set(&self, set: &DeploymentSet) -> havip_api::DeploymentSet {
        havip_api::DeploymentSet {
            meta: self.meta(ResourceKey::DeploymentSet(set.id), set.id.to_string(), &set.meta),
            instances: self.seen.instances_of_set(set.id).map(|instance| instance.id.to_string()).collect(),
        }
    }

    /// A host.
    pub fn host(&self, host: &Host) -> havip_api::Host {
        let meta = self.meta(ResourceKey::Host(host.number), host.id.to_string(), &host.meta);
        let shares = self.durable.state.world.shares_on(host.number, None);
        let (promised_cpu_millis, promised_memory_mib) =
            shares.fold((0, 0), |(cpu, memory), share| (cpu + share.cpu_millis, memory + share.memory_mib));
        let mut shown = havip_api::Host {
            meta,
            number: host.number.get(),
            region: host.region.clone(),
            zone: host.zone.clone(),
            underlay: host.underlay.to_string(),
            peer_endpoint: host.peer_endpoint.clone(),
            edge_device: host.edge_device.clone(),
            guest_mtu: host.guest_mtu,
            cpu_millis: host.capacity.cpu_millis,
            memory_mib: host.capacity.memory_mib,
            promised_cpu_millis,
            promised_memory_mib,
            state: HostState::Lost,
            heard_at: None,
            version: String::new(),
            acknowledged_revision: 0,
            unprogrammed: vec![],
            lost_refusals: 0,
            lost_findings: 0,
        };
        self.service.tracker().host(host.number, |life| {
            let Some(life) = life else { return };
            shown.state = if life.is_live() { HostState::Live } else { HostState::Lost };
            shown.heard_at = life.heard_ms.map(|ms| time(Timestamp(ms)));
            shown.version = life.version.clone();
            shown.acknowledged_revision = life.acknowledged;
            shown.lost_refusals = life.lost_refusals;
            shown.lost_findings = life.lost_findings;
            let failures = life.failures.iter();
            shown.unprogrammed = failures
                .map(|(key, reason)| Unprogrammed { key: key_text(key), reason: reason.clone() })
                .collect();
        });
        shown
    }
}
