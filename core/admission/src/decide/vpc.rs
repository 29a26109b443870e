//! VPCs.

use super::{Decision, check, nothing_to_do};
use crate::{Code, Refusal, request::*};
use havip_model::{Counter, MacAddr, ResourceKey, Vni, Vpc};
use ipnet::Ipv6Net;
use std::collections::BTreeSet;

impl Decision<'_> {
    pub fn create_vpc(&mut self, request: &CreateVpc) -> Result<ResourceKey, Refusal> {
        let meta = self.meta(&request.texts)?;
        check::word(&request.region, "/region")?;
        check::network(request.cidr, "/cidr", 8, 28)?;
        request.cidr6.map_or(Ok(()), check_cidr6)?;
        self.check_apart_from_pools(request.cidr.into(), "/cidr")?;
        request.cidr6.map_or(Ok(()), |cidr6| self.check_apart_from_pools(cidr6.into(), "/cidr6"))?;
        let number = self.number(Counter::Vni, Vni::MAX.get().into())?;
        let vni =
            u32::try_from(number).ok().and_then(|n| Vni::new(n).ok()).expect("the counter stays within VNIs");
        let id = self.fresh_id(&self.whole.vpcs);
        let (region, cidr, cidr6) = (request.region.clone(), request.cidr, request.cidr6);
        let group = self.default_group(id, meta.resource_group)?;
        self.put(group);
        let (virtual_mac, left) = (virtual_mac(vni), BTreeSet::new());
        Ok(self.put(Vpc { id, meta, region, cidr, cidr6, vni, virtual_mac, left }))
    }

    pub fn update_vpc(&mut self, request: &UpdateVpc) -> Result<ResourceKey, Refusal> {
        if request.texts == NewTexts::default() && request.cidr6.is_none() {
            return Err(nothing_to_do("a name, a description or cidr6"));
        }
        let vpc = self.find::<Vpc>(request.vpc, "/vpc")?;
        if let Some(cidr6) = request.cidr6 {
            if let Some(has) = vpc.cidr6 {
                return Err(has_ipv6(format!("VPC {}", vpc.id), has));
            }
            check_cidr6(cidr6)?;
            self.check_apart_from_pools(cidr6.into(), "/cidr6")?;
            self.check_apart_from_providers(vpc, cidr6)?;
            self.edit::<Vpc>(vpc.id, |vpc| vpc.cidr6 = Some(cidr6));
        }
        self.edit_texts::<Vpc>(vpc.id, &request.texts, "/vpc")
    }

    /// What its external subnets have is the provider's.
    fn check_apart_from_providers(&self, vpc: &Vpc, cidr6: Ipv6Net) -> Result<(), Refusal> {
        let mut external = self.world.external_subnets_of(vpc.id);
        let found = external.find_map(|subnet| {
            subnet.cidr6.filter(|theirs| check::overlap(*theirs, cidr6)).map(|theirs| (subnet.id, theirs))
        });
        let Some((subnet, theirs)) = found else { return Ok(()) };
        let message = format!(
            "{cidr6} overlaps external subnet {subnet} ({theirs}), whose addresses are the provider's; choose another range"
        );
        Err(Code::CidrOverlaps.at("/cidr6", message).blocked_by([ResourceKey::Subnet(subnet)]))
    }

    pub fn delete_vpc(&mut self, request: &DeleteVpc) -> Result<ResourceKey, Refusal> {
        let vpc = self.find::<Vpc>(request.vpc, "/vpc")?;
        let subnets: Vec<_> =
            self.world.subnets_of(vpc.id).map(|subnet| ResourceKey::Subnet(subnet.id)).collect();
        if !subnets.is_empty() {
            let message = format!("VPC {} still has {} subnet(s); delete them first", vpc.id, subnets.len());
            return Err(Code::VpcInUse.at("/vpc", message).blocked_by(subnets));
        }
        let others = self.world.groups_of(vpc.id).filter(|group| !group.is_default);
        let others: Vec<_> = others.map(|group| ResourceKey::SecurityGroup(group.id)).collect();
        if !others.is_empty() {
            let message = format!(
                "VPC {} still has {} security group(s) besides its default one; delete them first",
                vpc.id,
                others.len()
            );
            return Err(Code::VpcInUse.at("/vpc", message).blocked_by(others));
        }
        let default: Vec<_> = self.world.groups_of(vpc.id).map(|group| group.id).collect();
        default.into_iter().for_each(|group| _ = self.delete(ResourceKey::SecurityGroup(group)));
        Ok(self.delete(ResourceKey::Vpc(vpc.id)))
    }
}

fn check_cidr6(cidr6: Ipv6Net) -> Result<(), Refusal> {
    check::network(cidr6, "/cidr6", 16, 64)
}

/// An IPv6 range is given once: addresses of it may be in use, and names and rules of people's hold it.
pub fn has_ipv6(what: String, range: Ipv6Net) -> Refusal {
    let message =
        format!("{what} has the IPv6 range {range} already, which stays; make another one for others");
    Code::HasIpv6Range.at("/cidr6", message)
}

/// 02:68:77 and the VNI: no drawn MAC begins so, so no guest has a gateway's MAC.
fn virtual_mac(vni: Vni) -> MacAddr {
    let [_, high, middle, low] = vni.get().to_be_bytes();
    MacAddr([0x02, 0x68, 0x77, high, middle, low])
}
