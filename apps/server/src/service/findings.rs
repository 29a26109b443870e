//! What hosts find out about VIPs, each finding once.

use super::Service;
use crate::ledger::State;
use havip_model::{EventKind, Finding, HostNumber, Vip};
use havip_stream::convert::Found;
use tracing::warn;

impl Service {
    /// Records what a host found out about VIPs; only where it is in a position to know.
    pub async fn found(&self, host: HostNumber, all: Vec<Found>) {
        self.record("findings", |state, write| {
            let mut fresh: Vec<&Found> = vec![];
            for found in &all {
                let Some(vip) = state.world.vip_by_key(found.vip) else { continue };
                if !may_know(state, host, vip, &found.finding) {
                    warn!(host = host.get(), vip = %vip.id, "a host reported what it cannot know");
                    continue;
                }
                if fresh.iter().any(|noted| is_same(noted, found)) || was_found(state, vip, found) {
                    continue;
                }
                fresh.push(found);
                let Found { epoch, count, finding, .. } = *found;
                let kind =
                    EventKind::Found { vip: vip.id, address: vip.address(), epoch, host, count, finding };
                write.event(state.timeline.last(), found.at, kind);
            }
        })
        .await;
    }
}

/// A host speaks for its own ports, and of clocks in its own VPCs.
fn may_know(state: &State, host: HostNumber, vip: &Vip, finding: &Finding) -> bool {
    match finding {
        Finding::BothAnswer { other, .. } | Finding::OneAnswers { other, .. } => {
            let interface = state.world.interface_by_port(other.port);
            other.host == host && interface.is_some_and(|interface| interface.is_at(host))
        }
        Finding::ClockAhead { .. } => state.world.is_placed(vip.vpc, host),
    }
}

fn is_same(one: &Found, other: &Found) -> bool {
    (one.vip, one.epoch) == (other.vip, other.epoch) && one.finding.repeats(&other.finding)
}

/// Every host of a VPC sees the same clock, and an agent that restarts sees everything anew.
fn was_found(state: &State, vip: &Vip, found: &Found) -> bool {
    state.timeline.findings_of(vip.id).any(|event| match &event.kind {
        EventKind::Found { epoch, finding, .. } => *epoch == found.epoch && found.finding.repeats(finding),
        _ => false,
    })
}
