//! What the server last said, kept on disk so that a host boots while the servers are dead.

use crate::disk;
use anyhow::Context;
use havip_reconcile::item::{Item, ItemKey};
use havip_stream::convert::{self, Changed};
use havip_stream::proto;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The items of this host at one revision of one server history.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct State {
    /// Which server history the revision belongs to.
    pub epoch: String,
    /// The last commit.
    pub revision: u64,
    /// The items.
    pub items: BTreeMap<ItemKey, Item>,
}

impl State {
    /// The bytes of the file: the position, then each item behind its length.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let position = proto::Hello {
            last_revision: self.revision,
            epoch: self.epoch.clone(),
            ..proto::Hello::default()
        };
        let grows = "a vector grows";
        position.encode_length_delimited(&mut bytes).expect(grows);
        for item in self.items.values() {
            convert::change(item).encode_length_delimited(&mut bytes).expect(grows);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut rest = bytes.strip_prefix(MAGIC).context("it is of another version")?;
        let position = proto::Hello::decode_length_delimited(&mut rest)?;
        let mut items = BTreeMap::new();
        while !rest.is_empty() {
            let change = proto::Change::decode_length_delimited(&mut rest)?;
            if let Changed::Is(item) = Changed::try_from(change)? {
                items.insert(item.key(), item);
            }
        }
        Ok(Self { epoch: position.epoch, revision: position.last_revision, items })
    }

    /// Reads the file; a damaged one is as good as none, for the server sends everything again.
    pub fn load(path: &Path) -> Option<Self> {
        let read = disk::read(path).and_then(|bytes| bytes.map(|bytes| Self::decode(&bytes)).transpose());
        read.unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), error = format!("{error:#}"), "the kept state is not usable");
            None
        })
    }

    /// Writes the file in one step.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        disk::write(path, &self.encode())
    }
}

/// Where the state is kept.
pub fn path(data: &Path) -> PathBuf {
    data.join("state")
}

/// Collects the changes between a begin and a commit, so that half a change is never acted on.
#[derive(Debug, Default)]
pub struct Incoming {
    full: bool,
    epoch: Option<String>,
    changes: BTreeMap<ItemKey, Option<Item>>,
    /// Items that could not be read, by the text of their key.
    unreadable: BTreeMap<String, String>,
}

/// What a commit changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Each item that is new, different or gone (none).
    pub changed: BTreeMap<ItemKey, Option<Item>>,
    /// What was not understood, for the acknowledgement.
    pub unreadable: BTreeMap<String, String>,
}

impl Incoming {
    /// Everything, or what has changed, follows up to the next commit.
    pub fn begin(&mut self, begin: proto::Begin) {
        *self = Self { full: begin.full, epoch: Some(begin.epoch), ..Self::default() };
    }

    /// One item, or its end.
    pub fn change(&mut self, change: proto::Change) {
        let name = change.key.clone();
        match Changed::try_from(change) {
            Ok(Changed::Is(item)) => _ = self.changes.insert(item.key(), Some(item)),
            Ok(Changed::Gone(key)) => _ = self.changes.insert(key, None),
            Err(error) => {
                tracing::warn!(key = name, %error, "the server sent an item that this version does not understand");
                self.unreadable.insert(name, error.to_string());
            }
        }
    }

    /// Makes the changes so far part of the state, and says what is different from before.
    pub fn commit(&mut self, revision: u64, state: &mut State) -> Committed {
        let taken = std::mem::take(self);
        if let Some(epoch) = taken.epoch {
            state.epoch = epoch;
        }
        state.revision = revision;
        let mut changes = taken.changes;
        if taken.full {
            let kept: BTreeSet<ItemKey> = changes.keys().copied().collect();
            changes.extend(state.items.keys().filter(|key| !kept.contains(key)).map(|key| (*key, None)));
        }
        changes.retain(|key, item| state.items.get(key) != item.as_ref());
        for (key, item) in &changes {
            match item {
                Some(item) => _ = state.items.insert(*key, item.clone()),
                None => _ = state.items.remove(key),
            }
        }
        Committed { changed: changes, unreadable: taken.unreadable }
    }
}

const MAGIC: &[u8] = b"havip state 1\n";

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::HostNumber;
    use havip_reconcile::item::HostItem;

    fn host(number: u32, name: &str) -> Item {
        Item::Host(HostItem {
            number: HostNumber::new(number).unwrap(),
            name: name.into(),
            underlay: [192, 0, 2, 1].into(),
            peer_endpoint: String::new(),
            is_edge: false,
        })
    }

    fn begin(incoming: &mut Incoming, full: bool) {
        incoming.begin(proto::Begin { full, epoch: "e".into() });
    }

    #[test]
    fn the_state_reads_back_as_it_was_saved() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path());
        assert_eq!(State::load(&path), None);
        let items = [host(1, "one"), host(2, "two")].map(|item| (item.key(), item));
        let state = State { epoch: "abc".into(), revision: 7, items: items.into() };
        state.save(&path).unwrap();
        assert_eq!(State::load(&path), Some(state));
    }

    #[test]
    fn a_damaged_state_is_as_good_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path());
        let items = [host(1, "one")].map(|item| (item.key(), item));
        let bytes = State { items: items.into(), ..State::default() }.encode();
        for length in MAGIC.len() + 2..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(State::load(&path), None, "{length} bytes");
        }
    }

    #[test]
    fn a_full_state_removes_what_it_does_not_name_and_repeats_nothing() {
        let (mut state, mut incoming) = (State::default(), Incoming::default());
        begin(&mut incoming, true);
        incoming.change(convert::change(&host(1, "one")));
        incoming.change(convert::change(&host(2, "two")));
        assert_eq!(incoming.commit(1, &mut state).changed.len(), 2);

        begin(&mut incoming, true);
        incoming.change(convert::change(&host(2, "two")));
        incoming.change(convert::change(&host(3, "three")));
        let changed = incoming.commit(2, &mut state).changed;
        let expected = [(host(1, "one").key(), None), (host(3, "three").key(), Some(host(3, "three")))];
        assert_eq!(changed, BTreeMap::from(expected));
        assert_eq!((state.revision, state.epoch.as_str(), state.items.len()), (2, "e", 2));
    }

    #[test]
    fn a_broken_stream_leaves_no_half_of_a_change() {
        let (mut state, mut incoming) = (State::default(), Incoming::default());
        begin(&mut incoming, true);
        incoming.change(convert::change(&host(1, "one")));
        begin(&mut incoming, false);
        assert_eq!(incoming.commit(1, &mut state), Committed::default());
        assert!(state.items.is_empty());
    }

    #[test]
    fn an_item_that_is_not_understood_is_named_at_the_commit() {
        let (mut state, mut incoming) = (State::default(), Incoming::default());
        incoming.change(proto::Change { key: "moon/1".into(), item: None });
        let committed = incoming.commit(1, &mut state);
        assert!(committed.unreadable["moon/1"].contains("does not know"));
    }
}
