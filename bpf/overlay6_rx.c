// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* IPv6 from another host: a stage of overlay_rx. */
#include "nd.h"

/* The way to a port of this host by its link-local address; 0 or a reason. */
static __always_inline __u32 find_link_local(const struct settings *own, __u32 vni, const __u8 *address,
					     struct way *way)
{
	struct mac_key at = {};
	struct mac_value *here;
	struct port *to;

	if (!mac_of_link_local(address, at.mac))
		return REASON_NO_ROUTE;
	here = bpf_map_lookup_elem(&macs, &at);
	to = here ? bpf_map_lookup_elem(&ports, &here->port) : NULL;
	if (!to || to->vni != vni)
		return REASON_NOT_HERE;
	way->key.vni = vni;
	__builtin_memcpy(way->key.address, here->address, 16);
	way->target = bpf_map_lookup_elem(&addresses, &way->key);
	if (!way->target || way->target->kind != ADDRESS_INTERFACE)
		return REASON_NOT_HERE;
	way->host = own->host;
	way->port = to->number;
	return 0;
}

/* As is_from_next_hop of IPv4. */
static __noinline bool comes_from_next_hop(struct __sk_buff *skb, const struct way *way)
{
	struct way its = { .key.vni = way->key.vni };

	return !bpf_skb_load_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, saddr), its.key.address, 16) &&
	       !find_address(&its) && its.host == way->host && its.port == way->port;
}

/* Where a packet to the address in way->key goes: DELIVERS, PASSES_ON, LEAVES or a verdict. */
static __noinline int find_way_from_host(struct __sk_buff *skb, const struct settings *own, struct outer *from,
					 struct way *way)
{
	struct ip16 address __attribute__((aligned(4)));
	__u32 reason;
	bool is_vip;

	__builtin_memcpy(address.address, way->key.address, 16);
	if (is_multicast(address.address) || is_odd(address.address))
		return drop_outer(skb, REASON_INNER_ODD, from->address, 0);
	if (is_link_local(address.address)) {
		reason = find_link_local(own, from->vni, address.address, way);
		return reason ? drop_outer(skb, reason, from->address, 0) : DELIVERS;
	}
	reason = find_way_to_key(way);
	if (reason == REASON_NO_ROUTE && !way->target)
		reason = judge_vpc(from->vni);
	is_vip = way->target && way->target->kind == ADDRESS_VIP;
	if ((reason || way->by_route || way->host != own->host) && goes_by_mac_here(skb, own, way))
		return DELIVERS;
	if (own->edge_ifindex && !from->is_passed_on &&
	    (leads_nowhere(way) || (way->by_route && comes_from_next_hop(skb, way))))
		return LEAVES;
	if (reason)
		return drop_outer(skb, reason, from->address, 0);
	if (way->host == own->host)
		return DELIVERS;
	if (!from->is_passed_on && (is_vip || way->host != from->host)) {
		from->vip = way->key;
		from->holder = way->host;
		return PASSES_ON;
	}
	return drop_outer(skb, is_vip ? REASON_NOT_HOLDER : REASON_NOT_HERE, from->address, 0);
}

/*
 * What another host's packet is and where it goes: ND_MESSAGE, IS_ADVERT with nothing looked up yet, DELIVERS,
 * PASSES_ON, LEAVES, or a verdict.
 */
static __noinline int ip6_from_host(struct __sk_buff *skb, const struct settings *own, struct outer *from,
				    struct way *way)
{
	struct upper upper = {};
	struct ipv6hdr *ip;
	__u32 kind = 0;
	bool is_odd_source;

	if (!pull(skb, UPPER_AT))
		return drop_outer(skb, REASON_TRUNCATED, from->address, 0);
	ip = ip6_header(skb);
	if (!ip)
		return drop_outer(skb, REASON_TRUNCATED, from->address, 0);
	if (!is_whole_ip6(skb, ip))
		return drop_outer(skb, REASON_IP_MALFORMED, from->address, 0);
	way->key.vni = from->vni;
	__builtin_memcpy(way->key.address, &ip->daddr, 16);
	is_odd_source = is_odd((const __u8 *)&ip->saddr) || is_multicast((const __u8 *)&ip->saddr);
	if (ip->nexthdr != IPPROTO_TCP && ip->nexthdr != IPPROTO_UDP)
		kind = judge_upper(skb, &upper);
	if (kind == ND_MESSAGE)
		return bpf_map_lookup_elem(&members, &from->vni) ?
			       ND_MESSAGE :
			       drop_outer(skb, REASON_VNI_UNKNOWN, from->address, 0);
	/* The sender's switch has dropped what lies, and what concerns a link alone. */
	if (is_odd_source || (kind && kind < REASON_MAX))
		return drop_outer(skb, REASON_INNER_ODD, from->address, 0);
	if (kind == IS_ADVERT)
		return IS_ADVERT;
	return find_way_from_host(skb, own, from, way);
}

/* Whom a frame comes from, as overlay_rx has read it. */
static __always_inline struct outer outer_of(struct __sk_buff *skb)
{
	struct outer outer = {
		.vni = skb->cb[OUTER_VNI],
		.host = skb->cb[OUTER_HOST],
		.address = skb->cb[OUTER_ADDRESS],
		.is_passed_on = skb->cb[OUTER_PASSED_ON],
	};

	return outer;
}

SEC("tc")
int host6_stage(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	struct outer outer = outer_of(skb);
	struct way way = {};
	int verdict;

	if (!own)
		return TC_ACT_SHOT;
	verdict = ip6_from_host(skb, own, &outer, &way);
	switch (verdict) {
	case DELIVERS:
		return deliver6(skb, &way, 0);
	case PASSES_ON:
		return pass_on(skb, own, &outer);
	case LEAVES:
		return leave6(skb, outer.vni, 0, outer.address);
	case ND_MESSAGE:
		return nd_from_host(skb, own, outer.vni, outer.host);
	case IS_ADVERT:
		return jump(skb, STAGE_ADVERT6_FROM_HOST, TC_ACT_SHOT);
	}
	return verdict;
}
