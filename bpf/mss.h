/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The largest TCP segment that two ends agree on, lowered where a smaller link begins.
 *
 * The edge does it in both directions: many firewalls outside swallow the ICMP errors that would do it.
 */
#ifndef HAVIP_MSS_H
#define HAVIP_MSS_H

#include "nat.h"
#include <linux/tcp.h>

#define TCP_FLAGS_AT 13
#define TCP_FLAG_IS_SYN 0x02
#define TCP_OPTIONS_MAX 40
#define TCP_OPTION_END 0
#define TCP_OPTION_NOTHING 1
#define TCP_OPTION_MSS 2

/* Writes the new size at `at`; a 16-bit field at an odd place counts with its bytes swapped. */
static __always_inline bool replace_mss(struct __sk_buff *skb, __u32 tcp_at, __u32 option, __be16 from, __be16 to)
{
	__u32 at = tcp_at + sizeof(struct tcphdr) + option + 2;
	__u32 sum_at = tcp_at + offsetof(struct tcphdr, check);
	bool is_odd = option & 1;

	return !bpf_l4_csum_replace(skb, sum_at, is_odd ? __builtin_bswap16(from) : from,
				    is_odd ? __builtin_bswap16(to) : to, sizeof(to)) &&
	       !bpf_skb_store_bytes(skb, at, &to, sizeof(to), 0);
}

/* The first packet of a connection, in either direction: the one that says the MSS. */
static __always_inline bool is_syn(struct __sk_buff *skb)
{
	struct iphdr *ip = ip_header(skb);
	__u8 flags = 0;

	if (!ip || ip->protocol != IPPROTO_TCP || ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
		return false;
	bpf_skb_load_bytes(skb, ETH_HLEN + ip->ihl * 4 + TCP_FLAGS_AT, &flags, sizeof(flags));
	return flags & TCP_FLAG_IS_SYN;
}

/* Lowers the MSS of a SYN, whose TCP header is at `at`; false if the packet cannot be changed. */
__noinline int clamp_mss(struct __sk_buff *skb, __u32 at, __u32 most)
{
	__u8 options[TCP_OPTIONS_MAX] = {};
	__u32 length, i, next = 0;
	struct tcphdr tcp;

	if (!most || most > 0xffff)
		return true;
	if (bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)))
		return false;
	if (tcp.doff <= sizeof(tcp) / 4)
		return true;
	length = tcp.doff * 4 - sizeof(tcp);
	if (length > TCP_OPTIONS_MAX)
		return true;
	if (bpf_skb_load_bytes(skb, at + sizeof(tcp), options, length))
		return false;

	/* Byte by byte, as the verifier sees no end of a chain of lengths. */
	for (i = 0; i + 3 < TCP_OPTIONS_MAX; i++) {
		__be16 from, to = bpf_htons(most);

		if (i < next)
			continue;
		if (i + 3 >= length || options[i] == TCP_OPTION_END)
			return true;
		if (options[i] == TCP_OPTION_NOTHING) {
			next = i + 1;
			continue;
		}
		if (options[i] == TCP_OPTION_MSS && options[i + 1] == 4) {
			__builtin_memcpy(&from, &options[i + 2], sizeof(from));
			return bpf_ntohs(from) <= most || replace_mss(skb, at, i, from, to);
		}
		if (options[i + 1] < 2)
			return true;
		next = i + options[i + 1];
	}
	return true;
}

#endif
