//! Resource groups over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, CreateHeaders, Empty, Params, Server},
    list::{cursor, is_called, limit},
    parse,
};
use crate::{ledger::Durable, service::Fault};
use axum::{
    Json,
    extract::Path,
    response::{IntoResponse, Response},
};
use havip_admission::request;
use havip_api::{
    CreateResourceGroup, MoveResources, Page, Problem, ResourceGroup, ResourceGroupFilter, Update, WithWait,
};
use havip_model::{Meta, ResourceGroupId, ResourceKey};

/// Lists the project's resource groups, its default one included.
#[utoipa::path(get, path = "/v1/resource-groups", tag = "Resource groups", params(ResourceGroupFilter), responses(
    (status = 200, body = Page<ResourceGroup>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_resource_groups(
    server: Server,
    Params(filter): Params<ResourceGroupFilter>,
) -> Result<Json<Page<ResourceGroup>>, Fault> {
    let ResourceGroupFilter { name, q, after, limit: most } = &filter;
    let most = limit(*most)?;
    let after: Option<ResourceGroupId> = cursor(after)?;
    server.read(|durable| {
        let passes = |group: &havip_model::ResourceGroup| {
            after.is_none_or(|after| group.id > after)
                && is_called(&group.meta, name, q, || group.id.to_string())
        };
        let made = server.world(durable).resource_groups.values().cloned();
        let mut found: Vec<_> = made.chain([default_group(&server, durable)]).filter(passes).collect();
        found.sort_by_key(|group| group.id);
        let more = found.len() > most;
        found.truncate(most);
        let next = found.last().filter(|_| more).map(|last| last.id.to_string());
        let shapes = server.shapes(durable);
        let items = found.iter().map(|group| shapes.resource_group(group)).collect();
        Ok(Json(Page { items, next }))
    })
}

/// Makes a resource group.
#[utoipa::path(post, path = "/v1/resource-groups", tag = "Resource groups", params(WithWait, CreateHeaders), request_body = CreateResourceGroup, responses(
    (status = 201, body = ResourceGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_resource_group(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateResourceGroup>,
) -> Result<Response, Fault> {
    let request = request::CreateResourceGroup { texts: parse::texts(&body.name, &body.description) };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One resource group.
#[utoipa::path(get, path = "/v1/resource-groups/{id}", tag = "Resource groups", params(("id" = String, Path, description = "The resource group's id.")), responses(
    (status = 200, body = ResourceGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_resource_group(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    let id = group_id(&id)?;
    if id == ResourceGroupId::default_of(server.asker.project) {
        return Ok(shown_default(&server).into_response());
    }
    answer::resource(&server, ResourceKey::ResourceGroup(id), WHAT, MISSING)
}

/// Changes a resource group's name and description.
#[utoipa::path(patch, path = "/v1/resource-groups/{id}", tag = "Resource groups", params(("id" = String, Path, description = "The resource group's id."), WithWait, ChangeHeaders),
    request_body = Update, responses((status = 200, body = ResourceGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_resource_group(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Update>,
) -> Result<Response, Fault> {
    let group = group_id(&id)?;
    let request =
        request::UpdateResourceGroup { group, texts: parse::new_texts(body.name, body.description) };
    let wait = parse::wait(params.wait.as_ref())?;
    answer::update(&server, caller, ResourceKey::ResourceGroup(group), request, wait).await
}

/// Deletes a resource group in which nothing is.
#[utoipa::path(delete, path = "/v1/resource-groups/{id}", tag = "Resource groups", params(("id" = String, Path, description = "The resource group's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_resource_group(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let group = group_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    let request = request::DeleteResourceGroup { group };
    answer::delete(&server, caller, ResourceKey::ResourceGroup(group), request, wait).await
}

/// Moves resources to a resource group, the default one included; all of them or none.
#[utoipa::path(post, path = "/v1/resource-groups/{id}/move", tag = "Resource groups", params(("id" = String, Path, description = "The resource group's id."), CreateHeaders),
    request_body = MoveResources, responses((status = 200, body = ResourceGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn move_resources(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<MoveResources>,
) -> Result<Response, Fault> {
    let group = group_id(&id)?;
    let resources = body.resources.iter().map(|id| {
        let missing = || Fault::not_found("resource", "resource_not_found", id);
        ResourceKey::of_id(id).ok_or_else(missing)
    });
    let resources = resources.collect::<Result<Vec<_>, _>>()?;
    // What moves has generations of its own, of which the group's ETag says nothing.
    server.change(&caller, None, 200, request::MoveToGroup { group, resources }.into()).await?;
    match group == ResourceGroupId::default_of(server.asker.project) {
        true => Ok(shown_default(&server).into_response()),
        false => answer::resource(&server, ResourceKey::ResourceGroup(group), WHAT, MISSING),
    }
}

fn shown_default(server: &Server) -> Json<ResourceGroup> {
    Json(server.read(|durable| server.shapes(durable).resource_group(&default_group(server, durable))))
}

/// The group that a project has from the beginning, in the form of those that somebody made.
fn default_group(server: &Server, durable: &Durable) -> havip_model::ResourceGroup {
    let project = server.asker.project;
    let made_at = durable.state.directory.projects.get(&project).map(|project| project.created_at);
    let at = made_at.unwrap_or_default();
    let meta = Meta {
        name: request::DEFAULT_RESOURCE_GROUP.into(),
        project,
        created_at: at,
        updated_at: at,
        generation: 1,
        ..Meta::default()
    };
    havip_model::ResourceGroup { id: ResourceGroupId::default_of(project), meta }
}

fn group_id(id: &str) -> Result<ResourceGroupId, Fault> {
    parse::path_id(WHAT, MISSING, id)
}

const WHAT: &str = "resource group";
const MISSING: &str = "resource_group_not_found";
