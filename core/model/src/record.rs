//! The holder record of a VIP and its order (rules C4, C5 and C7 of `design.md` section 5).

use crate::{HostNumber, MacAddr, PortNumber, Vni};
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt, net::IpAddr};

/// A VIP as the switch knows it: an address of one VPC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VipKey {
    /// The VPC.
    pub vni: Vni,
    /// The VIP's address.
    pub address: IpAddr,
}

impl fmt::Debug for VipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.address, self.vni)
    }
}

/// Which making of a VIP a record belongs to: one counter for all VIPs ever made, a greater one is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

/// Which of two claims is newer.
///
/// Greater than the VIP's last one, and at least the milliseconds since 1970 in the upper 48 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Epochs from here on are neither made nor accepted, on any host alike.
    pub const LIMIT: Self = Self(1 << 63);

    /// The epoch of a claim at `now_ms` (since 1970) that follows `self`; none if the limit is reached.
    pub fn next(self, now_ms: u64) -> Option<Self> {
        let clock = now_ms.min(u64::MAX >> 16) << 16;
        let epoch = Self(self.0.saturating_add(1).max(clock));
        epoch.is_valid().then_some(epoch)
    }

    /// Below the limit.
    pub fn is_valid(self) -> bool {
        self < Self::LIMIT
    }

    /// The clock part, in milliseconds since 1970.
    pub fn millis(self) -> u64 {
        self.0 >> 16
    }
}

/// A port of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The host whose switch the port is on.
    pub host: HostNumber,
    /// The port.
    pub port: PortNumber,
}

/// Who holds a VIP, as every host of the VPC records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The VIP's making.
    pub incarnation: Incarnation,
    /// The claim's epoch.
    pub epoch: Epoch,
    /// Who claimed.
    pub holder: Holder,
    /// The holder gave it up or was lost: nobody holds the VIP now.
    pub released: bool,
    /// The MAC that the holder claimed with: its own or VRRP's.
    pub mac: MacAddr,
    /// Moves since the VIP was made.
    pub moves: u32,
}

impl Record {
    /// The order of records: (incarnation, epoch, host, port, released), rule C5.
    pub fn rank(&self) -> (Incarnation, Epoch, HostNumber, PortNumber, bool) {
        (self.incarnation, self.epoch, self.holder.host, self.holder.port, self.released)
    }

    /// Whether this record replaces `other` wherever both are known.
    pub fn outranks(&self, other: &Self) -> bool {
        self.rank().cmp(&other.rank()) == Ordering::Greater
    }

    /// Who holds the VIP now, if anybody does.
    pub fn present_holder(&self) -> Option<Holder> {
        (!self.released).then_some(self.holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_never_falls_behind_the_last_nor_the_clock() {
        assert_eq!(Epoch(5).next(0), Some(Epoch(6)));
        assert_eq!(Epoch(5).next(1), Some(Epoch(1 << 16)));
        assert_eq!(Epoch(9 << 16).next(8), Some(Epoch((9 << 16) + 1)));
        assert_eq!(Epoch((1 << 63) - 1).next(0), None);
        assert_eq!(Epoch(0).next(u64::MAX), None);
    }
}
