//! Deployment sets over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, CreateHeaders, Empty, Params, Server},
    list::{Narrow, page},
    machine::instance_id,
    parse,
};
use crate::service::Fault;
use axum::{Json, extract::Path, response::Response};
use havip_admission::request;
use havip_api::{
    CreateDeploymentSet, DeploymentSet, DeploymentSetFilter, Instance, JoinDeploymentSet, Page, Problem,
    Update, WithWait,
};
use havip_model::{DeploymentSetId, ResourceKey};

/// Lists deployment sets.
#[utoipa::path(get, path = "/v1/deployment-sets", tag = "Deployment sets", params(DeploymentSetFilter), responses(
    (status = 200, body = Page<DeploymentSet>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_deployment_sets(
    server: Server,
    Params(filter): Params<DeploymentSetFilter>,
) -> Result<Json<Page<DeploymentSet>>, Fault> {
    let DeploymentSetFilter { name, tag, resource_group, q, after, limit } = &filter;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(&server, narrow, |_, _: &havip_model::DeploymentSet| true, |shapes, one| shapes.deployment_set(one))
}

/// Makes a deployment set.
#[utoipa::path(post, path = "/v1/deployment-sets", tag = "Deployment sets", params(WithWait, CreateHeaders), request_body = CreateDeploymentSet, responses(
    (status = 201, body = DeploymentSet), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_deployment_set(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateDeploymentSet>,
) -> Result<Response, Fault> {
    let texts = parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?;
    let request = request::CreateDeploymentSet { texts };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One deployment set.
#[utoipa::path(get, path = "/v1/deployment-sets/{id}", tag = "Deployment sets", params(("id" = String, Path, description = "The deployment set's id.")), responses(
    (status = 200, body = DeploymentSet), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_deployment_set(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::DeploymentSet(set_id(&id)?), WHAT, MISSING)
}

/// Changes a deployment set's name and description.
#[utoipa::path(patch, path = "/v1/deployment-sets/{id}", tag = "Deployment sets", params(("id" = String, Path, description = "The deployment set's id."), WithWait, ChangeHeaders),
    request_body = Update, responses((status = 200, body = DeploymentSet), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_deployment_set(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Update>,
) -> Result<Response, Fault> {
    let set = set_id(&id)?;
    let request = request::UpdateDeploymentSet { set, texts: parse::new_texts(body.name, body.description) };
    let wait = parse::wait(params.wait.as_ref())?;
    answer::update(&server, caller, ResourceKey::DeploymentSet(set), request, wait).await
}

/// Deletes a deployment set without instances.
#[utoipa::path(delete, path = "/v1/deployment-sets/{id}", tag = "Deployment sets", params(("id" = String, Path, description = "The deployment set's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_deployment_set(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let set = set_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    let request = request::DeleteDeploymentSet { set };
    answer::delete(&server, caller, ResourceKey::DeploymentSet(set), request, wait).await
}

/// Puts an instance into a deployment set, from another one too. It stays where it is, so no other one of the set may be
/// there.
#[utoipa::path(put, path = "/v1/instances/{id}/deployment-set", tag = "Deployment sets", params(("id" = String, Path, description = "The instance's id."), WithWait, ChangeHeaders),
    request_body = JoinDeploymentSet, responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn join_deployment_set(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<JoinDeploymentSet>,
) -> Result<Response, Fault> {
    let instance = instance_id(&id)?;
    let set = parse::id("/deployment_set", &body.deployment_set)?;
    let request = request::JoinDeploymentSet { instance, set };
    let wait = parse::wait(params.wait.as_ref())?;
    answer::update(&server, caller, ResourceKey::Instance(instance), request, wait).await
}

/// Takes an instance out of its deployment set.
#[utoipa::path(delete, path = "/v1/instances/{id}/deployment-set", tag = "Deployment sets", params(("id" = String, Path, description = "The instance's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is of none."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn leave_deployment_set(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let instance = instance_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    let request = request::LeaveDeploymentSet { instance };
    answer::take_away(&server, caller, ResourceKey::Instance(instance), request, wait).await
}

fn set_id(id: &str) -> Result<DeploymentSetId, Fault> {
    parse::path_id(WHAT, MISSING, id)
}

const WHAT: &str = "deployment set";
const MISSING: &str = "deployment_set_not_found";
