//! Images: all names lead to the one that the configuration says.

use super::{Action, Does};
use crate::{ask::Ask, error::error};
use havip_dialect::{Error, View};
use havip_model::Driver;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub const ACTIONS: &[Action] = &[Action {
    name: "DescribeImages",
    honoured: &["ImageIds", "Filters.Name", "Filters.Values", "Offset", "Limit"],
    // Every type can have every image.
    harmless: &["InstanceType"],
    does: Does::Read(describe),
}];

/// There is one image, which goes by every id that is asked for: whoever asks for one may run it.
fn describe(ask: &Ask, _: &View) -> Result<Value, Error> {
    let named: BTreeSet<&str> = ask.params.list("ImageIds").into_iter().collect();
    let filters = ask.params.structs("Filters");
    if !named.is_empty() && !filters.is_empty() {
        let code = "InvalidParameter.InvalidParameterCoexistImageIdsFilters";
        return Err(error(code, "ImageIds and Filters exclude each other."));
    }
    if filters.len() > 10 {
        return Err(error("LimitExceeded.NumberOfFilters", "There may be at most 10 filters."));
    }
    if named.len() > 100 {
        return Err(error("LimitExceeded", "ImageIds may name at most 100."));
    }
    if let Some(wrong) = named.iter().find(|id| !is_image(id)) {
        let shown: String = wrong.chars().take(64).collect();
        return Err(error("InvalidImageId.Malformed", format!("The image id {shown:?} is malformed.")));
    }
    let (offset, limit) = (ask.number("Offset")?.unwrap_or(0) as usize, ask.number("Limit")?.unwrap_or(20));
    if !(1..=100).contains(&limit) {
        return Err(error("InvalidParameterValue.Range", "Limit must be 1 to 100."));
    }
    let mut ids: Vec<String> = named.into_iter().map(Into::into).collect();
    let mut passes = true;
    for filter in &filters {
        let (name, values) = (filter.text("Name").unwrap_or_default(), filter.list("Values"));
        if values.is_empty() || values.len() > 5 {
            let message = "Values must be a list of 1 to 5 texts.";
            return Err(error("InvalidParameter.FilterValuesNotList", message));
        }
        let is = |text: &str| values.contains(&text);
        let holds = |text: &str| values.iter().any(|part| text.contains(part));
        passes &= match name {
            "image-id" => {
                let fitting = values.iter().filter(|id| is_image(id));
                ids = fitting.map(|id| (*id).to_string()).collect();
                !ids.is_empty()
            }
            "image-type" => is(TYPE),
            "image-name" => holds(image_name(ask)),
            "platform" => holds(PLATFORM),
            // It has none.
            "tag-key" | "tag-value" => false,
            name if name.starts_with("tag:") => false,
            other => {
                let message = format!(
                    "The filter {other:?} is not one of image-id, image-type, image-name, platform, tag-key, \
                     tag-value and tag:KEY."
                );
                return Err(error("InvalidParameter.FilterInvalidKey", message));
            }
        };
    }
    if ids.is_empty() {
        ids.push(USUAL.into());
    }
    ids.retain(|_| passes);
    let shown: Vec<Value> = ids.iter().skip(offset).take(limit as usize).map(|id| show(ask, id)).collect();
    Ok(json!({"TotalCount": ids.len(), "ImageSet": shown}))
}

fn show(ask: &Ask, id: &str) -> Value {
    json!({
        "ImageId": id,
        "ImageName": image_name(ask),
        "ImageDescription": "The one that instances are made of here, whatever it is called.",
        "ImageType": TYPE,
        "ImageState": "NORMAL",
        "ImageSource": "OFFICIAL",
        "ImageCreator": "",
        "ImageSize": 20,
        "OsName": PLATFORM,
        "Platform": PLATFORM,
        "Architecture": if cfg!(target_arch = "aarch64") { "arm" } else { "x86_64" },
        "CreatedTime": "",
        "SyncPercent": 100,
        "IsSupportCloudinit": ask.home.instance.driver == Driver::Qemu,
        "SnapshotSet": [],
        "Tags": [],
    })
}

/// What hosts call it; a sandbox has the host's own files.
fn image_name(ask: &Ask) -> &str {
    ask.home.instance.image.as_deref().unwrap_or("sandbox")
}

/// Any of the cloud's, which are `img-` and eight characters.
fn is_image(id: &str) -> bool {
    let name = id.strip_prefix("img-");
    name.is_some_and(|name| {
        let is_of_it = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        name.len() == 8 && name.bytes().all(is_of_it)
    })
}

/// What it is called where nobody asks for an id.
const USUAL: &str = "img-havipone";
const TYPE: &str = "PUBLIC_IMAGE";
const PLATFORM: &str = "Debian";
