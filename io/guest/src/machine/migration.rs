//! A machine that goes on at another host: its state leaves here by a socket, and comes there by another one.

use super::orders::{ANSWER_TAKES, nearby, order};
use crate::state::absent_is_fine;
use nix::unistd::{Gid, Uid, chown};
use serde_json::json;
use std::{
    fs, io,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    time::{Duration, Instant},
};

/// Lets QEMU send the machine's state; it comes out of what this returns, and the machine stands still before its end:
/// an emulated one from the beginning, as QEMU's emulation loses track of what is written meanwhile (one of some
/// twenty machines went on with stale pages, and its kernel found lists that did not fit together).
///
/// # Errors
/// QEMU does not answer, or refuses: a machine with a device that stays where it is, for one.
pub(crate) fn depart(folder: &Path, orders: &Path, user: u32, is_emulated: bool) -> io::Result<UnixStream> {
    let path = folder.join(OUTGOING);
    absent_is_fine(fs::remove_file(&path))?;
    let listener = nearby(&path, UnixListener::bind)?;
    // QEMU is this user, and nobody else may enter the directory.
    chown(&path, Some(Uid::from_raw(user)), Some(Gid::from_raw(user)))?;
    listener.set_nonblocking(true)?;
    if is_emulated {
        order(orders, "stop", json!({}), ANSWER_TAKES)?;
    }
    order(orders, "migrate", json!({"uri": format!("unix:{OUTGOING}")}), ANSWER_TAKES)?;
    let deadline = Instant::now() + ANSWER_TAKES;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                std::thread::sleep(LOOK);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The way into a machine that waits for its state.
///
/// # Errors
/// It does not wait (any more).
pub(crate) fn receive(folder: &Path) -> io::Result<UnixStream> {
    nearby(&folder.join(INCOMING), UnixStream::connect)
}

/// Waits until a machine that got its state goes on with it.
///
/// # Errors
/// It does not: its QEMU ended, or another thing than running came of it.
pub(crate) fn wait_until_it_runs(orders: &Path, at_most: Duration) -> io::Result<()> {
    let deadline = Instant::now() + at_most;
    loop {
        let said = order(orders, "query-status", json!({}), ANSWER_TAKES)?;
        match said["status"].as_str().unwrap_or_default() {
            "running" => return Ok(()),
            "paused" => order(orders, "cont", json!({}), ANSWER_TAKES).map(drop)?,
            "inmigrate" | "prelaunch" if Instant::now() < deadline => std::thread::sleep(LOOK),
            other => return Err(io::Error::other(format!("the machine is {other:?} instead of running"))),
        }
    }
}

/// Whether all of the machine's state was sent: it stands still since then.
///
/// # Errors
/// QEMU does not answer.
pub(crate) fn has_departed(orders: &Path) -> io::Result<bool> {
    Ok(order(orders, "query-status", json!({}), ANSWER_TAKES)?["status"] == "postmigrate")
}

/// Lets a machine go on that stands still in the middle of a migration that nobody follows any more.
///
/// # Errors
/// QEMU does not answer, or refuses.
pub(crate) fn wake(orders: &Path) -> io::Result<bool> {
    let is_paused = order(orders, "query-status", json!({}), ANSWER_TAKES)?["status"] == "paused";
    if is_paused {
        order(orders, "cont", json!({}), ANSWER_TAKES)?;
    }
    Ok(is_paused)
}

/// Lets a machine go on whose state was sent and is of use to nobody.
///
/// # Errors
/// QEMU does not answer, or refuses.
pub(crate) fn resume(orders: &Path) -> io::Result<()> {
    // One that still sends goes on by itself when that fails.
    order(orders, "migrate_cancel", json!({}), ANSWER_TAKES)?;
    order(orders, "cont", json!({}), ANSWER_TAKES).map(drop)
}

/// Relative to the machine's directory.
pub(crate) const INCOMING: &str = "incoming";
const OUTGOING: &str = "outgoing";
const LOOK: Duration = Duration::from_millis(2);
