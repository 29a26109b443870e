//! A fabric in a box: hosts, guests, a network and a server, and one queue of what happens next.

use crate::{
    guest::Guest,
    host::Host,
    network::{Network, Random},
    server::Server,
};
use havip_claim::{
    Notice,
    keeper::{Event, Report},
    switch::{self, Message},
};
use havip_model::{Digest, HostNumber, MacAddr, PortNumber, Record, SubnetNumber, VipKey, Vni};
use std::{collections::BTreeMap, time::Duration};

/// Everything that is simulated.
pub struct World {
    pub now: Duration,
    pub hosts: Vec<Host>,
    pub guests: Vec<Guest>,
    pub server: Server,
    pub network: Network,
    pub random: Random,
    /// When any record of any host last changed.
    pub changed_at: Duration,
    /// Messages handed to the network so far.
    pub sent: u64,
    /// The contention of the VIPs is `hold` (C9).
    pub holds: bool,
    /// How often hosts exchanged records for repair.
    pub exchanges: u64,
    /// The guests that packets for a VIP were delivered to.
    pub delivered: Vec<usize>,
    /// What keepers reported to people.
    pub reports: Vec<Report>,
    queue: BTreeMap<(Duration, u64), Happening>,
    queued: u64,
}

/// What happens at a moment. Lives tell a process from its successor, which does not get its predecessor's mail.
#[derive(Debug, Clone)]
pub enum Happening {
    Message { to: usize, message: Message },
    Packet { to: usize, packet: switch::Event },
    Answer { host: usize, life: u32, guest: usize, key: VipKey },
    Notice { host: usize, agent_life: u32, notice: Notice },
    Wake { host: usize, agent_life: u32 },
    Tick { host: usize, agent_life: u32 },
    Config { host: usize },
    Records { to: usize, from: usize, records: Vec<(VipKey, Record)>, wants_answer: bool },
    Digest { from: usize, agent_life: u32, peer: Option<usize>, digest: Digest },
    Compared { host: usize, agent_life: u32, peer: usize, digest: Digest },
    Pulled { host: usize, agent_life: u32, peer: Option<usize>, from_server: bool },
    Refresh { guest: usize },
    Left { host: usize, guest: usize },
}

/// The one VPC.
pub fn vni() -> Vni {
    Vni::new(7).unwrap()
}

/// The one subnet.
pub fn subnet() -> SubnetNumber {
    SubnetNumber::new(3).unwrap()
}

/// The VIPs: one IPv4, one IPv6.
pub fn vip(index: usize) -> VipKey {
    let address = if index == 0 { "10.0.0.100" } else { "2001:db8::100" };
    VipKey { vni: vni(), address: address.parse().unwrap() }
}

pub fn host_number(index: usize) -> HostNumber {
    HostNumber::new(index as u32 + 1).unwrap()
}

pub fn port_number(guest: usize) -> PortNumber {
    PortNumber::new(guest as u32 + 11).unwrap()
}

pub fn mac(guest: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, guest as u8 + 1])
}

pub fn guest_of(port: PortNumber) -> usize {
    port.get() as usize - 11
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl World {
    /// Hosts with these clock errors in milliseconds and guests on these hosts. All run, all guests are entitled.
    pub fn new(seed: u64, clock_errors: &[i64], guests_on: &[usize]) -> Self {
        let guests: Vec<_> = guests_on.iter().map(|host| Guest::new(*host % clock_errors.len())).collect();
        let hosts = (0..clock_errors.len()).map(|index| Host::new(index, clock_errors[index])).collect();
        let mut world = Self {
            now: ms(1000),
            hosts,
            server: Server::new(clock_errors.len()),
            guests,
            network: Network::default(),
            random: Random(seed),
            changed_at: Duration::ZERO,
            sent: 0,
            holds: false,
            exchanges: 0,
            delivered: vec![],
            reports: vec![],
            queue: BTreeMap::new(),
            queued: 0,
        };
        for guest in 0..world.guests.len() {
            world.server.desired.vips.values_mut().for_each(|vip| {
                vip.entitled.insert(port_number(guest));
            });
        }
        world
    }

    /// Hosts with right clocks, started; every VIP configured; guests entitled.
    pub fn started(hosts: usize, guests_on: &[usize]) -> Self {
        let mut world = Self::new(1, &vec![0; hosts], guests_on);
        world.start_all();
        world.run(ms(100));
        world
    }

    /// Starts every host that was not left out of the VPC.
    pub fn start_all(&mut self) {
        for host in 0..self.hosts.len() {
            if self.server.desired.members.contains(&host_number(host)) {
                self.hosts[host].disk = self.server.desired.clone();
                self.start_host(host);
            }
        }
    }

    /// Queues something for later.
    pub fn later(&mut self, after: Duration, happening: Happening) {
        self.queued += 1;
        self.queue.insert((self.now + after, self.queued), happening);
    }

    /// Lets everything happen that does within this time.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), happening) = entry.remove_entry();
            self.now = at;
            self.happen(happening);
        }
        self.now = until;
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Message { to, message } => self.deliver(to, message),
            Happening::Packet { to, packet } if self.hosts[to].is_up => self.switch(to, packet),
            Happening::Answer { host, life, guest, key } if self.hosts[host].life == life => {
                self.guest_answers(guest, key);
            }
            Happening::Notice { host, agent_life, notice } if self.hosts[host].agent_life == agent_life => {
                self.notice(host, notice);
            }
            Happening::Wake { host, agent_life } if self.hosts[host].agent_life == agent_life => {
                self.wake(host)
            }
            Happening::Tick { host, agent_life } if self.hosts[host].agent_life == agent_life => {
                self.tick(host)
            }
            Happening::Config { host } => self.next_config(host),
            Happening::Records { to, from, records, wants_answer } => {
                self.records_came(to, from, &records, wants_answer);
            }
            Happening::Digest { from, agent_life, peer, digest } => {
                self.digest_came(from, agent_life, peer, digest);
            }
            Happening::Compared { host, agent_life, peer, digest }
                if self.hosts[host].agent_life == agent_life =>
            {
                let peer = host_number(peer);
                self.keep(host, Event::Compared { vni: vni(), peer, digest: Some(digest) });
            }
            Happening::Pulled { host, agent_life, peer, from_server }
                if self.hosts[host].agent_life == agent_life =>
            {
                self.pulled(host, peer, from_server);
            }
            Happening::Refresh { guest } => self.guest_refreshes(guest),
            Happening::Left { host, guest } => self.left(host, guest),
            Happening::Packet { .. }
            | Happening::Answer { .. }
            | Happening::Notice { .. }
            | Happening::Wake { .. }
            | Happening::Tick { .. }
            | Happening::Compared { .. }
            | Happening::Pulled { .. } => {} // for a process that is gone
        }
    }

    /// The record that this host has.
    pub fn record(&self, host: usize, vip_index: usize) -> Option<Record> {
        self.hosts[host].switch.record(vip(vip_index))
    }

    /// The guest that holds the VIP, as this host sees it.
    pub fn holder(&self, host: usize, vip_index: usize) -> Option<usize> {
        let holder = self.record(host, vip_index)?.present_holder()?;
        Some(guest_of(holder.port))
    }

    /// The guest that holds the VIP as every host sees it; panics if they differ.
    pub fn holder_everywhere(&self, vip_index: usize) -> Option<usize> {
        let holders: Vec<_> = (0..self.hosts.len()).map(|host| self.holder(host, vip_index)).collect();
        assert!(holders.iter().all(|holder| *holder == holders[0]), "{holders:?}");
        holders[0]
    }
}
