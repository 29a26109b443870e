//! Three hosts as they are: a switch, an agent's keeper with its timers, and a guest that answers who asks it.
//!
//! Messages arrive in the order in which they were sent, and before a timer is due, but for a few that are held back:
//! those arrive at any later moment or never. A guest has the address from its first claim until it drops it in silence,
//! and answers for as long as it has it. Whatever happens does so within [`Agents::storm`]; then all is calm.

mod state;

use state::{BEGAN, Parcel, Seen, key};
pub use state::{State, TELLS};

use crate::names::{
    HOSTS, INCARNATION, Way, configured, hosts, index, mac, ms, number, others, port, port_is, print, vni,
};
use havip_claim::{
    Order,
    keeper::{self, Keeper, Kind, Party},
    switch::{self, SwitchModel},
};
use stateright::{Model, Property};
use std::{
    collections::{HashSet, VecDeque},
    sync::Mutex,
    time::Duration,
};

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Guests' claims.
    pub claims: u8,
    /// Guests that drop the address without a word, as a master does that yields.
    pub drops: u8,
    /// Messages that are held back, or lost.
    pub held_back: u8,
    /// Times that one host hears nobody, and nobody it.
    pub partitions: u8,
    /// Maps made anew.
    pub map_losses: u8,
    /// Ports that go down.
    pub port_losses: u8,
}

/// The model.
pub struct Agents {
    pub way: Way,
    /// The VIP's contention is `hold` (C9).
    pub hold: bool,
    /// The hosts' clock errors in milliseconds: each row is a beginning.
    pub clocks: Vec<[i8; HOSTS]>,
    pub budget: Budget,
    /// How long things may happen.
    pub storm: Duration,
    /// What has been found to end well.
    pub good: Mutex<HashSet<u64>>,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// What is under way longest arrives.
    Arrive,
    /// It does not, yet.
    HoldBack,
    /// What was held back arrives after all.
    ArriveLate(usize),
    /// The next deadline of an agent is reached.
    Wait,
    Claim(usize),
    Drop(usize),
    CutOff(usize),
    Heal,
    LoseMap {
        host: usize,
        from: Option<usize>,
    },
    LosePort {
        host: usize,
        claims_late: bool,
    },
}

impl Agents {
    fn first(&self, clocks: [i8; HOSTS]) -> State {
        let mut state = State {
            now: BEGAN - ms(5000),
            clocks,
            switches: [0, 1, 2].map(|host| SwitchModel::new(number(host))),
            keepers: [0, 1, 2].map(|host| Keeper::new(number(host), SEEDS[host])),
            has_address: [false; HOSTS],
            up: [true; HOSTS],
            under_way: VecDeque::new(),
            held_back: vec![],
            cut_off: None,
            budget: self.budget,
            broken: None,
            seen: Seen::default(),
        };
        for host in hosts() {
            self.start(&mut state, host, others(host).next());
        }
        // Ports that nobody else will hear of are asked in vain.
        self.run(&mut state, BEGAN);
        state
    }

    /// A host's agent starts over empty maps, and pulls from this host or from nobody.
    fn start(&self, state: &mut State, host: usize, from: Option<usize>) {
        for event in self.way.members(host) {
            self.switch(state, host, event);
        }
        let peers = others(host).map(number).collect();
        self.keep(state, host, keeper::Event::ClockSet { offset: state.clock(host) });
        self.switch(state, host, switch::Event::ClockSet { offset: state.clock(host) });
        self.switch(state, host, switch::Event::Configured { key: key(), configured: configured(self.hold) });
        self.switch(state, host, switch::Event::Entitled { key: key(), port: port(host) });
        self.switch(state, host, port_is(host, false));
        self.keep(state, host, keeper::Event::Entitled { key: key(), port: port(host) });
        let (incarnation, kind) = (INCARNATION, Kind::Vip);
        self.keep(state, host, keeper::Event::Configured { key: key(), incarnation, kind });
        self.keep(state, host, keeper::Event::VpcJoined(vni()));
        self.keep(state, host, keeper::Event::PeersChanged { vni: vni(), peers });
        if let Some(record) =
            from.filter(|from| !state.is_cut(host, *from)).and_then(|from| state.record(from))
        {
            self.switch(state, host, switch::Event::Ordered(Order::Merge { key: key(), record }));
        }
        let record = state.record(host);
        self.keep(state, host, keeper::Event::RecordRead { key: key(), record });
        self.keep(state, host, keeper::Event::PullDone(vni()));
    }

    /// Feeds a switch, and its keeper with what it tells.
    fn switch(&self, state: &mut State, host: usize, event: switch::Event) {
        let before = state.record(host).map(|record| record.rank());
        // The agent is at work; beyond a second without it claims are followed at once.
        state.switches[host].handle(state.now, switch::Event::Heartbeat);
        let mut notices = vec![];
        state.tell(|| format!("switch {host}: {event:?}"));
        for action in state.switches[host].handle(state.now, event) {
            state.tell(|| format!("switch {host}:     {action:?}"));
            match action {
                switch::Action::Notify(notice) => notices.push(notice),
                switch::Action::Send { to, message } => {
                    let to = index(to);
                    if !state.is_cut(host, to) {
                        state.under_way.push_back(Parcel::Message { to, message });
                    }
                }
                switch::Action::AskGuest { .. } => state.under_way.push_back(Parcel::Ask { guest: host }),
                switch::Action::Deliver { .. }
                | switch::Action::PassOn { .. }
                | switch::Action::Refuse(_) => {}
            }
        }
        if state.record(host).map(|record| record.rank()) < before {
            state.broken = Some("a record went backwards");
        }
        for notice in notices {
            state.seen.note(&notice);
            self.keep(state, host, keeper::Event::Noticed(notice));
        }
    }

    /// Feeds a keeper, and does what it wants. Agents hear each other at once, or not at all.
    fn keep(&self, state: &mut State, host: usize, event: keeper::Event) {
        let now = state.now;
        for action in state.keepers[host].handle(now, event) {
            state.tell(|| format!("keeper {host}:     {action:?}"));
            match action {
                keeper::Action::Order(order) => self.switch(state, host, switch::Event::Ordered(order)),
                keeper::Action::SendDigest { to: Party::Host(peer), vni, .. } => {
                    if !state.is_cut(host, index(peer)) {
                        let digest = Some(state.keepers[index(peer)].digest(vni));
                        self.keep(state, host, keeper::Event::Compared { vni, peer, digest });
                    }
                }
                keeper::Action::SendRecords { peer, .. } => {
                    self.tell_record(state, host, index(peer));
                    self.tell_record(state, index(peer), host);
                }
                keeper::Action::OpenPorts(vni) => {
                    let is_up = state.up[host];
                    self.switch(state, host, port_is(host, is_up));
                    if is_up {
                        self.keep(state, host, keeper::Event::PortUp { port: port(host), vni });
                    }
                }
                keeper::Action::Report(report) => {
                    state.seen.both |= matches!(report, keeper::Report::BothAnswer { .. });
                }
                // The server is dead, and `start` pulls.
                keeper::Action::SendDigest { to: Party::Server, .. } | keeper::Action::Pull(_) => {}
            }
        }
    }

    fn tell_record(&self, state: &mut State, from: usize, to: usize) {
        if let Some(record) = state.record(from) {
            self.switch(state, to, switch::Event::Ordered(Order::Merge { key: key(), record }));
        }
    }

    fn arrive(&self, state: &mut State, parcel: Parcel) {
        match parcel {
            Parcel::Message { to, message } => self.switch(state, to, switch::Event::Received(message)),
            Parcel::Ask { guest } if state.has_address[guest] && state.up[guest] => {
                let (port, address, mac) = (port(guest), key().address, mac(guest));
                let reply = switch::Event::Replied { port, address, mac, advertised_recently: false };
                self.switch(state, guest, reply);
            }
            Parcel::Ask { .. } => {}
        }
    }

    fn claim(&self, state: &mut State, host: usize) {
        state.has_address[host] = true;
        let (port, address, mac) = (port(host), key().address, mac(host));
        self.switch(state, host, switch::Event::Claimed { port, address, mac });
    }

    /// The next deadline of all.
    fn next_deadline(&self, state: &State) -> Duration {
        let deadlines = state.keepers.iter().filter_map(Keeper::next_deadline);
        deadlines.min().expect("a joined VPC is compared each second").max(state.now)
    }

    /// Those whose deadline it is wake, one by one.
    fn wait(&self, state: &mut State) {
        let end = BEGAN + self.storm;
        let next = self.next_deadline(state);
        if state.now < end && next > end {
            state.now = end;
            return;
        }
        state.now = next;
        for host in hosts() {
            if state.keepers[host].next_deadline().is_some_and(|at| at <= state.now) {
                self.keep(state, host, keeper::Event::DeadlineReached);
            }
        }
    }

    /// Nothing is held back and nothing happens, until then.
    fn run(&self, state: &mut State, until: Duration) {
        loop {
            while let Some(parcel) = state.under_way.pop_front() {
                self.arrive(state, parcel);
            }
            if self.next_deadline(state) > until {
                state.now = until;
                return;
            }
            self.wait(state);
        }
    }

    fn is_over(&self, state: &State) -> bool {
        state.under_way.is_empty() && state.now >= BEGAN + self.storm
    }

    /// All is calm: within twelve seconds all hosts have the same record, and it names who has the address.
    fn ends_well(&self, state: &State) -> bool {
        if !self.is_over(state) {
            return true;
        }
        let mut end = State { held_back: vec![], cut_off: None, budget: NOTHING, ..state.clone() };
        let print = print(&end);
        if self.good.lock().expect("no check panics").contains(&print) {
            return true;
        }
        state.tell(|| "all is calm".into());
        self.run(&mut end, state.now + CALM);
        let rank = |host| end.record(host).map(|record| record.rank());
        let holder =
            end.record(0).and_then(|record| record.present_holder()).map(|holder| index(holder.host));
        let owners: Vec<_> = hosts().filter(|host| end.has_address[*host] && end.up[*host]).collect();
        let is_right = match holder {
            Some(holder) => end.up[holder] && (owners.is_empty() || owners.contains(&holder)),
            None => owners.is_empty(),
        };
        let well = hosts().all(|host| rank(host) == rank(0)) && is_right && end.broken.is_none();
        if well {
            self.good.lock().expect("no check panics").insert(print);
        }
        well
    }
}

impl Model for Agents {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        self.clocks.iter().map(|clocks| self.first(*clocks)).collect()
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let Budget { claims, drops, held_back, partitions, map_losses, port_losses } = state.budget;
        let calm = state.under_way.is_empty();
        let is_over = self.is_over(state);
        match calm {
            false => {
                steps.push(Step::Arrive);
                steps.extend((held_back > 0).then_some(Step::HoldBack));
            }
            true if is_over => return,
            true => steps.push(Step::Wait),
        }
        for host in hosts() {
            if claims > 0 && state.up[host] {
                steps.push(Step::Claim(host));
            }
            if port_losses > 0 && state.up[host] {
                steps.push(Step::LosePort { host, claims_late: false });
                steps.extend((claims > 0).then_some(Step::LosePort { host, claims_late: true }));
            }
        }
        if !calm {
            return;
        }
        steps.extend((0..state.held_back.len()).map(Step::ArriveLate));
        for host in hosts() {
            if drops > 0 && state.has_address[host] {
                steps.push(Step::Drop(host));
            }
            if partitions > 0 && state.cut_off.is_none() {
                steps.push(Step::CutOff(host));
            }
            if map_losses > 0 {
                let pulls = others(host).map(Some).chain([None]);
                steps.extend(pulls.map(|from| Step::LoseMap { host, from }));
            }
        }
        steps.extend(state.cut_off.map(|_| Step::Heal));
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        match step {
            Step::Arrive => {
                let parcel = next.under_way.pop_front()?;
                self.arrive(&mut next, parcel);
            }
            Step::HoldBack => {
                next.budget.held_back -= 1;
                let parcel = next.under_way.pop_front()?;
                next.held_back.push(parcel);
            }
            Step::ArriveLate(at) => {
                let parcel = next.held_back.remove(at);
                self.arrive(&mut next, parcel);
            }
            Step::Wait => self.wait(&mut next),
            Step::Claim(host) => {
                next.budget.claims -= 1;
                self.claim(&mut next, host);
            }
            Step::Drop(host) => {
                next.budget.drops -= 1;
                next.has_address[host] = false;
            }
            Step::CutOff(host) => {
                next.budget.partitions -= 1;
                next.cut_off = Some(host);
            }
            Step::Heal => next.cut_off = None,
            Step::LoseMap { host, from } => {
                next.budget.map_losses -= 1;
                next.switches[host] = SwitchModel::new(number(host));
                next.keepers[host] = Keeper::new(number(host), SEEDS[host]);
                self.start(&mut next, host, from);
            }
            Step::LosePort { host, claims_late } => {
                next.budget.port_losses -= 1;
                next.up[host] = false;
                self.switch(&mut next, host, port_is(host, false));
                self.keep(&mut next, host, keeper::Event::PortDown(port(host)));
                if claims_late {
                    // A hook that was under way: it had found the port active.
                    next.budget.claims -= 1;
                    next.switches[host].handle(next.now, port_is(host, true));
                    self.claim(&mut next, host);
                    next.switches[host].handle(next.now, port_is(host, false));
                }
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no record goes backwards", |_, state: &State| state.broken.is_none()),
            Property::always("all ends well", Self::ends_well),
            Property::sometimes("a take fills a vacancy", |_, state: &State| state.seen.asked),
            Property::sometimes("a doubt takes", |_, state: &State| state.seen.doubted),
            Property::sometimes("a claim is repeated", |_, state: &State| state.seen.repeated),
            Property::sometimes("a contest is won", |_, state: &State| state.seen.contested),
            Property::sometimes("both have the address", |_, state: &State| state.seen.both),
        ]
    }
}

const SEEDS: [u64; HOSTS] = [1, 2, 3];
/// Doubts last 4.1 s, vacant VIPs are asked for each 5 s, records compared each second.
const CALM: Duration = Duration::from_secs(12);
pub const NOTHING: Budget =
    Budget { claims: 0, drops: 0, held_back: 0, partitions: 0, map_losses: 0, port_losses: 0 };
