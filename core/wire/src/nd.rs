//! Neighbour discovery (RFC 4861): what ARP is for IPv4, and how routers make themselves known.

use crate::{DecodeError, reader::Reader};
use havip_model::MacAddr;
use std::net::Ipv6Addr;

/// A message of neighbour discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nd<'a> {
    /// Which routers are there?
    RouterSolicitation {
        /// More about the sender.
        options: Vec<NdOption<'a>>,
    },
    /// This router is.
    RouterAdvertisement {
        /// What hosts shall write into their packets; 0 says nothing.
        hop_limit: u8,
        /// Managed (0x80), other configuration (0x40) and newer flags.
        flags: u8,
        /// How long it may be the default router; 0: it is none.
        lifetime_secs: u16,
        /// How long a neighbour counts as reachable; 0 says nothing.
        reachable_ms: u32,
        /// The time between solicitations; 0 says nothing.
        retransmit_ms: u32,
        /// Prefixes and the MTU, among others.
        options: Vec<NdOption<'a>>,
    },
    /// Who has the target? From `::`: may I take it (DAD)?
    NeighbourSolicitation {
        /// The address asked for.
        target: Ipv6Addr,
        /// More about the sender.
        options: Vec<NdOption<'a>>,
    },
    /// The sender has the target.
    NeighbourAdvertisement {
        /// It is a router.
        router: bool,
        /// An answer; unsolicited ones may be claims (rule C1).
        solicited: bool,
        /// What others remember is to be replaced.
        override_flag: bool,
        /// The address spoken of.
        target: Ipv6Addr,
        /// The MAC that has it, as a rule.
        options: Vec<NdOption<'a>>,
    },
}

/// An option of such a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NdOption<'a> {
    /// The MAC of whoever speaks.
    SourceMac(MacAddr),
    /// The MAC that is spoken of.
    TargetMac(MacAddr),
    /// Addresses that are on this link.
    Prefix(Prefix),
    /// The MTU of the link, in bytes.
    Mtu(u32),
    /// Any other: its type and its bytes after the length.
    Other {
        /// Its type.
        kind: u8,
        /// 6, 14, 22, ... bytes.
        data: &'a [u8],
    },
}

/// A prefix of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Its bits that count.
    pub length: u8,
    /// On this link (0x80), good for own addresses (0x40).
    pub flags: u8,
    /// How long the prefix is on the link; all ones: for ever.
    pub valid_secs: u32,
    /// How long own addresses of it are preferred.
    pub preferred_secs: u32,
    /// The prefix.
    pub prefix: Ipv6Addr,
}

impl<'a> Nd<'a> {
    /// Reads what follows the checksum of ICMPv6, with the rules of RFC 4861 sections 6.1 and 7.1.
    pub(crate) fn decode(
        kind: u8,
        code: u8,
        data: &'a [u8],
        source: Ipv6Addr,
        destination: Ipv6Addr,
    ) -> Result<Self, DecodeError> {
        if code != 0 {
            return Err(DecodeError::wrong("the code of neighbour discovery", code));
        }
        let mut reader = Reader::new("a message of neighbour discovery", data);
        let head = reader.u32()?;
        let nd = match kind {
            133 => Self::RouterSolicitation { options: options(reader.rest())? },
            134 => Self::RouterAdvertisement {
                hop_limit: (head >> 24) as u8,
                flags: (head >> 16) as u8,
                lifetime_secs: head as u16,
                reachable_ms: reader.u32()?,
                retransmit_ms: reader.u32()?,
                options: options(reader.rest())?,
            },
            135 => Self::NeighbourSolicitation { target: reader.ipv6()?, options: options(reader.rest())? },
            136 => Self::NeighbourAdvertisement {
                router: head & 1 << 31 != 0,
                solicited: head & 1 << 30 != 0,
                override_flag: head & 1 << 29 != 0,
                target: reader.ipv6()?,
                options: options(reader.rest())?,
            },
            _ => return Err(DecodeError::wrong("the type of neighbour discovery", kind)),
        };
        nd.check(source, destination)?;
        Ok(nd)
    }

    fn check(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Result<(), DecodeError> {
        if self.target().is_some_and(|target| target.is_multicast()) {
            return Err(DecodeError::wrong("the target of neighbour discovery", 0xff_u8));
        }
        if source.is_unspecified() && self.source_mac().is_some() {
            return Err(DecodeError::wrong("the source MAC option of an unspecified sender", 1_u8));
        }
        match self {
            Self::NeighbourSolicitation { .. }
                if source.is_unspecified() && !is_solicited_node(destination) =>
            {
                Err(DecodeError::wrong("the destination of a probe", destination.octets()[0]))
            }
            Self::NeighbourAdvertisement { solicited: true, .. } if destination.is_multicast() => {
                Err(DecodeError::wrong("the solicited flag of a multicast advertisement", 1_u8))
            }
            _ => Ok(()),
        }
    }

    /// Writes what follows the checksum of ICMPv6.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match *self {
            Self::RouterSolicitation { .. } => bytes.extend([0; 4]),
            Self::RouterAdvertisement {
                hop_limit,
                flags,
                lifetime_secs,
                reachable_ms,
                retransmit_ms,
                ..
            } => {
                bytes.extend([hop_limit, flags]);
                bytes.extend(lifetime_secs.to_be_bytes());
                bytes.extend(reachable_ms.to_be_bytes());
                bytes.extend(retransmit_ms.to_be_bytes());
            }
            Self::NeighbourSolicitation { target, .. } => {
                bytes.extend([0; 4]);
                bytes.extend(target.octets());
            }
            Self::NeighbourAdvertisement { router, solicited, override_flag, target, .. } => {
                let flags = u8::from(router) << 7 | u8::from(solicited) << 6 | u8::from(override_flag) << 5;
                bytes.extend([flags, 0, 0, 0]);
                bytes.extend(target.octets());
            }
        }
        for option in self.options() {
            option.encode(&mut bytes);
        }
        bytes
    }

    /// The type of the ICMPv6 message.
    pub fn kind(&self) -> u8 {
        match self {
            Self::RouterSolicitation { .. } => 133,
            Self::RouterAdvertisement { .. } => 134,
            Self::NeighbourSolicitation { .. } => 135,
            Self::NeighbourAdvertisement { .. } => 136,
        }
    }

    /// Its options, in order.
    pub fn options(&self) -> &[NdOption<'a>] {
        match self {
            Self::RouterSolicitation { options }
            | Self::RouterAdvertisement { options, .. }
            | Self::NeighbourSolicitation { options, .. }
            | Self::NeighbourAdvertisement { options, .. } => options,
        }
    }

    /// The address asked for or spoken of.
    pub fn target(&self) -> Option<Ipv6Addr> {
        match *self {
            Self::NeighbourSolicitation { target, .. } | Self::NeighbourAdvertisement { target, .. } => {
                Some(target)
            }
            _ => None,
        }
    }

    /// The MAC that whoever speaks gives as its own.
    pub fn source_mac(&self) -> Option<MacAddr> {
        self.options().iter().find_map(|option| match option {
            NdOption::SourceMac(mac) => Some(*mac),
            _ => None,
        })
    }

    /// The MAC that has the target.
    pub fn target_mac(&self) -> Option<MacAddr> {
        self.options().iter().find_map(|option| match option {
            NdOption::TargetMac(mac) => Some(*mac),
            _ => None,
        })
    }

    /// An unsolicited advertisement with the override flag: the form of a claim (rule C1).
    pub fn is_gratuitous(&self) -> bool {
        matches!(self, Self::NeighbourAdvertisement { solicited: false, override_flag: true, .. })
    }
}

impl NdOption<'_> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        match *self {
            Self::SourceMac(mac) => {
                bytes.extend([1, 1]);
                bytes.extend(mac.0);
            }
            Self::TargetMac(mac) => {
                bytes.extend([2, 1]);
                bytes.extend(mac.0);
            }
            Self::Prefix(prefix) => {
                bytes.extend([3, 4, prefix.length, prefix.flags]);
                bytes.extend(prefix.valid_secs.to_be_bytes());
                bytes.extend(prefix.preferred_secs.to_be_bytes());
                bytes.extend([0; 4]);
                bytes.extend(prefix.prefix.octets());
            }
            Self::Mtu(mtu) => {
                bytes.extend([5, 1, 0, 0]);
                bytes.extend(mtu.to_be_bytes());
            }
            Self::Other { kind, data } => {
                bytes.extend([kind, ((data.len() + 2) / 8) as u8]);
                bytes.extend(data);
            }
        }
    }
}

fn options(bytes: &[u8]) -> Result<Vec<NdOption<'_>>, DecodeError> {
    let mut reader = Reader::new("an option of neighbour discovery", bytes);
    let mut options = Vec::new();
    while !reader.rest().is_empty() {
        let (kind, words) = (reader.u8()?, reader.u8()?);
        let Some(length) = (usize::from(words) * 8).checked_sub(2) else {
            return Err(DecodeError::wrong("the length of an option of neighbour discovery", words));
        };
        let data = reader.slice(length)?;
        let mut inside = Reader::new("an option of neighbour discovery", data);
        options.push(match (kind, words) {
            (1, 1) => NdOption::SourceMac(inside.mac()?),
            (2, 1) => NdOption::TargetMac(inside.mac()?),
            (3, 4) => {
                let (length, flags) = (inside.u8()?, inside.u8()?);
                let (valid_secs, preferred_secs) = (inside.u32()?, inside.u32()?);
                inside.u32()?;
                if length > 128 {
                    return Err(DecodeError::wrong("the length of a prefix", length));
                }
                NdOption::Prefix(Prefix { length, flags, valid_secs, preferred_secs, prefix: inside.ipv6()? })
            }
            (5, 1) => {
                inside.u16()?;
                NdOption::Mtu(inside.u32()?)
            }
            _ => NdOption::Other { kind, data },
        });
    }
    Ok(options)
}

fn is_solicited_node(address: Ipv6Addr) -> bool {
    crate::solicited_node(address) == address
}
