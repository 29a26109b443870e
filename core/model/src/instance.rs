//! Instances: what a user runs.

use crate::{DeploymentSetId, HostNumber, InstanceId, Meta, Share};
use serde::{Deserialize, Serialize};

/// A guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name in every API.
    pub id: InstanceId,
    /// Names, times, generation.
    pub meta: Meta,
    /// Where it is.
    pub region: String,
    /// Where in the region it is.
    pub zone: String,
    /// What runs it.
    pub driver: Driver,
    /// What the machine boots, by its name on the host; only of the driver `qemu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What its first process is; only of the driver `namespace`.
    #[serde(default, skip_serializing_if = "InitSystem::is_minimal")]
    pub init: InitSystem,
    /// The host that runs it; chosen when it is made.
    pub host: HostNumber,
    /// The set of which no two are on one host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_set: Option<DeploymentSetId>,
    /// Processors, in thousandths.
    pub cpu_millis: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// A script that its shell runs at each start; may be empty.
    pub user_data: String,
    /// What the user wants of it.
    pub power: PowerState,
    /// Counts starts, so that a second `start` or a reboot is seen as wanted.
    pub starts: u64,
    /// It does not run, and has given its share of the host to others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gave_up_share: bool,
}

impl Instance {
    /// Its share of its host, while it has one; a guest that is not ours has none.
    pub fn share(&self) -> Option<Share> {
        (self.driver != Driver::External && !self.gave_up_share).then(|| self.whole_share())
    }

    /// The same while it runs.
    pub fn whole_share(&self) -> Share {
        Share { cpu_millis: self.cpu_millis.into(), memory_mib: self.memory_mib.into() }
    }
}

/// What runs an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// A light sandbox of kernel namespaces: labs and trusted work, not a tenant boundary.
    Namespace,
    /// A machine of its own, with a kernel of its own: the boundary between tenants.
    Qemu,
    /// The guest exists already; only its tap or veth is plugged.
    External,
}

/// What the first process of a sandbox is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InitSystem {
    /// One that starts the user data, reaps what ends, and ends everybody when it is asked to.
    #[default]
    Minimal,
    /// The host's systemd, so that `systemctl start keepalived` works as the clouds' guides say.
    Systemd,
}

impl InitSystem {
    /// Whether it is the default.
    pub fn is_minimal(&self) -> bool {
        *self == Self::Minimal
    }
}

/// What a user wants of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PowerState {
    /// It runs, and again after its host's reboot.
    Running,
    /// SIGTERM, then SIGKILL; ports down.
    Stopped,
    /// Ports down and everything killed at once.
    PoweredOff,
}

/// What an instance does, as its host last reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// Not reported yet.
    Pending,
    /// Its first process runs.
    Running,
    /// Asked to end.
    Stopping,
    /// Nothing of it runs.
    Stopped,
    /// Its host could not start it.
    Failed,
}
