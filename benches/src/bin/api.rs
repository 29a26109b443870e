//! How many VIPs a second does the server make, durably and programmed on a host, and what do 10 000 cost?

use anyhow::{Context, Result, ensure};
use clap::Parser;
use havip_api::{CreateVip, Status, VipFilter};
use havip_benches::{
    interrupt,
    report::{OURS, Report},
};
use havip_lab::{Setting, eventually};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

#[derive(Parser)]
struct Args {
    /// VIPs to make
    #[arg(long, default_value_t = 10_000)]
    vips: usize,
    /// Clients at the same time
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Listings of all VIPs
    #[arg(long, default_value_t = 20)]
    listings: usize,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let program = std::env::current_exe()?.with_file_name("havip");
    let scene = Setting::subnet("10.20.64.0/18")
        .hosts(1)
        .guests(["anybody"])
        .environment("HAVIP_SERVER_QUOTAS__VIPS_PER_VPC", "1000000")
        .environment("HAVIP_SERVER_QUOTAS__VIPS_PER_PROJECT", "1000000")
        .start(program)?;
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    scene.lab.api(|client| {
        std::thread::scope(|scope| {
            let make = || -> Result<()> {
                // Threads begin in the namespace of the one that starts them: the server's.
                while next.fetch_add(1, Ordering::Relaxed) < args.vips {
                    interrupt::check()?;
                    let body = CreateVip { subnet: scene.subnet.clone(), ..CreateVip::default() };
                    client.create_vip(&body)?;
                }
                Ok(())
            };
            let threads: Vec<_> = (0..args.clients).map(|_| scope.spawn(make)).collect();
            let ends = threads.into_iter().map(|thread| thread.join().expect("a client does not panic"));
            Ok(ends.collect::<Result<Vec<()>>>())
        })
    })??;
    let created = began.elapsed();
    let last = eventually(Duration::from_secs(60), || {
        let vips = scene.lab.api(|client| client.all_vips(&VipFilter::default()))?;
        ensure!(vips.len() >= args.vips, "only {} VIPs are listed", vips.len());
        ensure!(vips.iter().all(|vip| vip.meta.status == Status::Available), "not all VIPs are available");
        Ok(began.elapsed())
    })?;
    let mut report = Report::new("api", "the unit of each case");
    let mut row =
        |case: &str, values: Vec<f64>| report.row(case, &BTreeMap::from([(OURS.to_owned(), values)]));
    row("VIPs created per second", vec![args.vips as f64 / created.as_secs_f64()]);
    row("…and programmed, per second", vec![args.vips as f64 / last.as_secs_f64()]);
    let mut listings = vec![];
    for _ in 0..args.listings {
        let began = Instant::now();
        scene.lab.api(|client| client.all_vips(&VipFilter::default()))?;
        listings.push(began.elapsed().as_secs_f64() * 1e3);
    }
    row(&format!("listing {} VIPs, ms", args.vips), listings);
    for role in ["server", "h1"] {
        row(&format!("memory of {role}, MiB"), vec![resident_mib(scene.lab.process(role)?.pid)?]);
    }
    row("memory of h1's maps, MiB", vec![maps_mib(scene.lab.process("h1")?.pid)?]);
    scene.went_well();
    report.finish(args.json.as_ref())
}

/// The memory of all BPF maps that a process has open, as the kernel counts it.
fn maps_mib(pid: i32) -> Result<f64> {
    let mut maps = BTreeMap::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // A descriptor may be closed between the list and the look.
        let Ok(text) = std::fs::read_to_string(entry?.path()) else { continue };
        let field = |name: &str| -> Option<u64> {
            text.lines().find_map(|line| line.strip_prefix(name)).and_then(|value| value.trim().parse().ok())
        };
        if let (Some(id), Some(bytes)) = (field("map_id:"), field("memlock:")) {
            maps.insert(id, bytes);
        }
    }
    ensure!(!maps.is_empty(), "the agent has no BPF map open");
    Ok(maps.values().sum::<u64>() as f64 / f64::from(1 << 20))
}

/// The resident memory of a process.
fn resident_mib(pid: i32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
