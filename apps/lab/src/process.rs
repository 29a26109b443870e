//! The lab's own processes: started in a namespace with a log, found again after a crash, ended for certain.

use anyhow::{Context, Result};
use havip_netlink::Namespace;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A process that the lab started, by number and start time, so that a reused number is not mistaken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// What it is: `server` or a host's name.
    pub role: String,
    /// Its number.
    pub pid: i32,
    /// Clock ticks from boot to its start.
    pub started: u64,
    /// Where its output goes.
    pub log: PathBuf,
}

impl Process {
    /// Starts `command` in `namespace`, in a session of its own, with its output appended to `log`.
    pub fn start(role: &str, namespace: &Namespace, mut command: Command, log: PathBuf) -> Result<Self> {
        let output = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot write the log {}", log.display()))?;
        namespace.spawn_in(&mut command);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let mut child = command.spawn().with_context(|| format!("cannot start {role}"))?;
        let pid = child.id() as i32;
        let started =
            start_time(pid).with_context(|| format!("{role} ended at once: see {}", log.display()))?;
        // Reaped here while this process lives, by init afterwards.
        std::thread::spawn(move || child.wait());
        Ok(Self { role: role.to_owned(), pid, started, log })
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    /// Sends a signal, if it still runs.
    pub fn signal(&self, signal: Signal) {
        if self.is_alive() {
            // It may end between the look and the signal.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// Asks it to end, waits, then insists.
    pub fn end(&self, grace: Duration) {
        self.signal(Signal::SIGTERM);
        if !self.is_gone_within(grace) {
            self.kill();
        }
    }

    /// Ends it at once.
    pub fn kill(&self) {
        // A stopped process must be killed too: SIGKILL reaches it.
        self.signal(Signal::SIGKILL);
        self.is_gone_within(Duration::from_secs(5));
    }

    /// The last lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        tail(&self.log, lines)
    }

    fn is_gone_within(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

/// The last lines of a file; empty if it cannot be read.
pub fn tail(file: &Path, lines: usize) -> String {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Ends every process that is in `namespace`.
pub fn clear(namespace: &Namespace) -> Result<()> {
    for round in 0..50 {
        let processes = namespace.processes()?;
        let own = std::process::id();
        let others: Vec<_> = processes.into_iter().filter(|pid| *pid != own).collect();
        if others.is_empty() {
            return Ok(());
        }
        for pid in others {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(2 * round));
    }
    anyhow::bail!("processes stay in a namespace of the lab although they were killed")
}

/// Clock ticks from boot to a process's start; none if it has ended or is a zombie.
fn start_time(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let fields: Vec<&str> = text[text.rfind(')')? + 2..].split(' ').collect();
    let is_zombie = fields.first().is_some_and(|state| *state == "Z" || *state == "X");
    (!is_zombie).then(|| fields.get(19)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_again_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo hello; while :; do sleep 0.05; done"]);
        let here = Namespace::current().unwrap();
        let process = Process::start("stubborn", &here, command, folder.path().join("log")).unwrap();
        assert!(process.is_alive());
        // The shell that has said this does not hear SIGTERM any more.
        let deadline = Instant::now() + Duration::from_secs(10);
        while process.log_tail(1) != "hello" {
            assert!(Instant::now() < deadline, "the shell did not start: {:?}", process.log_tail(1));
            std::thread::sleep(Duration::from_millis(5));
        }
        let read_back: Process = serde_json::from_str(&serde_json::to_string(&process).unwrap()).unwrap();
        assert_eq!(read_back, process);
        read_back.end(Duration::from_millis(50));
        assert!(!process.is_alive());
    }
}
