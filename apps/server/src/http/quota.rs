//! Limits over HTTP: shown, changed, asked for.

use super::{
    ask::{Asked, CreateHeaders, Params, Server},
    parse,
};
use crate::{ledger::Durable, service::Fault, shape};
use axum::{Json, extract::Path, http::StatusCode};
use havip_admission::identity::{Given, IdentityRequest};
use havip_api::{
    DecideQuota, Page, Problem, Quota, QuotaFilter, QuotaRequest, QuotaRequestFilter, RequestQuota, SetQuota,
};
use havip_model::{Granted, Profile, QuotaRequestId, ResourceKey};

/// Lists the limits of the project that is asked for, and how much of them is used.
#[utoipa::path(get, path = "/v1/quotas", tag = "Quotas", params(QuotaFilter), responses(
    (status = 200, body = Page<Quota>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_quotas(
    server: Server,
    Params(QuotaFilter { name, profile, resource }): Params<QuotaFilter>,
) -> Result<Json<Page<Quota>>, Fault> {
    let named = name.as_deref().map(|name| quota_called("name", name, profile.map(Into::into)));
    let named = named.transpose()?;
    let (named, of_name) = named.map_or((None, None), |(quota, profile)| (Some(quota), profile));
    let profile = profile.map(Into::into).or(of_name);
    let resource = resource.map(|id| {
        let wrong = || Fault::invalid("resource", "invalid_id", format!("{id:?} is no id of a resource"));
        ResourceKey::of_id(&id).ok_or_else(wrong)
    });
    let resource = resource.transpose()?;
    let items = server.read(|durable| quotas(&server, durable, named, profile, resource));
    Ok(Json(Page { items, next: None }))
}

/// Sets a limit of the project that is asked for, or takes back what was set.
#[utoipa::path(put, path = "/v1/quotas/{name}", tag = "Quotas", params(("name" = String, Path, description = "The quota's name, a cloud's own included."), CreateHeaders),
    request_body = SetQuota, responses((status = 200, body = Page<Quota>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn set_quota(
    server: Server,
    Path(name): Path<String>,
    Asked { caller, body }: Asked<SetQuota>,
) -> Result<Json<Page<Quota>>, Fault> {
    let known = havip_model::Quota::called(&name);
    let (quota, meant) = known.ok_or_else(|| Fault::not_found("quota", "quota_not_found", &name))?;
    let profile = agreed(&name, meant, body.profile.map(Into::into))?;
    let (project, limit) = (server.asker.project, body.limit.map(number));
    server.change_identity(&caller, IdentityRequest::SetQuota { project, quota, profile, limit }).await?;
    let items = server.read(|durable| quotas(&server, durable, Some(quota), profile, None));
    Ok(Json(Page { items, next: None }))
}

/// Lists requests for higher limits, the oldest first.
#[utoipa::path(get, path = "/v1/quota-requests", tag = "Quotas", params(QuotaRequestFilter), responses(
    (status = 200, body = Page<QuotaRequest>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_quota_requests(
    server: Server,
    Params(QuotaRequestFilter { open, all_projects }): Params<QuotaRequestFilter>,
) -> Result<Json<Page<QuotaRequest>>, Fault> {
    let is_of_all = all_projects == Some(true);
    if is_of_all && !server.asker.is_administrator {
        return Err(Fault::administrators_only());
    }
    let items = server.read(|durable| {
        let directory = &durable.state.directory;
        let of = |project| directory.quota_requests_of(project);
        let found = match is_of_all {
            true => directory.projects.keys().flat_map(|project| of(*project)).collect(),
            false => of(server.asker.project),
        };
        let passes =
            |request: &&havip_model::QuotaRequest| open.is_none_or(|open| open == request.decision.is_none());
        found.into_iter().filter(passes).map(shape::quota_request).collect()
    });
    Ok(Json(Page { items, next: None }))
}

/// Asks for a higher limit of the project that is asked for; an administrator decides.
#[utoipa::path(post, path = "/v1/quota-requests", tag = "Quotas", params(CreateHeaders), request_body = RequestQuota, responses(
    (status = 201, body = QuotaRequest), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn request_quota(
    server: Server,
    Asked { caller, body }: Asked<RequestQuota>,
) -> Result<(StatusCode, Json<QuotaRequest>), Fault> {
    let (quota, profile) = quota_called("/quota", &body.quota, body.profile.map(Into::into))?;
    let (project, user) = (server.asker.project, server.asker.name.clone());
    let wanted = Granted { quota, profile, limit: number(body.limit) };
    let request = IdentityRequest::RequestQuota { project, wanted, reason: body.reason, user };
    let made = server.change_identity(&caller, request).await?;
    Ok((StatusCode::CREATED, Json(server.read(|durable| request_called(&server, durable, &made.id()))?)))
}

/// One request for a higher limit.
#[utoipa::path(get, path = "/v1/quota-requests/{id}", tag = "Quotas", params(("id" = String, Path, description = "The request's id.")), responses(
    (status = 200, body = QuotaRequest), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_quota_request(server: Server, Path(id): Path<String>) -> Result<Json<QuotaRequest>, Fault> {
    server.read(|durable| request_called(&server, durable, &id)).map(Json)
}

/// Decides a request of whichever project.
#[utoipa::path(post, path = "/v1/quota-requests/{id}/decide", tag = "Quotas", params(("id" = String, Path, description = "The request's id."), CreateHeaders),
    request_body = DecideQuota, responses((status = 200, body = QuotaRequest), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn decide_quota(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<DecideQuota>,
) -> Result<Json<QuotaRequest>, Fault> {
    let request: QuotaRequestId = parse::path_id("request", "quota_request_not_found", &id)?;
    let given = match (body.approve, body.limit) {
        (true, Some(limit)) => Some(Given::Other(number(limit))),
        (true, None) => Some(Given::Wanted),
        (false, None) => None,
        (false, Some(_)) => {
            let detail = "a request that is refused gets no limit; leave limit out, or approve";
            return Err(Fault::invalid("/limit", "contradiction", detail));
        }
    };
    let (comment, user) = (body.comment, server.asker.name.clone());
    server.change_identity(&caller, IdentityRequest::DecideQuota { request, given, comment, user }).await?;
    server.read(|durable| request_called(&server, durable, &id)).map(Json)
}

fn quotas(
    server: &Server,
    durable: &Durable,
    named: Option<havip_model::Quota>,
    profile: Option<Profile>,
    resource: Option<ResourceKey>,
) -> Vec<Quota> {
    let limits = server.quotas_of(&durable.state, server.asker.project);
    let world = server.world(durable);
    let wanted =
        havip_model::Quota::ALL.into_iter().filter(|quota| named.is_none_or(|named| named == *quota));
    let rows = wanted.flat_map(|quota| match (quota.follows_profile(), profile) {
        (false, _) => vec![(quota, None)],
        (true, Some(profile)) => vec![(quota, Some(profile))],
        (true, None) => Profile::ALL.map(|profile| (quota, Some(profile))).into(),
    });
    rows.filter_map(|(quota, profile)| shape::quota(&limits, world, quota, profile, resource)).collect()
}

/// The quota that a field names, and the profile that is asked for or that a cloud's name means.
fn quota_called(
    field: &str,
    name: &str,
    asked: Option<Profile>,
) -> Result<(havip_model::Quota, Option<Profile>), Fault> {
    let unknown = || {
        let known: Vec<_> = havip_model::Quota::ALL.iter().map(|quota| quota.word()).collect();
        let detail = format!("{name:?} is no quota; there are {}", known.join(", "));
        Fault::invalid(field, "invalid_quota", detail)
    };
    let (quota, meant) = havip_model::Quota::called(name).ok_or_else(unknown)?;
    Ok((quota, agreed(name, meant, asked)?))
}

/// A cloud's name means that cloud's profile.
fn agreed(name: &str, meant: Option<Profile>, asked: Option<Profile>) -> Result<Option<Profile>, Fault> {
    match (meant, asked) {
        (Some(meant), Some(asked)) if meant != asked => {
            let detail = format!("{name} is a quota of another profile; leave profile out");
            Err(Fault::invalid("/profile", "contradiction", detail))
        }
        _ => Ok(asked.or(meant)),
    }
}

fn request_called(server: &Server, durable: &Durable, id: &str) -> Result<QuotaRequest, Fault> {
    let key: QuotaRequestId = parse::path_id("request", "quota_request_not_found", id)?;
    let may = |request: &&havip_model::QuotaRequest| {
        server.asker.is_administrator || request.project == server.asker.project
    };
    let found = durable.state.directory.quota_requests.get(&key).filter(may);
    let found = found.ok_or_else(|| Fault::not_found("request", "quota_request_not_found", id))?;
    Ok(shape::quota_request(found))
}

/// What is too large to be a number here is too large to be a limit.
fn number(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
