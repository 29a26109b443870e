//! Packets as values: decoding gives one that can only be valid or says why not, encoding fills in every length
//! and checksum.
//!
//! Nothing here panics on any input from the wire; [`law`] holds the properties that the fuzz targets and the
//! property tests both check. [`build`] makes whole frames in one expression, for tests.

mod address;
mod announcement;
mod arp;
pub mod build;
pub mod checksum;
mod describe;
mod dhcp;
mod error;
mod ethernet;
mod icmp;
mod icmpv6;
mod ipv4;
mod ipv6;
pub mod known;
pub mod law;
mod nd;
pub mod pcapng;
mod reader;
mod siphash;
mod tcp;
mod udp;
mod vrrp;
mod vxlan;

pub use address::{from_mapped, multicast_mac, solicited_node, to_mapped};
pub use announcement::{Announcement, Message, RecordKind};
pub use arp::{Arp, ArpOperation};
pub use describe::describe;
pub use dhcp::{Dhcp, DhcpKind, DhcpOptions, Lease};
pub use error::DecodeError;
pub use ethernet::{EtherType, Ethernet, VlanTag};
pub use icmp::{Icmp, IcmpError};
pub use icmpv6::{Icmpv6, Icmpv6Error};
pub use ipv4::Ipv4;
pub use ipv6::{Extension, Fragment, Ipv6, Upper};
pub use known::Protocol;
pub use nd::{Nd, NdOption, Prefix};
pub use siphash::siphash;
pub use tcp::{Tcp, TcpFlags};
pub use udp::Udp;
pub use vrrp::{Authentication, ChecksumForm, Vrrp, VrrpVersion};
pub use vxlan::Vxlan;
