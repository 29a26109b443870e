//! Subnets.

use super::{Decision, check, nothing_to_do};
use crate::{Code, Refusal, request::*};
use havip_model::{Counter, ResourceKey, Subnet, SubnetId, SubnetNumber, Vpc};
use ipnet::IpNet;
use std::net::Ipv4Addr;

impl Decision<'_> {
    pub fn create_subnet(&mut self, request: &CreateSubnet) -> Result<ResourceKey, Refusal> {
        let vpc = self.find::<Vpc>(request.vpc, "/vpc")?;
        let meta = self.meta(&request.texts)?;
        check::word(&request.zone, "/zone")?;
        check::network(request.cidr, "/cidr", 8, 29)?;
        self.check_room(vpc, request)?;
        let number = self.number(Counter::Subnet, SubnetNumber::MAX.get().into())?;
        let number = u32::try_from(number).ok().and_then(|n| SubnetNumber::new(n).ok());
        let id = SubnetId::new(self.draw.body());
        Ok(self.put(Subnet {
            id,
            meta,
            vpc: vpc.id,
            zone: request.zone.clone(),
            cidr: request.cidr,
            cidr6: None,
            gateway: Ipv4Addr::from(u32::from(request.cidr.network()) + 1),
            gateway6: None,
            number: number.expect("the counter stays within subnet numbers"),
        }))
    }

    /// Within the VPC, beside its subnets, and not over a destination that a route leads elsewhere.
    fn check_room(&self, vpc: &Vpc, request: &CreateSubnet) -> Result<(), Refusal> {
        let cidr = request.cidr;
        if !vpc.cidr.contains(&cidr) {
            let message =
                format!("{cidr} is not within {}, the range of VPC {}; cut it from there", vpc.cidr, vpc.id);
            return Err(Code::CidrOutsideVpc.at("/cidr", message));
        }
        if let Some(other) = self.world.subnets_of(vpc.id).find(|subnet| check::overlap(subnet.cidr, cidr)) {
            let message =
                format!("{cidr} overlaps subnet {} ({}); choose a free range", other.id, other.cidr);
            return Err(Code::CidrOverlaps.at("/cidr", message).blocked_by([ResourceKey::Subnet(other.id)]));
        }
        let covered =
            |destination| matches!(destination, IpNet::V4(destination) if cidr.contains(&destination));
        if let Some(route) = self.world.routes_of(vpc.id).find(|route| covered(route.destination)) {
            let message = format!(
                "route {} leads {} elsewhere, and the subnet {cidr} would win over it; delete the route first",
                route.id, route.destination
            );
            return Err(Code::CidrOverlaps.at("/cidr", message).blocked_by([ResourceKey::Route(route.id)]));
        }
        Ok(())
    }

    pub fn update_subnet(&mut self, request: &UpdateSubnet) -> Result<ResourceKey, Refusal> {
        if request.texts == NewTexts::default() {
            return Err(nothing_to_do("a name or a description"));
        }
        self.edit_texts::<Subnet>(request.subnet, &request.texts, "/subnet")
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
