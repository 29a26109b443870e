//! Tags that something has from the beginning, and the words for those that it cannot have.

use crate::{ask::Ask, error, error::error};
use havip_admission::Code;
use havip_dialect::{Error, Params};
use std::collections::BTreeMap;

/// Those of `Tags.N`.
pub fn given(ask: &Ask) -> Result<BTreeMap<String, String>, Error> {
    read(&ask.params)
}

/// Those of `TagSpecification.N` that are for the kind that is made; nothing else that is made with it can have tags of
/// its own.
pub fn specified(ask: &Ask, wanted: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut all = BTreeMap::new();
    for (at, part) in ask.params.structs("TagSpecification").iter().enumerate() {
        let kind = part.required("ResourceType").map_err(error::of_parameter)?;
        if kind != wanted {
            let message = format!("ResourceType of TagSpecification can only be {wanted}, not {kind:?}.");
            return Err(error("InvalidParameterValue", message));
        }
        if at > 0 {
            let message = "TagSpecification may speak of each ResourceType once.";
            return Err(error("InvalidParameterValue.TagDuplicateResourceType", message));
        }
        all = read(part)?;
    }
    Ok(all)
}

fn read(params: &Params) -> Result<BTreeMap<String, String>, Error> {
    let mut all = BTreeMap::new();
    for tag in params.structs("Tags") {
        let [key, value] = ["Key", "Value"].map(|name| tag.sent(name).unwrap_or_default());
        if all.insert(key.to_string(), value.to_string()).is_some() {
            let message = format!("The tag key {key:?} stands twice in the request.");
            return Err(error("InvalidParameterValue.TagDuplicateKey", message));
        }
    }
    Ok(all)
}

/// The cloud's word for what the rules say of tags.
pub fn usual(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::InvalidTagKey => "InvalidParameterValue.TagInvalidKey",
        Code::InvalidTagValue => "InvalidParameterValue.TagInvalidVal",
        Code::TooManyTags => "LimitExceeded.TagTagsExceeded",
        Code::TooManyTagsOfResource => "LimitExceeded.TagKeyPerResourceExceeded",
        _ => return None,
    })
}
