//! What to look for: the kernel's questions (`look_tell`), asked once more of what it does not sort out itself.

use super::{ANNOUNCEMENT_VNI, UNSEEN, tunnel};
use crate::layout::{self, Plain, octets};
use havip_model::Vni;
use std::net::IpAddr;

/// What to look for: only what is all of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Comes in or leaves by the device with this index.
    pub ifindex: Option<u32>,
    /// Is in this VPC.
    pub vni: Option<Vni>,
    /// Is from or for this address, in IP, ARP or neighbour discovery.
    pub address: Option<IpAddr>,
    /// Is of this protocol of IP; 1 is the ICMP of both families.
    pub protocol: Option<u8>,
    /// Is from or to this port of TCP or UDP.
    pub service: Option<u16>,
    /// Any, if none is named.
    pub verdicts: Verdicts,
    /// Also what hosts tell each other.
    pub messages: bool,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// It went on: to a port, to another host, or outside.
    Sent = 1,
    /// The switch answered it itself.
    Answered = 2,
    /// The switch took it for what it says.
    Used = 4,
    /// It ended here, for a reason.
    Dropped = 8,
    /// The same, and its sender was told.
    Refused = 16,
}

/// Some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdicts(u8);

impl FromIterator<Verdict> for Verdicts {
    fn from_iter<T: IntoIterator<Item = Verdict>>(some: T) -> Self {
        Self(some.into_iter().fold(0, |bits, one| bits | one as u8))
    }
}

impl Verdict {
    /// As `look_verdict` of the kernel decides.
    pub(super) fn of(seen: &layout::Seen) -> Self {
        match (seen.left_by != 0 && seen.left_by != UNSEEN, seen.reason != 0) {
            (true, true) => Self::Refused,
            (false, true) => Self::Dropped,
            (false, false) => Self::Used,
            (true, false) if seen.port != 0 && seen.ifindex == seen.left_by => Self::Answered,
            (true, false) => Self::Sent,
        }
    }
}

impl Wanted {
    /// As the kernel is told.
    pub(super) fn raw(&self) -> layout::LookWanted {
        layout::LookWanted {
            ifindex: self.ifindex.unwrap_or_default(),
            flags: u32::from(self.messages),
            vni: self.vni.map_or(0, Vni::get),
            verdicts: self.verdicts.0.into(),
            address: self.address.map_or([0; 16], octets),
            service: self.service.unwrap_or_default().to_be_bytes(),
            protocol: self.protocol.unwrap_or_default(),
            ..layout::LookWanted::zeroed()
        }
    }

    /// As `look_tell` decides; `vni` is that of the frame.
    pub(super) fn wants(&self, seen: &layout::Seen, vni: u32) -> bool {
        let is_message = tunnel(seen) == ANNOUNCEMENT_VNI;
        let is_the_hosts = seen.left_by == UNSEEN && seen.reason == 0;
        self.ifindex.is_none_or(|index| [seen.ifindex, seen.left_by].contains(&index))
            && (self.verdicts.0 == 0 || self.verdicts.0 & Verdict::of(seen) as u8 != 0)
            && !is_the_hosts
            && (self.messages || !is_message)
            && self.vni.is_none_or(|wanted| wanted.get() == vni)
            && self.is_about(&seen.frame[..(seen.captured as usize).min(seen.frame.len())])
    }

    /// The same questions as `look_is_about` of the kernel asks.
    fn is_about(&self, frame: &[u8]) -> bool {
        if (self.address, self.protocol, self.service) == (None, None, None) {
            return true;
        }
        let is_of_ip = self.protocol.is_some() || self.service.is_some();
        let word = |at: usize| frame.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
        let (at, ether_type) = match word(12) {
            Some(0x8100 | 0x88a8) => (18, word(16)),
            other => (14, other),
        };
        let has = |places: &[usize]| {
            self.address.is_none_or(|address| {
                let bytes = match address {
                    IpAddr::V4(v4) => v4.octets().to_vec(),
                    IpAddr::V6(v6) => v6.octets().to_vec(),
                };
                places.iter().any(|at| frame.get(*at..at + bytes.len()) == Some(&bytes[..]))
            })
        };
        let is_four = self.address.is_none_or(|address| address.is_ipv4());
        let is_six = self.address.is_none_or(|address| address.is_ipv6());
        let (protocol, behind, is_later) = match ether_type {
            Some(0x0806) => {
                return !is_of_ip && is_four && frame.len() >= at + 28 && has(&[at + 14, at + 24]);
            }
            // What hosts tell each other; their addresses have 16 bytes.
            Some(0x88b5) => {
                let wanted = self.address.map(octets);
                return !is_of_ip
                    && frame.len() >= at + 32
                    && wanted.is_some_and(|wanted| frame[at + 16..at + 32] == wanted);
            }
            Some(0x0800) if is_four && frame.len() >= at + 20 && has(&[at + 12, at + 16]) => {
                let is_later = frame[at + 6] & 0x1f != 0 || frame[at + 7] != 0;
                (frame[at + 9], at + usize::from(frame[at] & 0x0f) * 4, is_later)
            }
            Some(0x86dd) if is_six && frame.len() >= at + 40 => {
                let behind = at + 40;
                let is_neighbour = frame[at + 6] == ICMPV6
                    && frame.len() >= behind + 24
                    && [SOLICITATION, ADVERTISEMENT].contains(&frame[behind]);
                let is_about = has(&[at + 8, at + 24]) || is_neighbour && has(&[behind + 8]);
                if !is_about {
                    return false;
                }
                (if frame[at + 6] == ICMPV6 { ICMP } else { frame[at + 6] }, behind, false)
            }
            _ => return false,
        };
        let has_ports = || [6, 17].contains(&protocol) && !is_later && frame.len() >= behind + 4;
        self.protocol.is_none_or(|wanted| wanted == protocol)
            && self
                .service
                .is_none_or(|wanted| has_ports() && [word(behind), word(behind + 2)].contains(&Some(wanted)))
    }
}

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
