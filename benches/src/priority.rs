//! Who measures runs before everybody else: what is wanted is the time of packets, not of processes that wait.

use anyhow::{Context, Result, ensure};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use std::process::Command;

/// Gives the calling thread, and threads that it starts from now on, real-time priority.
///
/// Baselines and ours alike; agents and servers keep theirs, and so does all other work of the machine.
pub fn rise() -> Result<()> {
    let thread = nix::unistd::gettid().to_string();
    let output = Command::new("chrt").args(["--fifo", "--pid", "1", &thread]).output();
    let output = output.context("cannot run chrt, of the package util-linux")?;
    ensure!(
        output.status.success(),
        "cannot raise the priority: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// Keeps the calling thread on one processor, counted from 0: sender and receiver never share one by chance.
///
/// Does nothing where there is no such processor.
pub fn stay_on(processor: usize) {
    let mut processors = CpuSet::new();
    if processors.set(processor).is_ok() {
        // A machine with one processor has nothing to keep apart.
        let _ = sched_setaffinity(Pid::from_raw(0), &processors);
    }
}
