//! Requests about interfaces.

use super::{Choice, Choice6, NewTexts, Texts};
use havip_model::{Family, HostNumber, InstanceId, InterfaceId, MacAddr, SecurityGroupId, SubnetId};
use std::net::IpAddr;

/// See [`Request::CreateInterface`](super::Request::CreateInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateInterface {
    /// Its subnet.
    pub subnet: SubnetId,
    /// Name and description.
    pub texts: Texts,
    /// Its primary IPv4 address.
    pub address: Choice,
    /// Its primary IPv6 address.
    pub address6: Choice6,
    /// Further addresses.
    pub secondary: Vec<IpAddr>,
    /// Its MAC, where a guest brings one; drawn otherwise.
    pub mac: Option<MacAddr>,
    /// Whether the guest may send and receive only its own addresses; yes is the safe answer.
    pub source_dest_check: bool,
    /// Its security groups; none named: the VPC's default one.
    pub groups: Vec<SecurityGroupId>,
    /// The instance that it is attached to at once.
    pub instance: Option<InstanceId>,
}

/// See [`Request::UpdateInterface`](super::Request::UpdateInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateInterface {
    /// Which.
    pub interface: InterfaceId,
    /// The new texts.
    pub texts: NewTexts,
    /// Whether the guest may send and receive only its own addresses.
    pub source_dest_check: Option<bool>,
    /// Its security groups; none named: the VPC's default one.
    pub groups: Option<Vec<SecurityGroupId>>,
}

impl UpdateInterface {
    /// Gives it these security groups, and leaves the rest.
    pub fn guarded_by(interface: InterfaceId, groups: Vec<SecurityGroupId>) -> Self {
        Self { interface, texts: NewTexts::default(), source_dest_check: None, groups: Some(groups) }
    }
}

/// See [`Request::DeleteInterface`](super::Request::DeleteInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteInterface {
    /// Which.
    pub interface: InterfaceId,
}

/// See [`Request::AttachInterface`](super::Request::AttachInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachInterface {
    /// Which.
    pub interface: InterfaceId,
    /// To whom.
    pub instance: InstanceId,
    /// The existing device to plug, for instances of the driver `external`.
    pub device: Option<String>,
}

/// See [`Request::DetachInterface`](super::Request::DetachInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachInterface {
    /// Which.
    pub interface: InterfaceId,
}

/// See [`Request::AddAddresses`](super::Request::AddAddresses).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddAddresses {
    /// Which.
    pub interface: InterfaceId,
    /// These.
    pub addresses: Vec<IpAddr>,
    /// And so many of the lowest free ones.
    pub automatic: usize,
    /// Of which family these are.
    pub family: Family,
}

/// See [`Request::RemoveAddresses`](super::Request::RemoveAddresses).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveAddresses {
    /// Which.
    pub interface: InterfaceId,
    /// These.
    pub addresses: Vec<IpAddr>,
}

/// See [`Request::MoveAddresses`](super::Request::MoveAddresses).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveAddresses {
    /// Who gives them.
    pub from: InterfaceId,
    /// Who gets them.
    pub to: InterfaceId,
    /// These.
    pub addresses: Vec<IpAddr>,
}

/// See [`Request::TakeAddresses`](super::Request::TakeAddresses).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeAddresses {
    /// Who gets them.
    pub interface: InterfaceId,
    /// These.
    pub addresses: Vec<IpAddr>,
}

/// See [`Request::PlugInterface`](super::Request::PlugInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlugInterface {
    /// Which; not of an instance that the driver `namespace` runs.
    pub interface: InterfaceId,
    /// Where.
    pub host: HostNumber,
    /// The existing veth or tap.
    pub device: String,
}

/// See [`Request::MigrateInterface`](super::Request::MigrateInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrateInterface {
    /// Which; plugged by an existing device.
    pub interface: InterfaceId,
    /// Where its guest is going.
    pub host: HostNumber,
    /// The existing veth or tap there.
    pub device: String,
}

/// See [`Request::FinishMigration`](super::Request::FinishMigration).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishMigration {
    /// Which.
    pub interface: InterfaceId,
    /// Its host there has seen it; else somebody says so, which counts only of a guest of theirs.
    pub is_seen: bool,
}

/// See [`Request::CancelMigration`](super::Request::CancelMigration).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelMigration {
    /// Which.
    pub interface: InterfaceId,
}

/// See [`Request::MeasureMigration`](super::Request::MeasureMigration).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureMigration {
    /// Which.
    pub interface: InterfaceId,
    /// From its last frame on the old host to its first on the new one.
    pub outage_ms: u32,
}

/// See [`Request::SettleInterface`](super::Request::SettleInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettleInterface {
    /// Which.
    pub interface: InterfaceId,
}

/// See [`Request::UnplugInterface`](super::Request::UnplugInterface).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnplugInterface {
    /// Which.
    pub interface: InterfaceId,
}
