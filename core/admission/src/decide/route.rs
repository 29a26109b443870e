//! Custom routes.

use super::{Decision, check};
use crate::{Code, Refusal, request::*};
use havip_model::{Family, Interface, NextHop, Profile, ResourceKey, Route, Subnet, Vip, Vpc};
use ipnet::IpNet;

impl Decision<'_> {
    pub fn create_route(&mut self, request: &CreateRoute) -> Result<ResourceKey, Refusal> {
        let vpc = self.find::<Vpc>(request.vpc, "/vpc")?;
        let meta = self.meta(&request.texts)?;
        let destination = request.destination;
        self.check_destination(vpc, destination)?;
        self.check_next_hop(vpc, request.next_hop, Family::of(destination.addr()))?;
        let id = self.fresh_id(&self.whole.routes);
        Ok(self.put(Route { id, meta, vpc: vpc.id, destination, next_hop: request.next_hop }))
    }

    /// Anything may be routed, the default route and the VPC's own range too, but what a subnet already is:
    /// subnets win over routes, so such a route would do nothing.
    fn check_destination(&self, vpc: &Vpc, destination: IpNet) -> Result<(), Refusal> {
        if destination != destination.trunc() {
            let message = format!("{destination} has bits behind its prefix; say {}", destination.trunc());
            return Err(Code::CidrHasHostBits.at("/destination", message));
        }
        if destination.prefix_len() > 0 {
            check::network(destination, "/destination", 1, destination.max_prefix_len())?;
        }
        let covers = |subnet: &&Subnet| match destination {
            IpNet::V4(destination) => subnet.cidr.contains(&destination),
            IpNet::V6(destination) => subnet.cidr6.is_some_and(|cidr| cidr.contains(&destination)),
        };
        if let Some(subnet) = self.world.subnets_of(vpc.id).find(covers) {
            let message = format!(
                "{destination} is within subnet {}, which wins over any route; choose a destination outside",
                subnet.id
            );
            let blocker = ResourceKey::Subnet(subnet.id);
            return Err(Code::DestinationInSubnet.at("/destination", message).blocked_by([blocker]));
        }
        let same = |route: &&Route| route.destination == destination;
        if let Some(route) = self.world.routes_of(vpc.id).find(same) {
            let message = format!("route {} leads to {destination} already; delete it first", route.id);
            return Err(Code::RouteExists
                .at("/destination", message)
                .blocked_by([ResourceKey::Route(route.id)]));
        }
        Ok(())
    }

    fn check_next_hop(&self, vpc: &Vpc, next_hop: NextHop, family: Family) -> Result<(), Refusal> {
        let (in_vpc, key) = match next_hop {
            NextHop::Vip(id) => (self.find::<Vip>(id, "/next_hop")?.vpc, ResourceKey::Vip(id)),
            NextHop::Interface(id) => {
                (self.find::<Interface>(id, "/next_hop")?.vpc, ResourceKey::Interface(id))
            }
        };
        if in_vpc != vpc.id {
            let message = format!("{} is not in VPC {}; use a next hop that is", key.id(), vpc.id);
            return Err(Code::OtherVpc.at("/next_hop", message));
        }
        let subnet = match next_hop {
            NextHop::Vip(id) => self.find::<Vip>(id, "/next_hop")?.subnet,
            NextHop::Interface(id) => self.find::<Interface>(id, "/next_hop")?.subnet,
        };
        self.check_internal(subnet, key, "/next_hop")?;
        match next_hop {
            NextHop::Vip(id) => {
                let address = self.find::<Vip>(id, "/next_hop")?.address();
                if Family::of(address) != family {
                    let message = format!(
                        "VIP {id} is {address}, and the destination is {family}; use a next hop of the same family"
                    );
                    return Err(Code::OtherFamily.at("/next_hop", message));
                }
                self.check_vip_routes(vpc)
            }
            NextHop::Interface(id) => check_forwards(self.find::<Interface>(id, "/next_hop")?, family),
        }
    }

    fn check_vip_routes(&self, vpc: &Vpc) -> Result<(), Refusal> {
        let most = self.facts.quotas.limits(Profile::Native).vip_routes_per_vpc;
        let to_vips = self.world.routes_of(vpc.id).filter(|route| matches!(route.next_hop, NextHop::Vip(_)));
        if to_vips.count() < most {
            return Ok(());
        }
        let message = format!(
            "VPC {} has {most} routes to VIPs, the most it may have; delete one, or have the quota \
             vip_routes_per_vpc raised",
            vpc.id
        );
        Err(Code::TooManyVipRoutes.at("/next_hop", message))
    }

    pub fn delete_route(&mut self, request: &DeleteRoute) -> Result<ResourceKey, Refusal> {
        let route = self.find::<Route>(request.route, "/route")?;
        Ok(self.delete(ResourceKey::Route(route.id)))
    }
}

fn check_forwards(interface: &Interface, family: Family) -> Result<(), Refusal> {
    let id = interface.id;
    if interface.source_dest_check {
        let message = format!(
            "interface {id} passes only its own addresses on; switch its source/destination check off first"
        );
        return Err(Code::SourceDestCheckOn.at("/next_hop", message));
    }
    if interface.primary_of(family).is_none() {
        let message =
            format!("interface {id} has no primary {family} address for a route to lead to; use another one");
        return Err(Code::TargetHasNoAddress.at("/next_hop", message));
    }
    Ok(())
}
