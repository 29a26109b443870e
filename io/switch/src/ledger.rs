//! The ledger: every drop by reason and everything else by name, counted in the kernel.

use crate::{
    Switch,
    error::MapError,
    layout::{self, Plain},
    reasons::REASONS,
};
use havip_model::{PortNumber, RefusalReason, RuleNumber};
use libbpf_rs::{MapCore, MapFlags, MapHandle};
use std::collections::BTreeMap;

/// Counters by name, zeros left out.
pub type Ledger = BTreeMap<&'static str, u64>;

/// The drops of one port for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropCount {
    /// The port; none for what came over the underlay or from outside.
    pub port: Option<PortNumber>,
    /// Why.
    pub reason: RefusalReason,
    /// How many; the kernel forgets the least recent pairs when there are more than 4096.
    pub count: u64,
}

impl Switch {
    /// Everything counted since the switch was made.
    pub fn ledger(&self) -> Result<Ledger, MapError> {
        read(self.map("ledger"))
    }

    /// Drops by port and reason.
    pub fn drops(&self) -> Result<Vec<DropCount>, MapError> {
        let mut drops = vec![];
        for key in self.map("drops").keys() {
            let Some(value) = self.read::<layout::DropValue>("drops", &key, MapFlags::ANY)? else { continue };
            let key = layout::DropKey::read(&key).ok_or(MapError::Foreign { map: "drops" })?;
            drops.push(DropCount {
                port: PortNumber::new(key.port).ok(),
                reason: RefusalReason(key.reason as u16),
                count: value.count,
            });
        }
        drops.sort_by_key(|drop| (drop.port, drop.reason));
        Ok(drops)
    }
}

impl Switch {
    /// How many first packets each rule of a security group has decided about.
    pub fn rule_hits(&self) -> Result<BTreeMap<RuleNumber, u64>, MapError> {
        let foreign = || MapError::Foreign { map: "rule_hits" };
        let mut hits = BTreeMap::new();
        for key in self.map("rule_hits").keys() {
            let Some(count) = self.read::<u64>("rule_hits", &key, MapFlags::ANY)? else { continue };
            let number = u32::read(&key).and_then(|number| RuleNumber::new(number).ok());
            hits.insert(number.ok_or_else(foreign)?, count);
        }
        Ok(hits)
    }
}

/// Reads every counter of a ledger.
pub(crate) fn read(map: &MapHandle) -> Result<Ledger, MapError> {
    let mut ledger = Ledger::new();
    let reasons = REASONS.iter().map(|reason| (u32::from(reason.number), reason.name));
    let counters = (layout::REASON_MAX..).zip(COUNTERS.iter().copied());
    for (index, name) in reasons.chain(counters) {
        let read = map.lookup_percpu(&index.to_ne_bytes(), MapFlags::ANY);
        let read = read.map_err(|source| MapError::Kernel { what: "read", map: "ledger", source })?;
        let total: u64 = read.into_iter().flatten().filter_map(|bytes| u64::read(&bytes)).sum();
        if total > 0 {
            ledger.insert(name, total);
        }
    }
    Ok(ledger)
}

/// `enum counter` of `bpf/maps.h`, from REASON_MAX on, in order; a test compares them through BTF.
pub const COUNTERS: [&str; 54] = [
    "arp_answered",
    "arp_consumed",
    "probe_forwarded",
    "probe_returned",
    "claim_made",
    "claim_refreshed",
    "claim_postponed",
    "announced",
    "announce_failed",
    "applied",
    "as_great",
    "corrected",
    "waiting",
    "asked",
    "answered",
    "alive_sent",
    "doubt_heard",
    "echo_reflected",
    "echo_returned",
    "delivered",
    "sent_remote",
    "routed",
    "tag_stripped",
    "dhcp_up",
    "dhcp_down",
    "advert_flooded",
    "left_vpc",
    "edge_out",
    "edge_in",
    "edge_arp_answered",
    "hairpin",
    "icmp_sent",
    "icmp_limited",
    "gateway_answered",
    "events_lost",
    "refusals_lost",
    "passed_on",
    "sender_told",
    "relayed",
    "spoken",
    "claim_contested",
    "advert_forgotten",
    "nd_answered",
    "nd_consumed",
    "flow_begun",
    "flow_cut",
    "flow_given_up",
    "segment_out",
    "segment_in",
    "segment_arp_answered",
    "probed_outside",
    "shown_outside",
    "edge_nd_answered",
    "segment_nd_answered",
];
