//! The agent's side of a start: files, taps, and a keeper that runs QEMU.

use super::{MachineSpec, PROGRAM, files, kvm};
use crate::{
    GuestError, Program, Sandbox,
    prepared::{Word, read_line},
    state::Files,
};
use std::{
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

/// Starts a machine on these taps, one for each of its interfaces.
pub(crate) fn run(
    program: &Program,
    files: Files,
    spec: &MachineSpec,
    taps: Vec<OwnedFd>,
) -> Result<Sandbox, GuestError> {
    let instance = spec.instance;
    let refused = |why| GuestError::Start { instance, why };
    if !Path::new(PROGRAM).exists() {
        let why = format!("this host has no {PROGRAM}; install Debian's package qemu-system-x86");
        return Err(refused(why));
    }
    files::make(&files, spec).map_err(refused)?;
    let emulated = kvm::objection();
    if let Some(why) = &emulated {
        tracing::warn!(%instance, why, "a machine is emulated, which is slow");
    }
    keep(program, &files, taps, emulated)
        .map_err(|error| refused(error.to_string()))?
        .map_err(refused)
        .and_then(|state| match state.running() {
            Ok(Some(held)) => Ok(Sandbox::new(instance, files, state, held, program.clone())),
            Ok(None) => Err(refused("QEMU ended at once".into())),
            Err(error) => Err(refused(format!("could not hold QEMU: {error}"))),
        })
}

/// Starts the keeper, which has the taps from descriptor 3 on, and hears how it went.
fn keep(
    program: &Program,
    files: &Files,
    taps: Vec<OwnedFd>,
    emulated: Option<String>,
) -> io::Result<Result<crate::state::State, String>> {
    let log = fs::File::create(files.keeper_log())?;
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .arg("keep-machine")
        .arg(&files.0)
        .arg(taps.len().to_string())
        .arg(emulated.unwrap_or_default())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    let numbers: Vec<RawFd> = taps.iter().map(AsRawFd::as_raw_fd).collect();
    // SAFETY: system calls on descriptors that are open; the list was allocated before.
    unsafe {
        command.pre_exec(move || {
            // Out of the way first: a tap may have the number that another one shall get.
            let mut aside = [0; MOST_TAPS];
            for (place, number) in aside.iter_mut().zip(&numbers) {
                *place = checked(libc::fcntl(*number, libc::F_DUPFD, FIRST_TAP + MOST_TAPS as RawFd))?;
            }
            for (position, copy) in aside.iter().take(numbers.len()).enumerate() {
                checked(libc::dup2(*copy, FIRST_TAP + position as RawFd))?;
                libc::close(*copy);
            }
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    drop(taps);
    let mut says = child.stdout.take().expect("piped");
    // What we started forks the keeper and ends at once, so the keeper is not our child.
    child.wait()?;
    let text = read_line(&mut says)?;
    Ok(match serde_json::from_slice(&text) {
        Ok(Word::Ready(state)) => Ok(state),
        Ok(Word::Failed(why)) => Err(why),
        Err(_) => Err(format!("the keeper died: {}", fs::read_to_string(files.keeper_log())?.trim())),
    })
}

fn checked(answer: i32) -> io::Result<RawFd> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Where the keeper finds the first tap.
pub(crate) const FIRST_TAP: RawFd = 3;
/// As many interfaces as an instance may have.
pub(crate) const MOST_TAPS: usize = 8;
