//! `havip lab`: the verbs.

use crate::{
    Guest, Lab, Plan,
    names::{HostName, LabName},
    process::Process,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use havip_api::{HostFilter, InstanceFilter};
use serde_json::json;
use std::{
    ffi::OsString,
    io::Write,
    process::{Command, ExitCode},
};

/// Whole topologies in network namespaces of this machine: try things, test things, nothing is left behind.
#[derive(Debug, Clone, Subcommand)]
pub enum LabCommand {
    /// Make hosts as namespaces with an agent each, an underlay, one server, edges and a client outside
    Up(UpArgs),
    /// Remove a lab and everything it made, also after a crash
    Down(NameArg),
    /// What a lab's processes, hosts and instances do
    Status(StatusArgs),
    /// Run a command on a host, on the outside client (`outside`), or in an instance
    #[command(
        after_help = "Examples:\n  havip lab exec h1 -- ip link\n  havip lab exec client -- curl -s http://10.20.1.100"
    )]
    Exec(ExecArgs),
}

/// Which lab.
#[derive(Debug, Clone, Args)]
pub struct NameArg {
    /// The lab's name: 1 to 6 of a-z and 0-9
    #[arg(long, default_value = LabName::DEFAULT)]
    pub name: LabName,
}

/// What the lab should be like.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    #[command(flatten)]
    lab: NameArg,
    /// Hosts for guests
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=64))]
    hosts: u8,
    /// Edges to the outside network
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=2))]
    edges: u8,
}

/// How to show it.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    lab: NameArg,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What to run, and where.
#[derive(Debug, Clone, Args)]
pub struct ExecArgs {
    #[command(flatten)]
    lab: NameArg,
    /// A host (h1, e1, …), `outside`, `server`, or an instance by name or id
    place: String,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Runs a verb.
pub fn run(command: &LabCommand) -> Result<ExitCode> {
    match command {
        LabCommand::Up(args) => up(args),
        LabCommand::Down(args) => {
            let program = std::env::current_exe().context("cannot find the program that is running")?;
            Lab::down(&args.name, &program)?;
            Ok(ExitCode::SUCCESS)
        }
        LabCommand::Status(args) => status(args),
        LabCommand::Exec(args) => exec(args),
    }
}

fn up(args: &UpArgs) -> Result<ExitCode> {
    let name = &args.lab.name;
    let plan = Plan { hosts: args.hosts, edges: args.edges, ..Plan::new(name.clone())? };
    eprintln!("making {} hosts, {} edges and a server …", plan.hosts, plan.edges);
    Lab::up(&plan)?;
    println!("The lab {name} is up. Use it with `havip --lab {name} …`, for example:");
    println!("  havip --lab {name} host list");
    println!("  havip --lab {name} vpc create --name web --cidr 10.20.0.0/16");
    println!("  havip lab down --name {name}");
    Ok(ExitCode::SUCCESS)
}

fn status(args: &StatusArgs) -> Result<ExitCode> {
    let lab = Lab::open(&args.lab.name)?;
    // The processes are worth showing when the server is dead, too.
    let hosts = lab.api(|client| client.all_hosts(&HostFilter::default()));
    let instances = lab.api(|client| client.all_instances(&InstanceFilter::default())).unwrap_or_default();
    let processes = lab.processes();
    let text = if args.json {
        let processes: Vec<_> = processes
            .iter()
            .map(|it| json!({"role": it.role, "pid": it.pid, "alive": it.is_alive(), "log": it.log}))
            .collect();
        let (name, hosts) = (lab.name().to_string(), hosts.as_ref().ok());
        format!(
            "{:#}\n",
            json!({"name": name, "processes": processes, "hosts": hosts, "instances": instances})
        )
    } else {
        let process = |it: &Process| {
            let state = if it.is_alive() { "runs" } else { "ended" };
            format!("{:<8} {state:<6} pid {:<8} {}\n", it.role, it.pid, it.log.display())
        };
        let mut text: String = processes.iter().map(process).collect();
        match &hosts {
            Ok(hosts) => text
                .extend(hosts.iter().map(|host| format!("host     {:<12} {}\n", host.meta.name, host.state))),
            Err(error) => text += &format!("the server does not answer: {error:#}\n"),
        }
        text.extend(instances.iter().map(|instance| {
            let address = instance.address().unwrap_or("-");
            format!("instance {:<12} {} {address}\n", instance.meta.name, instance.state)
        }));
        text
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads, `head` for instance, has seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn exec(args: &ExecArgs) -> Result<ExitCode> {
    let lab = Lab::open(&args.lab.name)?;
    let [program, arguments @ ..] = &args.command[..] else { bail!("no command was given") };
    let namespace = match args.place.as_str() {
        "outside" => lab.outside_namespace()?,
        "server" => havip_netlink::Namespace::open(&lab.name().hub())?,
        place => match place.parse::<HostName>() {
            Ok(host) if lab.hosts().contains(&host) => lab.host_namespace(host)?,
            Ok(host) => bail!("the lab {} has no host {host}", lab.name()),
            Err(_) => return exec_in_instance(&lab, place, &args.command),
        },
    };
    let mut command = namespace.command(program);
    command.args(arguments);
    finish(command)
}

fn exec_in_instance(lab: &Lab, place: &str, words: &[OsString]) -> Result<ExitCode> {
    let instances = lab.api(|client| client.all_instances(&InstanceFilter::default()))?;
    let found: Vec<_> = instances
        .iter()
        .filter(|instance| instance.meta.id == place || instance.meta.name == place)
        .collect();
    let [instance] = found[..] else {
        bail!("{place:?} is no host, and {} instances have this name or id", found.len());
    };
    let hosts = lab.api(|client| client.all_hosts(&HostFilter::default()))?;
    let host =
        hosts.iter().find(|host| host.meta.id == instance.host).context("the instance's host is unknown")?;
    let host =
        host.meta.name.strip_prefix(&format!("{}-", lab.name())).context("the host is not of this lab")?;
    finish(Guest::of(lab, host.parse()?, instance)?.command(words)?)
}

fn finish(mut command: Command) -> Result<ExitCode> {
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
