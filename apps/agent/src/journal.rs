//! What the server has said since the state was last written: an agent that dies at any moment knows what it had begun.
//!
//! Writing all of the state takes its time and is done once a second. Without what came in between, the next life
//! would take ports out of the switch, and release what they hold, because the disk knows nothing of them yet.
//! Each commit is appended before it is acted upon. It need not reach the disk itself: when the machine dies, its
//! switch does, too, and there is nothing that could be ahead of an older state.

use crate::state::{Incoming, State};
use anyhow::Context;
use havip_reconcile::item::{Item, ItemKey};
use havip_stream::convert;
use havip_stream::proto::{self, Update, update::Body};
use prost::Message;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file of this life; the first commit after a state was written begins it anew.
#[derive(Debug, Default)]
pub struct Journal {
    file: Option<File>,
}

impl Journal {
    /// Appends a commit that leads to `after`; the state on disk ends at `written`.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn append(
        &mut self,
        path: &Path,
        written: &Position,
        after: &Position,
        changed: &BTreeMap<ItemKey, Option<Item>>,
    ) -> anyhow::Result<()> {
        let mut bytes = vec![];
        if self.file.is_none() {
            say(&mut bytes, Body::Begin(proto::Begin { full: false, epoch: written.epoch.clone() }));
            say(&mut bytes, commit(written.revision));
        }
        say(&mut bytes, Body::Begin(proto::Begin { full: false, epoch: after.epoch.clone() }));
        for (key, item) in changed {
            let change = item.as_ref().map_or_else(|| convert::gone(key), convert::change);
            say(&mut bytes, Body::Change(change));
        }
        say(&mut bytes, commit(after.revision));
        self.write(path, &bytes).with_context(|| format!("could not write {}", path.display()))
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut options = OpenOptions::new();
                none.insert(options.write(true).create(true).truncate(true).mode(0o600).open(path)?)
            }
        };
        // In one call, so that a death leaves the beginning of a commit at most.
        file.write_all(bytes)
    }

    /// The state was written: what comes next begins a new file.
    pub fn begin_anew(&mut self) {
        self.file = None;
    }
}

/// Where a state ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// The server's history.
    pub epoch: String,
    /// The last commit.
    pub revision: u64,
}

impl Position {
    /// Of a state.
    pub fn of(state: &State) -> Self {
        Self { epoch: state.epoch.clone(), revision: state.revision }
    }
}

/// Adds to a state that was read what the journal says came after it; says how many commits that were.
pub fn replay(path: &Path, state: &mut State) -> usize {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return 0,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the journal of the kept state is not readable");
            return 0;
        }
    };
    let (mut rest, mut incoming) = (&bytes[..], Incoming::default());
    let (mut epoch, mut commits, mut is_behind) = (String::new(), 0, false);
    // The last message may be cut off: its commit was not acted upon.
    while let Ok(Update { body: Some(body) }) = Update::decode_length_delimited(&mut rest) {
        match body {
            Body::Begin(begin) => {
                epoch.clone_from(&begin.epoch);
                incoming.begin(begin);
            }
            Body::Change(change) => incoming.change(change),
            Body::Commit(commit) if !is_behind => {
                // The state that it goes on from; one of before another state was written is of no use.
                let begins_at = Position { epoch: epoch.clone(), revision: commit.revision };
                if begins_at != Position::of(state) {
                    return 0;
                }
                is_behind = true;
            }
            Body::Commit(commit) => {
                incoming.commit(commit.revision, state);
                commits += 1;
            }
            _ => {}
        }
    }
    commits
}

/// Where it is kept.
pub fn path(data: &Path) -> PathBuf {
    data.join("state.journal")
}

fn commit(revision: u64) -> Body {
    Body::Commit(proto::Commit { revision, ..proto::Commit::default() })
}

fn say(bytes: &mut Vec<u8>, body: Body) {
    Update { body: Some(body) }.encode_length_delimited(bytes).expect("a vector grows");
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::HostNumber;
    use havip_reconcile::item::HostItem;

    fn host(number: u32) -> Item {
        Item::Host(HostItem {
            number: HostNumber::new(number).unwrap(),
            name: format!("host {number}"),
            underlay: [192, 0, 2, number as u8].into(),
            peer_endpoint: String::new(),
            is_edge: false,
        })
    }

    fn state(revision: u64, numbers: &[u32]) -> State {
        let items = numbers.iter().map(|number| (host(*number).key(), host(*number))).collect();
        State { epoch: "e".into(), revision, items }
    }

    fn position(revision: u64) -> Position {
        Position { epoch: "e".into(), revision }
    }

    /// Host 3 comes with revision 8, host 1 goes with revision 9.
    fn journal(path: &Path) {
        let mut journal = Journal::default();
        let comes = BTreeMap::from([(host(3).key(), Some(host(3)))]);
        journal.append(path, &position(7), &position(8), &comes).unwrap();
        let goes = BTreeMap::from([(host(1).key(), None)]);
        journal.append(path, &position(7), &position(9), &goes).unwrap();
    }

    #[test]
    fn what_was_committed_after_the_state_was_written_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path());
        let mut read = state(7, &[1, 2]);
        assert_eq!(replay(&path, &mut read), 0);
        journal(&path);
        assert_eq!(replay(&path, &mut read), 2);
        assert_eq!(read, state(9, &[2, 3]));
    }

    #[test]
    fn a_commit_that_was_cut_off_never_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path());
        journal(&path);
        let bytes = fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            let mut read = state(7, &[1, 2]);
            let commits = replay(&path, &mut read);
            let expected = if commits == 0 { state(7, &[1, 2]) } else { state(8, &[1, 2, 3]) };
            assert_eq!(read, expected, "{length} bytes");
        }
    }

    #[test]
    fn a_journal_of_before_another_state_is_of_no_use() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path());
        journal(&path);
        for other in [state(9, &[2]), State { epoch: "f".into(), ..state(7, &[2]) }] {
            let mut read = other.clone();
            assert_eq!(replay(&path, &mut read), 0);
            assert_eq!(read, other);
        }
    }
}
