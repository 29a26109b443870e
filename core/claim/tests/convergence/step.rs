//! What may happen in a storm, and how it ends.

use crate::{
    host::Host,
    world::{World, guest_of, host_number, ms, port_number, vip},
};
use havip_claim::{Order, Release, switch};
use havip_model::{Holder, Incarnation, Record};
use proptest::prelude::*;
use std::time::Duration;

/// One stroke; indices are taken modulo what there is.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// A guest adds the address and claims it this often.
    Claim {
        guest: usize,
        vip: usize,
        times: usize,
    },
    /// A claim by a guest without the address.
    Announce {
        guest: usize,
        vip: usize,
    },
    /// Keepalived elects the guest: it claims, the others drop the address.
    Elect {
        guest: usize,
        vip: usize,
    },
    /// The guest drops the address in silence.
    Drop {
        guest: usize,
        vip: usize,
    },
    Link {
        guest: usize,
        is_linked: bool,
    },
    PowerOff {
        guest: usize,
    },
    /// The guest goes on at another host while it runs.
    Migrate {
        guest: usize,
        host: usize,
    },
    Entitle {
        guest: usize,
        vip: usize,
        is_entitled: bool,
    },
    /// Disassociated while its claim is under way.
    DisassociateWithClaim {
        guest: usize,
        vip: usize,
    },
    Delete {
        vip: usize,
    },
    /// Deleted, if it is there, and made with the same associations.
    Remake {
        vip: usize,
    },
    LoseMaps {
        host: usize,
    },
    StopHost {
        host: usize,
    },
    StartHost {
        host: usize,
    },
    StopAgent {
        host: usize,
    },
    StartAgent {
        host: usize,
    },
    StopServer,
    StartServer,
    Join {
        host: usize,
    },
    Partition {
        side: u8,
    },
    Heal,
    /// A host takes another for lost and releases what it held.
    FalseRelease {
        host: usize,
        vip: usize,
    },
    /// The holder's host sees that its adverts stopped while the guest's go on (C10 c).
    Stall {
        guest: usize,
        vip: usize,
    },
    /// The host's clock is set to this error.
    SetClock {
        host: usize,
        error_ms: i64,
    },
}

impl World {
    /// Does what the step says.
    pub fn step(&mut self, step: Step) {
        let (hosts, guests) = (self.hosts.len(), self.guests.len());
        match step {
            Step::Claim { guest, vip, times } => self.claim(guest % guests, vip, times),
            Step::Announce { guest, vip: index } => self.announce(guest % guests, vip(index)),
            Step::Elect { guest, vip } => self.elect(guest % guests, vip),
            Step::Drop { guest, vip } => self.drop_address(guest % guests, vip),
            Step::Link { guest, is_linked } => self.link(guest % guests, is_linked),
            Step::PowerOff { guest } => self.power_off(guest % guests),
            Step::Migrate { guest, host } => self.migrate(guest % guests, host % hosts),
            Step::Entitle { guest, vip, is_entitled } => {
                self.entitle(vip, port_number(guest % guests), is_entitled)
            }
            Step::DisassociateWithClaim { guest, vip } => {
                self.entitle(vip, port_number(guest % guests), false);
                self.claim(guest % guests, vip, 1);
            }
            Step::Delete { vip } => self.delete_vip(vip),
            Step::Remake { vip: index } => {
                let old = self.server.desired.vips.get(&vip(index)).map(|vip| vip.entitled.clone());
                let all = (0..guests).map(port_number).collect();
                self.delete_vip(index);
                self.make_vip(index, old.unwrap_or(all));
            }
            Step::LoseMaps { host } if self.hosts[host % hosts].is_up => self.empty_maps(host % hosts),
            Step::LoseMaps { .. } => {}
            Step::StopHost { host } => self.stop_host(host % hosts),
            Step::StartHost { host } if self.hosts[host % hosts].was_admitted => {
                self.start_host(host % hosts)
            }
            Step::StartHost { .. } => {}
            Step::StopAgent { host } => self.stop_agent(host % hosts),
            Step::StartAgent { host } => self.start_agent(host % hosts),
            Step::StopServer => self.server.is_alive = false,
            Step::StartServer => self.start_server(),
            Step::Join { host } => self.admit_host(host % hosts),
            Step::Partition { side } => self.network.partition(side, hosts),
            Step::Heal => self.network.cut.clear(),
            Step::FalseRelease { host, vip: index } => {
                let host = host % hosts;
                if let Some(record) = self.record(host, index).filter(|_| self.hosts[host].agent_runs) {
                    let order = Order::Release { key: vip(index), only: Release::Exact(record) };
                    self.switch(host, switch::Event::Ordered(order));
                }
            }
            Step::Stall { guest, vip: index } => {
                let guest = guest % guests;
                let advertiser =
                    Holder { host: host_number(self.guests[guest].host), port: port_number(guest) };
                for host in (0..hosts).filter(|host| self.hosts[*host].is_up).collect::<Vec<_>>() {
                    self.switch(host, switch::Event::AdvertsStalled { key: vip(index), advertiser });
                }
            }
            Step::SetClock { host, error_ms } => self.hosts[host % hosts].clock_error_ms = error_ms,
        }
    }

    /// The storm is over: every host runs and hears every other, and unless the server stays dead, every VIP exists.
    pub fn calm(&mut self, server_stays_dead: bool) {
        self.network.heal();
        if !server_stays_dead {
            self.start_server();
        }
        for host in 0..self.hosts.len() {
            self.admit_host(host);
            if self.hosts[host].was_admitted {
                self.start_host(host);
                self.start_agent(host);
            }
        }
        for index in 0..2 {
            if !self.server.desired.vips.contains_key(&vip(index)) {
                let all = (0..self.guests.len()).map(port_number).collect();
                self.make_vip(index, all);
            }
        }
        for guest in 0..self.guests.len() {
            self.plug(guest);
        }
    }

    /// The newest making of the VIP that any host knows; the others will hear of it when the server is back.
    fn newest(&self, vip_index: usize) -> Option<Incarnation> {
        let live = self.hosts.iter().filter(|host| host.is_up);
        let configured = |host: &Host| host.disk.vips.get(&vip(vip_index)).map(|vip| vip.incarnation);
        let recorded = |host: &Host| host.switch.record(vip(vip_index)).map(|record| record.incarnation);
        live.map(|host| configured(host).max(recorded(host))).max().flatten()
    }

    /// Whether the guest may hold the VIP and could be asked.
    pub fn is_eligible(&self, guest: usize, vip_index: usize) -> bool {
        let host = &self.hosts[self.guests[guest].host];
        let configured = host.disk.vips.get(&vip(vip_index));
        let is_entitled = configured.is_some_and(|vip| {
            vip.entitled.contains(&port_number(guest)) && Some(vip.incarnation) == self.newest(vip_index)
        });
        host.is_up && self.guests[guest].is_linked && is_entitled
    }

    /// The record that all hosts have, which must be one and the same.
    pub fn agreed(&self, vip_index: usize) -> Option<Record> {
        let newest = self.newest(vip_index)?;
        let informed = self.hosts.iter().enumerate().filter(|(_, host)| {
            host.is_up && host.disk.vips.get(&vip(vip_index)).is_some_and(|vip| vip.incarnation == newest)
        });
        let records: Vec<_> = informed.map(|(host, _)| (host, self.record(host, vip_index))).collect();
        for pair in records.windows(2) {
            assert_eq!(
                pair[0].1, pair[1].1,
                "hosts {} and {} disagree on VIP {vip_index}",
                pair[0].0, pair[1].0
            );
        }
        records.first()?.1
    }

    /// The guest that holds the VIP on all hosts; one that may.
    pub fn agreed_holder(&self, vip_index: usize) -> Option<usize> {
        let record = self.agreed(vip_index)?;
        assert_eq!(Some(record.incarnation), self.newest(vip_index), "the record of a former VIP");
        let holder = record.present_holder()?;
        let guest = guest_of(holder.port);
        let host = self.guests[guest].host;
        assert_eq!(holder.host, host_number(host), "guest {guest} is not there");
        // A host that was told of a deletion, and then lost touch, cannot tell those that were not.
        let configured = self.hosts[host].disk.vips.get(&vip(vip_index)).map(|vip| vip.incarnation);
        assert!(
            configured < Some(record.incarnation) || self.is_eligible(guest, vip_index),
            "guest {guest} holds VIP {vip_index} and may not: {record:?}"
        );
        Some(guest)
    }

    /// A VIP that nobody holds is given to whoever has it as an address (C10 a).
    pub fn check_no_vacancy(&self, vip_index: usize) {
        let owns = |guest: &usize| self.guests[*guest].addresses.contains(&vip(vip_index));
        let owner = (0..self.guests.len()).filter(owns).find(|guest| self.is_eligible(*guest, vip_index));
        assert!(
            owner.is_none() || self.agreed_holder(vip_index).is_some(),
            "nobody holds VIP {vip_index}, and guest {owner:?} has it"
        );
    }
}

/// A step; claims are the most frequent.
pub fn steps() -> impl Strategy<Value = (Duration, Step)> {
    let guest = 0usize..6;
    let host = 0usize..5;
    let vip = prop_oneof![4 => Just(0usize), 1 => Just(1)];
    let years = 365 * 24 * 3600 * 1000i64;
    let step = prop_oneof![
        6 => (guest.clone(), vip.clone(), prop_oneof![Just(1usize), Just(5), Just(12)])
            .prop_map(|(guest, vip, times)| Step::Claim { guest, vip, times }),
        1 => (guest.clone(), vip.clone()).prop_map(|(guest, vip)| Step::Announce { guest, vip }),
        4 => (guest.clone(), vip.clone()).prop_map(|(guest, vip)| Step::Elect { guest, vip }),
        2 => (guest.clone(), vip.clone()).prop_map(|(guest, vip)| Step::Drop { guest, vip }),
        3 => (guest.clone(), any::<bool>()).prop_map(|(guest, is_linked)| Step::Link { guest, is_linked }),
        1 => guest.clone().prop_map(|guest| Step::PowerOff { guest }),
        2 => (guest.clone(), host.clone()).prop_map(|(guest, host)| Step::Migrate { guest, host }),
        3 => (guest.clone(), vip.clone(), any::<bool>())
            .prop_map(|(guest, vip, is_entitled)| Step::Entitle { guest, vip, is_entitled }),
        1 => (guest, vip.clone()).prop_map(|(guest, vip)| Step::DisassociateWithClaim { guest, vip }),
        1 => vip.clone().prop_map(|vip| Step::Delete { vip }),
        2 => vip.clone().prop_map(|vip| Step::Remake { vip }),
        2 => host.clone().prop_map(|host| Step::LoseMaps { host }),
        2 => host.clone().prop_map(|host| Step::StopHost { host }),
        2 => host.clone().prop_map(|host| Step::StartHost { host }),
        1 => host.clone().prop_map(|host| Step::StopAgent { host }),
        1 => host.clone().prop_map(|host| Step::StartAgent { host }),
        1 => Just(Step::StopServer),
        1 => Just(Step::StartServer),
        2 => host.clone().prop_map(|host| Step::Join { host }),
        2 => any::<u8>().prop_map(|side| Step::Partition { side }),
        1 => Just(Step::Heal),
        2 => (host.clone(), vip.clone()).prop_map(|(host, vip)| Step::FalseRelease { host, vip }),
        1 => (0usize..6, vip).prop_map(|(guest, vip)| Step::Stall { guest, vip }),
        1 => (host, prop_oneof![-5000i64..5000, Just(9 * years), Just(-9 * years)])
            .prop_map(|(host, error_ms)| Step::SetClock { host, error_ms }),
    ];
    let pause = prop_oneof![3 => 0u64..3, 3 => 0u64..200, 2 => 0u64..1500];
    (pause.prop_map(ms), step)
}
