//! Ways through a world: from a resource to those that belong to it.

use super::{AddressUser, World};
use crate::{
    DeploymentSetId, Eip, EipPoolId, EipTarget, Family, Host, HostId, HostNumber, Instance, InstanceId,
    Interface, InterfaceId, MacAddr, Meta, NextHop, PortNumber, ProjectId, ResourceGroupId, ResourceKey,
    Route, SecurityGroup, SecurityGroupId, Share, Subnet, SubnetId, Target, Vip, VipKey, Vni, Vpc, VpcId,
};
use std::net::IpAddr;

impl World {
    /// What is in a resource group of a project, in its default one if none: whatever it owns, but groups.
    pub fn in_resource_group(
        &self,
        project: ProjectId,
        group: Option<ResourceGroupId>,
    ) -> impl Iterator<Item = ResourceKey> {
        let is_in = move |meta: &Meta| meta.project == project && meta.resource_group == group;
        let vpcs = self.vpcs.values().map(|one| (&one.meta, ResourceKey::Vpc(one.id)));
        let subnets = self.subnets.values().map(|one| (&one.meta, ResourceKey::Subnet(one.id)));
        let groups = self.groups.values().map(|one| (&one.meta, ResourceKey::SecurityGroup(one.id)));
        let instances = self.instances.values().map(|one| (&one.meta, ResourceKey::Instance(one.id)));
        let interfaces = self.interfaces.values().map(|one| (&one.meta, ResourceKey::Interface(one.id)));
        let vips = self.vips.values().map(|one| (&one.meta, ResourceKey::Vip(one.id)));
        let eips = self.eips.values().map(|one| (&one.meta, ResourceKey::Eip(one.id)));
        let routes = self.routes.values().map(|one| (&one.meta, ResourceKey::Route(one.id)));
        let sets = self.deployment_sets.values().map(|one| (&one.meta, ResourceKey::DeploymentSet(one.id)));
        let all =
            vpcs.chain(subnets).chain(groups).chain(sets).chain(instances).chain(interfaces).chain(vips);
        all.chain(eips).chain(routes).filter(move |(meta, _)| is_in(meta)).map(|(_, key)| key)
    }

    /// The VPC with this number on the wire.
    pub fn vpc_by_vni(&self, vni: Vni) -> Option<&Vpc> {
        self.vpcs.get(self.index.vpc_by_vni.get(&vni)?)
    }

    /// The subnets of a VPC.
    pub fn subnets_of(&self, vpc: VpcId) -> impl Iterator<Item = &Subnet> {
        self.index.subnets_of_vpc.get(&vpc).filter_map(|id| self.subnets.get(id))
    }

    /// The security groups of a VPC.
    pub fn groups_of(&self, vpc: VpcId) -> impl Iterator<Item = &SecurityGroup> {
        self.index.groups_of_vpc.get(&Some(vpc)).filter_map(|id| self.groups.get(id))
    }

    /// The security groups that are of no VPC, and so of every one.
    pub fn common_groups(&self) -> impl Iterator<Item = &SecurityGroup> {
        self.index.groups_of_vpc.get(&None).filter_map(|id| self.groups.get(id))
    }

    /// The security group for interfaces whose groups nobody names; none in VPCs that are older than groups.
    pub fn default_group(&self, vpc: VpcId) -> Option<SecurityGroupId> {
        self.index.default_group.get(&vpc).copied()
    }

    /// The interfaces of a security group.
    pub fn interfaces_of_group(&self, group: SecurityGroupId) -> impl Iterator<Item = &Interface> {
        self.index.interfaces_of_group.get(&group).filter_map(|id| self.interfaces.get(id))
    }

    /// The security groups with a rule about the interfaces of this one.
    pub fn groups_naming(&self, group: SecurityGroupId) -> impl Iterator<Item = SecurityGroupId> {
        self.index.groups_naming.get(&group).copied()
    }

    /// The interfaces of a VPC.
    pub fn interfaces_of_vpc(&self, vpc: VpcId) -> impl Iterator<Item = &Interface> {
        self.index.interfaces_of_vpc.get(&vpc).filter_map(|id| self.interfaces.get(id))
    }

    /// The interfaces of a subnet.
    pub fn interfaces_of_subnet(&self, subnet: SubnetId) -> impl Iterator<Item = &Interface> {
        self.index.interfaces_of_subnet.get(&subnet).filter_map(|id| self.interfaces.get(id))
    }

    /// The instances of a deployment set.
    pub fn instances_of_set(&self, set: DeploymentSetId) -> impl Iterator<Item = &Instance> {
        self.index.instances_of_set.get(&set).filter_map(|id| self.instances.get(id))
    }

    /// The interfaces of an instance, `eth0` first.
    pub fn interfaces_of(&self, instance: InstanceId) -> impl Iterator<Item = &Interface> {
        self.index.interfaces_of_instance.get(&instance).filter_map(|(_, id)| self.interfaces.get(id))
    }

    /// The interface that was made with the instance.
    pub fn primary_interface(&self, instance: InstanceId) -> Option<&Interface> {
        self.interfaces_of(instance).find(|interface| interface.is_primary)
    }

    /// The interface with this number in every switch.
    pub fn interface_by_port(&self, port: PortNumber) -> Option<&Interface> {
        self.interfaces.get(self.index.interface_by_port.get(&port)?)
    }

    /// The interface with this MAC.
    pub fn interface_by_mac(&self, mac: MacAddr) -> Option<&Interface> {
        self.interfaces.get(self.index.interface_by_mac.get(&mac)?)
    }

    /// The interfaces that a host has to do with: plugged into its switch, on their way there, or just gone.
    pub fn interfaces_on(&self, host: HostNumber) -> impl Iterator<Item = &Interface> {
        self.index.interfaces_on_host.get(&host).filter_map(|id| self.interfaces.get(id))
    }

    /// The instances of a host.
    pub fn instances_on(&self, host: HostNumber) -> impl Iterator<Item = &Instance> {
        self.index.instances_on_host.get(&host).filter_map(|id| self.instances.get(id))
    }

    /// What instances have of a host: those there, and those on their way there, but one.
    pub fn shares_on(&self, host: HostNumber, but: Option<InstanceId>) -> impl Iterator<Item = Share> {
        let coming = self.interfaces_on(host).filter(move |interface| {
            interface.is_primary && interface.migration.as_ref().is_some_and(|migration| migration.to == host)
        });
        let coming = coming.filter_map(|interface| self.instances.get(&interface.instance?));
        let all = self.instances_on(host).chain(coming.filter(move |instance| instance.host != host));
        all.filter(move |instance| Some(instance.id) != but).filter_map(Instance::share)
    }

    /// How many instances a host has.
    pub fn instance_count(&self, host: HostNumber) -> usize {
        self.index.instances_on_host.count(&host)
    }

    /// What has this address of a VPC; gateways and reserved addresses are not in it.
    pub fn address_user(&self, vpc: VpcId, address: IpAddr) -> Option<AddressUser> {
        self.index.addresses.get(&(vpc, address)).copied()
    }

    /// The lowest usable address of a subnet and family that nothing has; none if it is full or has none at all.
    pub fn lowest_free(&self, subnet: SubnetId, family: Family) -> Option<IpAddr> {
        self.index.lowest_free.get(&(subnet, family))?.get()
    }

    /// The VIPs of a VPC.
    pub fn vips_of_vpc(&self, vpc: VpcId) -> impl Iterator<Item = &Vip> {
        self.index.vips_of_vpc.get(&vpc).filter_map(|id| self.vips.get(id))
    }

    /// How many VIPs a VPC has.
    pub fn vip_count(&self, vpc: VpcId) -> usize {
        self.index.vips_of_vpc.count(&vpc)
    }

    /// The VIPs of a subnet.
    pub fn vips_of_subnet(&self, subnet: SubnetId) -> impl Iterator<Item = &Vip> {
        self.index.vips_of_subnet.get(&subnet).filter_map(|id| self.vips.get(id))
    }

    /// The VIPs of a subnet that any of its interfaces may claim.
    pub fn open_vips_of(&self, subnet: SubnetId) -> impl Iterator<Item = &Vip> {
        self.index.open_vips_of_subnet.get(&subnet).filter_map(|id| self.vips.get(id))
    }

    /// The VIP that the switch knows by this key.
    pub fn vip_by_key(&self, key: VipKey) -> Option<&Vip> {
        match self.address_user(self.vpc_by_vni(key.vni)?.id, key.address)? {
            AddressUser::Vip(id) => self.vips.get(&id),
            AddressUser::Interface(_) => None,
        }
    }

    /// The VIPs that this very target is associated with.
    pub fn vips_of(&self, target: Target) -> impl Iterator<Item = &Vip> {
        self.index.vips_of_target.get(&target).filter_map(|id| self.vips.get(id))
    }

    /// How many VIPs an instance is associated with, those of its interfaces counted in.
    pub fn vip_count_of_instance(&self, instance: InstanceId) -> usize {
        let own = self.index.vips_of_target.count(&Target::Instance(instance));
        let of_interface =
            |interface: &Interface| self.index.vips_of_target.count(&Target::Interface(interface.id));
        own + self.interfaces_of(instance).map(of_interface).sum::<usize>()
    }

    /// The EIP with this address.
    pub fn eip_by_address(&self, address: IpAddr) -> Option<&Eip> {
        self.eips.get(self.index.eip_by_address.get(&address)?)
    }

    /// The EIPs that lead to this very target: at most one of each family, of which a VIP has one.
    pub fn eips_to(&self, target: EipTarget) -> impl Iterator<Item = &Eip> {
        self.index.eips_of_target.get(&target).filter_map(|id| self.eips.get(id))
    }

    /// The EIPs of a pool.
    pub fn eips_of(&self, pool: EipPoolId) -> impl Iterator<Item = &Eip> {
        self.index.eips_of_pool.get(&pool).filter_map(|id| self.eips.get(id))
    }

    /// The EIPs that lead into a VPC.
    pub fn eips_into(&self, vpc: VpcId) -> impl Iterator<Item = &Eip> {
        self.index.bound_eips_of_vpc.get(&vpc).filter_map(|id| self.eips.get(id))
    }

    /// The interface whose primary address an EIP's target stands for; none for a VIP.
    pub fn interface_of(&self, target: EipTarget) -> Option<&Interface> {
        match target {
            EipTarget::Vip(_) => None,
            EipTarget::Instance(id) => self.primary_interface(id),
            EipTarget::Interface(id) => self.interfaces.get(&id),
        }
    }

    /// The routes of a VPC.
    pub fn routes_of(&self, vpc: VpcId) -> impl Iterator<Item = &Route> {
        self.index.routes_of_vpc.get(&vpc).filter_map(|id| self.routes.get(id))
    }

    /// The routes that lead to a VIP or an interface.
    pub fn routes_via(&self, next_hop: NextHop) -> impl Iterator<Item = &Route> {
        self.index.routes_via.get(&next_hop).filter_map(|id| self.routes.get(id))
    }

    /// The host of this id.
    pub fn host_by_id(&self, id: HostId) -> Option<&Host> {
        self.hosts.get(self.index.host_by_id.get(&id)?)
    }

    /// The host with this VXLAN address.
    pub fn host_by_underlay(&self, underlay: IpAddr) -> Option<&Host> {
        self.hosts.get(self.index.host_by_underlay.get(&underlay)?)
    }

    /// The hosts that join the fabric to the outside, lowest number first.
    pub fn edges(&self) -> impl Iterator<Item = HostNumber> {
        self.index.edges.get(&()).copied()
    }

    /// The interfaces whose ports have left a host, which not every host has acknowledged; they may be deleted.
    pub fn leaving(&self) -> impl Iterator<Item = (InterfaceId, HostNumber)> {
        self.index.leaving.get(&()).copied()
    }

    /// The VPC that a deleted interface was of, while not every host has acknowledged that it is gone.
    pub fn vpc_left_by(&self, interface: InterfaceId) -> Option<&Vpc> {
        self.vpcs.get(self.index.left_vpc.get(&interface)?)
    }

    /// The hosts that an interface of the VPC is plugged into, or that just had its guest.
    pub fn placed_hosts(&self, vpc: VpcId) -> impl Iterator<Item = HostNumber> {
        self.index.hosts_of_vpc.get(&vpc).copied()
    }

    /// Whether an interface of the VPC is plugged into the host.
    pub fn is_placed(&self, vpc: VpcId, host: HostNumber) -> bool {
        self.index.placed.count(&(vpc, host)) > 0
    }

    /// Whether edges lead into the VPC, by an EIP or an external subnet.
    pub fn has_outside(&self, vpc: VpcId) -> bool {
        self.index.bound_eips_of_vpc.count(&vpc) > 0 || self.index.external_subnets_of_vpc.count(&vpc) > 0
    }

    /// The external subnets of a VPC.
    pub fn external_subnets_of(&self, vpc: VpcId) -> impl Iterator<Item = &Subnet> {
        self.index.external_subnets_of_vpc.get(&vpc).filter_map(|id| self.subnets.get(id))
    }

    /// What has an address of an external subnet, which the outside knows without its VPC.
    pub fn external_user(&self, address: IpAddr) -> Option<AddressUser> {
        let mut vpcs = self.index.external_subnets_of_vpc.keys();
        let of_vpc = |vpc: &VpcId| {
            let mut external = self.external_subnets_of(*vpc);
            let has = |subnet: &Subnet| match address {
                IpAddr::V4(address) => subnet.cidr.contains(&address),
                IpAddr::V6(address) => subnet.cidr6.is_some_and(|cidr| cidr.contains(&address)),
            };
            let is_there = external.any(has);
            is_there.then(|| self.address_user(*vpc, address)).flatten()
        };
        vpcs.find_map(of_vpc)
    }

    /// The external subnet whose active edge's record is kept under this key.
    pub fn external_subnet_by_key(&self, key: VipKey) -> Option<&Subnet> {
        let vpc = self.vpc_by_vni(key.vni)?.id;
        self.external_subnets_of(vpc).find(|subnet| key.address == subnet.cidr.network())
    }

    /// The VPCs that have an interface plugged into the host.
    pub fn placed_vpcs(&self, host: HostNumber) -> impl Iterator<Item = VpcId> {
        self.index.vpcs_of_host.get(&host).copied()
    }

    /// The VPCs that edges lead into; one may be named twice.
    pub fn vpcs_with_outside(&self) -> impl Iterator<Item = VpcId> {
        self.index.bound_eips_of_vpc.keys().chain(self.index.external_subnets_of_vpc.keys()).copied()
    }
}
