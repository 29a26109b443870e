// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * IPv6 that comes in from outside for a segment: the active edge answers neighbour discovery with the MAC of whoever
 * has the address, and brings what is sent there to it. As of IPv4 in segment_rx.c.
 */
#include "segment6.h"

/* Whether the address is of this segment, and of somebody's in it. */
static __always_inline struct address *of_segment(__u32 subnet, const struct address_key *key)
{
	struct address *of = is_odd(key->address) ? NULL : bpf_map_lookup_elem(&addresses, key);

	return of && of->subnet == subnet && (of->kind == ADDRESS_INTERFACE || of->kind == ADDRESS_VIP) ? of : NULL;
}

/* Who asks for an address of the segment is told the MAC of whoever has it. */
static __always_inline int answer_outside6(struct __sk_buff *skb, const struct settings *own,
					   const struct segment *segment, struct nd_saying *saying,
					   const struct address *of)
{
	struct ip16 *asked = (struct ip16 *)saying->target.address;
	__u8 mac[ETH_ALEN] = {};

	if (!shown_mac(&saying->target, of, mac))
		return drop_about(skb, of->kind == ADDRESS_VIP ? REASON_NO_HOLDER : REASON_TARGET_NOWHERE, 0, asked);
	switch (may_show(&saying->target, whose_is(of))) {
	case SHOWING_NOTHING:
		return drop_about(skb, REASON_FOREIGN_OWNER, 0, asked);
	case SHOWING_PROBE:
		/* Whoever asks will ask again; by then it is known whether somebody outside has the address. */
		if (skb->vlan_present)
			bpf_skb_vlan_pop(skb);
		look_left(0); /* it is used up, and so no longer the host's own */
		send_showing(skb, own, segment, SHOWING_PROBE, mac, &saying->target);
		return TC_ACT_SHOT;
	case SHOWING_ADDRESS:
		break;
	}
	if (!become_answer(skb, mac, 0, saying))
		return drop_about(skb, REASON_UNCHANGEABLE, 0, asked);
	count(COUNT_SEGMENT_ND_ANSWERED);
	return send_back(skb); /* under the tag that it came with, which the device keeps beside the frame */
}

/* The answer to a question of a port: to the host of whoever has the address that asked. */
static __always_inline int bring_answer6(struct __sk_buff *skb, const struct settings *own,
					 const struct segment *segment, __u32 subnet)
{
	struct way way = { .key.vni = segment->vni };

	if (bpf_skb_load_bytes(skb, address6_at(IP6_AT, SIDE_DESTINATION), way.key.address, 16) ||
	    is_odd(way.key.address) || find_address(&way) || way.target->subnet != subnet)
		return TO_THE_HOST;
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return drop_about(skb, REASON_UNCHANGEABLE, 0, (struct ip16 *)way.key.address);
	count(COUNT_SEGMENT_IN);
	if (way.host == own->host)
		return into_asker6(skb, own, segment, subnet);
	return to_host(skb, own, TUNNEL_SEGMENT | VNI_MARK | subnet, way.host, 0, 0);
}

SEC("tc")
int segment_nd_stage(struct __sk_buff *skb)
{
	__u32 subnet = skb->cb[SEGMENT_SUBNET];
	struct segment *segment = bpf_map_lookup_elem(&segments, &subnet);
	const struct settings *own = the_settings();
	struct nd_saying saying = {};
	struct address_key who;
	struct address *of;
	bool is_active;

	if (!own || !segment || read_nd(skb, segment->vni, &saying))
		return TO_THE_HOST;
	is_active = edge_of(segment) == own->host;
	/* The probe of DAD is nobody's; an advertisement says whose address its target is. */
	who = saying.type == ND_SOLICITATION ? saying.source : saying.target;
	of = bpf_map_lookup_elem(&addresses, &who);
	if (of && of->subnet != subnet)
		of = NULL;
	if (is_inside(subnet, &who, of, saying.mac)) {
		/* Another edge speaks; none does while this one is active, so somebody outside takes a guest's MAC. */
		if (is_active)
			return drop_about(skb, REASON_OUTSIDE_MAC, 0, (struct ip16 *)who.address);
		if (of && saying.type == ND_ADVERTISEMENT && saying.is_multicast)
			note_shown(&who, of);
		return TO_THE_HOST;
	}
	if (!is_active)
		return TO_THE_HOST;
	if (of) {
		note_foreign_owner(&who, of, saying.mac);
		return drop_about(skb, REASON_FOREIGN_OWNER, 0, (struct ip16 *)who.address);
	}
	if (saying.type == ND_ADVERTISEMENT)
		return saying.is_multicast ? TO_THE_HOST : bring_answer6(skb, own, segment, subnet);
	of = of_segment(subnet, &saying.target);
	return of ? answer_outside6(skb, own, segment, &saying, of) : TO_THE_HOST;
}

/* What an outsider may not send to a guest: a reason; IS_ADVERT, or 0, if it may. */
static __noinline __u32 judge_outsider6(struct __sk_buff *skb, __u32 subnet, const struct address_key *source)
{
	struct upper upper = {};
	__u8 from[ETH_ALEN];
	__u32 kind;

	if (is_odd(source->address))
		return judge_odd(source->address, REASON_SOURCE_ODD);
	if (is_multicast(source->address))
		return REASON_SOURCE_ODD;
	if (bpf_skb_load_bytes(skb, ETH_ALEN, from, sizeof(from)))
		return REASON_TRUNCATED;
	if (inside_mac(subnet, from))
		return REASON_OUTSIDE_MAC;
	/* Nobody outside has an address of the VPC: the guest would take it for a neighbour. */
	if (bpf_map_lookup_elem(&addresses, source))
		return REASON_OUTSIDE_SOURCE;
	kind = judge_upper(skb, &upper);
	if (kind == ND_MESSAGE)
		return REASON_ND_MALFORMED; /* somebody has routed it */
	if (kind && (kind < REASON_MAX || kind == IS_ADVERT))
		return kind;
	return upper.protocol == IPPROTO_UDP && !upper.is_later && is_for_client(skb, upper.at, DHCP6_CLIENT_PORT) ?
		       REASON_DHCP_SERVER :
		       0;
}

/* An advert of somebody outside: as another host's, for a port of this one. */
static __always_inline int hear_outsider(struct __sk_buff *skb, __u32 vni)
{
	skb->cb[OUTER_VNI] = vni;
	skb->cb[OUTER_HOST] = 0;
	skb->cb[OUTER_ADDRESS] = 0;
	skb->cb[OUTER_PASSED_ON] = true;
	return jump(skb, STAGE_ADVERT6_FROM_HOST, TC_ACT_SHOT);
}

/* A packet whose MAC is inside, to the address in way->key, by the active edge. */
static __always_inline int bring_in6(struct __sk_buff *skb, const struct settings *own,
				     const struct segment *segment, __u32 subnet, struct way *way, __u32 kind)
{
	struct ip16 destination __attribute__((aligned(4)));
	__u32 reason, mtu;

	__builtin_memcpy(destination.address, way->key.address, 16);
	reason = find_address(way);
	if (reason || !way->target)
		return refuse_outside6(skb, &destination, FROM_OUTSIDE, reason, 0);
	mtu = exceeded_mtu6(skb, own, way);
	if (mtu)
		return refuse_outside6(skb, &destination, FROM_OUTSIDE, REASON_TOO_BIG, mtu);
	if ((skb->vlan_present && bpf_skb_vlan_pop(skb)) || !clamp6(skb, own) || !pull(skb, UPPER_AT))
		return drop_about(skb, REASON_UNCHANGEABLE, 0, &destination);
	count(COUNT_SEGMENT_IN);
	if (way->host != own->host)
		return to_host(skb, own, segment->vni, way->host, 0, 0);
	return kind == IS_ADVERT ? hear_outsider(skb, segment->vni) : deliver6(skb, way, 0);
}

SEC("tc")
int segment_ip6_stage(struct __sk_buff *skb)
{
	__u32 subnet = skb->cb[SEGMENT_SUBNET], kind;
	struct segment *segment = bpf_map_lookup_elem(&segments, &subnet);
	const struct settings *own = the_settings();
	struct address_key source = {};
	struct mac_value *router;
	__u8 to_mac[ETH_ALEN];
	struct way way = {};
	struct address *of;
	struct ipv6hdr *ip;
	bool is_whole;
	__u8 type;

	if (!own || !segment || is_unspecified(segment->network6) || !pull(skb, UPPER_AT))
		return TO_THE_HOST;
	ip = ip6_header(skb);
	if (!ip)
		return TO_THE_HOST;
	is_whole = is_whole_ip6(skb, ip);
	if (is_whole && ip->nexthdr == IPPROTO_ICMPV6 && ip->hop_limit == ND_HOPS &&
	    !bpf_skb_load_bytes(skb, UPPER_AT, &type, sizeof(type)) &&
	    (type == ND_SOLICITATION || type == ND_ADVERTISEMENT))
		return jump(skb, STAGE_SEGMENT_ND, TO_THE_HOST);
	__builtin_memcpy(to_mac, ETHERNET(ip)->h_dest, ETH_ALEN);
	if ((to_mac[0] & 1) || same_mac(to_mac, own->edge_mac))
		return TO_THE_HOST;
	source.vni = segment->vni;
	way.key.vni = segment->vni;
	__builtin_memcpy(source.address, &ip->saddr, 16);
	__builtin_memcpy(way.key.address, &ip->daddr, 16);
	of = of_segment(subnet, &way.key);
	router = inside_mac(subnet, to_mac);
	if (!router && !is_inside(subnet, &way.key, of, to_mac))
		return TO_THE_HOST;
	if (edge_of(segment) != own->host)
		return drop_about(skb, REASON_EDGE_INACTIVE, 0, (struct ip16 *)way.key.address);
	if (!is_whole)
		return drop_about(skb, REASON_IP_MALFORMED, 0, (struct ip16 *)way.key.address);
	kind = judge_outsider6(skb, subnet, &source);
	if (kind && kind < REASON_MAX)
		return drop_about(skb, kind, 0, (struct ip16 *)source.address);
	if (is_odd(way.key.address))
		return drop_about(skb, judge_odd(way.key.address, REASON_TARGET_ODD), 0, (struct ip16 *)way.key.address);
	if (of)
		return bring_in6(skb, own, segment, subnet, &way, kind);
	return bring_to_router(skb, own, segment, subnet, router, (struct ip16 *)way.key.address);
}
