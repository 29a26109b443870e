//! The IPv6 header and its chain of extension headers (RFC 8200).

use crate::{DecodeError, Protocol, reader::Reader};
use std::net::Ipv6Addr;

/// An IPv6 packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6<'a> {
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// Tells flows apart; 20 bits.
    pub flow_label: u32,
    /// What the payload begins with: an extension header or the upper layer.
    pub next_header: Protocol,
    /// Hops left.
    pub hop_limit: u8,
    /// Who sent it.
    pub source: Ipv6Addr,
    /// Who it is for.
    pub destination: Ipv6Addr,
    /// What follows the fixed header, without the frame's padding.
    pub payload: &'a [u8],
}

/// One extension header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Which.
    pub protocol: Protocol,
    /// All its bytes.
    pub bytes: &'a [u8],
}

/// Which part of a cut packet this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Where it belongs, in units of 8 bytes.
    pub offset: u16,
    /// It is not the last one.
    pub more: bool,
    /// Tells which fragments belong together.
    pub identification: u32,
}

/// What is behind the extension headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upper<'a> {
    /// The headers on the way, in order.
    pub extensions: Vec<Extension<'a>>,
    /// Set if the packet is a fragment; beyond the first there is no header of `protocol` in `payload`.
    pub fragment: Option<Fragment>,
    /// The upper layer.
    pub protocol: Protocol,
    /// Its bytes.
    pub payload: &'a [u8],
}

impl<'a> Ipv6<'a> {
    /// The bytes of the fixed header.
    pub const LEN: usize = 40;
    /// The longest chain of extension headers that is followed; RFC 8504 section 5.3 lets hosts limit it.
    pub const MAX_EXTENSIONS: usize = 8;

    /// A plain packet: hop limit 64.
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr, next_header: Protocol, payload: &'a [u8]) -> Self {
        Self { traffic_class: 0, flow_label: 0, next_header, hop_limit: 64, source, destination, payload }
    }

    /// Reads a packet; anything after its payload length is padding.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (packet, length) = Self::header(bytes)?;
        let need = Self::LEN + length;
        let Some(payload) = bytes.get(Self::LEN..need) else {
            return Err(DecodeError::Truncated { what: "an IPv6 packet", need, got: bytes.len() });
        };
        Ok(Self { payload, ..packet })
    }

    /// Reads a packet quoted by an ICMPv6 error, which may be cut.
    pub fn decode_quoted(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (packet, length) = Self::header(bytes)?;
        Ok(Self { payload: &bytes[Self::LEN..bytes.len().min(Self::LEN + length)], ..packet })
    }

    /// The packet without payload, and the payload's length as the header says.
    fn header(bytes: &'a [u8]) -> Result<(Self, usize), DecodeError> {
        let mut reader = Reader::new("an IPv6 header", bytes);
        let first = reader.u32()?;
        if first >> 28 != 6 {
            return Err(DecodeError::wrong("the version of an IPv6 header", first >> 28));
        }
        let length = reader.u16()?;
        let packet = Self {
            traffic_class: (first >> 20 & 0xff) as u8,
            flow_label: first & 0xf_ffff,
            next_header: Protocol(reader.u8()?),
            hop_limit: reader.u8()?,
            source: reader.ipv6()?,
            destination: reader.ipv6()?,
            payload: &[],
        };
        Ok((packet, usize::from(length)))
    }

    /// Writes the packet.
    ///
    /// # Panics
    /// If the payload is longer than 65 535 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let length = u16::try_from(self.payload.len()).expect("an IPv6 payload has at most 65 535 bytes");
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xf_ffff;
        let mut bytes = Vec::with_capacity(Self::LEN + self.payload.len());
        bytes.extend(first.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend([self.next_header.0, self.hop_limit]);
        bytes.extend(self.source.octets());
        bytes.extend(self.destination.octets());
        bytes.extend(self.payload);
        bytes
    }

    /// Follows the extension headers to the upper layer.
    ///
    /// The walk ends at a fragment beyond the first, whose payload has no header of its own. A chain longer than
    /// [`Self::MAX_EXTENSIONS`], or hop-by-hop options anywhere but first, is an error.
    pub fn upper(&self) -> Result<Upper<'a>, DecodeError> {
        let mut reader = Reader::new("an IPv6 extension header", self.payload);
        let mut upper = Upper {
            extensions: Vec::new(),
            fragment: None,
            protocol: self.next_header,
            payload: self.payload,
        };
        while is_extension(upper.protocol) {
            if upper.extensions.len() == Self::MAX_EXTENSIONS {
                return Err(DecodeError::wrong(
                    "the number of IPv6 extension headers",
                    1 + Self::MAX_EXTENSIONS as u64,
                ));
            }
            if upper.protocol == Protocol::HOP_BY_HOP && !upper.extensions.is_empty() {
                return Err(DecodeError::wrong(
                    "the place of hop-by-hop options",
                    upper.extensions.len() as u64,
                ));
            }
            let mut peek = reader.clone();
            let (next, words) = (Protocol(peek.u8()?), usize::from(peek.u8()?));
            let length = match upper.protocol {
                Protocol::FRAGMENT => 8,
                Protocol::AUTHENTICATION => (words + 2) * 4,
                _ => (words + 1) * 8,
            };
            let bytes = reader.slice(length)?;
            upper.extensions.push(Extension { protocol: upper.protocol, bytes });
            if upper.protocol == Protocol::FRAGMENT {
                let place = peek.u16()?;
                let fragment =
                    Fragment { offset: place >> 3, more: place & 1 == 1, identification: peek.u32()? };
                upper.fragment = Some(fragment);
                if fragment.offset > 0 {
                    upper.protocol = next;
                    break;
                }
            }
            upper.protocol = next;
        }
        upper.payload = reader.rest();
        Ok(upper)
    }
}

fn is_extension(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::HOP_BY_HOP
            | Protocol::ROUTING
            | Protocol::FRAGMENT
            | Protocol::AUTHENTICATION
            | Protocol::DESTINATION_OPTIONS
    )
}
