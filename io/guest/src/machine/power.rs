//! The power button, and whether there is a machine yet.

use super::orders::{ANSWER_TAKES, give, order};
use serde_json::json;
use std::{io, os::unix::net::UnixStream, path::Path, time::Duration};

/// Presses the button; what comes of it is the guest's affair.
///
/// # Errors
/// QEMU does not answer, or refuses.
pub(crate) fn press_button(socket: &Path) -> io::Result<()> {
    order(socket, "system_powerdown", json!({}), ANSWER_TAKES).map(drop)
}

/// Waits until the machine is made: only then QEMU answers.
///
/// # Errors
/// QEMU has ended, or does not answer in time.
pub(crate) fn wait_until_made(socket: &Path, at_most: Duration) -> io::Result<()> {
    give(&UnixStream::connect(socket)?, "query-status", json!({}), at_most).map(drop)
}
