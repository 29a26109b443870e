/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The gateway exists only here: it answers pings, so that people can see that it is there. */
#ifndef HAVIP_GATEWAY_H
#define HAVIP_GATEWAY_H

#include "deliver.h"

#define ICMP_ECHO_REQUEST 8

/* The packet is a whole ping, or the first fragment of one. */
static __always_inline bool is_ping(struct __sk_buff *skb, const struct iphdr *ip)
{
	__u8 type = 0;

	return ip->protocol == IPPROTO_ICMP && !(ip->frag_off & bpf_htons(0x1fff)) &&
	       !bpf_skb_load_bytes(skb, ETH_HLEN + ip->ihl * 4, &type, 1) && type == ICMP_ECHO_REQUEST;
}

/* Turns the ping around; the sums over swapped addresses stay what they were. */
static __noinline int answer_ping(struct __sk_buff *skb, const struct port *port)
{
	struct iphdr *ip = ip_header(skb);
	__u32 icmp_at, from;
	__u8 reply = 0;

	if (!ip)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	icmp_at = ETH_HLEN + ip->ihl * 4;
	from = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = from;
	__builtin_memcpy(ETHERNET(ip)->h_dest, ETHERNET(ip)->h_source, ETH_ALEN);
	__builtin_memcpy(ETHERNET(ip)->h_source, port->virtual_mac, ETH_ALEN);
	if (bpf_l4_csum_replace(skb, icmp_at + 2, bpf_htons(ICMP_ECHO_REQUEST << 8), 0, 2) ||
	    bpf_skb_store_bytes(skb, icmp_at, &reply, 1, 0))
		return drop(skb, port->number, REASON_UNCHANGEABLE, 0);
	count(COUNT_GATEWAY_ANSWERED);
	skb->mark = 0;
	return bpf_redirect(port->ifindex, 0);
}

#endif
