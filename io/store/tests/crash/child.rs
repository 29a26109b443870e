//! The process that dies: this test binary again, writing until it is killed or has written enough.
//!
//! Four writers each commit one numbered row after the other, every row in one transaction with the writer's
//! own mark, and print a line when a commit was acknowledged.

use havip_store::{Outcome, Revision, Sqlite, Store, Transaction};
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    str::FromStr,
    sync::Arc,
};

pub const WRITERS: u32 = 4;

/// A commit that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    pub writer: u32,
    pub row: u32,
    pub revision: Revision,
}

impl FromStr for Acknowledged {
    type Err = std::num::ParseIntError;
    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut numbers = line.split(' ');
        let mut next = || numbers.next().unwrap_or_default();
        Ok(Self { writer: next().parse()?, row: next().parse()?, revision: Revision(next().parse()?) })
    }
}

/// How to start the child: `rows` per writer, 0 for as many as it can.
pub fn command(mut program: Command, store: &Path, round: u32, rows: u32) -> Command {
    program.args(["--exact", "child::the_child_writes_when_it_is_told_to", "--nocapture"]);
    program.env("HAVIP_STORE_CHILD", format!("{} {round} {rows}", store.display()));
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    program
}

/// Where a row is.
pub fn row_key(round: u32, writer: u32, row: u32) -> String {
    format!("row/{round:03}/{writer}/{row:06}")
}

/// Where a writer says which row was its last.
pub fn mark_key(writer: u32) -> String {
    format!("mark/{writer}")
}

/// What a row holds: enough that a page is soon full and the log is folded into the file now and then.
pub fn row_value(writer: u32, row: u32) -> Vec<u8> {
    vec![(writer * 31 + row) as u8; 100 + (row as usize * 613) % 3000]
}

#[test]
fn the_child_writes_when_it_is_told_to() {
    let Ok(orders) = std::env::var("HAVIP_STORE_CHILD") else { return };
    let [path, round, rows] = orders.split(' ').collect::<Vec<_>>()[..] else { panic!("{orders:?}") };
    let (round, rows): (u32, u32) = (round.parse().unwrap(), rows.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(Sqlite::open(Path::new(path)).unwrap());
        let write = |writer| tokio::spawn(write(store.clone(), writer, round, rows));
        for writer in (0..WRITERS).map(write).collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    });
}

async fn write(store: Arc<Sqlite>, writer: u32, round: u32, rows: u32) {
    let last = if rows == 0 { u32::MAX } else { rows };
    for row in 0..last {
        let transaction = Transaction::by(format!("writer {writer}"))
            .if_absent(row_key(round, writer, row))
            .put(row_key(round, writer, row), row_value(writer, row))
            .put(mark_key(writer), format!("{round} {row}"));
        let Outcome::Committed(revision) = store.commit(transaction).await.unwrap() else {
            panic!("row {row} exists")
        };
        if row % 50 == 49 && writer == 0 {
            store.compact(Revision(revision.0 / 2)).await.unwrap();
        }
        // One write, so that a line is never torn; and at once, so that it is later than the commit only.
        let line = format!("{writer} {row} {}\n", revision.0);
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
    }
}
