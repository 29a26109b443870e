/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* IPv6 into a VPC: from outside to what an EIP leads to, or back from the edge. */
#ifndef HAVIP_ENTER6_H
#define HAVIP_ENTER6_H

#include "enter.h"
#include "icmp6.h"
#include "nat6.h"

/* Words of skb->cb for STAGE_ENTER6. */
enum arrival6_word { ARRIVAL6_VNI, ARRIVAL6_HOW };
enum arrival6_how {
	AS_IT_IS,     /* to an address of the VPC */
	TURNED_BACK,  /* to an EIP, from another one */
	FROM_OUTSIDE, /* the same from the edge's device: it is routed, and its sender is told of errors */
};

static __always_inline int enter_vpc6(struct __sk_buff *skb, __u32 vni, enum arrival6_how how)
{
	skb->cb[ARRIVAL6_VNI] = vni;
	skb->cb[ARRIVAL6_HOW] = how;
	return jump(skb, STAGE_ENTER6, TC_ACT_SHOT);
}

/* A SYN's MSS is lowered to what fits both the outside and the fabric, unless extension headers are before it. */
static __noinline bool clamp6(struct __sk_buff *skb, const struct settings *own)
{
	__u8 next = 0, flags = 0;

	bpf_skb_load_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, nexthdr), &next, sizeof(next));
	if (next != IPPROTO_TCP)
		return true;
	bpf_skb_load_bytes(skb, UPPER_AT + TCP_FLAGS_AT, &flags, sizeof(flags));
	if (!(flags & TCP_FLAG_IS_SYN))
		return true;
	return clamp_mss(skb, UPPER_AT, room_behind(skb, own, sizeof(struct ipv6hdr) + sizeof(struct tcphdr)));
}

/* Drops what came for an EIP; who sent it from outside learns why from the EIP. */
static __always_inline int refuse_outside6(struct __sk_buff *skb, const struct ip16 *destination,
					   enum arrival6_how how, __u32 reason, __u32 mtu)
{
	int verdict = drop_about(skb, reason, 0, (struct ip16 *)destination);
	/* One bucket per kind for all the outside, as for IPv4. */
	struct complaint limit = { .port = complaint6_about(reason) };

	if (how != FROM_OUTSIDE || !limit.port)
		return verdict;
	return complain6(skb, &limit, limit.port, mtu, destination) ? send_back(skb) : verdict;
}

/* The largest packet that the way takes, if this one is larger; else 0. */
static __always_inline __u32 exceeded_mtu6(struct __sk_buff *skb, const struct settings *own, const struct way *way)
{
	struct port *to;
	__u32 mtu = 0;

	if (way->host != own->host)
		return bpf_check_mtu(skb, own->overlay_ifindex, &mtu, 0, BPF_MTU_CHK_SEGS) > 0 ? mtu : 0;
	to = bpf_map_lookup_elem(&ports, &way->port);
	return to && skb->len - ETH_HLEN > to->mtu && travel_size6(skb) > to->mtu ? to->mtu : 0;
}

/* Brings a packet to its address in the VPC, translating its destination if that is an EIP. */
SEC("tc")
int enter6_stage(struct __sk_buff *skb)
{
	struct translation6 inwards = { .side = SIDE_DESTINATION, .vni = skb->cb[ARRIVAL6_VNI] };
	struct way way = { .key.vni = inwards.vni };
	enum arrival6_how how = skb->cb[ARRIVAL6_HOW];
	const struct settings *own = the_settings();
	struct eip *eip = NULL;
	struct subnet *subnet;
	struct ip16 destination;
	struct ipv6hdr *ip;
	__u32 reason, mtu;

	if (!own || bpf_skb_load_bytes(skb, address6_at(IP6_AT, SIDE_DESTINATION), destination.address, 16))
		return TC_ACT_SHOT;
	__builtin_memcpy(way.key.address, destination.address, 16);
	if (how != AS_IT_IS) {
		eip = bpf_map_lookup_elem(&eips, &destination);
		if (!eip)
			return drop_about(skb, REASON_NO_ROUTE, 0, &destination);
		__builtin_memcpy(inwards.from, destination.address, 16);
		__builtin_memcpy(inwards.to, eip->target, 16);
		__builtin_memcpy(way.key.address, eip->target, 16);
	}
	reason = find_address(&way);
	if (reason || !way.target)
		return refuse_outside6(skb, &destination, how, reason, 0);
	subnet = bpf_map_lookup_elem(&subnets, &way.target->subnet);
	if (!subnet)
		return drop_about(skb, REASON_NO_ROUTE, 0, &destination);
	mtu = exceeded_mtu6(skb, own, &way);
	if (mtu)
		return refuse_outside6(skb, &destination, how, REASON_TOO_BIG, mtu);
	if (how == FROM_OUTSIDE) {
		if (eip && !is_within_bandwidth(skb, &destination, eip->bandwidth_mbps, DIRECTION_IN))
			return drop_about(skb, REASON_EIP_BANDWIDTH, 0, &destination);
		if (!step6(skb, subnet->virtual_mac))
			return refuse_outside6(skb, &destination, how, REASON_TTL, 0);
		if (!clamp6(skb, own))
			return drop_about(skb, REASON_UNCHANGEABLE, 0, &destination);
		count(COUNT_EDGE_IN);
	}
	if (eip && !translate6(skb, &inwards))
		return drop_about(skb, REASON_UNCHANGEABLE, 0, &destination);
	if (!pull(skb, UPPER_AT))
		return drop_about(skb, REASON_TRUNCATED, 0, &destination);
	ip = ip6_header(skb);
	if (!ip)
		return drop_about(skb, REASON_TRUNCATED, 0, &destination);
	__builtin_memcpy(ETHERNET(ip)->h_source, subnet->virtual_mac, ETH_ALEN);
	if (way.host != own->host)
		return to_host(skb, own, inwards.vni, way.host, 0, 0);
	return deliver6(skb, &way, 0);
}

#endif
