//! `cargo xtask test`: every test, with nextest where it is installed.

use crate::packages::Purpose;
use crate::process::{cargo, is_installed, run_visibly};
use crate::{kernels, prepare, schemathesis, sdks};
use anyhow::Result;

/// Which tests.
#[derive(clap::Args)]
pub struct Args {
    /// Only tests whose name contains this
    filter: Option<String>,
}

/// Prepares, then runs every test; with a filter only those of Rust that match.
pub fn run(args: &Args) -> Result<()> {
    prepare::run(Purpose::Test)?;
    kernels::machine()?;
    // The system tests spawn the binary, so it must be there and new; with the tests, as it alone would be built
    // with other features of what they share, all of it twice.
    run_visibly("building havip and its tests", cargo().args(["build", "--workspace", "--all-targets"]))?;
    match is_installed("cargo-nextest") {
        true => with_nextest(args)?,
        false => with_cargo(args)?,
    }
    match args.filter {
        Some(_) => Ok(()),
        None => kernels::all().and_then(|()| schemathesis::run()).and_then(|()| sdks::run()),
    }
}

/// Every hook test once more with clsact, as on kernels that have no tcx (before 6.6).
fn on_clsact(words: &[&str]) -> Result<()> {
    let mut hooks = cargo();
    hooks.args(words).arg("--no-fail-fast").env("HAVIP_ATTACH", "clsact");
    run_visibly("hook tests on clsact", &mut hooks)
}

/// Prepares and runs only the part that asks the API at random.
pub fn api() -> Result<()> {
    prepare::run(Purpose::Test)?;
    run_visibly("building havip", cargo().args(["build", "--package", "havip"]))?;
    schemathesis::run()
}

/// Prepares and runs only the clouds' own SDKs.
pub fn clouds() -> Result<()> {
    prepare::run(Purpose::Test)?;
    run_visibly("building havip", cargo().args(["build", "--package", "havip"]))?;
    sdks::run()
}

fn with_nextest(args: &Args) -> Result<()> {
    let mut nextest = cargo();
    nextest.args(["nextest", "run", "--workspace", "--no-fail-fast"]).args(&args.filter);
    if args.filter.is_some() {
        nextest.arg("--no-tests=warn");
    }
    run_visibly("tests", &mut nextest)?;
    // nextest leaves the examples in the documentation to cargo.
    match args.filter {
        Some(_) => Ok(()),
        None => {
            // Chosen out of all packages: alone, the switch would be built with other features.
            on_clsact(&["nextest", "run", "--workspace", "--filterset", "package(havip-switch)"])?;
            run_visibly(
                "examples in the documentation",
                cargo().args(["test", "--workspace", "--doc", "--quiet"]),
            )
        }
    }
}

/// Stories of the lab start many processes each, so they run two at a time as in `.config/nextest.toml`; here
/// everything does, as a choice of packages would build what they share with other features.
fn with_cargo(args: &Args) -> Result<()> {
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--no-fail-fast"]).args(&args.filter).env("RUST_TEST_THREADS", "2");
    run_visibly("tests", &mut tests)?;
    match args.filter {
        Some(_) => Ok(()),
        None => on_clsact(&["test", "--package", "havip-switch"]),
    }
}
