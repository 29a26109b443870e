//! Quotas: how much a project may have, by the names of every API, and what asks for more.

use crate::{
    Limits, NextHop, Profile, ProjectId, QuotaRequestId, ResourceKey, SecurityGroup, Timestamp, World,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is limited, for each of which thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// See [`Limits::associations_per_vip`].
    AssociationsPerVip,
    /// See [`Limits::vips_per_instance`].
    VipsPerInstance,
    /// See [`Limits::vips_per_vpc`].
    VipsPerVpc,
    /// See [`Limits::vips_per_project`].
    VipsPerProject,
    /// See [`Limits::vip_routes_per_vpc`].
    VipRoutesPerVpc,
    /// See [`Limits::secondary_addresses`].
    SecondaryAddresses,
    /// See [`Limits::groups_per_vpc`].
    GroupsPerVpc,
    /// See [`Limits::groups_per_interface`].
    GroupsPerInterface,
    /// See [`Limits::rules_per_group`].
    RulesPerGroup,
    /// See [`Limits::tags_per_resource`].
    TagsPerResource,
    /// See [`Limits::resource_groups_per_project`].
    ResourceGroupsPerProject,
    /// See [`Limits::deployment_sets_per_project`].
    DeploymentSetsPerProject,
}

impl Quota {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::AssociationsPerVip,
        Self::VipsPerInstance,
        Self::VipsPerVpc,
        Self::VipsPerProject,
        Self::VipRoutesPerVpc,
        Self::SecondaryAddresses,
        Self::GroupsPerVpc,
        Self::GroupsPerInterface,
        Self::RulesPerGroup,
        Self::TagsPerResource,
        Self::ResourceGroupsPerProject,
        Self::DeploymentSetsPerProject,
    ];

    /// The name that programs compare.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AssociationsPerVip => "associations_per_vip",
            Self::VipsPerInstance => "vips_per_instance",
            Self::VipsPerVpc => "vips_per_vpc",
            Self::VipsPerProject => "vips_per_project",
            Self::VipRoutesPerVpc => "vip_routes_per_vpc",
            Self::SecondaryAddresses => "secondary_addresses",
            Self::GroupsPerVpc => "groups_per_vpc",
            Self::GroupsPerInterface => "groups_per_interface",
            Self::RulesPerGroup => "rules_per_group",
            Self::TagsPerResource => "tags_per_resource",
            Self::ResourceGroupsPerProject => "resource_groups_per_project",
            Self::DeploymentSetsPerProject => "deployment_sets_per_project",
        }
    }

    /// A cloud's own name for it, where it has one, and the profile that it speaks of.
    pub const fn cloud_name(self) -> Option<(Profile, &'static str)> {
        match self {
            Self::AssociationsPerVip => Some((Profile::Ucloudstack, "VIPBoundLimit")),
            Self::VipsPerVpc => Some((Profile::Tencent, "vpc-max-havips")),
            Self::VipRoutesPerVpc => Some((Profile::Alibaba, "vpc_quota_havip_custom_route_entry")),
            _ => None,
        }
    }

    /// The quota of a name, its own or a cloud's, and the profile if the name says which.
    pub fn called(name: &str) -> Option<(Self, Option<Profile>)> {
        Self::ALL.into_iter().find_map(|quota| match quota.cloud_name() {
            _ if quota.word() == name => Some((quota, None)),
            Some((profile, own)) if own == name => {
                Some((quota, Some(profile).filter(|_| quota.follows_profile())))
            }
            _ => None,
        })
    }

    /// Whether each profile has a limit of its own: what VIPs keep from the API that made them. All else has one.
    pub const fn follows_profile(self) -> bool {
        matches!(
            self,
            Self::AssociationsPerVip | Self::VipsPerInstance | Self::VipsPerVpc | Self::VipsPerProject
        )
    }

    /// The most that anybody can be given: more has no place in the switch, or could not be counted.
    pub const fn most(self) -> usize {
        match self {
            Self::GroupsPerInterface => SecurityGroup::PER_INTERFACE,
            Self::RulesPerGroup => SecurityGroup::MOST_RULES,
            _ => 1_000_000,
        }
    }

    /// The number of this quota among limits.
    pub const fn of(self, limits: &Limits) -> usize {
        match self {
            Self::AssociationsPerVip => limits.associations_per_vip,
            Self::VipsPerInstance => limits.vips_per_instance,
            Self::VipsPerVpc => limits.vips_per_vpc,
            Self::VipsPerProject => limits.vips_per_project,
            Self::VipRoutesPerVpc => limits.vip_routes_per_vpc,
            Self::SecondaryAddresses => limits.secondary_addresses,
            Self::GroupsPerVpc => limits.groups_per_vpc,
            Self::GroupsPerInterface => limits.groups_per_interface,
            Self::RulesPerGroup => limits.rules_per_group,
            Self::TagsPerResource => limits.tags_per_resource,
            Self::ResourceGroupsPerProject => limits.resource_groups_per_project,
            Self::DeploymentSetsPerProject => limits.deployment_sets_per_project,
        }
    }

    /// How much there is of it, and where that is most: of the whole project, or of each thing that has a limit.
    pub fn used(self, world: &World) -> Vec<(Option<ResourceKey>, usize)> {
        let vpcs = || world.vpcs.values().map(|vpc| vpc.id);
        match self {
            Self::VipsPerProject => vec![(None, world.vips.len())],
            Self::AssociationsPerVip => world
                .vips
                .values()
                .map(|vip| (Some(ResourceKey::Vip(vip.id)), vip.associations.len()))
                .collect(),
            Self::VipsPerInstance => world
                .instances
                .values()
                .map(|it| (Some(ResourceKey::Instance(it.id)), world.vip_count_of_instance(it.id)))
                .collect(),
            Self::VipsPerVpc => vpcs().map(|id| (Some(ResourceKey::Vpc(id)), world.vip_count(id))).collect(),
            Self::VipRoutesPerVpc => {
                let to_vips = |id| world.routes_of(id).filter(|it| matches!(it.next_hop, NextHop::Vip(_)));
                vpcs().map(|id| (Some(ResourceKey::Vpc(id)), to_vips(id).count())).collect()
            }
            Self::SecondaryAddresses => {
                let all = world.interfaces.values();
                all.map(|it| (Some(ResourceKey::Interface(it.id)), it.secondary.len())).collect()
            }
            Self::GroupsPerVpc => {
                vpcs().map(|id| (Some(ResourceKey::Vpc(id)), world.groups_of(id).count())).collect()
            }
            Self::GroupsPerInterface => {
                let all = world.interfaces.values();
                all.map(|it| (Some(ResourceKey::Interface(it.id)), it.groups.len())).collect()
            }
            Self::RulesPerGroup => {
                let all = world.groups.values();
                all.map(|it| (Some(ResourceKey::SecurityGroup(it.id)), it.rules.len())).collect()
            }
            Self::TagsPerResource => {
                world.resources().map(|it| (Some(it.key()), it.meta().tags.len())).collect()
            }
            Self::ResourceGroupsPerProject => vec![(None, world.resource_groups.len())],
            Self::DeploymentSetsPerProject => vec![(None, world.deployment_sets.len())],
        }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A limit of one project that an administrator has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Granted {
    /// Which.
    pub quota: Quota,
    /// For VIPs of this profile; for all of them if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The limit.
    pub limit: usize,
}

/// A request for another limit, to be decided by an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaRequest {
    /// Its name in the native API.
    pub id: QuotaRequestId,
    /// For which project.
    pub project: ProjectId,
    /// What is asked for.
    pub wanted: Granted,
    /// Why, in the words of whoever asks.
    pub reason: String,
    /// The name of the user who asks.
    pub user: String,
    /// When.
    pub created_at: Timestamp,
    /// What was decided; none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<QuotaDecision>,
}

/// What an administrator decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaDecision {
    /// The limit that is given, which may be another than was asked for; none if it was refused.
    pub limit: Option<usize>,
    /// Why.
    pub comment: String,
    /// The name of the administrator.
    pub user: String,
    /// When.
    pub decided_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_quota_has_a_name_of_its_own_and_is_found_by_the_clouds_names_too() {
        let words: BTreeSet<_> = Quota::ALL.into_iter().map(Quota::word).collect();
        assert_eq!(words.len(), Quota::ALL.len());
        for quota in Quota::ALL {
            assert_eq!(Quota::called(quota.word()), Some((quota, None)));
            assert_eq!(serde_json::to_string(&quota).unwrap(), format!("{:?}", quota.word()));
        }
        assert_eq!(Quota::called("vpc-max-havips"), Some((Quota::VipsPerVpc, Some(Profile::Tencent))));
        // What has one limit has it whoever names it.
        let route = Quota::called("vpc_quota_havip_custom_route_entry");
        assert_eq!(route, Some((Quota::VipRoutesPerVpc, None)));
        assert_eq!(Quota::called("vips"), None);
    }
}
