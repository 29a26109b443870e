//! How many VIPs a second does the server make, durably and programmed on a host, and what do 10 000 cost?

use anyhow::{Result, ensure};
use clap::Parser;
use havip_api::{CreateVip, Status, VipFilter};
use havip_benches::{
    crowd, interrupt,
    memory::{maps_mib, resident_mib},
    report::{OURS, Report},
};
use havip_lab::{Setting, eventually};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

#[derive(Parser)]
struct Args {
    /// VIPs to make
    #[arg(long, default_value_t = 10_000)]
    vips: usize,
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
    let setting = Setting::subnet("10.20.64.0/18").hosts(1).guests(["anybody"]);
    let scene = crowd::without_quotas(setting).start(program)?;
    let began = Instant::now();
    let body = CreateVip { subnet: scene.subnet.clone(), ..CreateVip::default() };
    crowd::by_clients(&scene.lab, args.vips, |client, _| client.create_vip(&body))?;
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
