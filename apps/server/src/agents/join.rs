//! Joining: from a message to the rules and back.

use crate::service::{Fault, FaultKind, Join, Service};
use havip_admission::request::{HostFacts, JoinHost};
use havip_stream::{
    convert,
    proto::{JoinReply, JoinRequest},
};
use tonic::Status;
use tracing::warn;

/// Lets a host join.
pub async fn join(service: &Service, request: JoinRequest) -> Result<JoinReply, Status> {
    let facts = facts(&request.underlay, &request.peer_endpoint, &request.edge_device, request.guest_mtu)?;
    let or = |text: String, default: &str| if text.is_empty() { default.to_string() } else { text };
    let host = JoinHost {
        name: request.name,
        region: or(request.region, service.region()),
        zone: or(request.zone, service.zone()),
        facts,
    };
    let join = Join { secret: request.token, certificate_request_pem: request.certificate_request_pem, host };
    let joined = service.join(join).await.map_err(refused)?;
    Ok(JoinReply {
        host_id: joined.id.to_string(),
        host_number: joined.number.get(),
        certificate_pem: joined.certificate_pem,
        authority_pem: service.authority().pem().into(),
    })
}

/// What a host says of itself.
pub fn facts(underlay: &[u8], peer_endpoint: &str, edge_device: &str, mtu: u32) -> Result<HostFacts, Status> {
    let wrong = |error: convert::ConvertError| Status::invalid_argument(error.to_string());
    let too_large = |_| Status::invalid_argument(format!("guest_mtu {mtu} is above 65535"));
    Ok(HostFacts {
        underlay: convert::address("underlay", underlay).map_err(wrong)?,
        peer_endpoint: peer_endpoint.into(),
        edge_device: (!edge_device.is_empty()).then(|| edge_device.into()),
        guest_mtu: mtu.try_into().map_err(too_large)?,
    })
}

/// A refusal as gRPC says it; the words are the same as in the API.
pub fn refused(fault: Fault) -> Status {
    warn!(code = fault.code, detail = fault.detail, "a host was refused");
    let text = format!("{} ({})", fault.detail, fault.code);
    match fault.kind {
        FaultKind::Unauthenticated => Status::unauthenticated(text),
        FaultKind::Forbidden => Status::permission_denied(text),
        FaultKind::NotFound | FaultKind::NoSuchMethod => Status::not_found(text),
        FaultKind::Conflict | FaultKind::PreconditionFailed | FaultKind::KeyReused => {
            Status::failed_precondition(text)
        }
        FaultKind::LimitExceeded | FaultKind::Throttled => Status::resource_exhausted(text),
        FaultKind::Unavailable | FaultKind::HostSilent => Status::unavailable(text),
        FaultKind::Invalid | FaultKind::TooLarge | FaultKind::NotJson => Status::invalid_argument(text),
    }
}
