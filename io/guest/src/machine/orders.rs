//! QEMU's own protocol: a line of JSON each way, on a socket in the machine's directory.

use serde_json::{Value, json};
use std::{
    io::{self, BufRead, BufReader, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

/// A short way to a file of a directory: a path below one with a long name may be too long for a socket's address.
pub(super) fn nearby<T>(path: &Path, act: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let folder = std::fs::File::open(path.parent().unwrap_or(Path::new("/")))?;
    let name = path.file_name().unwrap_or_default();
    act(Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}

/// Gives one order to the QEMU that listens there; what it answers.
pub(super) fn order(socket: &Path, order: &str, arguments: Value, at_most: Duration) -> io::Result<Value> {
    give(&nearby(socket, UnixStream::connect)?, order, arguments, at_most)
}

/// Gives one order, after the greeting that the protocol wants.
pub(super) fn give(
    mut stream: &UnixStream,
    order: &str,
    arguments: Value,
    at_most: Duration,
) -> io::Result<Value> {
    stream.set_read_timeout(Some(at_most))?;
    stream.set_write_timeout(Some(at_most))?;
    let mut lines = BufReader::new(stream).lines();
    let mut answer = Value::Null;
    for (order, arguments) in [("qmp_capabilities", json!({})), (order, arguments)] {
        writeln!(stream, "{}", json!({"execute": order, "arguments": arguments}))?;
        loop {
            let line = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
            let mut said: Value = serde_json::from_str(&line)?;
            if let Some(refusal) = said.get("error") {
                return Err(io::Error::other(format!("{order}: {refusal}")));
            }
            // The greeting and events come between.
            if let Some(returned) = said.get_mut("return") {
                answer = returned.take();
                break;
            }
        }
    }
    Ok(answer)
}

/// QEMU answers within milliseconds unless the host is out of memory.
pub(super) const ANSWER_TAKES: Duration = Duration::from_secs(2);
