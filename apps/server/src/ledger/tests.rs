//! Decisions against a store that fails, and against another server.

use super::{CommitError, Ledger, State, Ticket, Write};
use crate::{agents::Tracker, entropy};
use async_trait::async_trait;
use havip_admission::{Facts, Request, admit, request};
use havip_audit::{Noted, Verifier};
use havip_model::Timestamp;
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
    make(ledger, name, None)
}

/// The same, told by the audit.
fn make_told_vpc(ledger: &Ledger, name: &str) -> Result<Ticket, CommitError> {
    make(ledger, name, Some(noted(name)))
}

fn make(ledger: &Ledger, name: &str, audit: Option<Noted>) -> Result<Ticket, CommitError> {
    let request: Request = request::CreateVpc {
        texts: request::Texts { name: name.into(), ..request::Texts::default() },
        region: "local".into(),
        cidr: "10.0.0.0/8".parse().unwrap(),
        cidr6: None,
    }
    .into();
    let decide = |state: &State| {
        let facts = Facts { now: entropy::now(), entropy: entropy::random(), ..Facts::default() };
        let change = Some(admit(&state.world, &request, &facts).unwrap());
        Ok((Write { change, audit: audit.clone(), ..Write::by("test") }, ()))
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

fn noted(name: &str) -> Noted {
    Noted {
        at: Timestamp(1),
        user: "ci".into(),
        key: "key-a".into(),
        project: String::new(),
        source: "192.0.2.9".into(),
        dialect: "native".into(),
        action: "vpc:CreateVpc".into(),
        resources: vec![name.into()],
        request_id: String::new(),
        outcome: havip_audit::Outcome::Done,
        count: 1,
    }
}

/// Whatever instant a server is killed at, it leaves one of the store's revisions: each has both, or neither.
#[tokio::test]
async fn at_every_revision_there_is_an_entry_for_each_change() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    let ledger = Ledger::open(store.clone(), Arc::new(Tracker::default())).await.unwrap();
    let mut tickets = vec![];
    for number in 0..20 {
        tickets.push(make_told_vpc(&ledger, &format!("vpc-{number}")).unwrap());
        if number % 3 == 0 {
            // Some go in one batch, some alone.
            tickets.pop().unwrap().durable().await.unwrap();
        }
    }
    for ticket in tickets {
        ticket.durable().await.unwrap();
    }
    let newest = store.revision().await.unwrap();
    for revision in 1..=newest.0 {
        let count = async |prefix: &str| {
            store.range(Query::prefix(prefix).at(Revision(revision))).await.unwrap().entries.len()
        };
        assert_eq!(count("resource/vpc/").await, count("audit/").await, "at revision {revision}");
    }
    assert_eq!(ledger.entries(0, 100).await.unwrap().len(), 20);
}

#[tokio::test]
async fn the_chain_goes_on_without_a_gap_after_a_failure_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    let ledger = Ledger::open(store.clone(), Arc::new(Tracker::default())).await.unwrap();
    make_told_vpc(&ledger, "first").unwrap().durable().await.unwrap();
    store.fails.store(true, Ordering::SeqCst);
    assert_eq!(make_told_vpc(&ledger, "lost").unwrap().durable().await, Err(CommitError::Unknown));
    store.fails.store(false, Ordering::SeqCst);
    make_told_vpc(&ledger, "second").unwrap().durable().await.unwrap();

    let again = Ledger::open(store, Arc::new(Tracker::default())).await.unwrap();
    make_told_vpc(&again, "third").unwrap().durable().await.unwrap();
    let entries = again.entries(0, 100).await.unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry.noted.resources[0].as_str()).collect();
    assert_eq!(names, ["first", "second", "third"]);
    let mut verifier = Verifier::default();
    entries.iter().try_for_each(|entry| verifier.take(entry)).unwrap();
}

#[tokio::test]
async fn two_servers_do_not_fork_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    let one = Ledger::open(store.clone(), Arc::new(Tracker::default())).await.unwrap();
    let other = Ledger::open(store, Arc::new(Tracker::default())).await.unwrap();
    // Refusals change no resource, so only their own keys can tell.
    let refuse = |ledger: &Ledger, name: &str| {
        let write = Write { audit: Some(noted(name)), ..Write::by("test") };
        ledger.decide::<_, CommitError>(|_| Ok((write, ()))).unwrap().0
    };
    refuse(&one, "one").durable().await.unwrap();
    assert_eq!(refuse(&other, "lost").durable().await, Err(CommitError::Conflict));
    refuse(&other, "other").durable().await.unwrap();
    let entries = one.entries(0, 100).await.unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry.noted.resources[0].as_str()).collect();
    assert_eq!(names, ["one", "other"]);
}
