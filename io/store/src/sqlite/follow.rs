//! A watch: the log from where it begins, then what the writer says, then the log again if it fell behind.

use super::read::{self, Readers};
use crate::{Commit, Event, Revision, StoreError, watch::Follow};
use async_trait::async_trait;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::broadcast::{Receiver, error::RecvError};

pub struct Follower {
    readers: Arc<Readers>,
    commits: Receiver<Arc<Commit>>,
    start: String,
    end: Option<String>,
    /// The first revision that has been neither delivered nor put in `ready`.
    next: Revision,
    ready: VecDeque<Commit>,
    /// Everything before `next` is done, and everything from there on comes through `commits`.
    is_caught_up: bool,
}

impl Follower {
    /// Follows from a revision; `commits` must have been subscribed before anything was read.
    pub fn new(
        readers: Arc<Readers>,
        commits: Receiver<Arc<Commit>>,
        start: String,
        end: Option<String>,
        from: Revision,
    ) -> Self {
        let next = from.max(Revision(1));
        Self { readers, commits, start, end, next, ready: VecDeque::new(), is_caught_up: false }
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let (start, end, from) = (self.start.clone(), self.end.clone(), self.next);
        let replay = move |connection: &_| read::replay(connection, &start, end.as_deref(), from, WINDOW);
        let (commits, until) = self.readers.run(replay).await?;
        self.is_caught_up = until.0 < from.0 + WINDOW;
        self.ready.extend(commits);
        self.next = until;
        Ok(())
    }

    fn concerns(&self, event: &Event) -> bool {
        let key = event.key();
        key >= self.start.as_str() && self.end.as_deref().is_none_or(|end| key < end)
    }
}

#[async_trait]
impl Follow for Follower {
    async fn next(&mut self) -> Result<Commit, StoreError> {
        loop {
            if let Some(commit) = self.ready.pop_front() {
                return Ok(commit);
            }
            if !self.is_caught_up {
                self.catch_up().await?;
                continue;
            }
            match self.commits.recv().await {
                Ok(commit) if commit.revision < self.next => {} // replayed already
                Ok(commit) => {
                    self.next = commit.revision.next();
                    let events: Vec<_> =
                        commit.events.iter().filter(|event| self.concerns(event)).cloned().collect();
                    if !events.is_empty() {
                        return Ok(Commit { revision: commit.revision, events });
                    }
                }
                Err(RecvError::Lagged(_)) => self.is_caught_up = false,
                Err(RecvError::Closed) => return Err(StoreError::Closed),
            }
        }
    }
}

/// Revisions that are read at once.
const WINDOW: u64 = 1000;
