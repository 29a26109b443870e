//! Lists: filtered, in the order of ids, page by page.

use super::ask::Server;
use crate::{ledger::Durable, service::Fault, shape::Shapes};
use axum::Json;
use havip_api::Page;
use havip_model::{
    DeploymentSet, DeploymentSetId, Eip, EipId, EipPool, EipPoolId, Host, HostNumber, Instance, InstanceId,
    Interface, InterfaceId, Map, Meta, Resource, ResourceGroupId, Route, RouteId, SecurityGroup,
    SecurityGroupId, Subnet, SubnetId, Vip, VipId, Vpc, VpcId, World,
};
use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// What every list may be narrowed by.
pub struct Narrow<'a> {
    /// With exactly this name.
    pub name: &'a Option<String>,
    /// With this tag, `KEY=VALUE` or `KEY`.
    pub tag: &'a Option<String>,
    /// In the resource group with this id.
    pub resource_group: &'a Option<String>,
    /// Whose name or description has these letters in order, or whose words contain them.
    pub q: &'a Option<String>,
    /// Behind this one.
    pub after: &'a Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// A kind of resource that is listed.
pub trait Listed: Sized {
    /// What it is ordered by.
    type Key: Ord + Clone + Display + FromStr;
    /// All of them.
    fn all(world: &World) -> &Map<Self::Key, Self>;
    /// One of any kind, if it is of this one.
    fn of(resource: &Resource) -> Option<&Self>;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// What all resources have.
    fn meta(&self) -> &Meta;
    /// Where `q` looks for its whole text: random ids hold any few letters in order.
    fn words(&self) -> String;
}

macro_rules! listed {
    ($($kind:ident($key:ident) in $map:ident by $id:ident: |$one:ident| $words:expr;)*) => {$(
        impl Listed for $kind {
            type Key = $key;
            fn all(world: &World) -> &Map<$key, Self> { &world.$map }
            fn of(resource: &Resource) -> Option<&Self> {
                match resource {
                    Resource::$kind(one) => Some(one),
                    _ => None,
                }
            }
            fn key(&self) -> $key { self.$id }
            fn meta(&self) -> &Meta { &self.meta }
            fn words(&self) -> String {
                let $one = self;
                $words
            }
        }
    )*};
}

listed! {
    Vpc(VpcId) in vpcs by id: |one| {
        let cidr6 = one.cidr6.map(|cidr| format!(" {cidr}")).unwrap_or_default();
        format!("{} {}{cidr6}", one.id, one.cidr)
    };
    Subnet(SubnetId) in subnets by id: |one| {
        let both = one.cidr6.zip(one.gateway6).map(|(cidr, gateway)| format!(" {cidr} {gateway}"));
        format!("{} {} {}{}", one.id, one.cidr, one.gateway, both.unwrap_or_default())
    };
    Route(RouteId) in routes by id: |one| format!("{} {}", one.id, one.destination);
    SecurityGroup(SecurityGroupId) in groups by id: |one| one.id.to_string();
    Interface(InterfaceId) in interfaces by id: |one| {
        let addresses: Vec<String> = one.addresses().map(|address| address.to_string()).collect();
        format!("{} {} {}", one.id, one.mac, addresses.join(" "))
    };
    DeploymentSet(DeploymentSetId) in deployment_sets by id: |one| one.id.to_string();
    Instance(InstanceId) in instances by id: |one| one.id.to_string();
    Vip(VipId) in vips by id: |one| format!("{} {}", one.id, one.address());
    EipPool(EipPoolId) in pools by id: |one| format!("{} {}", one.id, one.ranges());
    Eip(EipId) in eips by id: |one| format!("{} {}", one.id, one.address);
    Host(HostNumber) in hosts by number: |one| format!("{} {}", one.id, one.underlay);
}

/// One page of a list, those included that are being withdrawn.
pub fn page<T: Listed, S>(
    service: &Server,
    narrow: Narrow,
    keep: impl Fn(&Durable, &T) -> bool,
    show: impl Fn(&Shapes, &T) -> S,
) -> Result<Json<Page<S>>, Fault> {
    let after: Option<T::Key> = cursor(narrow.after)?;
    let limit = limit(narrow.limit)?;
    let group: Option<ResourceGroupId> =
        narrow.resource_group.as_ref().map(|id| super::parse::id("resource_group", id)).transpose()?;
    service.read(|durable| {
        let passes = |value: &T| {
            let meta = value.meta();
            is_called(meta, narrow.name, narrow.q, || value.words())
                && narrow.tag.as_ref().is_none_or(|tag| is_tagged(&meta.tags, tag))
                && group.is_none_or(|group| meta.group() == group)
                && keep(durable, value)
        };
        let all = T::all(service.world(durable));
        let mut rows: Vec<(T::Key, &T)> = match &after {
            None => take(all.iter(), &passes, limit + 1),
            Some(after) => take(all.after(after), &passes, limit + 1),
        };
        let withdrawing = durable.state.withdrawing.values();
        let withdrawing = withdrawing.filter(|resource| resource.is_seen_by(service.asker.project));
        let withdrawing = withdrawing.filter_map(|resource| T::of(resource));
        let withdrawing = withdrawing.map(|one| (one.key(), one));
        let behind = |key: &T::Key| after.as_ref().is_none_or(|after| key > after);
        rows.extend(withdrawing.filter(|(key, value)| behind(key) && passes(value)));
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| key.to_string());
        let shapes = service.shapes(durable);
        Ok(Json(Page { items: rows.iter().map(|(_, value)| show(&shapes, value)).collect(), next }))
    })
}

/// Whether something passes by its name, and by its texts and further words.
pub fn is_called(meta: &Meta, name: &Option<String>, q: &Option<String>, words: impl Fn() -> String) -> bool {
    name.as_ref().is_none_or(|name| meta.name == *name)
        && q.as_ref().is_none_or(|q| {
            holds(&meta.name, q) || holds(&meta.description, q) || words().contains(&q.to_lowercase())
        })
}

/// Behind which one a page begins.
pub fn cursor<K: FromStr>(after: &Option<String>) -> Result<Option<K>, Fault> {
    after.as_ref().map(|after| after.parse().map_err(|_| wrong_cursor())).transpose()
}

/// What no page has given as its `next`.
pub fn wrong_cursor() -> Fault {
    Fault::invalid("after", "invalid_cursor", "after takes what the page before gave as next")
}

/// How many rows a page may have.
pub fn limit(limit: Option<u32>) -> Result<usize, Fault> {
    match limit.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit as usize),
        other => Err(Fault::invalid("limit", "invalid_limit", format!("limit is 1 to {MOST}, not {other}"))),
    }
}

fn take<'a, K: Clone + 'a, V: 'a>(
    all: impl Iterator<Item = (&'a K, &'a V)>,
    passes: &impl Fn(&V) -> bool,
    most: usize,
) -> Vec<(K, &'a V)> {
    all.filter(|(_, value)| passes(value)).take(most).map(|(key, value)| (key.clone(), value)).collect()
}

/// Whether one of the tags is `KEY=VALUE`, or its key all of it; a key may hold `=`, too.
fn is_tagged(tags: &BTreeMap<String, String>, wanted: &str) -> bool {
    tags.iter().any(|(key, value)| {
        let rest = wanted.strip_prefix(key.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('=') == Some(value))
    })
}

/// Whether a text holds the letters of another one in order, whatever their case.
fn holds(text: &str, letters: &str) -> bool {
    let mut text = text.chars().flat_map(char::to_lowercase);
    letters.chars().flat_map(char::to_lowercase).all(|letter| text.any(|one| one == letter))
}

const USUAL: u32 = 50;
const MOST: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_by_its_key_or_with_its_value_whatever_they_hold() {
        let tags = [("team", "shop"), ("tier", ""), ("a=b", "c=d")];
        let tags = tags.map(|(key, value)| (key.to_string(), value.to_string())).into();
        for wanted in ["team", "team=shop", "tier", "tier=", "a=b", "a=b=c=d"] {
            assert!(is_tagged(&tags, wanted), "{wanted}");
        }
        for wanted in ["", "tea", "team=", "team=sho", "teams", "tier=shop", "a", "a=c=d"] {
            assert!(!is_tagged(&tags, wanted), "{wanted}");
        }
    }

    #[test]
    fn letters_are_found_in_order_whatever_stands_between() {
        assert!(holds("Web-Frontend", "wfe"));
        assert!(holds("Ärger", "är"));
        assert!(!holds("abc", "cb"));
        assert!(holds("anything", ""));
    }
}
