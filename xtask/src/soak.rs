//! `cargo xtask soak --minutes N`: everything dies, in any order, while VIPs move, for as long as is wished.

use crate::packages::Purpose;
use crate::process::{cargo, run_visibly};
use crate::{prepare, workspace};
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// How long, and what again.
#[derive(clap::Args)]
pub struct Args {
    /// Minutes
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The steps of an earlier run, by the number that it printed
    #[arg(long)]
    seed: Option<u64>,
    /// VIPs that move in the storm: 4 to 100
    #[arg(long, default_value_t = 24)]
    vips: u8,
    /// Write what came of it to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Prepares, builds havip and the soak in release mode, and becomes the soak; its exit code says how it went.
pub fn run(args: &Args) -> Result<()> {
    prepare::run(Purpose::Test)?;
    let build = ["build", "--release", "--package", "havip", "--package", "havip-tests", "--bins"];
    run_visibly("building havip and the soak", cargo().args(build))?;
    let release = workspace::target_directory()?.join("release");
    let mut soak = Command::new(release.join("soak"));
    soak.args(["--minutes", &args.minutes.to_string(), "--vips", &args.vips.to_string()]);
    soak.args(args.seed.map(|seed| format!("--seed={seed}")));
    if let Some(file) = &args.json {
        soak.arg("--json").arg(file);
    }
    let error = soak.env("HAVIP_BIN", release.join("havip")).exec();
    Err(error).context("could not run the soak")
}
