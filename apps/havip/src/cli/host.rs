//! `havip host`: machines with an agent.

use super::change::Change;
use super::instance::thousandths;
use super::session::{Session, print};
use super::show::{Column, Format, Names, Row, json};
use super::{Verb, kernel, time, trace};
use anyhow::{Context, Result};
use clap::Subcommand;
use havip_agent::Args;
use havip_api::{DropCount, Host, HostFilter, HostKeys, UpdateHost};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// What can be done with hosts.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "To add a host: make a token here, then run on the new machine, with its own address as underlay
  havip agent --server https://192.0.2.1:7401 --join-token TOKEN --underlay 192.0.2.2 --data /var/lib/havip/agent"
)]
pub enum HostVerb {
    /// List hosts
    List {
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose id, name, description or addresses hold these letters in order
        #[arg(short)]
        q: Option<String>,
    },
    /// Show one host
    Get {
        /// Its id or name
        host: String,
    },
    /// Change the name, the description, or what its instances may have in all
    Update {
        /// Its id or name
        host: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        /// Processors that its instances may have in all, such as 7.5, or unlimited
        #[arg(long, value_parser = processors)]
        cpu: Option<Limit>,
        /// Memory in MiB that they may have in all, or unlimited
        #[arg(long, value_parser = mebibytes)]
        memory: Option<Limit>,
        #[command(flatten)]
        change: Change,
    },
    /// Make a token with which one host may join, once
    Token,
    /// Show how far the keys are with which hosts seal what they tell each other, and for whom a change waits
    Keys,
    /// Change the key with which hosts seal what they tell each other; it loses no message
    ///
    /// The new key is known to every host before one uses it, and the old one is dropped when none does any more.
    /// A host that is lost is not waited for longer than a minute: it gets the keys when it comes back.
    /// Without this the key is changed each 30 days.
    RotateKeys,
    /// Remove a host that will not come back
    Remove {
        /// Its id or name
        host: String,
        #[command(flatten)]
        change: Change,
    },
    /// End this machine's instances and remove every trace of its agent; the agent must not run
    ///
    /// Needs no server. `havip host remove` then makes the others forget the host.
    Detach(Detach),
    /// Show what a host's switch has dropped, by reason
    Drops {
        /// Its id or name
        host: String,
    },
    /// Show what a host's switch is given and what it makes of it, while it happens
    ///
    /// Each line: when, who sent it, what became of it and why, and what it was, also for what the switch itself
    /// sends to a guest. One at a time can look on at a host; while nobody does, it costs nothing.
    /// With -o json each line is a document, which has the frame's first 512 bytes; --write keeps these for Wireshark.
    /// What is not looked for is sorted out in the kernel, so a flood of other packets takes no room from what is;
    /// what is lost all the same is counted, and said at the end. Ctrl-C ends it earlier.
    Trace(trace::Trace),
    /// Show who holds which VIP and EIP as this machine's kernel has it; needs no server and no agent
    ///
    /// Hosts and ports are shown by number, as the kernel knows no names.
    Records(kernel::Records),
    /// Show what this machine's switch has counted, and how full its maps are; needs no server and no agent
    Switch(kernel::Switch),
}

/// Which agent of this machine; as it was run.
#[derive(Debug, clap::Args)]
pub struct Detach {
    /// The agent's data directory [default: /var/lib/havip/agent]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The host's name [default: the machine's host name]
    #[arg(long)]
    name: Option<String>,
    /// What the names of its devices begin with [default: hv]
    #[arg(long, value_name = "TEXT")]
    device_prefix: Option<String>,
    /// Leave certificate, last state and the instances' files, as a reboot does: an agent may start again
    #[arg(long)]
    keep_data: bool,
}

impl Detach {
    fn run(self) -> Result<()> {
        let Self { data, name, device_prefix, keep_data } = self;
        let nowhere = Some(Ipv4Addr::UNSPECIFIED.into());
        // Where the server and the other hosts are does not matter any more.
        let args = Args {
            data,
            name,
            device_prefix,
            server: Some(String::new()),
            underlay: nowhere,
            ..Args::default()
        };
        let config = args.settle()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("could not start the runtime")?.block_on(havip_agent::detach(&config, keep_data))?;
        if keep_data {
            return print(&format!(
                "{} is detached; an agent with the same data attaches it again\n",
                config.name
            ));
        }
        print(&format!("{} is detached; `havip host remove {0}` makes the others forget it\n", config.name))
    }
}

impl Verb for HostVerb {
    fn run_here(self, format: Format) -> Result<Option<Self>> {
        match self {
            Self::Detach(args) => args.run().map(|()| None),
            Self::Records(args) => args.run(format).map(|()| None),
            Self::Switch(args) => args.run(format).map(|()| None),
            other => Ok(Some(other)),
        }
    }

    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::List { name, q } => {
                session.show_all(&session.client.all_hosts(&HostFilter { name, q, ..Default::default() })?)
            }
            Self::Get { host } => session.show_details(&session.get::<Host>(&host)?),
            Self::Update { host, name, description, cpu, memory, change } => {
                let id = session.id_of::<Host>(&host)?;
                let (cpu_millis, memory_mib) = (cpu.map(|limit| limit.0), memory.map(|limit| limit.0));
                let body = UpdateHost { name, description, cpu_millis, memory_mib };
                change.show(session, &change.client(session).update_host(&id, &body)?)
            }
            Self::Token => {
                let token = session.client.create_host_token()?;
                match session.format {
                    Format::Json => print(&json(&token)?),
                    Format::Yaml => print(&serde_yaml_ng::to_string(&token)?),
                    Format::Table | Format::Wide => print(&format!("{}\n", token.token)),
                }
            }
            Self::Keys => session.show_details(&session.client.host_keys()?),
            Self::RotateKeys => session.show_details(&session.client.rotate_host_keys()?),
            Self::Remove { host, change } => {
                let id = session.id_of::<Host>(&host)?;
                change.client(session).remove_host(&id)?;
                session.say(&format!("{id} removed"))
            }
            Self::Detach(_) | Self::Records(_) | Self::Switch(_) => {
                unreachable!("it needs no server and has run")
            }
            Self::Drops { host } => {
                let id = session.id_of::<Host>(&host)?;
                session.show_all(&session.client.host_drops(&id)?.drops)
            }
            Self::Trace(trace) => trace.run(session),
        }
    }
}

/// A limit, or none.
#[derive(Debug, Clone, Copy)]
pub struct Limit(Option<u64>);

fn processors(text: &str) -> Result<Limit, String> {
    limit(text, |text| Some(u64::from(thousandths(text).ok()?)), "a number of processors such as 7.5")
}

fn mebibytes(text: &str) -> Result<Limit, String> {
    limit(text, |text| text.parse().ok(), "a whole number of MiB")
}

fn limit(text: &str, read: impl Fn(&str) -> Option<u64>, what: &str) -> Result<Limit, String> {
    match text {
        "unlimited" => Ok(Limit(None)),
        text => {
            read(text).map(|limit| Limit(Some(limit))).ok_or_else(|| format!("give {what}, or unlimited"))
        }
    }
}

/// What instances have, of how much.
fn share(promised: f64, of: Option<f64>, unit: &str) -> String {
    match of {
        Some(of) => format!("{promised} of {of}{unit}"),
        None => format!("{promised}{unit}"),
    }
}

impl Row for Host {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("STATE"),
        Column::Wide("HEARD"),
        Column::Always("UNDERLAY"),
        Column::Wide("PEER ENDPOINT"),
        Column::Always("EDGE DEVICE"),
        Column::Always("ZONE"),
        Column::Wide("REGION"),
        Column::Wide("NUMBER"),
        Column::Wide("GUEST MTU"),
        Column::Wide("CPU"),
        Column::Wide("MEMORY"),
        Column::Always("VERSION"),
        Column::Wide("REVISION"),
        Column::Always("UNPROGRAMMED"),
        Column::Wide("LOST REFUSALS"),
        Column::Wide("LOST FINDINGS"),
        Column::Wide("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        let unprogrammed = self.unprogrammed.iter().map(|item| format!("{}: {}", item.key, item.reason));
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.state.to_string(),
            self.heard_at.as_deref().map(time::age).unwrap_or_default(),
            self.underlay.clone(),
            self.peer_endpoint.clone(),
            self.edge_device.clone().unwrap_or_default(),
            self.zone.clone(),
            self.region.clone(),
            self.number.to_string(),
            self.guest_mtu.to_string(),
            share(self.promised_cpu_millis as f64 / 1e3, self.cpu_millis.map(|cpu| cpu as f64 / 1e3), ""),
            share(self.promised_memory_mib as f64, self.memory_mib.map(|memory| memory as f64), " MiB"),
            self.version.clone(),
            self.acknowledged_revision.to_string(),
            unprogrammed.collect::<Vec<_>>().join("; "),
            self.lost_refusals.to_string(),
            self.lost_findings.to_string(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}

impl Row for HostKeys {
    const COLUMNS: &'static [Column] = &[
        Column::Always("SEALING"),
        Column::Always("ACCEPTED"),
        Column::Always("REQUIRED"),
        Column::Always("CHANGING"),
        Column::Always("WAITING FOR"),
        Column::Always("MADE"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        let accepted: Vec<_> = self.accepted.iter().map(u32::to_string).collect();
        vec![
            self.sealing.map(|id| id.to_string()).unwrap_or_default(),
            accepted.join(", "),
            self.required.to_string(),
            self.is_changing.to_string(),
            self.waiting_for.join(", "),
            time::age(&self.made_at),
        ]
    }
}

impl Row for DropCount {
    const COLUMNS: &'static [Column] = &[Column::Always("REASON"), Column::Always("PACKETS")];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![self.reason.clone(), self.packets.to_string()]
    }
}
