/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Forwarding of IPv6: as of IPv4, and within a subnet by link-local address. */
#ifndef HAVIP_FORWARD6_H
#define HAVIP_FORWARD6_H

#include "ipv6.h"
#include "forward.h"

/* Whose a packet is, and for whom. */
struct parcel6 {
	struct address_key source;
	struct address_key destination;
	__u32 ping_at; /* where in the frame the request of a ping is; 0: it is none */
};

/* Words of skb->cb for STAGE_LEAVE6. */
enum departure6_word { DEPARTURE6_VNI, DEPARTURE6_PORT, DEPARTURE6_OUTER };

/* Hands over what leaves a VPC: of a port of this host, or of another host, whose underlay address is given. */
static __always_inline int leave6(struct __sk_buff *skb, __u32 vni, __u32 port, __be32 outer)
{
	skb->cb[DEPARTURE6_VNI] = vni;
	skb->cb[DEPARTURE6_PORT] = port;
	skb->cb[DEPARTURE6_OUTER] = outer;
	return jump(skb, STAGE_LEAVE6, TC_ACT_SHOT);
}

/* A size at which the packet, or each of its segments, would travel. */
static __always_inline __u32 travel_size6(struct __sk_buff *skb)
{
	__u32 headers = sizeof(struct ipv6hdr), size = skb->len - ETH_HLEN;
	struct ipv6hdr *ip;
	__u8 offset = 0;

	if (!skb->gso_size)
		return size;
	ip = ip6_header(skb);
	if (!ip)
		return size;
	if (ip->nexthdr == IPPROTO_TCP) {
		bpf_skb_load_bytes(skb, UPPER_AT + 12, &offset, 1);
		headers += (offset >> 4) * 4;
	} else {
		headers += sizeof(struct udphdr);
	}
	return headers + skb->gso_size;
}

/* A step of routing: one hop less, from the gateway's MAC. False: there is none left. */
static __always_inline bool step6(struct __sk_buff *skb, const __u8 *virtual_mac)
{
	struct ipv6hdr *ip = ip6_header(skb);
	__u8 hops;

	if (!ip || ip->hop_limit <= 1)
		return false;
	hops = ip->hop_limit - 1;
	__builtin_memcpy(ETHERNET(ip)->h_source, virtual_mac, ETH_ALEN);
	/* No checksum of the packet covers the field, but the device's sum of all bytes does. */
	if (bpf_skb_store_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, hop_limit), &hops, 1, BPF_F_RECOMPUTE_CSUM))
		return false;
	count(COUNT_ROUTED);
	return true;
}

/* Why the port of this host cannot be given the packet, with the MTU that fits << 8; 0: it can. */
static __always_inline __u32 judge_target6(struct __sk_buff *skb, const struct way *way, const struct port *to)
{
	if (!to || !way->target)
		return REASON_NOT_HERE;
	if (to->state == PORT_INACTIVE)
		return REASON_TARGET_INACTIVE;
	if (way->target->kind == ADDRESS_VIP && !is_candidate(way->target, &way->key, to))
		return REASON_HOLDER_NOT_ENTITLED;
	if (way->by_route && (to->flags & PORT_CHECKED))
		return REASON_NEXT_HOP_CHECKED;
	if (skb->len - ETH_HLEN > to->mtu && travel_size6(skb) > to->mtu)
		return REASON_TOO_BIG + (to->mtu << 8);
	return 0;
}

/* Writes the MAC of who receives the packet. */
static __always_inline bool address_to(struct __sk_buff *skb, const struct way *way, const struct port *to)
{
	struct ipv6hdr *ip = ip6_header(skb);

	if (!ip)
		return false;
	if (way->mac && way->mac >> 48 == (to->number & 0xffff))
		mac_of_word(way->mac, ETHERNET(ip)->h_dest);
	else
		__builtin_memcpy(ETHERNET(ip)->h_dest, to->mac, ETH_ALEN);
	return true;
}

/* Puts the packet into a port of this host, as `deliver` does. */
static __always_inline int deliver6(struct __sk_buff *skb, const struct way *way, __u32 from)
{
	struct port *to = bpf_map_lookup_elem(&ports, &way->port);
	__u32 reason = judge_target6(skb, way, to);

	if (reason || !to)
		return from ? REFUSED + reason : drop(skb, 0, reason & 0xff, 0);
	if (to->stamp) {
		reason = guard(skb, to->number, to->stamp, false);
		if (reason)
			return drop(skb, to->number, reason, 0);
	}
	if (!address_to(skb, way, to))
		return drop(skb, from, REASON_TRUNCATED, 0);
	return into_port(skb, to);
}

#endif
