//! The UDP header (RFC 768).

use crate::{DecodeError, Protocol, checksum, reader::Reader};
use std::net::IpAddr;

/// A UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Udp<'a> {
    /// Who sent it.
    pub source: u16,
    /// Who it is for.
    pub destination: u16,
    /// Zero in the field means there is none.
    pub has_checksum: bool,
    /// The user's bytes.
    pub payload: &'a [u8],
}

impl<'a> Udp<'a> {
    /// The bytes of the header.
    pub const LEN: usize = 8;

    /// A datagram with a checksum.
    pub fn new(source: u16, destination: u16, payload: &'a [u8]) -> Self {
        Self { source, destination, has_checksum: true, payload }
    }

    /// Reads a datagram; anything after its length is padding.
    ///
    /// The checksum is not compared: a packet from a local guest has none yet
    /// ([`checksum::segment_is_right`] compares it).
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("a UDP header", bytes);
        let (source, destination) = (reader.u16()?, reader.u16()?);
        let length = reader.u16()?;
        let has_checksum = reader.u16()? != 0;
        let Some(payload) = usize::from(length).checked_sub(Self::LEN) else {
            return Err(DecodeError::wrong("the length of UDP", length));
        };
        Ok(Self { source, destination, has_checksum, payload: reader.slice(payload)? })
    }

    /// Writes the datagram as sent from one address to the other.
    ///
    /// # Panics
    /// If it would be longer than 65 535 bytes.
    pub fn encode(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let length =
            u16::try_from(Self::LEN + self.payload.len()).expect("a UDP datagram has at most 65 535 bytes");
        let mut bytes = Vec::with_capacity(usize::from(length));
        bytes.extend(self.source.to_be_bytes());
        bytes.extend(self.destination.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(self.payload);
        if self.has_checksum {
            let sum = checksum::Sum::default().pseudo_header(source, destination, Protocol::UDP, bytes.len());
            let sum = sum.plus(&bytes).finish();
            // A sum of zero is sent as its other form, as zero means that there is none.
            checksum::put(&mut bytes, 6, if sum == 0 { 0xffff } else { sum });
        }
        bytes
    }
}
