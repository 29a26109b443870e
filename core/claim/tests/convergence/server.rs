//! The server: what should be, told to each host in order but at its own pace, and what it recorded.

use crate::world::{Happening, World, host_number, ms, vip};
use havip_model::{Digest, HostNumber, Incarnation, PortNumber, Record, VipKey};
use std::collections::{BTreeMap, BTreeSet};

/// What a host should know; also what is on its disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    pub members: BTreeSet<HostNumber>,
    pub vips: BTreeMap<VipKey, Vip>,
}

/// A VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vip {
    pub incarnation: Incarnation,
    pub entitled: BTreeSet<PortNumber>,
}

/// The server.
#[derive(Debug, Clone)]
pub struct Server {
    pub is_alive: bool,
    pub desired: Desired,
    pub records: BTreeMap<VipKey, Record>,
    made: u64,
}

impl Server {
    pub fn new(hosts: usize) -> Self {
        let vips = (0..2).map(|index| {
            (vip(index), Vip { incarnation: Incarnation(index as u64 + 1), entitled: BTreeSet::new() })
        });
        let desired = Desired { members: (0..hosts).map(host_number).collect(), vips: vips.collect() };
        Self { is_alive: true, desired, records: BTreeMap::new(), made: 2 }
    }

    /// What it recorded, in one word.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.records)
    }

    /// Records what an agent reports of a VIP that there is.
    pub fn record(&mut self, key: VipKey, record: Record) {
        let made = self.desired.vips.get(&key).map(|vip| vip.incarnation);
        if made == Some(record.incarnation) && self.records.get(&key).is_none_or(|own| record.outranks(own)) {
            self.records.insert(key, record);
        }
    }
}

impl World {
    /// Changes what should be, and sends it out; nothing while the server is dead.
    pub fn desire(&mut self, change: impl FnOnce(&mut Desired)) {
        if !self.server.is_alive {
            return;
        }
        change(&mut self.server.desired);
        let desired = self.server.desired.clone();
        for host in 0..self.hosts.len() {
            self.hosts[host].inbox.push_back(desired.clone());
            let after = ms(self.random.below(300));
            self.later(after, Happening::Config { host });
        }
    }

    /// Deletes the VIP, or makes it anew with the same associations.
    pub fn delete_vip(&mut self, index: usize) {
        if self.server.is_alive {
            self.server.records.remove(&vip(index));
        }
        self.desire(|desired| {
            desired.vips.remove(&vip(index));
        });
    }

    pub fn make_vip(&mut self, index: usize, entitled: BTreeSet<PortNumber>) {
        if !self.server.is_alive {
            return;
        }
        self.server.made += 1;
        self.server.records.remove(&vip(index));
        let made = Vip { incarnation: Incarnation(self.server.made), entitled };
        self.desire(|desired| {
            desired.vips.insert(vip(index), made);
        });
    }

    pub fn entitle(&mut self, index: usize, port: PortNumber, is_entitled: bool) {
        self.desire(|desired| {
            if let Some(vip) = desired.vips.get_mut(&vip(index)) {
                match is_entitled {
                    true => vip.entitled.insert(port),
                    false => vip.entitled.remove(&port),
                };
            }
        });
    }

    /// A host becomes a member: it starts when all live hosts know it as a receiver (C6).
    pub fn admit_host(&mut self, host: usize) {
        self.desire(|desired| {
            desired.members.insert(host_number(host));
        });
    }

    /// The next state in the host's stream.
    pub fn next_config(&mut self, host: usize) {
        if !self.server.is_alive || !self.hosts[host].agent_runs {
            return; // told in full when both are there again
        }
        if let Some(desired) = self.hosts[host].inbox.pop_front() {
            self.configure(host, desired);
        }
        self.start_joiners();
    }

    fn start_joiners(&mut self) {
        for joiner in 0..self.hosts.len() {
            let number = host_number(joiner);
            let is_wanted = self.server.desired.members.contains(&number) && !self.hosts[joiner].was_admitted;
            let mut live = self.hosts.iter().filter(|host| host.is_up);
            if is_wanted && live.all(|host| host.disk.members.contains(&number)) {
                self.hosts[joiner].disk = self.server.desired.clone();
                self.start_host(joiner);
            }
        }
    }

    /// The server is back: every agent gets the full state.
    pub fn start_server(&mut self) {
        self.server.is_alive = true;
        for host in 0..self.hosts.len() {
            self.sync(host);
        }
    }

    /// Full state for a host whose stream opens.
    pub fn sync(&mut self, host: usize) {
        self.hosts[host].inbox.clear();
        let desired = self.server.desired.clone();
        self.hosts[host].inbox.push_back(desired);
        let after = ms(5 + self.random.below(50));
        self.later(after, Happening::Config { host });
    }
}
