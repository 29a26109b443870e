//! Tags: set, taken, listed, of what has them.

use super::{Action, Does, done};
use crate::{ask::Ask, error, name};
use havip_admission::{Code, Refusal, request::TagResource};
use havip_dialect::{Call, Error, Naming, ParamError, Params, Step, View};
use havip_model::{Id, Map, Meta, Resource, ResourceKey, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "TagResources",
        product: None,
        honoured: &["ResourceType", "ResourceId", "Tag.Key", "Tag.Value"],
        harmless: &[],
        does: Does::Change { plan: set, answer: done, refused },
    },
    // The two products spell it differently.
    Action {
        name: "UnTagResources",
        product: None,
        honoured: &["ResourceType", "ResourceId", "TagKey", "All"],
        harmless: &[],
        does: Does::Change { plan: take, answer: done, refused },
    },
    Action {
        name: "UntagResources",
        product: None,
        honoured: &["ResourceType", "ResourceId", "TagKey", "All"],
        harmless: &[],
        does: Does::Change { plan: take, answer: done, refused },
    },
    Action {
        name: "ListTagResources",
        product: None,
        honoured: &["ResourceType", "ResourceId", "Tag.Key", "Tag.Value", "MaxResults", "NextToken"],
        harmless: &[],
        does: Does::Read(list),
    },
];

/// Tags as VPC's answers have them.
pub fn of_vpc(meta: &Meta) -> Value {
    let tags = meta.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    json!({"Tag": tags.collect::<Vec<_>>()})
}

/// Tags as ECS's answers have them.
pub fn of_ecs(meta: &Meta) -> Value {
    let tags = meta.tags.iter().map(|(key, value)| json!({"TagKey": key, "TagValue": value}));
    json!({"Tag": tags.collect::<Vec<_>>()})
}

/// A kind of resource that may have tags.
struct Kind {
    word: &'static str,
    naming: Naming,
    find: fn(&World, Naming, &str) -> Option<ResourceKey>,
    all: fn(&World) -> Vec<Resource>,
}

macro_rules! kinds {
    ($($word:literal: $naming:ident in $table:ident as $kind:ident;)*) => {
        const KINDS: &[Kind] = &[$(Kind {
            word: $word,
            naming: name::$naming,
            find: |world, naming, id| key_of(naming, &world.$table, id, |one| ResourceKey::$kind(one.id)),
            all: |world| world.$table.values().cloned().map(Resource::$kind).collect(),
        },)*];
    };
}

kinds! {
    "VPC": VPC in vpcs as Vpc;
    "VSWITCH": VSWITCH in subnets as Subnet;
    "HAVIP": HAVIP in vips as Vip;
    "EIP": EIP in eips as Eip;
    "instance": INSTANCE in instances as Instance;
    "eni": INTERFACE in interfaces as Interface;
    "securitygroup": GROUP in groups as SecurityGroup;
}

fn key_of<K: Id, V>(
    naming: Naming,
    all: &Map<K, V>,
    id: &str,
    key: fn(&V) -> ResourceKey,
) -> Option<ResourceKey> {
    naming.find(all, id).map(key)
}

fn kind(ask: &Ask) -> Result<&'static Kind, Error> {
    let word = ask.required("ResourceType")?;
    let unknown =
        || Error::new(400, "InvalidInstanceType.NotFound", format!("There is no ResourceType {word:?}."));
    KINDS.iter().find(|kind| kind.word.eq_ignore_ascii_case(word)).ok_or_else(unknown)
}

/// The resources that are named, each once.
fn named(ask: &Ask, view: &View, kind: &Kind) -> Result<BTreeSet<ResourceKey>, Error> {
    let ids = ask.params.list("ResourceId");
    if ids.len() > MOST_IDS {
        let message = format!("ResourceId may name at most {MOST_IDS}.");
        return Err(Error::new(400, "SizeLimitExceeded.ResourceId", message));
    }
    ids.into_iter()
        .map(|id| {
            (kind.find)(view.world, kind.naming, id)
                .ok_or_else(|| error::not_found("InvalidInstanceIds.NotFound", "ResourceId", id))
        })
        .collect()
}

/// The one resource that is named.
pub fn one(ask: &Ask, view: &View) -> Result<ResourceKey, Error> {
    let (kind, id) = (kind(ask)?, ask.required("ResourceId")?);
    let missing = || error::not_found("ResourceNotFound", "ResourceId", id);
    (kind.find)(view.world, kind.naming, id).ok_or_else(missing)
}

fn named_some(ask: &Ask, view: &View) -> Result<BTreeSet<ResourceKey>, Error> {
    let keys = named(ask, view, kind(ask)?)?;
    match keys.is_empty() {
        true => Err(error::of_parameter(ParamError::Missing("ResourceId.1".into()))),
        false => Ok(keys),
    }
}

/// The tags of `Tag.N`, for what is made or named.
pub fn given(ask: &Ask) -> Result<BTreeMap<String, String>, Error> {
    let tags = ask.params.structs("Tag");
    if tags.len() > AT_A_TIME {
        return Err(too_many(ask));
    }
    let mut given = BTreeMap::new();
    for tag in &tags {
        let (key, value) = pair(tag);
        if given.insert(key.to_string(), value.unwrap_or_default().to_string()).is_some() {
            let message = format!("The tag key {key:?} stands twice in the request.");
            let code = if is_of_ecs(ask) { "Duplicate.TagKey" } else { "Forbidden.TagKey.Duplicated" };
            return Err(Error::new(400, code, message));
        }
    }
    Ok(given)
}

/// What a list is narrowed by: every tag must be there, one without a value with any.
pub struct Wanted(Vec<(String, Option<String>)>);

impl Wanted {
    /// Reads `Tag.N`, or by what name the action has it.
    pub fn read(ask: &Ask, parameter: &str) -> Result<Self, Error> {
        let tags = ask.params.structs(parameter);
        if tags.len() > AT_A_TIME {
            return Err(too_many(ask));
        }
        let pairs = tags.iter().map(|tag| match pair(tag) {
            ("", _) => {
                let code = if is_of_ecs(ask) { "InvalidTagKey.Malformed" } else { "InvalidTagKey" };
                Err(Error::new(400, code, format!("{parameter}.N.Key must not be empty.")))
            }
            (key, value) => Ok((key.to_string(), value.map(Into::into))),
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a resource has them all.
    pub fn hold(&self, meta: &Meta) -> bool {
        self.0.iter().all(|(key, value)| {
            meta.tags.get(key).is_some_and(|have| value.as_ref().is_none_or(|value| value == have))
        })
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What ECS says of tags differs from what VPC says.
fn is_of_ecs(ask: &Ask) -> bool {
    ask.permission().starts_with("ecs:")
}

fn too_many(ask: &Ask) -> Error {
    let code = if is_of_ecs(ask) { "NumberExceed.Tags" } else { "SizeLimitExceeded.TagNum" };
    Error::new(400, code, format!("There may be at most {AT_A_TIME} tags."))
}

fn set(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let keys = named_some(ask, view)?;
    let set = given(ask)?;
    if set.is_empty() {
        return Err(Error::new(400, "MissingParam.Tags", "The parameter Tag is mandatory."));
    }
    let change = |resource| TagResource { resource, remove: vec![], remove_all: false, set: set.clone() };
    Ok(keys.into_iter().map(|key| change(key).into()).collect())
}

fn take(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let keys = named_some(ask, view)?;
    let remove: Vec<String> = ask.params.list("TagKey").into_iter().map(Into::into).collect();
    if remove.len() > AT_A_TIME {
        return Err(too_many(ask));
    }
    // All is heard only where no key is named.
    let remove_all = remove.is_empty() && ask.flag("All")?;
    if remove.is_empty() && !remove_all {
        return Err(Error::new(400, "MissingParam.Tags", "Give TagKey, or All=true."));
    }
    let change =
        |resource| TagResource { resource, remove: remove.clone(), remove_all, set: BTreeMap::new() };
    Ok(keys.into_iter().map(|key| change(key).into()).collect())
}

fn list(ask: &Ask, view: &View) -> Result<Value, Error> {
    let kind = kind(ask)?;
    let keys = named(ask, view, kind)?;
    let wanted = Wanted::read(ask, "Tag")?;
    if keys.is_empty() && wanted.is_empty() {
        let message = "Give ResourceId or Tag; both are empty.";
        return Err(Error::new(400, "BothEmpty.TagsAndResources", message));
    }
    let most = ask.number("MaxResults")?.unwrap_or(USUAL_PAGE).clamp(1, USUAL_PAGE) as usize;
    let after = ask.text("NextToken").unwrap_or_default();
    let mut rows: Vec<(String, String, String)> = vec![];
    for resource in (kind.all)(view.world) {
        if (keys.is_empty() || keys.contains(&resource.key())) && wanted.hold(resource.meta()) {
            let id = format!("{}{}", kind.naming.prefix(), body(&resource.key().id()));
            let tags = &resource.meta().tags;
            rows.extend(tags.iter().map(|(key, value)| (id.clone(), key.clone(), value.clone())));
        }
    }
    rows.sort();
    rows.retain(|(id, key, _)| format!("{id} {key}").as_str() > after);
    let next = (rows.len() > most).then(|| rows.get(most - 1)).flatten();
    let next = next.map(|(id, key, _)| format!("{id} {key}")).unwrap_or_default();
    rows.truncate(most);
    let shown = |(id, key, value): &(String, String, String)| json!({"ResourceId": id, "ResourceType": kind.word, "TagKey": key, "TagValue": value});
    let rows: Vec<Value> = rows.iter().map(shown).collect();
    Ok(json!({"TagResources": {"TagResource": rows}, "NextToken": next}))
}

fn pair(tag: &Params) -> (&str, Option<&str>) {
    (tag.sent("Key").unwrap_or_default(), tag.sent("Value"))
}

fn body(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(_, body)| body)
}

fn refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    (refusal.code == Code::ResourceNotFound).then_some((404, "InvalidInstanceIds.NotFound"))
}

/// What the rules say of tags, whatever is tagged.
pub fn usual(ask: &Ask, code: Code) -> Option<(u16, &'static str)> {
    let words = match code {
        Code::InvalidTagKey => ("InvalidTagKey.Malformed", "InvalidTagKey"),
        Code::InvalidTagValue => ("InvalidTagValue.Malformed", "InvalidTagValue"),
        Code::TooManyTags => ("NumberExceed.Tags", "SizeLimitExceeded.TagNum"),
        Code::TooManyTagsOfResource => ("NumberExceed.Tags", "QuotaExceeded.TagNum"),
        _ => return None,
    };
    Some((400, if is_of_ecs(ask) { words.0 } else { words.1 }))
}

/// Resources of one request, and tags.
const MOST_IDS: usize = 50;
const AT_A_TIME: usize = 20;
const USUAL_PAGE: u32 = 50;
