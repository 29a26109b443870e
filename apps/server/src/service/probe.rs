//! Where a packet really goes: hosts look on while one of them sends it.

use super::{
    Fault, FaultKind, Service, host_name,
    path::{Asked, Question},
};
use crate::{entropy, shape::Shapes};
use futures_util::future::join_all;
use havip_api::FoundPath;
use havip_explain::{
    path::Protocol,
    probe::{LiveEnd, Probe, Sight, Track, track},
};
use havip_model::{HostNumber, PortNumber};
use havip_stream::{
    convert,
    proto::{self, CommandResult, FindPath, Trace, Traced, command::Body},
};
use std::{collections::BTreeSet, net::IpAddr, time::Duration};
use tokio::time::{Instant, sleep};

impl Service {
    /// Asks the maps as [`Service::path`] does, has the packet sent, and says where hosts saw it.
    pub async fn probe(&self, question: Question) -> Result<FoundPath, Fault> {
        let hops = self.walk(question).await?;
        let Some(first) = hops.first() else {
            return Err(Fault::new(FaultKind::Unavailable, "no_hosts", "no host says anything about it"));
        };
        let probe = Probe {
            source: address(&first.question.source)?,
            destination: question.destination,
            protocol: Protocol::of(question.protocol, question.port.into()),
            mark: u64::from_ne_bytes(entropy::random()),
        };
        let watched: BTreeSet<HostNumber> = hops.iter().map(|hop| hop.host).collect();
        let looking = Looking { server: self, watched: &watched, order: looked_for(&question, &hops) };
        let went = match looking.begin().await {
            Ok(()) => looking.send(first, &probe).await,
            Err(fault) => Err(fault),
        };
        looking.end().await;
        let went = went?;
        Ok(self.read(|durable| {
            let shapes = Shapes::of(self, durable);
            shapes.probed_path(&hops, &went)
        }))
    }
}

/// Hosts that look on for one packet.
struct Looking<'a> {
    server: &'a Service,
    watched: &'a BTreeSet<HostNumber>,
    order: Trace,
}

/// What came of it.
pub struct Went {
    /// The way.
    pub track: Track,
    /// Frames that hosts could not tell: the probe may be among them.
    pub lost: u64,
}

impl Looking<'_> {
    async fn all(&self, order: &Trace) -> Vec<(HostNumber, Result<CommandResult, Fault>)> {
        join_all(self.watched.iter().map(|host| async move {
            let result = self.server.tracker.command(*host, Body::Trace(order.clone()), BEGINNING).await;
            (*host, result.map_err(Fault::from))
        }))
        .await
    }

    async fn begin(&self) -> Result<(), Fault> {
        for (host, result) in self.all(&self.order).await {
            result.map_err(|fault| {
                let name = self.server.read(|durable| host_name(durable, host));
                Fault { detail: format!("{name} cannot look on: {}", fault.detail), ..fault }
            })?;
        }
        Ok(())
    }

    /// Sends it, and waits until it is somewhere, or long enough.
    async fn send(&self, first: &Asked, probe: &Probe) -> Result<Went, Fault> {
        let FindPath { from_port, source, destination, protocol, port, .. } = first.question.clone();
        let order = proto::Probe { from_port, source, destination, protocol, port, mark: probe.mark };
        self.server.tracker.command(first.host, Body::Probe(order), PATIENCE).await?;
        let deadline = Instant::now() + LONGEST_WAY;
        let (mut seen, mut lost) = (vec![], 0);
        loop {
            let is_over = Instant::now() >= deadline;
            let mut lost_now = 0;
            for (host, result) in self.all(&self.order).await {
                let result = result?;
                lost_now += result.lost;
                let ours = result.traced.iter().filter(|traced| probe.is_in(&traced.frame));
                seen.extend(ours.filter_map(|traced| sight(host, traced)));
            }
            lost = lost_now.max(lost);
            let track = track(first.host, self.watched, &seen);
            if track.is_final() || is_over {
                return Ok(Went { track, lost });
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// A host that is not told ends by itself.
    async fn end(&self) {
        self.all(&Trace { end: true, ..self.order.clone() }).await;
    }
}

/// What hosts sort out already: an edge changes addresses, ports and protocol stay.
fn looked_for(question: &Question, hops: &[Asked]) -> Trace {
    let destination = convert::address_bytes(question.destination);
    let stays = hops.iter().all(|hop| {
        let (asked, found) = (&hop.question, &hop.found);
        asked.destination == destination && (found.destination.is_empty() || found.destination == destination)
    });
    Trace {
        session: u64::from_ne_bytes(entropy::random()),
        address: if stays { destination } else { vec![] },
        protocol: question.protocol,
        service: if question.protocol == 1 { 0 } else { question.port.into() },
        ..Trace::default()
    }
}

/// What a host saw; nothing of a copy that the switch makes for itself.
fn sight(host: HostNumber, traced: &Traced) -> Option<Sight> {
    if traced.hook == "switch" {
        return None;
    }
    let reason = || traced.reason.clone();
    let became = match (traced.verdict.as_str(), traced.to.as_str()) {
        ("dropped", _) => LiveEnd::Dropped { reason: reason(), is_told: false },
        ("refused", _) => LiveEnd::Dropped { reason: reason(), is_told: true },
        ("answered", _) => LiveEnd::Answered,
        ("sent", "overlay") => LiveEnd::ToHost(HostNumber::new(traced.to_host).ok()?),
        ("sent", "edge") => LiveEnd::Outside,
        ("sent", "port") => LiveEnd::Delivered(PortNumber::new(traced.to_port).ok()?),
        _ => LiveEnd::Used,
    };
    let from = HostNumber::new(traced.from_host).ok();
    Some(Sight { host, at_us: traced.at_us, from, became })
}

fn address(bytes: &[u8]) -> Result<IpAddr, Fault> {
    let wrong = |error: convert::ConvertError| Fault::invalid("source", "invalid_address", error.to_string());
    convert::address("source", bytes).map_err(wrong)
}

/// Loading the programs once more takes some tenths of a second, on a busy host more.
const BEGINNING: Duration = Duration::from_secs(10);
/// An agent hands a packet in within milliseconds; on a busy host more.
const PATIENCE: Duration = Duration::from_secs(5);
/// A packet is through all hosts within a millisecond; agents tell of it some milliseconds later, busy ones a second.
const LONGEST_WAY: Duration = Duration::from_secs(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
