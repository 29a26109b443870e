//! The project's own commands: `cargo xtask demo`, `test`, `bench`, `layers` and the rest.

mod bench;
mod demo;
mod deps;
mod fuzz;
mod kernels;
mod layers;
mod licence;
mod machine;
mod openapi;
mod packages;
mod prepare;
mod process;
mod schemathesis;
mod sdks;
mod soak;
mod test;
mod workspace;

use clap::Parser;
use packages::Purpose;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
enum Command {
    /// Install what is missing, build in release mode, run `havip demo`
    Demo(demo::Args),
    /// Install what is missing, then run every test
    Test(test::Args),
    /// Install the Debian packages that building, the demo, tests or benches need
    Prepare {
        /// What for; `bench` is the most
        #[arg(long = "for", value_enum, default_value = "test")]
        purpose: Purpose,
    },
    /// Check who imports whom against ARCHITECTURE.md
    Layers,
    /// Check licences and duplicate versions against .config/dependencies.toml
    Deps,
    /// Install what is missing, build in release mode, run one bench
    Bench(bench::Args),
    /// Install what is missing, build in release mode, let everything die while VIPs move, for so many minutes
    Soak(soak::Args),
    /// Run fuzz targets (needs nightly Rust and cargo-fuzz)
    Fuzz(fuzz::Args),
    /// Run the tests of the switch on Debian's kernels, emulated; part of `test`
    Kernels(kernels::Args),
    /// Make the small machine that tests boot; part of `test`
    Machine,
    /// Let schemathesis ask the API at random; part of `test`
    Schemathesis,
    /// Run the clouds' own SDKs against a lab; part of `test`
    Sdks,
    /// Write docs/openapi.json from the server's own description
    Openapi,
}

fn main() -> std::process::ExitCode {
    let outcome = match Command::parse() {
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Prepare { purpose } => prepare::run(purpose),
        Command::Layers => layers::run(),
        Command::Deps => deps::run(),
        Command::Bench(args) => bench::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Kernels(args) => kernels::run(&args),
        Command::Machine => prepare::run(Purpose::Test).and_then(|()| kernels::machine()),
        Command::Schemathesis => test::api(),
        Command::Sdks => test::clouds(),
        Command::Openapi => openapi::run(),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Command::command().debug_assert();
    }
}
