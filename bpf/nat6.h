/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Stateless translation of one address of an IPv6 packet: the address, the checksum behind it, and what an ICMPv6
 * error quotes.
 *
 * No checksum of IPv6 itself makes up for a changed address, so the device's sum of all bytes (CHECKSUM_COMPLETE)
 * changes with the address, and back with the checksum behind it.
 */
#ifndef HAVIP_NAT6_H
#define HAVIP_NAT6_H

#include "ipv6.h"
#include "nat.h"

/* One address for another: the source of what leaves, the destination of what enters. */
struct translation6 {
	__u32 vni; /* the VPC that is left or entered */
	__u32 side;
	__u8 from[16];
	__u8 to[16];
};

/* Where the checksum stands in what is behind the IPv6 headers; 0: nowhere. */
static __always_inline __u32 sum6_at(__u32 protocol)
{
	return protocol == IPPROTO_ICMPV6 ? offsetof(struct icmp6_head, checksum) : pseudo_sum_at(protocol);
}

static __always_inline __u32 address6_at(__u32 ip_at, __u32 side)
{
	return ip_at + (side == SIDE_SOURCE ? offsetof(struct ipv6hdr, saddr) : offsetof(struct ipv6hdr, daddr));
}

/* What a checksum over the first address changes by when it becomes the second. */
static __always_inline __s64 sum_of_change(const __u8 *from, const __u8 *to)
{
	return bpf_csum_diff((__be32 *)from, 16, (__be32 *)to, 16, 0);
}

/* `to` becomes what the quoted address is outside, or inside; false: nothing else. */
static __always_inline bool counterpart6(const struct translation6 *outer, const __u8 *quoted, struct ip16 *to)
{
	if (is_odd(quoted))
		return false;
	if (same_address(quoted, outer->from)) {
		__builtin_memcpy(to->address, outer->to, 16);
		return true;
	}
	if (outer->side == SIDE_SOURCE) {
		struct address_key key = { .vni = outer->vni };
		struct nat *nat;

		__builtin_memcpy(key.address, quoted, 16);
		nat = bpf_map_lookup_elem(&nats, &key);
		if (!nat)
			return false;
		__builtin_memcpy(to->address, nat->public_address, 16);
	} else {
		struct eip *eip = bpf_map_lookup_elem(&eips, quoted);

		if (!eip || eip->vni != outer->vni)
			return false;
		__builtin_memcpy(to->address, eip->target, 16);
	}
	return true;
}

/*
 * The packet that an ICMPv6 error quotes went the other way: its destination is translated where the error's source
 * is. The error's checksum covers it, and stays what it was if the quoted checksum makes up for the quoted address:
 * one right behind the quoted header. Behind extension headers nobody looks for it, as no receiver does.
 */
static __noinline bool translate_quoted6(struct __sk_buff *skb, __u32 icmp_at, const struct translation6 *outer)
{
	__u32 side = outer->side == SIDE_SOURCE ? SIDE_DESTINATION : SIDE_SOURCE;
	__u32 ip_at = icmp_at + sizeof(struct icmp6_head), sum_at, flags = 0;
	struct ip16 from __attribute__((aligned(8))), to __attribute__((aligned(8)));
	__u16 sum = 0;
	__u8 head[8];
	__s64 change;

	/* Quotes that are too short are of nothing that could be translated. */
	if (bpf_skb_load_bytes(skb, ip_at, head, sizeof(head)) || head[0] >> 4 != 6 ||
	    bpf_skb_load_bytes(skb, address6_at(ip_at, side), from.address, 16))
		return true;
	if (!counterpart6(outer, from.address, &to))
		return true;
	change = sum_of_change(from.address, to.address);
	sum_at = sum6_at(head[6]);
	if (sum_at)
		sum_at += ip_at + sizeof(struct ipv6hdr);
	/* Short quotes end before the checksum of TCP. */
	if (!sum_at || bpf_skb_load_bytes(skb, sum_at, &sum, sizeof(sum)) || !sum)
		sum_at = icmp_at + offsetof(struct icmp6_head, checksum);
	else if (head[6] == IPPROTO_UDP)
		flags = BPF_F_MARK_MANGLED_0;
	return !bpf_l4_csum_replace(skb, sum_at, 0, change, flags) &&
	       !bpf_skb_store_bytes(skb, address6_at(ip_at, side), to.address, 16, 0);
}

/* Translates; false if the packet cannot be changed, or contradicts itself. */
__noinline int translate6(struct __sk_buff *skb, struct translation6 *how)
{
	__u64 flags = BPF_F_PSEUDO_HDR;
	struct upper upper = {};
	__u32 sum_at;
	__u8 type;

	if (!how || find_upper(skb, &upper))
		return false;
	sum_at = sum6_at(upper.protocol);
	/* Behind the headers of a later fragment there is only data. */
	if (!upper.is_later && sum_at) {
		if (upper.at + sum_at + sizeof(__u16) > upper.end)
			return false;
		if (upper.protocol == IPPROTO_UDP)
			flags |= BPF_F_MARK_MANGLED_0;
		if (bpf_l4_csum_replace(skb, upper.at + sum_at, 0, sum_of_change(how->from, how->to), flags))
			return false;
		if (upper.protocol == IPPROTO_ICMPV6) {
			if (bpf_skb_load_bytes(skb, upper.at, &type, sizeof(type)))
				return false;
			if (type < ICMP6_ECHO_REQUEST && !translate_quoted6(skb, upper.at, how))
				return false;
		}
	}
	return !bpf_skb_store_bytes(skb, address6_at(IP6_AT, how->side), how->to, 16,
				    BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH);
}

#endif
