//! Tags: what a project sorts its resources by.

use super::{Decision, nothing_to_do};
use crate::{Code, Refusal, request::TagResource};
use havip_model::{Profile, Resource, ResourceKey};

impl Decision<'_> {
    /// No host hears of tags, so the generation of the resource stays.
    pub fn tag_resource(&mut self, request: &TagResource) -> Result<ResourceKey, Refusal> {
        let TagResource { resource: key, remove, remove_all, set } = request;
        let mut resource = self.tagged(*key)?;
        if remove.is_empty() && set.is_empty() && !remove_all {
            return Err(nothing_to_do("tags to set or keys to remove"));
        }
        if set.len() > AT_A_TIME || remove.len() > AT_A_TIME {
            let message = format!("more than {AT_A_TIME} tags in one request; ask in several");
            return Err(Code::TooManyTags.at("/set", message));
        }
        for (tag, value) in set {
            check(tag, 1, Code::InvalidTagKey)?;
            check(value, 0, Code::InvalidTagValue)?;
        }
        let tags = &mut resource.meta_mut().tags;
        tags.retain(|tag, _| !remove_all && !remove.contains(tag));
        tags.extend(set.clone());
        let most = self.facts.quotas.limits(Profile::Native).tags_per_resource;
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

    /// A resource that may have tags, as it is decided so far: what is the project's own.
    fn tagged(&self, key: ResourceKey) -> Result<Resource, Refusal> {
        let is_ones_own = !matches!(key, ResourceKey::Host(_) | ResourceKey::EipPool(_));
        let missing = || {
            let message = format!("there is no {} that could have tags; list them", key.id());
            Code::ResourceNotFound.at("/resource", message)
        };
        if !is_ones_own || self.deletes.contains(&key) {
            return Err(missing());
        }
        self.puts.get(&key).cloned().or_else(|| self.world.get(key)).ok_or_else(missing)
    }
}

/// A key or a value, as the vendor's guide has them.
fn check(text: &str, least: usize, code: Code) -> Result<(), Refusal> {
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
    Err(code.at("/set", message))
}

/// Keys or values in one request.
const AT_A_TIME: usize = 20;
const LONGEST: usize = 128;
