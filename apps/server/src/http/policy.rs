//! Policies over HTTP.

use super::{
    ask::{Asked, CreateHeaders, Empty, Params, Server},
    identity::{Nothing, user},
    parse,
};
use crate::{
    ledger::Durable,
    service::{Fault, Held, Principal, Rights},
};
use axum::{Json, extract::Path, http::StatusCode};
use havip_admission::identity::{BUILT_IN, IdentityRequest};
use havip_api::{
    AttachPolicy, CreatePolicy, Page, Policy, PolicyVerdict, Problem, TestPolicy, UpdatePolicy, User,
};
use havip_model::{PolicyId, ResourceKey, UserId};
use havip_policy::{Document, Needed, Verdict, all_of, evaluate, group_of, resource_of};
use std::sync::Arc;

/// Lists the policies of the project that is asked for.
#[utoipa::path(get, path = "/v1/policies", tag = "Identity", responses(
    (status = 200, body = Page<Policy>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_policies(
    server: Server,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Json<Page<Policy>>, Fault> {
    let project = server.asker.project;
    let items = server.read(|durable| {
        let shapes = server.shapes(durable);
        let own = durable.state.directory.policies.values().filter(|policy| policy.project == project);
        let built_in = BUILT_IN.iter().map(|name| shapes.built_in_policy(project, name));
        built_in.chain(own.map(|policy| shapes.policy(policy))).collect()
    });
    Ok(Json(Page { items, next: None }))
}

/// Makes a policy.
#[utoipa::path(post, path = "/v1/policies", tag = "Identity", params(CreateHeaders), request_body = CreatePolicy, responses(
    (status = 201, body = Policy), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_policy(
    server: Server,
    Asked { caller, body }: Asked<CreatePolicy>,
) -> Result<(StatusCode, Json<Policy>), Fault> {
    understood("/document", &body.document)?;
    let texts = parse::texts(&body.name, &body.description);
    let (project, document) = (server.asker.project, body.document);
    let made =
        server.change_identity(&caller, IdentityRequest::CreatePolicy { project, texts, document }).await?;
    Ok((StatusCode::CREATED, Json(server.read(|durable| policy(&server, durable, &made.id()))?)))
}

/// One policy.
#[utoipa::path(get, path = "/v1/policies/{id}", tag = "Identity", params(("id" = String, Path, description = "The policy's id.")), responses(
    (status = 200, body = Policy), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_policy(server: Server, Path(id): Path<String>) -> Result<Json<Policy>, Fault> {
    server.read(|durable| policy(&server, durable, &id)).map(Json)
}

/// Changes a policy; it holds for the next request of its users.
#[utoipa::path(patch, path = "/v1/policies/{id}", tag = "Identity", params(("id" = String, Path, description = "The policy's id."), CreateHeaders),
    request_body = UpdatePolicy, responses((status = 200, body = Policy), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_policy(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<UpdatePolicy>,
) -> Result<Json<Policy>, Fault> {
    let policy_id: PolicyId = parse::path_id("policy", "policy_not_found", &id)?;
    body.document.iter().try_for_each(|document| understood("/document", document).map(|_| ()))?;
    let UpdatePolicy { description, document } = body;
    server
        .change_identity(&caller, IdentityRequest::UpdatePolicy { policy: policy_id, description, document })
        .await?;
    server.read(|durable| policy(&server, durable, &id)).map(Json)
}

/// Deletes a policy that no user has.
#[utoipa::path(delete, path = "/v1/policies/{id}", tag = "Identity", params(("id" = String, Path, description = "The policy's id."), CreateHeaders),
    responses((status = 204, description = "It is gone."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_policy(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<StatusCode, Fault> {
    let policy = parse::path_id("policy", "policy_not_found", &id)?;
    server.change_identity(&caller, IdentityRequest::DeletePolicy { policy }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a user a policy.
#[utoipa::path(post, path = "/v1/users/{id}/policies", tag = "Identity", params(("id" = String, Path, description = "The user's id."), CreateHeaders),
    request_body = AttachPolicy, responses((status = 200, body = User), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn attach_policy(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<AttachPolicy>,
) -> Result<Json<User>, Fault> {
    let user_id: UserId = parse::path_id("user", "user_not_found", &id)?;
    server
        .change_identity(&caller, IdentityRequest::AttachPolicy { user: user_id, policy: body.policy })
        .await?;
    server.read(|durable| user(&server, durable, &id)).map(Json)
}

/// Takes a policy from a user.
#[utoipa::path(delete, path = "/v1/users/{id}/policies/{policy}", tag = "Identity",
    params(("id" = String, Path, description = "The user's id."), ("policy" = String, Path, description = "The policy's name."), CreateHeaders),
    responses((status = 200, body = User), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn detach_policy(
    server: Server,
    Path((id, policy)): Path<(String, String)>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Json<User>, Fault> {
    let user_id: UserId = parse::path_id("user", "user_not_found", &id)?;
    server.change_identity(&caller, IdentityRequest::DetachPolicy { user: user_id, policy }).await?;
    server.read(|durable| user(&server, durable, &id)).map(Json)
}

/// Says what policies decide of an action, and by which statement; nothing happens.
#[utoipa::path(post, path = "/v1/policies/test", tag = "Identity", request_body = TestPolicy, responses(
    (status = 200, body = PolicyVerdict), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn test_policy(
    server: Server,
    Asked { caller, body }: Asked<TestPolicy>,
) -> Result<Json<PolicyVerdict>, Fault> {
    let TestPolicy { action, resource, resource_group, user, document, source, dialect } = body;
    let rights: Rights = caller.rights.ok_or_else(|| Fault::forbidden("nobody asks"))?;
    let mut context = rights.context;
    if let Some(source) = source {
        context.source = Some(parse::address("/source", &source)?);
    }
    if let Some(dialect) = dialect {
        let known = DIALECTS.into_iter().find(|known| *known == dialect);
        let detail = || format!("dialect is one of {}, not {dialect:?}", DIALECTS.join(", "));
        context.dialect = known.ok_or_else(|| Fault::invalid("/dialect", "invalid_dialect", detail()))?;
    }
    let who = match user {
        None => (*rights.principal).clone(),
        Some(called) => server.principal_called(&rights.principal, &called)?,
    };
    let mut group = resource_group.map(|id| parse::id("/resource_group", &id)).transpose()?;
    let resource = match resource {
        None => all_of(&action, server.region(), who.project),
        Some(text) if text == "*" || text.starts_with("acs:") => text,
        Some(id) => {
            let key = ResourceKey::of_id(&id);
            let wrong = || Fault::invalid("/resource", "invalid_id", format!("{id:?} is no id and no acs:…"));
            let key = key.ok_or_else(wrong)?;
            let of_it = || server.read(|durable| group_of(durable.state.seen_by(who.project), key));
            group = group.or_else(of_it);
            resource_of(&action, Some(key), server.region(), who.project)
        }
    };
    let asked = Needed { action: action.clone().into(), resource: resource.clone(), group };
    let held = match document {
        Some(text) => {
            let document = Some(Arc::new(understood("/document", &text)?));
            Principal {
                is_administrator: false,
                policies: vec![Held { name: "of the request".into(), document }],
                ..who
            }
        }
        None => who,
    };
    if held.is_administrator {
        let reason = format!("user {} is an administrator and may do everything", held.name);
        return Ok(Json(PolicyVerdict {
            allowed: true,
            action,
            resource,
            policy: None,
            statement: None,
            reason,
        }));
    }
    let verdict = held.documents().map(|documents| evaluate(documents, &asked, &context));
    let (policy, statement) = match verdict {
        Some(Verdict::Allowed(at) | Verdict::Denied(at)) => {
            let name = held.policies.get(at.policy).map(|held| held.name.clone());
            (name, u32::try_from(at.statement + 1).ok())
        }
        Some(Verdict::NotAllowed) | None => (None, None),
    };
    let (allowed, reason) = match held.check(&asked, &context) {
        Ok(()) => {
            let named = policy.clone().unwrap_or_default();
            (true, format!("statement {} of policy {named} allows it", statement.unwrap_or_default()))
        }
        Err(why) => (false, why),
    };
    Ok(Json(PolicyVerdict { allowed, action, resource, policy, statement, reason }))
}

fn understood(field: &str, document: &str) -> Result<Document, Fault> {
    Document::read(document).map_err(|error| Fault::invalid(field, "invalid_policy", error.to_string()))
}

fn policy(server: &Server, durable: &Durable, id: &str) -> Result<Policy, Fault> {
    let key: PolicyId = parse::path_id("policy", "policy_not_found", id)?;
    let found = durable.state.directory.policies.get(&key);
    let found = found.ok_or_else(|| Fault::not_found("policy", "policy_not_found", id))?;
    Ok(server.shapes(durable).policy(found))
}

const DIALECTS: [&str; 5] = ["native", "aliyun", "tencent", "ucloud", "ucloudstack"];
