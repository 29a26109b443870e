//! What things are called and sorted by: name, remark, tags.

use crate::{ask::Ask, error, error::error};
use havip_admission::request;
use havip_dialect::{Error, decode_base64};
use havip_model::Meta;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Of something that is made.
pub fn given(ask: &Ask) -> Result<request::Texts, Error> {
    Ok(request::Texts {
        name: ask.required("Name")?.into(),
        description: ask.text("Remark").unwrap_or_default().into(),
        tags: tags(ask)?,
        ..request::Texts::default()
    })
}

/// Tags as every answer has them.
pub fn shown(meta: &Meta) -> Vec<Value> {
    meta.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// Each is base64 of `key:value`, of which the key ends at the first colon.
fn tags(ask: &Ask) -> Result<BTreeMap<String, String>, Error> {
    let all = ask.params.list("TagKeyValuePairs");
    let count = all.len();
    let pairs = all.into_iter().map(|encoded| {
        let text = decode_base64(encoded).and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':'));
        pair.map(|(key, value)| (key.to_string(), value.to_string())).ok_or_else(|| {
            let message = "Params [TagKeyValuePairs] not available: each must be base64 of key:value";
            error(error::NOT_AVAILABLE, message)
        })
    });
    let tags: BTreeMap<_, _> = pairs.collect::<Result<_, Error>>()?;
    match tags.len() == count {
        true => Ok(tags),
        false => {
            Err(error(error::NOT_AVAILABLE, "Params [TagKeyValuePairs] not available: a key stands twice"))
        }
    }
}
