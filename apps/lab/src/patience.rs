//! Waiting for the thing itself, with a deadline.

use anyhow::{Context, Result};
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

/// Looks again and again for `time` whether it is still so: for what must not happen.
pub fn steadily(time: Duration, mut is_so: impl FnMut() -> Result<()>) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < time {
        is_so().with_context(|| format!("after {:?}", began.elapsed()))?;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
