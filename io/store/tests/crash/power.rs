//! The power fails at any moment, and the disk has kept any part of what was not synced.
//!
//! The real program runs on the real file system while `strace` notes every write and sync and every
//! acknowledgement; from the notes the disk is made as a failure at any point may leave it.

use super::{
    child::{self, Acknowledged},
    disk,
    trace::{self, Step},
    verdict,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_a_disk_that_loses_what_was_not_synced() {
    let steps = record();
    let mut random = StdRng::seed_from_u64(11);
    let said = |end: usize| {
        steps[..end].iter().filter_map(|step| match step {
            Step::Said(line) => line.parse::<Acknowledged>().ok(),
            _ => None,
        })
    };
    assert_eq!(said(steps.len()).count(), (child::WRITERS * ROWS) as usize);

    let mut unacknowledged = 0;
    for trial in 0..TRIALS {
        let end = match trial {
            0 => steps.len(),
            _ => random.random_range(0..=steps.len()),
        };
        let chance = [0.0, 0.2, 0.5, 0.8, 1.0][trial % 5];
        let image = tempfile::tempdir().unwrap();
        disk::after_power_failure(&steps, end, chance, &mut random, image.path());
        let acknowledged: Vec<_> = said(end).collect();
        unacknowledged += verdict::check(&image.path().join("store.db"), 0, &acknowledged).await;
    }
    println!(
        "{TRIALS} power failures in {} steps lost nothing; {unacknowledged} more were found",
        steps.len()
    );
}

/// Lets the child write, and notes what it tells the kernel.
fn record() -> Vec<Step> {
    let dir = tempfile::tempdir().unwrap();
    let (store, notes) = (dir.path().join("store.db"), dir.path().join("trace"));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-xx", "-s", "1000000", "-e", trace::CALLS, "-o"]).arg(&notes);
    strace.arg(std::env::current_exe().unwrap());
    let ended = child::command(strace, &store, 0, ROWS).output().expect("the package strace is installed");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    trace::read(&notes, &store)
}

const ROWS: u32 = 120;
const TRIALS: usize = 200;
