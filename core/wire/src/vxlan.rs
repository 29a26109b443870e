//! The VXLAN header (RFC 7348).

use crate::{DecodeError, reader::Reader};

/// A VXLAN packet: an Ethernet frame of one virtual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vxlan<'a> {
    /// The virtual network; 24 bits.
    pub vni: u32,
    /// The inner frame.
    pub payload: &'a [u8],
}

impl<'a> Vxlan<'a> {
    /// The bytes of the header.
    pub const LEN: usize = 8;

    /// Reads a packet that names its network; reserved bits are ignored.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("a VXLAN header", bytes);
        let (flags, vni) = (reader.u32()?, reader.u32()? >> 8);
        if flags & 0x0800_0000 == 0 {
            return Err(DecodeError::wrong("the flags of VXLAN", flags));
        }
        Ok(Self { vni, payload: reader.rest() })
    }

    /// Writes the packet; bits of the network's number beyond 24 are not sent.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![8, 0, 0, 0];
        bytes.extend((self.vni << 8).to_be_bytes());
        bytes.extend(self.payload);
        bytes
    }
}
