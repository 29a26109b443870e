//! How much longer does a takeover take while another tenant's instance floods the claimant's host?
//!
//! Two guests on two hosts take a VIP from each other and a client on a third sends to it; a guest of another VPC
//! on the first host sends one kind of frame as fast as one thread can. Each kind takes turns with silence.

use anyhow::Result;
use clap::Parser;
use havip_benches::{
    interrupt, priority,
    report::{OURS, Report},
};
use havip_lab::{Flood, Setting, Takeover};
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::PathBuf,
    time::{Duration, Instant},
};

#[derive(Parser)]
struct Args {
    /// Takeovers per kind of noise, and as many without
    #[arg(long, default_value_t = 20)]
    trials: usize,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let mut report = Report::new("noise", "ms");
    let program = std::env::current_exe()?.with_file_name("havip");
    let setting = Setting::subnet("10.20.1.0/24").vip(&VIP.to_string());
    let mut scene = setting.guest_on("blue", 1).guest_on("green", 2).guest_on("client", 3).start(program)?;
    scene.associate(["blue", "green"])?;
    // Both have the address all the time, and take the VIP whenever they announce it.
    scene.follow_every_claim()?;
    let noisy = scene.add_noisy_vpc()?;
    let loud = scene["loud"].network_namespace()?;
    let mut takeover = Takeover::new(VIP, [&scene["blue"], &scene["green"]], &scene["client"])?;
    let kinds: Vec<&str> =
        noisy.kinds(havip_model::MacAddr::ZERO).into_iter().map(|(name, _)| name).collect();
    for kind in kinds.into_iter().chain(["everything"]) {
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut frames = (0, Duration::ZERO);
        for trial in 0..args.trials {
            eprint!("\r{kind}: trial {} of {}    ", trial + 1, args.trials);
            interrupt::check()?;
            values.entry("idle".into()).or_default().push(measured(&mut takeover)?);
            let flood = Flood::start(&loud, |mac| {
                match noisy.kinds(mac).into_iter().find(|(name, _)| *name == kind) {
                    Some((_, frames)) => frames,
                    None => noisy.everything(mac),
                }
            })?;
            let began = Instant::now();
            values.entry(OURS.into()).or_default().push(measured(&mut takeover)?);
            frames = (frames.0 + flood.sent(), frames.1 + began.elapsed());
        }
        let rate = frames.0 as f64 / frames.1.as_secs_f64() / 1000.0;
        report.row(&format!("{kind}, {rate:.0} k/s"), &values);
    }
    eprintln!();
    scene.went_well();
    report.finish(args.json.as_ref())
}

/// One takeover by a thread that runs before others; the flood's does not.
fn measured(takeover: &mut Takeover) -> Result<f64> {
    let time = std::thread::scope(|scope| {
        let measure = || {
            priority::rise()?;
            takeover.trial()
        };
        scope.spawn(measure).join().expect("a trial does not panic")
    })?;
    Ok(time.as_secs_f64() * 1000.0)
}

const VIP: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 100);
