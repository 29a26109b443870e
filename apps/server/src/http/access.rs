//! Who may ask: a bearer of an access key, or who signs as a cloud's client does. Gives each request an id and logs it.

use super::{
    action::{self, Action, Reach},
    ask::Asker,
    dialect::{self, Answered, Dialects, Heard},
    metrics::Metrics,
    problem::complete,
    standing::{Standing, is_stream, watched},
};
use crate::{
    entropy,
    service::{Fault, FaultKind, Principal, Rights, Service, Tried, shaped_as_id},
};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use havip_audit::Outcome;
use havip_model::{ResourceGroupId, ResourceKey};
use havip_policy::group_of;
use ring::hmac;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};
use tracing::debug;

/// What the layers need.
#[derive(Clone)]
pub struct Gate {
    /// The rules.
    pub service: Arc<Service>,
    /// Counts requests.
    pub metrics: Arc<Metrics>,
    /// What the clouds' APIs remember.
    pub dialects: Arc<Dialects>,
    /// Requests come encrypted.
    pub is_secure: bool,
}

impl Gate {
    /// From which address a request came.
    pub fn source(request: &axum::http::Extensions) -> Option<IpAddr> {
        request.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical())
    }
}

/// Gives a request an id, lets it in, completes a problem document, counts and logs.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let request_id = entropy::hex(&entropy::random::<16>());
    let method = request.method().clone();
    let (path, mut response) = match dialect::answer(&gate, request, &request_id).await {
        Heard::Dialect(Answered { what, response }) => (what, response),
        Heard::None(request) => {
            let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_string());
            (path.unwrap_or_else(|| "unknown".into()), native(&gate, request, next, &request_id).await)
        }
    };
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let took = began.elapsed();
    gate.metrics.answered(&method, &path, response.status(), took);
    debug!(%method, path, status = response.status().as_u16(), took_us = took.as_micros() as u64, request_id, "answered");
    response
}

/// Lets a bearer of an access key in; a fault becomes a problem document.
async fn native(gate: &Gate, mut request: Request, next: Next, request_id: &str) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let action = path.and_then(|path| action::of(request.method().as_str(), path));
    let mut tried = tried(&request, action, request_id);
    let is_change = action::is_change(request.method().as_str(), tried.action);
    let response = match admit(gate, &request, action, &mut tried) {
        Ok(()) => {
            if let Some(rights) = tried.rights.clone() {
                let (action, request_id) = (tried.action, request_id.into());
                request.extensions_mut().insert(Asker { rights, action, request_id });
            }
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let project = project_header(&request);
            let response = next.run(request).await;
            match action.filter(|_| is_stream(&response)) {
                Some(action) => {
                    let standing = Standing { tried: tried.clone(), action, method, uri, project };
                    watched(&gate.service, standing, response)
                }
                None => response,
            }
        }
        Err(fault) => fault.into_response(),
    };
    if let Some(fault) = response.extensions().get::<Fault>() {
        let is_about_rights = matches!(fault.kind, FaultKind::Unauthenticated | FaultKind::Forbidden);
        if is_about_rights || (is_change && fault.kind.is_refusal()) {
            gate.service.note_refusal(tried.noted(Outcome::Refused(fault.code.clone())));
        }
    }
    complete(response, request_id)
}

/// What is known of a request before anybody knows who asks.
fn tried(request: &Request, action: Option<Action>, request_id: &str) -> Tried {
    Tried {
        key: bearer(request).map(|(id, _)| id.to_string()).unwrap_or_default(),
        source: Gate::source(request.extensions()),
        dialect: "native",
        action: action.map_or("unknown", |action| action.name),
        resources: id_in(request.uri().path()).and_then(shaped_as_id).map(Into::into).into_iter().collect(),
        request_id: request_id.into(),
        rights: None,
    }
}

/// Finds out who asks, and whether they may; nobody does on the open paths, which anybody may read.
fn admit(gate: &Gate, request: &Request, action: Option<Action>, tried: &mut Tried) -> Result<(), Fault> {
    let service = &gate.service;
    if request.method() == Method::GET && OPEN.contains(&request.uri().path()) {
        return Ok(());
    }
    let principal = authenticate(service, request)?;
    let principal = in_project(service, principal, project_header(request).as_deref())?;
    let rights = Rights::new(principal, tried.source, gate.is_secure, tried.dialect);
    tried.rights = Some(rights.clone());
    // What is no route is told so by whoever looks for it.
    let Some(action) = action else { return Ok(()) };
    service.throttle(&rights.principal.key, action.name).map_err(Fault::throttled)?;
    may(service, &rights, action, request.method(), request.uri())
}

/// Whether somebody may do what a route is for.
pub fn may(
    service: &Service,
    rights: &Rights,
    action: Action,
    method: &Method,
    uri: &Uri,
) -> Result<(), Fault> {
    let allowed = match action.reach {
        _ if rights.principal.is_administrator => Ok(()),
        Reach::Administrators => return Err(Fault::administrators_only()),
        // What becomes a request to the rules is judged there, part by part.
        Reach::Project if action.is_judged_by_the_rules(method.as_str()) => rights.check_action(action.name),
        Reach::Project => {
            let (of, group) = (named(uri.path()), group_read(service, rights, uri));
            rights.check_read(action.name, of, group, service.region())
        }
    };
    allowed.map_err(|why| Fault::forbidden(&why))
}

/// The same principal, asking for the project that the header calls.
pub fn in_project(
    service: &Service,
    principal: Arc<Principal>,
    called: Option<&str>,
) -> Result<Arc<Principal>, Fault> {
    let Some(called) = called else { return Ok(principal) };
    let project = service.project_called(&principal, called)?;
    Ok(Arc::new(Principal { project, ..(*principal).clone() }))
}

fn project_header(request: &Request) -> Option<String> {
    let called = request.headers().get(PROJECT)?;
    Some(String::from_utf8_lossy(called.as_bytes()).into_owned())
}

/// The resource group of what a path names, or that a list is narrowed to.
fn group_read(service: &Service, rights: &Rights, uri: &Uri) -> Option<ResourceGroupId> {
    let project = rights.principal.project;
    if id_in(uri.path()).is_some() {
        let key = named(uri.path())?;
        return service.read(|durable| {
            let withdrawn =
                durable.state.withdrawn_from(project, key).map(|resource| resource.meta().group());
            group_of(durable.state.seen_by(project), key).or(withdrawn)
        });
    }
    // What does not narrow by it must not be judged by it.
    if !uri.path().strip_prefix("/v1/").is_some_and(|list| GROUPED.contains(&list)) {
        return None;
    }
    let mut pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.find(|(name, _)| name == "resource_group").and_then(|(_, id)| id.parse().ok())
}

/// The resource that a path names by its id.
fn named(path: &str) -> Option<ResourceKey> {
    ResourceKey::of_id(id_in(path)?)
}

fn id_in(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/")?.split('/').nth(1)
}

/// The bearer of an access key that is good.
fn authenticate(service: &Service, request: &Request) -> Result<Arc<Principal>, Fault> {
    let refused = || {
        let detail = "send Authorization: Bearer ACCESS_KEY_ID.ACCESS_KEY_SECRET of a key of this server";
        Fault::new(FaultKind::Unauthenticated, "unauthenticated", detail)
    };
    let (id, secret) = bearer(request).ok_or_else(refused)?;
    let known = service.known(id).filter(|known| is_same(&known.secret, secret)).ok_or_else(refused)?;
    if !known.is_good() {
        return Err(Fault::key_disabled());
    }
    service.note_use(&known.principal);
    Ok(known.principal.clone())
}

/// The id and the secret that were sent.
fn bearer(request: &Request) -> Option<(&str, &str)> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    token.trim().split_once('.').filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

/// Compares in a time that says nothing of the secret: both pass through a keyed digest first.
fn is_same(known: &str, presented: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &entropy::random::<32>());
    hmac::verify(&key, presented.as_bytes(), hmac::sign(&key, known.as_bytes()).as_ref()).is_ok()
}

/// The header by which an administrator asks for another project than its own, by id or name.
pub const PROJECT: &str = "havip-project";
/// The lists that are narrowed to a resource group.
const GROUPED: [&str; 9] = [
    "vpcs",
    "subnets",
    "routes",
    "security-groups",
    "interfaces",
    "instances",
    "vips",
    "eips",
    "deployment-sets",
];
/// What anybody may read.
const OPEN: [&str; 3] = ["/v1/health", "/v1/openapi.json", "/metrics"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_is_the_same() {
        assert!(is_same("secret", "secret"));
        assert!(!is_same("secret", "secrex"));
        assert!(!is_same("secret", ""));
    }
}
