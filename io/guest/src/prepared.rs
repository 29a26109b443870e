//! The agent's side of a start: the sandbox is there, and nothing runs in it yet.

use crate::{
    GuestError, Limits, Program, Sandbox,
    process::HeldProcess,
    state::{Files, State},
};
use havip_model::InstanceId;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Read, Write},
    os::fd::AsFd,
    process::{ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// A sandbox whose first process waits for [`Self::run`].
///
/// Now is the time to move interfaces into the network namespace of [`Self::pid`]. Dropped, or if this process
/// dies, the sandbox is removed.
#[derive(Debug)]
pub struct Prepared {
    instance: InstanceId,
    /// Taken by `run`; dropped otherwise, which tells the keeper to give up.
    parts: Option<Parts>,
    program: Program,
}

#[derive(Debug)]
struct Parts {
    files: Files,
    state: State,
    init: HeldProcess,
    go: ChildStdin,
    says: ChildStdout,
}

/// What a keeper says, once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// The first process waits; the state file is written.
    Ready(State),
    /// The start failed and nothing of it is left.
    Failed(String),
}

impl Prepared {
    /// The host's number of the guest's first process; its namespaces are under `/proc/PID/ns`.
    pub fn pid(&self) -> u32 {
        self.parts().state.init.pid.cast_unsigned()
    }

    /// Which limits are in force.
    pub fn limits(&self) -> &Limits {
        &self.parts().state.limits
    }

    /// Lets the guest run: from here on it lives without us.
    ///
    /// # Errors
    /// Its keeper has died; nothing of the sandbox is left.
    pub fn run(mut self) -> Result<Sandbox, GuestError> {
        let Parts { files, state, init, mut go, mut says } =
            self.parts.take().expect("only run takes them, and it takes self");
        // The keeper passes the word on, then closes.
        let gone = go.write_all(b"go\n").and_then(|()| read_line(&mut says));
        if let Err(error) = gone {
            // The error told is the first one.
            let _ = files.end(&state);
            return Err(GuestError::Start {
                instance: self.instance,
                why: format!("the keeper died: {error}"),
            });
        }
        Ok(Sandbox::new(self.instance, files, state, init, self.program.clone()))
    }

    fn parts(&self) -> &Parts {
        self.parts.as_ref().expect("only run takes them, and it takes self")
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(Parts { files, state, go, .. }) = self.parts.take() {
            drop(go);
            if let Err(error) = files.end(&state) {
                tracing::warn!(instance = %self.instance, %error, "a sandbox that was not run is left behind");
            }
        }
    }
}

pub(crate) fn prepare(program: &Program, files: Files, instance: InstanceId) -> Result<Prepared, GuestError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| GuestError::Start {
        instance,
        why: format!("could not {what}: {error}"),
    };
    let log =
        fs::File::create(files.keeper_log()).map_err(|error| failed("make the keeper's log", &error))?;
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .arg("keep")
        .arg(&files.0)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|error| failed("start the keeper", &error))?;
    let go = child.stdin.take().expect("piped");
    let mut says = child.stdout.take().expect("piped");
    // What we started forks the keeper and ends at once, so the keeper is not our child.
    child.wait().map_err(|error| failed("start the keeper", &error))?;

    let text = read_line(&mut says).map_err(|error| failed("hear from the keeper", &error))?;
    match serde_json::from_slice(&text) {
        Ok(Word::Ready(state)) => match state.running() {
            Ok(Some(init)) => Ok(Prepared {
                instance,
                parts: Some(Parts { files, state, init, go, says }),
                program: program.clone(),
            }),
            Ok(None) => Err(GuestError::Start { instance, why: "its first process died".into() }),
            Err(error) => Err(failed("hold its first process", &error)),
        },
        Ok(Word::Failed(why)) => Err(GuestError::Start { instance, why }),
        Err(_) => {
            let log = fs::read_to_string(files.keeper_log()).unwrap_or_default();
            Err(GuestError::Start { instance, why: format!("the keeper died: {}", log.trim()) })
        }
    }
}

/// What the keeper says, up to the end of the line or until it closes.
pub(crate) fn read_line(says: &mut ChildStdout) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + START_TAKES;
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
        if poll(&mut [PollFd::new(says.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it says nothing"));
        }
        match says.read(&mut chunk)? {
            0 => return Ok(text),
            read => text.extend_from_slice(&chunk[..read]),
        }
        if text.ends_with(b"\n") {
            return Ok(text);
        }
    }
}

/// A start takes some 20 ms; a host that is short of memory may need seconds to read the program again.
const START_TAKES: Duration = Duration::from_secs(20);
