//! Pools of public addresses.

use super::{Decision, check, nothing_to_do, set_texts};
use crate::{Code, Refusal, request::*};
use havip_model::{EipPool, ResourceKey};
use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

impl Decision<'_> {
    pub fn create_eip_pool(&mut self, request: &CreateEipPool) -> Result<ResourceKey, Refusal> {
        let meta = self.meta(&request.texts)?;
        let cidr = check::only_ipv4(request.cidr, "/cidr")?;
        check::network(cidr, "/cidr", 8, 32)?;
        self.check_apart(cidr)?;
        if let Some(gateway) = request.gateway {
            check::unicast(gateway, "/gateway")?;
        }
        let reserved = reserved(request.cidr, &request.reserved)?;
        let id = self.fresh_id(&self.whole.pools);
        Ok(self.put(EipPool { id, meta, cidr: request.cidr, gateway: request.gateway, reserved }))
    }

    /// An address is of one pool, and none is both public and of a VPC: its guests could not tell.
    fn check_apart(&self, cidr: Ipv4Net) -> Result<(), Refusal> {
        let overlaps = |other: IpNet| matches!(other, IpNet::V4(other) if check::overlap(other, cidr));
        let pool = self.world.pools.values().find(|pool| overlaps(pool.cidr));
        let vpc = self.world.vpcs.values().find(|vpc| check::overlap(vpc.cidr, cidr));
        let pool = pool.map(|pool| (ResourceKey::EipPool(pool.id), pool.cidr));
        match pool.or(vpc.map(|vpc| (ResourceKey::Vpc(vpc.id), vpc.cidr.into()))) {
            Some((blocker, other)) => {
                let message = format!("{cidr} overlaps {} ({other}); choose another range", blocker.id());
                Err(Code::CidrOverlaps.at("/cidr", message).blocked_by([blocker]))
            }
            None => Ok(()),
        }
    }

    pub fn update_eip_pool(&mut self, request: &UpdateEipPool) -> Result<ResourceKey, Refusal> {
        let pool = self.find::<EipPool>(request.pool, "/pool")?;
        if request.texts == NewTexts::default() && request.reserved.is_none() {
            return Err(nothing_to_do("a name, a description or reserved addresses"));
        }
        check::texts(request.texts.name.as_deref(), request.texts.description.as_deref())?;
        let wanted =
            request.reserved.as_deref().map(|addresses| reserved(pool.cidr, addresses)).transpose()?;
        for (position, address) in wanted.iter().flatten().enumerate() {
            let Some(eip) = self.world.eip_by_address(*address) else { continue };
            let message = format!("{address} is given out as {}; release it first", eip.id);
            let field = format!("/reserved/{position}");
            return Err(Code::ReservedInUse.at(field, message).blocked_by([ResourceKey::Eip(eip.id)]));
        }
        Ok(self.edit::<EipPool>(pool.id, |pool| {
            set_texts(&mut pool.meta, &request.texts);
            if let Some(wanted) = wanted {
                pool.reserved = wanted;
            }
        }))
    }

    pub fn delete_eip_pool(&mut self, request: &DeleteEipPool) -> Result<ResourceKey, Refusal> {
        let pool = self.find::<EipPool>(request.pool, "/pool")?;
        let eips: Vec<_> = self.world.eips_of(pool.id).map(|eip| ResourceKey::Eip(eip.id)).collect();
        if !eips.is_empty() {
            let message =
                format!("{} EIP(s) are taken out of pool {}; release them first", eips.len(), pool.id);
            return Err(Code::EipPoolInUse.at("/pool", message).blocked_by(eips));
        }
        Ok(self.delete(ResourceKey::EipPool(pool.id)))
    }
}

fn reserved(cidr: IpNet, addresses: &[IpAddr]) -> Result<Vec<IpAddr>, Refusal> {
    for (position, address) in addresses.iter().enumerate() {
        let field = format!("/reserved/{position}");
        if !cidr.contains(address) {
            let message =
                format!("{address} is not of {cidr}; it would never be given out anyhow, leave it out");
            return Err(Code::AddressOutsidePool.at(field, message));
        }
        if addresses.iter().take(position).any(|earlier| earlier == address) {
            let message = format!("{address} stands twice in the request; give each address once");
            return Err(Code::AddressRepeated.at(field, message));
        }
    }
    Ok(addresses.to_vec())
}
