//! How long is a VIP silent when its holder ends?
//!
//! Unmodified keepalived with the settings that the clouds publish (1 s, priorities 100 and 10; some with 254 and 253),
//! a client that asks every millisecond; ours in turns with the same guests on a plain Linux bridge.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use havip_api::UpdateVip;
use havip_benches::{
    interrupt,
    plain::Plain,
    post::Post,
    report::{OURS, Report},
};
use havip_lab::{
    Scene, Setting, eventually,
    keepalived::Keepalived,
    names::HostName,
    probe::{GRACE, Probe},
};
use std::{
    collections::BTreeMap,
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

#[derive(Parser)]
struct Args {
    /// Trials per case, each some 15 s
    #[arg(long, default_value_t = 6)]
    trials: usize,
    /// Only cases whose name contains this; may be repeated
    #[arg(long)]
    case: Vec<String>,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// How the holder ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    PowerOff,
    LinkDown,
    HostLost,
    GracefulStop,
    Killed,
}

/// One row.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    end: End,
    /// Of the holder and of the other.
    priorities: [u8; 2],
    /// The switch speaks for the dead.
    assist: bool,
}

const GUIDES: [u8; 2] = [100, 10];
const CLOSE: [u8; 2] = [254, 253];
const CASES: [Case; 9] = [
    Case { name: "power-off", end: End::PowerOff, priorities: GUIDES, assist: true },
    Case { name: "power-off, assist off", end: End::PowerOff, priorities: GUIDES, assist: false },
    Case { name: "power-off, 254/253", end: End::PowerOff, priorities: CLOSE, assist: true },
    Case { name: "link down", end: End::LinkDown, priorities: GUIDES, assist: true },
    Case { name: "host lost", end: End::HostLost, priorities: GUIDES, assist: true },
    Case { name: "host lost, assist off", end: End::HostLost, priorities: GUIDES, assist: false },
    Case { name: "host lost, 254/253", end: End::HostLost, priorities: CLOSE, assist: true },
    Case { name: "graceful stop", end: End::GracefulStop, priorities: GUIDES, assist: true },
    Case { name: "keepalived killed", end: End::Killed, priorities: GUIDES, assist: true },
];

impl Case {
    /// A bridge has no hosts to lose and nothing that could speak; without that it would be the same row again.
    fn has_baseline(&self) -> bool {
        self.end != End::HostLost && self.assist
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let mut report = Report::new("outage", "ms");
    let mut plain = Baseline::new()?;
    let mut ours = Ours::new()?;
    let wanted = |case: &Case| args.case.is_empty() || args.case.iter().any(|part| case.name.contains(part));
    for case in CASES.into_iter().filter(wanted) {
        let mut values = BTreeMap::<String, Vec<f64>>::new();
        ours.prepare(&case)?;
        plain.prepare(&case)?;
        for trial in 0..args.trials {
            interrupt::check()?;
            eprint!("\r{}: trial {} of {}      ", case.name, trial + 1, args.trials);
            values.entry(OURS.into()).or_default().push(ours.trial(&case)?);
            if case.has_baseline() {
                values.entry("bridge".into()).or_default().push(plain.trial(&case)?);
            }
        }
        report.row(case.name, &values);
    }
    eprintln!();
    ours.scene.went_well();
    report.finish(args.json.as_ref())
}

/// The outage in milliseconds that `act` causes, once the VIP is answered again.
fn measure(
    client: &Post,
    act: impl FnOnce() -> Result<()>,
    taken_over: impl Fn() -> Result<()>,
) -> Result<f64> {
    let probe = Probe::start(&client.namespace, VIP)?;
    eventually(PATIENCE, || {
        ensure!(probe.answered_since(Duration::ZERO), "the VIP is not answered before the event");
        Ok(())
    })?;
    let since = probe.now();
    act()?;
    eventually(PATIENCE, taken_over)?;
    let settled = probe.now();
    eventually(PATIENCE, || {
        ensure!(probe.answered_since(settled), "the VIP is not answered after the event");
        Ok(())
    })?;
    std::thread::sleep(2 * GRACE);
    Ok(probe.longest_outage_since(since).map_or(0.0, |outage| outage.length.as_secs_f64() * 1e3))
}

struct Ours {
    scene: Scene,
}

impl Ours {
    fn new() -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("havip");
        let scene = Setting::subnet("10.20.1.0/24")
            .vip(&VIP.to_string())
            .guests(["blue", "green", "client"])
            .start(program)?;
        scene.associate(["blue", "green"])?;
        // A trial comes less than 30 s after the one before, when both have just lost the VIP (rule C9).
        scene.follow_every_claim()?;
        Ok(Self { scene })
    }

    fn prepare(&self, case: &Case) -> Result<()> {
        let body = UpdateVip { assist: Some(case.assist), ..UpdateVip::default() };
        self.scene.settled(|client| client.update_vip(self.scene.vip_id(), &body))?;
        let (blue, green) = (&self.scene["blue"], &self.scene["green"]);
        // Of the case before; the first one has none.
        green.shell(
            "kill $(cat /run/keepalived.pid) 2>/dev/null; while pidof keepalived; do sleep 0.1; done; true",
        )?;
        let settings = Keepalived::secondary(green.address, blue.address, VIP);
        green.start_keepalived(&Keepalived { priority: case.priorities[1], ..settings })
    }

    fn trial(&mut self, case: &Case) -> Result<f64> {
        let (blue, green) = (&self.scene["blue"], &self.scene["green"]);
        let settings = Keepalived::primary(blue.address, green.address, VIP);
        blue.start_keepalived(&Keepalived { priority: case.priorities[0], ..settings })?;
        self.scene.eventually_held_by("blue")?;
        // The second burst of announcements comes a second after the first.
        std::thread::sleep(Duration::from_millis(1500));
        let client = Post { namespace: self.scene["client"].network_namespace()?, address: VIP };
        let act = || match case.end {
            End::PowerOff => blue.power_off(),
            End::LinkDown => blue.shell("ip link set eth0 down").map(drop),
            End::HostLost => self.scene.lab.lose_host(FIRST),
            End::GracefulStop => blue.shell("kill $(cat /run/keepalived.pid)").map(drop),
            End::Killed => blue.shell("kill -9 $(pidof keepalived)").map(drop),
        };
        let length = measure(&client, act, || self.scene.eventually_held_by("green"))?;
        match case.end {
            End::PowerOff => blue.start()?,
            End::HostLost => {
                self.scene.lab.boot_host(FIRST)?;
                self.scene.lab.wait_for_hosts(PATIENCE)?;
                self.scene["blue"].wait_until_running()?;
            }
            End::LinkDown | End::GracefulStop | End::Killed => {
                blue.stop()?;
                blue.start()?;
            }
        }
        Ok(length)
    }
}

/// The same keepalived in plain namespaces on a Linux bridge.
struct Baseline {
    plain: Plain,
    folder: tempfile::TempDir,
    running: [Option<Child>; 2],
    priorities: [u8; 2],
}

impl Baseline {
    fn new() -> Result<Self> {
        let guests = [11, 12, 13].map(|last| Ipv4Addr::new(10, 20, 1, last));
        let mut baseline = Self {
            plain: Plain::bridge(&guests, 1500)?,
            folder: tempfile::tempdir()?,
            running: [None, None],
            priorities: GUIDES,
        };
        baseline.start(1)?;
        Ok(baseline)
    }

    fn prepare(&mut self, case: &Case) -> Result<()> {
        if case.has_baseline() && self.priorities != case.priorities {
            self.priorities = case.priorities;
            if let Some(mut other) = self.running[1].take() {
                self.plain.posts[1].run(&["kill", &other.id().to_string()])?;
                other.wait()?;
            }
            self.start(1)?;
        }
        Ok(())
    }

    fn start(&mut self, which: usize) -> Result<()> {
        let [own, peer] = [which, 1 - which].map(|index| self.plain.posts[index].address);
        let config = match which {
            0 => Keepalived::primary(own, peer, VIP),
            _ => Keepalived::secondary(own, peer, VIP),
        };
        let config = Keepalived { priority: self.priorities[which], ..config };
        let file = |name: &str| self.folder.path().join(format!("{which}-{name}"));
        fs::write(file("conf"), config.config())?;
        let mut command = self.plain.posts[which].namespace.command("keepalived");
        command.args(["--dont-fork", "--log-console", "--vrrp", "--use-file"]).arg(file("conf"));
        command.arg("--pid").arg(file("pid")).arg("--vrrp_pid").arg(file("vrrp"));
        let log = fs::File::create(file("log"))?;
        let child = command.stdout(log.try_clone()?).stderr(log).stdin(Stdio::null()).spawn();
        self.running[which] = Some(child.context("cannot start keepalived")?);
        Ok(())
    }

    fn trial(&mut self, case: &Case) -> Result<f64> {
        self.start(0)?;
        let posts = self.plain.posts.clone();
        let holds = |post: &Post| -> Result<bool> {
            Ok(post.run(&["ip", "-4", "-o", "address", "show", "dev", "eth0"])?.contains(&VIP.to_string()))
        };
        eventually(PATIENCE, || {
            ensure!(holds(&posts[0])? && !holds(&posts[1])?, "the primary has not taken the VIP");
            Ok(())
        })?;
        std::thread::sleep(Duration::from_millis(1500));
        let pid = self.running[0].as_ref().context("keepalived was just started")?.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        // The children first: they would stop gracefully once the parent is dead.
        let kill_all = format!("kill -STOP {pid}; kill -9 {children} {pid}");
        let act = || -> Result<()> {
            let line = match case.end {
                // A machine without power: its link is down at the switch, and nothing of it runs.
                End::PowerOff | End::HostLost => format!("ip link set eth0 down; {kill_all}"),
                End::LinkDown => "ip link set eth0 down".to_owned(),
                End::GracefulStop => format!("kill {pid}"),
                End::Killed => kill_all,
            };
            posts[0].run(&["sh", "-c", &line]).map(drop)
        };
        let length = measure(&posts[2], act, || {
            ensure!(holds(&posts[1])?, "the secondary has not taken the VIP");
            Ok(())
        })?;
        let mut child = self.running[0].take().context("keepalived was just started")?;
        // It may have ended already.
        let _ = posts[0].run(&["sh", "-c", &format!("kill -9 {pid} {children} 2>/dev/null; true")]);
        child.wait()?;
        posts[0].run(&[
            "sh",
            "-c",
            &format!("ip address del {VIP}/32 dev eth0 2>/dev/null; ip link set eth0 up"),
        ])?;
        Ok(length)
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Blue's host.
const FIRST: HostName = HostName::Host(1);
const VIP: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 100);
const PATIENCE: Duration = Duration::from_secs(15);
