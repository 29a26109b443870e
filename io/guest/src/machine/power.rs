//! The power button, and whether there is a machine yet: QEMU's own protocol, a line of JSON each way.

use serde_json::{Value, json};
use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// Presses the button; what comes of it is the guest's affair.
///
/// # Errors
/// QEMU does not answer, or refuses.
pub(crate) fn press_button(socket: &Path) -> io::Result<()> {
    // A path below a directory with a long name may be too long for a socket's address.
    let folder = std::fs::File::open(socket.parent().unwrap_or(Path::new("/")))?;
    let name = socket.file_name().unwrap_or_default();
    let short =
        format!("/proc/self/fd/{}/{}", std::os::fd::AsRawFd::as_raw_fd(&folder), name.to_string_lossy());
    give(&UnixStream::connect(short)?, "system_powerdown", ANSWER_TAKES)
}

/// Waits until the machine is made: only then QEMU answers.
///
/// # Errors
/// QEMU has ended, or does not answer in time.
pub(crate) fn wait_until_made(socket: &Path, at_most: Duration) -> io::Result<()> {
    give(&UnixStream::connect(socket)?, "query-status", at_most)
}

/// Gives one order, after the greeting that the protocol wants.
fn give(mut stream: &UnixStream, order: &str, at_most: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(at_most))?;
    stream.set_write_timeout(Some(at_most))?;
    let mut lines = BufReader::new(stream).lines();
    for order in ["qmp_capabilities", order] {
        writeln!(stream, "{}", json!({"execute": order}))?;
        loop {
            let line = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
            let answer: Value = serde_json::from_str(&line)?;
            if let Some(refusal) = answer.get("error") {
                return Err(io::Error::other(format!("{order}: {refusal}")));
            }
            // The greeting and events come between.
            if answer.get("return").is_some() {
                break;
            }
        }
    }
    Ok(())
}

/// QEMU answers within milliseconds unless the host is out of memory.
const ANSWER_TAKES: Duration = Duration::from_secs(2);
