//! Three switches, and agents that may order whatever an agent can, at any moment.
//!
//! What is left out changes nothing, and makes the whole of it small enough to be searched:
//!
//! - Nothing that was ever sent goes away: each message may arrive at any time, in any order, often or never. That is
//!   every loss, repetition, delay and partition there can be, without counting them.
//! - An agent's timers may be due at any moment, and it repairs, releases and takes whenever it likes: a state that a
//!   real [`Keeper`](havip_claim::keeper::Keeper) brings about, with its holds, asks and retries, is one of these.
//!   Making a holder, by a claim or by an agent's order, is counted; a claim that is held back is one that was not made.
//! - The hosts' clocks stand, up to 1 ms apart, and may be set anew before each claim.
//! - Of a host only its records and its ports are a state, and of a message its record: nothing else decides what becomes
//!   of a record. What a host itself has made comes back to it only after it has lost its maps; it had it until then.

mod state;

pub use state::State;
use state::{Records, Sent, pack};

use crate::names::{
    HOSTS, INCARNATION, RELAY, Way, configured, hosts, index, mac, ms, number, others, port, port_is, print,
    vip,
};
use havip_claim::{
    Order, Release,
    switch::{Action, Event, Message, MessageKind, SwitchModel},
};
use havip_model::Record;
use stateright::{Model, Property};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Mutex,
    time::Duration,
};

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Holders made: by claims, or by orders of agents.
    pub claims: u8,
    /// Maps made anew.
    pub map_losses: u8,
    /// Ports that go down.
    pub port_losses: u8,
    /// Records released by a host that takes another for lost.
    pub false_releases: u8,
}

/// The model.
pub struct Kernels {
    pub vips: usize,
    pub way: Way,
    pub budget: Budget,
    /// Records and ports that have been found to end well.
    pub good: Mutex<HashSet<u64>>,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The host's port claims, when its clock is 1 ms behind, right, or 1 ms ahead.
    Claim { host: usize, vip: usize, clock: i8 },
    /// What was sent arrives, once or once more.
    Deliver(usize),
    /// One agent tells another its record.
    Repair { from: usize, to: usize, vip: usize },
    /// An agent releases a record that names another host's port.
    ReleaseOf { by: usize, vip: usize },
    /// The maps are made anew; the agent pulls from this host, or from nobody, and releases what names its port.
    LoseMap { host: usize, from: Option<usize> },
    /// The port goes down: released, unless a hook is under way that writes a claim of it a moment later.
    LosePort { host: usize, claimed_late: Option<usize> },
    /// The agent looks again, and releases what names its port, which is down.
    Look { host: usize },
}

impl Kernels {
    fn vips(&self) -> std::ops::Range<usize> {
        0..self.vips
    }

    fn switch(&self, host: usize) -> SwitchModel {
        let mut switch = SwitchModel::new(number(host));
        let mut events = self.way.members(host);
        events.push(port_is(host, true));
        for vip in self.vips().map(vip) {
            events.push(Event::Ordered(Order::Prepare { key: vip, incarnation: INCARNATION }));
            events.push(Event::Configured { key: vip, configured: configured(false) });
            events.push(Event::Entitled { key: vip, port: port(host) });
        }
        for event in events {
            assert_eq!(switch.handle(BOOTED, event), []);
        }
        switch
    }

    /// Feeds one host; what it sends stays. Its records never go backwards.
    fn feed(&self, state: &mut State, host: usize, event: Event) {
        let now = state.now();
        let before: Vec<_> = self.vips().map(|vip| state.rank(host, vip)).collect();
        for action in state.switches[host].handle(now, event) {
            if let Action::Send { to, message } = action
                && (index(to) != index(message.record.holder.host) || state.lost_map[index(to)])
            {
                state.sent.insert(self.sent(index(to), message));
            }
        }
        if self.vips().any(|vip| state.rank(host, vip) < before[vip]) {
            state.broken = Some("a record went backwards");
        }
    }

    fn sent(&self, to: usize, message: Message) -> Sent {
        let vip = self.vips().find(|index| vip(*index) == message.key).expect("there is such a VIP");
        let goes_to_all = !matches!(message.kind, MessageKind::Correction);
        let is_to_be_relayed = self.way == Way::Relayed && to == RELAY && goes_to_all && message.hops == 0;
        Sent { to, vip, record: pack(&message.record), is_to_be_relayed }
    }

    /// Whether it would come to nothing: the host has as great a record, and has said so.
    fn is_in_vain(&self, state: &State, sent: &Sent) -> bool {
        let Some(own) = state.record(sent.to, sent.vip) else { return false };
        let message = sent.message();
        let is_known = own.rank() == message.record.rank() && !sent.is_to_be_relayed;
        let (asker, maker) = (index(message.from), index(own.holder.host));
        let kind = MessageKind::Correction;
        let answer = self.sent(asker, Message { kind, record: own, ..message });
        let is_answered = own.outranks(&message.record)
            && ((maker == asker && !state.lost_map[asker]) || state.sent.contains(&answer));
        is_known || is_answered
    }

    fn order(&self, state: &mut State, host: usize, order: Order) {
        self.feed(state, host, Event::Ordered(order));
    }

    fn claim(&self, state: &mut State, host: usize, vip_index: usize, clock: i8) {
        // The clock stands, while the time since boot goes on.
        let offset = ms(CLOCK_MS.strict_add_signed(i64::from(clock))) - state.now();
        self.feed(state, host, Event::ClockSet { offset });
        let address = vip(vip_index).address;
        self.feed(state, host, Event::Claimed { port: port(host), address, mac: mac(host) });
        if state.holder(host, vip_index) != Some(host) {
            state.broken = Some("a claim was not followed");
        }
    }

    fn release_own(&self, state: &mut State, host: usize, only: Release) {
        for key in self.vips().map(vip) {
            self.order(state, host, Order::Release { key, only });
        }
    }

    fn merge(&self, state: &mut State, from: usize, to: usize) {
        for vip_index in self.vips() {
            if let Some(record) = state.record(from, vip_index) {
                self.order(state, to, Order::Merge { key: vip(vip_index), record });
            }
        }
    }

    /// Nothing more arrives; agents compare their records and look at their ports.
    fn settled(&self, state: &State) -> State {
        let mut state = State { sent: BTreeSet::new(), switches: state.switches.clone(), ..*state };
        // What the last host has comes to the first, and what was released then to all.
        for _ in 0..2 {
            for (from, to) in [(0, 1), (1, 2), (2, 1), (1, 0)] {
                self.merge(&mut state, from, to);
            }
            for host in hosts().filter(|host| !state.up[*host]).collect::<Vec<_>>() {
                self.release_own(&mut state, host, Release::Port(port(host)));
            }
        }
        state
    }

    /// All hosts agree on a port that is up, or on nobody; and whoever claims then is the holder everywhere.
    fn ends_well(&self, state: &State) -> bool {
        let print = print(&(Records(&state.switches), state.up));
        let is_new = || !self.good.lock().expect("no check panics").contains(&print);
        let well = !is_new() || self.settles_well(state);
        if well {
            self.good.lock().expect("no check panics").insert(print);
        }
        well
    }

    fn settles_well(&self, state: &State) -> bool {
        let settled = self.settled(state);
        let agree = self.vips().all(|vip| {
            let holder = settled.holder(0, vip);
            hosts().all(|host| settled.rank(host, vip) == settled.rank(0, vip))
                && holder.is_none_or(|holder| settled.up[holder])
        });
        let Some(claimant) = hosts().find(|host| settled.up[*host] && settled.holder(0, 0) != Some(*host))
        else {
            return agree;
        };
        let mut state = settled;
        state.moment += 1;
        self.claim(&mut state, claimant, 0, 0);
        let state = self.settled(&state);
        agree && state.broken.is_none() && hosts().all(|at| state.holder(at, 0) == Some(claimant))
    }
}

impl Model for Kernels {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            switches: [0, 1, 2].map(|host| self.switch(host)),
            up: [true; HOSTS],
            lost_map: [false; HOSTS],
            sent: BTreeSet::new(),
            budget: self.budget,
            moment: 0,
            broken: None,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let Budget { claims, map_losses, port_losses, false_releases } = state.budget;
        let sent = state.sent.iter().enumerate().filter(|(_, sent)| !self.is_in_vain(state, sent));
        steps.extend(sent.map(|(at, _)| Step::Deliver(at)));
        for host in hosts() {
            for vip in self.vips() {
                let is_holder = state.names_port_of(host, host, vip);
                // A refresh repeats what was sent, and all that was sent may arrive again anyhow.
                if claims > 0 && state.up[host] && !is_holder {
                    steps.extend([-1, 0, 1].map(|clock| Step::Claim { host, vip, clock }));
                }
                steps.extend(others(host).map(|to| Step::Repair { from: host, to, vip }));
                if false_releases > 0 && others(host).any(|other| state.names_port_of(host, other, vip)) {
                    steps.push(Step::ReleaseOf { by: host, vip });
                }
            }
            if port_losses > 0 && state.up[host] {
                steps.push(Step::LosePort { host, claimed_late: None });
                let late = self.vips().filter(|_| claims > 0);
                steps.extend(late.map(|vip| Step::LosePort { host, claimed_late: Some(vip) }));
            }
            if !state.up[host] && self.vips().any(|vip| state.names_port_of(host, host, vip)) {
                steps.push(Step::Look { host });
            }
            if map_losses > 0 {
                let pulls = others(host).map(Some).chain([None]);
                steps.extend(pulls.map(|from| Step::LoseMap { host, from }));
            }
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        next.moment += 1;
        match step {
            Step::Claim { host, vip, clock } => {
                next.budget.claims -= 1;
                self.claim(&mut next, host, vip, clock);
            }
            Step::Deliver(at) => {
                let sent = *state.sent.iter().nth(at)?;
                self.feed(&mut next, sent.to, Event::Received(sent.message()));
            }
            Step::Repair { from, to, vip: index } => {
                let record = state.record(from, index)?;
                if state.record(to, index).is_some_and(|own| own.rank() >= record.rank()) {
                    return None;
                }
                self.order(&mut next, to, Order::Merge { key: vip(index), record });
            }
            Step::ReleaseOf { by, vip: index } => {
                next.budget.false_releases -= 1;
                let only = Release::Exact(state.record(by, index)?);
                self.order(&mut next, by, Order::Release { key: vip(index), only });
            }
            Step::LoseMap { host, from } => {
                next.budget.map_losses -= 1;
                next.lost_map[host] = true;
                next.switches[host] = self.switch(host);
                self.feed(&mut next, host, port_is(host, false));
                if let Some(from) = from {
                    self.merge(&mut next, from, host);
                }
                // What names a port of before is released before the port comes up.
                self.release_own(&mut next, host, Release::Port(port(host)));
                self.feed(&mut next, host, port_is(host, state.up[host]));
            }
            Step::LosePort { host, claimed_late } => {
                next.budget.port_losses -= 1;
                next.up[host] = false;
                self.feed(&mut next, host, port_is(host, false));
                self.release_own(&mut next, host, Release::Down(port(host)));
                if let Some(vip) = claimed_late {
                    next.budget.claims -= 1;
                    self.feed(&mut next, host, port_is(host, true));
                    self.claim(&mut next, host, vip, 0);
                    self.feed(&mut next, host, port_is(host, false));
                }
            }
            Step::Look { host } => self.release_own(&mut next, host, Release::Port(port(host))),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no record goes backwards, and every claim is followed", |_, state: &State| {
                state.broken.is_none()
            }),
            Property::always("a rank is one record everywhere", |model: &Self, state: &State| {
                model.vips().all(|vip| {
                    let mut records: Vec<_> = hosts().filter_map(|host| state.record(host, vip)).collect();
                    records.sort_by_key(Record::rank);
                    records
                        .windows(2)
                        .all(|pair| pair[0].rank() != pair[1].rank() || pair[0].mac == pair[1].mac)
                })
            }),
            Property::always(
                "all hosts end with the same holder, and follow who claims then",
                Self::ends_well,
            ),
            Property::sometimes(
                "two hosts made holders without knowing of each other",
                |_, state: &State| {
                    let own = |host| state.names_port_of(host, host, 0);
                    own(0) && own(1) && own(2)
                },
            ),
            Property::sometimes("a port that is down is named as a holder", |_, state: &State| {
                hosts().any(|host| !state.up[host] && state.names_port_of(host, host, 0))
            }),
        ]
    }
}

const BOOTED: Duration = Duration::from_secs(100);
/// Since 1970, as the hosts' clocks say.
const CLOCK_MS: u64 = 1_000_000;
