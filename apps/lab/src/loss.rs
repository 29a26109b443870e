//! The loss of a whole host, and its return.

use crate::{Lab, names::HostName, process};
use anyhow::Result;
use havip_guest::{Program, Sandboxes};
use nix::sys::signal::Signal;

impl Lab {
    /// What a power failure of a host does: it is off the underlay, and its agent and its guests are dead.
    pub fn lose_host(&self, host: HostName) -> Result<()> {
        // The cable first: neither a kernel's reset nor a daemon's goodbye may leave a dead host.
        self.set_underlay_cable(host, false)?;
        if host.outside().is_some() {
            self.set_outside_cable(host, false)?;
        }
        self.process(&host.to_string())?.signal(Signal::SIGKILL);
        for guest in self.sandboxes(host)?.list()? {
            guest.running.map_or(Ok(()), havip_guest::Sandbox::power_off)?;
        }
        process::clear(&self.host_namespace(host)?)
    }

    /// Boots a lost host: its kernel knows nothing, its disk what it knew, and its cables are plugged in.
    pub fn boot_host(&mut self, host: HostName) -> Result<()> {
        self.forget_kernel_state(host)?;
        self.set_underlay_cable(host, true)?;
        if host.outside().is_some() {
            self.set_outside_cable(host, true)?;
        }
        self.start_agent(host)
    }

    /// Removes everything that a host's kernel holds of the fabric, as a reboot would: processes, devices, pins.
    pub fn reboot(&mut self, host: HostName) -> Result<()> {
        self.process(&host.to_string())?.kill();
        process::clear(&self.host_namespace(host)?)?;
        self.forget_kernel_state(host)?;
        self.start_agent(host)
    }

    /// The sandboxes of a host's guests.
    pub(crate) fn sandboxes(&self, host: HostName) -> Result<Sandboxes> {
        let program = Program { path: self.program().to_owned(), arguments: vec!["guest-init".into()] };
        Ok(Sandboxes::open(&self.host_data(host).join("instances"), program)?)
    }
}
