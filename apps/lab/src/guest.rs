//! A guest of a story: what it can be told to do, and what it sees.

use crate::{
    Lab, eventually,
    keepalived::{self, Keepalived},
    names::{HostName, LabName},
    socket,
};
use anyhow::{Context, Result, bail, ensure};
use havip_api::{Client, ClientError, Instance, InstanceState};
use havip_guest::{Outcome, Sandbox, Sandboxes};
use havip_model::InstanceId;
use havip_netlink::Namespace;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    ffi::{OsStr, OsString},
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::{Command, Stdio},
    time::Duration,
};

/// An instance of the lab, or the client outside.
pub struct Guest {
    /// Its id in the API; empty for the client outside.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its own address.
    pub address: Ipv4Addr,
    /// Its own IPv6 address, if its subnet has such.
    pub address6: Option<Ipv6Addr>,
    place: Place,
}

enum Place {
    /// Where its host's agent keeps it, and how the API is asked.
    Instance(Box<InLab>),
    Outside {
        lab: LabName,
    },
}

struct InLab {
    sandboxes: Sandboxes,
    instance: InstanceId,
    hub: Namespace,
    client: Client,
}

/// What a command in a guest printed and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Output {
    pub(crate) fn of(output: std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// What it printed, if it ended well.
    pub fn succeeded(self) -> Result<String> {
        ensure!(self.code == 0, "a command ended with {}: {}{}", self.code, self.stderr, self.stdout);
        Ok(self.stdout)
    }
}

impl Guest {
    /// The instance of this lab on this host.
    pub fn of(lab: &Lab, host: HostName, instance: &Instance) -> Result<Self> {
        let address = instance.address().context("the instance has no address")?;
        Ok(Self {
            id: instance.meta.id.clone(),
            name: instance.meta.name.clone(),
            address: address.parse().with_context(|| format!("{address} is no IPv4 address"))?,
            address6: instance.address6().map(str::parse).transpose().context("it has no IPv6 address")?,
            place: Place::Instance(Box::new(InLab {
                sandboxes: lab.sandboxes(host)?,
                instance: instance.meta.id.parse().context("the API shows an id that is none")?,
                hub: Namespace::open(&lab.name().hub())?,
                client: lab.api(|client| Ok(client.clone()))?,
            })),
        })
    }

    /// The client outside.
    pub fn outside(lab: &Lab, address: Ipv4Addr) -> Result<Self> {
        Ok(Self {
            id: String::new(),
            name: "outside".into(),
            address,
            address6: None,
            place: Place::Outside { lab: lab.name() },
        })
    }

    /// Its own address of the family of another one.
    pub fn address_like(&self, other: IpAddr) -> Result<IpAddr> {
        match other {
            IpAddr::V4(_) => Ok(self.address.into()),
            IpAddr::V6(_) => {
                self.address6.map(IpAddr::V6).with_context(|| format!("{} has no IPv6 address", self.name))
            }
        }
    }

    /// A command that will run inside, with the streams of this process.
    pub fn command<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<Command> {
        match &self.place {
            Place::Instance(_) => {
                let mut command = Command::new("nsenter");
                let pid = self.sandbox()?.pid().to_string();
                command.args(["--target", &pid, "--all", "--setuid=0", "--setgid=0", "--"]).args(words);
                Ok(command)
            }
            Place::Outside { lab } => {
                let [program, arguments @ ..] = words else { bail!("no command was given") };
                let mut command = Namespace::open(&lab.outside())?.command(program);
                command.args(arguments);
                Ok(command)
            }
        }
    }

    /// Runs a command inside and waits for its end.
    pub fn run<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<Output> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if let Place::Instance(_) = &self.place {
            let words: Vec<OsString> = words.iter().map(|word| word.as_ref().to_owned()).collect();
            let done = self.sandbox()?.exec(&words, b"", LONGEST)?;
            let code = if let Outcome::Exited(code) = done.outcome { code } else { -1 };
            return Ok(Output { code, stdout: text(&done.stdout), stderr: text(&done.stderr) });
        }
        let output = self.command(words)?.stdin(Stdio::null()).output();
        Ok(Output::of(output.context("cannot run a command outside")?))
    }

    /// Runs a line of shell that must succeed; returns what it printed.
    pub fn shell(&self, line: &str) -> Result<String> {
        let output = self.run(&["sh", "-c", line])?;
        ensure!(
            output.code == 0,
            "{}: `{line}` ended with {}: {}",
            self.name,
            output.code,
            output.stderr.trim()
        );
        Ok(output.stdout)
    }

    /// Its network namespace.
    pub fn network_namespace(&self) -> Result<Namespace> {
        Ok(match &self.place {
            Place::Instance(_) => Namespace::of_process(self.sandbox()?.pid())?,
            Place::Outside { lab } => Namespace::open(&lab.outside())?,
        })
    }

    /// Waits until its first process runs and its interface is up.
    pub fn wait_until_running(&self) -> Result<()> {
        eventually(START, || self.shell("ip link show dev eth0 up | grep -q eth0").map(drop))
    }

    /// Waits until its host says that it runs; a machine may still be booting then.
    pub fn wait_until_switched_on(&self) -> Result<()> {
        eventually(START, || {
            let instance = self.api(|client| client.instance(&self.id))?;
            let (state, reason) = (instance.state, instance.meta.reason);
            ensure!(state == InstanceState::Running, "{} is {state}: {}", self.name, reason);
            Ok(())
        })
    }

    /// Ports down and everything killed at once.
    pub fn power_off(&self) -> Result<()> {
        self.api(|client| client.power_off_instance(&self.id)).map(drop)
    }

    /// Its first process, or the QEMU of a machine, is killed on its host; nothing of Havip is asked.
    pub fn kill(&self) -> Result<()> {
        let pid = Pid::from_raw(self.sandbox()?.pid().cast_signed());
        kill(pid, Signal::SIGKILL).with_context(|| format!("cannot kill {}", self.name))
    }

    /// SIGTERM, then SIGKILL.
    pub fn stop(&self) -> Result<()> {
        self.api(|client| client.stop_instance(&self.id)).map(drop)
    }

    /// Starts it again, and waits until it runs.
    pub fn start(&self) -> Result<()> {
        self.api(|client| client.start_instance(&self.id))?;
        eventually(START, || {
            let state = self.api(|client| client.instance(&self.id))?.state;
            ensure!(state == InstanceState::Running, "{} is {state}", self.name);
            Ok(())
        })?;
        self.wait_until_running()
    }

    /// Starts Debian's nginx, which answers with `says`.
    pub fn serve(&self, says: &str) -> Result<()> {
        self.shell(&keepalived::nginx(says)).map(drop)
    }

    /// Starts Debian's keepalived.
    pub fn start_keepalived(&self, config: &Keepalived) -> Result<()> {
        self.begin("keepalived", &config.script())
    }

    /// Runs a script that starts something which goes on; what it prints is shown when a story fails.
    pub fn begin(&self, what: &str, script: &str) -> Result<()> {
        // Its streams must not be ours: the command would not end before what it started does.
        self.shell(&format!("mkdir -p {LOGS}; exec >>{LOGS}/{what}.log 2>&1 </dev/null\n{script}")).map(drop)
    }

    /// What [`Self::begin`] noted of this.
    pub fn log_of(&self, what: &str) -> Result<String> {
        self.shell(&format!("cat {LOGS}/{what}.log"))
    }

    /// What a URL answers now.
    pub fn fetch(&self, url: &str) -> Result<String> {
        let output = self.run(&["curl", "-s", "-m", "2", url])?;
        ensure!(output.code == 0, "{}: curl {url} ended with {}", self.name, output.code);
        Ok(output.stdout.trim().to_owned())
    }

    /// That a URL answers with `page` now.
    pub fn fetches(&self, url: &str, page: &str) -> Result<()> {
        let got = self.fetch(url)?;
        ensure!(got == page, "{} fetched {url} and got {got:?}, not {page:?}", self.name);
        Ok(())
    }

    /// Waits until a URL answers with `page`.
    pub fn eventually_fetches(&self, url: &str, page: &str, time: Duration) -> Result<String> {
        eventually(time, || self.fetches(url, page))?;
        Ok(page.to_owned())
    }

    /// Starts a web server on port 8080 that answers with the address it was asked from; for the client outside.
    pub fn serve_peer_address(&self) -> Result<()> {
        let Place::Outside { lab } = &self.place else {
            bail!("only the client outside serves peer addresses")
        };
        let folder = lab.run_dir().join("outside");
        fs::create_dir_all(&folder)?;
        let config = format!(
            "pid {0}/nginx.pid; error_log {0}/error.log; events {{}}
            http {{ access_log off; server {{ listen 8080; listen [::]:8080; location / {{ return 200 \"$remote_addr\\n\"; }} }} }}",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config)?;
        self.shell(&format!("nginx -c {}", file.display())).map(drop)
    }

    /// Starts a web server on port 8081 that has one file of so many bytes, `/file`.
    pub fn serve_file(&self, bytes: usize) -> Result<()> {
        let folder = match &self.place {
            Place::Outside { lab } => lab.run_dir().join("outside/file"),
            _ => "/srv/file".into(),
        };
        self.shell(&format!(
            "mkdir -p {0}/root /var/log/nginx /var/lib/nginx && head -c {bytes} /dev/zero > {0}/root/file && \
            chmod a+rX {0}/root {0}/root/file && echo 'pid {0}/pid; error_log {0}/log; user root; events {{}} \
            http {{ access_log off; server {{ listen 8081; root {0}/root; }} }}' > {0}/conf && nginx -c {0}/conf",
            folder.display()
        ))
        .map(drop)
    }

    /// Waits until its eth0 has this address.
    pub fn eventually_has_address(&self, address: impl Into<IpAddr>) -> Result<()> {
        let address = address.into();
        eventually(crate::PATIENCE, || {
            let shown = self.shell("ip -o address show dev eth0")?;
            ensure!(shown.contains(&format!(" {address}/")), "{} has no {address}", self.name);
            Ok(())
        })
    }

    /// Announces an address with so many gratuitous ARP requests, as arping does; it has the address meanwhile.
    pub fn announce_times(&self, address: Ipv4Addr, count: u8) -> Result<()> {
        // arping binds to the address first; on lo it disturbs nothing. Nobody answers an announcement, which
        // arping calls a failure.
        let line = format!(
            "ip address add {address}/32 dev lo 2>&1; arping -U -c {count} -w {count} -I eth0 {address}; \
             ip address del {address}/32 dev lo"
        );
        let output = self.run(&["sh", "-c", &line])?;
        ensure!(output.stdout.contains("Sent"), "{} could not announce: {}", self.name, output.stderr);
        Ok(())
    }

    /// Announces an address with one gratuitous ARP request, or one unsolicited neighbour advertisement.
    pub fn announce(&self, address: impl Into<IpAddr>) -> Result<()> {
        match address.into() {
            IpAddr::V4(address) => self.announce_times(address, 1),
            IpAddr::V6(address) => {
                self.shell(&format!("ndptool -t na -U -i eth0 -T {address} send")).map(drop)
            }
        }
    }

    /// Waits until an address answers a ping.
    pub fn pings(&self, address: impl Into<IpAddr>) -> Result<()> {
        let address = address.into();
        eventually(Duration::from_secs(5), || {
            let output = self.run(&["ping", "-c", "1", "-W", "1", &address.to_string()])?;
            ensure!(output.code == 0, "{} does not reach {address}: {}", self.name, output.stdout);
            Ok(())
        })
    }

    /// How many pings the guest's own kernel has been asked.
    pub fn pings_heard(&self) -> Result<u64> {
        let said = self.shell("cat /proc/net/snmp")?;
        let mut lines = said.lines().filter_map(|line| line.strip_prefix("Icmp: "));
        let (names, numbers) = lines.next().zip(lines.next()).context("the kernel counts ICMP")?;
        let found = names.split(' ').zip(numbers.split(' ')).find(|(name, _)| *name == "InEchos");
        Ok(found.context("it counts pings")?.1.parse()?)
    }

    /// Sends one VRRPv2 advert with the password of the guides.
    pub fn send_advert(&self, to: Ipv4Addr, vrid: u8, priority: u8, vip: Ipv4Addr) -> Result<()> {
        socket::send_advert(&self.network_namespace()?, to, vrid, priority, vip)
    }

    /// The end of its console log, and of the logs of what was started in it.
    pub fn console_tail(&self, lines: usize) -> String {
        let own = self.run(&["sh", "-c", &format!("tail -n {lines} {LOGS}/*.log 2>/dev/null")]);
        let console = match &self.place {
            Place::Instance(it) => it.sandboxes.console(it.instance, 100 * lines).unwrap_or_default(),
            Place::Outside { .. } => vec![],
        };
        String::from_utf8_lossy(&console).into_owned()
            + "\n"
            + &own.map(|output| output.stdout).unwrap_or_default()
    }

    fn sandbox(&self) -> Result<Sandbox> {
        let Place::Instance(it) = &self.place else { bail!("the client outside is no instance") };
        it.sandboxes.adopt(it.instance)?.with_context(|| format!("{} does not run", self.name))
    }

    fn api<T: Send>(&self, ask: impl FnOnce(&Client) -> Result<T, ClientError> + Send) -> Result<T> {
        let Place::Instance(it) = &self.place else { bail!("the client outside is no instance") };
        Ok(it.hub.run(|| ask(&it.client))??)
    }
}

/// Where everything that a story starts in a guest writes its log.
pub const LOGS: &str = "/var/log/story";
/// No command of a story takes longer.
const LONGEST: Duration = Duration::from_secs(60);
/// An instance starts within a second; a busy machine may need more.
const START: Duration = Duration::from_secs(15);
