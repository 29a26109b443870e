//! Waiting for the thing itself, with a deadline.

use anyhow::Result;
use std::time::{Duration, Instant};

/// Tries until it succeeds; after `time` the last failure is the answer.
pub fn eventually<T>(time: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + time;
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("not within {time:?}")));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
