//! VIPs and who may claim them.

use crate::{
    Incarnation, InstanceId, InterfaceId, Meta, SecurityGroup, SubnetId, Timestamp, VipId, VipKey, VpcId,
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A floating private address, claimed by gratuitous ARP or an unsolicited neighbour advertisement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vip {
    /// Its name in every API.
    pub id: VipId,
    /// Names, times, generation.
    pub meta: Meta,
    /// Its VPC.
    pub vpc: VpcId,
    /// Its subnet.
    pub subnet: SubnetId,
    /// Where the switch finds it.
    pub key: VipKey,
    /// Its making.
    pub incarnation: Incarnation,
    /// Who may claim it.
    pub binding: Binding,
    /// What happens to a claim by a port that has just lost it.
    pub contention: Contention,
    /// Whether the fabric speaks for a dead holder (`design.md` section 6).
    pub assist: bool,
    /// The API whose limits and deletion rule it keeps.
    pub profile: Profile,
    /// Who is associated with it.
    pub associations: Vec<Association>,
    /// Addresses besides those of associated ports whose adverts naming the VIP reach associated ports.
    pub advert_sources: Vec<IpAddr>,
}

impl Vip {
    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.key.address
    }
}

/// Permission to claim a VIP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// Who may claim.
    pub target: Target,
    /// How.
    pub mode: AssociationMode,
    /// Since when.
    pub created_at: Timestamp,
}

/// Who is associated: one kind per VIP at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// All interfaces of the instance in the VIP's subnet.
    Instance(InstanceId),
    /// This interface.
    Interface(InterfaceId),
}

/// What an association permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssociationMode {
    /// Claim the VIP and, while holding it, send and receive as the VIP.
    #[default]
    Claim,
    /// Send from the VIP without holding it, never in ARP or ND (direct-return balancing).
    DirectReturn,
}

/// Who may claim a VIP (rule C2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Binding {
    /// The associated ones.
    #[default]
    Associated,
    /// Any interface of the subnet.
    Subnet,
}

/// What happens to a claim by a port that has just lost the VIP (rule C9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contention {
    /// Both ports are asked; if both have the address, the present holder keeps it for a while.
    #[default]
    Hold,
    /// It is followed at once.
    Follow,
}

/// The API that made a VIP; its limits and rules stay with the VIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Havip's own.
    #[default]
    Native,
    /// Alibaba Cloud.
    Alibaba,
    /// Tencent Cloud.
    Tencent,
    /// UCloudStack.
    Ucloudstack,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Native, Self::Alibaba, Self::Tencent, Self::Ucloudstack];
}

/// The numbers of `design.md` section 8, each an adjustable quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Instances or interfaces associated with one VIP.
    pub associations_per_vip: usize,
    /// VIPs associated with one instance, its interfaces counted in.
    pub vips_per_instance: usize,
    /// VIPs in one VPC.
    pub vips_per_vpc: usize,
    /// VIPs of one project.
    pub vips_per_project: usize,
    /// Routes of one VPC whose next hop is a VIP.
    pub vip_routes_per_vpc: usize,
    /// Addresses of one interface besides its primary one.
    pub secondary_addresses: usize,
    /// Security groups of one VPC, its default one counted in.
    pub groups_per_vpc: usize,
    /// Security groups of one interface; more than 5 have no place in the switch.
    pub groups_per_interface: usize,
    /// Rules of one security group, both directions together; more than 200 have no place in the switch.
    pub rules_per_group: usize,
    /// Tags of one resource.
    pub tags_per_resource: usize,
    /// Resource groups of one project besides its default one.
    pub resource_groups_per_project: usize,
    /// Deployment sets of one project.
    pub deployment_sets_per_project: usize,
}

impl Profile {
    /// The numbers that hold unless a quota was changed.
    pub const fn limits(self) -> Limits {
        let native = Limits {
            associations_per_vip: 10,
            vips_per_instance: 5,
            vips_per_vpc: 50,
            vips_per_project: 50,
            vip_routes_per_vpc: 5,
            secondary_addresses: 20,
            // As on Alibaba Cloud: 100 groups, 5 of an interface, 200 rules of a group.
            groups_per_vpc: 100,
            groups_per_interface: SecurityGroup::PER_INTERFACE,
            rules_per_group: SecurityGroup::MOST_RULES,
            tags_per_resource: 20,
            resource_groups_per_project: 100,
            deployment_sets_per_project: 100,
        };
        match self {
            Self::Native | Self::Alibaba => native,
            Self::Tencent => Limits { vips_per_vpc: 10, ..native },
            Self::Ucloudstack => Limits { associations_per_vip: 3, ..native },
        }
    }
}
