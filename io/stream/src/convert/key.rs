//! Names of items as texts: `vip/vip-…`, `host/3`.

use super::{ConvertError, field};
use havip_model::HostNumber;
use havip_reconcile::item::ItemKey;

/// The name as KIND/ID, as in [`crate::proto::Change`] and [`crate::proto::Failure`].
pub fn key_text(key: &ItemKey) -> String {
    match key {
        ItemKey::Host(number) => format!("host/{number}"),
        ItemKey::Vpc(id) => format!("vpc/{id}"),
        ItemKey::Subnet(id) => format!("subnet/{id}"),
        ItemKey::Group(id) => format!("security-group/{id}"),
        ItemKey::Endpoint(id) => format!("endpoint/{id}"),
        ItemKey::Vip(id) => format!("vip/{id}"),
        ItemKey::Route(id) => format!("route/{id}"),
        ItemKey::EipPool(id) => format!("eip-pool/{id}"),
        ItemKey::Eip(id) => format!("eip/{id}"),
        ItemKey::Port(id) => format!("port/{id}"),
        ItemKey::Instance(id) => format!("instance/{id}"),
    }
}

/// Reads KIND/ID.
pub fn key(text: &str) -> Result<ItemKey, ConvertError> {
    let (kind, id) =
        text.split_once('/').ok_or_else(|| ConvertError::new("key", format!("is {text:?}, not KIND/ID")))?;
    Ok(match kind {
        "host" => {
            let number: u32 = field::text("key", id)?;
            ItemKey::Host(field::number::<HostNumber>("key", number)?)
        }
        "vpc" => ItemKey::Vpc(field::text("key", id)?),
        "subnet" => ItemKey::Subnet(field::text("key", id)?),
        "security-group" => ItemKey::Group(field::text("key", id)?),
        "endpoint" => ItemKey::Endpoint(field::text("key", id)?),
        "vip" => ItemKey::Vip(field::text("key", id)?),
        "route" => ItemKey::Route(field::text("key", id)?),
        "eip-pool" => ItemKey::EipPool(field::text("key", id)?),
        "eip" => ItemKey::Eip(field::text("key", id)?),
        "port" => ItemKey::Port(field::text("key", id)?),
        "instance" => ItemKey::Instance(field::text("key", id)?),
        _ => {
            return Err(ConvertError::new(
                "key",
                format!("is {text:?}, of a kind that this version does not know"),
            ));
        }
    })
}
