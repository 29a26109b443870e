/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ICMPv6 of the switch's own: errors, as in complain.h, and the gateway's answer to a ping. */
#ifndef HAVIP_ICMP6_H
#define HAVIP_ICMP6_H

#include "complain.h"
#include "forward6.h"

/* Type and code of the errors made here. */
enum complaint6_kind {
	COMPLAINT6_NO_ROUTE = ICMP6_UNREACHABLE << 8,
	COMPLAINT6_PROHIBITED = ICMP6_UNREACHABLE << 8 | 1, /* administratively */
	COMPLAINT6_SCOPE = ICMP6_UNREACHABLE << 8 | 2, /* beyond the scope of a link-local address */
	COMPLAINT6_ADDRESS = ICMP6_UNREACHABLE << 8 | 3,
	COMPLAINT6_TOO_BIG = ICMP6_TOO_BIG << 8,
	COMPLAINT6_HOPS = ICMP6_TIME_EXCEEDED << 8,
};

struct icmp6_error {
	__u8 zero[2]; /* aligns what follows Ethernet */
	struct ethhdr ethernet;
	struct ipv6hdr ip;
	struct icmp6_head icmp;
};

#define ICMP6_GROWTH (sizeof(struct ipv6hdr) + sizeof(struct icmp6_head))
#define ICMP6_SUM_AT (UPPER_AT + offsetof(struct icmp6_head, checksum))

/* The error that fits the reason; 0: the sender is told nothing. */
static __always_inline __u16 complaint6_about(__u32 reason)
{
	switch (reason) {
	case REASON_NO_ROUTE:
		return COMPLAINT6_NO_ROUTE;
	case REASON_NO_EIP:
		return COMPLAINT6_PROHIBITED;
	case REASON_SCOPE:
		return COMPLAINT6_SCOPE;
	case REASON_TTL:
		return COMPLAINT6_HOPS;
	case REASON_TOO_BIG:
		return COMPLAINT6_TOO_BIG;
	case REASON_NO_HOLDER:
	case REASON_NEXT_HOP_CHECKED:
	case REASON_HOLDER_NOT_ENTITLED:
	case REASON_TARGET_INACTIVE:
	case REASON_TARGET_NOWHERE:
	case REASON_HOST_UNKNOWN:
	case REASON_EDGE_OFF:
		return COMPLAINT6_ADDRESS;
	}
	return 0;
}

/* RFC 4443 section 2.4 e: not about errors, and never to more than one or about what went to more than one. */
static __always_inline bool deserves_complaint6(const struct ethhdr *ethernet, const struct ipv6hdr *ip, __u8 first)
{
	if (ethernet->h_dest[0] & 1 || ip->version != 6)
		return false;
	if (is_multicast((const __u8 *)&ip->saddr) || is_odd((const __u8 *)&ip->saddr) ||
	    is_multicast((const __u8 *)&ip->daddr))
		return false;
	return ip->nexthdr != IPPROTO_ICMPV6 || first >= 128;
}

/* The sum of the quoted bytes as they will be on the wire, as quote_sum has it; negative: not known. */
static __always_inline __s64 quote6_sum(struct __sk_buff *skb, __u8 *quote)
{
	const struct ipv6hdr *ip = (const void *)quote;
	__u16 field;

	if (!checksum_is_unfinished(skb, ICMP6_SUM_AT))
		return bpf_csum_diff(NULL, 0, (__be32 *)quote, ICMP_QUOTE_MAX, 0);
	if (ip->nexthdr == IPPROTO_TCP)
		__builtin_memcpy(&field, quote + sizeof(*ip) + 16, sizeof(field));
	else if (ip->nexthdr == IPPROTO_UDP)
		__builtin_memcpy(&field, quote + sizeof(*ip) + 6, sizeof(field));
	else
		return -1;
	return bpf_csum_diff(NULL, 0, (__be32 *)quote, sizeof(*ip), 0) + (__u16)~field;
}

/*
 * Makes the packet the ICMPv6 error about itself, addressed to its sender in Ethernet and IP; true if it is done.
 * The caller has filled in who says it, and whose errors are limited together.
 */
static __noinline bool complain6(struct __sk_buff *skb, const struct complaint *limit, __u16 kind, __u32 mtu,
				 const struct ip16 *source)
{
	__u8 quote[ICMP_QUOTE_MAX] __attribute__((aligned(4))) = {};
	struct ipv6hdr *ip = (void *)quote;
	struct icmp6_error head = {};
	struct ethhdr came = {};
	__u16 icmp_sum;
	__u64 length;
	__s64 sum;

	if (bpf_skb_load_bytes(skb, 0, &came, sizeof(came)) ||
	    bpf_skb_load_bytes(skb, sizeof(came), quote, sizeof(*ip)))
		return false;
	length = skb->len - sizeof(came);
	if (length > sizeof(*ip) + bpf_ntohs(ip->payload_len))
		length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (length > ICMP_QUOTE_MAX)
		length = ICMP_QUOTE_MAX;
	/* As in complain.h: what is compared must be what is used. */
	asm volatile("" : "+r"(length));
	if (length < sizeof(*ip) + 1)
		return false;
	if (bpf_skb_load_bytes(skb, sizeof(came), quote, length) ||
	    !deserves_complaint6(&came, ip, quote[sizeof(*ip)]))
		return false;
	if (!may_complain(limit)) {
		count(COUNT_ICMP_LIMITED);
		return false;
	}

	if (skb->len > sizeof(came) + length && bpf_skb_change_tail(skb, sizeof(came) + length, 0))
		return false;
	if (bpf_skb_adjust_room(skb, ICMP6_GROWTH, BPF_ADJ_ROOM_MAC, 0))
		return false;

	__builtin_memcpy(head.ethernet.h_dest, came.h_source, ETH_ALEN);
	__builtin_memcpy(head.ethernet.h_source, came.h_dest, ETH_ALEN);
	head.ethernet.h_proto = bpf_htons(ETH_P_IPV6);
	head.ip.version = 6;
	head.ip.payload_len = bpf_htons(sizeof(head.icmp) + length);
	head.ip.nexthdr = IPPROTO_ICMPV6;
	head.ip.hop_limit = 64;
	__builtin_memcpy(&head.ip.saddr, source, 16);
	__builtin_memcpy(&head.ip.daddr, &ip->saddr, 16);
	head.icmp.type = kind >> 8;
	head.icmp.code = kind;
	if (kind == COMPLAINT6_TOO_BIG)
		head.icmp.mtu = bpf_htonl(mtu);
	if (bpf_skb_store_bytes(skb, 0, &head.ethernet, sizeof(head) - sizeof(head.zero),
				BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
		return false;

	sum = quote6_sum(skb, quote);
	if (sum < 0)
		return false;
	sum += icmp6_sum(&head.ip, &head.icmp, sizeof(head.icmp), sizeof(head.icmp) + length);
	icmp_sum = ~folded(sum);
	if (bpf_skb_store_bytes(skb, ICMP6_SUM_AT, &icmp_sum, sizeof(icmp_sum), BPF_F_RECOMPUTE_CSUM))
		return false;
	count(COUNT_ICMP_SENT);
	return true;
}

/* Drops a packet of this port for this reason; the sender learns why, and how large it may be, from its gateway. */
static __always_inline int refuse6(struct __sk_buff *skb, const struct port *port, __u32 reason, __u32 mtu)
{
	int verdict = drop(skb, port->number, reason, 0);
	__u32 kind = complaint6_about(reason);

	if (!kind)
		return verdict;
	skb->cb[0] = port->number;
	skb->cb[1] = kind;
	skb->cb[2] = mtu;
	return jump(skb, STAGE_REFUSE6, verdict);
}

SEC("tc")
int refuse6_stage(struct __sk_buff *skb)
{
	__u32 number = skb->cb[0], kind = skb->cb[1], mtu = skb->cb[2];
	struct port *port = bpf_map_lookup_elem(&ports, &number);
	struct complaint limit = { .port = number };
	struct ip16 source __attribute__((aligned(4)));

	if (!port)
		return TC_ACT_SHOT;
	limit.vni = port->vni;
	gateway6_of(port, source.address);
	return complain6(skb, &limit, kind, mtu, &source) ? send_back_to_port(skb, port) : TC_ACT_SHOT;
}

/* Turns a ping of the gateway around; the sums over swapped addresses stay what they were. */
static __noinline int answer_ping6(struct __sk_buff *skb, const struct port *port, __u32 icmp_at)
{
	struct ipv6hdr *ip = ip6_header(skb);
	__u8 reply = ICMP6_ECHO_REPLY;
	struct in6_addr from;

	if (!ip)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	from = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = from;
	__builtin_memcpy(ETHERNET(ip)->h_dest, ETHERNET(ip)->h_source, ETH_ALEN);
	__builtin_memcpy(ETHERNET(ip)->h_source, port->virtual_mac, ETH_ALEN);
	if (bpf_l4_csum_replace(skb, icmp_at + 2, bpf_htons(ICMP6_ECHO_REQUEST << 8),
				bpf_htons(ICMP6_ECHO_REPLY << 8), 2) ||
	    bpf_skb_store_bytes(skb, icmp_at, &reply, 1, 0))
		return drop(skb, port->number, REASON_UNCHANGEABLE, 0);
	count(COUNT_GATEWAY_ANSWERED);
	skb->mark = 0;
	return bpf_redirect(port->ifindex, 0);
}

#endif
