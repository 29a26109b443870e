//! Every order in which a few claims, losses, a partition, a lost map and a lost port can happen on three hosts.
//!
//! The switch's rules alone, which is what works with every agent dead: no record of any host ever goes backwards, and
//! once hosts have compared their records all have the same, whose holder is a port that is up. Breadth-first over
//! states, each once; what agents do in time is the storms' (`tests/convergence`).

use havip_claim::{
    Order, Release,
    keeper::Kind,
    switch::{Action, Configured, Event, Message, Port, SwitchModel},
};
use havip_model::{HostNumber, Incarnation, MacAddr, PortNumber, Record, SubnetNumber, VipKey, Vni};
use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    fmt::Write,
    hash::{DefaultHasher, Hasher},
    time::Duration,
};

const HOSTS: usize = 3;

/// What may still happen.
#[derive(Debug, Clone, Copy)]
struct Budget {
    claims: u8,
    losses: u8,
    partitions: u8,
    map_losses: u8,
    port_losses: u8,
}

#[derive(Debug, Clone)]
struct State {
    hosts: [SwitchModel; HOSTS],
    /// Whose port is up: it is the one named like its host.
    up: [bool; HOSTS],
    /// Under way; a set, as a message that is there twice makes no difference that one delivered twice does not.
    network: BTreeSet<(u8, String)>,
    messages: Vec<(u8, Message)>,
    /// This host hears nobody, and nobody hears it.
    cut: Option<u8>,
    budget: Budget,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Claim {
        host: u8,
        vip: u8,
    },
    Deliver(usize),
    Lose(usize),
    Cut(u8),
    Heal,
    /// The maps are made anew; the agent pulls from this host.
    LoseMap {
        host: u8,
        from: u8,
    },
    /// The port goes down: released, unless a hook is under way that writes a claim of it a moment later.
    LosePort {
        host: u8,
        vip_claimed_late: Option<u8>,
    },
}

fn vni() -> Vni {
    Vni::MIN
}
fn vip(index: u8) -> VipKey {
    VipKey { vni: vni(), address: [10, 0, 0, 100 + index].into() }
}
fn number(host: u8) -> HostNumber {
    HostNumber::new(u32::from(host) + 1).unwrap()
}
fn port(host: u8) -> PortNumber {
    PortNumber::new(u32::from(host) + 11).unwrap()
}
fn mac(host: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, host])
}
fn index(host: HostNumber) -> u8 {
    host.get() as u8 - 1
}

/// Time stands still, so that what happens does so within one millisecond.
const NOW: Duration = Duration::from_secs(100);

/// A configured switch whose clock is 1 ms behind, right, or 1 ms ahead.
fn switch(host: u8, vips: u8) -> SwitchModel {
    let mut switch = SwitchModel::new(number(host));
    let others = (0..HOSTS as u8).map(number).collect();
    let clock = Duration::from_millis(1_000_000 + u64::from(host) - 1);
    let mut events = vec![
        Event::MembersSet { vni: vni(), others },
        Event::ClockSet { offset: clock },
        port_is(host, true),
    ];
    for vip_index in 0..vips {
        let (key, incarnation) = (vip(vip_index), Incarnation(1));
        let subnet = SubnetNumber::MIN;
        let kind = Kind::Vip;
        let configured = Configured { incarnation, kind, subnet, subnet_binding: false, hold: false };
        events.push(Event::Ordered(Order::Prepare { key, incarnation }));
        events.push(Event::Configured { key, configured });
        events.push(Event::Entitled { key, port: port(host) });
    }
    for event in events {
        assert_eq!(switch.handle(NOW, event), []);
    }
    switch
}

fn port_is(host: u8, is_active: bool) -> Event {
    let state = Port { vni: vni(), subnet: SubnetNumber::MIN, is_active };
    Event::PortSet { port: port(host), state }
}

struct Checker {
    vips: u8,
    seen: HashSet<u64>,
    settled: usize,
}

impl Checker {
    fn first(&self, budget: Budget) -> State {
        State {
            hosts: [0, 1, 2].map(|host| switch(host, self.vips)),
            up: [true; HOSTS],
            network: BTreeSet::new(),
            messages: vec![],
            cut: None,
            budget,
        }
    }

    /// Feeds one host; what it sends is under way. Its records never go backwards.
    fn feed(&self, state: &mut State, host: u8, event: Event) {
        let before: Vec<_> = (0..self.vips).map(|index| state.record(host, index)).collect();
        let what = format!("{event:?}");
        let actions = state.hosts[host as usize].handle(NOW, event);
        for (index, before) in (0..).zip(before) {
            let rank = |record: Option<Record>| record.map(|record| record.rank());
            let now = state.record(host, index);
            assert!(rank(now) >= rank(before), "host {host} went backwards by {what}: {before:?} {now:?}");
        }
        for action in actions {
            if let Action::Send { to, message } = action {
                let to = index(to);
                let lost = state.cut.is_some_and(|cut| (cut == to) != (cut == host));
                if !lost && state.network.insert((to, format!("{message:?}"))) {
                    state.messages.push((to, message));
                }
            }
        }
    }

    fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = vec![];
        let Budget { claims, losses, partitions, map_losses, port_losses } = state.budget;
        let hosts = 0..HOSTS as u8;
        for at in 0..state.messages.len() {
            steps.push(Step::Deliver(at));
            if losses > 0 {
                steps.push(Step::Lose(at));
            }
        }
        for host in hosts.clone() {
            if claims > 0 && state.up[host as usize] {
                steps.extend((0..self.vips).map(|vip| Step::Claim { host, vip }));
            }
            if port_losses > 0 && state.up[host as usize] {
                steps.push(Step::LosePort { host, vip_claimed_late: None });
                let late = (0..self.vips).filter(|_| claims > 0);
                steps.extend(late.map(|vip| Step::LosePort { host, vip_claimed_late: Some(vip) }));
            }
            if map_losses > 0 && state.cut.is_none() {
                let others = hosts.clone().filter(|from| *from != host);
                steps.extend(others.map(|from| Step::LoseMap { host, from }));
            }
            if partitions > 0 && state.cut.is_none() {
                steps.push(Step::Cut(host));
            }
        }
        steps.extend(state.cut.map(|_| Step::Heal));
        steps
    }

    fn take(&self, state: &State, step: Step) -> State {
        let mut next = state.clone();
        match step {
            Step::Claim { host, vip: index } => {
                next.budget.claims -= 1;
                self.claim(&mut next, host, index);
            }
            Step::Deliver(at) => {
                let (to, message) = next.arrive(at);
                self.feed(&mut next, to, Event::Received(message));
            }
            Step::Lose(at) => {
                next.budget.losses -= 1;
                next.arrive(at);
            }
            Step::Cut(host) => {
                next.budget.partitions -= 1;
                next.cut = Some(host);
            }
            Step::Heal => next.cut = None,
            Step::LoseMap { host, from } => {
                next.budget.map_losses -= 1;
                next.hosts[host as usize] = switch(host, self.vips);
                next.hosts[host as usize].handle(NOW, port_is(host, false));
                self.merge(&mut next, from, host);
                // What names a port of before is released before the port comes up.
                self.release(&mut next, host);
                let up = next.up[host as usize];
                next.hosts[host as usize].handle(NOW, port_is(host, up));
            }
            Step::LosePort { host, vip_claimed_late } => {
                next.budget.port_losses -= 1;
                next.up[host as usize] = false;
                self.feed(&mut next, host, port_is(host, false));
                self.release(&mut next, host);
                if let Some(index) = vip_claimed_late {
                    next.budget.claims -= 1;
                    self.feed(&mut next, host, port_is(host, true));
                    self.claim(&mut next, host, index);
                    self.feed(&mut next, host, port_is(host, false));
                }
            }
        }
        next
    }

    fn claim(&self, state: &mut State, host: u8, index: u8) {
        let event = Event::Claimed { port: port(host), address: vip(index).address, mac: mac(host) };
        self.feed(state, host, event);
    }

    fn release(&self, state: &mut State, host: u8) {
        for index in 0..self.vips {
            let only = Release::Port(port(host));
            self.feed(state, host, Event::Ordered(Order::Release { key: vip(index), only }));
        }
    }

    /// What one host knows comes to another by repair or a pull.
    fn merge(&self, state: &mut State, from: u8, to: u8) {
        for index in 0..self.vips {
            if let Some(record) = state.record(from, index) {
                self.feed(state, to, Event::Ordered(Order::Merge { key: vip(index), record }));
            }
        }
    }

    /// Everything that is under way is lost, and hosts compare their records and look at their ports: all agree.
    fn settle(&mut self, state: &State) {
        let mut state = state.clone();
        state.cut = None;
        for _ in 0..2 {
            state.messages.clear();
            state.network.clear();
            for (from, to) in [(0, 1), (1, 2), (2, 1), (1, 0), (0, 2)] {
                self.merge(&mut state, from, to);
            }
            let up = state.up;
            for host in (0..HOSTS as u8).filter(|host| !up[*host as usize]) {
                self.release(&mut state, host);
            }
        }
        for index in 0..self.vips {
            let records = [0, 1, 2].map(|host| state.record(host, index));
            assert!(records.windows(2).all(|pair| pair[0] == pair[1]), "{records:#?}");
            let holder = records[0].and_then(|record| record.present_holder());
            assert!(
                holder.is_none_or(|holder| state.up[usize::from(self::index(holder.host))]),
                "a port that is down holds: {records:#?}"
            );
        }
        self.settled += 1;
    }

    /// Visits every state that can be reached.
    fn check(&mut self, budget: Budget) {
        let mut queue = VecDeque::from([self.first(budget)]);
        while let Some(state) = queue.pop_front() {
            self.settle(&state);
            for step in self.steps(&state) {
                let next = self.take(&state, step);
                if self.seen.insert(next.fingerprint()) {
                    queue.push_back(next);
                }
            }
        }
    }
}

impl State {
    fn record(&self, host: u8, index: u8) -> Option<Record> {
        self.hosts[host as usize].record(vip(index))
    }

    fn arrive(&mut self, at: usize) -> (u8, Message) {
        let (to, message) = self.messages.swap_remove(at);
        self.network.remove(&(to, format!("{message:?}")));
        (to, message)
    }

    /// Two states of the same fingerprint are one and the same, but once in 2⁶⁴.
    fn fingerprint(&self) -> u64 {
        let Self { hosts, up, network, messages: _, cut, budget } = self;
        let mut print = Print(DefaultHasher::new());
        write!(print, "{hosts:?} {up:?} {network:?} {cut:?} {budget:?}").expect("a hasher takes everything");
        print.0.finish()
    }
}

struct Print(DefaultHasher);

impl Write for Print {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Claims beyond these few, for a machine that has the time: four take minutes and gigabytes.
fn claims(usual: u8) -> u8 {
    std::env::var("HAVIP_MODEL_CLAIMS").ok().and_then(|claims| claims.parse().ok()).unwrap_or(usual)
}

#[test]
fn whatever_the_order_no_record_goes_backwards_and_all_hosts_agree_in_the_end() {
    let mut visited = 0;
    let few = Budget { claims: claims(2), losses: 0, partitions: 0, map_losses: 0, port_losses: 0 };
    for (vips, budget) in [
        // VIPs share nothing in a switch, so one of them is looked at closely and two roughly.
        (1, few),
        (1, Budget { claims: claims(3), ..few }),
        (1, Budget { losses: 2, ..few }),
        (1, Budget { port_losses: 1, ..few }),
        (1, Budget { partitions: 1, losses: 1, ..few }),
        (1, Budget { map_losses: 1, ..few }),
        (2, few),
    ] {
        let mut checker = Checker { vips, seen: HashSet::new(), settled: 0 };
        checker.check(budget);
        println!("{vips} VIPs, {budget:?}: {} states", checker.settled);
        visited += checker.settled;
    }
    assert!(visited > 5_000, "something never happened: {visited} states");
}
