//! What people and Prometheus see of this host.

use super::Engine;
use super::program::chain;
use crate::metrics::{Page, Wanted};
use havip_stream::convert::key_text;
use havip_switch::reason_name;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

type Labels = Vec<(&'static str, String)>;

/// The metrics; filled from the switch whenever somebody asks.
pub struct Counters {
    registry: Registry,
    drops: Family<Labels, Counter>,
    switch: Family<Labels, Counter>,
    lost_reports: Family<Labels, Counter>,
    rules: Family<Labels, Counter>,
    records: Family<Labels, Gauge>,
    peers: Family<Labels, Gauge>,
    ports: Family<Labels, Gauge>,
    looked_at: Family<Labels, Gauge>,
    flow_logs: Gauge,
    flow_log_lost: Counter,
    faults: Gauge,
    revision: Gauge,
    stream: Gauge,
}

impl Counters {
    /// Registers all of them.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("havip_agent");
        let mut counters = Self {
            drops: Family::default(),
            switch: Family::default(),
            lost_reports: Family::default(),
            rules: Family::default(),
            records: Family::default(),
            peers: Family::default(),
            ports: Family::default(),
            looked_at: Family::default(),
            flow_logs: Gauge::default(),
            flow_log_lost: Counter::default(),
            faults: Gauge::default(),
            revision: Gauge::default(),
            stream: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("drops", "Packets that the switch dropped, by reason", counters.drops.clone());
        registry.register("switch", "What the switch did, by what", counters.switch.clone());
        registry.register(
            "lost_reports",
            "Reports that did not fit while the server was away",
            counters.lost_reports.clone(),
        );
        registry.register("records", "Holder records, by VNI", counters.records.clone());
        registry.register("peers", "Other hosts, by whether they are heard", counters.peers.clone());
        registry.register(
            "ports",
            "Ports of this host, by whether they have carrier",
            counters.ports.clone(),
        );
        registry.register(
            "rule_packets",
            "First packets that a rule of a security group decided about",
            counters.rules.clone(),
        );
        registry.register(
            "looked_at",
            "Whether the programs at work show frames or count flows, for whoever looks on",
            counters.looked_at.clone(),
        );
        registry.register("flow_logs", "VPCs whose flows somebody follows", counters.flow_logs.clone());
        registry.register(
            "flow_log_lost_packets",
            "Packets of VPCs that are followed that are in no flow, as there was no room",
            counters.flow_log_lost.clone(),
        );
        registry.register("faults", "Things that do not work on this host", counters.faults.clone());
        registry.register("revision", "The last revision programmed", counters.revision.clone());
        registry.register("stream_open", "Whether the stream to the server is open", counters.stream.clone());
        counters.registry = registry;
        counters
    }
}

impl Engine {
    pub(super) fn show(&self, wanted: Wanted) {
        let page = match wanted.page {
            Page::Metrics => self.metrics(),
            Page::Status => self.status().to_string(),
        };
        // Whoever asked may have gone.
        let _ = wanted.answer.send(page);
    }

    /// Drops by reason.
    pub(super) fn drops(&self) -> BTreeMap<String, u64> {
        let known: BTreeMap<&str, ()> =
            havip_model::reason::REASONS.iter().map(|reason| (reason.name, ())).collect();
        self.ledger()
            .into_iter()
            .filter(|(name, _)| known.contains_key(name))
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }

    fn ledger(&self) -> havip_switch::Ledger {
        self.switch.ledger().unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "could not read the counters");
            havip_switch::Ledger::new()
        })
    }

    fn metrics(&self) -> String {
        let shown = &self.show;
        let set = |family: &Family<Labels, Counter>, labels: Labels, value: u64| {
            family.get_or_create(&labels).inner().store(value, Ordering::Relaxed);
        };
        let drops = self.drops();
        for (name, count) in self.ledger() {
            match drops.contains_key(name) {
                true => set(&shown.drops, vec![("reason", name.to_owned())], count),
                false => set(&shown.switch, vec![("what", name.to_owned())], count),
            }
        }
        for (kind, lost) in self.outbox.losses() {
            set(&shown.lost_reports, vec![("kind", kind.to_owned())], lost);
        }
        let gauge = |family: &Family<Labels, Gauge>, name, value: String, count: usize| {
            family.get_or_create(&vec![(name, value)]).set(count as i64);
        };
        for (rule, packets) in self.switch.rule_hits().unwrap_or_default() {
            set(&shown.rules, vec![("rule", rule.get().to_string())], packets);
        }
        shown.records.clear();
        for vni in self.vpcs().map(|vpc| vpc.vni) {
            gauge(&shown.records, "vni", vni.to_string(), self.records(vni).len());
        }
        let hosts = self.other_hosts().count();
        let lost = self.prober.liveness().lost.len();
        gauge(&shown.peers, "heard", "true".to_owned(), hosts.saturating_sub(lost));
        gauge(&shown.peers, "heard", "false".to_owned(), lost);
        let (ports, up) = self.ports.counts();
        gauge(&shown.ports, "carrier", "true".to_owned(), up);
        gauge(&shown.ports, "carrier", "false".to_owned(), ports - up);
        let at_work = self.looking.at_work();
        gauge(&shown.looked_at, "what", "frames".to_owned(), at_work.frames.into());
        gauge(&shown.looked_at, "what", "flows".to_owned(), at_work.flows.into());
        let (flow_logs, lost) = self.looking.flows.counts();
        shown.flow_logs.set(flow_logs as i64);
        shown.flow_log_lost.inner().store(lost, Ordering::Relaxed);
        shown
            .faults
            .set((self.faults.entries.len() + self.faults.records.len() + self.faults.items.len()) as i64);
        shown.revision.set(self.state.revision as i64);
        shown.stream.set(self.stream_is_open.into());
        let mut text = String::new();
        encode(&mut text, &shown.registry).expect("a string takes all text");
        text
    }

    fn status(&self) -> Value {
        let lost = self.prober.liveness().lost;
        let peers = self.other_hosts().map(|host| {
            json!({
                "host": host.number, "name": host.name, "underlay": host.underlay,
                "lost": lost.contains(&host.number),
            })
        });
        let drops = self.switch.drops().unwrap_or_default().into_iter().map(
            |drop| json!({ "port": drop.port, "reason": reason_name(drop.reason), "packets": drop.count }),
        );
        let records = self.vpcs().flat_map(|vpc| self.records(vpc.vni)).map(|(key, record)| {
            json!({
                "vni": key.vni, "address": key.address, "incarnation": record.incarnation, "epoch": record.epoch,
                "host": record.holder.host, "port": record.holder.port, "released": record.released,
                "mac": record.mac, "moves": record.moves,
            })
        });
        let faults: BTreeMap<String, &String> =
            self.faults.items.iter().map(|(key, why)| (key_text(key), why)).collect();
        let refused: BTreeMap<String, &String> = self
            .faults
            .entries
            .iter()
            .chain(&self.faults.records)
            .filter_map(|(key, why)| Some((key_text(&self.desired.giver(key)?), why)))
            .collect();
        json!({
            "host": self.host,
            "name": self.config.name,
            "revision": self.state.revision,
            "stream_open": self.stream_is_open,
            "items": self.desired.items().len(),
            "entries": self.observed.len(),
            "looked_at": { "frames": self.looking.at_work().frames, "flows": self.looking.at_work().flows },
            "faults": faults.into_iter().chain(refused).collect::<BTreeMap<_, _>>(),
            "peers": peers.collect::<Vec<_>>(),
            "drops": drops.collect::<Vec<_>>(),
            "counters": self.ledger(),
            "records": records.collect::<Vec<_>>(),
        })
    }
}
