//! Guests: they have addresses, claim them, and answer truthfully when asked.

use crate::world::{Happening, World, mac, ms, port_number, vip};
use havip_claim::switch::Event;
use havip_model::VipKey;
use std::{collections::BTreeSet, time::Duration};

/// A guest with one port.
#[derive(Debug, Clone)]
pub struct Guest {
    pub host: usize,
    /// Its port has a carrier.
    pub is_linked: bool,
    /// The VIPs that it has as addresses now.
    pub addresses: BTreeSet<VipKey>,
    /// It claims its addresses again every 5 s, as keepalived does with `garp_master_refresh 5`.
    pub refreshes: bool,
    /// It sends adverts for them.
    pub advertises: bool,
}

impl Guest {
    pub fn new(host: usize) -> Self {
        Self { host, is_linked: true, addresses: BTreeSet::new(), refreshes: false, advertises: false }
    }
}

impl World {
    /// The guest adds the address and announces it this often.
    pub fn claim(&mut self, guest: usize, vip_index: usize, times: usize) {
        self.guests[guest].addresses.insert(vip(vip_index));
        for _ in 0..times {
            self.announce(guest, vip(vip_index));
        }
        if self.guests[guest].refreshes {
            self.later(ms(5000), Happening::Refresh { guest });
        }
    }

    /// A claim without having the address, as `arping -U` can make.
    pub fn announce(&mut self, guest: usize, key: VipKey) {
        let Guest { host, is_linked, .. } = self.guests[guest];
        if is_linked && self.hosts[host].is_up {
            self.switch(
                host,
                Event::Claimed { port: port_number(guest), address: key.address, mac: mac(guest) },
            );
        }
    }

    /// Keepalived elects this guest: it claims, all others drop the address.
    pub fn elect(&mut self, guest: usize, vip_index: usize) {
        for other in 0..self.guests.len() {
            if other != guest {
                self.drop_address(other, vip_index);
            }
        }
        self.claim(guest, vip_index, 5);
    }

    pub fn drop_address(&mut self, guest: usize, vip_index: usize) {
        self.guests[guest].addresses.remove(&vip(vip_index));
    }

    pub fn guest_refreshes(&mut self, guest: usize) {
        if !self.guests[guest].refreshes || self.guests[guest].addresses.is_empty() {
            return;
        }
        for key in self.guests[guest].addresses.clone() {
            self.announce(guest, key);
        }
        self.later(ms(5000), Happening::Refresh { guest });
    }

    /// The question reaches the guest, which answers if it has the address.
    pub fn guest_asked(&mut self, guest: usize, key: VipKey) {
        let host = self.guests[guest].host;
        let after = Duration::from_micros(100 + self.random.below(5000));
        let life = self.hosts[host].life;
        self.later(after, Happening::Answer { host, life, guest, key });
    }

    pub fn guest_answers(&mut self, guest: usize, key: VipKey) {
        let Guest { host, is_linked, advertises, .. } = self.guests[guest];
        if is_linked && self.hosts[host].is_up && self.guests[guest].addresses.contains(&key) {
            let port = port_number(guest);
            let (address, mac) = (key.address, mac(guest));
            self.switch(host, Event::Replied { port, address, mac, advertised_recently: advertises });
        }
    }

    /// The carrier comes or goes.
    pub fn link(&mut self, guest: usize, is_linked: bool) {
        self.guests[guest].is_linked = is_linked;
        self.plug(guest);
    }

    /// Power off: carrier and addresses go.
    pub fn power_off(&mut self, guest: usize) {
        self.guests[guest].addresses.clear();
        self.link(guest, false);
    }
}
