//! `havip port`: existing devices of a host, plugged into its switch.

use super::Verb;
use super::change::Change;
use super::session::Session;
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use havip_api::{Host, HostFilter, Interface, Plug};

/// What can be done with ports.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example, for a machine that libvirt or QEMU runs on this host with tap0:
  havip instance run --driver external --name db --subnet web --host this-host
  havip port plug --interface 10.20.1.7 --dev tap0")]
pub enum PortVerb {
    /// Plug an existing veth or tap into the switch of a host, as an interface's port
    Plug {
        /// The interface's id, name or address
        #[arg(long)]
        interface: String,
        /// The device's name on that host
        #[arg(long, value_name = "DEVICE")]
        dev: String,
        /// The host's id or name; this machine, or the only host, if absent
        #[arg(long)]
        host: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Take an interface's device out of its host's switch
    Unplug {
        /// The interface's id, name or address
        #[arg(long)]
        interface: String,
        #[command(flatten)]
        change: Change,
    },
}

impl Verb for PortVerb {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Plug { interface, dev, host, change } => {
                let id = session.id_of::<Interface>(&interface)?;
                let host = match host {
                    Some(called) => session.id_of::<Host>(&called)?,
                    None => this_host(session)?,
                };
                let plugged = change.client(session).plug_interface(&id, &Plug { host, device: dev })?;
                change.show(session, &plugged)
            }
            Self::Unplug { interface, change } => {
                let id = session.id_of::<Interface>(&interface)?;
                change.show(session, &change.client(session).unplug_interface(&id)?)
            }
        }
    }
}

/// The host with this machine's name, or the only one there is.
fn this_host(session: &Session) -> Result<String> {
    let hosts = session.client.all_hosts(&HostFilter::default())?;
    let own = nix::unistd::gethostname().context("could not read this machine's name")?;
    match (hosts.iter().find(|host| own == *host.meta.name), hosts.as_slice()) {
        (Some(host), _) => Ok(host.meta.id.clone()),
        (None, [only]) => Ok(only.meta.id.clone()),
        (None, _) => {
            bail!("none of {} hosts is called {}; name one with --host", hosts.len(), own.to_string_lossy())
        }
    }
}
