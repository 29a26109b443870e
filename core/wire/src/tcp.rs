//! The TCP header (RFC 9293), as far as a switch looks into it.

use crate::{DecodeError, Protocol, checksum, reader::Reader};
use std::fmt;
use std::net::IpAddr;

/// The flags of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The sender has no more data.
    pub const FIN: Self = Self(0x01);
    /// Begins a connection.
    pub const SYN: Self = Self(0x02);
    /// There is no such connection.
    pub const RST: Self = Self(0x04);
    /// Hand the data over now.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x10);

    /// Whether all flags of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for TcpFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flags {:08b}", self.0)
    }
}

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// Who sent it.
    pub source: u16,
    /// Who it is for.
    pub destination: u16,
    /// The first byte of the payload.
    pub sequence: u32,
    /// The next byte expected.
    pub acknowledgement: u32,
    /// SYN and the others.
    pub flags: TcpFlags,
    /// The bytes that the sender can take, before scaling.
    pub window: u16,
    /// Where urgent data ends.
    pub urgent: u16,
    /// Whole words of options, at most 40 bytes.
    pub options: &'a [u8],
    /// The user's bytes.
    pub payload: &'a [u8],
}

impl<'a> Tcp<'a> {
    /// The bytes of a header without options.
    pub const LEN: usize = 20;

    /// A segment without options; window 64 000.
    pub fn new(source: u16, destination: u16, flags: TcpFlags, payload: &'a [u8]) -> Self {
        Self {
            source,
            destination,
            sequence: 0,
            acknowledgement: 0,
            flags,
            window: 64_000,
            urgent: 0,
            options: &[],
            payload,
        }
    }

    /// Reads a segment that ends with `bytes`; the checksum is not compared (see [`crate::Udp::decode`]).
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("a TCP header", bytes);
        let (source, destination) = (reader.u16()?, reader.u16()?);
        let (sequence, acknowledgement) = (reader.u32()?, reader.u32()?);
        let words = reader.u8()? >> 4;
        let Some(options) = (usize::from(words) * 4).checked_sub(Self::LEN) else {
            return Err(DecodeError::wrong("the data offset of TCP", words));
        };
        let (flags, window) = (TcpFlags(reader.u8()?), reader.u16()?);
        reader.u16()?;
        let urgent = reader.u16()?;
        let options = reader.slice(options)?;
        let payload = reader.rest();
        Ok(Self { source, destination, sequence, acknowledgement, flags, window, urgent, options, payload })
    }

    /// Writes the segment as sent from one address to the other.
    ///
    /// # Panics
    /// If the options are not whole words or over 40 bytes.
    pub fn encode(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        assert!(
            self.options.len() <= 40 && self.options.len().is_multiple_of(4),
            "TCP options are 0 to 10 words"
        );
        let words =
            u8::try_from((Self::LEN + self.options.len()) / 4).expect("a header has at most 15 words");
        let mut bytes = Vec::with_capacity(Self::LEN + self.options.len() + self.payload.len());
        bytes.extend(self.source.to_be_bytes());
        bytes.extend(self.destination.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgement.to_be_bytes());
        bytes.extend([words << 4, self.flags.0]);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(self.urgent.to_be_bytes());
        bytes.extend(self.options);
        bytes.extend(self.payload);
        let sum = checksum::Sum::default().pseudo_header(source, destination, Protocol::TCP, bytes.len());
        let sum = sum.plus(&bytes).finish();
        checksum::put(&mut bytes, 16, sum);
        bytes
    }

    /// The largest segment that the sender takes, if the options say it. A broken list of options ends the search.
    pub fn max_segment_size(&self) -> Option<u16> {
        let mut options = self.options;
        loop {
            options = match *options {
                [1, ref rest @ ..] => rest,
                [2, 4, high, low, ..] => return Some(u16::from_be_bytes([high, low])),
                [kind, length, ..] if kind > 1 && length >= 2 => options.get(usize::from(length)..)?,
                _ => return None,
            };
        }
    }
}
