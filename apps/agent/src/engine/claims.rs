//! The claim machine's hands: its orders on the switch, its words to other hosts (rules C4 to C7, C10).

use super::look;
use super::program::chain;
use super::{Done, Engine};
use crate::peers::Asked;
use havip_claim::keeper::{Action, Event, Party};
use havip_claim::{Cause, Notice, Order};
use havip_model::{Digest, HostNumber, MoveCause, Record, VipKey, Vni};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_stream::{convert, proto};
use havip_switch::Outcome;
use rand::seq::SliceRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the loop keeps beside the machine.
#[derive(Debug, Default)]
pub struct Claims {
    /// The VPCs whose records are here, so that their ports may be active.
    pub open: BTreeSet<Vni>,
    /// When the second's work is due.
    pub second_at: Duration,
    /// When the heartbeat is due.
    pub beat_at: Duration,
    /// When ports were asked for VIPs' addresses, and answered.
    pub asked: look::Asked,
}

impl Engine {
    pub(super) fn act(&mut self, now: Duration, action: Action) {
        match action {
            Action::Order(order) => self.order(&order),
            Action::SendDigest { vni, to, digest } => self.send_digest(vni, to, digest),
            Action::SendRecords { vni, peer } => self.send_records(vni, peer),
            Action::Pull(vni) => self.pull(vni),
            Action::OpenPorts(vni) => {
                tracing::debug!(%vni, "records are here, ports may come up");
                self.claims.open.insert(vni);
                self.alive.edges_are_due = true;
                self.renew_devices();
            }
            Action::Report(report) => self.report(now, &report),
        }
    }

    pub(super) fn order(&mut self, order: &Order) {
        let outcome = match self.switch.order(order) {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(?order, error = chain(&error), "an order could not be given");
                return;
            }
        };
        tracing::trace!(?order, ?outcome, "order");
        self.claims.asked.ordered(order, outcome, crate::clock::since_boot());
        if let Order::Prepare { key, .. } = order {
            let at = self.entry_of(key);
            if outcome == Outcome::Full {
                let reason = "the switch has no room for the VIP's record: its map is full".to_owned();
                if self.faults.records.insert(at, reason.clone()).is_none() {
                    tracing::error!(vip = ?key, reason, "a VIP cannot work on this host");
                }
            } else {
                self.faults.records.remove(&at);
            }
        }
        if outcome == Outcome::Unsent {
            tracing::debug!(?order, "the switch could not send");
        }
    }

    /// The entry that a record belongs to: a VIP's address, or an EIP's translation.
    fn entry_of(&self, key: &VipKey) -> EntryKey {
        let address = EntryKey::Address(key.vni, key.address);
        match (self.desired.table().get(&address), self.desired.table().get(&EntryKey::Eip(key.address))) {
            (Some(Entry::Address(Address::Vip { .. } | Address::Segment { .. })), _) => address,
            (_, Some(Entry::Eip { vni, target, .. })) => EntryKey::Nat(*vni, *target),
            _ => address,
        }
    }

    /// Applies what others have, where it is greater.
    pub(super) fn merge(&mut self, records: Vec<(VipKey, Record)>) {
        for (key, record) in records {
            // What was heard is never ahead of the switch; an order costs more than this look.
            if self.keeper.record(key).is_none_or(|own| record.outranks(&own)) {
                self.order(&Order::Merge { key, record });
            }
        }
    }

    /// The server's records of a VPC; what it lacks of this host's ports it is told again.
    pub(super) fn merge_servers(&mut self, vni: Vni, records: Vec<(VipKey, Record)>) {
        self.records.compare_said(vni, &records);
        self.merge(records);
    }

    fn endpoint(&self, host: HostNumber) -> Option<String> {
        self.host_item(host).map(|host| host.peer_endpoint.clone())
    }

    fn send_digest(&mut self, vni: Vni, to: Party, digest: Digest) {
        let message = proto::Digest { vni: vni.get(), from_host: self.host.get(), sum: digest.0 };
        let peer = match to {
            Party::Server => return self.outbox.digest(vni, message),
            Party::Host(peer) => peer,
        };
        if let Some(client) = self.endpoint(peer).and_then(|endpoint| self.peers.client(peer, &endpoint)) {
            let done = self.done.clone();
            tokio::spawn(async move {
                if let Some(digest) = client.compare(message).await {
                    // The loop ends only with the process.
                    let _ = done.send(Done::Compared { vni, peer, digest });
                }
            });
        }
    }

    fn send_records(&mut self, vni: Vni, peer: HostNumber) {
        let records = self.records(vni);
        let own = self.host.get();
        let message =
            convert::records_message(vni, own, records.iter().map(|(key, record)| (key.address, *record)));
        if let Some(client) = self.endpoint(peer).and_then(|endpoint| self.peers.client(peer, &endpoint)) {
            let done = self.done.clone();
            tokio::spawn(async move {
                if let Some(greater) = client.repair(message).await {
                    // The loop ends only with the process.
                    let _ = done.send(Done::Records(greater));
                }
            });
        }
    }

    /// Asks a few live members of the VPC; the server's records come on the stream by themselves.
    fn pull(&mut self, vni: Vni) {
        let lost = self.prober.liveness().lost;
        let members = self.vpc(vni).map(|vpc| vpc.members.clone()).unwrap_or_default();
        let mut members: Vec<HostNumber> =
            members.into_iter().filter(|host| *host != self.host && !lost.contains(host)).collect();
        members.shuffle(&mut rand::rng());
        members.truncate(PULLED_FROM);

        let mut clients = Vec::new();
        for host in members {
            let endpoint = self.endpoint(host);
            clients.extend(endpoint.and_then(|endpoint| self.peers.client(host, &endpoint)));
        }
        let (own, done) = (self.host, self.done.clone());
        let server_may_say_more = self.stream_is_open;
        tokio::spawn(async move {
            let pulls = clients.into_iter().map(|client| client.pull(vni, own));
            for records in futures_util::future::join_all(pulls).await.into_iter().flatten() {
                // The loop ends only with the process.
                let _ = done.send(Done::Records(records));
            }
            if server_may_say_more {
                tokio::time::sleep(SERVER_PATIENCE).await;
            }
            let _ = done.send(Done::Pulled(vni));
        });
    }

    /// Another agent asks.
    pub(super) fn answer(&mut self, asked: Asked) {
        let own = self.host.get();
        let addresses = |records: BTreeMap<VipKey, Record>| {
            records.into_iter().map(|(key, record)| (key.address, record)).collect::<Vec<_>>()
        };
        let (host, vni) = match asked {
            Asked::Hears { about, answer } => return self.asked_whether_heard(about, answer),
            Asked::Arrived { host, port, answer } => return self.guest_left(host, port, answer),
            Asked::Comes { host, instance, answer } => return self.machine_comes(host, instance, answer),
            Asked::Down { host, port, answer } => return self.asked_whether_down(host, port, answer),
            Asked::Pull { host, vni, .. }
            | Asked::Compare { host, vni, .. }
            | Asked::Repair { host, vni, .. } => (host, vni),
        };
        let is_member = self.vpc(vni).is_some_and(|vpc| vpc.members.contains(&host));
        if !is_member {
            // Dropping the answer tells it to try later: it may just be joining.
            return tracing::debug!(%host, %vni, "a host that is no member asks for a VPC's records");
        }
        match asked {
            Asked::Hears { .. } | Asked::Down { .. } | Asked::Arrived { .. } | Asked::Comes { .. } => {
                unreachable!("answered above")
            }
            Asked::Pull { vni, answer, .. } => {
                // Whoever asked may have gone.
                let _ = answer.send(convert::records_message(vni, own, addresses(self.records(vni))));
            }
            Asked::Compare { vni, answer, .. } => {
                let sum = self.keeper.digest(vni).0;
                let _ = answer.send(proto::Digest { vni: vni.get(), from_host: own, sum });
            }
            Asked::Repair { vni, records, answer, .. } => {
                let mut ours = self.records(vni);
                let mut greater = Vec::new();
                for (key, record) in records {
                    match ours.remove(&key) {
                        Some(own) if own.rank() == record.rank() => {}
                        Some(own) if own.outranks(&record) => {
                            ours.insert(key, own);
                        }
                        Some(_) | None => greater.push((key, record)),
                    }
                }
                self.merge(greater);
                let _ = answer.send(convert::records_message(vni, own, addresses(ours)));
            }
        }
    }

    /// The machine hears a notice, and people hear of a move that was made here.
    pub(super) fn noticed(&mut self, at: Duration, notice: Notice) {
        if let Notice::Moved { key, record, before, cause } = notice {
            if let Cause::Here(cause) = cause {
                self.tell_move(at, key, record, before, cause);
            }
            if let Cause::AnnouncedDown | Cause::Here(MoveCause::PortDown) = cause {
                self.port_down(record.holder);
            }
            self.may_have_ended(key, before, &record);
            self.eip_may_have_moved(key, record);
            self.segment_may_have_moved(key, record);
        }
        if let Notice::Answered { key, port, .. } = notice {
            self.claims.asked.answered(key, port, at);
        }
        self.tell_keeper(Event::Noticed(notice));
    }
}

const PULLED_FROM: usize = 3;
/// The server sends a VPC's records right behind the VPC.
const SERVER_PATIENCE: Duration = Duration::from_millis(200);
