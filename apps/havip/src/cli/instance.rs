//! `havip instance`: guests.

use super::change::Change;
use super::failure::Ended;
use super::label::{Label, Labelled};
use super::migration;
use super::session::{Session, print};
use super::show::{Column, Format, Names, Row, json};
use super::{Verb, time};
use anyhow::{Context, Result};
use clap::Subcommand;
use havip_api::{
    ConsoleRange, DeploymentSet, Driver, Exec, Host, InitSystem, Instance, InstanceFilter, MigrateInstance,
    RunInstance, SecurityGroup, Subnet, Update, Vpc, Wait,
};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What can be done with instances.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip instance run --name web-1 --subnet web --user-data start.sh
  havip instance exec web-1 -- ip address
  havip instance console web-1 --follow
  havip instance power-off web-1
  havip instance migrate db --to host-2")]
pub enum InstanceVerb {
    /// Make an instance with its first interface, and start it
    Run {
        /// The subnet of its first interface, by id or name
        #[arg(long)]
        subnet: String,
        /// Its host name too
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// The first interface's IPv4 address; chosen if absent
        #[arg(long)]
        address: Option<String>,
        /// The first interface's IPv6 address; chosen if absent and its subnet has IPv6
        #[arg(long, value_name = "ADDRESS")]
        address6: Option<String>,
        /// The first interface has no IPv6 address
        #[arg(long, conflicts_with = "address6")]
        without_address6: bool,
        /// The host that shall run it, by id or name; chosen if absent
        #[arg(long)]
        host: Option<String>,
        /// The deployment set that it is to be of, by id or name: no other instance of it is on its host
        #[arg(long, value_name = "SET")]
        deployment_set: Option<String>,
        /// What runs it: namespace (a light sandbox), qemu (a machine) or external (the guest exists already)
        #[arg(long, default_value = "namespace")]
        driver: Driver,
        /// What the machine boots, for the driver qemu: a name of [images] in the file of its host's agent
        #[arg(long, value_name = "NAME")]
        image: Option<String>,
        /// The first process of a sandbox: minimal, or systemd, so that `systemctl start keepalived` works in it
        #[arg(long, default_value = "minimal")]
        init: InitSystem,
        /// Processors, such as 0.5
        #[arg(long, default_value = "1", value_parser = thousandths)]
        cpu: u32,
        /// Memory in MiB
        #[arg(long, default_value_t = 512)]
        memory: u32,
        /// A script that its shell runs at each start, or what cloud-init reads in a machine; `-` is standard input
        #[arg(long, value_name = "FILE")]
        user_data: Option<PathBuf>,
        /// The first interface's MAC; chosen if absent
        #[arg(long)]
        mac: Option<String>,
        /// The guest may send and receive other addresses than its own, as routers do
        #[arg(long)]
        no_source_dest_check: bool,
        /// One of the first interface's security groups; may be repeated; the VPC's default one if absent
        #[arg(long = "security-group", value_name = "GROUP")]
        security_groups: Vec<String>,
        /// The existing device to plug, for the driver external; may also be plugged later
        #[arg(long, value_name = "DEVICE")]
        dev: Option<String>,
        #[command(flatten)]
        label: Label,
        #[command(flatten)]
        change: Change,
    },
    /// List instances
    List {
        /// With an interface in this VPC
        #[arg(long)]
        vpc: Option<String>,
        /// With an interface in this subnet
        #[arg(long)]
        subnet: Option<String>,
        /// On this host
        #[arg(long)]
        host: Option<String>,
        /// Of this deployment set
        #[arg(long)]
        deployment_set: Option<String>,
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose id, name, description or addresses hold these letters in order
        #[arg(short)]
        q: Option<String>,
        #[command(flatten)]
        labelled: Labelled,
    },
    /// Show one instance
    Get {
        /// Its id or name
        instance: String,
    },
    /// Change the name or description
    Update {
        /// Its id or name
        instance: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Delete an instance with its first interface and its associations
    Delete {
        /// Its id or name
        instance: String,
        #[command(flatten)]
        change: Change,
    },
    /// Start an instance that does not run
    Start {
        /// Its id or name
        instance: String,
        #[command(flatten)]
        change: Change,
    },
    /// Ask an instance to end; what is left of it after 60 s is powered off
    Stop {
        /// Its id or name
        instance: String,
        /// Let others have its share of the host until it is started, which then needs room there
        #[arg(long)]
        give_up_share: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Ask an instance that runs to end, as stop does, and start it anew
    Restart {
        /// Its id or name
        instance: String,
        #[command(flatten)]
        change: Change,
    },
    /// End an instance at once, as if its power failed
    PowerOff {
        /// Its id or name
        instance: String,
        /// Let others have its share of the host until it is started, which then needs room there
        #[arg(long)]
        give_up_share: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Let a machine of the driver qemu go on at another host while it runs, and say how long nobody heard from it
    Migrate {
        /// Its id or name
        instance: String,
        /// The other host's id or name; it must have the machine's image, too
        #[arg(long, value_name = "HOST", required_unless_present = "cancel")]
        to: Option<String>,
        /// It stays where it is
        #[arg(long, conflicts_with = "to")]
        cancel: bool,
        /// So many seconds it may take
        #[arg(long, default_value_t = 600, value_name = "SECONDS")]
        within: u64,
        #[command(flatten)]
        change: Change,
    },
    /// Run a program inside an instance and end as it ends
    Exec {
        /// Its id or name
        instance: String,
        /// Hand standard input to the program
        #[arg(short, long)]
        interactive: bool,
        /// Kill the program after this time, at most 600s
        #[arg(long, default_value = "10s", value_name = "TIME", value_parser = milliseconds)]
        timeout: u32,
        /// The program and its arguments, behind `--`
        #[arg(required = true, last = true)]
        argv: Vec<String>,
    },
    /// Show what an instance wrote
    Console {
        /// Its id or name
        instance: String,
        /// Go on showing what it writes
        #[arg(short, long)]
        follow: bool,
    },
}

impl Verb for InstanceVerb {
    fn run(self, session: &Session) -> Result<()> {
        let id_of = |called: &str| session.id_of::<Instance>(called);
        match self {
            Self::Run {
                subnet,
                name,
                description,
                address,
                address6,
                without_address6,
                host,
                deployment_set,
                driver,
                image,
                init,
                cpu,
                memory,
                user_data,
                mac,
                no_source_dest_check,
                security_groups,
                dev,
                label,
                change,
            } => {
                let body = RunInstance {
                    subnet: session.id_of::<Subnet>(&subnet)?,
                    name,
                    description,
                    tags: label.tags(),
                    resource_group: label.group(session)?,
                    address,
                    address6,
                    without_address6,
                    host: session.id_of_any::<Host>(host.as_deref())?,
                    deployment_set: session.id_of_any::<DeploymentSet>(deployment_set.as_deref())?,
                    driver,
                    image,
                    init,
                    cpu_millis: cpu,
                    memory_mib: memory,
                    user_data: user_data.as_deref().map(read_script).transpose()?.unwrap_or_default(),
                    mac,
                    source_dest_check: !no_source_dest_check,
                    security_groups: session.ids_of::<SecurityGroup>(&security_groups)?,
                    device: dev,
                };
                change.show(session, &change.client(session).run_instance(&body)?)
            }
            Self::List { vpc, subnet, host, deployment_set, name, q, labelled } => {
                let vpc = session.id_of_any::<Vpc>(vpc.as_deref())?;
                let subnet = session.id_of_any::<Subnet>(subnet.as_deref())?;
                let host = session.id_of_any::<Host>(host.as_deref())?;
                let filter = InstanceFilter {
                    vpc,
                    subnet,
                    host,
                    deployment_set: session.id_of_any::<DeploymentSet>(deployment_set.as_deref())?,
                    name,
                    resource_group: labelled.group(session)?,
                    tag: labelled.tag,
                    q,
                    ..Default::default()
                };
                session.show_all(&session.client.all_instances(&filter)?)
            }
            Self::Get { instance } => session.show_details(&session.get::<Instance>(&instance)?),
            Self::Update { instance, name, description, change } => {
                let body = Update { name, description };
                change.show(session, &change.client(session).update_instance(&id_of(&instance)?, &body)?)
            }
            Self::Delete { instance, change } => {
                let id = id_of(&instance)?;
                change.client(session).delete_instance(&id)?;
                session.say(&format!("{id} deleted"))
            }
            Self::Start { instance, change } => {
                change.show(session, &change.client(session).start_instance(&id_of(&instance)?)?)
            }
            Self::Stop { instance, give_up_share, change } => {
                let (client, id) = (change.client(session), id_of(&instance)?);
                let done = match give_up_share {
                    true => client.stop_instance_and_give_up_share(&id)?,
                    false => client.stop_instance(&id)?,
                };
                change.show(session, &done)
            }
            Self::Restart { instance, change } => {
                change.show(session, &change.client(session).restart_instance(&id_of(&instance)?)?)
            }
            Self::PowerOff { instance, give_up_share, change } => {
                let (client, id) = (change.client(session), id_of(&instance)?);
                let done = match give_up_share {
                    true => client.power_off_instance_and_give_up_share(&id)?,
                    false => client.power_off_instance(&id)?,
                };
                change.show(session, &done)
            }
            Self::Migrate { instance, to: None, change, .. } => {
                change.show(session, &change.client(session).cancel_instance_migration(&id_of(&instance)?)?)
            }
            Self::Migrate { instance, to: Some(to), within, change, .. } => {
                let id = id_of(&instance)?;
                let host = session.id_of::<Host>(&to)?;
                let body = MigrateInstance { host };
                let going = change.client(session).migrate_instance(&id, &body)?;
                let primary = going.interfaces.first().context("it has no interface")?;
                migration::follow_machine(session, &id, &primary.id, Duration::from_secs(within))
            }
            Self::Exec { instance, interactive, timeout, argv } => {
                exec(session, &id_of(&instance)?, interactive, timeout, argv)
            }
            Self::Console { instance, follow } => console(session, &id_of(&instance)?, follow),
        }
    }
}

fn exec(session: &Session, id: &str, interactive: bool, timeout: u32, argv: Vec<String>) -> Result<()> {
    let mut stdin = String::new();
    if interactive {
        std::io::stdin().read_to_string(&mut stdin).context("could not read standard input")?;
    }
    let result = session.client.exec(id, &Exec { argv, stdin, timeout_ms: Some(timeout) })?;
    match session.format {
        Format::Json => print(&json(&result)?)?,
        Format::Yaml => print(&serde_yaml_ng::to_string(&result)?)?,
        Format::Table | Format::Wide => {
            print(&result.stdout)?;
            std::io::stderr().write_all(result.stderr.as_bytes())?;
        }
    }
    match result.exit_code {
        0 => Ok(()),
        code => Err(Ended(code).into()),
    }
}

fn console(session: &Session, id: &str, follow: bool) -> Result<()> {
    let mut offset = None;
    loop {
        let part = session.client.console(id, &ConsoleRange { offset, most: None })?;
        match session.format {
            Format::Json => print(&json(&part)?)?,
            Format::Yaml => print(&serde_yaml_ng::to_string(&part)?)?,
            Format::Table | Format::Wide => print(&part.text)?,
        }
        if !follow {
            return Ok(());
        }
        if part.text.is_empty() {
            std::thread::sleep(CONSOLE_PAUSE);
        }
        offset = Some(part.next_offset);
    }
}

fn read_script(path: &Path) -> Result<String> {
    let mut text = String::new();
    match path == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text).context("could not read standard input")?,
        false => {
            return std::fs::read_to_string(path)
                .with_context(|| format!("could not read {}", path.display()));
        }
    };
    Ok(text)
}

/// `0.5` processors as 500 thousandths.
pub(super) fn thousandths(text: &str) -> Result<u32, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.001..=1024.0).contains(&number) => Ok((number * 1000.0).round() as u32),
        _ => Err("not a number of processors between 0.001 and 1024".into()),
    }
}

/// `10s` as 10 000; longer than a wait may be.
fn milliseconds(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is not a time such as 10s or 500ms, at most 600s");
    let time = match text.parse::<Wait>() {
        Ok(Wait(time)) => time,
        Err(_) => {
            Duration::from_secs(text.strip_suffix('s').and_then(|text| text.parse().ok()).ok_or_else(wrong)?)
        }
    };
    match u32::try_from(time.as_millis()) {
        Ok(millis @ 1..=600_000) => Ok(millis),
        _ => Err(wrong()),
    }
}

/// How often a followed console is asked for more.
const CONSOLE_PAUSE: Duration = Duration::from_millis(300);

impl Row for Instance {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("ADDRESS"),
        Column::Wide("ADDRESS6"),
        Column::Wide("INTERFACES"),
        Column::Always("SUBNET"),
        Column::Always("HOST"),
        Column::Wide("DRIVER"),
        Column::Wide("INIT"),
        Column::Wide("CPU"),
        Column::Wide("MEMORY"),
        Column::Always("STATE"),
        Column::Wide("WANTED"),
        Column::Always("STATUS"),
        Column::Wide("REASON"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, names: &dyn Names) -> Vec<String> {
        let interfaces: Vec<_> = self.interfaces.iter().map(|interface| interface.id.as_str()).collect();
        let subnets: Vec<_> = self.interfaces.iter().map(|interface| names.name(&interface.subnet)).collect();
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.address().unwrap_or_default().to_owned(),
            self.address6().unwrap_or_default().to_owned(),
            interfaces.join(","),
            subnets.join(","),
            names.name(&self.host),
            self.driver.to_string(),
            self.init.to_string(),
            format!("{}", f64::from(self.cpu_millis) / 1000.0),
            format!("{} MiB", self.memory_mib),
            self.state.to_string(),
            self.power.to_string(),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_in_thousandths() {
        assert_eq!(thousandths("0.5"), Ok(500));
        assert_eq!(thousandths("2"), Ok(2000));
        assert!(thousandths("0").is_err());
        assert!(thousandths("two").is_err());
    }

    #[test]
    fn a_program_may_run_for_ten_minutes_at_most() {
        assert_eq!(milliseconds("500ms"), Ok(500));
        assert_eq!(milliseconds("600s"), Ok(600_000));
        assert!(milliseconds("601s").is_err());
        assert!(milliseconds("0s").is_err());
        assert!(milliseconds("10").is_err());
    }
}
