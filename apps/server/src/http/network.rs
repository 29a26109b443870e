//! VPCs, subnets and routes over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, CreateHeaders, Empty, Params, Server},
    list::{Narrow, page},
    parse,
};
use crate::ledger::Durable;
use crate::service::Fault;
use axum::{Json, extract::Path, response::Response};
use havip_admission::request;
use havip_api::{
    CreateExternal, CreateRoute, CreateSubnet, CreateVpc, Page, Problem, Route, RouteFilter, Subnet,
    SubnetFilter, UpdateNetwork, Vpc, VpcFilter, WithWait,
};
use havip_model::{ResourceKey, RouteId, SubnetId, VpcId};
use std::net::IpAddr;

/// Lists VPCs.
#[utoipa::path(get, path = "/v1/vpcs", tag = "VPCs", params(VpcFilter), responses(
    (status = 200, body = Page<Vpc>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_vpcs(server: Server, Params(filter): Params<VpcFilter>) -> Result<Json<Page<Vpc>>, Fault> {
    let VpcFilter { name, tag, resource_group, q, after, limit } = &filter;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(&server, narrow, |_, _: &havip_model::Vpc| true, |shapes, one| shapes.vpc(one))
}

/// Makes a VPC.
#[utoipa::path(post, path = "/v1/vpcs", tag = "VPCs", params(WithWait, CreateHeaders), request_body = CreateVpc, responses(
    (status = 201, body = Vpc), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_vpc(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateVpc>,
) -> Result<Response, Fault> {
    let request = request::CreateVpc {
        texts: parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?,
        region: body.region.unwrap_or_else(|| server.region().into()),
        cidr: parse::cidr("/cidr", &body.cidr)?,
        cidr6: parse::cidr6("/cidr6", body.cidr6.as_ref())?,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One VPC.
#[utoipa::path(get, path = "/v1/vpcs/{id}", tag = "VPCs", params(("id" = String, Path, description = "The VPC's id.")), responses(
    (status = 200, body = Vpc), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_vpc(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::Vpc(vpc(&id)?), "VPC", "vpc_not_found")
}

/// Changes a VPC's name and description, or gives it IPv6.
#[utoipa::path(patch, path = "/v1/vpcs/{id}", tag = "VPCs", params(("id" = String, Path, description = "The VPC's id."), WithWait, ChangeHeaders),
    request_body = UpdateNetwork, responses((status = 200, body = Vpc), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_vpc(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<UpdateNetwork>,
) -> Result<Response, Fault> {
    let vpc = vpc(&id)?;
    let (texts, cidr6) = (parse::new_texts(body.name, body.description), body.cidr6.as_ref());
    let request = request::UpdateVpc { vpc, texts, cidr6: parse::cidr6("/cidr6", cidr6)? };
    answer::update(&server, caller, ResourceKey::Vpc(vpc), request, parse::wait(params.wait.as_ref())?).await
}

/// Deletes a VPC without subnets.
#[utoipa::path(delete, path = "/v1/vpcs/{id}", tag = "VPCs", params(("id" = String, Path, description = "The VPC's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_vpc(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let vpc = vpc(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(&server, caller, ResourceKey::Vpc(vpc), request::DeleteVpc { vpc }, wait).await
}

/// Lists subnets.
#[utoipa::path(get, path = "/v1/subnets", tag = "Subnets", params(SubnetFilter), responses(
    (status = 200, body = Page<Subnet>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_subnets(
    server: Server,
    Params(filter): Params<SubnetFilter>,
) -> Result<Json<Page<Subnet>>, Fault> {
    let SubnetFilter { vpc, name, tag, resource_group, q, after, limit } = &filter;
    let vpc: Option<VpcId> = vpc.as_ref().map(|id| parse::id("vpc", id)).transpose()?;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(
        &server,
        narrow,
        |_, subnet: &havip_model::Subnet| vpc.is_none_or(|vpc| subnet.vpc == vpc),
        |shapes, one| shapes.subnet(one),
    )
}

/// Makes a subnet.
#[utoipa::path(post, path = "/v1/subnets", tag = "Subnets", params(WithWait, CreateHeaders), request_body = CreateSubnet, responses(
    (status = 201, body = Subnet), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_subnet(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateSubnet>,
) -> Result<Response, Fault> {
    // What the provider's networks are is the administrators' business.
    if body.external.is_some() && !server.asker.is_administrator {
        return Err(Fault::administrators_only());
    }
    let external = body.external.as_ref().map(external).transpose()?;
    let request = request::CreateSubnet {
        vpc: parse::id("/vpc", &body.vpc)?,
        texts: parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?,
        zone: body.zone.unwrap_or_else(|| server.zone().into()),
        cidr: parse::cidr("/cidr", &body.cidr)?,
        cidr6: parse::cidr6("/cidr6", body.cidr6.as_ref())?,
        external,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

fn external(body: &CreateExternal) -> Result<request::NewExternal, Fault> {
    let router = |field: &str, text: &Option<String>| {
        text.as_ref().map(|text| Ok::<_, Fault>((text.clone(), parse::address(field, text)?))).transpose()
    };
    let gateway = match router("/external/gateway", &body.gateway)? {
        Some((_, IpAddr::V4(gateway))) => Some(gateway),
        Some((text, IpAddr::V6(_))) => {
            let message = format!("{text} is IPv6; give it as the IPv6 router (gateway6)");
            return Err(Fault::invalid("/external/gateway", "address_family", message));
        }
        None => None,
    };
    let gateway6 = match router("/external/gateway6", &body.gateway6)? {
        Some((_, IpAddr::V6(gateway))) => Some(gateway),
        Some((text, IpAddr::V4(_))) => {
            let message = format!("{text} is IPv4; give it as the router (gateway)");
            return Err(Fault::invalid("/external/gateway6", "address_family", message));
        }
        None => None,
    };
    Ok(request::NewExternal { vlan: body.vlan, gateway, gateway6 })
}

/// One subnet.
#[utoipa::path(get, path = "/v1/subnets/{id}", tag = "Subnets", params(("id" = String, Path, description = "The subnet's id.")), responses(
    (status = 200, body = Subnet), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_subnet(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::Subnet(subnet(&id)?), "subnet", "subnet_not_found")
}

/// Changes a subnet's name and description, or gives it IPv6.
#[utoipa::path(patch, path = "/v1/subnets/{id}", tag = "Subnets", params(("id" = String, Path, description = "The subnet's id."), WithWait, ChangeHeaders),
    request_body = UpdateNetwork, responses((status = 200, body = Subnet), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_subnet(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<UpdateNetwork>,
) -> Result<Response, Fault> {
    let subnet = subnet(&id)?;
    let (texts, cidr6) = (parse::new_texts(body.name, body.description), body.cidr6.as_ref());
    let is_external = || {
        let found = |durable: &Durable| {
            server.world(durable).subnets.get(&subnet).is_some_and(|subnet| subnet.external.is_some())
        };
        server.read(found)
    };
    if cidr6.is_some() && !server.asker.is_administrator && is_external() {
        return Err(Fault::administrators_only());
    }
    let request = request::UpdateSubnet { subnet, texts, cidr6: parse::cidr6("/cidr6", cidr6)? };
    answer::update(&server, caller, ResourceKey::Subnet(subnet), request, parse::wait(params.wait.as_ref())?)
        .await
}

/// Deletes a subnet without interfaces and VIPs.
#[utoipa::path(delete, path = "/v1/subnets/{id}", tag = "Subnets", params(("id" = String, Path, description = "The subnet's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_subnet(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let subnet = subnet(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(&server, caller, ResourceKey::Subnet(subnet), request::DeleteSubnet { subnet }, wait).await
}

/// Lists routes.
#[utoipa::path(get, path = "/v1/routes", tag = "Routes", params(RouteFilter), responses(
    (status = 200, body = Page<Route>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_routes(
    server: Server,
    Params(filter): Params<RouteFilter>,
) -> Result<Json<Page<Route>>, Fault> {
    let RouteFilter { vpc, name, tag, resource_group, q, after, limit } = &filter;
    let vpc: Option<VpcId> = vpc.as_ref().map(|id| parse::id("vpc", id)).transpose()?;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(
        &server,
        narrow,
        |_, route: &havip_model::Route| vpc.is_none_or(|vpc| route.vpc == vpc),
        |shapes, one| shapes.route(one),
    )
}

/// Makes a route.
#[utoipa::path(post, path = "/v1/routes", tag = "Routes", params(WithWait, CreateHeaders), request_body = CreateRoute, responses(
    (status = 201, body = Route), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_route(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateRoute>,
) -> Result<Response, Fault> {
    let request = request::CreateRoute {
        vpc: parse::id("/vpc", &body.vpc)?,
        texts: parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?,
        destination: parse::cidr("/destination", &body.destination)?,
        next_hop: parse::next_hop("/next_hop", &body.next_hop)?,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One route.
#[utoipa::path(get, path = "/v1/routes/{id}", tag = "Routes", params(("id" = String, Path, description = "The route's id.")), responses(
    (status = 200, body = Route), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_route(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::Route(route(&id)?), "route", "route_not_found")
}

/// Deletes a route.
#[utoipa::path(delete, path = "/v1/routes/{id}", tag = "Routes", params(("id" = String, Path, description = "The route's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_route(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let route = route(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(&server, caller, ResourceKey::Route(route), request::DeleteRoute { route }, wait).await
}

fn vpc(id: &str) -> Result<VpcId, Fault> {
    parse::path_id("VPC", "vpc_not_found", id)
}
fn subnet(id: &str) -> Result<SubnetId, Fault> {
    parse::path_id("subnet", "subnet_not_found", id)
}
fn route(id: &str) -> Result<RouteId, Fault> {
    parse::path_id("route", "route_not_found", id)
}
