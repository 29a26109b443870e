/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Security groups: whether a port may send a packet, or may be given it.
 *
 * ARP, ND and DHCP do not come here. Adverts between ports that share a VIP pass; a stranger's are a packet like any
 * other, or protocol 112 would be a way around every rule.
 */
#ifndef HAVIP_GUARD_H
#define HAVIP_GUARD_H

#include "flow.h"

#define FRAGMENT_LASTS FLOW_TICKS(30)
#define FRAGMENT_SLOTS 64
#define ICMP4_ECHO_REPLY 0
#define ICMP4_ECHO_REQUEST 8
#define ICMP6_ERROR_LAST 127
#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16
/* What of a TCP header must be in the first fragment: the ports, and behind them the flags. */
#define TCP_HEAD 14
/* A reason that is none: the packet passes whatever the rules say. */
#define IS_EXEMPT 0x100

/* IPv4 as the maps hold it. */
static __always_inline void write_mapped(__u8 *into, __be32 address)
{
	((__u32 *)into)[0] = 0;
	((__u32 *)into)[1] = 0;
	((__u32 *)into)[2] = bpf_htonl(0xffff);
	((__be32 *)into)[3] = address;
}

/* A ping's identifier and who asks; false: it is another message. */
static __always_inline bool read_ping(struct tuple *who, const __u8 *head, bool from_own)
{
	bool is6 = who->protocol == IPPROTO_ICMPV6;
	bool asks = head[0] == (is6 ? ICMP6_ECHO_REQUEST : ICMP4_ECHO_REQUEST);

	if (!asks && head[0] != (is6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY))
		return false;
	__builtin_memcpy(&who->own_port, head + 4, sizeof(who->own_port));
	who->peer_port = asks == from_own ? bpf_htons(1) : bpf_htons(2);
	return true;
}

/* The packet that an ICMP error is about, which went the other way; false if it does not say enough. */
static __noinline bool read_quoted(struct __sk_buff *skb, struct guarding *at)
{
	struct tuple *about = &at->about;
	__u32 ip_at = at->at + 8, source, destination;
	__u8 head[8];
	bool from_own = !at->is_out;

	__builtin_memset(about, 0, sizeof(*about));
	if (at->who.protocol == IPPROTO_ICMP) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, ip_at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5 ||
		    (ip.frag_off & bpf_htons(0x1fff)))
			return false;
		write_mapped(about->own, from_own ? ip.saddr : ip.daddr);
		write_mapped(about->peer, from_own ? ip.daddr : ip.saddr);
		about->protocol = ip.protocol;
		ip_at += ip.ihl * 4;
	} else {
		source = ip_at + offsetof(struct ipv6hdr, saddr);
		destination = ip_at + offsetof(struct ipv6hdr, daddr);
		if (bpf_skb_load_bytes(skb, from_own ? source : destination, about->own, 16) ||
		    bpf_skb_load_bytes(skb, from_own ? destination : source, about->peer, 16) ||
		    bpf_skb_load_bytes(skb, ip_at + offsetof(struct ipv6hdr, nexthdr), &about->protocol, 1))
			return false;
		ip_at += sizeof(struct ipv6hdr);
	}
	if (bpf_skb_load_bytes(skb, ip_at, head, sizeof(head)))
		return false;
	if (about->protocol == IPPROTO_TCP || about->protocol == IPPROTO_UDP) {
		__builtin_memcpy(&about->own_port, from_own ? head : head + 2, 2);
		__builtin_memcpy(&about->peer_port, from_own ? head + 2 : head, 2);
	} else if (about->protocol == IPPROTO_ICMP || about->protocol == IPPROTO_ICMPV6) {
		return read_ping(about, head, from_own);
	}
	return true;
}

/* What is behind the headers of IP: ports and what the packet means to its connection; 0 or a reason. */
static __always_inline __u32 read_head(struct __sk_buff *skb, struct guarding *at)
{
	struct tuple *who = &at->who;
	__u8 head[16] = {};
	__u32 missing = at->is_fragment ? REASON_GROUP_FRAGMENT : REASON_IP_MALFORMED;
	bool is6;

	at->kind = PACKET_DATA;
	if (who->protocol == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, at->at, head, TCP_HEAD))
			return missing;
		if (head[13] & TCP_RST)
			at->kind = PACKET_RESET;
		else if ((head[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN)
			at->kind = PACKET_SYN;
		else if (head[13] & TCP_FIN)
			at->kind = PACKET_FIN;
	} else if (who->protocol == IPPROTO_UDP) {
		if (bpf_skb_load_bytes(skb, at->at, head, 8))
			return missing;
	} else if (who->protocol == IPPROTO_ICMP || who->protocol == IPPROTO_ICMPV6) {
		if (bpf_skb_load_bytes(skb, at->at, head, 8))
			return missing;
		is6 = who->protocol == IPPROTO_ICMPV6;
		if (read_ping(who, head, at->is_out))
			return 0;
		at->kind = PACKET_ALONE;
		if ((is6 ? head[0] <= ICMP6_ERROR_LAST : head[0] == 3 || head[0] == 11 || head[0] == 12) &&
		    read_quoted(skb, at))
			at->kind = PACKET_ERROR;
		return 0;
	} else {
		return 0;
	}
	__builtin_memcpy(&who->own_port, at->is_out ? head : head + 2, 2);
	__builtin_memcpy(&who->peer_port, at->is_out ? head + 2 : head, 2);
	return 0;
}

/* The first fragment of which this one is part, or that it is. */
static __always_inline void fragment_place(const struct guarding *at, struct fragment_key *key)
{
	__u64 hash = *(const __u32 *)&at->who.peer[12] ^ (__u64)at->identification << 32;

	hash *= 0x9e3779b97f4a7c15ULL;
	key->port = at->port;
	key->slot = (hash >> 40) & (FRAGMENT_SLOTS - 1);
}

static __noinline void remember_fragment(const struct guarding *at)
{
	struct fragment fresh = {
		.identification = at->identification,
		.at = flow_now(),
		.protocol = at->who.protocol,
		.is_out = at->is_out,
	};
	struct fragment_key key = {};

	__builtin_memcpy(fresh.own, at->who.own, 16);
	__builtin_memcpy(fresh.peer, at->who.peer, 16);
	fragment_place(at, &key);
	bpf_map_update_elem(&fragments, &key, &fresh, BPF_ANY);
}

/* A later fragment passes if its first one did; 0 or a reason. */
static __noinline __u32 judge_later(const struct guarding *at)
{
	struct fragment_key key = {};
	struct fragment *first;

	fragment_place(at, &key);
	first = bpf_map_lookup_elem(&fragments, &key);
	if (!first || flow_now() - first->at > FRAGMENT_LASTS || first->identification != at->identification ||
	    first->protocol != at->who.protocol || first->is_out != at->is_out ||
	    !same_address(first->own, at->who.own) || !same_address(first->peer, at->who.peer))
		return REASON_GROUP_FRAGMENT;
	return 0;
}

/* The other end shares a VIP with the port. */
static __noinline bool shares_vip(struct guarding *at)
{
	__u32 number = at->port, i;
	struct circle *circle = bpf_map_lookup_elem(&associated, &number);
	struct port *port = bpf_map_lookup_elem(&ports, &number);

	if (!circle || !port)
		return false;
	at->vni = port->vni;
	at->subnet = port->subnet;
	learn_peer(at);
	if (!at->peer_port)
		return false;
	for (i = 0; i < CIRCLE_MAX; i++)
		if (circle->ports[i] == at->peer_port)
			return true;
	return false;
}

/* Where a later fragment lies: 8 bytes behind the first byte it could still change the flags of TCP. */
static __always_inline __u32 judge_place(const struct guarding *at, __u32 eights)
{
	return at->who.protocol == IPPROTO_TCP && eights == 1 ? REASON_GROUP_FRAGMENT : judge_later(at);
}

/* Reads the packet's IPv4; 0, IS_EXEMPT, or a reason. `is_later` is the place of a fragment without its head. */
static __noinline __u32 read_ip4(struct __sk_buff *skb, struct guarding *at, __u32 *is_later)
{
	struct iphdr *ip = ip_header(skb);

	if (!ip)
		return REASON_TRUNCATED;
	write_mapped(at->who.own, at->is_out ? ip->saddr : ip->daddr);
	write_mapped(at->who.peer, at->is_out ? ip->daddr : ip->saddr);
	at->who.protocol = ip->protocol;
	at->at = ETH_HLEN + ip->ihl * 4;
	at->is_fragment = ip->frag_off & bpf_htons(0x3fff);
	at->identification = ip->id;
	*is_later = bpf_ntohs(ip->frag_off) & 0x1fff;
	if (ip->protocol == IPPROTO_AH) {
		__u8 next = 0;

		if (!bpf_skb_load_bytes(skb, at->at, &next, 1) && next == IPPROTO_VRRP && shares_vip(at))
			return IS_EXEMPT;
	}
	return 0;
}

/* The same of IPv6. */
static __noinline __u32 read_ip6(struct __sk_buff *skb, struct guarding *at, __u32 *is_later)
{
	struct ipv6hdr *ip = ip6_header(skb);
	struct upper upper = {};
	__u32 reason;

	if (!ip)
		return REASON_TRUNCATED;
	__builtin_memcpy(at->who.own, at->is_out ? (void *)&ip->saddr : (void *)&ip->daddr, 16);
	__builtin_memcpy(at->who.peer, at->is_out ? (void *)&ip->daddr : (void *)&ip->saddr, 16);
	at->is_fragment = 0;
	if (ip->nexthdr == IPPROTO_TCP || ip->nexthdr == IPPROTO_UDP || ip->nexthdr == IPPROTO_ICMPV6) {
		at->who.protocol = ip->nexthdr;
		at->at = UPPER_AT;
		return 0;
	}
	reason = find_upper(skb, &upper);
	if (reason)
		return reason;
	at->who.protocol = upper.protocol;
	at->at = upper.at;
	at->is_fragment = upper.is_fragment;
	at->identification = upper.identification;
	*is_later = upper.is_later ? bpf_ntohs(upper.place) >> 3 : 0;
	return 0;
}

/*
 * Whether a packet may pass between the port and the other end: 0, or the reason why not. A global function, so that
 * it is verified once. `stamp` is the port's.
 */
__noinline int guard(struct __sk_buff *skb, __u32 number, __u32 stamp, __u32 is_out)
{
	struct guarding *at = the_guarding();
	__u32 reason, is_later = 0;

	if (!at)
		return REASON_FLOW_TABLE_FULL;
	at->port = number;
	at->is_out = is_out & 1;
	at->who.own_port = 0;
	at->who.peer_port = 0;
	reason = skb->protocol == bpf_htons(ETH_P_IPV6) ? read_ip6(skb, at, &is_later) :
							  read_ip4(skb, at, &is_later);
	if (reason)
		return reason == IS_EXEMPT ? 0 : reason;
	if (is_later)
		return judge_place(at, is_later);
	if (at->who.protocol == IPPROTO_VRRP && shares_vip(at))
		return 0;
	reason = read_head(skb, at);
	if (reason)
		return reason;
	reason = judge_packet(at, stamp);
	if (!reason && at->is_fragment)
		remember_fragment(at);
	return reason;
}

#endif
