//! A guest that is no instance: a namespace whose veth ends at a host, waiting to be plugged.

use crate::{Output, Scene, names::HostName};
use anyhow::{Context, Result};
use havip_netlink::Namespace;
use std::{ffi::OsStr, process::Stdio};

/// The guest; its namespace goes with the lab.
pub struct ExternalGuest {
    namespace: Namespace,
    host: Namespace,
    /// The host's end of its veth.
    pub device: String,
}

impl Scene {
    /// Makes a guest whose eth0 has this MAC, on a host; nothing of it is plugged yet.
    pub fn external_guest(&self, host: HostName, mac: &str) -> Result<ExternalGuest> {
        let name = format!("{}guest", self.lab.name().namespace_prefix());
        let guest = ExternalGuest {
            namespace: Namespace::create(&name)?,
            host: self.lab.host_namespace(host)?,
            device: "tap0".into(),
        };
        let veth = format!("link add {} type veth peer name eth0 address {mac} netns {name}", guest.device);
        guest.run_on_host("ip", veth.split(' '))?.succeeded()?;
        guest.run("ip", ["link", "set", "eth0", "up"])?.succeeded()?;
        Ok(guest)
    }
}

impl ExternalGuest {
    /// Runs a program in the guest and waits for its end.
    pub fn run<S: AsRef<OsStr>>(&self, program: &str, words: impl IntoIterator<Item = S>) -> Result<Output> {
        run(&self.namespace, program, words)
    }

    /// Runs a program on its host and waits for its end.
    pub fn run_on_host<S: AsRef<OsStr>>(
        &self,
        program: &str,
        words: impl IntoIterator<Item = S>,
    ) -> Result<Output> {
        run(&self.host, program, words)
    }
}

/// Runs a program in a namespace and waits for its end.
pub fn run<S: AsRef<OsStr>>(
    namespace: &Namespace,
    program: &str,
    words: impl IntoIterator<Item = S>,
) -> Result<Output> {
    let mut command = namespace.command(program);
    let output = command.args(words).stdin(Stdio::null()).output();
    Ok(Output::of(output.with_context(|| format!("cannot run {program}"))?))
}
