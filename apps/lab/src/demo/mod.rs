//! `havip demo`: the scenario that must always work, live, with times.
//!
//! A first process only watches a second one that does everything: whatever ends the second (Ctrl-C, a crash, a
//! failed step), the first removes the lab.

mod cast;
pub mod report;
mod rogues;
mod scenario;
pub mod stage;

use crate::{
    Lab, Plan,
    names::{HostName, LabName},
};
use anyhow::{Context, Result, bail};
use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use report::Report;
use stage::Stage;
use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

/// Shows the whole scenario on this machine, in network namespaces: about a minute, as root.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Hosts for guests, 3 to 8; two edges and a server come on top
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=8))]
    pub hosts: u8,
    /// Write what was seen to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Leave the lab up at the end, and say how to look around
    #[arg(long)]
    pub keep: bool,
    /// Plain lines even on a terminal
    #[arg(long)]
    pub plain: bool,
    /// The lab's name: 1 to 6 of a-z and 0-9
    #[arg(long, default_value = "demo")]
    pub name: LabName,
    /// Play the scenario in this very process, without a watcher
    #[arg(long, hide = true)]
    pub unwatched: bool,
}

/// Runs the demo; the exit code is 0 only if every step showed what it had to.
pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    if args.unwatched { play(args) } else { watch(args) }
}

fn watch(args: &DemoArgs) -> Result<ExitCode> {
    let program = std::env::current_exe().context("cannot find the program that is running")?;
    if !nix::unistd::geteuid().is_root() {
        bail!("the demo makes network namespaces and loads BPF programs: run it as root");
    }
    // Signals of the terminal reach the player too; here they only wake the wait below.
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD]);
    signals.thread_block().context("cannot block signals")?;
    let mut player = Command::new(&program)
        .arg("demo")
        .arg("--unwatched")
        .args(std::env::args_os().skip_while(|word| word != "demo").skip(1))
        .spawn()
        .context("cannot start the demo")?;
    let mut interrupted = false;
    let status = loop {
        if let Some(status) = player.try_wait()? {
            break status;
        }
        match signals.wait().context("cannot wait for signals")? {
            Signal::SIGCHLD => {}
            _ => {
                interrupted = true;
                player.kill().context("cannot stop the demo")?;
            }
        }
    };
    let done = status.code();
    if !(args.keep && done.is_some() && !interrupted) {
        if interrupted {
            eprintln!("\ninterrupted: removing the lab");
        }
        Lab::down(&args.name, &program)?;
    }
    Ok(match (interrupted, done) {
        (true, _) => ExitCode::from(130),
        (false, Some(code)) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        (false, None) => ExitCode::from(1),
    })
}

fn play(args: &DemoArgs) -> Result<ExitCode> {
    let stage = Stage::new(args.plain);
    let mut report = Report::default();
    let mut plan = Plan::new(args.name.clone())?;
    plan.hosts = args.hosts;
    let played = scenario::play(&plan, &stage, &mut report);
    report.close();
    if let Err(error) = &played {
        report.ok = false;
        stage.say(&format!("the demo could not go on: {error:#}"));
        tell_logs(&args.name);
    }
    if let Some(file) = &args.json {
        let text = serde_json::to_vec_pretty(&report)?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.keep {
        look_around(&args.name, &stage);
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell_logs(name: &LabName) {
    let Ok(lab) = Lab::open(name) else { return };
    for process in lab.processes() {
        eprintln!("---- the end of the log of {} ----\n{}", process.role, process.log_tail(15));
    }
}

fn look_around(name: &LabName, stage: &Stage) {
    let host = HostName::Host(1);
    stage.say("The lab is still up. Look around:");
    for (command, what) in [
        (format!("havip --lab {name} vip list -o wide"), "who holds the VIP"),
        (format!("havip --lab {name} vip history web"), "how it moved"),
        (format!("havip --lab {name} event list --follow"), "what happens"),
        (format!("havip lab exec --name {name} client -- curl -s http://{}", cast::VIP), "be the client"),
        (format!("havip lab exec --name {name} {host} -- ip link"), "be a host"),
        (format!("havip lab down --name {name}"), "remove everything"),
    ] {
        stage.explain(&format!("{command:<58} # {what}"));
    }
}
