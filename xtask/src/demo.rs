//! `cargo xtask demo`: from a fresh checkout to a failover before your eyes.

use crate::packages::Purpose;
use crate::process::{cargo, run_visibly};
use crate::{prepare, workspace};
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What the demo takes.
#[derive(clap::Args)]
pub struct Args {
    /// Handed on to `havip demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Prepares, builds, and becomes `havip demo`.
pub fn run(args: &Args) -> Result<()> {
    prepare::run(Purpose::Demo)?;
    run_visibly("building havip", cargo().args(["build", "--release", "--package", "havip"]))?;
    let havip = workspace::target_directory()?.join("release/havip");
    let error = Command::new(&havip).arg("demo").args(&args.arguments).exec();
    Err(error).with_context(|| format!("could not run {}", havip.display()))
}
