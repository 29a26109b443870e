/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* IPv6 packets as the hooks see them: which addresses are none, link-local ones, and what is behind extension headers. */
#ifndef HAVIP_IPV6_H
#define HAVIP_IPV6_H

#include <linux/ipv6.h>
#include "entitled.h"

/* Extension headers that are looked behind; RFC 8504 section 5.3 lets hosts limit them. */
#define EXTENSIONS_MAX 8
#define IP6_AT ETH_HLEN
#define UPPER_AT (ETH_HLEN + sizeof(struct ipv6hdr))

/* <linux/icmpv6.h> has no neighbour discovery. */
enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	MLD_QUERY = 130,
	MLD_DONE = 132,
	ND_ROUTER_SOLICITATION = 133,
	ND_ROUTER_ADVERTISEMENT = 134,
	ND_SOLICITATION = 135,
	ND_ADVERTISEMENT = 136,
	ND_REDIRECT = 137,
	ND_INVERSE_SOLICITATION = 141,
	ND_INVERSE_ADVERTISEMENT = 142,
	MLD_REPORT_2 = 143,
};

struct icmp6_head {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 mtu; /* of "packet too big"; else zero */
};

/* The IPv6 header, if it is readable in place. */
static __always_inline struct ipv6hdr *ip6_header(struct __sk_buff *skb)
{
	struct ethhdr *ethernet = (void *)(long)skb->data;
	struct ipv6hdr *ip = (void *)(ethernet + 1);

	return (void *)(ip + 1) <= (void *)(long)skb->data_end ? ip : NULL;
}

/* As is_whole_ip. */
static __always_inline bool is_whole_ip6(const struct __sk_buff *skb, const struct ipv6hdr *ip)
{
	return ip->version == 6 && bpf_ntohs(ip->payload_len) <= skb->len - UPPER_AT;
}

/* A word of an address; addresses lie at multiples of 4 in every struct. */
static __always_inline __be32 word_of(const __u8 *address, __u32 index)
{
	return ((const __be32 *)address)[index];
}

static __always_inline bool same_address(const __u8 *a, const __u8 *b)
{
	return word_of(a, 3) == word_of(b, 3) && word_of(a, 2) == word_of(b, 2) && word_of(a, 1) == word_of(b, 1) &&
	       word_of(a, 0) == word_of(b, 0);
}

static __always_inline bool is_unspecified(const __u8 *address)
{
	return !(word_of(address, 0) | word_of(address, 1) | word_of(address, 2) | word_of(address, 3));
}

static __always_inline bool is_multicast(const __u8 *address)
{
	return address[0] == 0xff;
}

/* An address that no IPv6 packet may carry: in keys ::ffff:0:0/96 is IPv4, and nobody has one of ::/96. */
static __always_inline bool is_odd(const __u8 *address)
{
	return !word_of(address, 0) && !word_of(address, 1) &&
	       (!word_of(address, 2) || word_of(address, 2) == bpf_htonl(0xffff));
}

/* Why such an address is refused: it says an IPv4 address, or, as :: and ::1 do, nobody's. */
static __always_inline __u32 judge_odd(const __u8 *address, __u32 nobodys)
{
	return word_of(address, 2) || bpf_ntohl(word_of(address, 3)) > 1 ? REASON_MAPPED : nobodys;
}

static __always_inline bool is_link_local(const __u8 *address)
{
	return (word_of(address, 0) & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* Of fc00::/7, which is nobody's outside. */
static __always_inline bool is_unique_local(const __u8 *address)
{
	return (address[0] & 0xfe) == 0xfc;
}

/*
 * Link-local addresses are those of RFC 4291 appendix A, and no others: so the address of an interface in its subnet
 * says its MAC, and `macs` says the rest.
 */
static __always_inline void link_local_of(const __u8 *mac, __u8 *address)
{
	((__be32 *)address)[0] = bpf_htonl(0xfe800000);
	((__be32 *)address)[1] = 0;
	address[8] = mac[0] ^ 2;
	address[9] = mac[1];
	address[10] = mac[2];
	address[11] = 0xff;
	address[12] = 0xfe;
	address[13] = mac[3];
	address[14] = mac[4];
	address[15] = mac[5];
}

/* The MAC that a link-local address says; false: it is none of those. */
static __always_inline bool mac_of_link_local(const __u8 *address, __u8 *mac)
{
	if (word_of(address, 0) != bpf_htonl(0xfe800000) || word_of(address, 1) || address[11] != 0xff ||
	    address[12] != 0xfe)
		return false;
	mac[0] = address[8] ^ 2;
	mac[1] = address[9];
	mac[2] = address[10];
	mac[3] = address[13];
	mac[4] = address[14];
	mac[5] = address[15];
	return true;
}

/* The address is the link-local one of this MAC. */
static __always_inline bool is_link_local_of(const __u8 *address, const __u8 *mac)
{
	__u8 its[ETH_ALEN];

	return mac_of_link_local(address, its) && same_mac(its, mac);
}

/* The interface of the subnet that has this link-local address; `key` becomes an address that stands for it. */
static __always_inline struct address *neighbour(__u32 vni, __u32 subnet, const __u8 *address,
						 struct address_key *key)
{
	struct mac_key at = { .subnet = subnet };
	struct mac_value *value;
	struct address *of;

	if (!mac_of_link_local(address, at.mac))
		return NULL;
	value = bpf_map_lookup_elem(&macs, &at);
	if (!value)
		return NULL;
	key->vni = vni;
	__builtin_memcpy(key->address, value->address, 16);
	of = bpf_map_lookup_elem(&addresses, key);
	return of && of->kind == ADDRESS_INTERFACE && of->subnet == subnet ? of : NULL;
}

/* An address of IPv6 that is the port's own: its primary one, its link-local one, or another of its interface. */
static __always_inline bool is_own6(const struct port *port, const struct address_key *key)
{
	struct address *of;

	if (same_address(key->address, port->primary6))
		return true;
	if (is_link_local(key->address))
		return is_link_local_of(key->address, port->mac);
	of = bpf_map_lookup_elem(&addresses, key);
	return of && of->kind == ADDRESS_INTERFACE && of->port == port->number;
}

/* Drops what a port sent, with the address that it is about. */
static __always_inline int drop6(struct __sk_buff *skb, const struct port *port, __u32 reason,
				 const struct address_key *about)
{
	return drop_about(skb, reason, port->number, (struct ip16 *)about->address);
}

/* The gateway's address as its subnet's ports see it, or its link-local one. */
static __always_inline void gateway6_of(const struct port *port, __u8 *address)
{
	struct subnet *its = bpf_map_lookup_elem(&subnets, &port->subnet);

	if (its && !is_unspecified(its->gateway6))
		__builtin_memcpy(address, its->gateway6, 16);
	else
		link_local_of(port->virtual_mac, address);
}

/* The sum of the pseudo header's end, of the source and destination before it, and of the first bytes of ICMPv6. */
static __always_inline __u64 icmp6_sum(const struct ipv6hdr *ip, const void *icmp, __u32 size, __u32 length)
{
	__u64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&ip->saddr, 2 * sizeof(ip->saddr), 0);

	sum += bpf_csum_diff(NULL, 0, (__be32 *)icmp, size, 0);
	return sum + bpf_htonl(length) + bpf_htonl(IPPROTO_ICMPV6);
}

/* What is behind the headers of IPv6 and its extensions. */
struct upper {
	__u32 protocol;
	__u32 at;         /* its offset in the frame */
	__u32 end;        /* where the packet ends: what follows in the frame is padding, and no receiver reads it */
	__u16 extensions; /* how many headers are before it */
	__u8 is_fragment;
	__u8 is_later; /* a fragment without its head */
	__be32 identification; /* of a fragment */
	__be16 place;          /* the same: its offset, and whether more follow */
	__u16 zero;
};

/*
 * Looks behind extension headers; 0 or a reason. A first fragment must have all headers (RFC 7112), and ESP is where
 * the look ends. A global function, so that the loop is verified once.
 */
__noinline int find_upper(struct __sk_buff *skb, struct upper *upper)
{
	__u32 at = UPPER_AT, i;
	__u8 next = 0, head[4];
	__be16 place;

	if (!upper || bpf_skb_load_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, payload_len), head, 3))
		return REASON_IP_MALFORMED;
	__builtin_memcpy(&place, head, sizeof(place));
	upper->end = UPPER_AT + bpf_ntohs(place);
	next = head[2];
	upper->is_fragment = 0;
	upper->is_later = 0;
	for (i = 0; i <= EXTENSIONS_MAX; i++) {
		if (at > upper->end)
			break;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_FRAGMENT &&
		    next != IPPROTO_AH && next != IPPROTO_DSTOPTS) {
			upper->protocol = next;
			upper->at = at;
			upper->extensions = i;
			return upper->is_fragment && at == upper->end && next != IPPROTO_NONE ? REASON_IPV6_HEADERS : 0;
		}
		if ((next == IPPROTO_HOPOPTS && i) || bpf_skb_load_bytes(skb, at, head, sizeof(head)))
			return REASON_IPV6_HEADERS;
		if (next == IPPROTO_FRAGMENT) {
			upper->is_fragment = 1;
			at += 8;
			__builtin_memcpy(&place, head + 2, sizeof(place));
			upper->place = place;
			if (bpf_skb_load_bytes(skb, at - 4, &upper->identification, sizeof(upper->identification)))
				return REASON_IPV6_HEADERS;
			if (place & bpf_htons(0xfff8)) {
				if (i == EXTENSIONS_MAX || at > upper->end)
					break;
				upper->is_later = 1;
				upper->protocol = head[0];
				upper->at = at;
				upper->extensions = i + 1;
				return 0;
			}
		} else if (next == IPPROTO_AH) {
			at += (head[1] + 2) * 4;
		} else {
			at += (head[1] + 1) * 8;
		}
		next = head[0];
	}
	return REASON_IPV6_HEADERS;
}

#endif
