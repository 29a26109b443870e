//! One transaction within the writer's SQLite transaction.

use super::lease::Leases;
use crate::{Commit, Compare, Entry, Event, LeaseId, Operation, Outcome, Revision, StoreError, Transaction};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

/// Refuses what makes no sense before it reaches the writer.
pub fn check(transaction: &Transaction) -> Result<(), StoreError> {
    let mut keys = BTreeSet::new();
    for operation in &transaction.operations {
        let key = operation.key();
        if key.is_empty() || key.len() > MOST_KEY_BYTES {
            return Err(StoreError::Invalid(format!(
                "a key has 1 to {MOST_KEY_BYTES} bytes, {key:.64?} has not"
            )));
        }
        if !keys.insert(key) {
            return Err(StoreError::Invalid(format!("{key:?} is written twice")));
        }
        if let Operation::Put { value, .. } = operation
            && value.len() > MOST_VALUE_BYTES
        {
            return Err(StoreError::Invalid(format!(
                "the value of {key:?} has more than {MOST_VALUE_BYTES} bytes"
            )));
        }
    }
    Ok(())
}

/// What a transaction came to.
pub enum Applied {
    /// It changed something.
    Changed(Commit),
    /// Its preconditions held, and there was nothing to change.
    Unchanged,
    /// Nothing was written.
    Refused(Result<Outcome, StoreError>),
}

/// Writes a transaction under a revision if its preconditions hold.
///
/// # Errors
/// Only those of SQLite: they are the end of the whole group.
pub fn apply(
    connection: &Connection,
    transaction: &Transaction,
    leases: &Leases,
    revision: Revision,
) -> rusqlite::Result<Applied> {
    for Compare { key, modified } in &transaction.compares {
        let found = find(connection, key)?.map_or(Revision(0), |entry| entry.modified);
        if found != *modified {
            let conflict = Outcome::Conflict { key: key.clone(), modified: found };
            return Ok(Applied::Refused(Ok(conflict)));
        }
    }
    for operation in &transaction.operations {
        if let Operation::Put { lease: Some(lease), .. } = operation
            && !leases.contains(*lease)
        {
            return Ok(Applied::Refused(Err(StoreError::NoSuchLease(*lease))));
        }
    }
    let mut events = Vec::with_capacity(transaction.operations.len());
    for operation in &transaction.operations {
        let position = events.len();
        events.extend(write(connection, operation, &transaction.actor, revision, position)?);
    }
    Ok(if events.is_empty() { Applied::Unchanged } else { Applied::Changed(Commit { revision, events }) })
}

fn write(
    connection: &Connection,
    operation: &Operation,
    actor: &str,
    revision: Revision,
    position: usize,
) -> rusqlite::Result<Option<Event>> {
    let old = find(connection, operation.key())?;
    let event = match (operation, &old) {
        (Operation::Put { key, value, lease }, _) => {
            let (created, version) = old.as_ref().map_or((revision, 0), |old| (old.created, old.version));
            let version = version + 1;
            let entry = Entry {
                key: key.clone(),
                value: value.clone(),
                created,
                modified: revision,
                version,
                lease: *lease,
            };
            connection
                .prepare_cached("INSERT OR REPLACE INTO kv VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![key, value, created.0, revision.0, version, lease.map(|lease| lease.0)])?;
            Event::Put(entry)
        }
        (Operation::Delete { key }, Some(_)) => {
            connection.prepare_cached("DELETE FROM kv WHERE key = ?1")?.execute([key])?;
            Event::Delete { key: key.clone() }
        }
        (Operation::Delete { .. }, None) => return Ok(None),
    };
    log(connection, &event, old.as_ref(), actor, revision, position)?;
    Ok(Some(event))
}

fn log(
    connection: &Connection,
    event: &Event,
    old: Option<&Entry>,
    actor: &str,
    revision: Revision,
    position: usize,
) -> rusqlite::Result<()> {
    let new = match event {
        Event::Put(entry) => Some(entry),
        Event::Delete { .. } => None,
    };
    let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let insert = "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    connection.prepare_cached(insert)?.execute(params![
        revision.0,
        position,
        event.key(),
        new.map(|new| &new.value),
        new.map(|new| new.created.0),
        new.map(|new| new.version),
        new.and_then(|new| new.lease).map(|lease| lease.0),
        old.map(|old| &old.value),
        old.map(|old| old.created.0),
        old.map(|old| old.modified.0),
        old.map(|old| old.version),
        old.and_then(|old| old.lease).map(|lease| lease.0),
        actor,
        at_ms,
    ])?;
    Ok(())
}

fn find(connection: &Connection, key: &str) -> rusqlite::Result<Option<Entry>> {
    let select = "SELECT key, value, created, modified, version, lease FROM kv WHERE key = ?1";
    connection.prepare_cached(select)?.query_row([key], |row| entry(row, 0)).optional()
}

/// Reads an entry from six columns.
pub fn entry(row: &Row<'_>, from: usize) -> rusqlite::Result<Entry> {
    Ok(Entry {
        key: row.get(from)?,
        value: row.get(from + 1)?,
        created: Revision(row.get(from + 2)?),
        modified: Revision(row.get(from + 3)?),
        version: row.get(from + 4)?,
        lease: row.get::<_, Option<u64>>(from + 5)?.map(LeaseId),
    })
}

const MOST_KEY_BYTES: usize = 1024;
/// What etcd takes by default, so that both backends refuse alike.
const MOST_VALUE_BYTES: usize = 1_500_000;
