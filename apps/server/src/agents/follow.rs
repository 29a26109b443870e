//! One stream to one agent: everything or what it missed, then each change, and a commit twice a second.

use super::{
    command::Commands,
    join::{facts, refused},
    report,
};
use crate::{
    entropy,
    ledger::{Committed, Durable},
    service::Service,
};
use havip_model::{Digest, EventKind, HostNumber, Record, VipKey, Vni};
use havip_reconcile::{
    item::{Item, ItemKey},
    view::view,
};
use havip_stream::{
    convert,
    proto::{Begin, Change, Commit, Hello, Report, Update, report::Body as Said, update::Body},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::{info, warn};

/// What goes down a stream.
pub type UpdateStream = ReceiverStream<Result<Update, Status>>;

/// Serves one stream; the agent's first report must be its hello.
pub fn follow(service: Arc<Service>, host: HostNumber, reports: Streaming<Report>) -> UpdateStream {
    let (updates, stream) = mpsc::channel(MOST_UPDATES);
    tokio::spawn(async move {
        if let Err(status) = converse(&service, host, reports, &updates).await {
            warn!(host = host.get(), reason = status.message(), "a host's stream ended");
            // The agent may be gone already.
            let _ = updates.try_send(Err(status));
        }
    });
    ReceiverStream::new(stream)
}

async fn converse(
    service: &Arc<Service>,
    host: HostNumber,
    mut reports: Streaming<Report>,
    updates: &mpsc::Sender<Result<Update, Status>>,
) -> Result<(), Status> {
    let hello = timeout(SILENCE, reports.message())
        .await
        .map_err(|_| Status::deadline_exceeded("no hello came"))??;
    let Some(Report { body: Some(Said::Hello(hello)) }) = hello else {
        return Err(Status::invalid_argument("the first report must be a hello"));
    };
    if hello.host_number != host.get() {
        return Err(Status::permission_denied(format!(
            "the hello is of host {}, the certificate of host {host}",
            hello.host_number
        )));
    }
    if !service.read(|durable| durable.state.world.hosts.contains_key(&host)) {
        return Err(Status::permission_denied(format!(
            "host {host} was removed; join again with a new token"
        )));
    }
    let says = facts(&hello.underlay, &hello.peer_endpoint, &hello.edge_device, hello.guest_mtu)?;
    service.host_says(host, says).await.map_err(refused)?;

    let was_live = service.tracker().host(host, |life| life.is_some_and(|life| life.is_live()));
    let mut session = Session::begin(service, host, &hello, updates);
    if !was_live {
        service.note(EventKind::HostJoined { host }).await;
    }
    let ended = session.run(reports).await;
    if service.tracker().end(host, session.id) {
        service.note(EventKind::HostLost { host }).await;
    }
    ended
}

struct Session<'a> {
    service: &'a Arc<Service>,
    host: HostNumber,
    id: u64,
    updates: &'a mpsc::Sender<Result<Update, Status>>,
    commits: broadcast::Receiver<Arc<Committed>>,
    commands: Commands,
    ordered: mpsc::Receiver<havip_stream::proto::Command>,
    /// Everything up to here was sent.
    revision: u64,
    /// The stage of the keys that were sent last.
    keys_stage: u64,
    /// VPCs whose records were sent.
    known: BTreeSet<Vni>,
    /// So many of its reports were taken over: it need not say them again.
    reports: u64,
    /// The last difference between the host's records and ours that was answered: both digests.
    differences: BTreeMap<Vni, (Digest, Digest)>,
    /// The first messages.
    opening: Vec<Body>,
}

impl<'a> Session<'a> {
    fn begin(
        service: &'a Arc<Service>,
        host: HostNumber,
        hello: &Hello,
        updates: &'a mpsc::Sender<Result<Update, Status>>,
    ) -> Self {
        let (commands, ordered) = Commands::new();
        let begin = |durable: &Durable| {
            let opening = Opening::of(durable, host, hello);
            let awaited = opening.awaited.iter().copied();
            let id = service.tracker().begin(
                host,
                hello.version.clone(),
                commands.clone(),
                durable.revision,
                awaited,
                &durable.state.world,
            );
            (opening, durable.revision, id)
        };
        let ((opening, revision, id), commits) = service.ledger().follow(begin);
        info!(host = host.get(), revision, changes = opening.changes, full = opening.is_full, "host follows");
        let Opening { messages, known, .. } = opening;
        let differences = BTreeMap::new();
        let keys_stage = 0;
        Self {
            service,
            host,
            id,
            updates,
            commits,
            commands,
            ordered,
            revision,
            keys_stage,
            known,
            reports: 0,
            differences,
            opening: messages,
        }
    }

    async fn run(&mut self, mut reports: Streaming<Report>) -> Result<(), Status> {
        // Before the commit, with which ports come up.
        self.pass_keys().await?;
        for message in std::mem::take(&mut self.opening) {
            self.send(message).await?;
        }
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent_at = Instant::now() + SILENCE;
        loop {
            tokio::select! {
                said = reports.message() => match said? {
                    None => return Ok(()),
                    Some(Report { body: None }) => {}
                    Some(Report { body: Some(said) }) => {
                        silent_at = Instant::now() + SILENCE;
                        self.service.tracker().heard(self.host);
                        match said {
                            Said::Digest(digest) => self.compare(digest).await?,
                            said => report::take(self.service, self.host, self.revision, &self.commands, said).await?,
                        }
                        self.reports += 1;
                    }
                },
                committed = self.commits.recv() => match committed {
                    Ok(committed) => self.pass_on(&committed).await?,
                    Err(_) => return Err(Status::aborted("the stream fell behind; follow again")),
                },
                Some(command) = self.ordered.recv() => self.send(Body::Command(command)).await?,
                _ = beat.tick() => {
                    if !self.service.tracker().is_current(self.host, self.id) {
                        return Err(Status::aborted("another stream of this host has begun"));
                    }
                    self.pass_keys().await?;
                    self.commit().await?;
                }
                () = tokio::time::sleep_until(silent_at) => {
                    return Err(Status::deadline_exceeded("nothing was heard for three seconds"));
                }
            }
        }
    }

    /// Sends what a commit changes for this host.
    async fn pass_on(&mut self, committed: &Committed) -> Result<(), Status> {
        if committed.revision <= self.revision {
            return match committed.revision {
                0 => Err(Status::aborted("the server has read its store anew; follow again")),
                _ => Ok(()),
            };
        }
        self.pass_keys().await?;
        let mut is_changed = false;
        let mut learned = vec![];
        for difference in &committed.differences {
            if !difference.hosts.contains(&self.host) {
                continue;
            }
            is_changed = true;
            if let Some(Item::Vpc(vpc)) = &difference.item
                && self.known.insert(vpc.vni)
            {
                learned.push(vpc.vni);
            }
            let change = match &difference.item {
                Some(item) => convert::change(item),
                None => convert::gone(&difference.key),
            };
            self.send(Body::Change(change)).await?;
        }
        self.revision = committed.revision;
        if is_changed {
            if !self.service.read(|durable| durable.state.world.hosts.contains_key(&self.host)) {
                return Err(Status::permission_denied(format!("host {} was removed", self.host)));
            }
            self.commit().await?;
        }
        for vni in learned {
            let records = self.service.read(|durable| records(durable, vni));
            self.send(Body::Records(records)).await?;
        }
        Ok(())
    }

    /// A host's digest of a VPC's records: if ours is another, it gets our records, and says what we lack (C6).
    /// Once for each difference: one that stays, as of a VIP that is withdrawn just now, is not talked about for ever.
    async fn compare(&mut self, theirs: havip_stream::proto::Digest) -> Result<(), Status> {
        let Some(vni) = Vni::new(theirs.vni).ok().filter(|vni| self.known.contains(vni)) else {
            return Ok(()); // a VPC that the host has just left
        };
        let theirs = Digest(theirs.sum);
        let ours = self.service.read(|durable| durable.state.digest(vni));
        if theirs == ours || self.differences.insert(vni, (theirs, ours)) == Some((theirs, ours)) {
            return Ok(());
        }
        let records = self.service.read(|durable| records(durable, vni));
        self.send(Body::Records(records)).await
    }

    /// Sends the keys if they are other ones than were sent last.
    async fn pass_keys(&mut self) -> Result<(), Status> {
        let stage =
            self.service.read(|durable| durable.state.seal_ring.as_ref().map_or(0, |ring| ring.stage));
        if stage == self.keys_stage {
            return Ok(());
        }
        let keys = self.service.read(|durable| self.service.seal_keys(durable));
        let keys = keys.map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "the hosts' keys cannot be read");
            Status::internal("the hosts' keys cannot be read")
        })?;
        let Some(keys) = keys else { return Ok(()) };
        self.keys_stage = keys.stage;
        self.send(Body::Keys(convert::seal_keys_message(&keys))).await
    }

    async fn commit(&self) -> Result<(), Status> {
        let (revision, server_ms, reports) = (self.revision, entropy::now().0, self.reports);
        self.send(Body::Commit(Commit { revision, server_ms, reports })).await
    }

    async fn send(&self, body: Body) -> Result<(), Status> {
        match timeout(PATIENCE, self.updates.send(Ok(Update { body: Some(body) }))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Status::cancelled("the agent has closed the stream")),
            Err(_) => Err(Status::deadline_exceeded("the agent does not read its stream")),
        }
    }
}

/// How a stream begins.
struct Opening {
    messages: Vec<Body>,
    /// What the host must acknowledge: all that it needs, as its kernel may have lost what its disk holds, and
    /// what it must forget.
    awaited: BTreeSet<ItemKey>,
    changes: usize,
    known: BTreeSet<Vni>,
    is_full: bool,
}

impl Opening {
    fn of(durable: &Durable, host: HostNumber, hello: &Hello) -> Self {
        let after = view(&durable.state.world, host);
        let is_known = hello.epoch == durable.state.history && hello.last_revision > 0;
        let missed = is_known.then(|| durable.world_at(hello.last_revision)).flatten();
        let before = missed.map(|world| view(world, host));
        let is_full = before.is_none();
        let changes = difference(&before.unwrap_or_default(), &after);

        let mut messages = vec![Body::Begin(Begin { full: is_full, epoch: durable.state.history.clone() })];
        let awaited = changes.iter().map(|(key, _)| *key).chain(after.keys().copied()).collect();
        let count = changes.len();
        messages.extend(changes.into_iter().map(|(_, change)| Body::Change(change)));
        let (revision, server_ms) = (durable.revision, entropy::now().0);
        messages.push(Body::Commit(Commit { revision, server_ms, reports: 0 }));
        let vnis = after.values().filter_map(|item| match item {
            Item::Vpc(vpc) => Some(vpc.vni),
            _ => None,
        });
        let known: BTreeSet<Vni> = vnis.collect();
        messages.extend(known.iter().map(|vni| Body::Records(records(durable, *vni))));
        Self { messages, awaited, changes: count, known, is_full }
    }
}

fn difference(before: &BTreeMap<ItemKey, Item>, after: &BTreeMap<ItemKey, Item>) -> Vec<(ItemKey, Change)> {
    let gone = before.keys().filter(|key| !after.contains_key(key)).map(|key| (*key, convert::gone(key)));
    let new = after.iter().filter(|(key, item)| before.get(key) != Some(item));
    gone.chain(new.map(|(key, item)| (*key, convert::change(item)))).collect()
}

/// What the server recorded of a VPC.
fn records(durable: &Durable, vni: Vni) -> havip_stream::proto::Records {
    let of_vpc = |(key, record): (&VipKey, &Record)| (key.vni == vni).then_some((key.address, *record));
    convert::records_message(vni, 0, durable.state.records.iter().filter_map(of_vpc))
}

/// A host that says nothing for so long is lost.
const SILENCE: Duration = Duration::from_secs(3);
/// Twice a second the agent learns that everything was sent, and the server's time.
const BEAT: Duration = Duration::from_millis(500);
/// An agent that does not read for so long is treated as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages that wait for one agent at most.
const MOST_UPDATES: usize = 256;
