//! EIPs.

use super::{Decision, check, nothing_to_do, set_texts};
use crate::{Code, Refusal, request::*};
use havip_model::{
    Counter, Eip, EipId, EipPool, EipTarget, Family, Incarnation, Instance, Interface, ResourceKey, Vip,
    VpcId,
};
use ipnet::IpNet;
use std::net::IpAddr;

impl<'a> Decision<'a> {
    pub fn allocate_eip(&mut self, request: &AllocateEip) -> Result<ResourceKey, Refusal> {
        let meta = self.meta(&request.texts)?;
        check_bandwidth(request.bandwidth_mbps)?;
        let pool = request.pool.map(|pool| self.find::<EipPool>(pool, "/pool")).transpose()?;
        check_family(pool, request.family)?;
        let (pool, address) = match request.address {
            Some(address) => (self.check_public(pool, address)?, address),
            None => self.pick_public(pool, request.family.unwrap_or(Family::Ipv4))?,
        };
        let id = self.fresh_id(&self.whole.eips);
        Ok(self.put(Eip {
            id,
            meta,
            pool: pool.id,
            address,
            bandwidth_mbps: request.bandwidth_mbps,
            target: None,
            vpc: None,
            incarnation: Incarnation::default(),
        }))
    }

    /// The pool of a chosen address, which must be free.
    fn check_public(&self, pool: Option<&'a EipPool>, address: IpAddr) -> Result<&'a EipPool, Refusal> {
        let found = pool.or_else(|| self.world.pools.values().find(|pool| pool.range_of(address).is_some()));
        let Some(pool) = found.filter(|pool| pool.range_of(address).is_some()) else {
            let message = match pool {
                Some(pool) => format!("{address} is not of pool {} ({})", pool.id, pool.ranges()),
                None => format!("{address} is not of any pool"),
            };
            return Err(Code::AddressOutsidePool.at("/address", message + "; choose one of a pool, or none"));
        };
        if is_kept_back(pool, address) {
            return Err(kept_back(pool, address));
        }
        if let Some(eip) = self.world.eip_by_address(address) {
            let message = format!("{address} is taken as {}; choose another one", eip.id);
            return Err(Code::AddressInUse.at("/address", message).blocked_by([ResourceKey::Eip(eip.id)]));
        }
        // Another project's is, for whoever asks, no more than one that is never given out.
        if self.whole.eip_by_address(address).is_some() {
            return Err(kept_back(pool, address));
        }
        Ok(pool)
    }

    /// The lowest free address of a pool, or of the first one of a family that has any.
    fn pick_public(
        &self,
        pool: Option<&'a EipPool>,
        family: Family,
    ) -> Result<(&'a EipPool, IpAddr), Refusal> {
        let is_free = |pool: &EipPool, address: &IpAddr| {
            !is_kept_back(pool, *address) && self.whole.eip_by_address(*address).is_none()
        };
        let lowest = |pool: &'a EipPool| {
            let mut hosts = pool.cidrs().flat_map(|cidr| cidr.hosts());
            let address = hosts.find(|address| is_free(pool, address))?;
            Some((pool, address))
        };
        let found = match pool {
            Some(pool) => lowest(pool),
            None => self.world.pools.values().filter(|pool| pool.family() == family).find_map(lowest),
        };
        found.ok_or_else(|| {
            let message = match pool {
                Some(pool) => format!("every address of pool {} ({}) is taken", pool.id, pool.ranges()),
                None => format!("every address of every {family} pool is taken"),
            };
            Code::PoolFull.at("/pool", message + "; release an EIP, or make another pool")
        })
    }

    pub fn update_eip(&mut self, request: &UpdateEip) -> Result<ResourceKey, Refusal> {
        let eip = self.find::<Eip>(request.eip, "/eip")?;
        if request.texts == NewTexts::default() && request.bandwidth_mbps.is_none() {
            return Err(nothing_to_do("a name, a description or a bandwidth"));
        }
        check::texts(request.texts.name.as_deref(), request.texts.description.as_deref())?;
        check_bandwidth(request.bandwidth_mbps.flatten())?;
        Ok(self.edit::<Eip>(eip.id, |eip| {
            set_texts(&mut eip.meta, &request.texts);
            eip.bandwidth_mbps = request.bandwidth_mbps.unwrap_or(eip.bandwidth_mbps);
        }))
    }

    pub fn bind_eip(&mut self, request: &BindEip) -> Result<ResourceKey, Refusal> {
        let eip = self.find::<Eip>(request.eip, "/eip")?;
        let vpc = self.check_target(request.target, Family::of(eip.address))?;
        if let Some(target) = eip.target {
            let target = ResourceKey::from(target);
            let message =
                format!("EIP {} ({}) leads to {} already; unbind it first", eip.id, eip.address, target.id());
            return Err(Code::EipBound.at("/eip", message).blocked_by([target]));
        }
        let mut others = self.aliases(request.target).flat_map(|target| self.world.eips_to(target));
        // An instance or interface has one of each family, as it has addresses of each.
        if let Some(other) = others.find(|other| Family::of(other.address) == Family::of(eip.address)) {
            let target = ResourceKey::from(request.target).id();
            let message =
                format!("{target} has EIP {} ({}) already; unbind that first", other.id, other.address);
            return Err(Code::TargetHasEip.at("/target", message).blocked_by([ResourceKey::Eip(other.id)]));
        }
        let incarnation = Incarnation(self.number(Counter::Incarnation, u64::MAX >> 1)?);
        Ok(self.edit::<Eip>(eip.id, |eip| {
            eip.target = Some(request.target);
            eip.vpc = Some(vpc);
            eip.incarnation = incarnation;
        }))
    }

    /// The VPC of a target that has an address of the EIP's family.
    fn check_target(&self, target: EipTarget, family: Family) -> Result<VpcId, Refusal> {
        let interface = match target {
            EipTarget::Vip(id) => {
                let vip = self.find::<Vip>(id, "/target")?;
                let address = vip.address();
                self.check_internal(vip.subnet, ResourceKey::Vip(id), "/target")?;
                if Family::of(address) == family {
                    return Ok(vip.vpc);
                }
                let message = format!(
                    "VIP {id} is {address}, and the EIP is {family}; bind it to a VIP of the same family"
                );
                return Err(Code::OtherFamily.at("/target", message));
            }
            EipTarget::Instance(id) => {
                let instance = self.find::<Instance>(id, "/target")?;
                self.world.primary_interface(instance.id)
            }
            EipTarget::Interface(id) => Some(self.find::<Interface>(id, "/target")?),
        };
        if let Some(interface) = interface {
            self.check_internal(interface.subnet, ResourceKey::from(target), "/target")?;
        }
        let with_address = interface.filter(|interface| interface.primary_of(family).is_some());
        with_address.map(|interface| interface.vpc).ok_or_else(|| {
            let target = ResourceKey::from(target).id();
            let message = format!(
                "{target} has no primary {family} address for an EIP to lead to; use another interface"
            );
            Code::TargetHasNoAddress.at("/target", message)
        })
    }

    /// A target under all its names: an instance is its primary interface.
    fn aliases(&self, target: EipTarget) -> impl Iterator<Item = EipTarget> + use<> {
        let interface = self.world.interface_of(target);
        let by_interface = interface.map(|interface| EipTarget::Interface(interface.id));
        let primary = interface.filter(|interface| interface.is_primary);
        let by_instance = primary.and_then(|interface| interface.instance).map(EipTarget::Instance);
        [target].into_iter().chain(by_interface).chain(by_instance)
    }

    pub fn unbind_eip(&mut self, request: &UnbindEip) -> Result<ResourceKey, Refusal> {
        let eip = self.find::<Eip>(request.eip, "/eip")?;
        if eip.target.is_none() {
            let message = format!("EIP {} ({}) leads nowhere; nothing to unbind", eip.id, eip.address);
            return Err(Code::EipNotBound.at("/eip", message));
        }
        Ok(self.unbind(eip.id))
    }

    /// Unbinds what leads to a target that goes.
    pub fn unbind_all(&mut self, target: EipTarget) {
        let eips: Vec<EipId> = self.world.eips_to(target).map(|eip| eip.id).collect();
        eips.into_iter().for_each(|eip| _ = self.unbind(eip));
    }

    pub fn unbind(&mut self, eip: EipId) -> ResourceKey {
        self.edit::<Eip>(eip, |eip| {
            eip.target = None;
            eip.vpc = None;
        })
    }

    pub fn release_eip(&mut self, request: &ReleaseEip) -> Result<ResourceKey, Refusal> {
        let eip = self.find::<Eip>(request.eip, "/eip")?;
        if let Some(target) = eip.target.filter(|_| !request.unbind) {
            let target = ResourceKey::from(target);
            let message = format!(
                "EIP {} ({}) leads to {}; unbind it first, or release it with unbind=true",
                eip.id,
                eip.address,
                target.id()
            );
            return Err(Code::EipBound.at("/eip", message).blocked_by([target]));
        }
        Ok(self.delete(ResourceKey::Eip(eip.id)))
    }
}

/// A pool that is named has the family that is asked for.
fn check_family(pool: Option<&EipPool>, family: Option<Family>) -> Result<(), Refusal> {
    let (Some(pool), Some(family)) = (pool, family) else { return Ok(()) };
    let message =
        || format!("pool {} is {}, not {family}; name another pool, or none", pool.id, pool.family());
    (pool.family() == family).then_some(()).ok_or_else(|| Code::OtherFamily.at("/pool", message()))
}

fn kept_back(pool: &EipPool, address: IpAddr) -> Refusal {
    let message = format!("{address} of pool {} is never given out; choose another one", pool.id);
    Code::AddressReserved.at("/address", message)
}

/// The outside router's, a reserved one, or the first or last of a range that is a network.
fn is_kept_back(pool: &EipPool, address: IpAddr) -> bool {
    let is_edge = |cidr: IpNet| address == cidr.network() || address == cidr.broadcast();
    let is_network = |cidr: &IpNet| cidr.prefix_len() < cidr.max_prefix_len() - 1;
    pool.gateway == Some(address)
        || pool.reserved.contains(&address)
        || pool.range_of(address).filter(is_network).is_some_and(is_edge)
}

fn check_bandwidth(mbps: Option<u32>) -> Result<(), Refusal> {
    let mbps = mbps.unwrap_or(1);
    check::within(mbps.into(), 1, 100_000, "/bandwidth_mbps", "the bandwidth in Mbit/s")
}
