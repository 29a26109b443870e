//! Why packets are dropped, in words for people, and what to do about it.

use crate::RefusalReason;

/// A reason of `enum reason` in `bpf/maps.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// Its number, for ever.
    pub number: u16,
    /// Its name in counters, metrics and JSON.
    pub name: &'static str,
    /// What happened.
    pub explanation: &'static str,
    /// What to do if it was meant; empty if there is nothing to do.
    pub remedy: &'static str,
}

/// The name in counters, metrics and JSON; `unknown` for a number of a later version.
pub fn reason_name(reason: RefusalReason) -> &'static str {
    self::reason(reason).map_or("unknown", |reason| reason.name)
}

/// The words for a reason; none for a number of a later version.
pub fn reason(reason: RefusalReason) -> Option<&'static Reason> {
    REASONS.iter().find(|known| known.number == reason.0)
}

const fn row(number: u16, name: &'static str, explanation: &'static str, remedy: &'static str) -> Reason {
    Reason { number, name, explanation, remedy }
}

const ASSOCIATE: &str = "if it was meant, associate this instance with the VIP";
const MAKE_VIP: &str = "if it was meant, create a VIP for this address and associate this instance";

/// Every reason, by number.
#[rustfmt::skip]
pub const REASONS: &[Reason] = &[
    row(1, "port_unknown", "the device is not a port of this switch", "wait until the agent has plugged the port"),
    row(2, "port_inactive", "the port is not active", "start the instance or activate the port"),
    row(3, "truncated", "the frame ends before its headers do", ""),
    row(4, "tagged", "the frame has a VLAN tag", "send untagged frames; a VPC separates networks by itself"),
    row(5, "qinq", "the frame has a service VLAN tag, or a tag behind another", "send untagged frames; a VPC separates networks by itself"),
    row(6, "snap", "the frame is of the old 802.3 form with LLC", "send Ethernet II frames"),
    row(7, "rarp", "reverse ARP, which is of use only as the first frame of a guest that has migrated", ""),
    row(8, "ethertype", "neither ARP nor IPv4 nor IPv6", "the fabric carries IP only"),
    row(9, "ipv6", "IPv6 in a subnet that has none", "give the subnet an IPv6 range, or use IPv4"),
    row(10, "arp_malformed", "the ARP packet is not one for IPv4 over Ethernet", ""),
    row(11, "ip_malformed", "the IP header contradicts itself or the frame", ""),
    row(12, "unchangeable", "the kernel could not rewrite the packet", ""),
    row(13, "nd_malformed", "the message of neighbour discovery is cut, was routed, or contradicts itself", ""),
    row(14, "nd_hidden", "neighbour discovery behind extension headers or in a fragment", ""),
    row(15, "ipv6_headers", "more than 8 IPv6 extension headers, in no order, cut, or not all of them in the first fragment", ""),

    row(16, "source_mac", "the frame's source MAC is not the interface's", "send with the interface's own MAC, or associate the instance with a VIP before using a VRRP MAC"),
    row(17, "arp_mac", "the MAC inside the ARP packet is not the frame's", "send ARP with the MAC that is in the Ethernet header"),
    row(18, "arp_sender", "the ARP packet says it is from an address that is not the interface's", MAKE_VIP),
    row(19, "claim_not_associated", "a VIP was announced by an interface that is not associated with it", ASSOCIATE),
    row(20, "claim_other_subnet", "a VIP was announced from another subnet", "claim a VIP from an interface of its own subnet"),
    row(21, "claim_of_address", "an ordinary address of somebody else was announced", MAKE_VIP),
    row(22, "claim_of_gateway", "the gateway's address was announced", "nobody can take over the gateway"),
    row(23, "claim_unknown", "an address that does not exist in the VPC was announced", MAKE_VIP),
    row(24, "claim_incarnation", "the VIP was made anew elsewhere and the configuration has not arrived here", "wait a moment; the instance is asked again then"),
    row(25, "epoch_limit", "the VIP's epoch has reached its limit", "renew the VIP"),
    row(26, "vip_unprepared", "the VIP has no record on this host", "look at the VIP's status: a map of this host may be full"),
    row(27, "vip_not_held", "an associated instance sent from a VIP that it does not hold", "nothing, if it is about to announce it; else remove the address from the instance"),
    row(28, "source_address", "the packet's source address is not the interface's", "if it was meant, add the address to the interface, create a VIP for it, or switch the source/destination check off"),
    row(29, "source_odd", "the packet's source is no host's address: zero, loopback, multicast or reserved", ""),
    row(30, "nd_mac", "the MAC inside the message of neighbour discovery is not the frame's", "send it with the MAC that is in the Ethernet header"),
    row(31, "arp_unknown", "ARP asked for an address that nobody has", ""),
    row(32, "advert_stranger", "a VRRP advert naming a VIP came from an instance that is not associated with it", "if it was meant, associate the instance or add the address to the VIP's advert sources"),
    row(33, "advert_malformed", "a VRRP advert is cut, fragmented, behind extension headers of IPv6, or names more than 20 addresses", ""),
    row(34, "advert_limited", "more than 500 multicast VRRP adverts a second from one interface", "use a longer advert interval, or unicast peers"),
    row(35, "claim_limited", "more claims of one VIP by one interface than a host without its agent follows", "announce less often, or start the host's agent"),
    row(36, "nd_sender", "neighbour discovery says it is from, or about, an address that is not the interface's", MAKE_VIP),
    row(37, "nd_unknown", "neighbour discovery asked for an address that nobody has", ""),
    row(38, "dhcp_server", "an instance, or somebody outside, sent to DHCP clients as a server does", "the fabric answers DHCP itself; addresses are given by the API"),
    row(39, "dhcp_mac", "a DHCP request for another MAC than the interface's", "ask with the interface's own MAC; what is behind an instance is not given addresses"),

    row(40, "multicast", "multicast is not flooded", "use unicast"),
    row(41, "broadcast", "broadcast is not flooded", "use unicast"),
    row(42, "no_route", "nobody in the VPC has the destination address", "check the address, or add a route"),
    row(43, "no_eip", "the destination is outside and the sender has no EIP", "bind an EIP to the instance or to the VIP it sends from"),
    row(44, "no_holder", "nobody holds the VIP", "start keepalived, or announce the VIP from an associated instance"),
    row(45, "holder_not_entitled", "the VIP's holder is not associated with it any more", "associate it again, or wait for the release"),
    row(46, "target_inactive", "the destination's port is not active", "start the instance"),
    row(47, "target_nowhere", "the destination's interface is plugged into no host", "start the instance"),
    row(48, "target_odd", "the destination is an address that is never forwarded", ""),
    row(49, "host_unknown", "the destination's host is not known here yet", ""),
    row(50, "to_self", "the packet leads back to the port that sent it", ""),
    row(51, "ttl", "the packet's time to live has ended", ""),
    row(52, "too_big", "the packet is larger than the destination takes", "lower the MTU of the instance"),
    row(53, "no_dhcp", "this host has no DHCP service", ""),
    row(54, "no_overlay", "this host has no way to other hosts", ""),
    row(55, "dhcp_limited", "more than 2 DHCP requests a second from one interface", ""),
    row(56, "probe_limited", "more than 10 probes a second by one interface for VIPs that others hold", ""),
    row(57, "mld", "multicast listener discovery: multicast is not flooded", ""),
    row(58, "router_advertisement", "an instance advertises itself as a router", "the subnet's gateway is the only router; add a route instead"),
    row(59, "redirect", "an instance redirects others", ""),
    row(60, "router_solicitation", "routers were asked for; the switch does not advertise itself", "give the instance its address and the gateway as default route"),
    row(61, "scope", "a packet from or to a link-local address would have to leave the subnet", "send from another address of the interface"),
    row(62, "next_hop_checked", "a custom route leads to an interface that may pass on only its own packets", "switch the interface's source/destination check off, or delete the route"),

    row(64, "outer_unknown", "a VXLAN packet from an address that is no host's", "somebody forges, or a host's underlay address is wrong"),
    row(65, "vni_reserved", "a VXLAN packet with a VNI that tenants cannot have", ""),
    row(66, "vni_marked", "a VXLAN packet that says it was passed on, and is of no kind that is", ""),
    row(67, "vni_unknown", "a VXLAN packet of a VPC that this host does not need", ""),
    row(68, "announcement_malformed", "an announcement that cannot be read", ""),
    row(69, "announcement_host", "an announcement by another host than the one it names", "somebody forges"),
    row(70, "not_holder", "a packet for a VIP that this host does not hold", ""),
    row(71, "not_here", "a packet for an interface that is not on this host", ""),
    row(72, "inner_odd", "a VXLAN packet that no switch of ours sends", ""),
    row(73, "announcement_forged", "a message between hosts without a good seal", "somebody forges, or a host was without the server while the keys were rotated"),
    row(74, "announcement_stale", "a sign of life between hosts that is old: repeated, or long under way", ""),
    row(75, "doubt_limited", "more doubts of one holder than hosts need to ask it", ""),
    row(76, "announcement_by_port", "an instance sent what only hosts tell each other", "somebody tries to forge moves of VIPs"),

    row(80, "eip_unknown", "a packet from outside for an address that is no bound EIP", "bind the EIP"),
    row(81, "edge_off", "this host is no edge, or the edge of this EIP is unknown", ""),
    row(82, "edge_inactive", "another edge answers for this EIP", ""),
    row(83, "edge_neighbour", "the outside neighbour has not answered ARP", ""),
    row(84, "edge_other", "a frame from outside is for an interface of an external subnet, and for no address of it", "if the interface routes, switch its source/destination check off"),
    row(85, "eip_bandwidth", "more than the EIP's bandwidth", "raise the EIP's bandwidth"),
    row(86, "to_underlay", "a packet to a host of the fabric was about to leave by an edge", "hosts are not reached from a VPC; use the server's public address for the API"),
    row(87, "outside_source", "a packet from outside says it is from an address of the VPC", "somebody outside forges"),
    row(88, "foreign_owner", "somebody outside has an address of an external subnet: it is not announced there", "give the interface or the VIP another address, or have the machine outside give it up"),
    row(89, "segment_limited", "more questions by ARP or neighbour discovery to the outside of an external subnet than one interface may ask", "somebody scans, or a program there has gone wild"),

    row(90, "mapped", "IPv6 with an IPv4 address for source, destination or neighbour (::ffff:0:0/96 or ::/96)", "send IPv4 as IPv4"),
    row(91, "group_ingress", "no rule of the interface's security groups lets it in", "if it was meant, add a rule that does to one of them"),
    row(92, "group_egress", "no rule of the interface's security groups lets it out", "if it was meant, add a rule that does to one of them"),
    row(93, "group_fragment", "a fragment whose first one did not pass, or whose first one hides its ports", ""),
    row(94, "flow_table_full", "a new connection, while the interface has as many in use as are remembered", "spread the load over more interfaces"),
    row(95, "outside_mac", "a frame from outside has the MAC of an interface inside", "somebody outside forges, or the outside network has a loop"),
];
