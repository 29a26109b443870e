//! The one thread that writes: it takes all orders that wait, writes them in one SQLite transaction, and
//! answers when that is on the disk.

use super::{group::Group, layout, lease::Leases};
use crate::{Commit, LeaseId, Outcome, Revision, StoreError, Transaction};
use rusqlite::{Connection, TransactionBehavior};
use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{broadcast, oneshot};

/// Who waits for what becomes of an order.
pub type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
pub enum Order {
    Commit { transaction: Transaction, answer: Answer<Outcome> },
    Grant { ttl: Duration, answer: Answer<LeaseId> },
    KeepAlive { lease: LeaseId, answer: Answer<()> },
    Revoke { lease: LeaseId, answer: Answer<()> },
    Compact { up_to: Revision, answer: Answer<()> },
}

/// The writer, for those who have orders.
pub struct Writer {
    orders: Option<mpsc::Sender<Order>>,
    commits: broadcast::Sender<Arc<Commit>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Begins to write; the log keeps `history` revisions and a few more.
    pub fn start(
        connection: Connection,
        history: u64,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (orders, waiting) = mpsc::channel();
        let (commits, _) = broadcast::channel(BROADCAST);
        let revision = Revision(layout::get(&connection, "revision")?);
        let floor = Revision(layout::get(&connection, "floor")?);
        let leases = Leases::load(&connection, Instant::now())?;
        let mut desk = Desk { connection, commits: commits.clone(), revision, floor, leases, history };
        let thread =
            std::thread::Builder::new().name("store-writer".into()).spawn(move || desk.work(&waiting))?;
        Ok(Self { orders: Some(orders), commits, thread: Some(thread) })
    }

    /// Gives an order and waits for what becomes of it.
    pub async fn ask<T>(&self, order: impl FnOnce(Answer<T>) -> Order) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let orders = self.orders.as_ref().ok_or(StoreError::Closed)?;
        orders.send(order(answer)).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Every commit from now on, after it is durable.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.subscribe()
    }
}

impl Drop for Writer {
    /// Finishes the orders that were given and closes the file.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Desk {
    connection: Connection,
    commits: broadcast::Sender<Arc<Commit>>,
    revision: Revision,
    floor: Revision,
    leases: Leases,
    history: u64,
}

impl Desk {
    fn work(&mut self, waiting: &mpsc::Receiver<Order>) {
        loop {
            let first = match self.leases.next_end() {
                None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(end) => waiting.recv_timeout(end.saturating_duration_since(Instant::now())),
            };
            let first = match first {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let orders = first.into_iter().chain(waiting.try_iter()).take(GROUP);
            let orders: Vec<_> = orders.collect();
            self.serve(orders);
        }
    }

    fn serve(&mut self, orders: Vec<Order>) {
        let mut group = Group {
            revision: self.revision,
            floor: self.floor,
            leases: self.leases.clone(),
            commits: Vec::new(),
            answers: Vec::with_capacity(orders.len()),
        };
        let written = self.write(&mut group, orders);
        let failure = written.err().map(|source| StoreError::Write(Arc::new(source)));
        match &failure {
            None => {
                self.revision = group.revision;
                self.floor = group.floor;
                self.leases = group.leases;
                for commit in group.commits {
                    drop(self.commits.send(Arc::new(commit))); // nobody may be watching
                }
            }
            Some(failure) => {
                tracing::error!(error = ?failure, orders = group.answers.len(), "the store could not write");
                std::thread::sleep(PAUSE_AFTER_FAILURE); // a full disk would otherwise keep this thread busy
            }
        }
        group.answers.into_iter().for_each(|answer| answer(failure.as_ref()));
    }

    fn write(&mut self, group: &mut Group, orders: Vec<Order>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut broken = transaction.as_ref().err().map(|_| ());
        let mut result = Ok(());
        for order in orders {
            // After a failure the rest is only answered.
            let connection = transaction.as_ref().ok().filter(|_| broken.is_none());
            if let Err(error) = group.take(connection.map(|transaction| &**transaction), order) {
                (broken, result) = (Some(()), Err(error));
            }
        }
        result?;
        let transaction = transaction?;
        for lease in group.leases.ended(Instant::now()) {
            group.end_lease(&transaction, lease)?;
        }
        if group.revision != self.revision {
            layout::set(&transaction, "revision", group.revision.0)?;
        }
        group.forget_old(&transaction, self.history)?;
        transaction.commit()
    }
}

/// Orders that share one sync at most.
const GROUP: usize = 1024;
/// Commits that a watch may fall behind before it reads the log again.
const BROADCAST: usize = 4096;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
