//! What a decision rests on besides the world.

use havip_model::{Granted, HostNumber, InstanceId, Limits, Profile, ProjectId, Quota, Timestamp, World};

/// What a decision rests on besides the world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// What time it is.
    pub now: Timestamp,
    /// Fresh random bytes for ids and MACs: never the same twice.
    pub entropy: [u8; 32],
    /// The hosts whose agents are heard, for placing instances.
    pub live: Vec<LiveHost>,
    /// Instances that should run but have ended by themselves or could not be started: these may be started.
    pub ended: Vec<InstanceId>,
    /// The limits that an operator has changed, and an administrator for the project.
    pub quotas: Quotas,
    /// Whose request it is.
    pub project: ProjectId,
    /// Everything that there is, if the world that is decided from is only what the project sees. Nothing in it may be
    /// told of: it only keeps numbers, ids, MACs and public addresses from being given twice.
    pub whole: Option<World>,
}

/// A host whose agent is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveHost {
    /// Which.
    pub host: HostNumber,
    /// How busy it is by its own account, in thousandths; decides between hosts with as many instances.
    pub load_millis: u32,
}

/// The limits that an operator has changed; `None` leaves what the profile says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Quotas {
    /// See [`Limits::associations_per_vip`].
    pub associations_per_vip: Option<usize>,
    /// See [`Limits::vips_per_instance`].
    pub vips_per_instance: Option<usize>,
    /// See [`Limits::vips_per_vpc`].
    pub vips_per_vpc: Option<usize>,
    /// See [`Limits::vips_per_project`].
    pub vips_per_project: Option<usize>,
    /// See [`Limits::vip_routes_per_vpc`].
    pub vip_routes_per_vpc: Option<usize>,
    /// See [`Limits::secondary_addresses`].
    pub secondary_addresses: Option<usize>,
    /// See [`Limits::groups_per_vpc`].
    pub groups_per_vpc: Option<usize>,
    /// See [`Limits::groups_per_interface`].
    pub groups_per_interface: Option<usize>,
    /// See [`Limits::rules_per_group`].
    pub rules_per_group: Option<usize>,
    /// See [`Limits::tags_per_resource`].
    pub tags_per_resource: Option<usize>,
    /// See [`Limits::resource_groups_per_project`].
    pub resource_groups_per_project: Option<usize>,
    /// See [`Limits::deployment_sets_per_project`].
    pub deployment_sets_per_project: Option<usize>,
    /// What one project was given; goes before all of these.
    pub granted: Vec<Granted>,
}

impl Quotas {
    /// The limits that hold for a VIP of this profile.
    pub fn limits(&self, profile: Profile) -> Limits {
        let usual = profile.limits();
        let is_for = |of: Option<Profile>| move |granted: &&Granted| granted.profile == of;
        let of = |quota: Quota, changed: Option<usize>| {
            let granted = || self.granted.iter().filter(|granted| granted.quota == quota);
            let granted = granted().find(is_for(Some(profile))).or_else(|| granted().find(is_for(None)));
            granted.map(|granted| granted.limit).or(changed).unwrap_or_else(|| quota.of(&usual))
        };
        Limits {
            associations_per_vip: of(Quota::AssociationsPerVip, self.associations_per_vip),
            vips_per_instance: of(Quota::VipsPerInstance, self.vips_per_instance),
            vips_per_vpc: of(Quota::VipsPerVpc, self.vips_per_vpc),
            vips_per_project: of(Quota::VipsPerProject, self.vips_per_project),
            vip_routes_per_vpc: of(Quota::VipRoutesPerVpc, self.vip_routes_per_vpc),
            secondary_addresses: of(Quota::SecondaryAddresses, self.secondary_addresses),
            groups_per_vpc: of(Quota::GroupsPerVpc, self.groups_per_vpc),
            groups_per_interface: of(Quota::GroupsPerInterface, self.groups_per_interface),
            rules_per_group: of(Quota::RulesPerGroup, self.rules_per_group),
            tags_per_resource: of(Quota::TagsPerResource, self.tags_per_resource),
            resource_groups_per_project: of(
                Quota::ResourceGroupsPerProject,
                self.resource_groups_per_project,
            ),
            deployment_sets_per_project: of(
                Quota::DeploymentSetsPerProject,
                self.deployment_sets_per_project,
            ),
        }
    }

    /// The limits of one project.
    pub fn with(&self, granted: &[Granted]) -> Self {
        Self { granted: granted.to_vec(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_project_was_given_goes_before_the_operators_word_and_that_before_the_profiles() {
        let of = |quotas: &Quotas, profile: Profile| quotas.limits(profile).vips_per_vpc;
        let mut quotas = Quotas::default();
        assert_eq!((of(&quotas, Profile::Native), of(&quotas, Profile::Tencent)), (50, 10));
        quotas.vips_per_vpc = Some(20);
        assert_eq!((of(&quotas, Profile::Native), of(&quotas, Profile::Tencent)), (20, 20));
        let given = |profile, limit| Granted { quota: Quota::VipsPerVpc, profile, limit };
        let all = quotas.with(&[given(None, 30)]);
        assert_eq!((of(&all, Profile::Native), of(&all, Profile::Tencent)), (30, 30));
        let one = quotas.with(&[given(None, 30), given(Some(Profile::Tencent), 7)]);
        assert_eq!((of(&one, Profile::Native), of(&one, Profile::Tencent)), (30, 7));
        assert_eq!(one.limits(Profile::Tencent).vips_per_project, 50, "others stay as they were");
    }
}
