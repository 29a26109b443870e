//! Tags over HTTP.

use super::{
    ask::{Asked, ChangeHeaders, Params, Server},
    list::{limit, wrong_cursor},
};
use crate::service::Fault;
use axum::{Json, extract::Path};
use havip_admission::request::TagResource;
use havip_api::{ChangeTags, Page, Problem, Tag, TagFilter};
use havip_model::{Resource, ResourceKey};

/// Lists tags of the project's resources, in the order of ids and keys.
#[utoipa::path(get, path = "/v1/tags", tag = "Tags", params(TagFilter), responses(
    (status = 200, body = Page<Tag>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_tags(server: Server, Params(filter): Params<TagFilter>) -> Result<Json<Page<Tag>>, Fault> {
    let limit = limit(filter.limit)?;
    let after = filter.after.as_deref().map(|after| after.split_once(' ').ok_or_else(wrong_cursor));
    let after = after.transpose()?;
    let is = |wanted: &Option<String>, have: &str| wanted.as_ref().is_none_or(|wanted| wanted == have);
    let mut found: Vec<Tag> = server.read(|durable| {
        let tags = server.world(durable).resources().flat_map(|resource| tags_of(&resource));
        let passes = |tag: &Tag| {
            is(&filter.resource, &tag.resource)
                && is(&filter.key, &tag.key)
                && is(&filter.value, &tag.value)
                && after.is_none_or(|after| (tag.resource.as_str(), tag.key.as_str()) > after)
        };
        tags.filter(passes).collect()
    });
    found.sort_by(|a, b| (&a.resource, &a.key).cmp(&(&b.resource, &b.key)));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| format!("{} {}", last.resource, last.key));
    Ok(Json(Page { items: found, next }))
}

/// Changes the tags of a resource: first some go, then some come. The answer has all that it has then.
#[utoipa::path(patch, path = "/v1/tags/{id}", tag = "Tags", params(("id" = String, Path, description = "The resource's id."), ChangeHeaders),
    request_body = ChangeTags, responses((status = 200, body = Page<Tag>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn change_tags(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<ChangeTags>,
) -> Result<Json<Page<Tag>>, Fault> {
    let missing = || Fault::not_found("resource", "resource_not_found", &id);
    let key = ResourceKey::of_id(&id).ok_or_else(missing)?;
    let ChangeTags { set, remove, remove_all } = body;
    let request = TagResource { resource: key, set, remove, remove_all };
    server.change(&caller, Some(key), 200, request.into()).await?;
    let items = server.read(|durable| server.world(durable).get(key).map(|resource| tags_of(&resource)));
    Ok(Json(Page { items: items.unwrap_or_default(), next: None }))
}

fn tags_of(resource: &Resource) -> Vec<Tag> {
    let id = resource.key().id();
    let tags = resource.meta().tags.iter();
    tags.map(|(key, value)| Tag { resource: id.clone(), key: key.clone(), value: value.clone() }).collect()
}
