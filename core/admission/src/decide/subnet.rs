//! Subnets.

use super::{Decision, check, nothing_to_do, vpc::has_ipv6};
use crate::{Code, Refusal, request::*};
use havip_model::{Counter, External, Incarnation, ResourceKey, Subnet, SubnetId, SubnetNumber, Vpc};
use ipnet::{IpNet, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

impl Decision<'_> {
    pub fn create_subnet(&mut self, request: &CreateSubnet) -> Result<ResourceKey, Refusal> {
        let vpc = self.find::<Vpc>(request.vpc, "/vpc")?;
        let meta = self.meta(&request.texts)?;
        check::word(&request.zone, "/zone")?;
        check::network(request.cidr, "/cidr", 8, 29)?;
        let mut gateway = Ipv4Addr::from(u32::from(request.cidr.network()) + 1);
        let mut gateway6 = request.cidr6.map(first6);
        match &request.external {
            Some(external) => {
                self.check_external(vpc, request, external)?;
                gateway = external.gateway.unwrap_or(gateway);
                gateway6 = external.gateway6.or(gateway6);
            }
            None => {
                self.check_room(vpc, vpc.cidr.into(), request.cidr.into(), "/cidr")?;
                request.cidr6.map_or(Ok(()), |cidr6| self.check_cidr6(vpc, cidr6))?;
            }
        };
        let bit = if request.external.is_some() { SubnetNumber::EXTERNAL } else { 0 };
        let number = self.number(Counter::Subnet, u64::from(SubnetNumber::EXTERNAL) - 2)?;
        let number = u32::try_from(number).ok().and_then(|n| SubnetNumber::new(n | bit).ok());
        let external = match request.external {
            Some(NewExternal { vlan, .. }) => {
                let incarnation = Incarnation(self.number(Counter::Incarnation, u64::MAX >> 1)?);
                Some(External { vlan, incarnation })
            }
            None => None,
        };
        let id = self.fresh_id(&self.whole.subnets);
        Ok(self.put(Subnet {
            id,
            meta,
            vpc: vpc.id,
            zone: request.zone.clone(),
            cidr: request.cidr,
            cidr6: request.cidr6,
            gateway,
            gateway6,
            number: number.expect("the counter stays within subnet numbers"),
            external,
        }))
    }

    /// A segment of a provider's network: nobody else's VLAN or addresses.
    fn check_external(
        &self,
        vpc: &Vpc,
        request: &CreateSubnet,
        external: &NewExternal,
    ) -> Result<(), Refusal> {
        if let Some(vlan) = external.vlan {
            check::within(vlan.into(), 1, 4094, "/external/vlan", "the VLAN")?;
        }
        let joined = self.whole.subnets.values().find(|other| {
            let theirs = other.external.as_ref().map(|external| external.vlan);
            theirs == Some(external.vlan)
        });
        if let Some(other) = joined {
            let what = external.vlan.map_or("what is not tagged".to_owned(), |vlan| format!("VLAN {vlan}"));
            let message =
                format!("{what} is joined to subnet {} already; choose another VLAN, or delete it", other.id);
            return Err(Code::VlanInUse
                .at("/external/vlan", message)
                .blocked_by([ResourceKey::Subnet(other.id)]));
        }
        self.check_providers(vpc, request.cidr.into(), "/cidr")?;
        request.cidr6.map_or(Ok(()), |cidr6| self.check_providers6(vpc, cidr6))?;
        if let Some(gateway) = external.gateway
            && !request.cidr.hosts().any(|host| host == gateway)
        {
            let message =
                format!("{gateway} is no host's address of {}; say the router's there", request.cidr);
            return Err(Code::AddressOutsideSubnet.at("/external/gateway", message));
        }
        match (external.gateway6, request.cidr6) {
            (Some(gateway), Some(cidr6)) => check_router6(gateway, cidr6),
            (Some(gateway), None) => {
                let message = format!(
                    "{gateway} is a router of IPv6, which the subnet is not of; give it IPv6 addresses (cidr6), or leave the router out"
                );
                Err(Code::NoIpv6Range.at("/external/gateway6", message))
            }
            (None, _) => Ok(()),
        }
    }

    /// A range of a provider's network: nobody's EIPs, and not of the VPC, which has addresses of its own.
    fn check_providers(&self, vpc: &Vpc, cidr: IpNet, field: &str) -> Result<(), Refusal> {
        self.check_apart_from_pools(cidr, field)?;
        let ranges = [Some(IpNet::V4(vpc.cidr)), vpc.cidr6.map(IpNet::V6)];
        if let Some(range) = ranges.into_iter().flatten().find(|range| check::overlap(*range, cidr)) {
            let message = format!(
                "{cidr} overlaps {range}, the range of VPC {}; a provider's network has addresses of its own",
                vpc.id
            );
            return Err(Code::CidrOverlaps.at(field, message).blocked_by([ResourceKey::Vpc(vpc.id)]));
        }
        self.check_room(vpc, cidr, cidr, field)
    }

    fn check_providers6(&self, vpc: &Vpc, cidr6: Ipv6Net) -> Result<(), Refusal> {
        check::network(cidr6, "/cidr6", 64, 64)?;
        self.check_providers(vpc, cidr6.into(), "/cidr6")
    }

    fn check_cidr6(&self, vpc: &Vpc, cidr6: Ipv6Net) -> Result<(), Refusal> {
        check::network(cidr6, "/cidr6", 64, 64)?;
        let none = || {
            let message =
                format!("VPC {} has no IPv6 range to cut {cidr6} from; give it one (cidr6) first", vpc.id);
            Code::NoIpv6Range.at("/cidr6", message)
        };
        self.check_room(vpc, vpc.cidr6.ok_or_else(none)?.into(), cidr6.into(), "/cidr6")
    }

    /// Within the VPC's range, beside its subnets, and not over a destination that a route leads elsewhere.
    fn check_room(&self, vpc: &Vpc, range: IpNet, cidr: IpNet, field: &str) -> Result<(), Refusal> {
        if !range.contains(&cidr) {
            let message =
                format!("{cidr} is not within {range}, the range of VPC {}; cut it from there", vpc.id);
            return Err(Code::CidrOutsideVpc.at(field, message));
        }
        let same_family = |subnet: &Subnet| match cidr {
            IpNet::V4(_) => Some(IpNet::V4(subnet.cidr)),
            IpNet::V6(_) => subnet.cidr6.map(IpNet::V6),
        };
        let mut others =
            self.world.subnets_of(vpc.id).filter_map(|subnet| Some((subnet.id, same_family(subnet)?)));
        if let Some((other, theirs)) = others.find(|(_, other)| check::overlap(*other, cidr)) {
            let message = format!("{cidr} overlaps subnet {other} ({theirs}); choose a free range");
            return Err(Code::CidrOverlaps.at(field, message).blocked_by([ResourceKey::Subnet(other)]));
        }
        if let Some(route) = self.world.routes_of(vpc.id).find(|route| cidr.contains(&route.destination)) {
            let message = format!(
                "route {} leads {} elsewhere, and the subnet {cidr} would win over it; delete the route first",
                route.id, route.destination
            );
            return Err(Code::CidrOverlaps.at(field, message).blocked_by([ResourceKey::Route(route.id)]));
        }
        Ok(())
    }

    /// The switch routes into no provider's network: what is there is reached at layer 2.
    pub fn check_internal(&self, subnet: SubnetId, what: ResourceKey, field: &str) -> Result<(), Refusal> {
        if self.world.subnets.get(&subnet).is_none_or(|subnet| subnet.external.is_none()) {
            return Ok(());
        }
        let message = format!(
            "{} is of external subnet {subnet}, which the outside reaches without us; use one of an ordinary subnet",
            what.id()
        );
        Err(Code::ExternalSubnet.at(field, message).blocked_by([ResourceKey::Subnet(subnet)]))
    }

    pub fn update_subnet(&mut self, request: &UpdateSubnet) -> Result<ResourceKey, Refusal> {
        if request.texts == NewTexts::default() && request.cidr6.is_none() {
            return Err(nothing_to_do("a name, a description or cidr6"));
        }
        let subnet = self.find::<Subnet>(request.subnet, "/subnet")?;
        if let Some(cidr6) = request.cidr6 {
            if let Some(has) = subnet.cidr6 {
                return Err(has_ipv6(format!("subnet {}", subnet.id), has));
            }
            let vpc = self.find::<Vpc>(subnet.vpc, "/subnet")?;
            match subnet.external {
                Some(_) => self.check_providers6(vpc, cidr6)?,
                None => self.check_cidr6(vpc, cidr6)?,
            }
            self.edit::<Subnet>(subnet.id, |subnet| {
                subnet.cidr6 = Some(cidr6);
                subnet.gateway6 = Some(first6(cidr6));
            });
        }
        self.edit_texts::<Subnet>(subnet.id, &request.texts, "/subnet")
    }

    pub fn delete_subnet(&mut self, request: &DeleteSubnet) -> Result<ResourceKey, Refusal> {
        let subnet = self.find::<Subnet>(request.subnet, "/subnet")?;
        let interfaces =
            self.world.interfaces_of_subnet(subnet.id).map(|interface| ResourceKey::Interface(interface.id));
        let vips = self.world.vips_of_subnet(subnet.id).map(|vip| ResourceKey::Vip(vip.id));
        let blockers: Vec<_> = interfaces.chain(vips).collect();
        if !blockers.is_empty() {
            let message = format!(
                "subnet {} still has {} interface(s) or VIP(s); delete them first, instances with their interfaces",
                subnet.id,
                blockers.len()
            );
            return Err(Code::SubnetInUse.at("/subnet", message).blocked_by(blockers));
        }
        Ok(self.delete(ResourceKey::Subnet(subnet.id)))
    }
}

/// The first address behind that of all routers.
fn first6(cidr: Ipv6Net) -> Ipv6Addr {
    Ipv6Addr::from(u128::from(cidr.network()) + 1)
}

/// A router says its link-local address in what it advertises, so that may be what people know it by.
fn check_router6(gateway: Ipv6Addr, cidr6: Ipv6Net) -> Result<(), Refusal> {
    let is_hosts = cidr6.contains(&gateway) && gateway != cidr6.network();
    if is_hosts || gateway.is_unicast_link_local() {
        return Ok(());
    }
    let message =
        format!("{gateway} is no host's address of {cidr6} and not link-local; say the router's there");
    Err(Code::AddressOutsideSubnet.at("/external/gateway6", message))
}
