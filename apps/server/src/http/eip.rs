//! Public addresses and their pools over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, CreateHeaders, Empty, Params, Server},
    list::{Narrow, page},
    parse,
};
use crate::service::Fault;
use axum::{Json, extract::Path, response::Response};
use havip_admission::request;
use havip_api::{
    AllocateEip, BindEip, CreateEipPool, Eip, EipFilter, EipPool, EipPoolFilter, Page, Problem, Unbind,
    UpdateEip, UpdateEipPool, WithWait,
};
use havip_model::{EipId, EipPoolId, EipTarget, ResourceKey};
use std::net::IpAddr;

/// Lists pools.
#[utoipa::path(get, path = "/v1/eip-pools", tag = "EIPs", params(EipPoolFilter), responses(
    (status = 200, body = Page<EipPool>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_eip_pools(
    server: Server,
    Params(filter): Params<EipPoolFilter>,
) -> Result<Json<Page<EipPool>>, Fault> {
    let EipPoolFilter { name, q, after, limit } = &filter;
    let narrow = Narrow { name, tag: &None, resource_group: &None, q, after, limit: *limit };
    page(&server, narrow, |_, _: &havip_model::EipPool| true, |shapes, one| shapes.eip_pool(one))
}

/// Makes a pool of public addresses.
#[utoipa::path(post, path = "/v1/eip-pools", tag = "EIPs", params(WithWait, CreateHeaders), request_body = CreateEipPool, responses(
    (status = 201, body = EipPool), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_eip_pool(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateEipPool>,
) -> Result<Response, Fault> {
    let request = request::CreateEipPool {
        texts: parse::texts(&body.name, &body.description),
        cidrs: parse::cidrs("/cidrs", &body.cidrs)?,
        gateway: body.gateway.as_ref().map(|gateway| parse::address("/gateway", gateway)).transpose()?,
        reserved: parse::addresses("/reserved", &body.reserved)?,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One pool.
#[utoipa::path(get, path = "/v1/eip-pools/{id}", tag = "EIPs", params(("id" = String, Path, description = "The pool's id.")), responses(
    (status = 200, body = EipPool), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_eip_pool(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::EipPool(eip_pool_id(&id)?), "pool", "eip_pool_not_found")
}

/// Changes a pool.
#[utoipa::path(patch, path = "/v1/eip-pools/{id}", tag = "EIPs", params(("id" = String, Path, description = "The pool's id."), WithWait, ChangeHeaders),
    request_body = UpdateEipPool, responses((status = 200, body = EipPool), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_eip_pool(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<UpdateEipPool>,
) -> Result<Response, Fault> {
    let eip_pool = eip_pool_id(&id)?;
    let (cidrs, reserved) = (body.cidrs.as_ref(), body.reserved.as_ref());
    let request = request::UpdateEipPool {
        pool: eip_pool,
        texts: parse::new_texts(body.name, body.description),
        cidrs: cidrs.map(|all| parse::cidrs("/cidrs", all)).transpose()?,
        reserved: reserved.map(|all| parse::addresses("/reserved", all)).transpose()?,
    };
    answer::update(
        &server,
        caller,
        ResourceKey::EipPool(eip_pool),
        request,
        parse::wait(params.wait.as_ref())?,
    )
    .await
}

/// Deletes a pool without EIPs.
#[utoipa::path(delete, path = "/v1/eip-pools/{id}", tag = "EIPs", params(("id" = String, Path, description = "The pool's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_eip_pool(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let eip_pool = eip_pool_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(
        &server,
        caller,
        ResourceKey::EipPool(eip_pool),
        request::DeleteEipPool { pool: eip_pool },
        wait,
    )
    .await
}

/// Lists EIPs.
#[utoipa::path(get, path = "/v1/eips", tag = "EIPs", params(EipFilter), responses(
    (status = 200, body = Page<Eip>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_eips(server: Server, Params(filter): Params<EipFilter>) -> Result<Json<Page<Eip>>, Fault> {
    let EipFilter { pool, target, address, name, tag, resource_group, q, after, limit } = &filter;
    let pool: Option<EipPoolId> = pool.as_ref().map(|id| parse::id("pool", id)).transpose()?;
    let target: Option<EipTarget> = target.as_ref().map(|id| parse::eip_target("target", id)).transpose()?;
    let address: Option<IpAddr> =
        address.as_ref().map(|address| parse::address("address", address)).transpose()?;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(
        &server,
        narrow,
        |_, one: &havip_model::Eip| {
            pool.is_none_or(|pool| one.pool == pool)
                && address.is_none_or(|address| one.address == address)
                && target.is_none_or(|target| one.target == Some(target))
        },
        |shapes, one| shapes.eip(one),
    )
}

/// Takes a public address from a pool.
#[utoipa::path(post, path = "/v1/eips", tag = "EIPs", params(WithWait, CreateHeaders), request_body = AllocateEip, responses(
    (status = 201, body = Eip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn allocate_eip(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<AllocateEip>,
) -> Result<Response, Fault> {
    let request = request::AllocateEip {
        pool: body.pool.as_ref().map(|pool| parse::id("/pool", pool)).transpose()?,
        texts: parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?,
        address: body.address.as_ref().map(|address| parse::address("/address", address)).transpose()?,
        family: parse::family_of(body.address.as_ref(), body.family)?,
        bandwidth_mbps: body.bandwidth_mbps,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One EIP.
#[utoipa::path(get, path = "/v1/eips/{id}", tag = "EIPs", params(("id" = String, Path, description = "The EIP's id.")), responses(
    (status = 200, body = Eip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_eip(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::Eip(eip_id(&id)?), "EIP", "eip_not_found")
}

/// Changes an EIP.
#[utoipa::path(patch, path = "/v1/eips/{id}", tag = "EIPs", params(("id" = String, Path, description = "The EIP's id."), WithWait, ChangeHeaders),
    request_body = UpdateEip, responses((status = 200, body = Eip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_eip(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<UpdateEip>,
) -> Result<Response, Fault> {
    let eip = eip_id(&id)?;
    let texts = parse::new_texts(body.name, body.description);
    let request = request::UpdateEip { eip, texts, bandwidth_mbps: body.bandwidth_mbps };
    answer::update(&server, caller, ResourceKey::Eip(eip), request, parse::wait(params.wait.as_ref())?).await
}

/// Gives an EIP back to its pool; refused while it is bound, unless `unbind`.
#[utoipa::path(delete, path = "/v1/eips/{id}", tag = "EIPs", params(("id" = String, Path, description = "The EIP's id."), Unbind, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn release_eip(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<Unbind>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let eip = eip_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(
        &server,
        caller,
        ResourceKey::Eip(eip),
        request::ReleaseEip { eip, unbind: params.unbind },
        wait,
    )
    .await
}

/// Binds an EIP to a VIP, an instance or an interface.
#[utoipa::path(post, path = "/v1/eips/{id}/bind", tag = "EIPs", params(("id" = String, Path, description = "The EIP's id."), WithWait, ChangeHeaders),
    request_body = BindEip, responses((status = 200, body = Eip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn bind_eip(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<BindEip>,
) -> Result<Response, Fault> {
    let eip = eip_id(&id)?;
    let request = request::BindEip { eip, target: parse::eip_target("/target", &body.target)? };
    answer::update(&server, caller, ResourceKey::Eip(eip), request, parse::wait(params.wait.as_ref())?).await
}

/// Unbinds an EIP.
#[utoipa::path(post, path = "/v1/eips/{id}/unbind", tag = "EIPs", params(("id" = String, Path, description = "The EIP's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Eip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn unbind_eip(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let eip = eip_id(&id)?;
    let request = request::UnbindEip { eip };
    answer::update(&server, caller, ResourceKey::Eip(eip), request, parse::wait(params.wait.as_ref())?).await
}

fn eip_pool_id(id: &str) -> Result<EipPoolId, Fault> {
    parse::path_id("pool", "eip_pool_not_found", id)
}

fn eip_id(id: &str) -> Result<EipId, Fault> {
    parse::path_id("EIP", "eip_not_found", id)
}
