//! Where a packet would go: each host on its way is asked in turn what its maps say, and nothing is sent.

use super::{Fault, FaultKind, Service};
use crate::{ledger::Durable, shape::Shapes};
use havip_api::FoundPath;
use havip_model::{HostNumber, Interface, InterfaceId, Record, VipKey};
use havip_stream::{
    convert,
    proto::{FindPath, PathFound, command::Body},
};
use std::{net::IpAddr, time::Duration};

/// A packet.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Who sends it; none: somebody outside.
    pub interface: Option<InterfaceId>,
    /// From which address; an interface has one of its own.
    pub source: Option<IpAddr>,
    /// To which address.
    pub destination: IpAddr,
    /// Of IP: 1, 6, 17.
    pub protocol: u32,
    /// To which port of TCP or UDP.
    pub port: u16,
}

/// What one host was asked, and what it said.
pub struct Asked {
    /// Which.
    pub host: HostNumber,
    /// The question.
    pub question: FindPath,
    /// The answer.
    pub found: PathFound,
}

impl Service {
    /// Where the packet would go.
    pub async fn path(&self, question: Question) -> Result<FoundPath, Fault> {
        let hops = self.walk(question).await?;
        Ok(self.read(|durable| Shapes::of(self, durable).found_path(&hops)))
    }

    /// Asks host after host. What one that does not answer would do is not known, so that is a failure.
    pub(super) async fn walk(&self, question: Question) -> Result<Vec<Asked>, Fault> {
        let (mut host, mut ask) = self.read(|durable| first(durable, &question))?;
        let mut hops: Vec<Asked> = vec![];
        loop {
            let answer = self.tracker.command(host, Body::Path(ask.clone()), PATIENCE).await?;
            let found = answer.path.ok_or_else(|| {
                let detail = format!("host {host} cannot say; its agent is of an earlier version");
                Fault::new(FaultKind::Unavailable, "agent_too_old", detail)
            })?;
            let next = FindPath {
                from_port: 0,
                from_host: host.get(),
                passed_on: found.passed_on,
                vni: found.vni,
                source: found.source.clone(),
                destination: found.destination.clone(),
                ..ask.clone()
            };
            let to = HostNumber::new(found.to_host).ok();
            hops.push(Asked { host, question: ask, found });
            match to.filter(|_| hops.len() < MOST_HOPS) {
                Some(to) => (host, ask) = (to, next),
                None => break,
            }
        }
        Ok(hops)
    }
}

/// The host where the packet comes in, and what it is asked.
fn first(durable: &Durable, question: &Question) -> Result<(HostNumber, FindPath), Fault> {
    let ask = |source, from_port| FindPath {
        from_port,
        source: convert::address_bytes(source),
        destination: convert::address_bytes(question.destination),
        protocol: question.protocol,
        port: question.port.into(),
        ..FindPath::default()
    };
    match question.interface {
        Some(id) => {
            let found = durable.state.world.interfaces.get(&id);
            let interface =
                found.ok_or_else(|| Fault::not_found("interface", "interface_not_found", &id.to_string()))?;
            let source = question.source.or_else(|| own(interface, question.destination));
            let source = source.ok_or_else(|| {
                let detail = format!("{id} has no address of the family of {}", question.destination);
                Fault::invalid("destination", "other_family", detail)
            })?;
            let host = interface.host.ok_or_else(|| {
                let detail =
                    format!("{id} is plugged into no host, so nothing comes from it; start its instance");
                Fault::new(FaultKind::Conflict, "interface_nowhere", detail)
            })?;
            Ok((host, ask(source, interface.port.get())))
        }
        None => {
            let source = question.source.ok_or_else(|| {
                Fault::invalid(
                    "source",
                    "missing",
                    "say the address of who sends it outside, or an interface",
                )
            })?;
            Ok((edge_of(durable, question.destination)?, ask(source, 0)))
        }
    }
}

fn own(interface: &Interface, like: IpAddr) -> Option<IpAddr> {
    interface.primaries().find(|address| address.is_ipv4() == like.is_ipv4())
}

/// The host by which an EIP is reached.
fn edge_of(durable: &Durable, address: IpAddr) -> Result<HostNumber, Fault> {
    let world = &durable.state.world;
    let eip = world.eips.values().find(|eip| eip.address == address).ok_or_else(|| {
        let detail = format!("{address} is no EIP, and nothing else is reached from outside");
        Fault::invalid("destination", "not_an_eip", detail)
    })?;
    let vpc = eip.vpc.and_then(|vpc| world.vpcs.get(&vpc));
    let record = vpc.and_then(|vpc| durable.state.records.get(&VipKey { vni: vpc.vni, address }));
    let edge = record.filter(|record| record.incarnation == eip.incarnation).and_then(Record::present_holder);
    let detail = || format!("no edge serves {address}: bind it to something, or look at the edges");
    Ok(edge.ok_or_else(|| Fault::new(FaultKind::Conflict, "no_edge", detail()))?.host)
}

/// An agent reads its maps, which takes some milliseconds; on a busy host more.
const PATIENCE: Duration = Duration::from_secs(5);
/// Sender, edge, former holder, holder: no way has more, as a packet is passed on once.
const MOST_HOPS: usize = 6;
