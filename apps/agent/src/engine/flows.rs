//! Somebody follows the flows of a VPC: one at a time for each.

use super::Engine;
use super::program::chain;
use crate::clock;
use havip_model::{PortNumber, Vni};
use havip_stream::{convert, proto};
use havip_switch::{LoggedFlow, MapError, TakenFlows, reason_name};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

/// Who follows which VPC.
#[derive(Default)]
pub struct Flows {
    of: BTreeMap<Vni, Following>,
    /// Packets of all that were followed that found no room.
    lost: u64,
}

struct Following {
    session: u64,
    one_of: NonZeroU32,
    /// The command that began it: answered when the programs are at work.
    beginning: Option<u64>,
    kept: Vec<LoggedFlow>,
    /// Packets that found no room: in the kernel, and here, as nobody asked in time.
    lost: u64,
    asked_at: Duration,
}

impl Following {
    fn asked_at(&self) -> Option<Duration> {
        Some(self.asked_at).filter(|_| self.beginning.is_none())
    }
}

impl Flows {
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Whose are to be counted, and one of how many connections.
    pub(super) fn followed(&self) -> BTreeMap<Vni, NonZeroU32> {
        self.of.iter().map(|(vni, following)| (*vni, following.one_of)).collect()
    }

    /// How many VPCs are followed, and how many packets of all that were found no room.
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.of.len(), self.lost)
    }

    /// When each was asked last, but for those that begin, which may take long.
    pub(super) fn asked_at(&self) -> impl Iterator<Item = Duration> {
        self.of.values().filter_map(Following::asked_at)
    }

    /// Removes those of whom it is true.
    pub(super) fn end_unasked(&mut self, is_over: impl Fn(Duration) -> bool) -> Vec<Vni> {
        let over = self.of.iter().filter(|(_, following)| following.asked_at().is_some_and(&is_over));
        let over: Vec<Vni> = over.map(|(vni, _)| *vni).collect();
        over.iter().for_each(|vni| drop(self.of.remove(vni)));
        over
    }

    /// All end, as they cannot be; the commands to be answered.
    pub(super) fn fail(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.of).into_values().filter_map(|following| following.beginning).collect()
    }

    fn keep(&mut self, taken: TakenFlows) {
        for (vni, lost) in taken.lost {
            let Some(following) = self.of.get_mut(&vni) else { continue };
            following.lost += lost;
            self.lost += lost;
        }
        for flow in taken.flows {
            let Some(following) = self.of.get_mut(&flow.vni) else { continue };
            match following.kept.len() < MOST_KEPT {
                true => following.kept.push(flow),
                false => {
                    following.lost += flow.packets;
                    self.lost += flow.packets;
                }
            }
        }
    }
}

impl Engine {
    /// Begins to follow the flows of a VPC, gives those since the last time, or ends it.
    pub(super) fn flows(&mut self, command: u64, order: &proto::FollowFlows) {
        let Ok(vni) = Vni::new(order.vni) else { return self.done_with(command, "which VPC?".into()) };
        match self.looking.flows.of.get(&vni).map(|following| following.session) {
            Some(session) if session == order.session && order.end => {
                self.looking.flows.of.remove(&vni);
                self.leave_flows(vni);
                self.settle_programs();
                self.done_with(command, String::new());
            }
            Some(session) if session == order.session => self.give_flows(command, vni),
            _ if order.end => self.done_with(command, String::new()),
            Some(_) => self.done_with(command, "somebody follows the flows of this VPC already".into()),
            None if self.looking.flows.of.len() >= MOST_VPCS => {
                self.done_with(
                    command,
                    format!("the flows of {MOST_VPCS} VPCs are followed on this host already"),
                );
            }
            None => {
                let one_of = NonZeroU32::new(order.one_of).unwrap_or(NonZeroU32::MIN);
                let following = Following {
                    session: order.session,
                    one_of,
                    beginning: Some(command),
                    kept: vec![],
                    lost: 0,
                    asked_at: clock::since_boot(),
                };
                self.looking.flows.of.insert(vni, following);
                self.follow_all_flows();
                self.settle_programs();
            }
        }
    }

    /// Has the flows of each VPC counted that is followed, if the programs count any.
    pub(super) fn follow_all_flows(&mut self) {
        let Some(log) = &mut self.looking.log else { return };
        let mut begun = vec![];
        for (vni, following) in &mut self.looking.flows.of {
            let error = log.follow(*vni, following.one_of).err().map(|error| chain(&error));
            if let Some(id) = following.beginning.take() {
                following.asked_at = clock::since_boot();
                let error = error.unwrap_or_default();
                begun.push(proto::CommandResult { id, error, begun: true, ..Default::default() });
            }
        }
        begun.into_iter().for_each(|result| self.outbox.result(result));
    }

    /// Nobody follows a VPC's any more.
    pub(super) fn leave_flows(&mut self, vni: Vni) {
        if let Some(Err(error)) = self.looking.log.as_mut().map(|log| log.leave(vni)) {
            tracing::error!(error = chain(&error), %vni, "the flows of a VPC go on being counted");
        }
    }

    /// Takes what was counted since the last time.
    pub(super) fn keep_flows(&mut self) -> Result<(), MapError> {
        if let Some(log) = &mut self.looking.log {
            self.looking.flows.keep(log.take(&self.switch)?);
        }
        Ok(())
    }

    fn give_flows(&mut self, command: u64, vni: Vni) {
        if let Err(error) = self.keep_flows() {
            return self.done_with(command, chain(&error));
        }
        let Some(following) = self.looking.flows.of.get_mut(&vni) else { return };
        following.asked_at = clock::since_boot();
        let lost = following.lost;
        let rest = following.kept.split_off(following.kept.len().min(MOST_GIVEN));
        let given = std::mem::replace(&mut following.kept, rest);
        let flows = given.iter().map(|flow| self.logged(flow)).collect();
        self.outbox.result(proto::CommandResult { id: command, flows, lost, ..Default::default() });
    }

    fn logged(&self, flow: &LoggedFlow) -> proto::LoggedFlow {
        let us = |at: Duration| u64::try_from((at + self.clock_offset).as_micros()).unwrap_or(u64::MAX);
        let (source_port, destination_port) = flow.ports.unwrap_or_default();
        proto::LoggedFlow {
            first_us: us(flow.first_at),
            last_us: us(flow.last_at),
            from_port: flow.from.map_or(0, PortNumber::get),
            to_port: flow.to.map_or(0, PortNumber::get),
            source: convert::address_bytes(flow.source),
            destination: convert::address_bytes(flow.destination),
            source_port: source_port.into(),
            destination_port: destination_port.into(),
            protocol: flow.protocol.into(),
            reason: flow.reason.map_or(String::new(), |reason| reason_name(reason).to_owned()),
            packets: flow.packets,
            bytes: flow.bytes,
        }
    }
}

/// Each has a share of what the kernel holds.
const MOST_VPCS: usize = 16;
/// Between two questions, of one VPC: some 8 MiB.
const MOST_KEPT: usize = 50_000;
/// In one answer, as many as the kernel holds: some 125 bytes each, below the 4 MiB that a server takes.
const MOST_GIVEN: usize = 16_384;
