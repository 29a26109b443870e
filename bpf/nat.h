/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Stateless translation of one address of a packet: the IP header, the checksum behind it, and what an ICMP
 * error quotes.
 *
 * Only the checksum helpers touch checksums, so packets whose checksum is not filled in yet (CHECKSUM_PARTIAL)
 * or was summed by the device (CHECKSUM_COMPLETE) stay right.
 */
#ifndef HAVIP_NAT_H
#define HAVIP_NAT_H

#include "icmp.h"

enum side { SIDE_SOURCE = 1, SIDE_DESTINATION = 2 };

/* One address for another: the source of what leaves, the destination of what enters. */
struct translation {
	__u32 vni; /* the VPC that is left or entered */
	__u32 side;
	__be32 from;
	__be32 to;
};

/* Where the checksum stands behind the IP header that covers its addresses; 0: nowhere. */
static __always_inline __u32 pseudo_sum_at(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return 6;
	}
	return 0;
}

static __always_inline __u32 address_at(__u32 ip_at, __u32 side)
{
	return ip_at + (side == SIDE_SOURCE ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
}

/* The IP header's address and checksum; a sum over both stays what it was. */
static __always_inline bool replace_address(struct __sk_buff *skb, __u32 ip_at, __u32 side, __be32 from, __be32 to)
{
	return !bpf_l3_csum_replace(skb, ip_at + offsetof(struct iphdr, check), from, to, sizeof(to)) &&
	       !bpf_skb_store_bytes(skb, address_at(ip_at, side), &to, sizeof(to), BPF_F_INVALIDATE_HASH);
}

/* What the quoted packet's address is outside, or inside: the error's own translation, or another one's. */
static __always_inline __be32 counterpart(const struct translation *outer, __be32 quoted)
{
	if (quoted == outer->from)
		return outer->to;
	if (outer->side == SIDE_SOURCE) {
		struct address_key key = vip_key(outer->vni, quoted);
		struct nat *nat = bpf_map_lookup_elem(&nats, &key);

		return nat ? last_word(nat->public_address) : quoted;
	} else {
		struct ip16 key = mapped(quoted);
		struct eip *eip = bpf_map_lookup_elem(&eips, &key);

		return eip && eip->vni == outer->vni ? last_word(eip->target) : quoted;
	}
}

/*
 * The packet that an ICMP error quotes went the other way: its destination is translated where the error's source
 * is. The ICMP checksum covers it; the quoted IP header still sums to the same, its transport checksum does not.
 */
static __always_inline bool translate_quoted(struct __sk_buff *skb, __u32 icmp_at, const struct translation *outer)
{
	__u32 side = outer->side == SIDE_SOURCE ? SIDE_DESTINATION : SIDE_SOURCE;
	__u32 ip_at = icmp_at + sizeof(struct icmphdr), sum_at;
	__u16 before, after;
	struct iphdr ip;
	__be32 from, to;

	if (bpf_skb_load_bytes(skb, ip_at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return true; /* quotes nothing that could be translated */
	from = side == SIDE_SOURCE ? ip.saddr : ip.daddr;
	to = counterpart(outer, from);
	if (to == from)
		return true;
	sum_at = pseudo_sum_at(ip.protocol);
	if (sum_at && !(ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET))) {
		sum_at += ip_at + ip.ihl * 4;
		/* Short quotes end before the checksum of TCP. */
		if (!bpf_skb_load_bytes(skb, sum_at, &before, sizeof(before)) &&
		    (before || ip.protocol != IPPROTO_UDP)) {
			__u64 flags = ip.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;

			if (bpf_l4_csum_replace(skb, sum_at, from, to, flags | sizeof(to)) ||
			    bpf_skb_load_bytes(skb, sum_at, &after, sizeof(after)) ||
			    bpf_l4_csum_replace(skb, icmp_at + offsetof(struct icmphdr, checksum), before, after,
						sizeof(after)))
				return false;
		}
	}
	return replace_address(skb, ip_at, side, from, to);
}

/* Translates; false if the packet cannot be changed, or contradicts itself. */
__noinline int translate(struct __sk_buff *skb, struct translation *how)
{
	__u32 at, sum_at;
	struct iphdr ip;

	if (!how || bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return false;
	at = ETH_HLEN + ip.ihl * 4;
	/* Behind the IP header of a later fragment there is only data. */
	if (!(ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET))) {
		sum_at = pseudo_sum_at(ip.protocol);
		if (sum_at) {
			__u64 flags = BPF_F_PSEUDO_HDR | sizeof(how->to);

			/* A UDP checksum of zero stays zero: there is none. */
			if (ip.protocol == IPPROTO_UDP)
				flags |= BPF_F_MARK_MANGLED_0;
			if (bpf_l4_csum_replace(skb, at + sum_at, how->from, how->to, flags))
				return false;
		} else if (ip.protocol == IPPROTO_ICMP) {
			__u8 type;

			if (bpf_skb_load_bytes(skb, at, &type, sizeof(type)))
				return false;
			if (is_icmp_error(type) && !translate_quoted(skb, at, how))
				return false;
		}
	}
	return replace_address(skb, ETH_HLEN, how->side, how->from, how->to);
}

/* One hop less; the caller has seen that there is one more. */
static __always_inline bool lower_ttl(struct __sk_buff *skb, const struct iphdr *ip)
{
	/* TTL and protocol are one word of the checksum. */
	__be16 before = bpf_htons(ip->ttl << 8 | ip->protocol), after = bpf_htons((ip->ttl - 1) << 8 | ip->protocol);
	__u8 ttl = ip->ttl - 1;

	return !bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), before, after, sizeof(after)) &&
	       !bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl), &ttl, sizeof(ttl), 0);
}

#endif
