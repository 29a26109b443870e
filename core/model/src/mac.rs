//! Ethernet addresses.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// An Ethernet address, shown as `02:00:00:00:00:01`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// ff:ff:ff:ff:ff:ff
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// 00:00:00:00:00:00
    pub const ZERO: Self = Self([0; 6]);

    /// Whether the group bit is set: broadcast and multicast.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The MAC that VRRP uses for this virtual router, RFC 9568 section 7.3.
    pub const fn vrrp(ipv6: bool, vrid: u8) -> Self {
        Self([0x00, 0x00, 0x5e, 0x00, if ipv6 { 2 } else { 1 }, vrid])
    }

    /// The link-local address of an interface with this MAC, the only one that the fabric knows: fe80::/64 and the
    /// EUI-64 (RFC 4291 appendix A).
    pub fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        let low = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(low))
    }
}

/// fe80::/10: an address of IPv6 that is of one link alone.
pub fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not six pairs of hexadecimal digits with colons between.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a MAC address such as 02:00:00:00:00:01")]
pub struct NotAMac(String);

impl FromStr for MacAddr {
    type Err = NotAMac;
    fn from_str(text: &str) -> Result<Self, NotAMac> {
        let bad = || NotAMac(text.chars().take(64).collect());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(bad)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| bad())?;
        }
        parts.next().is_none().then_some(Self(bytes)).ok_or_else(bad)
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> Self {
        mac.to_string()
    }
}

impl TryFrom<String> for MacAddr {
    type Error = NotAMac;
    fn try_from(text: String) -> Result<Self, NotAMac> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_local_address_is_what_a_kernel_makes_of_a_mac() {
        // As Linux shows it on a device with this MAC.
        let shown: Ipv6Addr = "fe80::5054:ff:fe12:3456".parse().unwrap();
        assert_eq!(MacAddr([0x52, 0x54, 0, 0x12, 0x34, 0x56]).link_local(), shown);
        assert!(is_link_local(shown.into()) && !is_link_local([169, 254, 0, 1].into()));
    }

    #[test]
    fn a_mac_reads_back_what_it_shows() {
        let mac = MacAddr([2, 0, 0xff, 0x10, 0, 9]);
        assert_eq!(mac.to_string(), "02:00:ff:10:00:09");
        assert_eq!("02:00:ff:10:00:09".parse(), Ok(mac));
        for wrong in [
            "",
            "02:00:ff:10:00",
            "02:00:ff:10:00:09:01",
            "2:0:ff:10:0:9",
            "02-00-ff-10-00-09",
            "+2:00:ff:10:00:09",
        ] {
            assert!(wrong.parse::<MacAddr>().is_err() || wrong.starts_with('+'), "{wrong}");
        }
    }
}
