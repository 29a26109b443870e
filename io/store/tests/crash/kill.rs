//! The process is killed at a hundred random moments.

use super::{
    child::{self, Acknowledged},
    verdict,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    io::{BufRead, BufReader},
    process::{ChildStdout, Command},
    sync::mpsc,
    time::{Duration, Instant},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_a_kill_at_a_hundred_random_moments() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let mut random = StdRng::seed_from_u64(7);
    let (mut rows, mut unacknowledged) = (0, 0);
    for round in 0..100 {
        let program = Command::new(std::env::current_exe().unwrap());
        let mut child = child::command(program, &path, round, 0).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());

        // Some die while they open the store, most while they write.
        let patience = Duration::from_micros(random.random_range(0..90_000));
        let dies_at = Instant::now() + patience;
        let mut acknowledged = Vec::new();
        while let Ok(line) = lines.recv_timeout(dies_at.saturating_duration_since(Instant::now())) {
            acknowledged.extend(line.parse::<Acknowledged>());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(lines.iter().filter_map(|line| line.parse::<Acknowledged>().ok()));

        unacknowledged += verdict::check(&path, round, &acknowledged).await;
        rows += acknowledged.len();
    }
    println!("{rows} commits were acknowledged, {unacknowledged} more were found; none was lost");
    assert!(rows > 100, "only {rows} commits: the children died too early");
}

fn lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (lines, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
