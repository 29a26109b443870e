//! Where a packet would go, and where one goes.

use super::{
    ask::{Asked, Params, Server},
    parse,
};
use crate::ledger::Durable;
use crate::service::{Fault, Question};
use axum::Json;
use havip_api::{FoundPath, PathProtocol, PathQuery, ProbePath, Problem};
use havip_model::ResourceKey;

/// Says what the hosts' maps would do with a packet, host by host, with the rules that decide. Nothing is sent.
#[utoipa::path(get, path = "/v1/path", tag = "Paths", params(PathQuery), responses(
    (status = 200, body = FoundPath), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn find_path(server: Server, Params(query): Params<PathQuery>) -> Result<Json<FoundPath>, Fault> {
    let question = question(query)?;
    match question.interface {
        Some(id) => server.expect(ResourceKey::Interface(id), "interface", "interface_not_found")?,
        None if question.source.is_some() => {
            let eip =
                |durable: &Durable| server.world(durable).eip_by_address(question.destination).is_some();
            if !server.read(eip) {
                let detail =
                    format!("{} is no EIP, and nothing else is reached from outside", question.destination);
                return Err(Fault::invalid("destination", "not_an_eip", detail));
            }
        }
        // What is missing is said by whoever misses it.
        None => {}
    }
    Ok(Json(server.path(question).await?))
}

/// Sends one packet as the guest of an interface would, and says where hosts saw it, beside what their maps say. Its
/// receiver is given it, and answers as it answers anybody. The hosts on its way must not be looked on at meanwhile.
#[utoipa::path(post, path = "/v1/path", tag = "Paths", request_body = ProbePath, responses(
    (status = 200, body = FoundPath), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn probe_path(
    server: Server,
    Asked { body, .. }: Asked<ProbePath>,
) -> Result<Json<FoundPath>, Fault> {
    let ProbePath { interface, source, destination, protocol, port } = body;
    let query = PathQuery { interface: Some(interface), source, destination, protocol, port };
    let question = question(query)?;
    if let Some(id) = question.interface {
        server.expect(ResourceKey::Interface(id), "interface", "interface_not_found")?;
    }
    Ok(Json(server.probe(question).await?))
}

/// What is asked, in types that cannot be wrong.
fn question(query: PathQuery) -> Result<Question, Fault> {
    let PathQuery { interface, source, destination, protocol, port } = query;
    let protocol = protocol.unwrap_or(PathProtocol::Icmp);
    let port = match (protocol, port) {
        (PathProtocol::Icmp, Some(_)) => {
            return Err(Fault::invalid(
                "port",
                "contradiction",
                "a ping has no port; say protocol=tcp or udp",
            ));
        }
        (PathProtocol::Icmp, None) => 0,
        (_, Some(port)) => port,
        (_, None) => return Err(Fault::invalid("port", "missing", "say to which port")),
    };
    Ok(Question {
        interface: interface.map(|id| parse::path_id("interface", "interface_not_found", &id)).transpose()?,
        source: source.map(|text| parse::address("source", &text)).transpose()?,
        destination: parse::address("destination", &destination)?,
        protocol: number(protocol),
        port,
    })
}

/// Of IP; 1 is the ICMP of both families.
pub(super) fn number(protocol: PathProtocol) -> u32 {
    match protocol {
        PathProtocol::Icmp => 1,
        PathProtocol::Tcp => 6,
        PathProtocol::Udp => 17,
    }
}
