//! Requests about instances.

use super::{Choice, Choice6, NewTexts, Texts};
use havip_model::{
    DeploymentSetId, Driver, HostNumber, InitSystem, InstanceId, MacAddr, SecurityGroupId, SubnetId,
};

/// See [`Request::RunInstance`](super::Request::RunInstance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInstance {
    /// Name and description.
    pub texts: Texts,
    /// The subnet of its primary interface.
    pub subnet: SubnetId,
    /// The primary interface's IPv4 address; not [`Choice::Without`].
    pub address: Choice,
    /// The primary interface's IPv6 address.
    pub address6: Choice6,
    /// The primary interface's MAC, where a guest brings one; drawn otherwise.
    pub mac: Option<MacAddr>,
    /// Whether the guest may send and receive only its own addresses; yes is the safe answer.
    pub source_dest_check: bool,
    /// The primary interface's security groups; none named: the VPC's default one.
    pub groups: Vec<SecurityGroupId>,
    /// What runs it.
    pub driver: Driver,
    /// What the machine boots, by its name on the host; for the driver `qemu`.
    pub image: Option<String>,
    /// What its first process is; systemd for the driver `namespace` alone.
    pub init: InitSystem,
    /// The existing device to plug, for the driver `external`; may also be plugged later.
    pub device: Option<String>,
    /// Where; none for the live host with the fewest instances.
    pub host: Option<HostNumber>,
    /// The set of which no two are on one host.
    pub deployment_set: Option<DeploymentSetId>,
    /// Processors, in thousandths: 10 to 64 000.
    pub cpu_millis: u32,
    /// Memory, in MiB: 16 to 262 144.
    pub memory_mib: u32,
    /// A script that its shell runs at each start, or what cloud-init reads in a machine: at most 64 KiB.
    pub user_data: String,
}

/// See [`Request::UpdateInstance`](super::Request::UpdateInstance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateInstance {
    /// Which.
    pub instance: InstanceId,
    /// The new texts.
    pub texts: NewTexts,
}

/// See [`Request::StartInstance`](super::Request::StartInstance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartInstance {
    /// Which.
    pub instance: InstanceId,
}

/// See [`Request::StopInstance`](super::Request::StopInstance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopInstance {
    /// Which.
    pub instance: InstanceId,
    /// Others may have its share of the host until it is started.
    pub gives_up_share: bool,
}

impl StopInstance {
    /// One that keeps its share of the host.
    pub fn of(instance: InstanceId) -> Self {
        Self { instance, gives_up_share: false }
    }
}

/// See [`Request::RestartInstance`](super::Request::RestartInstance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestartInstance {
    /// Which.
    pub instance: InstanceId,
}

/// See [`Request::PowerOffInstance`](super::Request::PowerOffInstance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerOffInstance {
    /// Which.
    pub instance: InstanceId,
    /// Others may have its share of the host until it is started.
    pub gives_up_share: bool,
}

impl PowerOffInstance {
    /// One that keeps its share of the host.
    pub fn of(instance: InstanceId) -> Self {
        Self { instance, gives_up_share: false }
    }
}

/// See [`Request::MigrateInstance`](super::Request::MigrateInstance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrateInstance {
    /// Which.
    pub instance: InstanceId,
    /// Where it goes.
    pub host: HostNumber,
}

/// See [`Request::CancelInstanceMigration`](super::Request::CancelInstanceMigration).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelInstanceMigration {
    /// Which.
    pub instance: InstanceId,
}

/// See [`Request::DeleteInstance`](super::Request::DeleteInstance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteInstance {
    /// Which.
    pub instance: InstanceId,
}

impl RunInstance {
    /// A sandbox of one processor and 512 MiB with an automatic address, wherever there is room.
    pub fn of(subnet: SubnetId) -> Self {
        Self {
            texts: Texts::default(),
            subnet,
            address: Choice::default(),
            address6: Choice6::default(),
            mac: None,
            source_dest_check: true,
            groups: Vec::new(),
            driver: Driver::Namespace,
            image: None,
            init: InitSystem::Minimal,
            device: None,
            host: None,
            deployment_set: None,
            cpu_millis: 1000,
            memory_mib: 512,
            user_data: String::new(),
        }
    }
}
