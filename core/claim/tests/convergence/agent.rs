//! A host's agent: it runs the keeper, brings configuration to the switch, and talks to other agents.

use crate::{
    server::{Desired, Vip},
    world::{Happening, World, host_number, ms, port_number, subnet, vip, vni},
};
use havip_claim::{
    Cause, Notice, Order,
    keeper::{self, Keeper, Kind, Party},
    switch::{self, Configured},
};
use havip_model::{Digest, Record, VipKey};
use std::collections::BTreeSet;

impl World {
    pub fn notice(&mut self, host: usize, notice: Notice) {
        if let Notice::Moved { key, record, cause: Cause::Here(_), .. } = notice
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
                keeper::Action::SendDigest { to, digest, .. } => self.send_digest(host, to, digest),
                keeper::Action::SendRecords { peer, .. } => {
                    self.exchanges += 1;
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
    pub fn call(&mut self, to: usize, from: usize, records: Vec<(VipKey, Record)>, wants_answer: bool) {
        if !self.network.is_cut(from, to) {
            let after = ms(1 + self.random.below(10));
            self.later(after, Happening::Records { to, from, records, wants_answer });
        }
    }

    fn send_digest(&mut self, from: usize, to: Party, digest: Digest) {
        let peer = match to {
            Party::Host(peer) => Some(peer.get() as usize - 1),
            Party::Server => None,
        };
        if peer.is_some_and(|peer| self.network.is_cut(from, peer)) {
            return;
        }
        let agent_life = self.hosts[from].agent_life;
        let after = ms(1 + self.random.below(10));
        self.later(after, Happening::Digest { from, agent_life, peer, digest });
    }

    /// A peer answers with its digest, the server with its records if they are others.
    pub fn digest_came(&mut self, from: usize, agent_life: u32, peer: Option<usize>, digest: Digest) {
        let Some(peer) = peer else {
            if self.server.is_alive && self.server.digest() != digest {
                self.exchanges += 1;
                self.server_answers(from);
            }
            return;
        };
        if self.hosts[peer].agent_runs && !self.network.is_cut(from, peer) {
            let digest = self.hosts[peer].keeper.digest(vni());
            let after = ms(1 + self.random.below(10));
            self.later(after, Happening::Compared { host: from, agent_life, peer, digest });
        }
    }

    /// The server's records, and what the agent says to them: it speaks for its own ports only.
    fn server_answers(&mut self, to: usize) {
        for (key, record) in self.hosts[to].switch.records(vni()).collect::<Vec<_>>() {
            if record.holder.host == host_number(to) {
                self.server.record(key, record);
            }
        }
        let records = self.server.records.iter().map(|(key, record)| (*key, *record)).collect();
        let after = ms(1 + self.random.below(10));
        self.later(after, Happening::Records { to, from: to, records, wants_answer: false });
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

    pub fn pull(&mut self, host: usize) {
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

    pub fn open_ports(&mut self, host: usize) {
        self.hosts[host].ports_open = true;
        for guest in 0..self.guests.len() {
            self.plug(guest);
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

    pub fn set_members(&mut self, host: usize) {
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

    pub fn set_vip(&mut self, host: usize, key: VipKey, vip: &Vip) {
        let Vip { incarnation, entitled } = vip;
        let hold = self.holds;
        let (incarnation, kind) = (*incarnation, Kind::Vip);
        let configured = Configured { incarnation, kind, subnet: subnet(), subnet_binding: false, hold };
        self.switch(host, switch::Event::Configured { key, configured });
        for port in entitled {
            self.switch(host, switch::Event::Entitled { key, port: *port });
            self.keep(host, keeper::Event::Entitled { key, port: *port });
        }
        self.keep(host, keeper::Event::Configured { key, incarnation, kind });
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
            match self.guests[guest].host == host {
                true => self.plug(guest),
                false => self.left(host, guest), // it migrated while nobody listened
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
