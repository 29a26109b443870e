//! VPCs.

use super::{Decision, check, nothing_to_do};
use crate::{Code, Refusal, request::*};
use havip_model::{Counter, MacAddr, ResourceKey, Vni, Vpc, VpcId};
use ipnet::IpNet;

impl Decision<'_> {
    pub fn create_vpc(&mut self, request: &CreateVpc) -> Result<ResourceKey, Refusal> {
        let meta = self.meta(&request.texts)?;
        check::word(&request.region, "/region")?;
        check::network(request.cidr, "/cidr", 8, 28)?;
        for pool in self.world.pools.values() {
            if let IpNet::V4(cidr) = pool.cidr
                && check::overlap(cidr, request.cidr)
            {
                let message = format!(
                    "{} overlaps EIP pool {} ({cidr}), so its guests could not reach those EIPs; choose another range",
                    request.cidr, pool.id
                );
                return Err(Code::CidrOverlaps
                    .at("/cidr", message)
                    .blocked_by([ResourceKey::EipPool(pool.id)]));
            }
        }
        let number = self.number(Counter::Vni, Vni::MAX.get().into())?;
        let vni =
            u32::try_from(number).ok().and_then(|n| Vni::new(n).ok()).expect("the counter stays within VNIs");
        let id = VpcId::new(self.draw.body());
        let (region, cidr) = (request.region.clone(), request.cidr);
        Ok(self.put(Vpc { id, meta, region, cidr, cidr6: None, vni, virtual_mac: virtual_mac(vni) }))
    }

    pub fn update_vpc(&mut self, request: &UpdateVpc) -> Result<ResourceKey, Refusal> {
        if request.texts == NewTexts::default() {
            return Err(nothing_to_do("a name or a description"));
        }
        self.edit_texts::<Vpc>(request.vpc, &request.texts, "/vpc")
    }

    pub fn delete_vpc(&mut self, request: &DeleteVpc) -> Result<ResourceKey, Refusal> {
        let vpc = self.find::<Vpc>(request.vpc, "/vpc")?;
        let subnets: Vec<_> =
            self.world.subnets_of(vpc.id).map(|subnet| ResourceKey::Subnet(subnet.id)).collect();
        if !subnets.is_empty() {
            let message = format!("VPC {} still has {} subnet(s); delete them first", vpc.id, subnets.len());
            return Err(Code::VpcInUse.at("/vpc", message).blocked_by(subnets));
        }
        Ok(self.delete(ResourceKey::Vpc(vpc.id)))
    }
}

/// 02:68:77 and the VNI: no drawn MAC begins so, so no guest has a gateway's MAC.
fn virtual_mac(vni: Vni) -> MacAddr {
    let [_, high, middle, low] = vni.get().to_be_bytes();
    MacAddr([0x02, 0x68, 0x77, high, middle, low])
}
