/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * IPv6 out of a VPC: as of IPv4 in edge.h, but that the packet itself says what an IPv4 one has no room for in skb->cb.
 */
#ifndef HAVIP_EDGE6_H
#define HAVIP_EDGE6_H

#include "edge.h"
#include "enter6.h"

#define AF_INET6 10

/* Drops what was about to leave; its sender learns why from its gateway, also on another host. */
static __always_inline int refuse_departure6(struct __sk_buff *skb, const struct address_key *sender, __u32 port,
					     __u32 reason, __u32 mtu)
{
	struct port *from = port ? bpf_map_lookup_elem(&ports, &port) : NULL;
	struct complaint limit = { .vni = sender->vni, .sender = last_word(sender->address) };
	struct ip16 source __attribute__((aligned(4)));
	__u32 kind = complaint6_about(reason);
	struct subnet *subnet;
	struct address *its;
	int verdict;

	if (from)
		return refuse6(skb, from, reason, mtu);
	verdict = drop(skb, 0, reason, 0);
	its = bpf_map_lookup_elem(&addresses, sender);
	subnet = its ? bpf_map_lookup_elem(&subnets, &its->subnet) : NULL;
	if (!kind || !subnet || is_unspecified(subnet->gateway6))
		return verdict;
	__builtin_memcpy(source.address, subnet->gateway6, 16);
	return complain6(skb, &limit, kind, mtu, &source) ? enter_vpc6(skb, sender->vni, AS_IT_IS) : verdict;
}

/* To another EIP: translated twice, without going out. Says REFUSED if the sender is to be told. */
static __always_inline int turn_back6(struct __sk_buff *skb, __u32 port, struct translation6 *outwards,
				      const struct eip *eip)
{
	struct way way = { .key.vni = eip->vni };
	__u32 reason;

	__builtin_memcpy(way.key.address, eip->target, 16);
	reason = find_address(&way);
	if (reason)
		return REFUSED + reason;
	if (!translate6(skb, outwards))
		return drop(skb, port, REASON_UNCHANGEABLE, 0);
	count(COUNT_HAIRPIN);
	return enter_vpc6(skb, eip->vni, TURNED_BACK);
}

/*
 * On the edge: the source becomes the EIP; then out by the edge device, or back in if the destination is an EIP. Says
 * REFUSED if the sender is to be told.
 */
static __always_inline int go_outside6(struct __sk_buff *skb, const struct settings *own, __u32 port,
				       struct translation6 *outwards)
{
	struct bpf_redir_neigh next = { .nh_family = AF_INET6 };
	struct pool_key pool_key = { .prefixlen = 128 };
	struct ip16 key, *pool;
	struct eip *eip;
	__u32 mtu = 0;
	long fits;

	if (!own->edge_ifindex)
		return REFUSED + REASON_EDGE_OFF;
	if (bpf_skb_load_bytes(skb, address6_at(IP6_AT, SIDE_DESTINATION), key.address, 16))
		return drop(skb, port, REASON_TRUNCATED, 0);
	eip = bpf_map_lookup_elem(&eips, &key);
	if (eip)
		return turn_back6(skb, port, outwards, eip);
	__builtin_memcpy(pool_key.address, outwards->to, 16);
	pool = bpf_map_lookup_elem(&pools, &pool_key);
	if (!pool)
		return REFUSED + REASON_EDGE_OFF;
	/* Without a router outside, only the edge's own network is reached. */
	__builtin_memcpy(next.ipv6_nh, is_unspecified(pool->address) ? key.address : pool->address, 16);
	fits = bpf_check_mtu(skb, own->edge_ifindex, &mtu, 0, BPF_MTU_CHK_SEGS);
	if (fits)
		return REFUSED + (fits > 0 ? REASON_TOO_BIG + (mtu << 8) : REASON_EDGE_OFF);
	__builtin_memcpy(key.address, outwards->to, 16);
	eip = bpf_map_lookup_elem(&eips, &key);
	if (eip && !is_within_bandwidth(skb, &key, eip->bandwidth_mbps, DIRECTION_OUT))
		return drop(skb, port, REASON_EIP_BANDWIDTH, 0);
	if (!clamp6(skb, own) || !translate6(skb, outwards))
		return drop(skb, port, REASON_UNCHANGEABLE, 0);
	count(COUNT_EDGE_OUT);
	skb->mark = 0;
	return bpf_redirect_neigh(own->edge_ifindex, &next, sizeof(next), 0);
}

/*
 * A packet whose destination nobody in the VPC has: if its source has an EIP it goes to that one's active edge, which
 * may be this host. What another host sent is translated here whether this edge is the active one or not: while that
 * changes the hosts do not all know the same, and every edge translates alike. Its hop limit is lowered already.
 */
SEC("tc")
int leave6_stage(struct __sk_buff *skb)
{
	__u32 port = skb->cb[DEPARTURE6_PORT], edge;
	__be32 outer = skb->cb[DEPARTURE6_OUTER];
	struct address_key sender = { .vni = skb->cb[DEPARTURE6_VNI] };
	struct translation6 outwards = { .side = SIDE_SOURCE, .vni = sender.vni };
	const struct settings *own = the_settings();
	struct nat *nat;
	int verdict;

	if (!own || bpf_skb_load_bytes(skb, address6_at(IP6_AT, SIDE_SOURCE), sender.address, 16))
		return TC_ACT_SHOT;
	nat = bpf_map_lookup_elem(&nats, &sender);
	if (!nat)
		return outer ? drop_outer(skb, judge_vpc(sender.vni), outer, 0) :
			       drop(skb, port, REASON_NO_EIP, 0);
	__builtin_memcpy(outwards.from, sender.address, 16);
	__builtin_memcpy(outwards.to, nat->public_address, 16);
	edge = outer ? own->host : active_edge(sender.vni, outwards.to);
	if (!edge)
		return refuse_departure6(skb, &sender, port, REASON_EDGE_OFF, 0);
	if (!outer)
		count(COUNT_LEFT_VPC);
	if (edge != own->host)
		return to_host(skb, own, sender.vni, edge, port, 0);
	verdict = go_outside6(skb, own, port, &outwards);
	if (verdict < REFUSED)
		return verdict;
	return refuse_departure6(skb, &sender, port, verdict & 0xff, verdict >> 8 & 0xffff);
}

#endif
