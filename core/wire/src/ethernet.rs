//! Ethernet II frames, with the tags of 802.1Q and 802.1ad that may stand before the type.

use crate::{DecodeError, reader::Reader};
use havip_model::MacAddr;
use std::fmt;

/// What an Ethernet frame carries; below 0x0600 it is a length instead (802.3, SNAP).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// Reverse ARP: what QEMU sends for a guest that has migrated.
    pub const RARP: Self = Self(0x8035);
    /// A tag of 802.1Q follows.
    pub const VLAN: Self = Self(0x8100);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// A service tag of 802.1ad (QinQ) follows.
    pub const SERVICE_VLAN: Self = Self(0x88a8);
    /// Our announcement; 0x88B5 is for local experiments (IEEE 802).
    pub const ANNOUNCEMENT: Self = Self(0x88b5);

    /// Whether it is no type but the length of an 802.3 frame.
    pub fn is_length(self) -> bool {
        self.0 < 0x0600
    }

    fn is_tag(self) -> bool {
        matches!(self, Self::VLAN | Self::SERVICE_VLAN)
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {:04x}", self.0)
    }
}

/// One tag of 802.1Q or 802.1ad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VlanTag {
    /// Whether it is the service tag of 802.1ad.
    pub service: bool,
    /// Priority, drop eligible and VLAN, as on the wire.
    pub control: u16,
}

impl VlanTag {
    /// A tag of 802.1Q for this VLAN with priority 0.
    pub fn vlan(vlan: u16) -> Self {
        Self { service: false, control: vlan & 0xfff }
    }

    /// The VLAN: 1 to 4094; 0 only gives a priority.
    pub fn vlan_id(self) -> u16 {
        self.control & 0xfff
    }
}

/// An Ethernet frame without preamble and check sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ethernet<'a> {
    /// Who it is for.
    pub destination: MacAddr,
    /// Who sent it.
    pub source: MacAddr,
    /// The tags before the type, outermost first.
    pub tags: Vec<VlanTag>,
    /// What the payload is.
    pub ether_type: EtherType,
    /// Everything after the header, padding included.
    pub payload: &'a [u8],
}

impl<'a> Ethernet<'a> {
    /// The bytes of an untagged header.
    pub const LEN: usize = 14;

    /// Reads a frame; the payload may end in padding.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("an Ethernet header", bytes);
        let (destination, source) = (reader.mac()?, reader.mac()?);
        let mut ether_type = EtherType(reader.u16()?);
        let mut tags = Vec::new();
        while ether_type.is_tag() {
            tags.push(VlanTag { service: ether_type == EtherType::SERVICE_VLAN, control: reader.u16()? });
            ether_type = EtherType(reader.u16()?);
        }
        Ok(Self { destination, source, tags, ether_type, payload: reader.rest() })
    }

    /// Writes the frame, without padding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LEN + 4 * self.tags.len() + self.payload.len());
        bytes.extend(self.destination.0);
        bytes.extend(self.source.0);
        for tag in &self.tags {
            let ether_type = if tag.service { EtherType::SERVICE_VLAN } else { EtherType::VLAN };
            bytes.extend(ether_type.0.to_be_bytes());
            bytes.extend(tag.control.to_be_bytes());
        }
        bytes.extend(self.ether_type.0.to_be_bytes());
        bytes.extend(self.payload);
        bytes
    }
}
