//! Tags: what a project sorts its resources by.

use super::{Decision, nothing_to_do};
use crate::{Code, Refusal, request::TagResource};
use havip_model::{Profile, Resource, ResourceKey};
use std::collections::BTreeMap;

impl Decision<'_> {
    /// No host hears of tags, so the generation of the resource stays.
    pub fn tag_resource(&mut self, request: &TagResource) -> Result<ResourceKey, Refusal> {
        let TagResource { resource: key, remove, remove_all, set } = request;
        let mut resource = self.sorted(*key, "/resource", "have tags")?;
        if remove.is_empty() && set.is_empty() && !remove_all {
            return Err(nothing_to_do("tags to set or keys to remove"));
        }
        check_count(set.len().max(remove.len()), "/set")?;
        check_all(set, "/set")?;
        let tags = &mut resource.meta_mut().tags;
        tags.retain(|tag, _| !remove_all && !remove.contains(tag));
        tags.extend(set.clone());
        let most = self.most_tags();
        if tags.len() > most && !set.is_empty() {
            let message = format!(
                "{} would have {} tags, and {most} is the most; remove some, or have the quota tags_per_resource raised",
                key.id(),
                tags.len()
            );
            return Err(Code::TooManyTagsOfResource.at("/set", message));
        }
        Ok(self.put(resource))
    }

    /// Tags that something has from the beginning.
    pub fn check_new_tags(&self, tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
        check_count(tags.len(), "/tags")?;
        check_all(tags, "/tags")?;
        let most = self.most_tags();
        if tags.len() <= most {
            return Ok(());
        }
        let message = format!(
            "{} tags, and {most} is the most; leave some out, or have the quota tags_per_resource raised",
            tags.len()
        );
        Err(Code::TooManyTagsOfResource.at("/tags", message))
    }

    fn most_tags(&self) -> usize {
        self.facts.quotas.limits(Profile::Native).tags_per_resource
    }

    /// A resource that is sorted by something, as it is decided so far: what is the project's own, but its groups.
    pub fn sorted(&self, key: ResourceKey, field: &str, by: &str) -> Result<Resource, Refusal> {
        use ResourceKey::{EipPool, Host, ResourceGroup};
        let is_ones_own = !matches!(key, ResourceGroup(_) | Host(_) | EipPool(_));
        let missing = || {
            let message = format!("there is no {} that could {by}; list them", key.id());
            Code::ResourceNotFound.at(field, message)
        };
        if !is_ones_own || self.deletes.contains(&key) {
            return Err(missing());
        }
        self.puts.get(&key).cloned().or_else(|| self.world.get(key)).ok_or_else(missing)
    }
}

fn check_count(count: usize, field: &str) -> Result<(), Refusal> {
    if count <= AT_A_TIME {
        return Ok(());
    }
    let message = format!("more than {AT_A_TIME} tags in one request; ask in several");
    Err(Code::TooManyTags.at(field, message))
}

fn check_all(tags: &BTreeMap<String, String>, field: &str) -> Result<(), Refusal> {
    tags.iter().try_for_each(|(key, value)| {
        check(key, 1, Code::InvalidTagKey, field)?;
        check(value, 0, Code::InvalidTagValue, field)
    })
}

/// A key or a value, as the vendor's guide has them.
fn check(text: &str, least: usize, code: Code, field: &str) -> Result<(), Refusal> {
    let length = text.chars().count();
    let begins = ["aliyun", "acs:"].iter().any(|prefix| text.starts_with(prefix));
    let holds = ["http://", "https://"].iter().any(|part| text.contains(part));
    if (least..=LONGEST).contains(&length) && !begins && !holds && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!(
        "{text:?} is not {least} to {LONGEST} characters that do not begin with aliyun or acs: and hold neither \
         http:// nor https://"
    );
    Err(code.at(field, message))
}

/// Keys or values in one request.
const AT_A_TIME: usize = 20;
const LONGEST: usize = 128;
