//! Keeps programs of this binary running: one thread each, which starts, waits, and starts again.
//!
//! The thread lives as long as its program may, as the kernel tells a program that its parent died
//! when the *thread* that started it ends.

use super::backoff::Backoff;
use super::{Args, privileges, user::ServerUser};
use anyhow::{Context, Result, bail};
use caps::Capability;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A program to keep running.
pub struct Program {
    name: &'static str,
    arguments: Vec<String>,
    /// Secrets: arguments could be read by everybody on the machine.
    environment: Vec<(&'static str, String)>,
    capabilities: &'static [Capability],
    may_gain: bool,
    /// Root, if it is none.
    user: Option<ServerUser>,
}

impl Program {
    /// The server that `havip up` was told to run.
    pub fn server(args: &Args, user: ServerUser, key_file: &Path) -> Self {
        let arguments = words(&[
            ("--data", &args.data.join("server").to_string_lossy()),
            ("--listen", &args.listen.to_string()),
            ("--agents", &args.agents.to_string()),
            ("--admin-key-file", &key_file.to_string_lossy()),
        ]);
        Self {
            name: "server",
            arguments,
            environment: vec![],
            capabilities: privileges::SERVER,
            may_gain: false,
            user: Some(user),
        }
    }

    /// The agent of this machine.
    pub fn agent(args: &Args, underlay: IpAddr, token: Option<String>) -> Self {
        let mut arguments = words(&[
            ("--server", &format!("https://{}", super::reachable(args.agents))),
            ("--underlay", &underlay.to_string()),
            ("--data", &args.data.join("agent").to_string_lossy()),
        ]);
        for (flag, value) in [("--edge", &args.edge), ("--name", &args.name)] {
            if let Some(value) = value {
                arguments.extend(words(&[(flag, value)]));
            }
        }
        Self {
            name: "agent",
            arguments,
            environment: token.map(|token| ("HAVIP_JOIN_TOKEN", token)).into_iter().collect(),
            capabilities: privileges::AGENT,
            may_gain: true,
            user: None,
        }
    }
}

fn words(flags: &[(&str, &str)]) -> Vec<String> {
    flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]).collect()
}

/// Keeps programs running until it is stopped.
pub struct Supervisor {
    executable: PathBuf,
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_stopping: bool,
    running: BTreeMap<&'static str, Pid>,
    failures: BTreeMap<&'static str, u32>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the state in hand")
    }
}

impl Supervisor {
    /// Prepares to run programs of the binary that is running.
    pub fn new() -> Result<Self> {
        let executable = std::env::current_exe().context("could not find the program that is running")?;
        Ok(Self { executable, shared: Arc::default(), threads: Mutex::default() })
    }

    /// Starts a program, and again whenever it ends.
    pub fn start(&self, program: Program) {
        let (executable, shared) = (self.executable.clone(), Arc::clone(&self.shared));
        let thread = Builder::new()
            .name(program.name.to_owned())
            .spawn(move || keep_running(&executable, &program, &shared))
            .expect("the machine has room for one more thread");
        self.threads.lock().expect("no thread panics with the list in hand").push(thread);
    }

    /// How often a program has ended by itself, or could not be started.
    pub fn failures(&self, name: &str) -> u32 {
        self.shared.state().failures.get(name).copied().unwrap_or_default()
    }

    /// Asks all programs to end, kills after a while those that do not, and waits until all have ended.
    pub fn stop(self, grace: Duration) {
        let mut state = self.shared.state();
        state.is_stopping = true;
        self.shared.changed.notify_all();
        for (signal, patience) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, grace)] {
            for (name, pid) in &state.running {
                tracing::info!(program = name, signal = signal.as_str(), "asking to end");
                // It may have ended by itself just now.
                let _ = kill(*pid, signal);
            }
            let waited =
                self.shared.changed.wait_timeout_while(state, patience, |state| !state.running.is_empty());
            state = waited.expect("no thread panics with the state in hand").0;
        }
        drop(state);
        for thread in self.threads.into_inner().expect("no thread panics with the list in hand") {
            if thread.join().is_err() {
                tracing::error!("a supervising thread panicked");
            }
        }
    }
}

fn keep_running(executable: &Path, program: &Program, shared: &Shared) {
    let limited = privileges::limit_to(program.capabilities)
        .and_then(|()| if program.may_gain { Ok(()) } else { privileges::never_gain() });
    if let Err(error) = limited {
        tracing::error!(program = program.name, "{error:#}");
        shared.state().failures.insert(program.name, u32::MAX);
        return;
    }
    let mut backoff = Backoff::new();
    loop {
        let started = Instant::now();
        let ended = run_once(executable, program, shared);
        let mut state = shared.state();
        state.running.remove(program.name);
        shared.changed.notify_all();
        if state.is_stopping {
            return;
        }
        *state.failures.entry(program.name).or_default() += 1;
        let pause = backoff.after(started.elapsed());
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        match ended {
            Ok(status) => {
                tracing::warn!(program = program.name, %status, pause_ms, "ended; starting it again")
            }
            Err(error) => tracing::error!(program = program.name, %error, pause_ms, "could not be started"),
        }
        let waited = shared.changed.wait_timeout_while(state, pause, |state| !state.is_stopping);
        if waited.expect("no thread panics with the state in hand").0.is_stopping {
            return;
        }
    }
}

fn run_once(
    executable: &Path,
    program: &Program,
    shared: &Shared,
) -> std::io::Result<std::process::ExitStatus> {
    let mut command = match program.user {
        None => Command::new(executable),
        // The file may lie where only root finds it, in root's home for instance; this name needs no way there.
        Some(_) => Command::new("/proc/self/exe"),
    };
    if let Some(ServerUser { uid, gid }) = program.user {
        // Of groups it has no other one.
        command.uid(uid.as_raw()).gid(gid.as_raw()).arg0("havip");
    }
    command.arg(program.name).args(&program.arguments);
    command.envs(program.environment.iter().map(|(name, value)| (name, value)));
    command.env(SUPERVISED, getpid().to_string());
    // Not in our process group: Ctrl-C on a terminal reaches us alone, and we end them in order.
    command.process_group(0);
    let mut state = shared.state();
    if state.is_stopping {
        return Ok(std::process::ExitStatus::default());
    }
    let mut child = command.spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("the kernel's process ids fit in 31 bits"));
    state.running.insert(program.name, pid);
    drop(state);
    tracing::info!(program = program.name, %pid, "started");
    child.wait()
}

/// Called by each program at its start: if it is supervised, it ends with its supervisor.
pub fn adopted() -> Result<()> {
    let Some(supervisor) = std::env::var_os(SUPERVISED) else { return Ok(()) };
    // The supervisor blocks these for itself, and what it starts inherits that.
    SigSet::all().thread_unblock().context("could not unblock signals")?;
    // Not every one was started by its file's name.
    nix::sys::prctl::set_name(c"havip").context("could not set the name")?;
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM).context("could not ask to end with the supervisor")?;
    if supervisor.to_str() != Some(&getppid().to_string()) {
        bail!("the supervisor has ended already");
    }
    Ok(())
}

/// Tells a program the process id of its supervisor.
const SUPERVISED: &str = "HAVIP_SUPERVISED_BY";
