//! How many VIPs a second does the server make, durably and programmed on a host, what do 10 000 cost, and what do the
//! clouds' APIs cost beside the native one?

use anyhow::{Result, ensure};
use clap::Parser;
use havip_api::{CreateVip, KeyFile, Status, VipFilter};
use havip_benches::{
    clouds::{self, Api, Connection},
    crowd, interrupt,
    memory::{maps_mib, resident_mib},
    report::{OURS, Report},
};
use havip_lab::{Scene, Setting, eventually};
use std::{
    collections::{BTreeMap, BTreeSet},
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
    /// VIPs to make by each API, by 16 clients at once
    #[arg(long, default_value_t = 2000)]
    by_each: usize,
    /// Reads of one VIP by each API and each of 64 clients
    #[arg(long, default_value_t = 40)]
    reads: usize,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let program = std::env::current_exe()?.with_file_name("havip");
    let setting = Setting::subnet("10.20.128.0/17").hosts(1).guests(["anybody"]);
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
    all_apis(&scene, &args, &mut report)?;
    scene.went_well();
    report.finish(args.json.as_ref())
}

/// The same by every API, the native one as the baseline: 64 clients that read, 16 that create.
fn all_apis(scene: &Scene, args: &Args, report: &mut Report) -> Result<()> {
    let vips = scene.lab.api(|client| client.all_vips(&VipFilter::default()))?;
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    // All APIs take turns on each connection, so that they meet the same load.
    let read = by_connections(scene, READERS, |connection, reader| {
        let mut times = vec![];
        for turn in 0..args.reads {
            interrupt::check()?;
            for (position, api) in clouds::ALL.into_iter().enumerate() {
                let vip = &vips[(reader * 997 + turn * 31 + position) % vips.len()].meta.id;
                let began = Instant::now();
                connection.read(api, vip)?;
                times.push((name(api), began.elapsed().as_secs_f64() * 1e3));
            }
        }
        Ok(times)
    })?;
    for (who, time) in read.into_iter().flatten() {
        times.entry(who).or_default().push(time);
    }
    report.row(&format!("one of {} VIPs, {READERS} clients, ms", vips.len()), &times);

    let mut rates: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let part = args.by_each / WRITERS / ROUNDS;
    for api in clouds::ALL.repeat(ROUNDS) {
        let began = Instant::now();
        by_connections(scene, WRITERS, |connection, _| {
            (0..part).try_for_each(|_| connection.create(api, &scene.vpc, &scene.subnet))
        })?;
        let rate = (part * WRITERS) as f64 / began.elapsed().as_secs_f64();
        rates.entry(name(api)).or_default().push(rate);
    }
    report.row("VIPs created per second, by each API", &rates);
    let now = scene.lab.api(|client| client.all_vips(&VipFilter::default()))?;
    let expected = vips.len() + part * WRITERS * ROUNDS * clouds::ALL.len();
    ensure!(now.len() == expected, "{} VIPs are there, {expected} were made", now.len());
    let addresses: BTreeSet<_> = now.iter().map(|vip| &vip.address).collect();
    ensure!(addresses.len() == now.len(), "two VIPs have the same address");
    Ok(())
}

/// Lets so many clients work at once, each on a connection of its own.
fn by_connections<T: Send>(
    scene: &Scene,
    count: usize,
    work: impl Fn(&mut Connection, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let file = scene.lab.client_file();
    let key: KeyFile = serde_json::from_slice(&std::fs::read(&file.key_file)?)?;
    let host = file.server.trim_start_matches("http://");
    let one = |index| work(&mut Connection::open(host, &key)?, index);
    let done = scene.lab.api(|_| {
        // Threads begin in the namespace of the one that starts them: the server's.
        Ok(std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || one(index))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a client does not panic")).collect()
        }))
    })?;
    let done: Vec<Result<T>> = done;
    done.into_iter().collect()
}

fn name(api: Api) -> String {
    match api {
        Api::Native => OURS.to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

const READERS: usize = 64;
const WRITERS: usize = 16;
/// Each API makes its VIPs in as many parts, in turn with the others.
const ROUNDS: usize = 5;
