//! Addresses as the switch keys them, and the Ethernet addresses of multicast groups.

use havip_model::MacAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The 16 bytes of an address: IPv4 as ::ffff:a.b.c.d.
pub fn to_mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The address of 16 bytes; a mapped one is IPv4.
pub fn from_mapped(bytes: [u8; 16]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
}

/// The Ethernet address of a multicast group (RFC 1112 section 6.4, RFC 2464 section 7), or broadcast for
/// 255.255.255.255; none for a unicast address.
pub fn multicast_mac(group: IpAddr) -> Option<MacAddr> {
    match group {
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some(MacAddr::BROADCAST),
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            Some(MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d]))
        }
        IpAddr::V6(v6) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            Some(MacAddr([0x33, 0x33, a, b, c, d]))
        }
        _ => None,
    }
}

/// The group that asks for this address (RFC 4291 section 2.7.1): ff02::1:ff and its last three bytes.
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let mut group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0];
    group[13..].copy_from_slice(&[a, b, c]);
    group.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sixteen_bytes_and_addresses_are_the_same(bytes: [u8; 16], v4: [u8; 4]) {
            prop_assert_eq!(to_mapped(from_mapped(bytes)), bytes);
            prop_assert_eq!(from_mapped(to_mapped(v4.into())), IpAddr::from(v4));
        }
    }

    #[test]
    fn groups_have_the_ethernet_addresses_of_the_rfcs() {
        let mac = |text: &str| text.parse::<IpAddr>().ok().and_then(multicast_mac).map(|mac| mac.to_string());
        assert_eq!(mac("224.0.0.18").as_deref(), Some("01:00:5e:00:00:12"));
        assert_eq!(mac("239.255.1.2").as_deref(), Some("01:00:5e:7f:01:02"));
        assert_eq!(mac("ff02::12").as_deref(), Some("33:33:00:00:00:12"));
        assert_eq!(mac("255.255.255.255").as_deref(), Some("ff:ff:ff:ff:ff:ff"));
        assert_eq!(mac("10.0.0.1"), None);
        assert_eq!(mac("fd00::1"), None);
        let solicited = solicited_node("fd00::12:3456".parse().unwrap());
        assert_eq!(solicited.to_string(), "ff02::1:ff12:3456");
    }
}
