//! What hosts report: moves, refusals, records, instances. The server records; it never decides a claim.

use super::Service;
use crate::{
    agents::InstanceLife,
    entropy,
    ledger::{State, Write},
};
use havip_model::{EventKind, Holder, HostNumber, InstanceId, MoveCause, Record, Refusal, VipKey};
use havip_store::stored::Stored;
use havip_stream::convert::{Move, Refused};
use std::collections::HashSet;
use tracing::{debug, warn};

impl Service {
    /// Records moves that a host saw: those of its own ports, each once.
    pub async fn moved(&self, host: HostNumber, moves: Vec<Move>) {
        self.record("moves", |state, write| {
            let mut fresh: Vec<(VipKey, Record)> = vec![];
            let mut claims = HashSet::new();
            for moved in &moves {
                let known = newest(state, &fresh, moved.vip);
                if !is_own(state, host, moved, known) && !is_of_lost(state, host, moved) {
                    debug!(host = host.get(), vip = ?moved.vip, "a move of somebody else's port is not recorded");
                    continue;
                }
                let claim = (moved.vip, moved.record.epoch, moved.record.present_holder());
                if known == Some(moved.record) || !claims.insert(claim) || was_noted(state, moved) {
                    continue;
                }
                if known.is_none_or(|known| moved.record.outranks(&known)) {
                    fresh.push((moved.vip, moved.record));
                    write.puts.push(Stored::Record(moved.vip, moved.record));
                }
                if let Some(kind) = event_of(state, moved) {
                    write.event(state.timeline.last(), moved.at, kind);
                }
            }
        })
        .await;
    }

    /// Records what a host knows of its own ports' claims, where that is news.
    pub async fn records(&self, host: HostNumber, records: Vec<(VipKey, Record)>) {
        let now = entropy::now();
        let moves = records.into_iter().map(|(vip, record)| {
            let from = self.read(|durable| durable.state.records.get(&vip).and_then(Record::present_holder));
            let from = from.filter(|from| *from != record.holder);
            Move { vip, record, from, cause: MoveCause::Repaired, at: now, evidence: None }
        });
        let outranking: Vec<_> = moves
            .filter(|moved| {
                let known = self.read(|durable| durable.state.records.get(&moved.vip).copied());
                known.is_none_or(|known| moved.record.outranks(&known))
            })
            .collect();
        if !outranking.is_empty() {
            self.moved(host, outranking).await;
        }
    }

    /// Records what a host's switch refused; only of its own ports.
    pub async fn refused(&self, host: HostNumber, refusals: Vec<Refused>) {
        self.record("refusals", |state, write| {
            for refused in &refusals {
                let is_elsewhere = |port| {
                    let interface = state.world.interface_by_port(port);
                    interface.is_some_and(|interface| interface.host.is_some() && !interface.is_at(host))
                };
                if refused.port.is_some_and(is_elsewhere) {
                    warn!(host = host.get(), "a host reported a refusal of another host's port");
                    continue;
                }
                let refusal = Refusal {
                    reason: refused.reason,
                    host,
                    port: refused.port,
                    mac: refused.mac,
                    address: refused.address,
                    count: refused.count,
                };
                write.event(state.timeline.last(), refused.at, EventKind::Refused(refusal));
            }
        })
        .await;
    }

    /// Takes over what an instance does; only of a host's own instances.
    pub async fn instance_says(&self, host: HostNumber, id: InstanceId, life: InstanceLife) {
        let is_own = self.read(|durable| {
            durable.state.world.instances.get(&id).is_some_and(|instance| instance.host == host)
        });
        if !is_own {
            return debug!(host = host.get(), instance = %id, "a report of an instance that is not there");
        }
        let is_news = self.tracker.instance(id, life.clone());
        let event = EventKind::InstanceChanged {
            instance: id.to_string(),
            state: havip_stream::convert::instance_state_text(life.state),
            reason: life.reason,
        };
        // After a restart of the server every host says again what the timeline knows.
        let is_known =
            self.read(|durable| last_of_instance(&durable.state, &id.to_string()) == Some(event.clone()));
        if is_news && !is_known {
            self.note(event).await;
        }
    }

    pub(super) async fn record(&self, what: &str, mut fill: impl FnMut(&State, &mut Write)) {
        let recorded = self.commit(|state| {
            let mut write = Write::by("agent");
            fill(state, &mut write);
            Ok((write, ()))
        });
        if let Err(fault) = recorded.await {
            warn!(what, fault = %fault, "what a host reported was not recorded");
        }
    }
}

/// Whether a record is of one of the host's own ports: the one that holds or held the VIP, or the host as an edge.
///
/// What is recorded here goes to every host of the VPC. So whoever has a host's certificate has no say in VPCs in
/// which that host has no port.
fn is_own(state: &State, host: HostNumber, moved: &Move, known: Option<Record>) -> bool {
    let (world, record) = (&state.world, &moved.record);
    let Holder { host: of, port } = record.holder;
    if of != host {
        return false;
    }
    let vpc = world.vpc_by_vni(moved.vip.vni).map(|vpc| vpc.id);
    let is_edge = || world.hosts.get(&host).is_some_and(|host| host.edge_device.is_some());
    if let Some(eip) = world.eip_by_address(moved.vip.address)
        && (eip.vpc.is_none() || eip.vpc == vpc)
        && is_edge()
    {
        return true;
    }
    if world.external_subnet_by_key(moved.vip).is_some() && is_edge() {
        return true;
    }
    let Some(vpc) = vpc else { return false };
    if record.released {
        // Its last words may come when its last port of the VPC is gone.
        return world.is_placed(vpc, host) || known.is_some_and(|known| known.holder == record.holder);
    }
    world.interface_by_port(port).is_some_and(|interface| interface.vpc == vpc && interface.is_at(host))
}

/// Whether another host of the VPC released what a lost host held, as it may (C7).
fn is_of_lost(state: &State, host: HostNumber, moved: &Move) -> bool {
    let Some(vip) = state.world.vip_by_key(moved.vip) else { return false };
    let mut neighbours = state.world.interfaces.values().filter(|interface| interface.vpc == vip.vpc);
    moved.cause == MoveCause::HostLost
        && moved.record.released
        && moved.record.holder.host != host
        && neighbours.any(|interface| interface.host == Some(host))
}

fn newest(state: &State, fresh: &[(VipKey, Record)], key: VipKey) -> Option<Record> {
    let in_this_report = fresh.iter().rev().find(|(fresh, _)| *fresh == key).map(|(_, record)| *record);
    in_this_report.or_else(|| state.records.get(&key).copied())
}

/// A host that reconnects says again what it is not sure was heard.
fn was_noted(state: &State, moved: &Move) -> bool {
    let Some(vip) = state.world.vip_by_key(moved.vip) else { return false };
    let to = moved.record.present_holder();
    state.timeline.moves_of(vip.id, 0).any(|event| match &event.kind {
        EventKind::VipMoved { epoch, to: noted, .. } => *epoch == moved.record.epoch && *noted == to,
        _ => false,
    })
}

fn event_of(state: &State, moved: &Move) -> Option<EventKind> {
    if let Some(vip) = state.world.vip_by_key(moved.vip) {
        return Some(EventKind::VipMoved {
            vip: vip.id,
            address: vip.address(),
            epoch: moved.record.epoch,
            from: moved.from,
            to: moved.record.present_holder(),
            cause: moved.cause,
            moves: Some(moved.record.moves),
            evidence: moved.evidence.clone(),
        });
    }
    let to = moved.record.present_holder()?.host;
    if let Some(subnet) = state.world.external_subnet_by_key(moved.vip) {
        let subnet = Some(subnet.id);
        return Some(EventKind::EdgeMoved { address: moved.vip.address, subnet, to });
    }
    let eip = state.world.eip_by_address(moved.vip.address)?;
    Some(EventKind::EdgeMoved { address: eip.address, subnet: None, to })
}

fn last_of_instance(state: &State, id: &str) -> Option<EventKind> {
    let recent = state.timeline.after(state.timeline.last().saturating_sub(LOOK_BACK));
    let of_instance = recent.filter(|event| match &event.kind {
        EventKind::InstanceChanged { instance, .. } => instance == id,
        _ => false,
    });
    of_instance.last().map(|event| event.kind.clone())
}

/// An event that is older than so many others is not looked for.
const LOOK_BACK: u64 = 5_000;
