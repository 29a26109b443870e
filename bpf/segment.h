/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * External subnets: a segment of a provider's network, which the active edge joins to the ports at layer 2.
 *
 * What one port of the segment sends to another goes by IP, as everywhere. Everything else leaves by the MAC that its
 * sender found outside, untouched but for the VLAN tag; the switch routes neither into the segment nor out of it.
 */
#ifndef HAVIP_SEGMENT_H
#define HAVIP_SEGMENT_H

#include "edge.h"
#include "forward6.h"

/* Another program may sit behind this one; without one the host's stack takes the packet. */
#define TO_THE_HOST TC_ACT_UNSPEC
/* A frame of a segment travels between hosts under its subnet's number instead of a VNI, with VNI_MARK from outside. */
#define TUNNEL_SEGMENT (1 << 22)
/* What one port may ask outside by ARP or neighbour discovery: 32 at once, then 20 a second. */
#define OUTWARDS_TOKEN_NS 50000000ULL
#define OUTWARDS_BURST 32

/* Words of skb->cb for the stages of segments. */
enum segment_word { SEGMENT_SUBNET, SEGMENT_PORT, SEGMENT_OUTER, SEGMENT_FROM_OUTSIDE, SEGMENT_ASKS };

/* The host that joins the segment to the outside now; 0: none. */
static __always_inline __u32 edge_of(const struct segment *segment)
{
	struct address_key key = vip_key(segment->vni, segment->network);
	struct kept_record *kept = bpf_map_lookup_elem(&records, &key);
	__u64 holder = kept ? READ_ONCE(kept->now.holder) : 0;

	return !holder || is_released(holder) ? 0 : holder_host(holder);
}

/* The interface of this subnet with this MAC, on whatever host. */
static __always_inline struct mac_value *inside_mac(__u32 subnet, const __u8 *mac)
{
	struct mac_key at = { .subnet = subnet };

	__builtin_memcpy(at.mac, mac, ETH_ALEN);
	return bpf_map_lookup_elem(&macs, &at);
}

/* Somebody outside is known to have this address of the segment. */
static __always_inline bool has_foreign_owner(const struct address_key *key)
{
	struct outsider *known = bpf_map_lookup_elem(&outsiders, key);

	return known && known->heard_at;
}

/* On the edge: out by its device, under the segment's tag. `port` is the sender's; 0: it came over the underlay. */
static __always_inline int put_outside(struct __sk_buff *skb, const struct settings *own,
				       const struct segment *segment, __u32 port)
{
	struct departure leaving = { .vni = segment->vni, .port = port };
	struct address_key sender;
	struct arp_frame *frame;
	struct iphdr *ip;
	struct ip16 key;
	__u32 mtu = 0;

	if (!own->edge_ifindex)
		return drop(skb, port, REASON_EDGE_OFF, 0);
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (!pull(skb, ETH_HLEN + sizeof(*ip)))
			return drop(skb, port, REASON_TRUNCATED, 0);
		ip = ip_header(skb);
		if (!ip)
			return drop(skb, port, REASON_TRUNCATED, 0);
		leaving.source = ip->saddr;
		leaving.destination = ip->daddr;
		key = mapped(leaving.destination);
		/* As through an EIP: hosts of the fabric are nobody's business. */
		if (leaving.destination == own->underlay || bpf_map_lookup_elem(&peers, &key))
			return drop(skb, port, REASON_TO_UNDERLAY, leaving.destination);
		if (bpf_check_mtu(skb, own->edge_ifindex, &mtu, 0, BPF_MTU_CHK_SEGS) > 0)
			return refuse_departure(skb, &leaving, REASON_TOO_BIG, mtu);
		if (!clamp(skb, own))
			return drop(skb, port, REASON_UNCHANGEABLE, leaving.destination);
	} else {
		if (!pull(skb, sizeof(*frame)))
			return drop(skb, port, REASON_TRUNCATED, 0);
		frame = arp_frame(skb);
		if (!frame)
			return drop(skb, port, REASON_TRUNCATED, 0);
		/* Whoever hears the question notes who asks: that would be a fight. */
		leaving.source = frame->arp.sender;
		sender = vip_key(segment->vni, leaving.source);
		if (has_foreign_owner(&sender))
			return drop(skb, port, REASON_FOREIGN_OWNER, leaving.source);
	}
	if (segment->vlan && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), segment->vlan))
		return drop(skb, port, REASON_UNCHANGEABLE, leaving.destination);
	count(COUNT_SEGMENT_OUT);
	skb->mark = 0;
	return bpf_redirect(own->edge_ifindex, 0);
}

/* What a port sends to nobody of its own segment. It has been judged; its answers come by what it is known for. */
SEC("tc")
int segment_out_stage(struct __sk_buff *skb)
{
	__u32 number = skb->cb[SEGMENT_PORT], edge;
	struct port *port = bpf_map_lookup_elem(&ports, &number);
	const struct settings *own = the_settings();
	__u8 to_mac[ETH_ALEN] = {};
	struct segment *segment;
	struct arp_frame *frame;
	__be32 destination = 0;
	__u32 subnet;

	if (!own || !port)
		return TC_ACT_SHOT;
	subnet = port->subnet;
	segment = bpf_map_lookup_elem(&segments, &subnet);
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, daddr), &destination, sizeof(destination));
		bpf_skb_load_bytes(skb, 0, to_mac, ETH_ALEN);
		/* The switch is no router here, and whoever is inside has no such address. */
		if (!segment || same_mac(to_mac, port->virtual_mac) || inside_mac(subnet, to_mac))
			return refuse_ip(skb, port, REASON_NO_ROUTE, destination);
	} else {
		frame = arp_frame(skb);
		if (!frame || !segment)
			return drop(skb, number, REASON_TRUNCATED, 0);
		destination = frame->arp.target;
		if ((destination & segment->mask) != segment->network)
			return drop(skb, number, REASON_ARP_UNKNOWN, destination);
		if (!may_cause(LIMITED_OUTWARDS, port, OUTWARDS_TOKEN_NS, OUTWARDS_BURST))
			return drop(skb, number, REASON_SEGMENT_LIMITED, destination);
	}
	edge = edge_of(segment);
	if (!edge && skb->protocol == bpf_htons(ETH_P_IP))
		return refuse_ip(skb, port, REASON_EDGE_OFF, destination);
	if (!edge)
		return drop(skb, number, REASON_EDGE_OFF, destination);
	if (edge == own->host)
		return put_outside(skb, own, segment, number);
	return to_host(skb, own, TUNNEL_SEGMENT | subnet, edge, number, destination);
}

/* IPv6 of a port, or its question for a neighbour, to the outside of its external subnet. */
static __always_inline int outwards6(struct __sk_buff *skb, const struct port *port, bool asks)
{
	skb->cb[SEGMENT_PORT] = port->number;
	skb->cb[SEGMENT_ASKS] = asks;
	return jump(skb, STAGE_SEGMENT_OUT6, TC_ACT_SHOT);
}

/* The port of this host that an answer from outside, to the address in way->key, is for; NULL: none. */
static __always_inline struct port *asker_here(const struct settings *own, __u32 subnet, struct way *way)
{
	struct port *to;

	if (find_address(way) || way->target->subnet != subnet || way->host != own->host)
		return NULL;
	to = bpf_map_lookup_elem(&ports, &way->port);
	if (!to || to->state == PORT_INACTIVE ||
	    (way->target->kind == ADDRESS_VIP && !is_candidate(way->target, &way->key, to)))
		return NULL;
	return to;
}

/* The port of this host that routes for others, and has this MAC; NULL: none. */
static __always_inline struct port *router_here(__u32 subnet, const __u8 *mac)
{
	struct mac_value *value = inside_mac(0, mac);
	struct port *to = value ? bpf_map_lookup_elem(&ports, &value->port) : NULL;

	if (!to || to->subnet != subnet || to->state == PORT_INACTIVE || (to->flags & PORT_CHECKED))
		return NULL;
	return to;
}

/* From outside to the port of this host that routes, by its MAC. */
static __always_inline int into_router(struct __sk_buff *skb, __u32 subnet)
{
	__u8 to_mac[ETH_ALEN] = {};
	struct port *to;
	__u32 reason;

	if (bpf_skb_load_bytes(skb, 0, to_mac, ETH_ALEN))
		return drop(skb, 0, REASON_TRUNCATED, 0);
	to = router_here(subnet, to_mac);
	if (!to)
		return drop(skb, 0, REASON_NOT_HERE, 0);
	if (skb->len - ETH_HLEN > to->mtu &&
	    (skb->protocol == bpf_htons(ETH_P_IPV6) ? travel_size6(skb) : travel_size(skb)) > to->mtu)
		return drop(skb, 0, REASON_TOO_BIG, 0);
	if (to->stamp) {
		reason = guard(skb, to->number, to->stamp, false);
		if (reason)
			return drop(skb, to->number, reason, 0);
	}
	return into_port(skb, to);
}

/* From outside into a port of this host, by what is not IP to an address of the segment. */
static __always_inline int into_segment(struct __sk_buff *skb, const struct settings *own,
					const struct segment *segment, __u32 subnet)
{
	struct arp_frame *frame;
	struct way way = {};
	struct port *to;

	if (skb->protocol != bpf_htons(ETH_P_ARP))
		return into_router(skb, subnet);
	if (!pull(skb, sizeof(*frame)))
		return drop(skb, 0, REASON_TRUNCATED, 0);
	frame = arp_frame(skb);
	if (!frame)
		return drop(skb, 0, REASON_TRUNCATED, 0);
	way.key = vip_key(segment->vni, frame->arp.target);
	to = asker_here(own, subnet, &way);
	return to ? into_port(skb, to) : drop(skb, 0, REASON_NOT_HERE, frame->arp.target);
}

/* Why no switch of ours sends this packet between hosts; 0: one may. */
static __noinline __u32 judge_of_segment(struct __sk_buff *skb)
{
	struct iphdr *ip;

	if (!pull(skb, ETH_HLEN + sizeof(*ip)))
		return REASON_TRUNCATED;
	ip = ip_header(skb);
	if (!ip)
		return REASON_TRUNCATED;
	if (!is_whole_ip(skb, ip))
		return REASON_IP_MALFORMED;
	return (ETHERNET(ip)->h_dest[0] & 1) || !is_unicast(ip->saddr) || !is_unicast(ip->daddr) ? REASON_INNER_ODD :
												  0;
}

/* A frame of a segment from another host: to the outside, or from it. */
SEC("tc")
int segment_host_stage(struct __sk_buff *skb)
{
	__u32 subnet = skb->cb[SEGMENT_SUBNET];
	struct segment *segment = bpf_map_lookup_elem(&segments, &subnet);
	struct culprit who = { .outer = skb->cb[SEGMENT_OUTER] };
	const struct settings *own = the_settings();
	__u32 reason;

	if (!is_external(subnet))
		return drop_culprit(skb, REASON_VNI_RESERVED, &who);
	if (!own || !segment)
		return drop_culprit(skb, REASON_VNI_UNKNOWN, &who);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return jump(skb, STAGE_SEGMENT_HOST6, TC_ACT_SHOT);
	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_ARP))
		return drop_culprit(skb, REASON_INNER_ODD, &who);
	reason = skb->protocol == bpf_htons(ETH_P_IP) ? judge_of_segment(skb) : 0;
	if (reason)
		return drop_culprit(skb, reason, &who);
	/* Nothing that came in goes out again. */
	if (skb->cb[SEGMENT_FROM_OUTSIDE])
		return into_segment(skb, own, segment, subnet);
	return put_outside(skb, own, segment, 0);
}

#endif
