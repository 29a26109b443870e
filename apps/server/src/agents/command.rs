//! Commands that an agent carries out: programs in instances, consoles, counters.

use havip_model::HostNumber;
use havip_stream::proto::{Command, CommandResult, command::Body};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

use super::Tracker;

/// Gives the agent of one session commands and hands the results to those who wait.
#[derive(Clone)]
pub struct Commands {
    send: mpsc::Sender<Command>,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<CommandResult>>>>,
    next: Arc<AtomicU64>,
}

/// Why a command has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is nobody to carry it out.
    #[error("host {0} is not heard")]
    HostLost(HostNumber),
    /// The host has more commands than it can take.
    #[error("host {0} has too many commands already")]
    Busy(HostNumber),
    /// No result came in time.
    #[error("host {host} did not answer within {} ms", limit.as_millis())]
    TooSlow {
        /// The host.
        host: HostNumber,
        /// The time it had.
        limit: Duration,
    },
    /// The agent could not do it.
    #[error("{0}")]
    Failed(String),
}

impl Commands {
    /// What a session gives out, and the commands that it is to send on.
    pub fn new() -> (Self, mpsc::Receiver<Command>) {
        let (send, receive) = mpsc::channel(MOST_COMMANDS);
        (Self { send, waiting: Arc::default(), next: Arc::default() }, receive)
    }

    /// Hands a result to the one who waits for it.
    pub fn finish(&self, result: CommandResult) {
        let waiting = self.waiting.lock().expect("nothing panics while it holds the list").remove(&result.id);
        if let Some(waiting) = waiting {
            // Whoever gave up waiting does not want it any more.
            let _ = waiting.send(result);
        }
    }

    async fn run(
        &self,
        host: HostNumber,
        body: Body,
        limit: Duration,
    ) -> Result<CommandResult, CommandError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let (done, result) = oneshot::channel();
        self.waiting.lock().expect("nothing panics while it holds the list").insert(id, done);
        let forget = Forget { commands: self, id };
        self.send.try_send(Command { id, body: Some(body) }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CommandError::Busy(host),
            mpsc::error::TrySendError::Closed(_) => CommandError::HostLost(host),
        })?;
        let result = tokio::time::timeout(limit, result).await;
        drop(forget);
        let result = result.map_err(|_| CommandError::TooSlow { host, limit })?;
        let result = result.map_err(|_| CommandError::HostLost(host))?;
        match result.error.is_empty() {
            true => Ok(result),
            false => Err(CommandError::Failed(result.error)),
        }
    }
}

/// Ends the waiting, also when whoever waited was dropped.
struct Forget<'a> {
    commands: &'a Commands,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.commands.waiting.lock().expect("nothing panics while it holds the list").remove(&self.id);
    }
}

impl Tracker {
    /// Lets a host's agent carry something out.
    pub async fn command(
        &self,
        host: HostNumber,
        body: Body,
        limit: Duration,
    ) -> Result<CommandResult, CommandError> {
        let commands = self.host(host, |life| life.and_then(|life| life.commands.clone()));
        commands.ok_or(CommandError::HostLost(host))?.run(host, body, limit).await
    }
}

/// Commands that wait for one agent at most.
const MOST_COMMANDS: usize = 64;
