//! `cargo xtask fuzz`: the switch against random and mutated frames, and the decoders against random bytes, guided by
//! coverage.

use crate::process::{cargo, is_installed, run_visibly};
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::process::Command;

/// Which targets, for how long.
#[derive(clap::Args)]
pub struct Args {
    /// `switch`, or a file of fuzz/fuzz_targets without its ending; all of them if none is named
    target: Option<String>,
    /// How long each decoder runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// How many frames the switch is given
    #[arg(long, default_value_t = 10_000_000)]
    frames: u64,
    /// What the switch's frames are made from: the same number makes the same frames [default: another each time]
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs one target, or each in turn.
pub fn run(args: &Args) -> Result<()> {
    let known = targets()?;
    if args.target.as_deref().is_none_or(|target| target == SWITCH) {
        give_switch(args)?;
    }
    let chosen = match &args.target {
        Some(name) if name == SWITCH => return Ok(()),
        Some(name) if known.contains(name) => vec![name.clone()],
        Some(name) => bail!("there is no fuzz target {name:?}; there are: {SWITCH}, {}", known.join(", ")),
        None => known,
    };
    if !is_installed("cargo-fuzz") {
        bail!(
            "fuzzing decoders needs nightly Rust and cargo-fuzz (rustup toolchain install nightly; cargo install cargo-fuzz); \
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

/// The programs in the kernel, which need root and no nightly.
const SWITCH: &str = "switch";

/// Runs the test of random frames for longer.
fn give_switch(args: &Args) -> Result<()> {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let seed = args.seed.unwrap_or(clock.as_nanos() as u64);
    let mut test = cargo();
    test.current_dir(workspace::root())
        .args([
            "test",
            "--release",
            "--package",
            "havip-switch",
            "--test",
            "wall",
            "--",
            "--nocapture",
            "no_frame_at_all",
        ])
        .env("HAVIP_FUZZ_FRAMES", args.frames.to_string())
        .env("HAVIP_FUZZ_SEED", seed.to_string());
    run_visibly(&format!("giving the switch {} frames (--seed {seed})", args.frames), &mut test)
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
