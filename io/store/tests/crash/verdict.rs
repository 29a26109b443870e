//! Whether a store that was opened after a crash holds what it must.

use super::child::{Acknowledged, WRITERS, mark_key, row_key, row_value};
use havip_store::{Entry, Query, Revision, Sqlite, Store};
use std::path::Path;

/// Checks that every acknowledged commit is there, whole and under its revision; that each writer's rows have
/// no holes; that a transaction is there as a whole or not at all; and that the history agrees.
///
/// Gives how many commits are there that were not acknowledged any more.
pub async fn check(path: &Path, round: u32, acknowledged: &[Acknowledged]) -> usize {
    let store = Sqlite::open(path).unwrap();
    let range = store.range(Query::prefix(&format!("row/{round:03}/"))).await.unwrap();
    for ack in acknowledged {
        let key = row_key(round, ack.writer, ack.row);
        let found = range.entries.binary_search_by(|entry| entry.key.as_str().cmp(&key));
        let entry = &range.entries[found.unwrap_or_else(|_| panic!("{ack:?} was lost"))];
        assert_eq!(
            (entry.modified, &entry.value),
            (ack.revision, &row_value(ack.writer, ack.row)),
            "{ack:?}"
        );
    }
    for writer in 0..WRITERS {
        let prefix = format!("row/{round:03}/{writer}/");
        let rows = range.entries.iter().filter(|entry| entry.key.starts_with(&prefix));
        let mut last = None;
        for (row, entry) in rows.enumerate() {
            assert_eq!(entry.key, row_key(round, writer, row as u32), "a hole");
            last = Some((row, entry.modified));
        }
        let mark = store.range(Query::key(&mark_key(writer))).await.unwrap().entries.pop();
        let of_round = mark.filter(|mark| text(mark).starts_with(&format!("{round} ")));
        let marked =
            of_round.map(|mark| (text(&mark).split_once(' ').unwrap().1.parse().unwrap(), mark.modified));
        assert_eq!(marked, last, "writer {writer}: half a transaction");
    }
    check_history(&store, range.revision).await;
    range.entries.len() - acknowledged.len()
}

/// The log reaches the newest revision without gaps, and undoing it leads to what was there before.
async fn check_history(store: &Sqlite, newest: Revision) {
    let Some(middle) = (newest.0 > 0).then_some(Revision(newest.0 / 2 + 1)) else { return };
    let mut watch = store.watch("", middle).await.unwrap();
    for revision in middle.0..=newest.0 {
        assert_eq!(watch.next().await.unwrap().revision, Revision(revision));
    }
    let then = store.range(Query::prefix("").at(middle)).await.unwrap();
    assert!(then.entries.iter().all(|entry| entry.modified <= middle));
}

fn text(entry: &Entry) -> String {
    String::from_utf8(entry.value.clone()).unwrap()
}
