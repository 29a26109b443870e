//! How many transactions a second does the store make durable? (1, 16 and 64 clients at once)
//!
//! Each transaction writes three keys of 512 bytes, as the creation of a VIP does: the resource, a counter and
//! an event. Run with `cargo run --release -p havip-store --example throughput [DIRECTORY]`; the directory must
//! be on the disk in question, not in memory.

use havip_store::{Outcome, Sqlite, Store, Transaction};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

#[tokio::main]
async fn main() {
    let directory = std::env::args().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    println!("clients  transactions/s  p50 ms  p99 ms");
    for clients in [1, 16, 64] {
        let path = directory.join(format!("throughput-{}-{clients}.db", std::process::id()));
        let mut latencies = measure(&path, clients).await;
        latencies.sort();
        let rate = latencies.len() as f64 / PERIOD.as_secs_f64();
        let millis = |part: usize| latencies[(latencies.len() - 1) * part / 100].as_secs_f64() * 1000.0;
        println!("{clients:7}  {rate:14.0}  {:6.2}  {:6.2}", millis(50), millis(99));
        for ending in ["", "-wal", "-shm", ".lock"] {
            let file = format!("{}{ending}", path.display());
            drop(std::fs::remove_file(file)); // SQLite removes some of them itself
        }
    }
}

async fn measure(path: &std::path::Path, clients: usize) -> Vec<Duration> {
    let store = Arc::new(Sqlite::open(path).expect("the directory can be written to"));
    let sequence = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + PERIOD;
    let client = |_| {
        let (store, sequence) = (store.clone(), sequence.clone());
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            while Instant::now() < until {
                let number = sequence.fetch_add(1, Ordering::Relaxed);
                let begun = Instant::now();
                let transaction = Transaction::by("throughput")
                    .put(format!("resource/vip/{number:020}"), vec![b'x'; 512])
                    .put("counter/incarnation", vec![b'x'; 512])
                    .put(format!("event/{number:020}"), vec![b'x'; 512]);
                let outcome = store.commit(transaction).await.expect("the disk has room");
                assert!(matches!(outcome, Outcome::Committed(_)));
                latencies.push(begun.elapsed());
            }
            latencies
        })
    };
    let mut all = Vec::new();
    for client in (0..clients).map(client).collect::<Vec<_>>() {
        all.extend(client.await.expect("a client never panics"));
    }
    all
}

const PERIOD: Duration = Duration::from_secs(5);
