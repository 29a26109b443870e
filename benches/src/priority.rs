//! Who measures runs before everybody else: what is wanted is the time of packets, not of processes that wait.

use anyhow::{Context, Result, ensure};
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
