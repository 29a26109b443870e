//! Single fields: addresses, MACs, numbers, words, lists.

use super::ConvertError;
use crate::proto;
use havip_model::MacAddr;
use ipnet::IpNet;
use std::{
    fmt::Display,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// 16 bytes, IPv4 as mapped.
pub fn address_bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Reads 16 bytes; a mapped address is an IPv4 address.
pub fn address(field: &str, bytes: &[u8]) -> Result<IpAddr, ConvertError> {
    let octets: [u8; 16] = bytes
        .try_into()
        .map_err(|_| ConvertError::new(field, format!("has {} bytes, an address has 16", bytes.len())))?;
    Ok(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
}

/// Six bytes.
pub fn mac_bytes(mac: MacAddr) -> Vec<u8> {
    mac.0.to_vec()
}

/// Reads six bytes.
pub fn mac(field: &str, bytes: &[u8]) -> Result<MacAddr, ConvertError> {
    bytes
        .try_into()
        .map(MacAddr)
        .map_err(|_| ConvertError::new(field, format!("has {} bytes, a MAC has 6", bytes.len())))
}

/// No bytes stand for no address.
pub(super) fn optional_address(field: &str, bytes: &[u8]) -> Result<Option<IpAddr>, ConvertError> {
    if bytes.is_empty() { Ok(None) } else { address(field, bytes).map(Some) }
}

pub(super) fn addresses(field: &str, all: &[Vec<u8>]) -> Result<Vec<IpAddr>, ConvertError> {
    all.iter().enumerate().map(|(at, bytes)| address(&format!("{field}[{at}]"), bytes)).collect()
}

pub(super) fn addresses_bytes(all: &[IpAddr]) -> Vec<Vec<u8>> {
    all.iter().copied().map(address_bytes).collect()
}

pub(super) fn prefix_message(net: IpNet) -> proto::Prefix {
    proto::Prefix { address: address_bytes(net.addr()), length: net.prefix_len().into() }
}

pub(super) fn prefix(field: &str, message: &proto::Prefix) -> Result<IpNet, ConvertError> {
    let address = address(&format!("{field}.address"), &message.address)?;
    let length = u8::try_from(message.length).ok().and_then(|length| IpNet::new(address, length).ok());
    length.ok_or_else(|| {
        ConvertError::new(format!("{field}.length"), format!("is {}, too long for {address}", message.length))
    })
}

pub(super) fn prefixes(field: &str, all: &[proto::Prefix]) -> Result<Vec<IpNet>, ConvertError> {
    all.iter().enumerate().map(|(at, message)| prefix(&format!("{field}[{at}]"), message)).collect()
}

/// A number within its type's range.
pub(super) fn number<T>(field: &str, value: u32) -> Result<T, ConvertError>
where
    T: TryFrom<u32>,
    T::Error: Display,
{
    T::try_from(value).map_err(|problem| ConvertError::new(field, format!("is wrong: {problem}")))
}

/// 0 stands for none.
pub(super) fn optional_number<T>(field: &str, value: u32) -> Result<Option<T>, ConvertError>
where
    T: TryFrom<u32>,
    T::Error: Display,
{
    if value == 0 { Ok(None) } else { number(field, value).map(Some) }
}

pub(super) fn numbers<T>(field: &str, all: &[u32]) -> Result<Vec<T>, ConvertError>
where
    T: TryFrom<u32>,
    T::Error: Display,
{
    all.iter().enumerate().map(|(at, value)| number(&format!("{field}[{at}]"), *value)).collect()
}

/// A text that is an id or another word with a parser.
pub(super) fn text<T>(field: &str, text: &str) -> Result<T, ConvertError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|problem| ConvertError::new(field, format!("is wrong: {problem}")))
}

/// One of a few words.
pub(super) fn word<T: Copy>(field: &str, text: &str, words: &[(&str, T)]) -> Result<T, ConvertError> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        ConvertError::new(field, format!("is {text:?}, known are {}", known.join(", ")))
    })
}

/// The word for a value; the table holds every value.
pub(super) fn word_text<T: Copy + PartialEq>(value: T, words: &[(&'static str, T)]) -> String {
    let (word, _) = words.iter().find(|(_, known)| *known == value).expect("the table names every value");
    (*word).to_owned()
}

pub(super) fn present<T>(field: &str, value: Option<T>) -> Result<T, ConvertError> {
    value.ok_or_else(|| ConvertError::new(field, "is missing"))
}
