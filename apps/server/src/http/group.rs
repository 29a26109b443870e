//! Security groups over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, CreateHeaders, Empty, Params, Server},
    list::{Narrow, page},
    parse, rule,
};
use crate::service::Fault;
use axum::{Json, extract::Path, response::Response};
use havip_admission::request;
use havip_api::{
    CreateSecurityGroup, Page, Problem, Rules, SecurityGroup, SecurityGroupFilter, Update, WithWait,
};
use havip_model::{ResourceKey, RuleNumber, SecurityGroupId, VpcId};

/// Lists security groups.
#[utoipa::path(get, path = "/v1/security-groups", tag = "Security groups", params(SecurityGroupFilter), responses(
    (status = 200, body = Page<SecurityGroup>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_security_groups(
    server: Server,
    Params(filter): Params<SecurityGroupFilter>,
) -> Result<Json<Page<SecurityGroup>>, Fault> {
    let SecurityGroupFilter { vpc, name, tag, resource_group, q, after, limit } = &filter;
    let vpc: Option<VpcId> = vpc.as_ref().map(|id| parse::id("vpc", id)).transpose()?;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(
        &server,
        narrow,
        |_, one: &havip_model::SecurityGroup| vpc.is_none() || one.vpc == vpc,
        |shapes, one| shapes.security_group(one),
    )
}

/// Makes a security group.
#[utoipa::path(post, path = "/v1/security-groups", tag = "Security groups", params(WithWait, CreateHeaders), request_body = CreateSecurityGroup, responses(
    (status = 201, body = SecurityGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_security_group(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateSecurityGroup>,
) -> Result<Response, Fault> {
    let request = request::CreateSecurityGroup {
        vpc: body.vpc.as_ref().map(|id| parse::id("/vpc", id)).transpose()?,
        texts: parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?,
        rules: rule::rules("/rules", body.rules)?,
        members_reach_each_other: false,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One security group.
#[utoipa::path(get, path = "/v1/security-groups/{id}", tag = "Security groups", params(("id" = String, Path, description = "The security group's id.")), responses(
    (status = 200, body = SecurityGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_security_group(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    let key = ResourceKey::SecurityGroup(group_id(&id)?);
    answer::resource(&server, key, "security group", "security_group_not_found")
}

/// Changes a security group's name and description.
#[utoipa::path(patch, path = "/v1/security-groups/{id}", tag = "Security groups", params(("id" = String, Path, description = "The security group's id."), WithWait, ChangeHeaders),
    request_body = Update, responses((status = 200, body = SecurityGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_security_group(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Update>,
) -> Result<Response, Fault> {
    let group = group_id(&id)?;
    let texts = parse::new_texts(body.name, body.description);
    let request = request::UpdateSecurityGroup { group, texts };
    changed(&server, caller, group, request, params).await
}

/// Deletes a security group that guards nothing.
#[utoipa::path(delete, path = "/v1/security-groups/{id}", tag = "Security groups", params(("id" = String, Path, description = "The security group's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_security_group(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let group = group_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    let request = request::DeleteSecurityGroup { group };
    answer::delete(&server, caller, ResourceKey::SecurityGroup(group), request, wait).await
}

/// Gives a security group further rules.
#[utoipa::path(post, path = "/v1/security-groups/{id}/rules", tag = "Security groups", params(("id" = String, Path, description = "The security group's id."), WithWait, ChangeHeaders),
    request_body = Rules, responses((status = 200, body = SecurityGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn add_rules(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Rules>,
) -> Result<Response, Fault> {
    let group = group_id(&id)?;
    let request = request::AddRules { group, rules: rule::rules("/rules", body.rules)? };
    changed(&server, caller, group, request, params).await
}

/// Gives a security group other rules at once; those that it has already keep their numbers.
#[utoipa::path(put, path = "/v1/security-groups/{id}/rules", tag = "Security groups", params(("id" = String, Path, description = "The security group's id."), WithWait, ChangeHeaders),
    request_body = Rules, responses((status = 200, body = SecurityGroup), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn replace_rules(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Rules>,
) -> Result<Response, Fault> {
    let group = group_id(&id)?;
    let request = request::ReplaceRules { group, rules: rule::rules("/rules", body.rules)? };
    changed(&server, caller, group, request, params).await
}

/// Takes a rule from a security group.
#[utoipa::path(delete, path = "/v1/security-groups/{id}/rules/{rule}", tag = "Security groups", params(("id" = String, Path, description = "The security group's id."), ("rule" = String, Path, description = "The rule's number."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn remove_rule(
    server: Server,
    Path((id, number)): Path<(String, String)>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let group = group_id(&id)?;
    let number: RuleNumber = parse::path_id("rule", "rule_not_found", &number)?;
    let wait = parse::wait(params.wait.as_ref())?;
    let request = request::RemoveRules { group, rules: vec![number] };
    answer::take_away(&server, caller, ResourceKey::SecurityGroup(group), request, wait).await
}

async fn changed(
    server: &Server,
    caller: crate::service::Caller,
    group: SecurityGroupId,
    request: impl Into<havip_admission::Request>,
    params: WithWait,
) -> Result<Response, Fault> {
    let wait = parse::wait(params.wait.as_ref())?;
    answer::update(server, caller, ResourceKey::SecurityGroup(group), request, wait).await
}

fn group_id(id: &str) -> Result<SecurityGroupId, Fault> {
    parse::path_id("security group", "security_group_not_found", id)
}
