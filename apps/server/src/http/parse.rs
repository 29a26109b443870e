//! Texts of a request into types that cannot be wrong; a refusal names the field.

use crate::service::Fault;
use havip_admission::request::{Choice, Choice6, NewTexts, Texts};
use havip_api::{Family, Wait};
use havip_model::{EipTarget, Host, HostNumber, InterfaceId, NextHop, ResourceGroupId, Target, VipId, World};
use std::{collections::BTreeMap, fmt::Display, net::IpAddr, str::FromStr, time::Duration};

/// An id in a body.
pub fn id<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|error: T::Err| Fault::invalid(field, "invalid_id", error.to_string()))
}

/// An id in a path: what cannot be one does not exist either.
pub fn path_id<T: FromStr>(what: &str, code: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::not_found(what, code, text))
}

/// An address.
pub fn address(field: &str, text: &str) -> Result<IpAddr, Fault> {
    let wrong = |_| {
        Fault::invalid(field, "invalid_address", format!("{text:?} is not an address such as 10.20.1.100"))
    };
    text.parse().map_err(wrong)
}

/// Addresses.
pub fn addresses(field: &str, texts: &[String]) -> Result<Vec<IpAddr>, Fault> {
    texts.iter().enumerate().map(|(at, text)| address(&format!("{field}/{at}"), text)).collect()
}

/// A range of addresses.
pub fn cidr<T: FromStr>(field: &str, text: &str) -> Result<T, Fault> {
    let wrong =
        |_| Fault::invalid(field, "invalid_cidr", format!("{text:?} is not a range such as 10.20.0.0/16"));
    text.parse().map_err(wrong)
}

/// Ranges of addresses.
pub fn cidrs<T: FromStr>(field: &str, texts: &[String]) -> Result<Vec<T>, Fault> {
    texts.iter().enumerate().map(|(at, text)| cidr(&format!("{field}/{at}"), text)).collect()
}

/// A MAC.
pub fn mac(field: &str, text: &str) -> Result<havip_model::MacAddr, Fault> {
    let parsed: Result<havip_model::MacAddr, _> = text.parse();
    parsed.map_err(|error| Fault::invalid(field, "invalid_mac", error.to_string()))
}

/// A chosen address, or the next free one of IPv4.
pub fn choice(field: &str, text: Option<&String>) -> Result<Choice, Fault> {
    Ok(match text {
        Some(text) => Choice::Chosen(address(field, text)?),
        None => Choice::default(),
    })
}

/// A chosen address, or the next free one of a family.
pub fn choice_of(field: &str, text: Option<&String>, family: Option<Family>) -> Result<Choice, Fault> {
    match family_of(text, family)? {
        Some(family) => Ok(Choice::Automatic(family)),
        None => choice(field, text),
    }
}

/// The family of an address that is to be chosen, if one is said; not together with an address.
pub fn family_of(
    address: Option<&String>,
    family: Option<Family>,
) -> Result<Option<havip_model::Family>, Fault> {
    if address.is_some() && family.is_some() {
        let detail = "give an address or the family of one to choose, not both";
        return Err(Fault::invalid("/family", "contradiction", detail));
    }
    Ok(family.map(Into::into))
}

/// An interface's IPv6 address: a chosen one, the next free one if there are any, or none.
pub fn choice6(text: Option<&String>, without: bool) -> Result<Choice6, Fault> {
    match text {
        Some(_) if without => {
            let detail = "give an address6 or say without_address6, not both";
            Err(Fault::invalid("/without_address6", "contradiction", detail))
        }
        Some(text) => match address("/address6", text)? {
            IpAddr::V6(address) => Ok(Choice6::Chosen(address)),
            IpAddr::V4(address) => {
                let detail = format!("{address} is IPv4; give it as address");
                Err(Fault::invalid("/address6", "address_family", detail))
            }
        },
        None if without => Ok(Choice6::Without),
        None => Ok(Choice6::Automatic),
    }
}

/// An IPv6 range, if one is given.
pub fn cidr6<T: FromStr>(field: &str, text: Option<&String>) -> Result<Option<T>, Fault> {
    let Some(text) = text else { return Ok(None) };
    let wrong =
        |_| Fault::invalid(field, "invalid_cidr", format!("{text:?} is not a range such as fd00:20::/56"));
    text.parse().map(Some).map_err(wrong)
}

/// Who is to be associated: an instance or an interface.
pub fn target(field: &str, text: &str) -> Result<Target, Fault> {
    match text.starts_with(InterfaceId::PREFIX) {
        true => Ok(Target::Interface(id(field, text)?)),
        false => Ok(Target::Instance(id(field, text)?)),
    }
}

/// What an EIP is to lead to.
pub fn eip_target(field: &str, text: &str) -> Result<EipTarget, Fault> {
    match text.starts_with(VipId::PREFIX) {
        true => Ok(EipTarget::Vip(id(field, text)?)),
        false => Ok(match target(field, text)? {
            Target::Instance(id) => EipTarget::Instance(id),
            Target::Interface(id) => EipTarget::Interface(id),
        }),
    }
}

/// Who is to take a route's packets.
pub fn next_hop(field: &str, text: &str) -> Result<NextHop, Fault> {
    match text.starts_with(InterfaceId::PREFIX) {
        true => Ok(NextHop::Interface(id(field, text)?)),
        false => Ok(NextHop::Vip(id(field, text)?)),
    }
}

/// A host that a body names by its id.
pub fn host(world: &World, field: &str, text: &str) -> Result<HostNumber, Fault> {
    let id = id(field, text)?;
    let host: Option<&Host> = world.host_by_id(id);
    host.map(|host| host.number).ok_or_else(|| Fault {
        field: Some(field.into()),
        ..Fault::not_found("host", "host_not_found", text)
    })
}

/// How long an answer may wait.
pub fn wait(text: Option<&String>) -> Result<Option<Duration>, Fault> {
    let Some(text) = text else { return Ok(None) };
    let wait: Wait = text.parse().map_err(|error: String| Fault::invalid("wait", "invalid_wait", error))?;
    Ok(Some(wait.0))
}

/// Name and description.
pub fn texts(name: &str, description: &str) -> Texts {
    Texts { name: name.into(), description: description.into(), ..Texts::default() }
}

/// The same with tags, and the resource group that something is to be in, if one is named.
pub fn sorted_texts(
    name: &str,
    description: &str,
    tags: BTreeMap<String, String>,
    group: Option<&String>,
) -> Result<Texts, Fault> {
    let group: Option<ResourceGroupId> = group.map(|text| id("/resource_group", text)).transpose()?;
    Ok(texts(name, description).tagged(tags).grouped(group))
}

/// New name and description.
pub fn new_texts(name: Option<String>, description: Option<String>) -> NewTexts {
    NewTexts { name, description }
}
