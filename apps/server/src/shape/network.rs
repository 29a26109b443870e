//! VPCs, subnets, interfaces, routes and resource groups as the API shows them.

use super::Shapes;
use havip_model::{
    External, Interface, NextHop, ResourceGroup, ResourceGroupId, ResourceKey, Route, Subnet, VipKey, Vpc,
};

impl Shapes<'_> {
    /// A resource group.
    pub fn resource_group(&self, group: &ResourceGroup) -> havip_api::ResourceGroup {
        let key = ResourceKey::ResourceGroup(group.id);
        let is_default = group.id == ResourceGroupId::default_of(group.meta.project);
        let kept = (!is_default).then_some(group.id);
        havip_api::ResourceGroup {
            meta: self.meta(key, group.id.to_string(), &group.meta),
            is_default,
            resources: self.seen.in_resource_group(group.meta.project, kept).count(),
        }
    }

    /// A VPC.
    pub fn vpc(&self, vpc: &Vpc) -> havip_api::Vpc {
        havip_api::Vpc {
            meta: self.meta(ResourceKey::Vpc(vpc.id), vpc.id.to_string(), &vpc.meta),
            region: vpc.region.clone(),
            cidr: vpc.cidr.to_string(),
            cidr6: vpc.cidr6.map(|cidr| cidr.to_string()),
            vni: vpc.vni.get(),
            virtual_mac: vpc.virtual_mac.to_string(),
        }
    }

    /// The edge that joins an external subnet to the outside: its record is kept under the network's address.
    fn edge_of(&self, subnet: &Subnet, external: &External) -> Option<String> {
        let vni = self.durable.state.world.vpcs.get(&subnet.vpc)?.vni;
        let key = VipKey { vni, address: subnet.cidr.network().into() };
        let record = self.durable.state.records.get(&key)?;
        let edge = Some(record).filter(|record| record.incarnation == external.incarnation)?;
        Some(self.host_name(edge.present_holder()?.host))
    }

    /// A subnet.
    pub fn subnet(&self, subnet: &Subnet) -> havip_api::Subnet {
        havip_api::Subnet {
            meta: self.meta(ResourceKey::Subnet(subnet.id), subnet.id.to_string(), &subnet.meta),
            vpc: subnet.vpc.to_string(),
            zone: subnet.zone.clone(),
            cidr: subnet.cidr.to_string(),
            cidr6: subnet.cidr6.map(|cidr| cidr.to_string()),
            gateway: subnet.gateway.to_string(),
            gateway6: subnet.gateway6.map(|gateway| gateway.to_string()),
            external: subnet.external.as_ref().map(|external| havip_api::External {
                vlan: external.vlan,
                edge: self.edge_of(subnet, external),
            }),
        }
    }

    /// An interface.
    pub fn interface(&self, interface: &Interface) -> havip_api::Interface {
        havip_api::Interface {
            meta: self.meta(ResourceKey::Interface(interface.id), interface.id.to_string(), &interface.meta),
            vpc: interface.vpc.to_string(),
            subnet: interface.subnet.to_string(),
            port: interface.port.get(),
            mac: interface.mac.to_string(),
            address: interface.primary.map(|address| address.to_string()),
            address6: interface.primary6.map(|address| address.to_string()),
            secondary_addresses: interface.secondary.iter().map(ToString::to_string).collect(),
            instance: interface.instance.map(|instance| instance.to_string()),
            is_primary: interface.is_primary,
            host: interface.host.and_then(|host| self.host_id(host)),
            device: interface.device.clone(),
            source_dest_check: interface.source_dest_check,
            security_groups: interface.groups.iter().map(ToString::to_string).collect(),
            port_state: interface.port_state.into(),
            migration: interface.migration.as_ref().map(|migration| havip_api::Migration {
                host: self.host_id(migration.to),
                device: migration.device.clone(),
            }),
            migrated: interface.migrated.as_ref().map(|migrated| havip_api::Migrated {
                from: self.host_id(migrated.from),
                at: super::time(migrated.at),
                outage_ms: migrated.outage_ms,
            }),
            port_up: self.service.tracker().is_port_up(interface.port),
        }
    }

    /// A route.
    pub fn route(&self, route: &Route) -> havip_api::Route {
        havip_api::Route {
            meta: self.meta(ResourceKey::Route(route.id), route.id.to_string(), &route.meta),
            vpc: route.vpc.to_string(),
            destination: route.destination.to_string(),
            next_hop: match route.next_hop {
                NextHop::Vip(id) => id.to_string(),
                NextHop::Interface(id) => id.to_string(),
            },
        }
    }
}
