//! A host: its switch, its ports, its disk, its boots.

use crate::{
    server::Desired,
    world::{Happening, World, guest_of, host_number, port_number, subnet, vip, vni},
};
use havip_claim::{
    Notice, Order,
    keeper::{self, Keeper},
    switch::{self, Message, Port, SwitchModel},
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
    pub booted_at: Duration,
    /// The agent was told to open the ports.
    pub ports_open: bool,
    pub wake_at: Option<Duration>,
    /// The ports that are active in the switch.
    pub active: BTreeSet<usize>,
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
    pub fn since_boot(&self, host: usize) -> Duration {
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
                switch::Action::Send { to, message } => self.send(host, to.get() as usize - 1, message),
                switch::Action::AskGuest { port, key } => self.guest_asked(guest_of(port), key),
                switch::Action::Deliver { port } => self.delivered.push(guest_of(port)),
                switch::Action::PassOn { key, to } => self.carry(host, to.get() as usize - 1, key, true),
                switch::Action::Refuse(_) => {}
            }
        }
    }

    pub fn ring(&mut self, host: usize, notice: Notice) {
        if self.random.below(100) >= self.network.ring_loss {
            let agent_life = self.hosts[host].agent_life;
            // In order: all notices take equally long.
            self.later(Duration::from_micros(200), Happening::Notice { host, agent_life, notice });
        }
    }

    pub fn send(&mut self, from: usize, to: usize, message: Message) {
        self.sent += 1;
        if self.network.is_cut(from, to) {
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

    /// A host without guests of the VIP sends a packet to whom it takes for the holder.
    pub fn send_packet(&mut self, from: usize, index: usize) {
        let Some(holder) = self.record(from, index).and_then(|record| record.present_holder()) else {
            return;
        };
        self.carry(from, holder.host.get() as usize - 1, vip(index), false);
    }

    /// Packets are neither lost nor cut here: what becomes of them at hosts is the question.
    fn carry(&mut self, from: usize, to: usize, key: VipKey, is_passed_on: bool) {
        let packet = switch::Event::Arrived { key, from: host_number(from), is_passed_on };
        self.later(Duration::from_micros(50), Happening::Packet { to, packet });
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
}
