//! `havip port`: existing devices of a host, plugged into its switch.

use super::Verb;
use super::change::Change;
use super::migration;
use super::session::Session;
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use havip_api::{Host, HostFilter, Interface, Plug};
use std::time::Duration;

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
    /// Prepare a device of another host for a guest that moves there while it runs
    ///
    /// The port there comes up with the guest's first frame, or with --finish. What it holds goes along, and the host that
    /// it leaves passes on what is sent to it until every host knows where it is.
    #[command(after_help = "Example, with a tap of the same name on both hosts:
  havip port migrate --interface 10.20.1.7 --host h2 --dev tap0
  (migrate the machine, by libvirt or QEMU)
  havip port migrate --interface 10.20.1.7 --follow")]
    Migrate {
        /// The interface's id, name or address
        #[arg(long)]
        interface: String,
        /// The device's name on the other host
        #[arg(long, value_name = "DEVICE", requires = "host")]
        dev: Option<String>,
        /// The other host's id or name
        #[arg(long, requires = "dev", required_unless_present_any = ["finish", "cancel", "follow"])]
        host: Option<String>,
        /// The guest is there, whether it has sent anything or not
        #[arg(long, conflicts_with_all = ["host", "cancel"])]
        finish: bool,
        /// The guest stays where it is
        #[arg(long, conflicts_with_all = ["host", "follow"])]
        cancel: bool,
        /// Wait until the guest is there, and say how long nobody heard from it
        #[arg(long)]
        follow: bool,
        /// So many seconds, with --follow
        #[arg(long, default_value_t = 600, value_name = "SECONDS", requires = "follow")]
        within: u64,
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
            Self::Migrate { interface, dev, host, finish, cancel, follow, within, change } => {
                let id = session.id_of::<Interface>(&interface)?;
                let client = change.client(session);
                let changed = match (host, dev) {
                    (Some(host), Some(device)) => {
                        let host = session.id_of::<Host>(&host)?;
                        Some(client.migrate_interface(&id, &Plug { host, device })?)
                    }
                    _ if finish => Some(client.finish_migration(&id)?),
                    _ if cancel => Some(client.cancel_migration(&id)?),
                    _ => None,
                };
                match (changed, follow) {
                    (Some(changed), false) => change.show(session, &changed),
                    (Some(changed), true) => {
                        migration::follow(session, &changed, Duration::from_secs(within))
                    }
                    (None, _) => {
                        let now = session.client.interface(&id)?;
                        migration::follow(session, &now, Duration::from_secs(within))
                    }
                }
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
