//! Machines: a kernel of its own for each guest, by QEMU on taps.
//!
//! The agent makes the files and the taps, a keeper (as of a sandbox) starts QEMU as a user of its own without any
//! power, keeps its console and sees its end. Both live on without the agent.

mod command;
mod files;
mod kvm;
mod migration;
mod orders;
mod power;
mod start;

pub(crate) use command::{Descriptors, PROGRAM, arguments};
pub(crate) use kvm::group;
pub(crate) use migration::{depart, has_departed, receive, resume, wait_until_it_runs, wake};
pub(crate) use power::{press_button, wait_until_made};
pub(crate) use start::{FIRST_TAP, run};

use havip_model::{InstanceId, MacAddr};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, path::PathBuf};

/// A machine to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// Whose it is; also the name of its directory.
    pub instance: InstanceId,
    /// The name it has for itself: at most 63 letters, digits and hyphens.
    pub host_name: String,
    /// What cloud-init, or whatever reads the seed, runs. May be empty.
    pub user_data: String,
    /// Processors, in thousandths.
    pub cpu_millis: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// What it boots.
    pub image: Image,
    /// Its interfaces, in the order of their taps.
    pub interfaces: Vec<MachineInterface>,
    /// The number of the host's user that QEMU becomes; nobody else's.
    pub user: u32,
    /// It does not boot, but goes on with the state that another host's QEMU sends it.
    #[serde(default)]
    pub is_awaited: bool,
}

/// What a machine boots: files of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// A kernel.
    #[serde(default)]
    pub kernel: Option<PathBuf>,
    /// The initial RAM disk of the kernel.
    #[serde(default)]
    pub initramfs: Option<PathBuf>,
    /// What the kernel is told, beside where its console is.
    #[serde(default)]
    pub append: String,
    /// A disk; each machine writes to a layer of its own above it.
    #[serde(default)]
    pub disk: Option<PathBuf>,
    /// Whether the disk is `raw` or `qcow2`.
    #[serde(default)]
    pub format: DiskFormat,
}

/// How a disk is written down in its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// As it is.
    Raw,
    /// QEMU's own format, in which clouds publish their images.
    #[default]
    Qcow2,
}

/// A network interface of a machine, as the switch knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineInterface {
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// The largest packet it may send.
    pub mtu: u16,
    /// Its addresses, with the length of their subnet's prefix.
    pub addresses: Vec<IpNet>,
    /// Where everything else goes.
    pub gateways: Vec<IpAddr>,
}

impl Image {
    /// Why nothing can boot from it, if nothing can.
    pub fn objection(&self) -> Option<String> {
        if self.kernel.is_none() && self.disk.is_none() {
            return Some("it has neither a kernel nor a disk".into());
        }
        if self.initramfs.is_some() && self.kernel.is_none() {
            return Some("it has an initramfs but no kernel".into());
        }
        let files = [&self.kernel, &self.initramfs, &self.disk].into_iter().flatten();
        files
            .filter(|path| !path.is_absolute())
            .map(|path| format!("{} is not absolute", path.display()))
            .next()
    }
}

impl MachineSpec {
    pub(crate) fn objection(&self) -> Option<String> {
        if cfg!(not(target_arch = "x86_64")) {
            return Some(format!(
                "the driver qemu is for x86_64, and this host is {}",
                std::env::consts::ARCH
            ));
        }
        if let Some(why) = self.image.objection() {
            return Some(format!("nothing boots from its image: {why}"));
        }
        crate::spec::not_a_host_name(&self.host_name)
    }
}
