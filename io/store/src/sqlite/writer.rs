//! The one thread that writes: it takes all orders that wait, writes them in one SQLite transaction, and
//! answers when that is on the disk.

use super::{
    apply::{self, Applied},
    layout,
    lease::Leases,
};
use crate::{Commit, LeaseId, Operation, Outcome, Revision, StoreError, Transaction};
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

/// Sends an answer, or the failure of the whole group.
type Reply = Box<dyn FnOnce(Option<&StoreError>)>;
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

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
    pub fn start(connection: Connection) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (orders, waiting) = mpsc::channel();
        let (commits, _) = broadcast::channel(BROADCAST);
        let revision = Revision(layout::get(&connection, "revision")?);
        let leases = Leases::load(&connection, Instant::now())?;
        let mut desk = Desk { connection, commits: commits.clone(), revision, leases };
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
    leases: Leases,
}

/// What a group has come to, given out once it is durable.
struct Group {
    revision: Revision,
    leases: Leases,
    commits: Vec<Commit>,
    answers: Vec<Reply>,
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
            leases: self.leases.clone(),
            commits: Vec::new(),
            answers: Vec::with_capacity(orders.len()),
        };
        let written = self.write(&mut group, orders);
        let failure = written.err().map(|source| StoreError::Write(Arc::new(source)));
        match &failure {
            None => {
                self.revision = group.revision;
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
        transaction.commit()
    }
}

impl Group {
    /// Carries out an order, or only notes whom to answer if there is no transaction to do it in.
    fn take(&mut self, connection: Option<&Connection>, order: Order) -> rusqlite::Result<()> {
        match order {
            Order::Commit { transaction, answer } => {
                self.answer(answer, connection, |group, connection| group.commit(connection, &transaction))
            }
            Order::Grant { ttl, answer } => {
                self.answer(answer, connection, |group, connection| group.grant(connection, ttl))
            }
            Order::KeepAlive { lease, answer } => self.answer(answer, connection, |group, _| {
                let is_there = group.leases.keep_alive(lease, Instant::now());
                Ok(if is_there { Ok(()) } else { Err(StoreError::NoSuchLease(lease)) })
            }),
            Order::Revoke { lease, answer } => self.answer(answer, connection, |group, connection| {
                if !group.leases.contains(lease) {
                    return Ok(Err(StoreError::NoSuchLease(lease)));
                }
                group.end_lease(connection, lease).map(Ok)
            }),
            Order::Compact { up_to, answer } => {
                self.answer(answer, connection, |group, connection| group.compact(connection, up_to))
            }
        }
    }

    /// Does something and keeps its result until the group is durable.
    fn answer<T: 'static>(
        &mut self,
        answer: Answer<T>,
        connection: Option<&Connection>,
        work: impl FnOnce(&mut Self, &Connection) -> rusqlite::Result<Result<T, StoreError>>,
    ) -> rusqlite::Result<()> {
        let done = connection.map(|connection| work(self, connection)).transpose();
        let (result, error) = match done {
            Ok(result) => (result, None),
            Err(error) => (None, Some(error)),
        };
        self.answers.push(Box::new(move |failure| {
            let result = match (failure, result) {
                (Some(StoreError::Write(source)), _) => Err(StoreError::Write(source.clone())),
                (Some(_), _) | (None, None) => Err(StoreError::Closed),
                (None, Some(result)) => result,
            };
            drop(answer.send(result)); // whoever asked may have gone
        }));
        error.map_or(Ok(()), Err)
    }

    fn commit(
        &mut self,
        connection: &Connection,
        transaction: &Transaction,
    ) -> rusqlite::Result<Result<Outcome, StoreError>> {
        let revision = self.revision.next();
        Ok(match apply::apply(connection, transaction, &self.leases, revision)? {
            Applied::Changed(commit) => {
                self.revision = revision;
                self.commits.push(commit);
                Ok(Outcome::Committed(revision))
            }
            Applied::Unchanged => Ok(Outcome::Committed(self.revision)),
            Applied::Refused(outcome) => outcome,
        })
    }

    fn grant(
        &mut self,
        connection: &Connection,
        ttl: Duration,
    ) -> rusqlite::Result<Result<LeaseId, StoreError>> {
        let id = layout::get(connection, "lease")? + 1;
        layout::set(connection, "lease", id)?;
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX >> 1);
        connection.prepare_cached("INSERT INTO lease VALUES (?1, ?2)")?.execute([id, ttl_ms])?;
        self.leases.grant(LeaseId(id), Duration::from_millis(ttl_ms), Instant::now());
        Ok(Ok(LeaseId(id)))
    }

    /// Deletes a lease and its keys, all of them in one revision.
    fn end_lease(&mut self, connection: &Connection, lease: LeaseId) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached("SELECT key FROM kv WHERE lease = ?1 ORDER BY key")?;
        let keys: Vec<String> = select.query_map([lease.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let operations = keys.into_iter().map(|key| Operation::Delete { key }).collect();
        let transaction =
            Transaction { compares: Vec::new(), operations, actor: format!("lease {}", lease.0) };
        drop(self.commit(connection, &transaction)?); // deletes without preconditions are never refused
        connection.prepare_cached("DELETE FROM lease WHERE id = ?1")?.execute([lease.0])?;
        self.leases.remove(lease);
        Ok(())
    }

    fn compact(
        &mut self,
        connection: &Connection,
        up_to: Revision,
    ) -> rusqlite::Result<Result<(), StoreError>> {
        if up_to > self.revision {
            return Ok(Err(StoreError::Future { asked: up_to, newest: self.revision }));
        }
        if up_to.0 > layout::get(connection, "floor")? {
            connection.execute("DELETE FROM log WHERE revision <= ?1", [up_to.0])?;
            layout::set(connection, "floor", up_to.0)?;
        }
        Ok(Ok(()))
    }
}

/// Orders that share one sync at most.
const GROUP: usize = 1024;
/// Commits that a watch may fall behind before it reads the log again.
const BROADCAST: usize = 4096;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
