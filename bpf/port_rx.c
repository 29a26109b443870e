// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What a guest sends: who it says it is, then where it goes. Nothing falls through to the host's stack. */
#include "arp.h"
#include "dhcp.h"
#include "bymac.h"
#include "gateway.h"
#include "icmp.h"
#include "migration.h"
#include "show.h"

/* What one port may ask of the agent: 16 at once, then 2 a second. */
#define DHCP_TOKEN_NS 500000000ULL
#define DHCP_BURST 16
/* What one port may have copied to all hosts: 100 at once, then 500 a second; VRRP sends at most 100 per router. */
#define ADVERT_TOKEN_NS 2000000ULL
#define ADVERT_BURST 100

/* Whether the port may send from this address; 0 or a reason. The primary address was compared already. */
static __noinline __u32 judge_source(const struct settings *own, const struct port *port, __be32 source)
{
	__u8 first = *(__u8 *)&source;
	struct kept_record *held;
	struct address_key key;
	struct address *of;

	if (first == 0 || first == 127 || first >= 224)
		return REASON_SOURCE_ODD;
	key = vip_key(port->vni, source);
	of = bpf_map_lookup_elem(&addresses, &key);
	if (of && of->kind == ADDRESS_VIP) {
		held = held_record(&key, own->host, port->number);
		if (held && is_candidate(of, &key, port)) {
			note_sent(held, &key);
			return 0;
		}
		if (may_return_directly(&key, port->number))
			return 0;
		return is_candidate(of, &key, port) ? REASON_VIP_NOT_HELD : REASON_SOURCE_ADDRESS;
	}
	if (of && (of->kind == ADDRESS_GATEWAY || of->kind == ADDRESS_SEGMENT))
		return REASON_SOURCE_ADDRESS;
	if (of && of->port == port->number)
		return 0;
	return port->flags & PORT_CHECKED ? REASON_SOURCE_ADDRESS : 0;
}

/*
 * A router passes an error on that a gateway has sent to it about a packet of somebody behind it: without "too big"
 * no path MTU would be found through it. A redirect is none of these.
 */
static __noinline bool passes_error_on(struct __sk_buff *skb, const struct port *port)
{
	struct iphdr *ip = ip_header(skb);
	__u8 type;

	if ((port->flags & PORT_CHECKED) || !ip || ip->protocol != IPPROTO_ICMP ||
	    (ip->frag_off & bpf_htons(0x3fff)) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + ip->ihl * 4, &type, sizeof(type)))
		return false;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/* An address that is nowhere outside (RFC 1918, 6598, 3927): without an EIP it was meant for the VPC. */
static __always_inline bool is_private(__be32 address)
{
	__u32 host = bpf_ntohl(address);

	return host >> 24 == 10 || host >> 20 == 0xac1 || host >> 16 == 0xc0a8 || host >> 22 == 0x191 ||
	       host >> 16 == 0xa9fe;
}

static __always_inline int to_dhcp(struct __sk_buff *skb, const struct settings *own, const struct port *port)
{
	if (!own->dhcp_ifindex)
		return drop(skb, port->number, REASON_NO_DHCP, 0);
	if (!may_cause(LIMITED_DHCP, port, DHCP_TOKEN_NS, DHCP_BURST))
		return drop(skb, port->number, REASON_DHCP_LIMITED, 0);
	count(COUNT_DHCP_UP);
	skb->mark = 0;
	return bpf_redirect(own->dhcp_ifindex, 0);
}

/* A multicast advert: to this host's ports that should hear it, and to the VPC's other hosts. Called by the hook. */
static __noinline int multicast_advert(struct __sk_buff *skb, const struct port *port)
{
	struct advert advert = { .vni = port->vni, .offset = advert_offset(skb) };
	int reason;

	bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, saddr), &advert.source, sizeof(advert.source));
	if (!may_cause(LIMITED_ADVERTS, port, ADVERT_TOKEN_NS, ADVERT_BURST))
		return drop(skb, port->number, REASON_ADVERT_LIMITED, advert.source);
	remember_talker(port->subnet, port->number);
	reason = flood_advert(skb, &advert, port->number);
	if (reason)
		return drop(skb, port->number, reason, 0);
	send_to_members(skb, port->vni, port->vni);
	return TC_ACT_SHOT;
}

/* A packet for the outside: to the active edge of its source's EIP. Called by the hook. */
static __noinline int leave_from_port(struct __sk_buff *skb, const struct settings *own, const struct port *port)
{
	struct iphdr *ip = ip_header(skb);
	struct address_key key;
	__be32 destination;
	struct nat *nat;

	if (!ip)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	destination = ip->daddr;
	key = vip_key(port->vni, ip->saddr);
	nat = bpf_map_lookup_elem(&nats, &key);
	if (!nat)
		return drop(skb, port->number, REASON_NO_EIP, destination);
	return leave_vpc(skb, own, port->vni, port->number, nat, destination);
}

/* To the outside of the port's external subnet. */
static __always_inline int outwards(struct __sk_buff *skb, const struct port *port)
{
	skb->cb[SEGMENT_PORT] = port->number;
	return jump(skb, STAGE_SEGMENT_OUT, TC_ACT_SHOT);
}

static __noinline int ip_from_port(struct __sk_buff *skb, const struct settings *own, const struct port *port)
{
	struct parcel parcel = { .from = port->number };
	struct advert advert = {};
	struct address_key source_key;
	struct iphdr *ip;
	__u8 to_mac[ETH_ALEN];
	struct way way = {};
	struct nat *nat;
	__u32 reason, dhcp;
	__u8 first;

	if (!pull(skb, ETH_HLEN + sizeof(*ip)))
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	ip = ip_header(skb);
	if (!ip)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	if (!is_whole_ip(skb, ip))
		return drop(skb, port->number, REASON_IP_MALFORMED, 0);
	parcel.source = ip->saddr;
	parcel.destination = ip->daddr;
	__builtin_memcpy(to_mac, ETHERNET(ip)->h_dest, ETH_ALEN);
	first = *(__u8 *)&parcel.destination;

	dhcp = begins_udp(ip) ? judge_dhcp(skb, port, ETH_HLEN + ip->ihl * 4) : 0;
	if (dhcp && dhcp < REASON_MAX)
		return drop(skb, port->number, dhcp, parcel.destination);
	/* Questions are for everybody or for a server, and for no group. */
	if (first >= 224 && first < 240)
		dhcp = 0;
	if (parcel.source != last_word(port->primary) || !parcel.source) {
		if (!parcel.source && dhcp)
			return to_dhcp(skb, own, port);
		reason = judge_source(own, port, parcel.source);
		if (reason && !(reason == REASON_SOURCE_ADDRESS && passes_error_on(skb, port)))
			return drop(skb, port->number, reason, parcel.source);
	}
	ip = ip_header(skb);
	if (!ip)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	parcel.is_advert = is_advert(skb, ip);
	if (parcel.is_advert) {
		advert.vni = port->vni;
		advert.to = port->number;
		advert.source = parcel.source;
		advert.offset = advert_offset(skb);
		reason = advert.offset ? remember_advert(skb, &advert) : REASON_ADVERT_MALFORMED;
		if (reason)
			return drop(skb, port->number, reason, parcel.source);
		if (parcel.destination == VRRP_GROUP)
			return ADVERT_TO_ALL;
	}
	if (first >= 224 || (to_mac[0] & 1)) {
		if (dhcp)
			return to_dhcp(skb, own, port);
		if (first >= 240 || first < 224)
			return drop(skb, port->number, REASON_BROADCAST, parcel.destination);
		return drop(skb, port->number, REASON_MULTICAST, parcel.destination);
	}
	if (first == 0 || first == 127)
		return drop(skb, port->number, REASON_TARGET_ODD, parcel.destination);
	if (skb->len - ETH_HLEN > port->mtu && travel_size(skb) > port->mtu)
		return REFUSED + REASON_TOO_BIG + (port->mtu << 8);

	reason = find_way(port->vni, parcel.destination, &way);
	if (may_go_by_mac(&way) && !same_mac(to_mac, port->virtual_mac) && goes_by_mac(port, to_mac, &way))
		reason = 0;
	if (leads_back(&way, own, port->number))
		reason = REASON_NO_ROUTE;
	if (reason == REASON_TARGET_ODD) {
		if (dhcp)
			return to_dhcp(skb, own, port);
	}
	if (port->stamp) {
		__u32 forbidden = guard(skb, port->number, port->stamp, true);

		if (forbidden)
			return drop(skb, port->number, forbidden, parcel.destination);
	}
	if (is_external(port->subnet)) {
		/* Its own segment goes by IP; all else is outside, whatever the VPC has by that address. */
		if (!way.target || way.by_route || way.target->subnet != port->subnet)
			return OUTWARDS;
	} else if (way.target && is_external(way.target->subnet)) {
		return REFUSED + REASON_NO_ROUTE;
	}
	if (reason == REASON_TARGET_ODD) {
		ip = ip_header(skb);
		if (ip && is_ping(skb, ip))
			return answer_ping(skb, port);
		return REFUSED + reason;
	}
	if (reason == REASON_NO_ROUTE && leads_nowhere(&way)) {
		source_key = vip_key(port->vni, parcel.source);
		nat = bpf_map_lookup_elem(&nats, &source_key);
		if (!nat)
			return REFUSED + (is_private(parcel.destination) ? REASON_NO_ROUTE : REASON_NO_EIP);
		/* Routers outside may speak VRRP too, and believe what is sent to them alone. */
		if (parcel.is_advert)
			return drop(skb, port->number, REASON_ADVERT_STRANGER, parcel.destination);
		return step(skb, port->virtual_mac) ? LEAVES : REFUSED + REASON_TTL;
	}
	if (reason)
		return REFUSED + reason;
	if (way.host == own->host && way.port == port->number)
		return drop(skb, port->number, REASON_TO_SELF, parcel.destination);
	if ((way.by_route || way.target->subnet != port->subnet) && !step(skb, port->virtual_mac))
		return REFUSED + REASON_TTL;
	if (way.host != own->host)
		return to_host(skb, own, port->vni, way.host, port->number, parcel.destination);
	return deliver(skb, &way, &parcel);
}

SEC("tc")
int port_rx(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	__u32 ifindex = skb->ifindex;
	struct port *port = bpf_map_lookup_elem(&devices, &ifindex);
	struct ethhdr *ethernet;
	__be32 destination = 0;
	__u16 type;
	int verdict;

	look_begin(skb);
	if (!port || !own)
		return drop(skb, 0, REASON_PORT_UNKNOWN, 0);
	if (!takes_frames(skb, port))
		return drop(skb, port->number, REASON_PORT_INACTIVE, 0);
	if (skb->vlan_present) {
		if (skb->vlan_proto != bpf_htons(ETH_P_8021Q))
			return drop(skb, port->number, REASON_QINQ, 0);
		if (skb->vlan_tci & 0x0fff)
			return drop(skb, port->number, REASON_TAGGED, 0);
		if (bpf_skb_vlan_pop(skb))
			return drop(skb, port->number, REASON_UNCHANGEABLE, 0);
		/* A tag that stood behind it has taken its place. */
		if (skb->vlan_present)
			return drop(skb, port->number, REASON_QINQ, 0);
		count(COUNT_TAG_STRIPPED); /* VID 0: a priority, no network */
	}
	ethernet = (void *)(long)skb->data;
	if ((void *)(ethernet + 1) > (void *)(long)skb->data_end)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	type = bpf_ntohs(ethernet->h_proto);
	if (!same_mac(ethernet->h_source, port->mac) &&
	    !((is_vrrp_mac(ethernet->h_source) || is_ucarp_advert(skb, ethernet)) && is_associated(port->number)))
		return drop(skb, port->number, REASON_SOURCE_MAC, 0);

	switch (type) {
	case ETH_P_IP:
		verdict = ip_from_port(skb, own, port);
		if (verdict == ADVERT_TO_ALL)
			return multicast_advert(skb, port);
		if (verdict == LEAVES)
			return leave_from_port(skb, own, port);
		if (verdict == OUTWARDS)
			return outwards(skb, port);
		if (verdict < REFUSED)
			return verdict;
		bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, daddr), &destination, sizeof(destination));
		return refuse_ip_mtu(skb, port, verdict & 0xff, destination, verdict >> 8 & 0xffff);
	case ETH_P_ARP:
		verdict = arp_from_port(skb, own, port);
		if (verdict == OUTWARDS)
			return outwards(skb, port);
		if (verdict == ARP_ANNOUNCEMENT) {
			verdict = arp_announcement(skb, port);
			return verdict == SHOWS ? jump(skb, STAGE_SHOW, TC_ACT_SHOT) : verdict;
		}
		return verdict == ARP_ANSWER ? arp_answer(skb, port) : verdict;
	case ETH_P_IPV6:
		return jump(skb, STAGE_PORT6, TC_ACT_SHOT);
	case ETH_P_8021Q:
		return drop(skb, port->number, REASON_TAGGED, 0);
	case ETH_P_8021AD:
		return drop(skb, port->number, REASON_QINQ, 0);
	case ETH_P_RARP:
		return drop(skb, port->number, REASON_RARP, 0);
	case ANNOUNCEMENT_ETHERTYPE:
		return drop(skb, port->number, REASON_ANNOUNCEMENT_BY_PORT, 0);
	}
	return drop(skb, port->number, type < ETH_P_802_3_MIN ? REASON_SNAP : REASON_ETHERTYPE, 0);
}
