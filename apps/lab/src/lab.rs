//! A lab: hosts with an agent each, one server, edges, a client outside; made, found again, removed.

use crate::{
    names::{AGENTS_PORT, API, HostName, LabName, MOST_HOSTS, SERVER, UNDERLAY_MTU},
    process::{self, Process},
    wires,
};
use anyhow::{Context, Result, bail, ensure};
use havip_api::{Client, ClientError, Config, HostFilter, HostState, KeyFile};
use havip_netlink::{Links, Namespace};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// What a lab should be like.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name.
    pub name: LabName,
    /// Hosts for guests, 1 to 64.
    pub hosts: u8,
    /// Edges, 0 to 2.
    pub edges: u8,
    /// The largest packet of the underlay in bytes, from 1330; guests have 50 less.
    pub underlay_mtu: u32,
    /// The `havip` program that its server and agents run.
    pub program: PathBuf,
    /// Further environment of server and agents.
    pub environment: Vec<(String, String)>,
}

impl Plan {
    /// Three hosts and two edges, running this very program.
    pub fn new(name: LabName) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find the program that is running")?;
        Ok(Self { name, hosts: 3, edges: 2, underlay_mtu: UNDERLAY_MTU, program, environment: vec![] })
    }

    /// All hosts, edges last.
    pub fn host_names(&self) -> Vec<HostName> {
        (1..=self.hosts).map(HostName::Host).chain((1..=self.edges).map(HostName::Edge)).collect()
    }
}

/// A lab that is up.
pub struct Lab {
    state: State,
    hub: Namespace,
    client: Client,
}

/// What is written down of a lab, so that another process finds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    name: String,
    program: PathBuf,
    environment: Vec<(String, String)>,
    hosts: Vec<String>,
    processes: Vec<Process>,
}

/// What another program needs to use a lab's API: `client.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClientFile {
    /// The API's URL, inside the namespace.
    pub server: String,
    /// The access key.
    pub key_file: PathBuf,
    /// The network namespace to ask from.
    pub netns: String,
}

impl Lab {
    /// Makes the lab; nothing of it may exist yet. What was made is removed again if anything fails.
    pub fn up(plan: &Plan) -> Result<Self> {
        let taken = plan.name.run_dir().exists() || !wires::namespaces(&plan.name)?.is_empty();
        if taken {
            bail!("the lab {0} exists already: `havip lab down --name {0}` removes it", plan.name);
        }
        if !(1..=MOST_HOSTS).contains(&plan.hosts) || plan.edges > 2 {
            bail!("a lab has 1 to {MOST_HOSTS} hosts and at most 2 edges");
        }
        Self::build(plan).inspect_err(|_| {
            // The first failure is the one to tell.
            let _ = Self::down(&plan.name, &plan.program);
        })
    }

    fn build(plan: &Plan) -> Result<Self> {
        let name = &plan.name;
        for folder in [name.run_dir().join("logs"), name.data_dir()] {
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let hosts = plan.host_names();
        runtime()?.block_on(wires::lay(name, &hosts, plan.underlay_mtu))?;
        let state = State {
            name: name.to_string(),
            program: plan.program.clone(),
            environment: plan.environment.clone(),
            hosts: hosts.iter().map(ToString::to_string).collect(),
            processes: vec![],
        };
        let hub = Namespace::open(&name.hub())?;
        let server = Self::start_server_of(&state, name, &hub)?;
        let client = Self::client_of(name, &hub, &server)?;
        let mut lab = Self { state, hub, client };
        lab.remember(server)?;
        for host in hosts {
            let token = lab.api(|client| client.create_host_token())?.token;
            lab.start_agent_with(host, Some(&token))?;
        }
        lab.wait_for_hosts(Duration::from_secs(30))?;
        Ok(lab)
    }

    /// Finds a lab that another process made.
    pub fn open(name: &LabName) -> Result<Self> {
        let file = name.run_dir().join("lab.json");
        let text = fs::read(&file)
            .with_context(|| format!("there is no lab {name}: `havip lab up --name {name}` makes one"))?;
        let state: State =
            serde_json::from_slice(&text).with_context(|| format!("{} is damaged", file.display()))?;
        let hub = Namespace::open(&name.hub())?;
        let client = make_client(name)?;
        Ok(Self { state, hub, client })
    }

    /// Removes whatever there is of a lab, also after a crash; a lab that is not there is removed already.
    ///
    /// Goes on past failures and returns all of them in one.
    pub fn down(name: &LabName, program: &Path) -> Result<()> {
        let mut failures: Vec<String> = vec![];
        let mut tell = |result: Result<()>| {
            if let Err(error) = result {
                failures.push(format!("{error:#}"));
            }
        };
        let state = fs::read(name.run_dir().join("lab.json")).ok();
        if let Some(state) = state.and_then(|text| serde_json::from_slice::<State>(&text).ok()) {
            state.processes.iter().for_each(Process::kill);
        }
        for namespace in wires::namespaces(name)? {
            let prefix = name.namespace_prefix();
            let host = namespace.strip_prefix(&prefix).and_then(|host| host.parse::<HostName>().ok());
            tell(Namespace::open(&namespace).map_err(Into::into).and_then(|inside| {
                if inside.run(|| ()).is_err() {
                    // Its making was cut off between the name and the namespace: nothing can be in it.
                    return Ok(());
                }
                // Agents first: what they run must not be started anew while it is removed.
                process::clear(&inside)?;
                host.map_or(Ok(()), |host| detach(name, host, &inside, program))
            }));
        }
        tell(wires::tear_up(name));
        for folder in [name.run_dir(), name.data_dir()] {
            if let Err(error) = fs::remove_dir_all(&folder)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tell(Err(error).with_context(|| format!("cannot remove {}", folder.display())));
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            bail!("the lab {name} is not gone: {}", failures.join("; "))
        }
    }

    /// Its name.
    pub fn name(&self) -> LabName {
        self.state.name.parse().expect("only valid names are written down")
    }

    /// The program that its server and agents run.
    pub fn program(&self) -> &Path {
        &self.state.program
    }

    /// Its hosts, edges last.
    pub fn hosts(&self) -> Vec<HostName> {
        self.state.hosts.iter().filter_map(|host| host.parse().ok()).collect()
    }

    /// Asks the API, from inside the server's namespace.
    pub fn api<T: Send>(&self, ask: impl FnOnce(&Client) -> Result<T, ClientError> + Send) -> Result<T> {
        let client = &self.client;
        Ok(self.hub.run(|| ask(client))??)
    }

    /// What another client needs to ask the API.
    pub fn client_file(&self) -> ClientFile {
        ClientFile {
            server: format!("http://{API}"),
            key_file: key_file(&self.name()),
            netns: self.name().hub(),
        }
    }

    /// The namespace of a host.
    pub fn host_namespace(&self, host: HostName) -> Result<Namespace> {
        Ok(Namespace::open(&self.name().host(&host))?)
    }

    /// The namespace of the client outside.
    pub fn outside_namespace(&self) -> Result<Namespace> {
        Ok(Namespace::open(&self.name().outside())?)
    }

    /// Where a host's agent keeps its data.
    pub fn host_data(&self, host: HostName) -> PathBuf {
        self.name().data_dir().join(host.to_string())
    }

    /// The server's or an agent's process.
    pub fn process(&self, role: &str) -> Result<&Process> {
        let found = self.state.processes.iter().rev().find(|process| process.role == role);
        found.with_context(|| format!("the lab {} has no {role}", self.state.name))
    }

    /// All processes that were started, the newest of each role.
    pub fn processes(&self) -> &[Process] {
        &self.state.processes
    }

    /// Starts the server again after it was ended, and waits until it answers.
    pub fn start_server(&mut self) -> Result<()> {
        let name = self.name();
        let server = Self::start_server_of(&self.state, &name, &self.hub)?;
        Self::client_of(&name, &self.hub, &server)?;
        self.remember(server)
    }

    /// Starts a host's agent again after it was ended.
    pub fn start_agent(&mut self, host: HostName) -> Result<()> {
        self.start_agent_with(host, None)
    }

    /// Sets an environment variable of what is started from now on.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.state.environment.retain(|(known, _)| known != name);
        self.state.environment.push((name.into(), value.into()));
    }

    /// Waits until the server hears all hosts.
    pub fn wait_for_hosts(&self, time: Duration) -> Result<()> {
        let deadline = Instant::now() + time;
        loop {
            let hosts = self.api(|client| client.all_hosts(&HostFilter::default()))?;
            let live = hosts.iter().filter(|host| host.state == HostState::Live).count();
            if live >= self.state.hosts.len() {
                return Ok(());
            }
            if let Some(process) = self.state.processes.iter().find(|process| !process.is_alive()) {
                bail!("{} ended:\n{}", process.role, process.log_tail(20));
            }
            if Instant::now() >= deadline {
                let logs: Vec<_> =
                    self.state.processes.iter().map(|p| format!("{}:\n{}", p.role, p.log_tail(5))).collect();
                bail!(
                    "only {live} of {} hosts are live after {time:?}\n{}",
                    self.state.hosts.len(),
                    logs.join("\n")
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Plugs or unplugs a host's underlay cable.
    pub fn set_underlay_cable(&self, host: HostName, plugged: bool) -> Result<()> {
        self.set_cable(wires::underlay_cable(&self.name(), host), plugged)
    }

    /// That a host's underlay cable carries packets to the hub and back.
    pub fn reaches_hub(&self, host: HostName) -> Result<()> {
        let mut ping = self.host_namespace(host)?.command("ping");
        let output = ping.args(["-c", "1", "-W", "1", &SERVER.to_string()]).output()?;
        ensure!(output.status.success(), "{host} does not reach the hub");
        Ok(())
    }

    /// Plugs or unplugs an edge's cable to the outside network.
    pub fn set_outside_cable(&self, edge: HostName, plugged: bool) -> Result<()> {
        self.set_cable(wires::outside_cable(&self.name(), edge), plugged)
    }

    fn set_cable(&self, device: String, plugged: bool) -> Result<()> {
        runtime()?.block_on(async {
            let links = Links::open_in(&self.hub)?;
            let index = links.index_of(&device).await?;
            if plugged {
                links.set_up(index).await?
            } else {
                links.set_down(index).await?
            }
            anyhow::Ok(())
        })
    }

    /// Removes devices and pins of a host whose processes are dead; what its disk holds stays.
    pub(crate) fn forget_kernel_state(&self, host: HostName) -> Result<()> {
        run_detach(&self.name(), host, &self.host_namespace(host)?, self.program(), &["--keep-data"])
    }

    fn start_agent_with(&mut self, host: HostName, token: Option<&str>) -> Result<()> {
        let name = self.name();
        let mut command = Command::new(&self.state.program);
        command.arg("agent").args(["--server", &format!("https://{SERVER}:{AGENTS_PORT}")]);
        command.args(["--underlay", &host.underlay().to_string(), "--name", &name.agent(&host)]);
        command.args(["--device-prefix", &name.prefix()]).arg("--data").arg(self.host_data(host));
        command.envs(self.state.environment.iter().cloned());
        if let Some(token) = token {
            // Not on the command line, which everybody on the machine can read.
            command.env("HAVIP_JOIN_TOKEN", token);
        }
        if host.outside().is_some() {
            command.args(["--edge", &wires::outside_device(&name)]);
        }
        let role = host.to_string();
        let log = name.run_dir().join(format!("logs/{role}.log"));
        let agent = Process::start(&role, &self.host_namespace(host)?, command, log)?;
        self.remember(agent)
    }

    fn start_server_of(state: &State, name: &LabName, hub: &Namespace) -> Result<Process> {
        let mut command = Command::new(&state.program);
        command.arg("server").args(["--listen", API, "--agents", &format!("{SERVER}:{AGENTS_PORT}")]);
        command.arg("--data").arg(name.data_dir().join("server"));
        command.arg("--admin-key-file").arg(key_file(name));
        command.envs(state.environment.iter().cloned());
        Process::start("server", hub, command, name.run_dir().join("logs/server.log"))
    }

    /// A client, once the server answers.
    fn client_of(name: &LabName, hub: &Namespace, server: &Process) -> Result<Client> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if key_file(name).exists() {
                let client = make_client(name)?;
                if hub.run(|| client.health())?.is_ok() {
                    return Ok(client);
                }
            }
            if !server.is_alive() || Instant::now() >= deadline {
                bail!("the server does not answer:\n{}", server.log_tail(20));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn remember(&mut self, process: Process) -> Result<()> {
        self.state.processes.retain(|known| known.role != process.role);
        self.state.processes.push(process);
        let folder = self.name().run_dir();
        write_whole(&folder.join("client.json"), &serde_json::to_vec_pretty(&self.client_file())?)?;
        write_whole(&folder.join("lab.json"), &serde_json::to_vec_pretty(&self.state)?)
    }
}

fn make_client(name: &LabName) -> Result<Client> {
    let file = key_file(name);
    let text = fs::read(&file).with_context(|| format!("cannot read the access key {}", file.display()))?;
    let key: KeyFile =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", file.display()))?;
    Ok(Client::new(Config { server: format!("http://{API}"), key, authority_pem: None })?)
}

/// Lets the program remove devices, pins and instances of an agent that no longer runs.
fn detach(name: &LabName, host: HostName, inside: &Namespace, program: &Path) -> Result<()> {
    run_detach(name, host, inside, program, &[])
}

fn run_detach(
    name: &LabName,
    host: HostName,
    inside: &Namespace,
    program: &Path,
    more: &[&str],
) -> Result<()> {
    let mut command = inside.command(program);
    command.args(["host", "detach", "--name", &name.agent(&host), "--device-prefix", &name.prefix()]);
    command.arg("--data").arg(name.data_dir().join(host.to_string())).args(more);
    let output = command.output().with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("{host} could not be detached: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn key_file(name: &LabName) -> PathBuf {
    name.run_dir().join("key.json")
}

/// Writes a file so that a crash leaves the old one or the new one.
fn write_whole(file: &Path, content: &[u8]) -> Result<()> {
    let fresh = file.with_extension("new");
    let failed = || format!("cannot write {}", file.display());
    fs::write(&fresh, content).with_context(failed)?;
    fs::rename(&fresh, file).with_context(failed)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")
}
