// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * IPv6 without a tag that comes in by an edge's outside device: a stage of edge_rx. Whatever is for no EIP and no
 * external subnet goes on to the host's own stack.
 */
#include "dhcp.h"
#include "edge6.h"
#include "nd.h"

/* Who asks for an EIP is told the edge device's MAC, by the active edge only. */
static __always_inline int nd_from_outside(struct __sk_buff *skb, const struct settings *own)
{
	struct nd_saying saying = {};
	struct eip *eip;

	if (read_nd(skb, 0, &saying) || saying.type != ND_SOLICITATION)
		return TO_THE_HOST;
	eip = bpf_map_lookup_elem(&eips, saying.target.address);
	if (!eip)
		return TO_THE_HOST;
	if (active_edge(eip->vni, saying.target.address) != own->host)
		return drop_about(skb, REASON_EDGE_INACTIVE, 0, (struct ip16 *)saying.target.address);
	if (!become_answer(skb, own->edge_mac, 0, &saying))
		return drop(skb, 0, REASON_UNCHANGEABLE, 0);
	count(COUNT_EDGE_ND_ANSWERED);
	return send_back(skb);
}

/* Why nobody outside may send an EIP this packet; 0: they may. */
static __always_inline __u32 judge_outside6(struct __sk_buff *skb, const struct address_key *source)
{
	struct upper upper = {};
	__u32 kind;

	if (is_odd(source->address) || is_multicast(source->address) || is_link_local(source->address))
		return REASON_SOURCE_ODD;
	/* Nobody outside has an address of the VPC: the guest would take it for a neighbour. */
	if (bpf_map_lookup_elem(&addresses, source))
		return REASON_OUTSIDE_SOURCE;
	kind = judge_upper(skb, &upper);
	if (kind == ND_MESSAGE)
		return REASON_ND_MALFORMED; /* of a link that the guest is not on */
	if (kind == IS_ADVERT)
		return REASON_ADVERT_STRANGER;
	if (kind && kind < REASON_MAX)
		return kind;
	return upper.protocol == IPPROTO_UDP && !upper.is_later && is_for_client(skb, upper.at, DHCP6_CLIENT_PORT) ?
		       REASON_DHCP_SERVER :
		       0;
}

static __always_inline int ip6_from_outside(struct __sk_buff *skb, const struct settings *own)
{
	struct address_key source = {};
	struct ip16 destination;
	struct ipv6hdr *ip;
	struct eip *eip;
	__u32 reason;

	if (!pull(skb, UPPER_AT))
		return TO_THE_HOST;
	ip = ip6_header(skb);
	if (!ip)
		return TO_THE_HOST;
	__builtin_memcpy(destination.address, &ip->daddr, 16);
	/* In keys ::ffff:0:0/96 is IPv4, whose EIPs nobody reaches so. */
	if (is_odd(destination.address))
		return TO_THE_HOST;
	/* Nobody routes these, and none but solicitations is for an EIP. */
	if ((is_multicast(destination.address) || ip->hop_limit == ND_HOPS) && ip->nexthdr == IPPROTO_ICMPV6) {
		int verdict = nd_from_outside(skb, own);

		if (verdict != TO_THE_HOST)
			return verdict;
		ip = ip6_header(skb);
		if (!ip)
			return TO_THE_HOST;
	}
	if (!same_mac(ETHERNET(ip)->h_dest, own->edge_mac))
		return TO_THE_HOST;
	eip = bpf_map_lookup_elem(&eips, &destination);
	if (!eip)
		return TO_THE_HOST;
	if (!is_whole_ip6(skb, ip))
		return drop_about(skb, REASON_IP_MALFORMED, 0, &destination);
	source.vni = eip->vni;
	__builtin_memcpy(source.address, &ip->saddr, 16);
	reason = judge_outside6(skb, &source);
	if (reason)
		return drop_about(skb, reason, 0, (struct ip16 *)source.address);
	return enter_vpc6(skb, eip->vni, FROM_OUTSIDE);
}

SEC("tc")
int outside6_stage(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	int verdict = own ? ip6_from_outside(skb, own) : TO_THE_HOST;

	return verdict == TO_THE_HOST ? of_a_segment(skb) : verdict;
}
