//! Everything in the claim rules that takes time: the machine that each agent runs (rules C4 to C7, C9 and C10).
//!
//! Each VIP has its own states, each with its deadline inside it; the keeper hands events to them.
//! The driver handles every notice that it has before it says [`Event::DeadlineReached`]: an answer that lies
//! unread in the ring must not count as silence.

mod action;
mod announce;
mod contend;
mod contest;
mod doubt;
mod event;
mod follow;
mod migrate;
mod random;
mod vacancy;
mod vip;
mod vpc;

pub use action::{Action, Party, Report};
pub use event::{Event, Kind};

use crate::{Notice, Order, Release};
use havip_model::{Digest, HostNumber, Incarnation, PortNumber, Record, VipKey, Vni};
use random::Random;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};
use vip::Vip;
use vpc::Vpc;

/// The claim rules' timed part on one host.
#[derive(Debug, Clone, Hash)]
pub struct Keeper {
    host: HostNumber,
    random: Random,
    clock_offset: Option<Duration>,
    vpcs: BTreeMap<Vni, Vpc>,
    ports: BTreeMap<PortNumber, Vni>,
    entitled: BTreeSet<(VipKey, PortNumber)>,
    vips: BTreeMap<VipKey, Vip>,
    /// Of the records of each VPC's VIPs: follows them.
    digests: BTreeMap<Vni, Digest>,
    /// When each VIP wants to be woken, in order of time: copied from its states after each event.
    due: BTreeSet<(Duration, VipKey)>,
}

impl Keeper {
    /// A keeper that knows nothing yet. The seed spreads hosts that start together; it need not be secret.
    pub fn new(host: HostNumber, seed: u64) -> Self {
        Self {
            host,
            random: Random::new(seed),
            clock_offset: None,
            vpcs: BTreeMap::new(),
            ports: BTreeMap::new(),
            entitled: BTreeSet::new(),
            vips: BTreeMap::new(),
            digests: BTreeMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// What is to be done after this event; `now` is the time since boot.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        match event {
            Event::VpcJoined(vni) if self.vpcs.contains_key(&vni) => vec![],
            Event::VpcJoined(vni) => {
                self.vpcs.insert(vni, Vpc::join(now));
                vec![Action::Pull(vni)]
            }
            Event::VpcLeft(vni) => {
                self.vpcs.remove(&vni);
                self.each_vip(vni, |vip| {
                    vip.unsettle();
                    vec![]
                })
            }
            Event::PeersChanged { vni, peers } => {
                if let Some(vpc) = self.vpcs.get_mut(&vni) {
                    vpc.set_peers(peers);
                }
                vec![]
            }
            Event::PullDone(vni) => self.pulled(now, vni),
            Event::Compared { vni, peer, digest } => {
                let is_joined = self.vpcs.get(&vni).is_some_and(Vpc::is_joined);
                let differs = digest != Some(self.digest(vni));
                (is_joined && differs).then_some(Action::SendRecords { vni, peer }).into_iter().collect()
            }

            Event::PortUp { port, vni } => {
                self.ports.insert(port, vni);
                let entitled = &self.entitled;
                let keys: Vec<_> =
                    keys_of(&self.vips, vni).filter(|key| entitled.contains(&(*key, port))).collect();
                keys.into_iter().flat_map(|key| self.in_vip(key, |vip| vip.appeared(now, port))).collect()
            }
            Event::PortDown(port) => self.port_gone(now, Release::Down(port), port),
            Event::PortLeft(port) => {
                self.ports.remove(&port);
                let keys: Vec<_> = self.vips.keys().copied().collect();
                keys.into_iter().flat_map(|key| self.in_vip(key, |vip| vip.left(now, port))).collect()
            }
            Event::PortArrives { port, vni } => {
                let entitled = &self.entitled;
                let keys: Vec<_> =
                    keys_of(&self.vips, vni).filter(|key| entitled.contains(&(*key, port))).collect();
                keys.into_iter().flat_map(|key| self.in_vip(key, |vip| vip.arrives(now, port))).collect()
            }
            Event::Entitled { key, port } => {
                self.entitled.insert((key, port));
                match self.ports.get(&port) == Some(&key.vni) {
                    true => self.in_vip(key, |vip| vip.appeared(now, port)),
                    false => vec![],
                }
            }
            Event::Disentitled { key, port } => {
                self.entitled.remove(&(key, port));
                self.in_vip(key, |vip| vip.barred(now, port, Release::Port(port)))
            }

            Event::Configured { key, incarnation, kind } => self.configured(now, key, incarnation, kind),
            Event::Removed(key) => match self.vips.remove(&key) {
                Some(vip) => {
                    self.digests.entry(key.vni).or_default().replace(key.address, vip.record.as_ref(), None);
                    vip.next_deadline().map(|at| self.due.remove(&(at, key)));
                    vip.withdraw()
                }
                None => vec![],
            },
            Event::RecordRead { key, record } => self.in_vip(key, |vip| vip.read(now, record)),
            Event::Noticed(notice) => self.noticed(now, notice),
            Event::ClockSet { offset } => {
                self.clock_offset = Some(offset);
                vec![]
            }
            Event::DeadlineReached => self.deadline_reached(now),
        }
    }

    /// When [`Event::DeadlineReached`] is wanted.
    pub fn next_deadline(&self) -> Option<Duration> {
        let vips = self.due.first().map(|(at, _)| *at);
        self.vpcs.values().map(Vpc::next_deadline).chain(vips).min()
    }

    /// The records of a VPC in one word, as far as they were heard or read.
    pub fn digest(&self, vni: Vni) -> Digest {
        self.digests.get(&vni).copied().unwrap_or_default()
    }

    /// A VIP's record, as far as it was heard or read.
    pub fn record(&self, key: VipKey) -> Option<Record> {
        self.vips.get(&key)?.record
    }

    fn port_gone(&mut self, now: Duration, only: Release, port: PortNumber) -> Vec<Action> {
        self.ports.remove(&port);
        let keys: Vec<_> = self.vips.keys().copied().collect();
        keys.into_iter().flat_map(|key| self.in_vip(key, |vip| vip.barred(now, port, only))).collect()
    }

    fn noticed(&mut self, now: Duration, notice: Notice) -> Vec<Action> {
        match notice {
            Notice::Moved { key, record, before, cause } => {
                let mut actions = self.in_vip(key, |vip| vip.moved(now, record, before, cause));
                actions.extend(self.clock_ahead(now, key, record).map(Action::Report));
                actions
            }
            Notice::Answered { key, port, mac, advertised_recently } => {
                self.in_vip(key, |vip| vip.answered(now, port, mac, advertised_recently))
            }
            Notice::Alive { key, record } => self.in_vip(key, |vip| vip.alive(&record)),
            Notice::Postponed { key, port, mac, expected, ready_at } => {
                self.in_vip(key, |vip| vip.postponed(port, mac, expected, ready_at))
            }
            Notice::Contested { key, port, mac, .. } => self.in_vip(key, |vip| vip.contested(now, port, mac)),
            Notice::Stalled { key, record } => self.in_vip(key, |vip| vip.stalled(now, &record)),
        }
    }

    fn configured(
        &mut self,
        now: Duration,
        key: VipKey,
        incarnation: Incarnation,
        kind: Kind,
    ) -> Vec<Action> {
        let candidates = match kind {
            Kind::Vip => self.candidates(key),
            Kind::Eip => BTreeSet::new(),
        };
        let is_joined = self.vpcs.get(&key.vni).is_some_and(Vpc::is_joined);
        let host = self.host;
        self.vips.entry(key).or_insert_with(|| Vip::new(key, host));
        self.in_vip(key, |vip| {
            if !vip.configure(incarnation, kind, candidates) {
                return vec![];
            }
            let mut actions = vec![Action::Order(Order::Prepare { key, incarnation })];
            if is_joined {
                actions.extend(vip.settle(now));
            }
            actions
        })
    }

    fn pulled(&mut self, now: Duration, vni: Vni) -> Vec<Action> {
        let Some(vpc) = self.vpcs.get_mut(&vni) else { return vec![] };
        let opens = vpc.pulled(now, &mut self.random);
        let mut actions = self.each_vip(vni, |vip| vip.settle(now));
        actions.extend(self.each_vip(vni, |vip| vip.look()));
        // Last: a record that still names a port of before the reboot is released before the port comes up.
        actions.extend(opens.then_some(Action::OpenPorts(vni)));
        actions
    }

    fn deadline_reached(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = vec![];
        while let Some((at, key)) = self.due.first().copied()
            && at <= now
        {
            actions.extend(self.in_vip(key, |vip| vip.deadline_reached(now)));
        }
        for vni in self.vpcs.keys().copied().collect::<Vec<_>>() {
            let vpc = self.vpcs.get_mut(&vni).expect("its key was listed");
            if vpc.gives_up_now(now) {
                actions.extend(self.pulled(now, vni));
            } else if let Some(parties) = vpc.ticks_now(now, &mut self.random) {
                let digest = self.digest(vni);
                actions.extend(parties.into_iter().map(|to| Action::SendDigest { vni, to, digest }));
                actions.extend(self.each_vip(vni, |vip| vip.look()));
            }
        }
        actions
    }

    fn clock_ahead(&self, now: Duration, key: VipKey, record: Record) -> Option<Report> {
        let clock = now + self.clock_offset?;
        let ahead = Duration::from_millis(record.epoch.millis()).checked_sub(clock)?;
        (ahead > CLOCK_TOLERANCE).then_some(Report::ClockAhead { key, record, ahead })
    }

    fn candidates(&self, key: VipKey) -> BTreeSet<PortNumber> {
        let entitled = self.entitled.range((key, PortNumber::MIN)..=(key, PortNumber::MAX));
        entitled.map(|(_, port)| *port).filter(|port| self.ports.get(port) == Some(&key.vni)).collect()
    }

    /// Hands something to a VIP, and copies its next deadline and its record.
    fn in_vip(&mut self, key: VipKey, act: impl FnOnce(&mut Vip) -> Vec<Action>) -> Vec<Action> {
        let Some(vip) = self.vips.get_mut(&key) else { return vec![] };
        let (before, record) = (vip.next_deadline(), vip.record);
        let actions = act(vip);
        let (after, now) = (vip.next_deadline(), vip.record);
        if record != now {
            let digest = self.digests.entry(key.vni).or_default();
            digest.replace(key.address, record.as_ref(), now.as_ref());
        }
        if before != after {
            before.map(|at| self.due.remove(&(at, key)));
            after.map(|at| self.due.insert((at, key)));
        }
        actions
    }

    fn each_vip(&mut self, vni: Vni, act: impl Fn(&mut Vip) -> Vec<Action>) -> Vec<Action> {
        let keys: Vec<_> = keys_of(&self.vips, vni).collect();
        keys.into_iter().flat_map(|key| self.in_vip(key, &act)).collect()
    }
}

fn keys_of(vips: &BTreeMap<VipKey, Vip>, vni: Vni) -> impl Iterator<Item = VipKey> {
    let first = VipKey { vni, address: IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let last = VipKey { vni, address: IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)) };
    vips.range(first..=last).map(|(key, _)| *key)
}

/// Beyond this a record's epoch is reported as ahead of the clock (section 5, "epoch").
const CLOCK_TOLERANCE: Duration = Duration::from_secs(3600);
