//! What a decision rests on besides the world.

use havip_model::{HostNumber, InstanceId, Limits, Profile, ProjectId, Timestamp, World};

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
    /// The limits that an operator has changed.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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
}

impl Quotas {
    /// The limits that hold for a VIP of this profile.
    pub fn limits(&self, profile: Profile) -> Limits {
        let usual = profile.limits();
        Limits {
            associations_per_vip: self.associations_per_vip.unwrap_or(usual.associations_per_vip),
            vips_per_instance: self.vips_per_instance.unwrap_or(usual.vips_per_instance),
            vips_per_vpc: self.vips_per_vpc.unwrap_or(usual.vips_per_vpc),
            vips_per_project: self.vips_per_project.unwrap_or(usual.vips_per_project),
            vip_routes_per_vpc: self.vip_routes_per_vpc.unwrap_or(usual.vip_routes_per_vpc),
            secondary_addresses: self.secondary_addresses.unwrap_or(usual.secondary_addresses),
            groups_per_vpc: self.groups_per_vpc.unwrap_or(usual.groups_per_vpc),
            groups_per_interface: self.groups_per_interface.unwrap_or(usual.groups_per_interface),
            rules_per_group: self.rules_per_group.unwrap_or(usual.rules_per_group),
        }
    }
}
