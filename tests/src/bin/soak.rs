//! The fault suite for as long as is wished: `cargo xtask soak --minutes N`.
//!
//! Storms of claims amid faults, and after each a failover of two keepalived. Watches what grows. Ends at the first
//! thing that is not as it must be, with the seed that brings it once more.

use anyhow::{Result, bail};
use clap::Parser;
use havip_tests::{
    faults::{Duel, Growth, Step, Storm, seed},
    program,
};
use serde_json::json;
use std::{
    fs,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

/// Lets everything die, in any order and combination, for so many minutes.
#[derive(Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak")]
struct Args {
    /// How long
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The steps of an earlier run, by the number that it printed
    #[arg(long)]
    seed: Option<u64>,
    /// VIPs that move in the storm
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u8).range(4..=100))]
    vips: u8,
    /// Write what came of it to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| seed(None));
    let mut soak = Soak { failovers_ms: vec![], growth: Growth::default(), told_at: Instant::now() };
    let mut report = json!({ "seed": seed, "minutes": args.minutes });
    let began_at = Instant::now();
    let outcome = soak.run(&args, seed, &mut report);
    report["seconds"] = json!(began_at.elapsed().as_secs());
    report["failovers"] = spread(&soak.failovers_ms);
    report["grown"] = soak
        .growth
        .all()
        .into_iter()
        .map(|grown| json!({ "what": grown.what, "before": grown.before, "after": grown.after }))
        .collect();
    report["failure"] = outcome.as_ref().err().map_or(json!(null), |error| json!(format!("{error:#}")));
    println!("{report:#}");
    let written = args.json.map_or(Ok(()), |file| fs::write(file, format!("{report:#}\n")));
    match (outcome, written) {
        (Ok(()), Ok(())) => ExitCode::SUCCESS,
        (Err(error), _) => {
            eprintln!("soak: {error:#}\nsoak: --seed {seed} brings the same steps once more");
            ExitCode::FAILURE
        }
        (Ok(()), Err(error)) => {
            eprintln!("soak: the JSON could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Soak {
    failovers_ms: Vec<f64>,
    growth: Growth,
    told_at: Instant,
}

impl Soak {
    fn run(&mut self, args: &Args, seed: u64, report: &mut serde_json::Value) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(60 * args.minutes);
        let mut storm = Storm::start(program(), seed, args.vips.into())?;
        let mut duel = Duel::start(program(), seed, Some(10))?;
        let mut outcome = Ok(());
        while outcome.is_ok() && Instant::now() < until {
            outcome = self.turn(&mut storm, &mut duel, until);
        }
        let figures = storm.figures();
        report["steps"] = json!(figures.steps);
        report["claims"] = json!(figures.claims);
        report["settled"] = json!(figures.settled);
        report["followed"] = spread(&figures.followed_ms);
        report["agreed"] = spread(&figures.agreed_ms);
        outcome?;
        match &self.growth.suspicious()[..] {
            [] => Ok(()),
            grown => bail!("this grows: {grown:?}"),
        }
    }

    fn turn(&mut self, storm: &mut Storm, duel: &mut Duel, until: Instant) -> Result<()> {
        if storm.step()? == Step::Settle {
            self.growth.sample(&storm.scene)?;
            self.failovers_ms.push(duel.round()?.as_secs_f64() * 1000.0);
        }
        if self.told_at.elapsed() >= Duration::from_secs(5) {
            self.told_at = Instant::now();
            let figures = storm.figures();
            println!(
                "{:>5} s to go: {} steps, {} claims, {} failovers of keepalived, whole {} times, server {} MiB",
                until.saturating_duration_since(Instant::now()).as_secs(),
                figures.steps,
                figures.claims,
                self.failovers_ms.len(),
                figures.settled,
                storm.scene.memory_kib("server").unwrap_or_default() >> 10,
            );
        }
        Ok(())
    }
}

/// The middle, the last of a hundred, and the greatest, in milliseconds.
fn spread(values: &[f64]) -> serde_json::Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((sorted.len().saturating_sub(1) as f64 * share).round() as usize);
    json!({ "count": sorted.len(), "median_ms": at(0.5), "p99_ms": at(0.99), "most_ms": sorted.last() })
}
