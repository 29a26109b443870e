//! A host: its switch, its agent with the keeper, its disk.

use crate::{
    server::{Desired, Vip},
    world::{Happening, World, guest_of, host_number, ms, port_number, subnet, vip, vni},
};
use havip_claim::{
    Cause, Notice, Order,
    keeper::{self, Keeper, Kind},
    switch::{self, Configured, Message, Port, SwitchModel},
};
use havip_model::{Record, VipKey};
use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

/// One host.
pub struct Host {
    pub is_up: bool,
    pub agent_runs: bool,
    pub was_admitted: bool,
    pub switch: SwitchModel,
    pub keeper: Keeper,
    /// What its agent last applied.
    pub disk: Desired,
    pub inbox: VecDeque<Desired>,
    /// Counts boots and losses of the maps; guests' packets under way belong to one.
    pub life: u32,
    pub agent_life: u32,
    pub clock_error_ms: i64,
    booted_at: Duration,
    /// The agent was told to open the ports.
    ports_open: bool,
    wake_at: Option<Duration>,
    /// The ports that are active in the switch.
    active: BTreeSet<usize>,
}

impl Host {
    pub fn new(index: usize, clock_error_ms: i64) -> Self {
        Self {
            is_up: false,
            agent_runs: false,
            was_admitted: false,
            switch: SwitchModel::new(host_number(index)),
            keeper: Keeper::new(host_number(index), 0),
            disk: Desired::default(),
            inbox: VecDeque::new(),
            life: 0,
            agent_life: 0,
            clock_error_ms,
            booted_at: Duration::ZERO,
            ports_open: false,
            wake_at: None,
            active: BTreeSet::new(),
        }
    }
}

impl World {
    fn since_boot(&self, host: usize) -> Duration {
        self.now - self.hosts[host].booted_at
    }

    /// Feeds the switch, checks that no record goes backwards, and sees to what it puts out.
    pub fn switch(&mut self, host: usize, event: switch::Event) {
        let now = self.since_boot(host);
        let may_drop = matches!(
            event,
            switch::Event::Ordered(Order::Prepare { .. }) | switch::Event::Ordered(Order::Forget { .. })
        );
        let switch = &mut self.hosts[host].switch;
        let before = [0, 1].map(|index| switch.record(vip(index)));
        let what = format!("{event:?}");
        let actions = switch.handle(now, event);
        let after = [0, 1].map(|index| switch.record(vip(index)));
        for (before, after) in before.into_iter().zip(after) {
            let rank = |record: Option<Record>| record.map(|record| record.rank());
            assert!(
                may_drop || rank(after) >= rank(before),
                "host {host} went backwards by {what}: {before:?} {after:?}"
            );
            if before != after {
                self.changed_at = self.now;
            }
        }
        for action in actions {
            match action {
                switch::Action::Notify(notice) => self.ring(host, notice),
                switch::Action::Send { to, message } => self.send(to.get() as usize - 1, message),
                switch::Action::AskGuest { port, key } => self.guest_asked(guest_of(port), key),
                switch::Action::Refuse(_) => {}
            }
        }
    }

    fn ring(&mut self, host: usize, notice: Notice) {
        if self.random.below(100) >= self.network.ring_loss {
            let agent_life = self.hosts[host].agent_life;
            // In order: all notices take equally long.
            self.later(Duration::from_micros(200), Happening::Notice { host, agent_life, notice });
        }
    }

    pub fn send(&mut self, to: usize, message: Message) {
        self.sent += 1;
        if self.network.is_cut(message.from.get() as usize - 1, to) {
            return;
        }
        for after in self.network.arrivals(&mut self.random) {
            self.later(after, Happening::Message { to, message });
        }
    }

    pub fn deliver(&mut self, to: usize, message: Message) {
        if self.hosts[to].is_up {
            self.switch(to, switch::Event::Received(message));
        }
    }

    pub fn notice(&mut self, host: usize, notice: Notice) {
        if let Notice::Moved { key, record, cause: Cause::Here(_) } = notice
            && self.server.is_alive
        {
            self.server.record(key, record);
        }
        self.keep(host, keeper::Event::Noticed(notice));
    }

    /// Feeds the keeper and does what it wants.
    pub fn keep(&mut self, host: usize, event: keeper::Event) {
        if !self.hosts[host].agent_runs {
            return;
        }
        let now = self.since_boot(host);
        for action in self.hosts[host].keeper.handle(now, event) {
            match action {
                keeper::Action::Order(order) => self.switch(host, switch::Event::Ordered(order)),
                keeper::Action::SendRecords { peer, .. } => {
                    let records = self.hosts[host].switch.records(vni()).collect();
                    self.call(peer.get() as usize - 1, host, records, true);
                }
                keeper::Action::Pull(_) => self.pull(host),
                keeper::Action::OpenPorts(_) => self.open_ports(host),
                keeper::Action::Report(report) => self.reports.push(report),
            }
        }
        let at = self.hosts[host].keeper.next_deadline();
        if at == self.hosts[host].wake_at {
            return;
        }
        self.hosts[host].wake_at = at;
        if let Some(at) = at {
            let agent_life = self.hosts[host].agent_life;
            let after = at.saturating_sub(self.since_boot(host));
            self.later(after, Happening::Wake { host, agent_life });
        }
    }

    pub fn wake(&mut self, host: usize) {
        self.hosts[host].wake_at = None;
        self.keep(host, keeper::Event::DeadlineReached);
    }

    /// What the agent does regularly: heartbeat, clock, reading the records.
    pub fn tick(&mut self, host: usize) {
        let unix_ms = 1_800_000_000_000 + self.now.as_millis() as i64 + self.hosts[host].clock_error_ms;
        let offset = ms(unix_ms as u64) - self.since_boot(host);
        self.switch(host, switch::Event::ClockSet { offset });
        self.switch(host, switch::Event::Heartbeat);
        self.keep(host, keeper::Event::ClockSet { offset });
        for index in 0..2 {
            let record = self.record(host, index);
            self.keep(host, keeper::Event::RecordRead { key: vip(index), record });
        }
        let agent_life = self.hosts[host].agent_life;
        self.later(ms(500), Happening::Tick { host, agent_life });
    }

    /// A call from agent to agent: reliable, unless the hosts do not hear each other.
    fn call(&mut self, to: usize, from: usize, records: Vec<(VipKey, Record)>, wants_answer: bool) {
        if !self.network.is_cut(from, to) {
            let after = ms(1 + self.random.below(10));
            self.later(after, Happening::Records { to, from, records, wants_answer });
        }
    }

    pub fn records_came(&mut self, to: usize, from: usize, records: &[(VipKey, Record)], wants_answer: bool) {
        if !self.hosts[to].agent_runs {
            return;
        }
        let mut greater = vec![];
        for (key, record) in records {
            self.switch(to, switch::Event::Ordered(Order::Merge { key: *key, record: *record }));
            let own = self.hosts[to].switch.record(*key);
            greater.extend(own.filter(|own| own.outranks(record)).map(|own| (*key, own)));
        }
        if wants_answer {
            let known: BTreeSet<_> = records.iter().map(|(key, _)| *key).collect();
            greater.extend(self.hosts[to].switch.records(vni()).filter(|(key, _)| !known.contains(key)));
            self.call(from, to, greater, false);
        }
    }

    fn pull(&mut self, host: usize) {
        let others = (0..self.hosts.len()).filter(|other| *other != host && self.hosts[*other].agent_runs);
        let reachable: Vec<_> = others.filter(|other| !self.network.is_cut(host, *other)).collect();
        let peer =
            (!reachable.is_empty()).then(|| reachable[self.random.below(reachable.len() as u64) as usize]);
        let from_server = self.server.is_alive;
        if peer.is_none() && !from_server {
            return; // the keeper gives up by itself
        }
        let agent_life = self.hosts[host].agent_life;
        let after = ms(2 + self.random.below(20));
        self.later(after, Happening::Pulled { host, agent_life, peer, from_server });
    }

    pub fn pulled(&mut self, host: usize, peer: Option<usize>, from_server: bool) {
        let mut records: Vec<_> = match peer {
            Some(peer) => self.hosts[peer].switch.records(vni()).collect(),
            None => vec![],
        };
        if from_server {
            records.extend(self.server.records.iter().map(|(key, record)| (*key, *record)));
        }
        for (key, record) in records {
            self.switch(host, switch::Event::Ordered(Order::Merge { key, record }));
        }
        for index in 0..2 {
            let record = self.record(host, index);
            self.keep(host, keeper::Event::RecordRead { key: vip(index), record });
        }
        self.keep(host, keeper::Event::PullDone(vni()));
    }

    fn open_ports(&mut self, host: usize) {
        self.hosts[host].ports_open = true;
        for guest in 0..self.guests.len() {
            self.plug(guest);
        }
    }

    /// Brings the guest's port to what its link and its host say.
    pub fn plug(&mut self, guest: usize) {
        let host = self.guests[guest].host;
        if !self.hosts[host].agent_runs || !self.hosts[host].ports_open {
            return; // nobody looks now
        }
        let is_active = self.guests[guest].is_linked;
        let was_active = match is_active {
            true => !self.hosts[host].active.insert(guest),
            false => self.hosts[host].active.remove(&guest),
        };
        if is_active == was_active {
            return;
        }
        let (port, vni) = (port_number(guest), vni());
        self.switch(host, switch::Event::PortSet { port, state: Port { vni, subnet: subnet(), is_active } });
        match is_active {
            true => self.keep(host, keeper::Event::PortUp { port, vni }),
            false => self.keep(host, keeper::Event::PortDown(port)),
        }
    }

    /// Applies a configuration: the switch's maps first, then the keeper.
    pub fn configure(&mut self, host: usize, desired: Desired) {
        let before = std::mem::replace(&mut self.hosts[host].disk, desired.clone());
        for key in before.vips.keys().filter(|key| !desired.vips.contains_key(key)) {
            self.switch(host, switch::Event::Unconfigured(*key));
            self.keep(host, keeper::Event::Removed(*key));
        }
        self.set_members(host);
        for (key, vip) in &desired.vips {
            let was: BTreeSet<_> = before.vips.get(key).map(|vip| vip.entitled.clone()).unwrap_or_default();
            for port in was.difference(&vip.entitled) {
                self.switch(host, switch::Event::Disentitled { key: *key, port: *port });
                self.keep(host, keeper::Event::Disentitled { key: *key, port: *port });
            }
            self.set_vip(host, *key, vip);
        }
        for (key, vip) in before.vips.iter().filter(|(key, _)| !desired.vips.contains_key(key)) {
            for port in &vip.entitled {
                self.switch(host, switch::Event::Disentitled { key: *key, port: *port });
                self.keep(host, keeper::Event::Disentitled { key: *key, port: *port });
            }
        }
    }

    fn set_members(&mut self, host: usize) {
        let others: Vec<_> = self.hosts[host]
            .disk
            .members
            .iter()
            .copied()
            .filter(|number| *number != host_number(host))
            .collect();
        self.switch(host, switch::Event::MembersSet { vni: vni(), others: others.clone() });
        self.keep(host, keeper::Event::PeersChanged { vni: vni(), peers: others });
    }

    fn set_vip(&mut self, host: usize, key: VipKey, vip: &Vip) {
        let Vip { incarnation, entitled } = vip;
        let (incarnation, kind) = (*incarnation, Kind::Vip);
        let configured = Configured { incarnation, kind, subnet: subnet(), subnet_binding: false };
        self.switch(host, switch::Event::Configured { key, configured });
        for port in entitled {
            self.switch(host, switch::Event::Entitled { key, port: *port });
            self.keep(host, keeper::Event::Entitled { key, port: *port });
        }
        self.keep(host, keeper::Event::Configured { key, incarnation, kind });
    }

    /// Boots the host, if it is down: empty maps, the state on its disk, guests without VIPs.
    pub fn start_host(&mut self, host: usize) {
        if self.hosts[host].is_up {
            return;
        }
        self.hosts[host].is_up = true;
        self.hosts[host].was_admitted = true;
        self.hosts[host].booted_at = self.now;
        for guest in self.guests.iter_mut().filter(|guest| guest.host == host) {
            guest.addresses.clear();
        }
        self.empty_maps(host);
    }

    pub fn stop_host(&mut self, host: usize) {
        self.stop_agent(host);
        self.hosts[host].is_up = false;
        self.hosts[host].life += 1;
    }

    /// Everything pinned is lost; the guests run on. The agent begins anew.
    pub fn empty_maps(&mut self, host: usize) {
        self.stop_agent(host);
        let state = &mut self.hosts[host];
        state.switch = SwitchModel::new(host_number(host));
        state.life += 1;
        state.ports_open = false;
        state.active.clear();
        self.start_agent(host);
    }

    pub fn stop_agent(&mut self, host: usize) {
        self.hosts[host].agent_runs = false;
        self.hosts[host].agent_life += 1;
    }

    /// Starts the agent over the maps that there are, with the state on its disk.
    pub fn start_agent(&mut self, host: usize) {
        if !self.hosts[host].is_up || self.hosts[host].agent_runs {
            return;
        }
        let seed = self.random.below(u64::MAX);
        let state = &mut self.hosts[host];
        state.agent_runs = true;
        state.wake_at = None;
        state.keeper = Keeper::new(host_number(host), seed);
        let disk = state.disk.clone();
        self.tick(host);
        self.set_members(host);
        for (key, vip) in &disk.vips {
            self.set_vip(host, *key, vip);
        }
        for guest in self.hosts[host].active.clone() {
            self.keep(host, keeper::Event::PortUp { port: port_number(guest), vni: vni() });
        }
        for guest in 0..self.guests.len() {
            if self.guests[guest].host == host {
                self.plug(guest);
            }
        }
        for index in 0..2 {
            let record = self.record(host, index);
            self.keep(host, keeper::Event::RecordRead { key: vip(index), record });
        }
        self.keep(host, keeper::Event::VpcJoined(vni()));
        self.set_members(host);
        self.sync(host);
    }
}
