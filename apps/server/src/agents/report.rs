//! What an agent says, checked: a host speaks for itself only.

use super::{command::Commands, tracker::InstanceLife};
use crate::service::Service;
use havip_model::{HostNumber, PortNumber};
use havip_reconcile::item::ItemKey;
use havip_stream::{
    convert::{self, ConvertError},
    proto::{Acknowledged, Findings, InstanceReport, Moves, PortReport, Refusals, Sents, report::Body},
};
use std::{collections::BTreeMap, sync::Arc};
use tonic::Status;
use tracing::{debug, warn};

/// Takes over one report; `sent` is the revision up to which everything was sent.
///
/// # Errors
/// The report cannot be meant; the stream ends.
pub async fn take(
    service: &Arc<Service>,
    host: HostNumber,
    sent: u64,
    commands: &Commands,
    said: Body,
) -> Result<(), Status> {
    match said {
        Body::Hello(_) => return Err(Status::invalid_argument("a second hello")),
        Body::Acknowledged(acknowledged) => acknowledge(service, host, sent, acknowledged),
        Body::Moves(Moves { moves }) => {
            let moves = valid(host, moves.iter().map(convert::moved));
            service.moved(host, moves).await;
        }
        Body::Sents(Sents { sents }) => {
            let sents = valid(host, sents.iter().map(convert::sent));
            service.sent(host, sents).await;
        }
        Body::Refusals(Refusals { refusals, lost }) => {
            service.tracker().lost_refusals(host, lost);
            let refusals = valid(host, refusals.iter().map(convert::refused));
            if !refusals.is_empty() {
                service.refused(host, refusals).await;
            }
        }
        Body::Findings(Findings { findings, lost }) => {
            service.tracker().lost_findings(host, lost);
            let findings = valid(host, findings.iter().map(convert::found));
            if !findings.is_empty() {
                service.found(host, findings).await;
            }
        }
        Body::Records(records) => match convert::records(&records) {
            Ok(records) => service.records(host, records).await,
            Err(error) => skip(host, &error),
        },
        Body::Digest(_) => {} // the session's
        Body::Instance(report) => instance(service, host, report).await,
        Body::Result(result) => commands.finish(result),
        Body::Port(report) => port(service, host, &report).await,
        Body::Lost(lost) => {
            debug!(host = host.get(), other = lost.host, lost = lost.lost, "a host's view of another")
        }
    }
    Ok(())
}

fn acknowledge(service: &Service, host: HostNumber, sent: u64, acknowledged: Acknowledged) {
    let mut failures: BTreeMap<ItemKey, String> = BTreeMap::new();
    for failure in acknowledged.failures {
        match convert::key(&failure.key) {
            Ok(key) => drop(failures.insert(key, failure.reason)),
            Err(error) => skip(host, &error),
        }
    }
    service.tracker().acknowledge(host, acknowledged.revision.min(sent), failures, acknowledged.keys_stage);
}

async fn instance(service: &Service, host: HostNumber, report: InstanceReport) {
    let Ok(id) = report.id.parse() else {
        return warn!(host = host.get(), "a report of an instance without an id");
    };
    match convert::instance_state(&report.state) {
        Ok(state) => {
            let life = InstanceLife { state, reason: report.reason, starts: report.starts };
            service.instance_says(host, id, life).await;
            // Whoever waits for the machine reads why when it is on its way no more.
            if !report.stays.is_empty() {
                service.stays(host, id).await;
            }
        }
        Err(error) => skip(host, &error),
    }
}

async fn port(service: &Service, host: HostNumber, report: &PortReport) {
    let Ok(port) = PortNumber::new(report.port) else {
        return warn!(host = host.get(), "a report of a port without a number");
    };
    // First: with its guest the port becomes this host's own.
    if report.arrived {
        service.arrived(host, port, report.outage_ms).await;
    }
    let is_own = service.read(|durable| {
        durable.state.world.interface_by_port(port).is_some_and(|interface| interface.host == Some(host))
    });
    if is_own {
        service.tracker().port(port, report.up);
    }
}

fn valid<T>(host: HostNumber, all: impl Iterator<Item = Result<T, ConvertError>>) -> Vec<T> {
    all.filter_map(|one| one.inspect_err(|error| skip(host, error)).ok()).collect()
}

/// A message of a later version, perhaps: the rest still counts.
fn skip(host: HostNumber, error: &ConvertError) {
    warn!(host = host.get(), error = error as &dyn std::error::Error, "a part of a report cannot be read");
}
