//! VIPs, their holders, and public addresses as the API shows them.

use super::{Shapes, time};
use havip_api::BoundEip;
use havip_model::{
    Eip, EipPool, EipTarget, Epoch, Holder, MacAddr, Record, ResourceKey, Target, Timestamp, Vip, VipKey,
};

impl Shapes<'_> {
    /// A VIP.
    pub fn vip(&self, vip: &Vip) -> havip_api::Vip {
        let record =
            self.durable.state.records.get(&vip.key).filter(|record| record.incarnation == vip.incarnation);
        let eip = self.durable.state.world.eips_to(EipTarget::Vip(vip.id)).next();
        havip_api::Vip {
            meta: self.meta(ResourceKey::Vip(vip.id), vip.id.to_string(), &vip.meta),
            vpc: vip.vpc.to_string(),
            subnet: vip.subnet.to_string(),
            address: vip.address().to_string(),
            binding: vip.binding.into(),
            contention: vip.contention.into(),
            assist: vip.assist,
            profile: vip.profile.into(),
            incarnation: vip.incarnation.0,
            associations: vip.associations.iter().map(association).collect(),
            advert_sources: vip.advert_sources.iter().map(ToString::to_string).collect(),
            holder: record.and_then(|record| self.holder_of(record)),
            eip: eip.map(|eip| BoundEip { id: eip.id.to_string(), address: eip.address.to_string() }),
        }
    }

    fn holder_of(&self, record: &Record) -> Option<havip_api::Holder> {
        let holder = record.present_holder()?;
        Some(self.holder(holder, record.epoch, record.mac, Some(record.moves)))
    }

    /// Who held a VIP by a claim.
    pub fn holder(
        &self,
        holder: Holder,
        epoch: Epoch,
        mac: MacAddr,
        moves: Option<u32>,
    ) -> havip_api::Holder {
        let world = &self.durable.state.world;
        let interface = world.interface_by_port(holder.port);
        let instance = interface.and_then(|interface| interface.instance);
        let name =
            instance.and_then(|id| world.instances.get(&id)).map(|instance| instance.meta.name.clone());
        havip_api::Holder {
            host: self.host_id(holder.host),
            host_name: self.host_name(holder.host),
            host_number: holder.host.get(),
            port: holder.port.get(),
            interface: interface.map(|interface| interface.id.to_string()),
            instance: instance.map(|instance| instance.to_string()),
            instance_name: name.unwrap_or_default(),
            mac: mac.to_string(),
            since: time(Timestamp(epoch.millis())),
            epoch: epoch.0,
            moves,
        }
    }

    /// A pool of public addresses.
    pub fn eip_pool(&self, pool: &EipPool) -> havip_api::EipPool {
        havip_api::EipPool {
            meta: self.meta(ResourceKey::EipPool(pool.id), pool.id.to_string(), &pool.meta),
            cidrs: pool.cidrs().map(|cidr| cidr.to_string()).collect(),
            gateway: pool.gateway.map(|gateway| gateway.to_string()),
            reserved: pool.reserved.iter().map(ToString::to_string).collect(),
            allocated: self.seen.eips_of(pool.id).count() as u64,
        }
    }

    /// A public address.
    pub fn eip(&self, eip: &Eip) -> havip_api::Eip {
        let vni = eip.vpc.and_then(|vpc| self.durable.state.world.vpcs.get(&vpc)).map(|vpc| vpc.vni);
        let record =
            vni.and_then(|vni| self.durable.state.records.get(&VipKey { vni, address: eip.address }));
        let edge =
            record.filter(|record| record.incarnation == eip.incarnation).and_then(Record::present_holder);
        havip_api::Eip {
            meta: self.meta(ResourceKey::Eip(eip.id), eip.id.to_string(), &eip.meta),
            pool: eip.pool.to_string(),
            address: eip.address.to_string(),
            bandwidth_mbps: eip.bandwidth_mbps,
            target: eip.target.map(|target| match target {
                EipTarget::Vip(id) => id.to_string(),
                EipTarget::Instance(id) => id.to_string(),
                EipTarget::Interface(id) => id.to_string(),
            }),
            edge: edge.and_then(|edge| self.host_id(edge.host)),
            edge_name: edge.map(|edge| self.host_name(edge.host)).unwrap_or_default(),
        }
    }
}

/// A permission to claim.
pub fn association(association: &havip_model::Association) -> havip_api::Association {
    havip_api::Association {
        target: match association.target {
            Target::Instance(id) => id.to_string(),
            Target::Interface(id) => id.to_string(),
        },
        mode: association.mode.into(),
        created_at: time(association.created_at),
    }
}
