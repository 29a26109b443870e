//! VIPs over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, CreateHeaders, Empty, Params, Server},
    event::sequence,
    list::{Narrow, limit, page},
    parse,
    problem::problem,
};
use crate::{
    ledger::Durable,
    service::{Caller, Fault},
    shape::{Shapes, association},
};
use axum::{Json, extract::Path, response::Response};
use havip_admission::request;
use havip_api::{
    Associate, Association, BatchDelete, BatchDeleted, BatchRow, CreateVip, Drill, DrillVip, HistoryFilter,
    Move, Page, Problem, Unbind, UpdateVip, Vip, VipFilter, Why, WithWait,
};
use havip_model::{AssociationMode, InstanceId, ResourceKey, SubnetId, Target, VipId, VpcId};
use std::{net::IpAddr, time::Duration};

/// Lists VIPs.
#[utoipa::path(get, path = "/v1/vips", tag = "VIPs", params(VipFilter), responses(
    (status = 200, body = Page<Vip>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_vips(server: Server, Params(filter): Params<VipFilter>) -> Result<Json<Page<Vip>>, Fault> {
    let VipFilter { vpc, subnet, instance, address, name, tag, resource_group, q, after, limit } = &filter;
    let vpc: Option<VpcId> = vpc.as_ref().map(|id| parse::id("vpc", id)).transpose()?;
    let subnet: Option<SubnetId> = subnet.as_ref().map(|id| parse::id("subnet", id)).transpose()?;
    let instance: Option<InstanceId> = instance.as_ref().map(|id| parse::id("instance", id)).transpose()?;
    let address: Option<IpAddr> =
        address.as_ref().map(|address| parse::address("address", address)).transpose()?;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(
        &server,
        narrow,
        |durable, one: &havip_model::Vip| {
            vpc.is_none_or(|vpc| one.vpc == vpc)
                && subnet.is_none_or(|subnet| one.subnet == subnet)
                && address.is_none_or(|address| one.address() == address)
                && instance.is_none_or(|instance| is_associated(durable, one, instance))
        },
        |shapes, one| shapes.vip(one),
    )
}

/// Makes a VIP, with its associations, in one step.
#[utoipa::path(post, path = "/v1/vips", tag = "VIPs", params(WithWait, CreateHeaders), request_body = CreateVip, responses(
    (status = 201, body = Vip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_vip(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateVip>,
) -> Result<Response, Fault> {
    let associations = body.associations.iter().enumerate().map(|(at, one)| {
        let target = parse::target(&format!("/associations/{at}/target"), &one.target)?;
        Ok((target, one.mode.into()))
    });
    let request = request::CreateVip {
        subnet: parse::id("/subnet", &body.subnet)?,
        texts: parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?,
        address: parse::choice_of("/address", body.address.as_ref(), body.family)?,
        binding: Some(body.binding.into()),
        contention: body.contention.into(),
        assist: body.assist,
        profile: Default::default(),
        associations: associations.collect::<Result<Vec<(Target, AssociationMode)>, Fault>>()?,
        advert_sources: parse::addresses("/advert_sources", &body.advert_sources)?,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One VIP.
#[utoipa::path(get, path = "/v1/vips/{id}", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id.")), responses(
    (status = 200, body = Vip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_vip(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::Vip(vip_id(&id)?), "VIP", "vip_not_found")
}

/// Changes a VIP.
#[utoipa::path(patch, path = "/v1/vips/{id}", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id."), WithWait, ChangeHeaders),
    request_body = UpdateVip, responses((status = 200, body = Vip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_vip(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<UpdateVip>,
) -> Result<Response, Fault> {
    let vip = vip_id(&id)?;
    let sources = body.advert_sources.as_ref();
    let request = request::UpdateVip {
        vip,
        texts: parse::new_texts(body.name, body.description),
        contention: body.contention.map(Into::into),
        assist: body.assist,
        advert_sources: sources.map(|all| parse::addresses("/advert_sources", all)).transpose()?,
    };
    answer::update(&server, caller, ResourceKey::Vip(vip), request, parse::wait(params.wait.as_ref())?).await
}

/// Lets a VIP's claims begin anew: whoever has the address is asked, whatever was claimed before.
#[utoipa::path(post, path = "/v1/vips/{id}/renew", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Vip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn renew_vip(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let vip = vip_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::update(&server, caller, ResourceKey::Vip(vip), request::RenewVip { vip }, wait).await
}

/// Deletes a VIP; refused while it is associated, has an EIP or a route leads to it, unless `unbind`.
#[utoipa::path(delete, path = "/v1/vips/{id}", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id."), Unbind, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_vip(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<Unbind>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let vip = vip_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(
        &server,
        caller,
        ResourceKey::Vip(vip),
        request::DeleteVip { vip, unbind: params.unbind },
        wait,
    )
    .await
}

/// Deletes many VIPs, each for itself.
#[utoipa::path(post, path = "/v1/vips/batch-delete", tag = "VIPs", params(CreateHeaders), request_body = BatchDelete, responses(
    (status = 200, body = BatchDeleted), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_vips(
    server: Server,
    Asked { caller, body }: Asked<BatchDelete>,
) -> Result<Json<BatchDeleted>, Fault> {
    if !(1..=LARGEST_BATCH).contains(&body.ids.len()) {
        let detail = format!("ids has 1 to {LARGEST_BATCH} ids, not {}", body.ids.len());
        return Err(Fault::invalid("/ids", "out_of_range", detail));
    }
    if caller.if_generation.is_some() {
        let detail = "If-Match belongs to changes of one resource; leave it out of a batch";
        return Err(Fault::invalid("If-Match", "contradiction", detail));
    }
    let mut results = vec![];
    for id in body.ids {
        let deleted = delete_one(&server, &caller, &id, body.unbind).await;
        let problem = deleted.err().map(|fault| {
            server.note_refused(&caller, &id, &fault);
            problem(&fault, &caller.request_id)
        });
        let status = problem.as_ref().map_or(204, |problem| problem.status);
        results.push(BatchRow { id, status, problem });
    }
    Ok(Json(BatchDeleted { results }))
}

async fn delete_one(server: &Server, caller: &Caller, id: &str, unbind: bool) -> Result<(), Fault> {
    let vip = vip_id(id)?;
    // Each row happens once by the batch's key and its own id.
    let once = caller.once.as_ref().map(|(key, digest)| (format!("{key}/{id}"), digest.clone()));
    let caller = Caller { once, if_generation: None, ..caller.clone() };
    let request = request::DeleteVip { vip, unbind };
    server.change(&caller, Some(ResourceKey::Vip(vip)), 204, request.into()).await.map(|_| ())
}

/// Who is associated with a VIP.
#[utoipa::path(get, path = "/v1/vips/{id}/associations", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id.")), responses(
    (status = 200, body = Page<Association>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_associations(
    server: Server,
    Path(id): Path<String>,
) -> Result<Json<Page<Association>>, Fault> {
    let vip = vip_id(&id)?;
    server.read(|durable| {
        let vip = server.world(durable).vips.get(&vip);
        let vip = vip.ok_or_else(|| Fault::not_found("VIP", "vip_not_found", &id))?;
        Ok(Json(Page { items: vip.associations.iter().map(association).collect(), next: None }))
    })
}

/// Lets an instance or an interface claim a VIP.
#[utoipa::path(post, path = "/v1/vips/{id}/associations", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id."), WithWait, ChangeHeaders),
    request_body = Associate, responses((status = 200, body = Vip), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn associate(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Associate>,
) -> Result<Response, Fault> {
    let vip = vip_id(&id)?;
    let request =
        request::Associate { vip, target: parse::target("/target", &body.target)?, mode: body.mode.into() };
    answer::update(&server, caller, ResourceKey::Vip(vip), request, parse::wait(params.wait.as_ref())?).await
}

/// Takes the permission to claim a VIP back.
#[utoipa::path(delete, path = "/v1/vips/{id}/associations/{target}", tag = "VIPs",
    params(("id" = String, Path, description = "The VIP's id."), ("target" = String, Path, description = "The instance's or interface's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It may not claim the VIP any more."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn dissociate(
    server: Server,
    Path((id, target)): Path<(String, String)>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let vip = vip_id(&id)?;
    let target = parse::target("target", &target)
        .map_err(|_| Fault::not_found("association", "not_associated", &target))?;
    let request = request::Dissociate { vip, target };
    answer::take_away(&server, caller, ResourceKey::Vip(vip), request, parse::wait(params.wait.as_ref())?)
        .await
}

/// How a VIP moved, oldest first.
#[utoipa::path(get, path = "/v1/vips/{id}/history", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id."), HistoryFilter), responses(
    (status = 200, body = Page<Move>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn vip_history(
    server: Server,
    Path(id): Path<String>,
    Params(filter): Params<HistoryFilter>,
) -> Result<Json<Page<Move>>, Fault> {
    let vip = vip_id(&id)?;
    let after = sequence(filter.after.as_ref())?;
    let limit = limit(filter.limit)?;
    server.read(|durable| {
        if !server.is_there(durable, ResourceKey::Vip(vip)) {
            return Err(Fault::not_found("VIP", "vip_not_found", &id));
        }
        let shapes = Shapes::of(&server, durable);
        let moves = durable.state.timeline.moves_of(vip, after).take(limit + 1);
        let mut items: Vec<Move> = moves.filter_map(|event| shapes.history_row(event)).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| last.sequence.to_string());
        Ok(Json(Page { items, next }))
    })
}

/// Why a VIP is where it is, or why nobody holds it, in words.
#[utoipa::path(get, path = "/v1/vips/{id}/why", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id.")), responses(
    (status = 200, body = Why), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn why_vip(server: Server, Path(id): Path<String>) -> Result<Json<Why>, Fault> {
    let vip = vip_id(&id)?;
    server.expect(ResourceKey::Vip(vip), "VIP", "vip_not_found")?;
    Ok(Json(server.why(vip).await?))
}

/// Runs a failover on purpose: the holder's link is taken away for a while, and comes back by itself.
///
/// The answer comes when the link is down; the history and the events show the rest.
#[utoipa::path(post, path = "/v1/vips/{id}/drill", tag = "VIPs", params(("id" = String, Path, description = "The VIP's id.")), request_body = DrillVip, responses(
    (status = 200, body = Drill), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn drill_vip(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<DrillVip>,
) -> Result<Json<Drill>, Fault> {
    if !(1..=LONGEST_DRILL).contains(&body.seconds) {
        let detail = format!("seconds is 1 to {LONGEST_DRILL}, not {}", body.seconds);
        return Err(Fault::invalid("/seconds", "out_of_range", detail));
    }
    let vip = vip_id(&id)?;
    server.expect(ResourceKey::Vip(vip), "VIP", "vip_not_found")?;
    Ok(Json(server.drill(&caller, vip, Duration::from_secs(body.seconds.into())).await?))
}

/// Whether an instance may claim a VIP, itself or by its interfaces.
fn is_associated(durable: &Durable, vip: &havip_model::Vip, instance: InstanceId) -> bool {
    let of_instance = |target| match target {
        Target::Instance(id) => id == instance,
        Target::Interface(id) => durable
            .state
            .world
            .interfaces
            .get(&id)
            .is_some_and(|interface| interface.instance == Some(instance)),
    };
    vip.associations.iter().any(|association| of_instance(association.target))
}

fn vip_id(id: &str) -> Result<VipId, Fault> {
    parse::path_id("VIP", "vip_not_found", id)
}

const LARGEST_BATCH: usize = 200;
/// Who wants a longer failure can make one.
const LONGEST_DRILL: u32 = 60;
