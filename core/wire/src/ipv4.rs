//! The IPv4 header (RFC 791) with options and fragments.

use crate::{DecodeError, Protocol, checksum, reader::Reader};
use std::net::Ipv4Addr;

/// An IPv4 packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4<'a> {
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// Tells which fragments belong together.
    pub identification: u16,
    /// Routers may not fragment it.
    pub dont_fragment: bool,
    /// This is not the last fragment.
    pub more_fragments: bool,
    /// Where this fragment belongs, in units of 8 bytes; at most 8191.
    pub fragment_offset: u16,
    /// Hops left.
    pub ttl: u8,
    /// What the payload is.
    pub protocol: Protocol,
    /// Who sent it.
    pub source: Ipv4Addr,
    /// Who it is for.
    pub destination: Ipv4Addr,
    /// Whole words of options, at most 40 bytes.
    pub options: &'a [u8],
    /// What follows the header, without the frame's padding.
    pub payload: &'a [u8],
}

impl<'a> Ipv4<'a> {
    /// The bytes of a header without options.
    pub const LEN: usize = 20;

    /// A plain packet: TTL 64, no options, not a fragment.
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr, protocol: Protocol, payload: &'a [u8]) -> Self {
        Self {
            tos: 0,
            identification: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol,
            source,
            destination,
            options: &[],
            payload,
        }
    }

    /// Reads a packet whose header checksum is right; anything after its total length is padding.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (packet, header, total) = Self::header(bytes)?;
        if !checksum::Sum::default().plus(&bytes[..header]).is_right() {
            return Err(DecodeError::Checksum { what: "an IPv4 header" });
        }
        let Some(payload) = bytes.get(header..total) else {
            return Err(DecodeError::Truncated { what: "an IPv4 packet", need: total, got: bytes.len() });
        };
        Ok(Self { payload, ..packet })
    }

    /// Reads a packet quoted by an ICMP error: it may be cut, and its checksum may be stale.
    pub fn decode_quoted(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (packet, header, total) = Self::header(bytes)?;
        Ok(Self { payload: &bytes[header..total.min(bytes.len())], ..packet })
    }

    /// The packet without payload, its header's length and its total length as the header says.
    fn header(bytes: &'a [u8]) -> Result<(Self, usize, usize), DecodeError> {
        let mut reader = Reader::new("an IPv4 header", bytes);
        let first = reader.u8()?;
        if first >> 4 != 4 {
            return Err(DecodeError::wrong("the version of an IPv4 header", first >> 4));
        }
        let header = usize::from(first & 0xf) * 4;
        if header < Self::LEN {
            return Err(DecodeError::wrong("the header length of IPv4", first & 0xf));
        }
        let tos = reader.u8()?;
        let total = reader.u16()?;
        if usize::from(total) < header {
            return Err(DecodeError::wrong("the total length of IPv4", total));
        }
        let identification = reader.u16()?;
        let fragment = reader.u16()?;
        let (ttl, protocol) = (reader.u8()?, Protocol(reader.u8()?));
        reader.u16()?;
        let packet = Self {
            tos,
            identification,
            dont_fragment: fragment & 0x4000 != 0,
            more_fragments: fragment & 0x2000 != 0,
            fragment_offset: fragment & 0x1fff,
            ttl,
            protocol,
            source: reader.ipv4()?,
            destination: reader.ipv4()?,
            options: reader.slice(header - Self::LEN)?,
            payload: &[],
        };
        Ok((packet, header, usize::from(total)))
    }

    /// Writes the packet with its checksum.
    ///
    /// # Panics
    /// If the options are not whole words or over 40 bytes, or the packet would be longer than 65 535 bytes.
    pub fn encode(&self) -> Vec<u8> {
        assert!(
            self.options.len() <= 40 && self.options.len().is_multiple_of(4),
            "IPv4 options are 0 to 10 words"
        );
        let header = Self::LEN + self.options.len();
        let total =
            u16::try_from(header + self.payload.len()).expect("an IPv4 packet has at most 65 535 bytes");
        let flags = u16::from(self.dont_fragment) << 14 | u16::from(self.more_fragments) << 13;
        let words = u8::try_from(header / 4).expect("a header has at most 15 words");
        let mut bytes = vec![0x40 | words, self.tos];
        bytes.extend(total.to_be_bytes());
        bytes.extend(self.identification.to_be_bytes());
        bytes.extend((flags | self.fragment_offset & 0x1fff).to_be_bytes());
        bytes.extend([self.ttl, self.protocol.0, 0, 0]);
        bytes.extend(self.source.octets());
        bytes.extend(self.destination.octets());
        bytes.extend(self.options);
        let sum = checksum::of(&bytes);
        checksum::put(&mut bytes, 10, sum);
        bytes.extend(self.payload);
        bytes
    }

    /// Part of a packet that was cut.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset > 0
    }

    /// The payload begins with the header of its protocol.
    pub fn has_transport_header(&self) -> bool {
        self.fragment_offset == 0
    }
}
