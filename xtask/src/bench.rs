//! `cargo xtask bench NAME`: one question, the baseline in the same run.

use crate::packages::Purpose;
use crate::process::{cargo, run_visibly};
use crate::{prepare, workspace};
use anyhow::{Context, Result, bail};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Which bench.
#[derive(clap::Args)]
pub struct Args {
    /// A binary of the folder benches
    name: String,
    /// Handed on to the bench
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Prepares, builds havip and the bench in release mode, and becomes the bench.
pub fn run(args: &Args) -> Result<()> {
    let names = names()?;
    if !names.contains(&args.name) {
        bail!("there is no bench {:?}; there are: {}", args.name, names.join(", "));
    }
    prepare::run(Purpose::Bench)?;
    let build = ["build", "--release", "--package", "havip", "--package", "havip-benches"];
    run_visibly("building havip and the benches", cargo().args(build))?;
    let bench = workspace::target_directory()?.join("release").join(&args.name);
    let error = Command::new(&bench).args(&args.arguments).current_dir(workspace::root()).exec();
    Err(error).with_context(|| format!("could not run {}", bench.display()))
}

/// The binaries of the folder benches.
fn names() -> Result<Vec<String>> {
    let metadata = workspace::metadata()?;
    let benches = metadata.packages.iter().find(|package| package.name.as_str() == "havip-benches");
    let targets = benches.map(|package| package.targets.as_slice()).unwrap_or_default();
    Ok(targets.iter().filter(|target| target.is_bin()).map(|target| target.name.clone()).collect())
}
