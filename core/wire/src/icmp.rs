//! ICMP for IPv4 (RFC 792), with the errors that quote the packet they are about.

use crate::{DecodeError, Ipv4, checksum, reader::Reader};
use std::net::Ipv4Addr;

/// Why a packet was not delivered, or how to send it better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpError {
    /// Nobody there, or not allowed; never with the code of [`Self::FragmentationNeeded`].
    Unreachable {
        /// 0 network, 1 host, 2 protocol, 3 port, 13 prohibited.
        code: u8,
    },
    /// Too big for the next link, and may not be fragmented (RFC 1191).
    FragmentationNeeded {
        /// The largest packet that link takes, in bytes; 0 from old routers.
        mtu: u16,
    },
    /// Sending too fast; nobody sends it any more.
    SourceQuench,
    /// There is a better gateway.
    Redirect {
        /// For which packets.
        code: u8,
        /// The better one.
        gateway: Ipv4Addr,
    },
    /// Too many hops, or a fragment was missing for too long.
    TimeExceeded {
        /// 0 hops, 1 reassembly.
        code: u8,
    },
    /// A field of the header is wrong.
    ParameterProblem {
        /// 0 unless an option is missing or a length is bad.
        code: u8,
        /// The byte at fault.
        pointer: u8,
    },
}

impl IcmpError {
    /// No router knows the network.
    pub const NETWORK_UNREACHABLE: Self = Self::Unreachable { code: 0 };
    /// Nobody has the address, or answers for it.
    pub const HOST_UNREACHABLE: Self = Self::Unreachable { code: 1 };
    /// No program listens.
    pub const PORT_UNREACHABLE: Self = Self::Unreachable { code: 3 };
    /// A rule forbids it (RFC 1812 section 5.2.7.1).
    pub const PROHIBITED: Self = Self::Unreachable { code: 13 };
    /// Too many hops.
    pub const TTL_EXCEEDED: Self = Self::TimeExceeded { code: 0 };
}

/// An ICMP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icmp<'a> {
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
        error: IcmpError,
        /// Its header and the first bytes after it, from the IP header on.
        quoted: &'a [u8],
    },
    /// Anything else.
    Other {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// Four bytes whose meaning depends on the type.
        rest: [u8; 4],
        /// Everything after them.
        data: &'a [u8],
    },
}

impl<'a> Icmp<'a> {
    /// The bytes before the data.
    pub const LEN: usize = 8;

    /// Reads a message whose checksum is right.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("an ICMP header", bytes);
        let (kind, code) = (reader.u8()?, reader.u8()?);
        reader.u16()?;
        let rest = reader.array::<4>()?;
        if !checksum::Sum::default().plus(bytes).is_right() {
            return Err(DecodeError::Checksum { what: "an ICMP message" });
        }
        let data = reader.rest();
        let [a, b, c, d] = rest;
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let error = match (kind, code) {
            (8, 0) => return Ok(Self::EchoRequest { identifier: high, sequence: low, data }),
            (0, 0) => return Ok(Self::EchoReply { identifier: high, sequence: low, data }),
            (3, 4) => IcmpError::FragmentationNeeded { mtu: low },
            (3, code) => IcmpError::Unreachable { code },
            (4, 0) => IcmpError::SourceQuench,
            (5, code) => IcmpError::Redirect { code, gateway: rest.into() },
            (11, code) => IcmpError::TimeExceeded { code },
            (12, code) => IcmpError::ParameterProblem { code, pointer: a },
            _ => return Ok(Self::Other { kind, code, rest, data }),
        };
        Ok(Self::Error { error, quoted: data })
    }

    /// Writes the message with its checksum.
    pub fn encode(&self) -> Vec<u8> {
        let pair = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            [a, b, c, d]
        };
        let (kind, code, rest, data) = match *self {
            Self::EchoRequest { identifier, sequence, data } => (8, 0, pair(identifier, sequence), data),
            Self::EchoReply { identifier, sequence, data } => (0, 0, pair(identifier, sequence), data),
            Self::Other { kind, code, rest, data } => (kind, code, rest, data),
            Self::Error { error, quoted } => match error {
                IcmpError::Unreachable { code } => (3, code, [0; 4], quoted),
                IcmpError::FragmentationNeeded { mtu } => (3, 4, pair(0, mtu), quoted),
                IcmpError::SourceQuench => (4, 0, [0; 4], quoted),
                IcmpError::Redirect { code, gateway } => (5, code, gateway.octets(), quoted),
                IcmpError::TimeExceeded { code } => (11, code, [0; 4], quoted),
                IcmpError::ParameterProblem { code, pointer } => (12, code, [pointer, 0, 0, 0], quoted),
            },
        };
        let mut bytes = vec![kind, code, 0, 0];
        bytes.extend(rest);
        bytes.extend(data);
        let sum = checksum::of(&bytes);
        checksum::put(&mut bytes, 2, sum);
        bytes
    }

    /// The packet that an error is about; none if this is no error.
    pub fn quoted(&self) -> Option<Result<Ipv4<'a>, DecodeError>> {
        match self {
            Self::Error { quoted, .. } => Some(Ipv4::decode_quoted(quoted)),
            _ => None,
        }
    }
}
