//! ICMP for IPv6 (RFC 4443), neighbour discovery included.

use crate::{DecodeError, Ipv6, Nd, Protocol, checksum, reader::Reader};
use std::net::Ipv6Addr;

/// Why an IPv6 packet was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icmpv6Error {
    /// Nobody there, or not allowed.
    Unreachable {
        /// 0 no route, 1 prohibited, 3 address, 4 port.
        code: u8,
    },
    /// Too big for the next link.
    PacketTooBig {
        /// The largest packet that link takes, in bytes.
        mtu: u32,
    },
    /// Too many hops, or a fragment was missing for too long.
    TimeExceeded {
        /// 0 hops, 1 reassembly.
        code: u8,
    },
    /// A field of the header is wrong or unknown.
    ParameterProblem {
        /// 0 wrong, 1 unknown next header, 2 unknown option.
        code: u8,
        /// The byte at fault.
        pointer: u32,
    },
}

/// An ICMPv6 message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Icmpv6<'a> {
    /// Are you there?
    EchoRequest {
        /// Which program asks.
        identifier: u16,
        /// Which of its questions.
        sequence: u16,
        /// Comes back unchanged.
        data: &'a [u8],
    },
    /// Yes.
    EchoReply {
        /// As in the question.
        identifier: u16,
        /// As in the question.
        sequence: u16,
        /// As in the question.
        data: &'a [u8],
    },
    /// About another packet.
    Error {
        /// What happened to it.
        error: Icmpv6Error,
        /// The packet from its IPv6 header on, possibly cut.
        quoted: &'a [u8],
    },
    /// Neighbour discovery.
    Nd(Nd<'a>),
    /// Anything else.
    Other {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// Everything after the checksum.
        data: &'a [u8],
    },
}

impl<'a> Icmpv6<'a> {
    /// Reads the message of a packet between these addresses, its checksum being right.
    ///
    /// Neighbour discovery counts only in packets whose hop limit is still 255 (RFC 4861 section 7.1);
    /// the caller compares that.
    pub fn decode(bytes: &'a [u8], source: Ipv6Addr, destination: Ipv6Addr) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("an ICMPv6 header", bytes);
        let (kind, code) = (reader.u8()?, reader.u8()?);
        reader.u16()?;
        let sum = checksum::Sum::default();
        let sum = sum.pseudo_header(source.into(), destination.into(), Protocol::ICMPV6, bytes.len());
        if !sum.plus(bytes).is_right() {
            return Err(DecodeError::Checksum { what: "an ICMPv6 message" });
        }
        let data = reader.rest();
        let error = match (kind, code) {
            (128 | 129, 0) => {
                let (identifier, sequence, data) = (reader.u16()?, reader.u16()?, reader.rest());
                return Ok(match kind {
                    128 => Self::EchoRequest { identifier, sequence, data },
                    _ => Self::EchoReply { identifier, sequence, data },
                });
            }
            (133..=136, _) => return Nd::decode(kind, code, data, source, destination).map(Self::Nd),
            (1, code) => {
                reader.u32()?;
                Icmpv6Error::Unreachable { code }
            }
            (2, 0) => Icmpv6Error::PacketTooBig { mtu: reader.u32()? },
            (3, code) => {
                reader.u32()?;
                Icmpv6Error::TimeExceeded { code }
            }
            (4, code) => Icmpv6Error::ParameterProblem { code, pointer: reader.u32()? },
            _ => return Ok(Self::Other { kind, code, data }),
        };
        Ok(Self::Error { error, quoted: reader.rest() })
    }

    /// Writes the message as sent from one address to the other.
    pub fn encode(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let with = |kind: u8, code: u8, rest: u32, data: &[u8]| {
            let mut bytes = vec![kind, code, 0, 0];
            bytes.extend(rest.to_be_bytes());
            bytes.extend(data);
            bytes
        };
        let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
        let mut bytes = match *self {
            Self::EchoRequest { identifier, sequence, data } => {
                with(128, 0, pair(identifier, sequence), data)
            }
            Self::EchoReply { identifier, sequence, data } => with(129, 0, pair(identifier, sequence), data),
            Self::Error { error, quoted } => match error {
                Icmpv6Error::Unreachable { code } => with(1, code, 0, quoted),
                Icmpv6Error::PacketTooBig { mtu } => with(2, 0, mtu, quoted),
                Icmpv6Error::TimeExceeded { code } => with(3, code, 0, quoted),
                Icmpv6Error::ParameterProblem { code, pointer } => with(4, code, pointer, quoted),
            },
            Self::Nd(ref nd) => [&[nd.kind(), 0, 0, 0], nd.encode().as_slice()].concat(),
            Self::Other { kind, code, data } => [&[kind, code, 0, 0], data].concat(),
        };
        let sum = checksum::Sum::default();
        let sum = sum.pseudo_header(source.into(), destination.into(), Protocol::ICMPV6, bytes.len());
        let sum = sum.plus(&bytes).finish();
        checksum::put(&mut bytes, 2, sum);
        bytes
    }

    /// The packet that an error is about; none if this is no error.
    pub fn quoted(&self) -> Option<Result<Ipv6<'a>, DecodeError>> {
        match self {
            Self::Error { quoted, .. } => Some(Ipv6::decode_quoted(quoted)),
            _ => None,
        }
    }
}
