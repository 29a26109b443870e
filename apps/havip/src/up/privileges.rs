//! What the supervised programs may do.
//!
//! Capabilities belong to threads: the thread that starts a program gives up what the program shall not have, and
//! every program that root starts from it has at most what is left in its bounding set.

use anyhow::{Context, Result};
use caps::{CapSet, Capability};

/// What the server needs: nothing.
pub const SERVER: &[Capability] = &[];

/// What the agent needs for itself, and for the programs in the instances that it starts.
pub const AGENT: &[Capability] = &[
    // Devices, BPF, namespaces and mounts.
    Capability::CAP_BPF,
    Capability::CAP_MKNOD,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_RAW,
    Capability::CAP_PERFMON,
    Capability::CAP_SETPCAP,
    Capability::CAP_SYS_ADMIN,
    Capability::CAP_SYS_CHROOT,
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_SYS_RESOURCE,
    // What ordinary daemons do in an instance: own files, listen below 1024, become another user.
    Capability::CAP_AUDIT_WRITE,
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_DAC_READ_SEARCH,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_IPC_LOCK,
    Capability::CAP_KILL,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_NET_BROADCAST,
    Capability::CAP_SETFCAP,
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
    Capability::CAP_SYS_NICE,
];

/// Gives up, for this thread and what it starts, all capabilities that are not to be kept.
pub fn limit_to(kept: &[Capability]) -> Result<()> {
    for capability in caps::runtime::thread_all_supported() {
        if !kept.contains(&capability) {
            caps::drop(None, CapSet::Bounding, capability)
                .with_context(|| format!("could not give up {capability}"))?;
        }
    }
    caps::clear(None, CapSet::Inheritable).context("could not clear the inheritable capabilities")
}

/// Makes sure that this thread and what it starts never gain rights, by setuid programs for instance.
pub fn never_gain() -> Result<()> {
    nix::sys::prctl::set_no_new_privs().context("could not set no_new_privs")
}
