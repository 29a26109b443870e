//! Instances.

use crate::{Driver, InitSystem, InstanceState, Meta, Power};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Id, names, times, status.
    #[serde(flatten)]
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
    /// What its first process is; `systemd` for sandboxes alone.
    #[serde(default = "minimal")]
    pub init: InitSystem,
    /// The id of the host that runs it.
    pub host: String,
    /// The id of its deployment set, of which no two instances are on one host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_set: Option<String>,
    /// Processors, in thousandths.
    pub cpu_millis: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// The script that its shell runs at each start, or what cloud-init reads in a machine.
    pub user_data: String,
    /// What the user wants of it.
    pub power: Power,
    /// It does not run, and others may have its share of the host.
    #[serde(default)]
    pub gave_up_share: bool,
    /// What it does, as its host last reported.
    pub state: InstanceState,
    /// Its interfaces, the first one (`eth0`) first.
    pub interfaces: Vec<InstanceInterface>,
}

impl Instance {
    /// The IPv4 address of its first interface.
    pub fn address(&self) -> Option<&str> {
        self.interfaces.first()?.address.as_deref()
    }

    /// The IPv6 address of its first interface.
    pub fn address6(&self) -> Option<&str> {
        self.interfaces.first()?.address6.as_deref()
    }
}

/// An interface of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceInterface {
    /// The interface's id.
    pub id: String,
    /// Its subnet's id.
    pub subnet: String,
    /// Its own IPv4 address.
    pub address: Option<String>,
    /// Its own IPv6 address.
    pub address6: Option<String>,
    /// Its MAC.
    pub mac: String,
}

/// Lets a machine go on at another host while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateInstance {
    /// The host's id.
    pub host: String,
}

/// Makes an instance with its first interface, and starts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunInstance {
    /// The id of the first interface's subnet.
    pub subnet: String,
    /// Its host name too; may be empty.
    #[serde(default)]
    pub name: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
    /// What it is sorted by: at most 20 keys of 1 to 128 characters, each with a value of at most 128.
    ///
    /// Neither begins with `aliyun` or `acs:`, nor holds `http://` or `https://`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The id of the resource group that it is to be in; the project's default one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// The first interface's IPv4 address; chosen if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The first interface's IPv6 address; chosen if absent and its subnet has IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address6: Option<String>,
    /// The first interface has no IPv6 address.
    #[serde(default)]
    pub without_address6: bool,
    /// The id of the host that shall run it; chosen if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The id of the deployment set that it is to be of: no other instance of it may be on its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_set: Option<String>,
    /// What runs it.
    #[serde(default = "namespace")]
    pub driver: Driver,
    /// What the machine boots, for the driver `qemu`: a name of `[images]` in the configuration of its host's agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What its first process is: `systemd` boots the host's, for the driver `namespace`.
    #[serde(default = "minimal")]
    pub init: InitSystem,
    /// Processors, in thousandths.
    #[serde(default = "one_processor")]
    pub cpu_millis: u32,
    /// Memory, in MiB.
    #[serde(default = "half_a_gibibyte")]
    pub memory_mib: u32,
    /// A script that its shell runs at each start, or what cloud-init reads in a machine; at most 64 KiB.
    #[serde(default)]
    pub user_data: String,
    /// The first interface's MAC; chosen if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Whether the guest may send and receive only its own addresses.
    #[serde(default = "yes")]
    pub source_dest_check: bool,
    /// The ids of the first interface's security groups, at most 5; the VPC's default one if there are none.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// The existing device to plug, for the driver `external`; may also be plugged later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

impl Default for RunInstance {
    fn default() -> Self {
        Self {
            subnet: String::new(),
            name: String::new(),
            description: String::new(),
            tags: BTreeMap::new(),
            resource_group: None,
            address: None,
            address6: None,
            without_address6: false,
            host: None,
            deployment_set: None,
            driver: namespace(),
            image: None,
            init: minimal(),
            cpu_millis: one_processor(),
            memory_mib: half_a_gibibyte(),
            user_data: String::new(),
            mac: None,
            source_dest_check: true,
            security_groups: vec![],
            device: None,
        }
    }
}

/// Runs a program inside an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The program and its arguments; no shell is between.
    #[schema(min_items = 1, example = json!(["ip", "address"]))]
    pub argv: Vec<String>,
    /// What it reads.
    #[serde(default)]
    pub stdin: String,
    /// Killed after this time, in milliseconds, at most 600000; 10000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 600000)]
    pub timeout_ms: Option<u32>,
}

/// How a program ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecResult {
    /// Its exit code; 128 and the signal's number if a signal ended it.
    pub exit_code: i32,
    /// The first MiB that it wrote; what is not UTF-8 is replaced.
    pub stdout: String,
    /// The first MiB that it complained.
    pub stderr: String,
}

/// Which part of a console to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConsoleRange {
    /// The first byte, counted from the instance's first start; the last 64 KiB if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Bytes at most; 65536 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1048576)]
    pub most: Option<u32>,
}

/// A part of what an instance wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Console {
    /// What is not UTF-8 is replaced.
    pub text: String,
    /// Where it begins.
    pub offset: u64,
    /// Where to go on reading.
    pub next_offset: u64,
}

fn minimal() -> InitSystem {
    InitSystem::Minimal
}

fn namespace() -> Driver {
    Driver::Namespace
}
fn one_processor() -> u32 {
    1000
}
fn yes() -> bool {
    true
}
fn half_a_gibibyte() -> u32 {
    512
}
