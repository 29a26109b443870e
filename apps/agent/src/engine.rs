//! The main loop: everything that the agent knows and does, in turns.
//!
//! A turn takes what has come in, brings the switch to what should be, lets the claim machine and the prober act,
//! and says what there is to say. Only this loop speaks to the switch.

mod alive;
mod assist;
mod claims;
mod commands;
mod drill;
mod findings;
mod flows;
mod guests;
mod items;
mod keys;
mod look;
mod looking;
mod migration;
mod outside;
mod path;
mod ports;
mod probe;
mod program;
mod records;
mod segments;
mod sent;
mod server;
mod show;
mod tell;
mod trace;

use crate::args::Config;
use crate::devices::Devices;
use crate::follow::Heard;
use crate::identity::Identity;
use crate::journal::{Journal, Position};
use crate::metrics::Wanted;
use crate::outbox::Outbox;
use crate::peers::{Asked, Peers};
use crate::state::{self, Incoming, State};
use crate::{clock, dhcp, journal};
use anyhow::Context;
use havip_claim::keeper::{self, Keeper};
use havip_liveness::Prober;
use havip_model::{Digest, Holder, HostNumber, PortNumber, Record, VipKey, Vni};
use havip_netlink::{LinkEvent, LinkWatch, Links};
use havip_reconcile::compile::Desired;
use havip_reconcile::table::{EntryKey, Table};
use havip_stream::proto;
use havip_switch::{AsyncEvents, Switch};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

pub use guests::directory as guests_directory;
pub(crate) use program::chain;

/// What the loop is made of.
pub struct Parts {
    /// What the operator said.
    pub config: Config,
    /// Who this host is.
    pub identity: Identity,
    /// The switch, its overlay attached.
    pub switch: Switch,
    /// What the switch tells.
    pub events: AsyncEvents,
    /// The host's devices.
    pub links: Links,
    /// What happens to them.
    pub link_watch: LinkWatch,
    /// The agent's own devices.
    pub devices: Devices,
    /// What the server says.
    pub heard: mpsc::Receiver<Heard>,
    /// Where a new stream begins.
    pub hello: watch::Sender<proto::Hello>,
    /// What is to be told.
    pub outbox: Arc<Outbox>,
    /// What other agents ask.
    pub asked: mpsc::Receiver<Asked>,
    /// Pages that people ask for.
    pub wanted: mpsc::Receiver<Wanted>,
    /// What the DHCP task lends.
    pub leases: dhcp::Leases,
    /// The stream to the server, to be begun when the state on disk is read.
    pub following: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Everything the agent knows.
pub struct Engine {
    config: Config,
    host: HostNumber,
    switch: Switch,
    links: Links,
    devices: Devices,
    hello: watch::Sender<proto::Hello>,
    outbox: Arc<Outbox>,
    leases: dhcp::Leases,
    peers: Peers,
    /// Results of tasks that the loop started come back by this.
    done: mpsc::UnboundedSender<Done>,

    state: State,
    incoming: Incoming,
    /// The state on disk or from the server is known: until then nothing is touched.
    is_known: bool,
    /// The ports of an earlier life were taken over.
    has_adopted: bool,
    is_saved: bool,
    /// Where the state on disk ends, and what came after it.
    saved: Position,
    journal: Journal,
    stream_is_open: bool,
    stamp: Option<clock::Stamp>,
    clock_offset: Duration,

    desired: Desired,
    observed: Table,
    /// Entries that may differ between the two.
    touched: BTreeSet<EntryKey>,
    faults: program::Faults,

    ports: ports::Ports,
    guests: guests::Guests,
    keeper: Keeper,
    claims: claims::Claims,
    records: records::Records,
    keys: keys::Keys,
    prober: Prober,
    alive: alive::Alive,
    outside: outside::Outside,
    segments: segments::Segments,
    assist: assist::Assist,
    strangers: tell::Strangers,
    findings: findings::Findings,
    looking: looking::Looking,
    show: show::Counters,
}

/// A task of the loop's came to its end.
#[derive(Debug)]
pub enum Done {
    /// The switch's programs were loaded once more.
    Loaded(Result<havip_switch::Loaded, String>),
    /// A peer's records, or nothing if it did not answer in time.
    Records(Vec<(VipKey, Record)>),
    /// A peer's records in one word; none if it cannot say.
    Compared {
        /// The VPC.
        vni: Vni,
        /// The peer.
        peer: HostNumber,
        /// The peer's.
        digest: Option<Digest>,
    },
    /// All peers that were asked have answered, or the time is over.
    Pulled(Vni),
    /// Another host says whether it hears one that was missed here.
    Said { about: HostNumber, by: HostNumber, hears: bool },
    /// A port of another host, or of this one, is down.
    Down(Holder),
    /// The host that a guest came from has heard that it is here, and says when it sent its last frame there.
    Departed {
        /// The port.
        port: PortNumber,
        /// Since 1970, by that host's clock.
        last_ms: u64,
        /// When its first frame was seen here, by this host's.
        first_ms: u64,
    },
    /// About an instance.
    Guest(guests::Happened),
}

/// What woke the loop.
enum Woken {
    Heard(Heard),
    Link(LinkEvent),
    Asked(Asked),
    Wanted(Wanted),
    Done(Done),
    Switch,
    Deadline,
}

/// Runs until told to stop. The switch keeps working after that: only what is timed ends.
///
/// # Errors
/// The switch's maps or the device watch cannot be used any more.
pub async fn run(parts: Parts, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let Parts { mut events, mut link_watch, mut heard, mut asked, mut wanted, .. } = parts;
    let (done, mut finished) = mpsc::unbounded_channel();
    let kept = State::load(&state::path(&parts.config.data));
    let is_kept = kept.is_some();
    let mut state = kept.unwrap_or_default();
    let saved = Position::of(&state);
    let is_behind = journal::replay(&journal::path(&parts.config.data), &mut state) > 0;
    let state = (is_kept || is_behind).then_some(state);
    let observed = parts.switch.entries().context("could not read the switch's maps")?;
    let host = parts.identity.number;
    let is_edge = parts.devices.edge.is_some();
    let mut engine = Engine {
        host,
        guests: guests::Guests::open(&parts.config, done.clone())?,
        config: parts.config,
        switch: parts.switch,
        links: parts.links,
        devices: parts.devices,
        hello: parts.hello,
        outbox: parts.outbox,
        leases: parts.leases,
        peers: Peers::new(parts.identity),
        done,
        is_known: state.is_some(),
        has_adopted: false,
        is_saved: true,
        saved: Position::default(),
        journal: Journal::default(),
        state: State::default(),
        incoming: Incoming::default(),
        stream_is_open: false,
        stamp: None,
        clock_offset: Duration::ZERO,
        desired: Desired::new(host),
        touched: BTreeSet::new(),
        faults: program::Faults::default(),
        ports: ports::Ports::default(),
        keeper: Keeper::new(host, rand::random()),
        claims: claims::Claims::default(),
        records: records::Records::default(),
        keys: keys::Keys::default(),
        prober: Prober::new(),
        alive: alive::Alive::default(),
        outside: outside::Outside::default(),
        segments: segments::Segments::new(is_edge),
        assist: assist::Assist::default(),
        strangers: tell::Strangers::default(),
        findings: findings::Findings::default(),
        looking: looking::Looking::default(),
        show: show::Counters::new(),
        observed: Table::new(),
    };
    (engine.is_saved, engine.saved) = (!is_behind, saved);
    engine.begin(observed, state).await?;
    tokio::spawn(parts.following);

    tokio::pin!(stop);
    loop {
        let deadline = engine.next_deadline().saturating_sub(clock::since_boot());
        let woken = tokio::select! {
            biased;
            () = &mut stop => break,
            ready = events.wait() => {
                ready.context("the switch's rings broke")?;
                Woken::Switch
            }
            Some(done) = finished.recv() => Woken::Done(done),
            event = link_watch.next() => Woken::Link(event.context("the device watch broke")?),
            () = tokio::time::sleep(deadline) => Woken::Deadline,
            Some(asked) = asked.recv() => Woken::Asked(asked),
            Some(heard) = heard.recv() => Woken::Heard(heard),
            Some(wanted) = wanted.recv() => Woken::Wanted(wanted),
        };
        engine.turn(woken, &mut events).await?;
    }
    engine.save();
    Ok(())
}

impl Engine {
    /// Takes over what the switch holds and what the disk says, before anything is changed.
    async fn begin(&mut self, observed: Table, state: Option<State>) -> anyhow::Result<()> {
        let now = clock::since_boot();
        self.set_clock(now)?;
        self.inherit(now, observed);
        if let Some(state) = state {
            tracing::info!(revision = state.revision, items = state.items.len(), "last state found on disk");
            let changed = state.items.iter().map(|(key, item)| (*key, Some(item.clone()))).collect();
            self.state = state;
            self.take_changes(changed).await;
        }
        self.tell_position();
        self.settle(now).await
    }

    async fn turn(&mut self, woken: Woken, events: &mut AsyncEvents) -> anyhow::Result<()> {
        match woken {
            Woken::Heard(heard) => self.heard(heard).await,
            Woken::Link(event) => self.link_changed(event).await,
            Woken::Asked(asked) => self.answer(asked),
            Woken::Wanted(wanted) => self.show(wanted),
            Woken::Done(Done::Records(records)) => self.merge(records),
            Woken::Done(Done::Compared { vni, peer, digest }) => {
                self.tell_keeper(keeper::Event::Compared { vni, peer, digest });
            }
            Woken::Done(Done::Pulled(vni)) => {
                // A record that names a port of before a reboot must be known before that port comes up.
                self.read_vpc(vni);
                self.tell_keeper(keeper::Event::PullDone(vni));
            }
            Woken::Done(Done::Said { about, by, hears }) => self.said(about, by, hears),
            Woken::Done(Done::Loaded(loaded)) => self.programs_loaded(loaded),
            Woken::Done(Done::Down(port)) => self.port_down(port),
            Woken::Done(Done::Departed { port, last_ms, first_ms }) => {
                self.guest_departed(port, last_ms, first_ms);
            }
            Woken::Done(Done::Guest(happened)) => self.guest_happened(happened).await,
            Woken::Switch | Woken::Deadline => {}
        }
        // What lies unread in the rings must not count as silence, so it comes before any deadline.
        let heard = events.take().context("could not read the switch's rings")?;
        let now = clock::since_boot();
        for event in heard {
            self.switch_event(now, event);
        }
        // First of all: a backup waits for it.
        self.look_for_the_dead(now);
        self.tick(now).await?;
        self.settle(now).await
    }

    /// The earliest moment at which something is to be done without being asked.
    fn next_deadline(&self) -> Duration {
        let wants = [
            self.keeper.next_deadline(),
            self.prober.next_deadline(),
            self.guests.next_deadline(),
            self.outside.next_deadline(),
            self.segments.next_deadline(),
            self.assist.next_deadline(),
            self.reading_deadline(),
            self.ports.drills.next_deadline(),
            self.looking.next_deadline(),
        ];
        wants
            .into_iter()
            .flatten()
            .chain([self.claims.second_at, self.claims.beat_at])
            .min()
            .unwrap_or_default()
    }

    /// What is due by time.
    async fn tick(&mut self, now: Duration) -> anyhow::Result<()> {
        if self.claims.beat_at <= now {
            self.claims.beat_at = now + BEAT;
            self.switch.beat().context("could not write the heartbeat")?;
        }
        if self.claims.second_at <= now {
            self.claims.second_at = now + SECOND;
            self.set_clock(now)?;
            self.records.begin_round();
            self.judge_the_lost(now);
            self.report_strangers(now);
            self.report_findings(now);
            self.retry();
            self.keep_neighbours_warm(now).await;
            self.open_outside().await;
            self.save();
        }
        self.read_some();
        self.end_drills(now).await;
        self.end_unasked(now);
        self.probe(now);
        self.find_the_unheard().await;
        self.assist_due(now);
        self.guests_due(now).await;
        self.tell_keeper(keeper::Event::DeadlineReached);
        Ok(())
    }

    fn set_clock(&mut self, now: Duration) -> anyhow::Result<()> {
        self.clock_offset = clock::offset(now, clock::wall(), self.stamp);
        let nanos = i64::try_from(self.clock_offset.as_nanos()).unwrap_or(i64::MAX);
        self.switch.set_clock(nanos).context("could not write the clock")?;
        self.tell_keeper(keeper::Event::ClockSet { offset: self.clock_offset });
        Ok(())
    }

    /// This host's time since 1970, in milliseconds, as its epochs count it.
    fn wall_ms(&self, since_boot: Duration) -> u64 {
        (since_boot + self.clock_offset).as_millis() as u64
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// The kernel takes an agent for dead after 1 s without a heartbeat.
const BEAT: Duration = Duration::from_millis(200);
