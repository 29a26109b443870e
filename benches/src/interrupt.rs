//! Ctrl-C ends a bench between two trials, so that everything it made is removed.

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{SigSet, Signal};
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on a signal to end is heeded by [`check`]; a second one ends the process at once.
///
/// Call it before the first thread begins: threads inherit what is blocked, programs that are started do not.
pub fn heed() -> Result<()> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    signals.thread_block().context("cannot block signals")?;
    std::thread::spawn(move || {
        while signals.wait().is_ok() {
            if ASKED.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            eprintln!("\ninterrupted: removing what the bench made");
        }
    });
    Ok(())
}

/// An error once somebody wants the bench to end.
pub fn check() -> Result<()> {
    ensure!(!ASKED.load(Ordering::Relaxed), "interrupted");
    Ok(())
}

static ASKED: AtomicBool = AtomicBool::new(false);
