//! Numbers and addresses that standards, or Havip, gave a meaning.

use havip_model::MacAddr;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What an IP packet carries: the protocol of IPv4, the next header of IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// IPv6 hop-by-hop options; nothing in IPv4.
    pub const HOP_BY_HOP: Self = Self(0);
    /// ICMP for IPv4.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// IPv6 routing header.
    pub const ROUTING: Self = Self(43);
    /// IPv6 fragment header.
    pub const FRAGMENT: Self = Self(44);
    /// IPsec encrypted payload.
    pub const ESP: Self = Self(50);
    /// IPsec authentication header.
    pub const AUTHENTICATION: Self = Self(51);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self(58);
    /// IPv6: nothing follows.
    pub const NONE: Self = Self(59);
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: Self = Self(60);
    /// VRRP.
    pub const VRRP: Self = Self(112);
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::ICMP => "ICMP",
            Self::TCP => "TCP",
            Self::UDP => "UDP",
            Self::ICMPV6 => "ICMPv6",
            Self::VRRP => "VRRP",
            Self(number) => return write!(f, "protocol {number}"),
        };
        f.write_str(name)
    }
}

/// Where VRRP adverts go in IPv4.
pub const VRRP_IPV4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// Where VRRP adverts go in IPv6.
pub const VRRP_IPV6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// All IPv6 nodes of a link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All IPv6 routers of a link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// UDP port of DHCP servers.
pub const DHCP_SERVER_PORT: u16 = 67;
/// UDP port of DHCP clients.
pub const DHCP_CLIENT_PORT: u16 = 68;
/// UDP port of VXLAN unless configured otherwise (neither 4789 nor 8472: other software owns those).
pub const VXLAN_PORT: u16 = 7402;

/// The VNI that carries announcements only.
pub const ANNOUNCEMENT_VNI: u32 = 0xff_ffff;
/// Set in a VNI: this packet was passed on once already (rule C8).
pub const PASSED_ON_VNI_BIT: u32 = 1 << 23;
/// Who announcements come from in Ethernet.
pub const ANNOUNCEMENT_SOURCE: MacAddr = MacAddr([0x02, 0x68, 0x76, 0, 0, 0]);
