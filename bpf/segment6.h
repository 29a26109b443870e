/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * External subnets over IPv6: as of IPv4 in segment.h, with neighbour discovery for ARP.
 *
 * Link-local addresses of interfaces are in `addresses` there, as the outside reaches them like any other; what asks
 * from one is answered to it.
 */
#ifndef HAVIP_SEGMENT6_H
#define HAVIP_SEGMENT6_H

#include "edge6.h"
#include "nd.h"

/* The address may be of somebody on the segment: of its range, or link-local. */
static __always_inline bool is_on_link(const struct segment *segment, const __u8 *address)
{
	return is_link_local(address) || (word_of(address, 0) == word_of(segment->network6, 0) &&
					  word_of(address, 1) == word_of(segment->network6, 1));
}

/* On the edge: out by its device, under the segment's tag. `port` is the sender's; 0: it came over the underlay. */
static __always_inline int put_outside6(struct __sk_buff *skb, const struct settings *own,
					const struct segment *segment, __u32 port, bool asks)
{
	struct address_key sender = { .vni = segment->vni };
	struct ip16 destination;
	__u32 mtu = 0;

	if (!own->edge_ifindex)
		return drop(skb, port, REASON_EDGE_OFF, 0);
	if (bpf_skb_load_bytes(skb, address6_at(IP6_AT, SIDE_SOURCE), sender.address, 16) ||
	    bpf_skb_load_bytes(skb, address6_at(IP6_AT, SIDE_DESTINATION), destination.address, 16))
		return drop(skb, port, REASON_TRUNCATED, 0);
	if (asks) {
		/* Whoever hears the question notes who asks: that would be a fight. */
		if (has_foreign_owner(&sender))
			return drop_about(skb, REASON_FOREIGN_OWNER, port, (struct ip16 *)sender.address);
	} else {
		if (bpf_map_lookup_elem(&peers, &destination))
			return drop_about(skb, REASON_TO_UNDERLAY, port, &destination);
		if (bpf_check_mtu(skb, own->edge_ifindex, &mtu, 0, BPF_MTU_CHK_SEGS) > 0)
			return refuse_departure6(skb, &sender, port, REASON_TOO_BIG, mtu);
		if (!clamp6(skb, own))
			return drop_about(skb, REASON_UNCHANGEABLE, port, &destination);
	}
	if (segment->vlan && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), segment->vlan))
		return drop_about(skb, REASON_UNCHANGEABLE, port, &destination);
	count(COUNT_SEGMENT_OUT);
	skb->mark = 0;
	return bpf_redirect(own->edge_ifindex, 0);
}

/* What a port sends to nobody of its own segment, or asks of nobody in it. It has been judged. */
SEC("tc")
int segment_out6_stage(struct __sk_buff *skb)
{
	__u32 number = skb->cb[SEGMENT_PORT], asks = skb->cb[SEGMENT_ASKS], subnet, edge;
	struct port *port = bpf_map_lookup_elem(&ports, &number);
	const struct settings *own = the_settings();
	struct ip16 target __attribute__((aligned(4)));
	__u8 to_mac[ETH_ALEN] = {};
	struct segment *segment;

	if (!own || !port)
		return TC_ACT_SHOT;
	subnet = port->subnet;
	segment = bpf_map_lookup_elem(&segments, &subnet);
	if (asks) {
		if (bpf_skb_load_bytes(skb, UPPER_AT + offsetof(struct nd_message, target), target.address, 16))
			return drop(skb, number, REASON_TRUNCATED, 0);
		if (!segment || !is_on_link(segment, target.address))
			return drop_about(skb, REASON_ND_UNKNOWN, number, &target);
		if (!may_cause(LIMITED_OUTWARDS, port, OUTWARDS_TOKEN_NS, OUTWARDS_BURST))
			return drop_about(skb, REASON_SEGMENT_LIMITED, number, &target);
	} else {
		bpf_skb_load_bytes(skb, 0, to_mac, ETH_ALEN);
		/* The switch is no router here, and whoever is inside has no such address. */
		if (!segment || same_mac(to_mac, port->virtual_mac) || inside_mac(subnet, to_mac))
			return refuse6(skb, port, REASON_NO_ROUTE, 0);
	}
	edge = edge_of(segment);
	if (!edge)
		return asks ? drop(skb, number, REASON_EDGE_OFF, 0) : refuse6(skb, port, REASON_EDGE_OFF, 0);
	if (edge == own->host)
		return put_outside6(skb, own, segment, number, asks);
	return to_host(skb, own, TUNNEL_SEGMENT | subnet, edge, number, 0);
}

/* An answer from outside, into the port of this host that asked. */
static __always_inline int into_asker6(struct __sk_buff *skb, const struct settings *own,
				       const struct segment *segment, __u32 subnet)
{
	struct way way = { .key.vni = segment->vni };
	struct port *to;

	if (bpf_skb_load_bytes(skb, address6_at(IP6_AT, SIDE_DESTINATION), way.key.address, 16))
		return drop(skb, 0, REASON_TRUNCATED, 0);
	to = asker_here(own, subnet, &way);
	return to ? into_port(skb, to) : drop_about(skb, REASON_NOT_HERE, 0, (struct ip16 *)way.key.address);
}

/* Reads what another host sends of a segment: a solicitation or an advertisement, 0 for a packet, or a reason. */
static __noinline __u32 read_of_segment(struct __sk_buff *skb)
{
	struct upper upper = {};
	struct ipv6hdr *ip;
	bool to_many;
	__u32 kind;
	__u8 type;

	if (!pull(skb, UPPER_AT))
		return REASON_TRUNCATED;
	ip = ip6_header(skb);
	if (!ip)
		return REASON_TRUNCATED;
	if (!is_whole_ip6(skb, ip))
		return REASON_IP_MALFORMED;
	/* The sender's switch has dropped what lies, and what concerns a link alone. */
	if (is_odd((const __u8 *)&ip->saddr) || is_multicast((const __u8 *)&ip->saddr))
		return REASON_INNER_ODD;
	to_many = (ETHERNET(ip)->h_dest[0] & 1) || is_multicast((const __u8 *)&ip->daddr) ||
		  is_odd((const __u8 *)&ip->daddr);
	kind = judge_upper(skb, &upper);
	if (kind == ND_MESSAGE)
		return bpf_skb_load_bytes(skb, UPPER_AT, &type, sizeof(type)) ? REASON_TRUNCATED : REASON_MAX + type;
	return to_many || (kind && kind < REASON_MAX) ? REASON_INNER_ODD : 0;
}

/* A frame of a segment from another host: to the outside, or from it. */
SEC("tc")
int segment_host6_stage(struct __sk_buff *skb)
{
	__u32 subnet = skb->cb[SEGMENT_SUBNET], from_outside = skb->cb[SEGMENT_FROM_OUTSIDE];
	struct segment *segment = bpf_map_lookup_elem(&segments, &subnet);
	struct culprit who = { .outer = skb->cb[SEGMENT_OUTER] };
	const struct settings *own = the_settings();
	__u32 kind;

	if (!own || !segment)
		return TC_ACT_SHOT;
	kind = is_unspecified(segment->network6) ? REASON_INNER_ODD : read_of_segment(skb);
	/* Only questions go out, and only answers come in. */
	if (kind >= REASON_MAX && kind != REASON_MAX + (from_outside ? ND_ADVERTISEMENT : ND_SOLICITATION))
		kind = REASON_INNER_ODD;
	if (kind && kind < REASON_MAX)
		return drop_culprit(skb, kind, &who);
	/* Nothing that came in goes out again. */
	if (!from_outside)
		return put_outside6(skb, own, segment, 0, kind);
	return kind ? into_asker6(skb, own, segment, subnet) : into_router(skb, subnet);
}

#endif
