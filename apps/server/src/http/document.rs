//! All routes, and the description of the API that follows from them.

use super::{
    access::{Gate, pass},
    audit, deployment_set, eip, event, flow, group, host, identity, interface, machine, network, path,
    policy, quota, resource_group, tag, trace, vip,
};
use crate::service::{Fault, FaultKind, Service};
use axum::{
    Json, Router,
    extract::State,
    http::{Method, Uri, header},
    middleware,
    response::IntoResponse,
    routing::get,
};
use havip_api::{Health, PathProtocol};
use std::sync::Arc;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The description of the API (OpenAPI 3.1).
pub fn document() -> openapi::OpenApi {
    routes().split_for_parts().1
}

/// Everything that the API answers.
pub fn router(gate: Gate) -> Router {
    let (router, document) = routes().split_for_parts();
    let document = Arc::new(document);
    let metrics = gate.metrics.clone();
    router
        .route("/v1/openapi.json", get(move || async move { Json((*document).clone()) }))
        .route(
            "/metrics",
            get(move |State(server): State<Arc<Service>>| async move {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([(header::CONTENT_TYPE, kind)], metrics.text(&server))
            }),
        )
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(gate.service.clone())
        .layer(middleware::from_fn_with_state(gate, pass))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Havip",
        description = "Highly available VIPs. References are ids, instants are RFC 3339 in UTC, errors are problem documents (RFC 9457).",
    ),
    // What only a query names is not found by itself.
    components(schemas(PathProtocol)),
    modifiers(&Bearer),
    security(("key" = [])),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("ACCESS_KEY_ID.ACCESS_KEY_SECRET".into());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

fn routes() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(network::list_vpcs, network::create_vpc))
        .routes(routes!(network::get_vpc, network::update_vpc, network::delete_vpc))
        .routes(routes!(network::list_subnets, network::create_subnet))
        .routes(routes!(network::get_subnet, network::update_subnet, network::delete_subnet))
        .routes(routes!(network::list_routes, network::create_route))
        .routes(routes!(network::get_route, network::delete_route))
        .routes(routes!(group::list_security_groups, group::create_security_group))
        .routes(routes!(
            group::get_security_group,
            group::update_security_group,
            group::delete_security_group
        ))
        .routes(routes!(group::add_rules, group::replace_rules))
        .routes(routes!(group::remove_rule))
        .routes(routes!(deployment_set::list_deployment_sets, deployment_set::create_deployment_set))
        .routes(routes!(
            deployment_set::get_deployment_set,
            deployment_set::update_deployment_set,
            deployment_set::delete_deployment_set
        ))
        .routes(routes!(deployment_set::join_deployment_set, deployment_set::leave_deployment_set))
        .routes(routes!(resource_group::list_resource_groups, resource_group::create_resource_group))
        .routes(routes!(
            resource_group::get_resource_group,
            resource_group::update_resource_group,
            resource_group::delete_resource_group
        ))
        .routes(routes!(resource_group::move_resources))
        .routes(routes!(interface::list_interfaces, interface::create_interface))
        .routes(routes!(interface::get_interface, interface::update_interface, interface::delete_interface))
        .routes(routes!(interface::attach_interface))
        .routes(routes!(interface::detach_interface))
        .routes(routes!(interface::plug_interface))
        .routes(routes!(interface::unplug_interface))
        .routes(routes!(machine::migrate_instance))
        .routes(routes!(machine::cancel_instance_migration))
        .routes(routes!(interface::migrate_interface))
        .routes(routes!(interface::finish_migration))
        .routes(routes!(interface::cancel_migration))
        .routes(routes!(interface::add_addresses))
        .routes(routes!(interface::remove_address))
        .routes(routes!(machine::list_instances, machine::run_instance))
        .routes(routes!(machine::get_instance, machine::update_instance, machine::delete_instance))
        .routes(routes!(machine::start_instance))
        .routes(routes!(machine::restart_instance))
        .routes(routes!(machine::stop_instance))
        .routes(routes!(machine::power_off_instance))
        .routes(routes!(machine::exec_instance))
        .routes(routes!(machine::read_console))
        .routes(routes!(vip::list_vips, vip::create_vip))
        .routes(routes!(vip::delete_vips))
        .routes(routes!(vip::get_vip, vip::update_vip, vip::delete_vip))
        .routes(routes!(vip::list_associations, vip::associate))
        .routes(routes!(vip::dissociate))
        .routes(routes!(vip::renew_vip))
        .routes(routes!(vip::vip_history))
        .routes(routes!(vip::why_vip))
        .routes(routes!(vip::drill_vip))
        .routes(routes!(eip::list_eip_pools, eip::create_eip_pool))
        .routes(routes!(eip::get_eip_pool, eip::update_eip_pool, eip::delete_eip_pool))
        .routes(routes!(eip::list_eips, eip::allocate_eip))
        .routes(routes!(eip::get_eip, eip::update_eip, eip::release_eip))
        .routes(routes!(eip::bind_eip))
        .routes(routes!(eip::unbind_eip))
        .routes(routes!(host::list_hosts))
        .routes(routes!(host::create_host_token))
        .routes(routes!(host::get_host_keys, host::rotate_host_keys))
        .routes(routes!(host::get_host, host::update_host, host::remove_host))
        .routes(routes!(host::host_drops))
        .routes(routes!(trace::trace_host))
        .routes(routes!(flow::follow_flows))
        .routes(routes!(path::find_path, path::probe_path))
        .routes(routes!(event::list_events))
        .routes(routes!(event::watch_events))
        .routes(routes!(audit::list_audit_entries))
        .routes(routes!(tag::list_tags))
        .routes(routes!(tag::change_tags))
        .routes(routes!(quota::list_quotas))
        .routes(routes!(quota::set_quota))
        .routes(routes!(quota::list_quota_requests, quota::request_quota))
        .routes(routes!(quota::get_quota_request))
        .routes(routes!(quota::decide_quota))
        .routes(routes!(identity::list_projects, identity::create_project))
        .routes(routes!(identity::get_project, identity::update_project, identity::delete_project))
        .routes(routes!(identity::list_users, identity::create_user))
        .routes(routes!(identity::get_user, identity::update_user, identity::delete_user))
        .routes(routes!(policy::list_policies, policy::create_policy))
        .routes(routes!(policy::get_policy, policy::update_policy, policy::delete_policy))
        .routes(routes!(policy::attach_policy))
        .routes(routes!(policy::detach_policy))
        .routes(routes!(policy::test_policy))
        .routes(routes!(identity::list_access_keys, identity::create_access_key))
        .routes(routes!(identity::get_access_key, identity::update_access_key, identity::delete_access_key))
        .routes(routes!(identity::rotate_access_key))
        .routes(routes!(health))
}

/// Whether the server is well; needs no key.
#[utoipa::path(get, path = "/v1/health", tag = "Server", security(()), responses((status = 200, body = Health)))]
async fn health(State(server): State<Arc<Service>>) -> Json<Health> {
    Json(Health {
        status: "ok".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        revision: server.read(|durable| durable.revision),
        live_hosts: server.tracker().live().len() as u64,
    })
}

async fn no_such_path(uri: Uri) -> impl IntoResponse {
    let path: String = uri.path().chars().take(128).collect();
    let detail = format!("there is nothing at {path}; look at /v1/openapi.json");
    Fault::new(FaultKind::NotFound, "no_such_path", detail)
}

async fn no_such_method(method: Method, uri: Uri) -> impl IntoResponse {
    let path: String = uri.path().chars().take(128).collect();
    let detail = format!("{path} does not answer {method}; look at /v1/openapi.json");
    Fault::new(FaultKind::NoSuchMethod, "no_such_method", detail)
}
