//! Decisions against a store that fails, and against another server.

use super::{CommitError, Ledger, State, Ticket, Write};
use crate::{agents::Tracker, entropy};
use async_trait::async_trait;
use havip_admission::{Facts, Request, admit, request};
use havip_store::{LeaseId, Outcome, Query, Range, Revision, Sqlite, Store, StoreError, Transaction, Watch};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A store that fails to commit while it is told to.
struct Flaky {
    inner: Sqlite,
    fails: AtomicBool,
}

#[async_trait]
impl Store for Flaky {
    async fn range(&self, query: Query) -> Result<Range, StoreError> {
        self.inner.range(query).await
    }
    async fn commit(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(StoreError::Write(Arc::new(std::io::Error::other("no space left")))),
            false => self.inner.commit(transaction).await,
        }
    }
    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch, StoreError> {
        self.inner.watch(prefix, from).await
    }
    async fn grant(&self, ttl: Duration) -> Result<LeaseId, StoreError> {
        self.inner.grant(ttl).await
    }
    async fn keep_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.inner.keep_alive(lease).await
    }
    async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.inner.revoke(lease).await
    }
    async fn compact(&self, up_to: Revision) -> Result<(), StoreError> {
        self.inner.compact(up_to).await
    }
    async fn revision(&self) -> Result<Revision, StoreError> {
        self.inner.revision().await
    }
    async fn backup(&self, to: &Path) -> Result<Revision, StoreError> {
        self.inner.backup(to).await
    }
}

fn store(directory: &tempfile::TempDir) -> Arc<Flaky> {
    let inner = Sqlite::open(&directory.path().join("havip.db")).unwrap();
    Arc::new(Flaky { inner, fails: AtomicBool::new(false) })
}

fn make_vpc(ledger: &Ledger, name: &str) -> Result<Ticket, CommitError> {
    let request: Request = request::CreateVpc {
        texts: request::Texts { name: name.into(), description: String::new() },
        region: "local".into(),
        cidr: "10.0.0.0/8".parse().unwrap(),
        cidr6: None,
    }
    .into();
    let decide = |state: &State| {
        let facts = Facts { now: entropy::now(), entropy: entropy::random(), ..Facts::default() };
        let mut write = Write::by("test");
        write.change = Some(admit(&state.world, &request, &facts).unwrap());
        Ok((write, ()))
    };
    ledger.decide(decide).map(|(ticket, ())| ticket)
}

fn names(ledger: &Ledger) -> Vec<String> {
    ledger.read(|durable| {
        let mut names: Vec<_> = durable.state.world.vpcs.values().map(|vpc| vpc.meta.name.clone()).collect();
        names.sort();
        names
    })
}

#[tokio::test]
async fn what_the_store_did_not_take_is_forgotten_and_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    let ledger = Ledger::open(store.clone(), Arc::new(Tracker::default())).await.unwrap();
    make_vpc(&ledger, "before").unwrap().durable().await.unwrap();

    store.fails.store(true, Ordering::SeqCst);
    let (one, other) = (make_vpc(&ledger, "lost").unwrap(), make_vpc(&ledger, "lost too").unwrap());
    assert_eq!(one.durable().await, Err(CommitError::Unknown));
    assert_eq!(other.durable().await, Err(CommitError::Unknown));
    assert_eq!(names(&ledger), ["before"]);

    store.fails.store(false, Ordering::SeqCst);
    make_vpc(&ledger, "after").unwrap().durable().await.unwrap();
    assert_eq!(names(&ledger), ["after", "before"]);
    assert!(ledger.read(|durable| durable.state.world.is_consistent()));
}

#[tokio::test]
async fn a_decision_that_another_server_overtook_is_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    let open = || Ledger::open(store.clone(), Arc::new(Tracker::default()));
    let (one, other) = (open().await.unwrap(), open().await.unwrap());

    make_vpc(&one, "first").unwrap().durable().await.unwrap();
    let overtaken = make_vpc(&other, "second").unwrap();
    assert_eq!(overtaken.durable().await, Err(CommitError::Conflict));

    assert_eq!(names(&other), ["first"], "it has read what the other one did");
    make_vpc(&other, "second").unwrap().durable().await.unwrap();
    let vnis: std::collections::BTreeSet<_> =
        other.read(|durable| durable.state.world.vpcs.values().map(|vpc| vpc.vni).collect());
    assert_eq!(vnis.len(), 2, "no number is given twice");
}

#[tokio::test]
async fn the_newest_worlds_are_remembered_and_the_future_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(store(&directory), Arc::new(Tracker::default())).await.unwrap();
    let first = make_vpc(&ledger, "first").unwrap().durable().await.unwrap();
    let second = make_vpc(&ledger, "second").unwrap().durable().await.unwrap();

    let count = |revision| ledger.read(|durable| durable.world_at(revision).map(|world| world.vpcs.len()));
    assert_eq!((count(first), count(second), count(second + 1)), (Some(1), Some(2), None));
}
