//! Enters a running guest and runs one command in it.

use super::{Attempt, Trouble, fence, give_up};
use crate::{
    Outcome,
    cgroup::{self, Member},
    exec::{REPORT_FD, Report},
    process::HeldProcess,
    state::State,
};
use nix::{
    sched::{CloneFlags, setns},
    sys::{
        signal::{Signal, killpg},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, fork, setsid},
};
use std::{
    ffi::OsString,
    fs, io,
    io::{PipeWriter, Read, Write},
    os::{fd::FromRawFd, unix::process::CommandExt},
    path::Path,
    process::Command,
    time::Duration,
};

pub(super) fn enter(state: &Path, at_most: Duration, argv: &[OsString]) -> ! {
    fence::close_from(REPORT_FD + 1);
    // SAFETY: the agent left this descriptor to us, and nobody else knows of it.
    let mut to_agent = unsafe { fs::File::from_raw_fd(REPORT_FD) };
    if to_agent.metadata().is_err() {
        give_up("guest-init is run by the agent, not by hand");
    }
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    let _the_command_would_hold_it_open = fcntl(&to_agent, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    let report = run(state, at_most, argv).unwrap_or_else(|trouble| Report::Failed(trouble.to_string()));
    let said =
        serde_json::to_vec(&report).map_err(io::Error::from).and_then(|text| to_agent.write_all(&text));
    std::process::exit(if said.is_ok() { 0 } else { 125 })
}

fn run(state: &Path, at_most: Duration, argv: &[OsString]) -> Result<Report, Trouble> {
    let text = match fs::read(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Report::NotRunning),
        other => other.attempting("read the state")?,
    };
    let state: State = serde_json::from_slice(&text).attempting("read the state")?;
    let Some(guest) = state.running().attempting("hold the guest")? else { return Ok(Report::NotRunning) };
    cgroup::join(&state.cgroups, Member::Command).attempting("join the cgroups")?;
    let others = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWCGROUP;
    fence::set_limits()?;
    // The mounts are the host's, so they are entered while we still have the host's power; users last.
    setns(&guest, others).attempting("enter the guest")?;
    setns(&guest, CloneFlags::CLONE_NEWUSER).attempting("enter the guest's users")?;

    let (mut trouble, trouble_writer) = io::pipe().attempting("make a pipe")?;
    // SAFETY: this process has one thread.
    let child = match unsafe { fork() }.attempting("fork")? {
        ForkResult::Child => {
            drop(trouble);
            become_command(argv, trouble_writer)
        }
        ForkResult::Parent { child } => child,
    };
    drop(trouble_writer);
    let mut text = String::new();
    trouble.read_to_string(&mut text).attempting("hear from the command")?;
    if !text.is_empty() {
        let _reaped = waitpid(child, None);
        return Err(Trouble(text));
    }
    wait_for(child, at_most).map(Report::Ended)
}

fn become_command(argv: &[OsString], mut trouble: PipeWriter) -> ! {
    let begun = (|| {
        setsid().attempting("make a session")?;
        // If the agent kills who waits for us, we go too.
        // SAFETY: a system call without pointers.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
        fence::restore_signals();
        fence::drop_power()?;
        let home = if Path::new("/root").is_dir() { "/root" } else { "/" };
        let error = Command::new(&argv[0])
            .args(&argv[1..])
            .env_clear()
            .envs(fence::environment())
            .current_dir(home)
            .exec();
        Err::<(), _>(error).attempting(format_args!("start {}", argv[0].display()))
    })();
    if let Err(text) = begun {
        let _nobody_listens = write!(trouble, "{text}");
    }
    std::process::exit(127)
}

/// The command is our child, so its number is its own until we reap it.
fn wait_for(child: Pid, at_most: Duration) -> Result<Outcome, Trouble> {
    let held = HeldProcess::of_child(child).attempting("hold the command")?;
    let in_time = held.wait(at_most);
    if !in_time {
        // Its session's process group; what left it goes on, as on a machine.
        let _ended_already = killpg(child, Signal::SIGKILL);
    }
    match waitpid(child, None).attempting("wait for the command")? {
        _ if !in_time => Ok(Outcome::TimedOut),
        WaitStatus::Exited(_, code) => Ok(Outcome::Exited(code)),
        WaitStatus::Signaled(_, signal, _) => Ok(Outcome::Killed(signal as i32)),
        other => Err(Trouble(format!("the command ended in a way unknown: {other:?}"))),
    }
}
