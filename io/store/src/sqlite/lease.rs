//! Leases: how long they still live.

use crate::LeaseId;
use rusqlite::Connection;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// All living leases. A store that is opened anew gives each its whole time once more, for nobody could
/// keep them alive meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Leases(BTreeMap<LeaseId, Lease>);

#[derive(Debug, Clone, Copy)]
struct Lease {
    ttl: Duration,
    ends_at: Instant,
}

impl Leases {
    pub fn load(connection: &Connection, now: Instant) -> rusqlite::Result<Self> {
        let mut leases = Self::default();
        let mut statement = connection.prepare("SELECT id, ttl_ms FROM lease")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            leases.grant(LeaseId(row.get(0)?), Duration::from_millis(row.get(1)?), now);
        }
        Ok(leases)
    }

    pub fn grant(&mut self, id: LeaseId, ttl: Duration, now: Instant) {
        self.0.insert(id, Lease { ttl, ends_at: now + ttl });
    }

    pub fn contains(&self, id: LeaseId) -> bool {
        self.0.contains_key(&id)
    }

    /// Whether the lease was there to be kept alive.
    pub fn keep_alive(&mut self, id: LeaseId, now: Instant) -> bool {
        let lease = self.0.get_mut(&id);
        let was_there = lease.is_some();
        if let Some(lease) = lease {
            lease.ends_at = now + lease.ttl;
        }
        was_there
    }

    pub fn remove(&mut self, id: LeaseId) {
        self.0.remove(&id);
    }

    /// Those that have run out.
    pub fn ended(&self, now: Instant) -> Vec<LeaseId> {
        self.0.iter().filter(|(_, lease)| lease.ends_at <= now).map(|(id, _)| *id).collect()
    }

    /// When the next one runs out.
    pub fn next_end(&self) -> Option<Instant> {
        self.0.values().map(|lease| lease.ends_at).min()
    }
}
