//! Hosts over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, Empty, Params, Server},
    list::{Narrow, page},
    parse,
};
use crate::{
    service::{Fault, KeysStatus},
    shape::time,
};
use axum::{Json, extract::Path, http::StatusCode, response::Response};
use havip_admission::request;
use havip_api::{
    DropCount, Drops, Host, HostFilter, HostKeys, HostToken, Page, Problem, UpdateHost, WithWait,
};
use havip_model::{HostNumber, Resource, ResourceKey};
use havip_stream::proto::{self, command::Body as Order};
use std::time::Duration;

/// Lists hosts.
#[utoipa::path(get, path = "/v1/hosts", tag = "Hosts", params(HostFilter), responses(
    (status = 200, body = Page<Host>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_hosts(
    server: Server,
    Params(filter): Params<HostFilter>,
) -> Result<Json<Page<Host>>, Fault> {
    let HostFilter { name, q, after, limit } = &filter;
    let narrow = Narrow { name, tag: &None, resource_group: &None, q, after, limit: *limit };
    page(&server, narrow, |_, _: &havip_model::Host| true, |shapes, one| shapes.host(one))
}

/// Makes a token with which one host may join within an hour.
#[utoipa::path(post, path = "/v1/hosts/tokens", tag = "Hosts", responses(
    (status = 201, body = HostToken), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_host_token(
    server: Server,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<(StatusCode, Json<HostToken>), Fault> {
    let (token, expires_at) = server.create_token(&caller).await?;
    Ok((StatusCode::CREATED, Json(HostToken { token, expires_at: time(expires_at) })))
}

/// How far the keys are with which hosts seal what they tell each other; never the keys.
#[utoipa::path(get, path = "/v1/hosts/keys", tag = "Hosts", responses(
    (status = 200, body = HostKeys), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_host_keys(server: Server) -> Result<Json<HostKeys>, Fault> {
    server.keys_status().map(|status| Json(shown(status)))
}

/// Begins to change the key with which hosts seal what they tell each other; it goes on by itself.
#[utoipa::path(post, path = "/v1/hosts/keys", tag = "Hosts", responses(
    (status = 202, body = HostKeys), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn rotate_host_keys(
    server: Server,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<(StatusCode, Json<HostKeys>), Fault> {
    let status = server.rotate_keys(&caller).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(status))))
}

fn shown(status: KeysStatus) -> HostKeys {
    let KeysStatus { rotation, awaited } = status;
    HostKeys {
        is_changing: rotation.is_under_way(),
        sealing: rotation.sending,
        accepted: rotation.keys,
        required: rotation.required,
        made_at: time(rotation.made_at),
        waiting_for: awaited,
    }
}

/// One host.
#[utoipa::path(get, path = "/v1/hosts/{id}", tag = "Hosts", params(("id" = String, Path, description = "The host's id.")), responses(
    (status = 200, body = Host), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_host(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::Host(host_number(&server, &id)?), "host", "host_not_found")
}

/// Changes a host's name, description and what its instances may have of it.
#[utoipa::path(patch, path = "/v1/hosts/{id}", tag = "Hosts", params(("id" = String, Path, description = "The host's id."), WithWait, ChangeHeaders),
    request_body = UpdateHost, responses((status = 200, body = Host), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_host(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<UpdateHost>,
) -> Result<Response, Fault> {
    let host = host_number(&server, &id)?;
    let texts = parse::new_texts(body.name, body.description);
    let UpdateHost { cpu_millis, memory_mib, .. } = body;
    let request = request::UpdateHost { host, texts, facts: None, cpu_millis, memory_mib };
    answer::update(&server, caller, ResourceKey::Host(host), request, parse::wait(params.wait.as_ref())?)
        .await
}

/// Removes a host on which nothing runs; its agent must join again.
#[utoipa::path(delete, path = "/v1/hosts/{id}", tag = "Hosts", params(("id" = String, Path, description = "The host's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn remove_host(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let host = host_number(&server, &id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(
        &server,
        caller,
        ResourceKey::Host(host),
        request::RemoveHost { host: parse::path_id("host", "host_not_found", &id)? },
        wait,
    )
    .await
}

/// What a host's switch has dropped, by reason.
#[utoipa::path(get, path = "/v1/hosts/{id}/drops", tag = "Hosts", params(("id" = String, Path, description = "The host's id.")), responses(
    (status = 200, body = Drops), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn host_drops(server: Server, Path(id): Path<String>) -> Result<Json<Drops>, Fault> {
    let host = host_number(&server, &id)?;
    let result = server.tracker().command(host, Order::Drops(proto::ReadDrops {}), AGENT_TIME).await?;
    let drops = result.drops.into_iter().map(|drop| DropCount { reason: drop.reason, packets: drop.packets });
    Ok(Json(Drops { drops: drops.collect() }))
}

/// The number of a host that is there, or being removed.
pub(super) fn host_number(server: &Server, id: &str) -> Result<HostNumber, Fault> {
    let not_found = || Fault::not_found("host", "host_not_found", id);
    let host = parse::path_id("host", "host_not_found", id)?;
    server.read(|durable| {
        let world = durable.state.world.host_by_id(host).map(|host| host.number);
        let withdrawing = durable.state.withdrawing.values().find_map(|resource| match &**resource {
            Resource::Host(withdrawing) if withdrawing.id == host => Some(withdrawing.number),
            _ => None,
        });
        world.or(withdrawing).ok_or_else(not_found)
    })
}

/// An agent counts within this time.
const AGENT_TIME: Duration = Duration::from_secs(5);
