//! What a host's switch does about claims: at once, on packets and orders, without a timer (C1 to C5, C7 to C10).
//!
//! This is the reference for `bpf/`: random operations run through both must end in the same records and outputs.

mod action;
mod apply;
mod ask;
mod bucket;
mod claim;
mod event;
mod loss;
mod passage;
mod release;
mod slot;
mod waiting;

pub use action::{Action, Message, MessageKind, Refused};
pub use event::{Configured, Event, Port};
pub use waiting::MOST_WAITING;

use crate::{Cause, Notice, Order, keeper::Kind};
use ask::Ask;
use bucket::Bucket;
use havip_model::{Holder, HostNumber, PortNumber, Record, VipKey, Vni};
use slot::Slot;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use waiting::Waiting;

/// One host's switch.
#[derive(Debug, Clone, Hash)]
pub struct SwitchModel {
    host: HostNumber,
    members: BTreeMap<Vni, BTreeSet<HostNumber>>,
    relayed: BTreeMap<Vni, BTreeSet<HostNumber>>,
    ports: BTreeMap<PortNumber, Port>,
    configured: BTreeMap<VipKey, Configured>,
    entitled: BTreeSet<(VipKey, PortNumber)>,
    slots: BTreeMap<VipKey, Slot>,
    waiting: Waiting,
    buckets: BTreeMap<(VipKey, PortNumber), Bucket>,
    /// Until when a port's claims are contested where contention is `hold`, and where it is anything.
    losses: BTreeMap<(VipKey, PortNumber), Duration>,
    arrivals: BTreeMap<(VipKey, PortNumber), Duration>,
    /// The same for claims while no agent is at work.
    alone: BTreeMap<(VipKey, PortNumber), Bucket>,
    asks: BTreeMap<(PortNumber, VipKey), Ask>,
    corrections: BTreeMap<(VipKey, HostNumber), u128>,
    clock_offset: Duration,
    heartbeat_at: Option<Duration>,
}

impl SwitchModel {
    /// A switch with empty maps.
    pub fn new(host: HostNumber) -> Self {
        Self {
            host,
            members: BTreeMap::new(),
            relayed: BTreeMap::new(),
            ports: BTreeMap::new(),
            configured: BTreeMap::new(),
            entitled: BTreeSet::new(),
            slots: BTreeMap::new(),
            waiting: Waiting::default(),
            buckets: BTreeMap::new(),
            losses: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            alone: BTreeMap::new(),
            asks: BTreeMap::new(),
            corrections: BTreeMap::new(),
            clock_offset: Duration::ZERO,
            heartbeat_at: None,
        }
    }

    /// What one input does; `now` is the time since boot.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        match event {
            Event::RelayedSet { vni, hosts } => {
                self.relayed.insert(vni, hosts.into_iter().collect());
            }
            Event::MembersSet { vni, others } => {
                self.members.insert(vni, others.into_iter().filter(|host| *host != self.host).collect());
            }
            Event::MembersGone(vni) => {
                self.members.remove(&vni);
                self.relayed.remove(&vni);
            }
            Event::PortSet { port, state } => {
                self.ports.insert(port, state);
            }
            Event::PortGone(port) => {
                self.ports.remove(&port);
            }
            Event::Configured { key, configured } => {
                self.configured.insert(key, configured);
            }
            Event::Unconfigured(key) => {
                self.configured.remove(&key);
            }
            Event::Entitled { key, port } => {
                self.entitled.insert((key, port));
            }
            Event::Disentitled { key, port } => {
                self.entitled.remove(&(key, port));
            }
            Event::ClockSet { offset } => self.clock_offset = offset,
            Event::Heartbeat => self.heartbeat_at = Some(now),

            Event::Claimed { port, address, mac } => return self.claim(now, port, address, mac),
            Event::Replied { port, address, mac, advertised_recently } => {
                return self.reply(now, port, address, mac, advertised_recently);
            }
            Event::AdvertsStalled { key, advertiser } => return self.adverts_stalled(key, advertiser),
            Event::Arrived { key, from, is_passed_on } => return self.arrived(now, key, from, is_passed_on),
            Event::Received(message) => return self.receive(now, message),
            Event::Ordered(order) => return self.obey(now, order),
        }
        vec![]
    }

    /// The record of a VIP, if it has ever had a holder.
    pub fn record(&self, key: VipKey) -> Option<Record> {
        self.slots.get(&key)?.record
    }

    /// Every record of a VPC: what the agent sends for repair and answers to a pull (C6).
    pub fn records(&self, vni: Vni) -> impl Iterator<Item = (VipKey, Record)> {
        let records = self.slots.iter().filter_map(|(key, slot)| Some((*key, slot.record?)));
        records.filter(move |(key, _)| key.vni == vni)
    }

    /// The record that waits for the VIP's configuration (C5).
    pub fn waiting_record(&self, key: VipKey) -> Option<Record> {
        self.waiting.get(key)
    }

    fn obey(&mut self, now: Duration, order: Order) -> Vec<Action> {
        match order {
            Order::Merge { key, record } => self.merge(now, key, record),
            Order::Release { key, only } => self.release(key, only),
            Order::Take { key, port, mac, expected, cause } => {
                self.take(now, key, port, mac, expected, cause)
            }
            Order::Ask { key, port } => self.ask(now, key, port),
            Order::Doubt { key, record } => self.doubt(now, key, record),
            Order::Announce { key } => {
                match self.slots.get(&key).map(|slot| (slot.record, slot.announcement())) {
                    Some((Some(record), kind)) => self.announcements(key, record, kind),
                    Some((None, _)) | None => vec![],
                }
            }
            Order::HoldOff { key, port, until, always } => self.hold_off(key, port, until, always),
            Order::Prepare { key, incarnation } => self.prepare(now, key, incarnation),
            Order::Forget { key, incarnation } => self.forget(key, incarnation),
        }
    }

    /// Whether the port is here, active, and may claim the VIP (C2).
    fn is_candidate(&self, key: VipKey, port: PortNumber) -> bool {
        self.refusal(key, port).is_none()
    }

    /// Why the port may not hold the VIP.
    fn refusal(&self, key: VipKey, port: PortNumber) -> Option<Refused> {
        let Some(state) = self.ports.get(&port).filter(|state| state.is_active && state.vni == key.vni)
        else {
            return Some(Refused::PortInactive);
        };
        let Some(configured) = self.configured.get(&key).filter(|configured| configured.kind == Kind::Vip)
        else {
            return Some(Refused::NotAVip);
        };
        let by_subnet = configured.subnet_binding && configured.subnet == state.subnet;
        (!by_subnet && !self.entitled.contains(&(key, port))).then_some(Refused::NotEntitled)
    }

    /// Whether the agent has shown itself within the last second.
    fn agent_is_alive(&self, now: Duration) -> bool {
        self.heartbeat_at.is_some_and(|at| now.saturating_sub(at) <= HEARTBEAT_LASTS)
    }

    fn now_ms(&self, now: Duration) -> u64 {
        u64::try_from((now + self.clock_offset).as_millis()).unwrap_or(u64::MAX)
    }

    /// One message with this record to every other member of the VPC.
    fn announcements(&self, key: VipKey, record: Record, kind: MessageKind) -> Vec<Action> {
        let message = Message { hops: 0, kind, from: self.host, key, record };
        let to = self.members.get(&key.vni).into_iter().flatten();
        to.map(|host| Action::Send { to: *host, message }).collect()
    }

    /// Tells the agent of a new record.
    fn moved(key: VipKey, record: Record, before: Option<Record>, cause: Cause) -> Action {
        Action::Notify(Notice::Moved { key, record, before, cause })
    }

    fn here(&self, port: PortNumber) -> Holder {
        Holder { host: self.host, port }
    }
}

/// How long the agent's heartbeat counts: beyond it every claim is followed at once (section 5, "who acts").
const HEARTBEAT_LASTS: Duration = Duration::from_secs(1);
