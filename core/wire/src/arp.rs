//! ARP for IPv4 on Ethernet (RFC 826), and RARP, which has the same layout.

use crate::{DecodeError, EtherType, reader::Reader};
use havip_model::MacAddr;
use std::net::Ipv4Addr;

/// What an ARP packet wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArpOperation {
    /// Who has the target address?
    Request,
    /// The sender has it.
    Reply,
    /// RARP: which address do I have?
    ReverseRequest,
    /// RARP: this one.
    ReverseReply,
}

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// What it wants.
    pub operation: ArpOperation,
    /// The MAC of whoever speaks; claims count only if it equals the frame's (rule C1).
    pub sender_mac: MacAddr,
    /// The address of whoever speaks; 0.0.0.0 in a probe.
    pub sender: Ipv4Addr,
    /// Zero, ff or anything else in requests.
    pub target_mac: MacAddr,
    /// The address that is asked about.
    pub target: Ipv4Addr,
}

impl Arp {
    /// The bytes of an ARP packet.
    pub const LEN: usize = 28;

    /// Reads the first [`Self::LEN`] bytes; anything after them is padding.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("an ARP packet", bytes);
        // Asked for as one piece, so that the error names the whole length.
        let mut reader = Reader::new("an ARP packet", reader.slice(Self::LEN)?);
        expect("the hardware type of ARP", 1, reader.u16()?)?;
        expect("the protocol type of ARP", EtherType::IPV4.0, reader.u16()?)?;
        expect("the hardware and protocol sizes of ARP", 0x0604, reader.u16()?)?;
        let operation = match reader.u16()? {
            1 => ArpOperation::Request,
            2 => ArpOperation::Reply,
            3 => ArpOperation::ReverseRequest,
            4 => ArpOperation::ReverseReply,
            other => return Err(DecodeError::wrong("the ARP operation", other)),
        };
        let (sender_mac, sender) = (reader.mac()?, reader.ipv4()?);
        Ok(Self { operation, sender_mac, sender, target_mac: reader.mac()?, target: reader.ipv4()? })
    }

    /// Writes the packet.
    pub fn encode(&self) -> Vec<u8> {
        let operation: u16 = match self.operation {
            ArpOperation::Request => 1,
            ArpOperation::Reply => 2,
            ArpOperation::ReverseRequest => 3,
            ArpOperation::ReverseReply => 4,
        };
        let mut bytes = vec![0, 1, 0x08, 0x00, 6, 4];
        bytes.extend(operation.to_be_bytes());
        bytes.extend(self.sender_mac.0);
        bytes.extend(self.sender.octets());
        bytes.extend(self.target_mac.0);
        bytes.extend(self.target.octets());
        bytes
    }

    /// Asks who has `target`, as `sender`.
    pub fn request(sender_mac: MacAddr, sender: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self { operation: ArpOperation::Request, sender_mac, sender, target_mac: MacAddr::ZERO, target }
    }

    /// The answer to this request: `mac` has the target.
    pub fn answer(&self, mac: MacAddr) -> Self {
        Self {
            operation: ArpOperation::Reply,
            sender_mac: mac,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        }
    }

    /// A gratuitous request as keepalived sends it: target MAC ff.
    pub fn gratuitous(mac: MacAddr, address: Ipv4Addr) -> Self {
        Self { target_mac: MacAddr::BROADCAST, ..Self::request(mac, address, address) }
    }

    /// Sender and target address are the same, in a request or a reply (rule C1).
    pub fn is_gratuitous(&self) -> bool {
        self.sender == self.target && matches!(self.operation, ArpOperation::Request | ArpOperation::Reply)
    }

    /// Asks whether an address is free (RFC 5227): a request from 0.0.0.0.
    pub fn is_probe(&self) -> bool {
        self.operation == ArpOperation::Request
            && self.sender.is_unspecified()
            && !self.target.is_unspecified()
    }
}

fn expect(field: &'static str, wanted: u16, got: u16) -> Result<(), DecodeError> {
    (got == wanted).then_some(()).ok_or(DecodeError::wrong(field, got))
}
