//! `cargo xtask fuzz`: the decoders against random bytes, guided by coverage.

use crate::process::{is_installed, run_visibly};
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::process::Command;

/// Which targets, for how long.
#[derive(clap::Args)]
pub struct Args {
    /// A file of fuzz/fuzz_targets without its ending; all of them if none is named
    target: Option<String>,
    /// How long each one runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Runs one target, or each in turn.
pub fn run(args: &Args) -> Result<()> {
    let known = targets()?;
    let chosen = match &args.target {
        Some(name) if known.contains(name) => vec![name.clone()],
        Some(name) => bail!("there is no fuzz target {name:?}; there are: {}", known.join(", ")),
        None => known,
    };
    if !is_installed("cargo-fuzz") {
        bail!(
            "fuzzing needs nightly Rust and cargo-fuzz (rustup toolchain install nightly; cargo install cargo-fuzz); \
             on stable the same targets run as property tests: PROPTEST_CASES=100000 cargo xtask test random_bytes"
        );
    }
    for target in chosen {
        let limit = format!("-max_total_time={}", args.seconds);
        let mut fuzz = Command::new("cargo");
        fuzz.current_dir(workspace::root()).args(["+nightly", "fuzz", "run", &target, "--", &limit]);
        run_visibly(&format!("fuzzing {target} for {} s", args.seconds), &mut fuzz)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz/fuzz_targets");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
