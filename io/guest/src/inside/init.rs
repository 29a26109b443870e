//! The guest's first process: starts the user data, reaps what ends, and at SIGTERM ends everybody.

use super::{GO_FD, USER_DATA, give_up};
use nix::{
    errno::Errno,
    sys::{
        signal::{SigSet, Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use std::{
    fmt, fs,
    io::{self, Read, Write},
    os::fd::FromRawFd,
    path::Path,
    process::{Command, Stdio},
};

/// Waits like the other, and becomes systemd.
pub(super) fn systemd() -> ! {
    wait_for_go();
    super::systemd::become_it()
}

pub(super) fn init() -> ! {
    // Nobody inside may look at our descriptors and memory.
    // SAFETY: a system call without pointers.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGPWR] {
        signals.add(signal);
    }
    if signals.thread_block().is_err() {
        give_up("could not block signals");
    }
    wait_for_go();
    let user_data = start_user_data();
    let mut is_ending = false;
    loop {
        if is_alone(user_data) && is_ending {
            std::process::exit(0);
        }
        match signals.wait() {
            Ok(Signal::SIGCHLD) | Err(Errno::EINTR) => {}
            Ok(_) => {
                is_ending = true;
                // Everybody but us, the stopped too.
                let everybody = Pid::from_raw(-1);
                let _nobody_is_left = kill(everybody, Signal::SIGTERM);
                let _nobody_is_left = kill(everybody, Signal::SIGCONT);
            }
            Err(errno) => give_up(&format!("could not wait for signals: {errno}")),
        }
    }
}

fn wait_for_go() {
    // SAFETY: the builder left this descriptor to us, and nobody else knows of it.
    let mut go = unsafe { fs::File::from_raw_fd(GO_FD) };
    if go.read_exact(&mut [0]).is_err() {
        // The keeper has given up.
        std::process::exit(0);
    }
}

/// Starts the script; it becomes an ordinary process, and the guest goes on when it ends.
fn start_user_data() -> Option<Pid> {
    if !Path::new(USER_DATA).exists() {
        return None;
    }
    let has_interpreter = fs::read(USER_DATA).is_ok_and(|script| script.starts_with(b"#!"));
    let mut command = if has_interpreter {
        Command::new(USER_DATA)
    } else {
        let mut shell = Command::new("/bin/sh");
        shell.arg(USER_DATA);
        shell
    };
    let home = if Path::new("/root").is_dir() { "/root" } else { "/" };
    match command.current_dir(home).stdin(Stdio::null()).spawn() {
        Ok(child) => Some(Pid::from_raw(child.id().cast_signed())),
        Err(error) => {
            say(format_args!("could not start the user data: {error}"));
            None
        }
    }
}

/// Writes to the console. Without its keeper a guest has none, and goes on.
fn say(what: fmt::Arguments<'_>) {
    let _without_a_console = writeln!(io::stderr(), "havip: {what}");
}

/// Reaps what has ended, and says whether nobody is left.
fn is_alone(user_data: Option<Pid>) -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return false,
            Ok(WaitStatus::Exited(pid, code)) if Some(pid) == user_data => {
                say(format_args!("user data ended with code {code}"));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if Some(pid) == user_data => {
                say(format_args!("user data was ended by {signal}"));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return true,
        }
    }
}
