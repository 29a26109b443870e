//! What is written down of a running sandbox, so that an agent that was restarted finds it.

use crate::{
    Limits,
    cgroup::Groups,
    process::{HeldProcess, Process, boot_id},
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// The files of one sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Files(pub PathBuf);

/// The state file: there while the sandbox runs, or was not tidied up after.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// Which start of the host this is of.
    pub boot: String,
    /// The guest's first process.
    pub init: Process,
    /// The process that keeps its console log.
    pub keeper: Process,
    /// Its cgroups.
    pub cgroups: Groups,
    /// What limits are in force.
    pub limits: Limits,
    /// What runs.
    #[serde(default)]
    pub kind: Kind,
}

/// What the first process is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// The init of a sandbox.
    #[default]
    Sandbox,
    /// systemd in a sandbox.
    Systemd,
    /// QEMU.
    Machine {
        /// Why without KVM, if so.
        emulated: Option<String>,
    },
}

impl Files {
    pub fn spec(&self) -> PathBuf {
        self.0.join("spec.json")
    }

    /// What the machine is, if it is one.
    pub fn machine(&self) -> PathBuf {
        self.0.join("machine.json")
    }

    pub fn state(&self) -> PathBuf {
        self.0.join("state.json")
    }

    /// What was hidden when the upper layer was made.
    pub fn hidden(&self) -> PathBuf {
        self.0.join("hidden.json")
    }

    pub fn console(&self) -> PathBuf {
        self.0.join("console.log")
    }

    pub fn keeper_log(&self) -> PathBuf {
        self.0.join("keeper.log")
    }

    /// Made only if the program's own file was replaced.
    pub fn program_copy(&self) -> PathBuf {
        self.0.join("program")
    }

    /// What the guest changed of the host's file tree.
    pub fn upper(&self) -> PathBuf {
        self.0.join("upper")
    }

    /// The overlay's scratch directory.
    pub fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    /// The same of a file system mounted at a path of the host: what was changed, and the scratch directory.
    pub fn layers_of(&self, path: &Path) -> [PathBuf; 2] {
        // No two paths give the same name: a hyphen in a path is doubled.
        let name = path.to_string_lossy().replace('-', "--").replace('/', "-");
        let directory = self.0.join("others").join(name);
        [directory.join("upper"), directory.join("work")]
    }

    /// Where the builder mounts the guest's file tree; always empty on the host.
    pub fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    /// The state, if a sandbox was started here since the host was.
    pub fn read_state(&self) -> io::Result<Option<State>> {
        let text = match fs::read_to_string(self.state()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let state: State = serde_json::from_str(&text)?;
        Ok((state.boot == boot_id()?).then_some(state))
    }

    /// Removes what a sandbox that has ended leaves: its cgroups, then its state file.
    pub fn tidy(&self, state: &State) -> io::Result<()> {
        crate::cgroup::remove(&state.cgroups)?;
        absent_is_fine(fs::remove_file(self.state()))
    }

    /// Kills everything of a sandbox, or of what a crash left of it, and tidies up.
    pub fn end(&self, state: &State) -> io::Result<()> {
        if let Some(init) = state.init.hold()? {
            init.signal(nix::sys::signal::Signal::SIGKILL)?;
            if !init.wait(KILL_TAKES) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the guest's processes do not end"));
            }
        }
        if let Some(keeper) = state.keeper.hold()? {
            // It sees the end, tidies up and ends by itself.
            if !keeper.wait(KILL_TAKES) {
                keeper.signal(nix::sys::signal::Signal::SIGKILL)?;
                keeper.wait(KILL_TAKES);
            }
        }
        self.tidy(state)
    }
}

impl State {
    /// The guest's first process, if it runs.
    pub fn running(&self) -> io::Result<Option<HeldProcess>> {
        self.init.hold()
    }

    pub fn write(&self, path: &Path) -> io::Result<()> {
        write_whole(path, &serde_json::to_vec_pretty(self)?)
    }
}

/// Writes a file that is there in full or not at all, for root alone.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let beside = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    fs::rename(beside, path)
}

/// Turns "it was not there" into success, for removals.
pub(crate) fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A killed guest is gone in milliseconds; only a process stuck in the kernel takes longer.
const KILL_TAKES: Duration = Duration::from_secs(5);
