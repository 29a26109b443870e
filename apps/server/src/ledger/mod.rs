//! Decisions become durable here: decided on the newest state, committed in groups, seen when they are safe.
//!
//! Two states: `ahead` has every decision that was taken, `durable` those that are on disk. Decisions rest on
//! `ahead`, so that they need not wait for each other's commit; readers, agents and answers see `durable` only.

mod committer;
mod load;
mod state;
#[cfg(test)]
mod tests;
mod timeline;
mod trail;

use havip_model::{Event, EventKind, ResourceKey, Timestamp, World};
use havip_reconcile::view::Difference;
use havip_store::{Revision, Store, stored::Stored};
pub use state::{Removal, State, Write};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, RwLock},
};
use tokio::sync::{Notify, broadcast, oneshot, watch};

use crate::agents::Tracker;

/// The server's memory in front of the store.
pub struct Ledger {
    store: Arc<dyn Store>,
    decisions: Mutex<Decisions>,
    durable: RwLock<Durable>,
    wake: Notify,
    commits: broadcast::Sender<Arc<Committed>>,
    revision: watch::Sender<u64>,
    tracker: Arc<Tracker>,
}

struct Decisions {
    ahead: State,
    queue: Vec<Queued>,
    /// The store does not answer as it should: nothing is decided until it was read anew.
    is_stuck: bool,
}

struct Queued {
    write: Write,
    operations: Vec<(String, Option<Vec<u8>>)>,
    done: oneshot::Sender<Result<u64, CommitError>>,
}

/// What is on disk.
pub struct Durable {
    /// The state.
    pub state: State,
    /// Its revision.
    pub revision: u64,
    /// When [`Stored::Newest`] was last written.
    newest: Revision,
    /// Worlds of the past, oldest first, so that a host that comes back gets only what it missed.
    past: VecDeque<(u64, World)>,
}

/// What a commit means to the hosts.
pub struct Committed {
    /// Its revision.
    pub revision: u64,
    /// What differs, in order.
    pub differences: Vec<Difference>,
}

/// Why a decision is not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Another server committed in between: decide again.
    #[error("another server changed something at the same time")]
    Conflict,
    /// The store failed; whether the change happened is not known.
    #[error("the store failed; it is not known whether the change happened")]
    Unknown,
}

/// A decision on its way to the disk.
pub struct Ticket(oneshot::Receiver<Result<u64, CommitError>>);

impl Ticket {
    /// Waits until the decision is durable; the revision from which on it is seen.
    pub async fn durable(self) -> Result<u64, CommitError> {
        self.0.await.unwrap_or(Err(CommitError::Unknown))
    }
}

impl Ledger {
    /// Decides on the newest state and queues what was decided, in one step that no other decision enters.
    ///
    /// `decide` also returns what the caller wants to keep of the state that it saw.
    pub fn decide<T, E: From<CommitError>>(
        &self,
        decide: impl FnOnce(&State) -> Result<(Write, T), E>,
    ) -> Result<(Ticket, T), E> {
        let mut decisions = self.decisions.lock().expect("no decision panics");
        if decisions.is_stuck {
            return Err(CommitError::Unknown.into());
        }
        let (mut write, kept) = decide(&decisions.ahead)?;
        // Operations need the world only, and a world's copy costs nothing.
        let before = decisions.ahead.world.clone();
        decisions.ahead.name_projects(&mut write);
        decisions.ahead.trail.link(&mut write);
        decisions.ahead.apply(&write);
        for event in write.events() {
            if let Some(old) = decisions.ahead.timeline.excess(&event) {
                decisions.ahead.timeline.remove(old);
                write.removals.push(Removal::Event(old));
            }
        }
        let operations = write.operations(&before);
        let (done, ticket) = oneshot::channel();
        decisions.queue.push(Queued { write, operations, done });
        drop(decisions);
        self.wake.notify_one();
        Ok((Ticket(ticket), kept))
    }

    /// Reads what is durable.
    pub fn read<T>(&self, read: impl FnOnce(&Durable) -> T) -> T {
        read(&self.durable.read().expect("no reader panics"))
    }

    /// Follows the revision of what is durable.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Reads what is durable and follows what comes behind it, without a gap.
    pub fn follow<T>(&self, read: impl FnOnce(&Durable) -> T) -> (T, broadcast::Receiver<Arc<Committed>>) {
        let durable = self.durable.read().expect("no reader panics");
        (read(&durable), self.commits.subscribe())
    }
}

impl Durable {
    /// The world as a host knows it that has everything up to this revision; none if that is forgotten.
    pub fn world_at(&self, revision: u64) -> Option<&World> {
        if revision > self.revision {
            return None;
        }
        self.past.iter().rev().find(|(from, _)| *from <= revision).map(|(_, world)| world)
    }

    fn remember(&mut self) {
        self.past.push_back((self.revision, self.state.world.clone()));
        if self.past.len() > PAST_WORLDS {
            self.past.pop_front();
        }
    }
}

impl Write {
    /// Adds an event; the ledger's newest number is `last`.
    pub fn event(&mut self, last: u64, at: Timestamp, kind: EventKind) {
        let sequence = last + 1 + self.events().count() as u64;
        self.puts.push(Stored::Event(Event { sequence, at, project: None, kind }));
    }

    fn events(&self) -> std::vec::IntoIter<Event> {
        let events = self.puts.iter().filter_map(|put| match put {
            Stored::Event(event) => Some(event.clone()),
            _ => None,
        });
        events.collect::<Vec<_>>().into_iter()
    }

    /// The resources that it writes or deletes.
    pub fn touched(&self) -> impl Iterator<Item = ResourceKey> + '_ {
        let change = self.change.iter();
        change.flat_map(|change| {
            change.deletes.iter().copied().chain(change.puts.iter().map(havip_model::Resource::key))
        })
    }
}

/// A host that was away for this many changes gets everything anew.
const PAST_WORLDS: usize = 4096;
/// A session that is so many commits behind is closed and begins again.
const COMMITS_BEHIND: usize = 4096;
