//! Tags: what they may say, how many there may be, and that no host hears of them.

use super::refusals::Row;
use crate::{
    Code,
    request::{CreateVip, RunInstance, TagResource, Texts},
    tests::scene::*,
};
use havip_model::{ResourceKey, SubnetId, World};
use std::collections::BTreeMap;

fn set(resource: ResourceKey, tags: &[(&str, &str)]) -> TagResource {
    TagResource { resource, remove: vec![], remove_all: false, set: pairs(tags) }
}

fn take(resource: ResourceKey, keys: &[&str], remove_all: bool) -> TagResource {
    let remove = keys.iter().map(|key| (*key).to_string()).collect();
    TagResource { resource, remove, remove_all, set: BTreeMap::new() }
}

fn pairs(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect()
}

fn tagged(subnet: SubnetId, tags: &[(&str, &str)]) -> CreateVip {
    CreateVip { texts: Texts::default().tagged(pairs(tags)), ..CreateVip::of(subnet) }
}

fn tags(world: &World, key: ResourceKey) -> Vec<(String, String)> {
    world.get(key).unwrap().meta().tags.clone().into_iter().collect()
}

#[test]
fn tags_come_are_overwritten_and_go_and_the_generation_stays() {
    let mut scene = Scene::new();
    let vpc = ResourceKey::Vpc(scene.vpc);
    let generation = scene.world.get(vpc).unwrap().meta().generation;
    scene.admit(set(vpc, &[("team", "shop"), ("tier", "")]));
    scene.admit(set(vpc, &[("tier", "web")]));
    let pair = |key: &str, value: &str| (key.to_string(), value.to_string());
    assert_eq!(tags(&scene.world, vpc), [pair("team", "shop"), pair("tier", "web")]);
    scene.admit(take(vpc, &["team", "unknown"], false));
    assert_eq!(tags(&scene.world, vpc), [pair("tier", "web")]);
    scene.admit(TagResource { remove_all: true, ..set(vpc, &[("only", "this")]) });
    assert_eq!(tags(&scene.world, vpc), [pair("only", "this")]);
    assert_eq!(scene.world.get(vpc).unwrap().meta().generation, generation);
}

pub fn rows() -> Vec<Row> {
    let scene = Scene::new();
    let vpc = ResourceKey::Vpc(scene.vpc);
    let names: Vec<String> = (0..21).map(|number| format!("tag-{number}")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let mut full = scene.clone();
    full.admit(set(vpc, &all[..20]));
    let host = ResourceKey::Host(havip_model::HostNumber::MIN);
    let made = |tags: &[(&str, &str)]| tagged(scene.subnet, tags);
    let mut few = scene.clone();
    few.facts.quotas.tags_per_resource = Some(2);
    vec![
        Row(scene.refuse(set(vpc, &[("aliyun", "")])), Code::InvalidTagKey, "/set", "do not begin with"),
        Row(scene.refuse(set(vpc, &[("k", "acs:")])), Code::InvalidTagValue, "/set", "do not begin with"),
        Row(scene.refuse(set(vpc, &all)), Code::TooManyTags, "/set", "ask in several"),
        Row(full.refuse(set(vpc, &all[20..])), Code::TooManyTagsOfResource, "/set", "tags_per_resource"),
        Row(scene.refuse(set(host, &[("k", "v")])), Code::ResourceNotFound, "/resource", "list them"),
        Row(scene.refuse(made(&[("aliyun", "")])), Code::InvalidTagKey, "/tags", "do not begin with"),
        Row(scene.refuse(made(&[("k", "acs:")])), Code::InvalidTagValue, "/tags", "do not begin with"),
        Row(scene.refuse(made(&all)), Code::TooManyTags, "/tags", "ask in several"),
        Row(few.refuse(made(&all[..3])), Code::TooManyTagsOfResource, "/tags", "tags_per_resource"),
    ]
}

#[test]
fn tags_are_refused_as_the_vendors_guide_says() {
    let scene = Scene::new();
    let vpc = ResourceKey::Vpc(scene.vpc);
    let (long, longest) = ("k".repeat(129), "ä".repeat(128));
    for key in ["", "aliyun-team", "aliyun", "acs:team", "see http://here", "https://here", "a\nb", &long] {
        assert_eq!(scene.refuse(set(vpc, &[(key, "v")])).code, Code::InvalidTagKey, "{key:?}");
    }
    for value in ["aliyun", "acs:x", "http://", "on https://", &long] {
        assert_eq!(scene.refuse(set(vpc, &[("k", value)])).code, Code::InvalidTagValue, "{value:?}");
    }
    // Elsewhere than at the beginning the prefixes are words like others.
    scene.clone().admit(set(vpc, &[(&longest, &longest), ("my-aliyun", "see acs:"), ("http:/", "")]));
    assert_eq!(scene.refuse(set(vpc, &[])).code, Code::NothingToDo);
    let host = ResourceKey::Host(havip_model::HostNumber::MIN);
    assert_eq!(scene.refuse(set(host, &[("k", "v")])).code, Code::ResourceNotFound);
}

#[test]
fn twenty_tags_at_a_time_and_as_many_of_a_resource_as_the_quota_says() {
    let mut scene = Scene::new();
    let vpc = ResourceKey::Vpc(scene.vpc);
    let names: Vec<String> = (0..21).map(|number| format!("tag-{number}")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(scene.refuse(set(vpc, &all)).code, Code::TooManyTags);
    scene.admit(set(vpc, &all[..20]));
    // What is there already may be written anew.
    scene.admit(set(vpc, &[("tag-3", "new")]));
    assert_eq!(scene.refuse(set(vpc, &all[20..])).code, Code::TooManyTagsOfResource);
    scene.facts.quotas.tags_per_resource = Some(21);
    scene.admit(set(vpc, &all[20..]));
    // Whoever has more than the limit may still take some away.
    scene.facts.quotas.tags_per_resource = Some(1);
    scene.admit(take(vpc, &["tag-1"], false));
    assert_eq!(tags(&scene.world, vpc).len(), 20);
}

#[test]
fn what_is_made_with_tags_has_them_and_a_machine_s_interface_has_the_machine_s() {
    let mut scene = Scene::new();
    let vip = scene.make_vip(tagged(scene.subnet, &[("team", "shop"), ("tier", "")]));
    assert_eq!(scene.vip(vip).meta.tags, pairs(&[("team", "shop"), ("tier", "")]));
    let texts = Texts { name: "web".into(), ..Texts::default() }.tagged(pairs(&[("team", "shop")]));
    let instance = scene.make_instance(RunInstance { texts, ..RunInstance::of(scene.subnet) });
    let interface = scene.interface(scene.primary(instance));
    assert_eq!((&interface.meta.tags, interface.meta.name.as_str()), (&pairs(&[("team", "shop")]), ""));
    // From then on each has its own.
    scene.admit(take(ResourceKey::Instance(instance), &[], true));
    assert_eq!(scene.interface(scene.primary(instance)).meta.tags, pairs(&[("team", "shop")]));
}
