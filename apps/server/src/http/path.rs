//! Where a packet would go.

use super::{
    ask::{Params, Server},
    parse,
};
use crate::ledger::Durable;
use crate::service::{Fault, Question};
use axum::Json;
use havip_api::{FoundPath, PathProtocol, PathQuery, Problem};
use havip_model::ResourceKey;

/// Says what the hosts' maps would do with a packet, host by host, with the rules that decide. Nothing is sent.
#[utoipa::path(get, path = "/v1/path", tag = "Paths", params(PathQuery), responses(
    (status = 200, body = FoundPath), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn find_path(server: Server, Params(query): Params<PathQuery>) -> Result<Json<FoundPath>, Fault> {
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
    let question = Question {
        interface: interface.map(|id| parse::path_id("interface", "interface_not_found", &id)).transpose()?,
        source: source.map(|text| parse::address("source", &text)).transpose()?,
        destination: parse::address("destination", &destination)?,
        protocol: match protocol {
            PathProtocol::Icmp => 1,
            PathProtocol::Tcp => 6,
            PathProtocol::Udp => 17,
        },
        port,
    };
    match question.interface {
        Some(id) => server.expect(ResourceKey::Interface(id), "interface", "interface_not_found")?,
        None if question.source.is_some() => {
            let eip =
                |durable: &Durable| server.world(durable).eip_by_address(question.destination).is_some();
            if !server.read(eip) {
                let detail = format!("{destination} is no EIP, and nothing else is reached from outside");
                return Err(Fault::invalid("destination", "not_an_eip", detail));
            }
        }
        // What is missing is said by whoever misses it.
        None => {}
    }
    Ok(Json(server.path(question).await?))
}
