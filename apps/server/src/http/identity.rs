//! Projects, users and access keys over HTTP.
//!
//! An administrator sees all of them; anybody else its own project, itself and its own keys.

use super::{
    ask::{Asked, CreateHeaders, Empty, Params, Server},
    parse,
};
use crate::{
    entropy,
    ledger::Durable,
    service::{Caller, Fault},
};
use axum::{Json, extract::Path, http::StatusCode};
use havip_admission::{identity::IdentityRequest, request::Texts};
use havip_api::{
    AccessKey, AccessKeyFilter, CreateAccessKey, CreateProject, CreateUser, NewAccessKey, Page, Problem,
    Project, RotateAccessKey, Update, UpdateAccessKey, UpdateUser, User,
};
use havip_model::{AccessKeyId, FULL_ACCESS, IdentityKey, ProjectId, Timestamp, UserId};
use serde::Deserialize;

/// Lists projects.
#[utoipa::path(get, path = "/v1/projects", tag = "Identity", responses(
    (status = 200, body = Page<Project>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_projects(
    server: Server,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Json<Page<Project>>, Fault> {
    let items = server.read(|durable| {
        let shapes = server.shapes(durable);
        let projects =
            durable.state.directory.projects.values().filter(|project| may_see(&server, project.id));
        projects.map(|project| shapes.project(project)).collect()
    });
    Ok(Json(Page { items, next: None }))
}

/// Makes a project.
#[utoipa::path(post, path = "/v1/projects", tag = "Identity", params(CreateHeaders), request_body = CreateProject, responses(
    (status = 201, body = Project), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_project(
    server: Server,
    Asked { caller, body }: Asked<CreateProject>,
) -> Result<(StatusCode, Json<Project>), Fault> {
    let request = IdentityRequest::CreateProject { texts: parse::texts(&body.name, &body.description) };
    let made = server.change_identity(&caller, request).await?;
    Ok((StatusCode::CREATED, Json(server.read(|durable| project(&server, durable, &made.id()))?)))
}

/// One project.
#[utoipa::path(get, path = "/v1/projects/{id}", tag = "Identity", params(("id" = String, Path, description = "The project's id.")), responses(
    (status = 200, body = Project), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_project(server: Server, Path(id): Path<String>) -> Result<Json<Project>, Fault> {
    server.read(|durable| project(&server, durable, &id)).map(Json)
}

/// Changes a project's name and description.
#[utoipa::path(patch, path = "/v1/projects/{id}", tag = "Identity", params(("id" = String, Path, description = "The project's id."), CreateHeaders),
    request_body = Update, responses((status = 200, body = Project), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_project(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<Update>,
) -> Result<Json<Project>, Fault> {
    let project_id: ProjectId = parse::path_id("project", "project_not_found", &id)?;
    let texts = parse::new_texts(body.name, body.description);
    server.change_identity(&caller, IdentityRequest::UpdateProject { project: project_id, texts }).await?;
    server.read(|durable| project(&server, durable, &id)).map(Json)
}

/// Deletes a project without users and resources.
#[utoipa::path(delete, path = "/v1/projects/{id}", tag = "Identity", params(("id" = String, Path, description = "The project's id."), CreateHeaders),
    responses((status = 204, description = "It is gone."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_project(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<StatusCode, Fault> {
    let project = parse::path_id("project", "project_not_found", &id)?;
    server.change_identity(&caller, IdentityRequest::DeleteProject { project }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the users of the project that is asked for.
#[utoipa::path(get, path = "/v1/users", tag = "Identity", responses(
    (status = 200, body = Page<User>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_users(
    server: Server,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Json<Page<User>>, Fault> {
    let items = server.read(|durable| {
        let shapes = server.shapes(durable);
        let users = durable.state.directory.users_of(server.asker.project);
        let users = users.filter(|user| server.asker.is_administrator || user.id == server.asker.user);
        users.map(|user| shapes.user(user)).collect()
    });
    Ok(Json(Page { items, next: None }))
}

/// Makes a user of the project that is asked for.
#[utoipa::path(post, path = "/v1/users", tag = "Identity", params(CreateHeaders), request_body = CreateUser, responses(
    (status = 201, body = User), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_user(
    server: Server,
    Asked { caller, body }: Asked<CreateUser>,
) -> Result<(StatusCode, Json<User>), Fault> {
    let texts: Texts = parse::texts(&body.name, &body.description);
    let (project, is_administrator) = (server.asker.project, body.administrator);
    let policies = body.policies.unwrap_or_else(|| vec![FULL_ACCESS.into()]);
    let request = IdentityRequest::CreateUser { project, texts, is_administrator, policies };
    let made = server.change_identity(&caller, request).await?;
    Ok((StatusCode::CREATED, Json(server.read(|durable| user(&server, durable, &made.id()))?)))
}

/// One user.
#[utoipa::path(get, path = "/v1/users/{id}", tag = "Identity", params(("id" = String, Path, description = "The user's id.")), responses(
    (status = 200, body = User), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_user(server: Server, Path(id): Path<String>) -> Result<Json<User>, Fault> {
    server.read(|durable| user(&server, durable, &id)).map(Json)
}

/// Changes a user.
#[utoipa::path(patch, path = "/v1/users/{id}", tag = "Identity", params(("id" = String, Path, description = "The user's id."), CreateHeaders),
    request_body = UpdateUser, responses((status = 200, body = User), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_user(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<UpdateUser>,
) -> Result<Json<User>, Fault> {
    let user_id: UserId = parse::path_id("user", "user_not_found", &id)?;
    let texts = parse::new_texts(body.name, body.description);
    let request = IdentityRequest::UpdateUser { user: user_id, texts, is_administrator: body.administrator };
    server.change_identity(&caller, request).await?;
    server.read(|durable| user(&server, durable, &id)).map(Json)
}

/// Deletes a user with its access keys.
#[utoipa::path(delete, path = "/v1/users/{id}", tag = "Identity", params(("id" = String, Path, description = "The user's id."), CreateHeaders),
    responses((status = 204, description = "It is gone."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_user(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<StatusCode, Fault> {
    let user = parse::path_id("user", "user_not_found", &id)?;
    server.change_identity(&caller, IdentityRequest::DeleteUser { user }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists access keys, without their secrets: an administrator's answer has those of the project that is asked for.
#[utoipa::path(get, path = "/v1/access-keys", tag = "Identity", params(AccessKeyFilter), responses(
    (status = 200, body = Page<AccessKey>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_access_keys(
    server: Server,
    Params(AccessKeyFilter { user }): Params<AccessKeyFilter>,
) -> Result<Json<Page<AccessKey>>, Fault> {
    let user: Option<UserId> = user.map(|id| parse::id("user", &id)).transpose()?;
    let items = server.read(|durable| {
        let shapes = server.shapes(durable);
        let keys = durable.state.directory.keys.values().filter(|key| {
            let owner = durable.state.directory.user_of(key);
            let is_listed = owner.is_some_and(|owner| owner.project == server.asker.project);
            is_listed && may_see_key(&server, key) && (user.is_none() || key.user == user)
        });
        keys.map(|key| shapes.access_key(key)).collect()
    });
    Ok(Json(Page { items, next: None }))
}

/// Makes an access key. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/access-keys", tag = "Identity", params(CreateHeaders), request_body = CreateAccessKey, responses(
    (status = 201, body = NewAccessKey), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_access_key(
    server: Server,
    Asked { caller, body }: Asked<CreateAccessKey>,
) -> Result<(StatusCode, Json<NewAccessKey>), Fault> {
    let user = body.user.map(|id| parse::id("/user", &id)).transpose()?.unwrap_or(server.asker.user);
    if user != server.asker.user && !server.asker.is_administrator {
        return Err(Fault::not_found("user", "user_not_found", &user.to_string()));
    }
    let (id, _, sealed_secret) = server.draw_secret();
    made(&server, &caller, IdentityRequest::CreateKey { user, name: body.name, id, sealed_secret }).await
}

/// One access key, without its secret.
#[utoipa::path(get, path = "/v1/access-keys/{id}", tag = "Identity", params(("id" = String, Path, description = "The access key's id.")), responses(
    (status = 200, body = AccessKey), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_access_key(server: Server, Path(id): Path<String>) -> Result<Json<AccessKey>, Fault> {
    let key = access_key(&server, &id)?;
    server.read(|durable| shown(&server, durable, key)).map(Json)
}

/// Changes an access key: its name, or whether it lets anybody in.
#[utoipa::path(patch, path = "/v1/access-keys/{id}", tag = "Identity", params(("id" = String, Path, description = "The access key's id."), CreateHeaders),
    request_body = UpdateAccessKey, responses((status = 200, body = AccessKey), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_access_key(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<UpdateAccessKey>,
) -> Result<Json<AccessKey>, Fault> {
    let key = access_key(&server, &id)?;
    let request = IdentityRequest::UpdateKey { key, name: body.name, is_disabled: body.disabled };
    server.change_identity(&caller, request).await?;
    server.read(|durable| shown(&server, durable, key)).map(Json)
}

/// Makes a new key in place of one, which stays good for a while.
#[utoipa::path(post, path = "/v1/access-keys/{id}/rotate", tag = "Identity", params(("id" = String, Path, description = "The access key's id."), CreateHeaders),
    request_body = RotateAccessKey, responses((status = 201, body = NewAccessKey), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn rotate_access_key(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<RotateAccessKey>,
) -> Result<(StatusCode, Json<NewAccessKey>), Fault> {
    let key = access_key(&server, &id)?;
    if body.keep_seconds > LONGEST_KEPT {
        let detail = format!("keep_seconds is 0 to {LONGEST_KEPT}, not {}", body.keep_seconds);
        return Err(Fault::invalid("/keep_seconds", "out_of_range", detail));
    }
    let expires_at = Timestamp(entropy::now().0 + body.keep_seconds * 1000);
    let (id, _, sealed_secret) = server.draw_secret();
    made(&server, &caller, IdentityRequest::RotateKey { key, expires_at, id, sealed_secret }).await
}

/// Deletes an access key.
#[utoipa::path(delete, path = "/v1/access-keys/{id}", tag = "Identity", params(("id" = String, Path, description = "The access key's id."), CreateHeaders),
    responses((status = 204, description = "It is gone."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_access_key(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<StatusCode, Fault> {
    let key = access_key(&server, &id)?;
    server.change_identity(&caller, IdentityRequest::DeleteKey { key }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a key, and answers with it and its secret; the same once more if the request is repeated.
async fn made(
    server: &Server,
    caller: &Caller,
    request: IdentityRequest,
) -> Result<(StatusCode, Json<NewAccessKey>), Fault> {
    let IdentityKey::AccessKey(id) = server.change_identity(caller, request).await? else {
        return Err(Fault::key_reused());
    };
    let key = server.read(|durable| durable.state.directory.keys.get(&id).cloned());
    let key = key.ok_or_else(|| Fault::not_found("access key", "access_key_not_found", &id.to_string()))?;
    let access_key_secret = server.fresh_secret(&key)?;
    let access_key = server.read(|durable| server.shapes(durable).access_key(&key));
    Ok((StatusCode::CREATED, Json(NewAccessKey { access_key, access_key_secret })))
}

fn may_see(server: &Server, project: ProjectId) -> bool {
    server.asker.is_administrator || project == server.asker.project
}

fn may_see_key(server: &Server, key: &havip_model::AccessKey) -> bool {
    server.asker.is_administrator || key.user == Some(server.asker.user)
}

fn project(server: &Server, durable: &Durable, id: &str) -> Result<Project, Fault> {
    let key: ProjectId = parse::path_id("project", "project_not_found", id)?;
    let found = durable.state.directory.projects.get(&key).filter(|project| may_see(server, project.id));
    let found = found.ok_or_else(|| Fault::not_found("project", "project_not_found", id))?;
    Ok(server.shapes(durable).project(found))
}

pub(super) fn user(server: &Server, durable: &Durable, id: &str) -> Result<User, Fault> {
    let key: UserId = parse::path_id("user", "user_not_found", id)?;
    let may_see = |user: &&havip_model::User| server.asker.is_administrator || user.id == server.asker.user;
    let found = durable.state.directory.users.get(&key).filter(may_see);
    let found = found.ok_or_else(|| Fault::not_found("user", "user_not_found", id))?;
    Ok(server.shapes(durable).user(found))
}

/// The key of this id, if whoever asks may see it.
fn access_key(server: &Server, id: &str) -> Result<AccessKeyId, Fault> {
    let key: AccessKeyId = parse::path_id("access key", "access_key_not_found", id)?;
    server.read(|durable| shown(server, durable, key)).map(|_| key)
}

fn shown(server: &Server, durable: &Durable, id: AccessKeyId) -> Result<AccessKey, Fault> {
    let found = durable.state.directory.keys.get(&id).filter(|key| may_see_key(server, key));
    let found =
        found.ok_or_else(|| Fault::not_found("access key", "access_key_not_found", &id.to_string()))?;
    Ok(server.shapes(durable).access_key(found))
}

/// A request without parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A month: whoever needs longer does not rotate.
const LONGEST_KEPT: u64 = 30 * 86_400;
