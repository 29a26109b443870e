//! What the orders of one group come to, before it is durable.

use super::{
    apply::{self, Applied},
    layout,
    lease::Leases,
    writer::{Answer, Order},
};
use crate::{Commit, LeaseId, Operation, Outcome, Revision, StoreError, Transaction};
use rusqlite::Connection;
use std::time::{Duration, Instant};

/// What a group has come to, given out once it is durable.
pub struct Group {
    pub revision: Revision,
    pub floor: Revision,
    pub leases: Leases,
    pub commits: Vec<Commit>,
    pub answers: Vec<Reply>,
}

/// Sends an answer, or the failure of the whole group.
pub type Reply = Box<dyn FnOnce(Option<&StoreError>)>;

impl Group {
    /// Carries out an order, or only notes whom to answer if there is no transaction to do it in.
    pub fn take(&mut self, connection: Option<&Connection>, order: Order) -> rusqlite::Result<()> {
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
    pub fn end_lease(&mut self, connection: &Connection, lease: LeaseId) -> rusqlite::Result<()> {
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
        if up_to > self.floor {
            connection.prepare_cached("DELETE FROM log WHERE revision <= ?1")?.execute([up_to.0])?;
            layout::set(connection, "floor", up_to.0)?;
            self.floor = up_to;
        }
        Ok(Ok(()))
    }

    /// Forgets what is older than the history that is kept, in slices so small that nobody waits for it.
    pub fn forget_old(&mut self, connection: &Connection, history: u64) -> rusqlite::Result<()> {
        let due = Revision(self.revision.0.saturating_sub(history));
        if due.0 < self.floor.0 + SLICE {
            return Ok(());
        }
        let up_to = due.min(Revision(self.floor.0 + 4 * SLICE));
        self.compact(connection, up_to).map(drop) // it is no revision to come
    }
}

/// Revisions that are forgotten at once: a few milliseconds' work.
const SLICE: u64 = 200;
