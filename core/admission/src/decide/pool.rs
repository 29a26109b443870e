//! Pools of public addresses: everybody's, so every project's EIPs and VPCs count.

use super::{Decision, check, nothing_to_do, set_texts};
use crate::{Code, Refusal, request::*};
use havip_model::{Eip, EipPool, EipPoolId, Family, ResourceKey, Subnet, Vpc};
use ipnet::IpNet;
use std::net::IpAddr;

impl Decision<'_> {
    pub fn create_eip_pool(&mut self, request: &CreateEipPool) -> Result<ResourceKey, Refusal> {
        let meta = self.meta(&request.texts)?;
        self.check_ranges(&request.cidrs, None)?;
        if let Some(gateway) = request.gateway {
            check::unicast(gateway, "/gateway")?;
            check_same_family(request.cidrs[0].addr(), gateway, "/gateway")?;
        }
        check_reserved(&request.cidrs, &request.reserved)?;
        let id = self.fresh_id(&self.whole.pools);
        let (cidr, further) = first_and_further(&request.cidrs);
        let (gateway, reserved) = (request.gateway, request.reserved.clone());
        Ok(self.put(EipPool { id, meta, cidr, further, gateway, reserved }))
    }

    /// The ranges of a pool, new or present.
    fn check_ranges(&self, cidrs: &[IpNet], own: Option<EipPoolId>) -> Result<(), Refusal> {
        check::within(cidrs.len() as u64, 1, RANGES_PER_POOL, "/cidrs", "the number of ranges")?;
        for (position, cidr) in cidrs.iter().enumerate() {
            let field = format!("/cidrs/{position}");
            let (least, most) = if cidr.addr().is_ipv4() { (8, 32) } else { (16, 128) };
            check::network(*cidr, &field, least, most)?;
            check_same_family(cidrs[0].addr(), cidr.addr(), &field)?;
            if let Some(other) = cidrs.iter().take(position).find(|other| check::overlap(**other, *cidr)) {
                let message = format!("{cidr} overlaps {other} of the same request; give each address once");
                return Err(Code::CidrOverlaps.at(field, message));
            }
            self.check_apart(*cidr, own, &field)?;
        }
        Ok(())
    }

    /// An address is of one pool, and none is both public and of a VPC: its guests could not tell.
    fn check_apart(&self, cidr: IpNet, own: Option<EipPoolId>, field: &str) -> Result<(), Refusal> {
        let overlaps = |other: IpNet| check::overlap(other, cidr);
        let others = self.whole.pools.values().filter(|pool| Some(pool.id) != own);
        let pool = others
            .flat_map(|pool| pool.cidrs().map(|range| (ResourceKey::EipPool(pool.id), range)))
            .find(|(_, range)| overlaps(*range));
        let ranges = |vpc: &Vpc| [Some(vpc.cidr.into()), vpc.cidr6.map(IpNet::V6)].into_iter().flatten();
        let vpcs = self.whole.vpcs.values();
        let vpc = vpcs
            .flat_map(|vpc| ranges(vpc).map(|range| (ResourceKey::Vpc(vpc.id), range)))
            .find(|(_, range)| overlaps(*range));
        let ranges =
            |subnet: &Subnet| [Some(subnet.cidr.into()), subnet.cidr6.map(IpNet::V6)].into_iter().flatten();
        let external = self.whole.subnets.values().filter(|subnet| subnet.external.is_some());
        let subnet = external
            .flat_map(|subnet| ranges(subnet).map(|range| (ResourceKey::Subnet(subnet.id), range)))
            .find(|(_, range)| overlaps(*range));
        match pool.or(vpc).or(subnet) {
            Some((blocker, other)) => {
                let message = format!("{cidr} overlaps {} ({other}); choose another range", blocker.id());
                Err(Code::CidrOverlaps.at(field, message).blocked_by([blocker]))
            }
            None => Ok(()),
        }
    }

    /// The same from the other side: an address is either an EIP's, which the edges answer for, or a guest's own.
    pub fn check_apart_from_pools(&self, cidr: IpNet, field: &str) -> Result<(), Refusal> {
        let overlaps = |range: IpNet| check::overlap(range, cidr);
        let Some(pool) = self.whole.pools.values().find(|pool| pool.cidrs().any(overlaps)) else {
            return Ok(());
        };
        let message = format!(
            "{cidr} overlaps EIP pool {} ({}), so its guests could not reach those EIPs; choose another range",
            pool.id,
            pool.ranges()
        );
        Err(Code::CidrOverlaps.at(field, message).blocked_by([ResourceKey::EipPool(pool.id)]))
    }

    pub fn update_eip_pool(&mut self, request: &UpdateEipPool) -> Result<ResourceKey, Refusal> {
        let pool = self.find::<EipPool>(request.pool, "/pool")?;
        let UpdateEipPool { texts, cidrs, reserved, .. } = request;
        if *texts == NewTexts::default() && cidrs.is_none() && reserved.is_none() {
            return Err(nothing_to_do("a name, a description, ranges or reserved addresses"));
        }
        check::texts(texts.name.as_deref(), texts.description.as_deref())?;
        if let Some(cidrs) = cidrs {
            self.check_ranges(cidrs, Some(pool.id))?;
            self.check_none_is_left_out(pool, cidrs)?;
            if let Some(gateway) =
                pool.gateway.filter(|gateway| Family::of(*gateway) != Family::of(cidrs[0].addr()))
            {
                let message =
                    format!("{} is of another family than its router {gateway}; make another pool", cidrs[0]);
                return Err(Code::OtherFamily.at("/cidrs/0", message));
            }
        }
        let ranges = cidrs.clone().unwrap_or_else(|| pool.cidrs().collect());
        check_reserved(&ranges, reserved.as_ref().unwrap_or(&pool.reserved))?;
        for (position, address) in reserved.iter().flatten().enumerate() {
            let Some(eip) = self.whole.eip_by_address(*address) else { continue };
            let message = format!("{address} is given out as {}; release it first", eip.id);
            let field = format!("/reserved/{position}");
            return Err(Code::ReservedInUse.at(field, message).blocked_by([ResourceKey::Eip(eip.id)]));
        }
        Ok(self.edit::<EipPool>(pool.id, |pool| {
            set_texts(&mut pool.meta, texts);
            (pool.cidr, pool.further) = first_and_further(&ranges);
            if let Some(reserved) = reserved {
                pool.reserved.clone_from(reserved);
            }
        }))
    }

    /// A range goes only once none of its addresses is given out.
    fn check_none_is_left_out(&self, pool: &EipPool, cidrs: &[IpNet]) -> Result<(), Refusal> {
        let is_left_out = |eip: &&Eip| !cidrs.iter().any(|cidr| cidr.contains(&eip.address));
        let left_out: Vec<_> = self.whole.eips_of(pool.id).filter(is_left_out).collect();
        let Some(first) = left_out.first() else { return Ok(()) };
        let message = format!(
            "{} ({}) and {} other EIP(s) of the pool would be of none of its ranges; release them first",
            first.id,
            first.address,
            left_out.len() - 1
        );
        let blockers = left_out.iter().map(|eip| ResourceKey::Eip(eip.id));
        Err(Code::EipPoolInUse.at("/cidrs", message).blocked_by(blockers))
    }

    pub fn delete_eip_pool(&mut self, request: &DeleteEipPool) -> Result<ResourceKey, Refusal> {
        let pool = self.find::<EipPool>(request.pool, "/pool")?;
        let eips: Vec<_> = self.whole.eips_of(pool.id).map(|eip| ResourceKey::Eip(eip.id)).collect();
        if !eips.is_empty() {
            let message =
                format!("{} EIP(s) are taken out of pool {}; release them first", eips.len(), pool.id);
            return Err(Code::EipPoolInUse.at("/pool", message).blocked_by(eips));
        }
        Ok(self.delete(ResourceKey::EipPool(pool.id)))
    }
}

/// One router leads to all addresses of a pool, so they are of one family.
fn check_same_family(first: IpAddr, other: IpAddr, field: &str) -> Result<(), Refusal> {
    let (first, family) = (Family::of(first), Family::of(other));
    let message =
        || format!("{other} is {family}, and the pool's first range {first}; make a pool for each family");
    (first == family).then_some(()).ok_or_else(|| Code::OtherFamily.at(field, message()))
}

/// Ranges of which there is at least one.
fn first_and_further(cidrs: &[IpNet]) -> (IpNet, Vec<IpNet>) {
    let (first, further) = cidrs.split_first().expect("the caller checked that there is one");
    (*first, further.to_vec())
}

fn check_reserved(cidrs: &[IpNet], addresses: &[IpAddr]) -> Result<(), Refusal> {
    for (position, address) in addresses.iter().enumerate() {
        let field = format!("/reserved/{position}");
        if !cidrs.iter().any(|cidr| cidr.contains(address)) {
            let message = format!(
                "{address} is of no range of the pool; it would never be given out anyhow, leave it out"
            );
            return Err(Code::AddressOutsidePool.at(field, message));
        }
        if addresses.iter().take(position).any(|earlier| earlier == address) {
            let message = format!("{address} stands twice in the request; give each address once");
            return Err(Code::AddressRepeated.at(field, message));
        }
    }
    Ok(())
}
