//! What a request may say at all, whatever the world is.

use crate::{Code, Refusal};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Checks a name and a description, each if it is given.
pub fn texts(name: Option<&str>, description: Option<&str>) -> Result<(), Refusal> {
    text(name.unwrap_or_default(), "/name", 128)?;
    text(description.unwrap_or_default(), "/description", 256)
}

/// Checks a text of at most `most` characters; it may be empty.
pub fn text(text: &str, field: &str, most: usize) -> Result<(), Refusal> {
    let length = text.chars().count();
    if length > most {
        let message = format!("the text has {length} characters, at most {most} are kept; shorten it");
        return Err(Code::InvalidText.at(field, message));
    }
    if text.chars().any(char::is_control) {
        return Err(Code::InvalidText.at(field, "the text holds control characters; leave them out"));
    }
    Ok(())
}

/// Checks a word that something is found by: 1 to 64 of letters, digits, `-`, `_` and `.`.
pub fn word(word: &str, field: &str) -> Result<(), Refusal> {
    let fits = (1..=64).contains(&word.len())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let message =
        || format!("{word:?} is not 1 to 64 of a-z, A-Z, 0-9, \"-\", \"_\" and \".\"; choose such a word");
    fits.then_some(()).ok_or_else(|| Code::InvalidText.at(field, message()))
}

/// Checks the name of a network device: 1 to 15 visible characters but `/` and `:` (`dev_valid_name` of Linux).
pub fn device(device: &str) -> Result<(), Refusal> {
    let visible = |c: char| c.is_ascii_graphic() && c != '/' && c != ':';
    let fits =
        (1..=15).contains(&device.len()) && device.chars().all(visible) && device != "." && device != "..";
    let message =
        || format!("{device:?} is not the name of a network device: 1 to 15 visible characters but / and :");
    fits.then_some(()).ok_or_else(|| Code::InvalidDevice.at("/device", message()))
}

/// Checks a number of what is given in the request.
pub fn within(value: u64, least: u64, most: u64, field: &str, what: &str) -> Result<(), Refusal> {
    let message = || format!("{what} is {value}, it must be {least} to {most}");
    (least..=most).contains(&value).then_some(()).ok_or_else(|| Code::OutOfRange.at(field, message()))
}

/// Checks a range of addresses for guests: no host bits, an allowed size, and nothing special in it.
pub fn network(
    cidr: impl Into<IpNet>,
    field: &str,
    least_prefix: u8,
    most_prefix: u8,
) -> Result<(), Refusal> {
    let cidr = cidr.into();
    if cidr != cidr.trunc() {
        let message = format!("{cidr} has bits behind its prefix; say {}", cidr.trunc());
        return Err(Code::CidrHasHostBits.at(field, message));
    }
    if !(least_prefix..=most_prefix).contains(&cidr.prefix_len()) {
        let range = match least_prefix == most_prefix {
            true => format!("/{least_prefix}"),
            false => format!("/{least_prefix} to /{most_prefix}"),
        };
        let message = format!("{cidr} is a /{}, it must be a {range}", cidr.prefix_len());
        return Err(Code::CidrSize.at(field, message));
    }
    let special = SPECIAL.iter().find(|(special, _)| special.contains(&cidr) || cidr.contains(special));
    match special {
        Some((special, what)) => {
            let own = if matches!(cidr, IpNet::V4(_)) { "10.0.0.0/8" } else { "fd00::/8" };
            let message =
                format!("{cidr} overlaps {special}, {what}; take addresses of your own, such as of {own}");
            Err(Code::CidrNotUsable.at(field, message))
        }
        None => Ok(()),
    }
}

/// Whether two ranges have an address in common.
pub fn overlap(a: impl Into<IpNet>, b: impl Into<IpNet>) -> bool {
    let (a, b) = (a.into(), b.into());
    a.contains(&b) || b.contains(&a)
}

/// Checks that somebody can send from this address.
pub fn unicast(address: IpAddr, field: &str) -> Result<(), Refusal> {
    let special = match address {
        IpAddr::V4(_) => SPECIAL.iter().any(|(special, _)| special.contains(&address)),
        // A mapped address is another spelling of an IPv4 one, which must be given as such.
        IpAddr::V6(address) => {
            let is_mapped = address.to_ipv4_mapped().is_some();
            is_mapped || address.is_multicast() || address.is_unspecified() || address.is_loopback()
        }
    };
    let message = || format!("{address} is not an address that a machine sends from; give a unicast address");
    (!special).then_some(()).ok_or_else(|| Code::AddressNotUnicast.at(field, message()))
}

const fn net(a: u8, b: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), prefix))
}

const fn net6(first: u16, prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0), prefix))
}

/// Ranges of RFC 6890 that no network of guests can have.
const SPECIAL: [(IpNet, &str); 10] = [
    (net(0, 0, 8), "\"this network\""),
    (net(127, 0, 8), "loopback"),
    (net(169, 254, 16), "link-local"),
    (net(224, 0, 4), "multicast"),
    (net(240, 0, 4), "reserved"),
    // Loopback, the unspecified address, and IPv4 in other spellings.
    (net6(0, 8), "reserved, loopback and mapped IPv4 in it"),
    (net6(0x100, 64), "to be discarded"),
    (net6(0xfe80, 10), "link-local"),
    (net6(0xfec0, 10), "site-local, which is given up"),
    (net6(0xff00, 8), "multicast"),
];
