//! Answers: resources with their ETags, changes with their status.

use super::ask::Server;
use crate::{
    service::{Caller, Done, Fault},
    shape::Shapes,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use havip_admission::Request;
use havip_api::Resource as _;
use havip_model::{Resource, ResourceKey};
use serde::Serialize;
use std::time::Duration;

/// A resource of any kind, as the API shows it.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// See [`havip_api::DeploymentSet`].
    DeploymentSet(havip_api::DeploymentSet),
    /// See [`havip_api::ResourceGroup`].
    ResourceGroup(havip_api::ResourceGroup),
    /// See [`havip_api::Vpc`].
    Vpc(havip_api::Vpc),
    /// See [`havip_api::Subnet`].
    Subnet(havip_api::Subnet),
    /// See [`havip_api::SecurityGroup`].
    SecurityGroup(havip_api::SecurityGroup),
    /// See [`havip_api::Host`].
    Host(havip_api::Host),
    /// See [`havip_api::Instance`].
    Instance(havip_api::Instance),
    /// See [`havip_api::Interface`].
    Interface(havip_api::Interface),
    /// See [`havip_api::Vip`].
    Vip(Box<havip_api::Vip>),
    /// See [`havip_api::EipPool`].
    EipPool(havip_api::EipPool),
    /// See [`havip_api::Eip`].
    Eip(havip_api::Eip),
    /// See [`havip_api::Route`].
    Route(havip_api::Route),
}

impl Shown {
    fn of(shapes: &Shapes, resource: &Resource) -> Self {
        match resource {
            Resource::DeploymentSet(set) => Self::DeploymentSet(shapes.deployment_set(set)),
            Resource::ResourceGroup(group) => Self::ResourceGroup(shapes.resource_group(group)),
            Resource::Vpc(vpc) => Self::Vpc(shapes.vpc(vpc)),
            Resource::Subnet(subnet) => Self::Subnet(shapes.subnet(subnet)),
            Resource::SecurityGroup(group) => Self::SecurityGroup(shapes.security_group(group)),
            Resource::Host(host) => Self::Host(shapes.host(host)),
            Resource::Instance(instance) => Self::Instance(shapes.instance(instance)),
            Resource::Interface(interface) => Self::Interface(shapes.interface(interface)),
            Resource::Vip(vip) => Self::Vip(Box::new(shapes.vip(vip))),
            Resource::EipPool(pool) => Self::EipPool(shapes.eip_pool(pool)),
            Resource::Eip(eip) => Self::Eip(shapes.eip(eip)),
            Resource::Route(route) => Self::Route(shapes.route(route)),
        }
    }

    fn meta(&self) -> &havip_api::Meta {
        match self {
            Self::DeploymentSet(shown) => shown.meta(),
            Self::ResourceGroup(shown) => shown.meta(),
            Self::Vpc(shown) => shown.meta(),
            Self::Subnet(shown) => shown.meta(),
            Self::SecurityGroup(shown) => shown.meta(),
            Self::Host(shown) => shown.meta(),
            Self::Instance(shown) => shown.meta(),
            Self::Interface(shown) => shown.meta(),
            Self::Vip(shown) => shown.meta(),
            Self::EipPool(shown) => shown.meta(),
            Self::Eip(shown) => shown.meta(),
            Self::Route(shown) => shown.meta(),
        }
    }
}

/// The resource as it is, or as it is being withdrawn.
pub fn shown(service: &Server, key: ResourceKey) -> Option<Shown> {
    service.read(|durable| {
        let shapes = service.shapes(durable);
        match service.world(durable).get(key) {
            Some(resource) => Some(Shown::of(&shapes, &resource)),
            None => {
                let withdrawn = durable.state.withdrawn_from(service.asker.project, key);
                withdrawn.map(|resource| Shown::of(&shapes, resource))
            }
        }
    })
}

/// Answers with a resource.
pub fn resource(service: &Server, key: ResourceKey, what: &str, code: &str) -> Result<Response, Fault> {
    let shown = shown(service, key).ok_or_else(|| Fault::not_found(what, code, &key.id()))?;
    Ok(with_etag(StatusCode::OK, shown))
}

/// Makes something, and answers with it and where it is.
pub async fn create(
    service: &Server,
    caller: Caller,
    request: impl Into<Request>,
    wait: Option<Duration>,
) -> Result<Response, Fault> {
    if caller.if_generation.is_some() {
        let detail = "If-Match belongs to changes of what exists; leave it out when you make something";
        return Err(Fault::invalid("If-Match", "contradiction", detail));
    }
    let done = service.change(&caller, None, StatusCode::CREATED.as_u16(), request.into()).await?;
    let mut response = after(service, done, StatusCode::CREATED, wait).await?;
    let location = location(service, done.subject);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Changes something, and answers with it.
pub async fn update(
    service: &Server,
    caller: Caller,
    of: ResourceKey,
    request: impl Into<Request>,
    wait: Option<Duration>,
) -> Result<Response, Fault> {
    let done = service.change(&caller, Some(of), StatusCode::OK.as_u16(), request.into()).await?;
    after(service, done, StatusCode::OK, wait).await
}

/// Deletes something: 204 when it is gone everywhere, 202 while it is being withdrawn.
pub async fn delete(
    service: &Server,
    caller: Caller,
    of: ResourceKey,
    request: impl Into<Request>,
    wait: Option<Duration>,
) -> Result<Response, Fault> {
    let done = service.change(&caller, Some(of), StatusCode::NO_CONTENT.as_u16(), request.into()).await?;
    service.settled(of, wait.unwrap_or(INSTANT)).await;
    let status = match service.read(|durable| durable.state.withdrawing.contains_key(&of)) {
        true => StatusCode::ACCEPTED,
        false => StatusCode::NO_CONTENT,
    };
    let mut response = status.into_response();
    mark_repeated(&mut response, done);
    Ok(response)
}

/// Takes something from a resource: 204 in the end, as for a deletion.
pub async fn take_away(
    service: &Server,
    caller: Caller,
    of: ResourceKey,
    request: impl Into<Request>,
    wait: Option<Duration>,
) -> Result<Response, Fault> {
    let done = service.change(&caller, Some(of), StatusCode::NO_CONTENT.as_u16(), request.into()).await?;
    if let Some(wait) = wait {
        service.settled(of, wait).await;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    mark_repeated(&mut response, done);
    Ok(response)
}

async fn after(
    service: &Server,
    done: Done,
    status: StatusCode,
    wait: Option<Duration>,
) -> Result<Response, Fault> {
    if let Some(wait) = wait {
        service.settled(done.subject, wait).await;
    }
    let shown = shown(service, done.subject)
        .ok_or_else(|| Fault::not_found("the resource", "resource_not_found", &done.subject.id()))?;
    let mut response = with_etag(status, shown);
    mark_repeated(&mut response, done);
    Ok(response)
}

fn mark_repeated(response: &mut Response, done: Done) {
    if done.is_repeated {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
}

/// The ETag names the specification; status and holder change under the same one.
fn with_etag(status: StatusCode, shown: Shown) -> Response {
    let etag = format!("\"{}\"", shown.meta().generation);
    let etag = HeaderValue::from_str(&etag).expect("a number in quotes is a header");
    let mut response = (status, Json(shown)).into_response();
    response.headers_mut().insert(header::ETAG, etag);
    response
}

fn location(service: &Server, key: ResourceKey) -> String {
    let collection = match key {
        ResourceKey::DeploymentSet(_) => "deployment-sets",
        ResourceKey::ResourceGroup(_) => "resource-groups",
        ResourceKey::Vpc(_) => "vpcs",
        ResourceKey::Subnet(_) => "subnets",
        ResourceKey::SecurityGroup(_) => "security-groups",
        ResourceKey::Host(_) => "hosts",
        ResourceKey::Instance(_) => "instances",
        ResourceKey::Interface(_) => "interfaces",
        ResourceKey::Vip(_) => "vips",
        ResourceKey::EipPool(_) => "eip-pools",
        ResourceKey::Eip(_) => "eips",
        ResourceKey::Route(_) => "routes",
    };
    let id = shown(service, key).map_or_else(|| key.id(), |shown| shown.meta().id.clone());
    format!("/v1/{collection}/{id}")
}

/// A deletion that concerns no live host is finished within this time.
const INSTANT: Duration = Duration::from_millis(200);
