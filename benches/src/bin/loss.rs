//! How long until all hosts agree about a VIP that has moved, while a third of what they tell each other is lost?
//!
//! Some VIPs on three hosts, each taken by two guests in turns with one gratuitous ARP; what is lost is what arrives.
//! Nobody is taken for lost and nobody is spoken for: only claims move a VIP. In periods of one second, as hosts
//! compare their records once a second.

use anyhow::{Result, ensure};
use clap::Parser;
use havip_benches::{
    interrupt,
    report::{OURS, Report},
    stats::quantile,
};
use havip_lab::{Moved, Setting, Turns};
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Parser)]
struct Args {
    /// Moves per case
    #[arg(long, default_value_t = 1000)]
    moves: usize,
    /// VIPs that move at the same time
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u8).range(1..=100))]
    vips: u8,
    /// Of a hundred messages so many are lost
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(0..=100))]
    share: u8,
    /// Write the results to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    interrupt::heed()?;
    let program = std::env::current_exe()?.with_file_name("havip");
    let scene = Setting::subnet("10.20.1.0/24")
        .guests(["blue", "green", "red"])
        .environment("HAVIP_SERVER_QUOTAS__VIPS_PER_VPC", "200")
        .environment("HAVIP_SERVER_QUOTAS__VIPS_PER_PROJECT", "200")
        .environment("HAVIP_SERVER_QUOTAS__VIPS_PER_INSTANCE", "200")
        .start(program)?;
    let mut turns = Turns::new(&scene, &["blue", "green", "red"], args.vips)?;
    let mut report = Report::new("loss", "s = periods");
    let share = args.share;
    let mut tails = vec![];
    for (case, lost, connections) in [
        ("nothing lost".to_owned(), 0, false),
        (format!("{share} % of messages lost"), share, false),
        (format!("{share} %, connections too"), share, true),
    ] {
        scene.lose_announcements(3, lost, connections)?;
        let moved = turns.run(args.moves, |done| {
            eprint!("\r{case}: move {done} of {}    ", args.moves);
            interrupt::check()
        })?;
        eprintln!();
        scene.lose_nothing(3)?;
        let late = moved.iter().filter(|moved| moved.agreed_after.is_none()).count();
        ensure!(late == 0, "{case}: after {late} of {} moves the hosts did not agree at all", moved.len());
        let seconds = seconds(&moved);
        let [p99, p999] = [0.99, 0.999].map(|share| quantile(&seconds, share).unwrap_or_default());
        tails.push(format!("{case}: p99 {p99:.3}, p99.9 {p999:.3}"));
        report.row(&case, &BTreeMap::from([(OURS.to_owned(), seconds)]));
    }
    report.finish(args.json.as_ref())?;
    println!("{}\nno host's record ever went backwards", tails.join("\n"));
    Ok(())
}

fn seconds(moved: &[Moved]) -> Vec<f64> {
    moved.iter().filter_map(|moved| moved.agreed_after).map(|after| after.as_secs_f64()).collect()
}
