//! The one binary: arguments, wiring, run.

mod args;
mod cli;
mod logging;
mod up;

use anyhow::{Context, Result, bail};
use args::{Command, Havip};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The sandbox runs this very program again inside; its arguments are nobody else's.
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|first| first == "guest-init") {
        havip_guest::guest_init(words.collect());
    }
    match run(Havip::parse()) {
        Ok(code) => code,
        Err(error) => {
            if let Some(line) = cli::failure::line(&error) {
                eprintln!("havip: {line}");
            }
            ExitCode::from(cli::failure::exit_code(&error))
        }
    }
}

fn run(havip: Havip) -> Result<ExitCode> {
    let Havip { command, connection, output, log_format } = havip;
    let is_program = matches!(
        command,
        Command::Up(_) | Command::Server(_) | Command::Agent(_) | Command::Lab(_) | Command::Demo(_)
    );
    if is_program && (output.is_some() || connection != cli::connect::BeforeNoun::default()) {
        bail!(
            "programs ask no server: --server, --key-file, --authority, --lab, --project and -o stand before nouns only"
        );
    }
    match command {
        Command::Vpc(noun) => noun.run(connection, output)?,
        Command::Subnet(noun) => noun.run(connection, output)?,
        Command::Instance(noun) => noun.run(connection, output)?,
        Command::Interface(noun) => noun.run(connection, output)?,
        Command::Vip(noun) => noun.run(connection, output)?,
        Command::Eip(noun) => noun.run(connection, output)?,
        Command::Pool(noun) => noun.run(connection, output)?,
        Command::DeploymentSet(noun) => noun.run(connection, output)?,
        Command::ResourceGroup(noun) => noun.run(connection, output)?,
        Command::SecurityGroup(noun) => noun.run(connection, output)?,
        Command::Route(noun) => noun.run(connection, output)?,
        Command::Net(noun) => noun.run(connection, output)?,
        Command::Host(noun) => noun.run(connection, output)?,
        Command::Event(noun) => noun.run(connection, output)?,
        Command::Port(noun) => noun.run(connection, output)?,
        Command::Project(noun) => noun.run(connection, output)?,
        Command::User(noun) => noun.run(connection, output)?,
        Command::Key(noun) => noun.run(connection, output)?,
        Command::Policy(noun) => noun.run(connection, output)?,
        Command::Tag(noun) => noun.run(connection, output)?,
        Command::Quota(noun) => noun.run(connection, output)?,
        Command::Audit(noun) => noun.run(connection, output)?,

        Command::Up(args) => {
            logging::start(log_format);
            up::run(&args)?;
        }
        Command::Server(args) => {
            program(log_format, havip_server::run(*args))?;
        }
        Command::Agent(args) => {
            program(log_format, havip_agent::run(*args))?;
        }
        Command::Lab(command) => return havip_lab::run(&command),
        Command::Demo(args) => return havip_lab::demo::run(&args),
        Command::Completions(args) => cli::completions::run(&args)?,
        Command::Openapi => cli::session::print(&havip_server::openapi())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a program for ever, or until it is told to end.
fn program(log_format: logging::LogFormat, program: impl Future<Output = Result<()>>) -> Result<()> {
    up::adopted()?;
    logging::start(log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("could not start the runtime")?.block_on(program)
}
