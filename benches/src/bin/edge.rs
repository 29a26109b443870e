//! How long is an EIP silent when the edge that serves it ends?
//!
//! Two edges, a machine outside that asks the EIP every millisecond, and an instance that answers as the VIP behind
//! it. The edge that serves loses its power, its cable to the outside, or its cable to the underlay; the other one
//! takes over and announces the EIP outside. Then the lost one is whole again, and the next trial is the other's.

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use havip_benches::{
    interrupt,
    report::{OURS, Report},
};
use havip_lab::{
    Scene, Setting, Watch, eventually,
    names::HostName,
    probe::{GRACE, Probe},
};
use havip_netlink::Namespace;
use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf, time::Duration};

#[derive(Parser)]
struct Args {
    /// Trials per case, each some 5 s
    #[arg(long, default_value_t = 10)]
    trials: usize,
    /// Only this case; may be repeated
    #[arg(long, value_enum)]
    case: Vec<End>,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// How the edge ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum End {
    PowerOff,
    OutsideCable,
    UnderlayCable,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let mut edges = Edges::new()?;
    let mut report = Report::new("edge", "ms");
    for end in End::value_variants() {
        if !args.case.is_empty() && !args.case.contains(end) {
            continue;
        }
        let name = end.to_possible_value().context("every case has a name")?.get_name().replace('-', " ");
        let mut values = BTreeMap::<String, Vec<f64>>::new();
        for trial in 0..args.trials {
            interrupt::check()?;
            eprint!("\r{name}: trial {} of {}      ", trial + 1, args.trials);
            values.entry(OURS.into()).or_default().push(edges.trial(*end)?);
        }
        report.row(&name, &values);
    }
    eprintln!();
    edges.scene.went_well();
    report.finish(args.json.as_ref())
}

struct Edges {
    scene: Scene,
    watch: Watch,
    eip: Ipv4Addr,
    outside: Namespace,
    /// Each edge and its MAC outside.
    macs: [(HostName, String); 2],
}

impl Edges {
    fn new() -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("havip");
        let scene = Setting::subnet("10.20.1.0/24")
            .vip(&VIP.to_string())
            .guests(["blue", "green", "client"])
            .edges(2)
            .start(program)?;
        scene.associate(["blue", "green"])?;
        let eip = scene.bind_eip(scene.vip_id())?;
        scene["blue"].shell(&format!("ip address replace {VIP}/32 dev eth0"))?;
        scene["blue"].herald()?.announce(VIP)?;
        scene.eventually_held_by("blue")?;
        let device = scene.lab.name().device("out");
        let mac_of = |edge| -> Result<(HostName, String)> {
            let mut command = scene.lab.host_namespace(edge)?.command("ip");
            let output = command.args(["-o", "link", "show", "dev", &device]).output()?;
            let said = String::from_utf8_lossy(&output.stdout);
            let mac = said.split("link/ether ").nth(1).and_then(|rest| rest.split(' ').next());
            Ok((edge, mac.with_context(|| format!("{edge} has no device {device}"))?.to_owned()))
        };
        let macs = [mac_of(HostName::Edge(1))?, mac_of(HostName::Edge(2))?];
        let watch = Watch::start(&scene.lab, [ONLOOKER], LOOK)?;
        let outside = scene.outside()?.network_namespace()?;
        Ok(Self { scene, watch, eip, outside, macs })
    }

    /// The edge whose record of the EIP a host that loses nothing has.
    fn serving(&self) -> Result<HostName> {
        let (mac, _) = self.watch.until(PATIENCE, |view| {
            let held = view.held(ONLOOKER, self.eip).filter(|held| !held.released);
            Ok(held.context("nobody serves the EIP")?.mac.clone())
        })?;
        let edge = self.macs.iter().find(|(_, own)| *own == mac).context("no edge has the MAC of the EIP")?;
        Ok(edge.0)
    }

    /// The outage in milliseconds, as the machine outside sees it.
    fn trial(&mut self, end: End) -> Result<f64> {
        let edge = self.serving()?;
        let probe = Probe::start(&self.outside, self.eip)?;
        eventually(PATIENCE, || {
            ensure!(probe.answered_since(Duration::ZERO), "the EIP is not answered before the event");
            Ok(())
        })?;
        let since = probe.now();
        match end {
            End::PowerOff => self.scene.lab.lose_host(edge)?,
            End::OutsideCable => self.scene.lab.set_outside_cable(edge, false)?,
            End::UnderlayCable => self.scene.lab.set_underlay_cable(edge, false)?,
        }
        eventually(PATIENCE, || {
            ensure!(self.serving()? != edge, "{edge} still serves the EIP");
            Ok(())
        })?;
        let passed = probe.now();
        eventually(PATIENCE, || {
            ensure!(probe.answered_since(passed), "the EIP is not answered after the event");
            Ok(())
        })?;
        std::thread::sleep(2 * GRACE);
        let outage = probe.longest_outage_since(since);
        match end {
            End::PowerOff => self.scene.lab.boot_host(edge)?,
            End::OutsideCable => self.scene.lab.set_outside_cable(edge, true)?,
            End::UnderlayCable => self.scene.lab.set_underlay_cable(edge, true)?,
        }
        self.scene.lab.wait_for_hosts(PATIENCE)?;
        // The one that was lost is known to be alive again, and may take over from the other.
        eventually(PATIENCE, || {
            let lost = self.scene.lost_for(ONLOOKER)?;
            ensure!(!lost.values().any(|lost| *lost), "{edge} is not heard again");
            Ok(())
        })?;
        std::thread::sleep(SETTLED);
        Ok(outage.map_or(0.0, |outage| outage.length.as_secs_f64() * 1e3))
    }
}

/// Blue's host, which sees who serves the EIP.
const ONLOOKER: HostName = HostName::Host(1);
const VIP: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 100);
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks at the onlooker's records.
const LOOK: Duration = Duration::from_millis(5);
/// A carrier that is back is seen within a second, by an edge that was whole before.
const SETTLED: Duration = Duration::from_millis(1500);
