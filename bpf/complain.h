/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ICMP errors: a packet that cannot go on becomes the error about itself. */
#ifndef HAVIP_COMPLAIN_H
#define HAVIP_COMPLAIN_H

#include "deliver.h"
#include "stage.h"

/* <linux/icmp.h> needs the C library. */
enum icmp_type {
	ICMP_DEST_UNREACH = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
};

struct icmphdr {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 unused;
	__be16 mtu; /* of "fragmentation needed" */
};

/* Type and code of the errors made here. */
enum complaint_kind {
	COMPLAINT_HOST_UNREACHABLE = ICMP_DEST_UNREACH << 8 | 1,
	COMPLAINT_TOO_BIG = ICMP_DEST_UNREACH << 8 | 4,
	COMPLAINT_PROHIBITED = ICMP_DEST_UNREACH << 8 | 13, /* administratively, RFC 1812 */
	COMPLAINT_TTL = ICMP_TIME_EXCEEDED << 8,
};

struct complaint {
	__u16 kind;
	__u16 mtu;     /* of COMPLAINT_TOO_BIG: the largest packet that fits */
	__be32 source; /* who says it: the subnet's gateway, or the edge outside */
	__u32 vni;     /* errors are limited per (VPC, port, sender); 0: the whole outside together */
	__u32 port;
	__be32 sender;
};

enum icmp_limit {
	ICMP_BURST = 16,
	/*
	 * The bytes quoted of the packet at most: every IPv4 header and the 8 bytes that RFC 792 asks for, and for
	 * TCP and UDP the checksum, which the kernel may still fill in. A multiple of 4 for bpf_csum_diff.
	 */
	ICMP_QUOTE_MAX = 96,
};

#define ICMP_REFILL_NS 50000000ULL /* 20 a second */
#define ICMP_TOS 0xc0 /* internetwork control, as routers mark their errors */
#define IP_FRAGMENT_OFFSET 0x1fff

struct icmp_head {
	__u8 zero[2]; /* aligns what follows Ethernet */
	struct ethhdr ethernet;
	struct iphdr ip;
	struct icmphdr icmp;
};

#define ICMP_HEAD_GROWTH (sizeof(struct iphdr) + sizeof(struct icmphdr))
#define ICMP_SUM_AT (sizeof(struct ethhdr) + sizeof(struct iphdr) + offsetof(struct icmphdr, checksum))

static __always_inline __u16 folded(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The ICMP message tells of an error, so that no error may be sent about it. */
static __always_inline bool is_icmp_error(__u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/* An address that a host can have: not zero, loopback, multicast or reserved. */
static __always_inline bool is_unicast(__be32 address)
{
	__u32 first = bpf_ntohl(address) >> 24;

	return first && first != 127 && first < 224;
}

/* A token of the sender's bucket. Two packets at once may take the same one: a limit, not an account. */
static __always_inline bool may_complain(const struct complaint *what)
{
	__u64 now = bpf_ktime_get_boot_ns(), full_at;
	struct address_key sender = { .vni = what->vni };
	struct bucket *bucket, fresh = {};
	struct address_port_key key;

	if (what->vni)
		sender = vip_key(what->vni, what->sender);
	/* Bit 31 keeps these apart from the buckets of claims. */
	sender.vni |= 1U << 31;
	key = with_port(&sender, what->port);
	bucket = bpf_map_lookup_elem(&buckets, &key);
	full_at = bucket && bucket->full_at > now ? bucket->full_at : now;
	fresh.full_at = full_at + ICMP_REFILL_NS;
	if (fresh.full_at - now > ICMP_BURST * ICMP_REFILL_NS)
		return false;
	if (bucket)
		bucket->full_at = fresh.full_at;
	else
		bpf_map_update_elem(&buckets, &key, &fresh, BPF_ANY);
	return true;
}

/*
 * Whether the kernel has still to fill the checksum in (CHECKSUM_PARTIAL). No field of the packet says so, but
 * bpf_l4_csum_replace leaves such packets alone. `at` is two zero bytes, which are zero again afterwards.
 */
static __always_inline bool checksum_is_unfinished(struct __sk_buff *skb, __u32 at)
{
	__u16 zero = 0, seen = 0;

	if (bpf_l4_csum_replace(skb, at, 0, 1, sizeof(seen)) || bpf_skb_load_bytes(skb, at, &seen, sizeof(seen)))
		return false;
	if (!seen)
		return true;
	bpf_skb_store_bytes(skb, at, &zero, sizeof(zero), 0);
	return false;
}

/* RFC 1122 section 3.2.2: not about errors, later fragments and broadcasts, and never to more than one. */
static __always_inline bool deserves_complaint(const struct ethhdr *ethernet, const __u8 *quote, __u32 length)
{
	const struct iphdr *ip = (const void *)quote;
	__u32 type_at = (ip->ihl & 0xf) * 4;

	if (ethernet->h_dest[0] & 1 || ip->version != 4 || ip->ihl < 5 || length < type_at + 8)
		return false;
	if (ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET) || !is_unicast(ip->saddr) || !is_unicast(ip->daddr))
		return false;
	if (ip->protocol != IPPROTO_ICMP)
		return true;
	return !is_icmp_error(quote[type_at]);
}

/*
 * The sum of the quoted bytes as they will be on the wire; negative: not known.
 *
 * If the kernel fills the checksum in later, it writes the inverse of everything from the start of the transport
 * header on, `field` included: then those bytes sum to the inverse of `field`, and the IP header sums to zero.
 */
static __always_inline __s64 quote_sum(struct __sk_buff *skb, __u8 *quote)
{
	const struct iphdr *ip = (const void *)quote;
	__u32 at = (ip->ihl & 0xf) * 4;
	__u16 field;

	if (!checksum_is_unfinished(skb, ICMP_SUM_AT))
		return bpf_csum_diff(NULL, 0, (__be32 *)quote, ICMP_QUOTE_MAX, 0);
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return -1;
	at += ip->protocol == IPPROTO_TCP ? 16 : 6;
	__builtin_memcpy(&field, quote + at, sizeof(field));
	return (__u16)~field;
}

/*
 * Makes the packet the ICMP error about itself, addressed to its sender in Ethernet and IP; true if it is done.
 * The caller sends it back where it came from, and drops it otherwise.
 */
__noinline int complain(struct __sk_buff *skb, struct complaint *what)
{
	__u8 quote[ICMP_QUOTE_MAX] = {};
	struct iphdr *ip = (void *)quote;
	struct icmp_head head = {};
	struct ethhdr came = {};
	__u16 icmp_sum;
	__u64 length;
	__s64 sum;

	if (!what || skb->len < sizeof(came) + sizeof(*ip))
		return false;
	if (bpf_skb_load_bytes(skb, 0, &came, sizeof(came)) ||
	    bpf_skb_load_bytes(skb, sizeof(came), quote, sizeof(*ip)))
		return false;
	length = skb->len - sizeof(came);
	if (length > bpf_ntohs(ip->tot_len))
		length = bpf_ntohs(ip->tot_len);
	if (length > ICMP_QUOTE_MAX)
		length = ICMP_QUOTE_MAX;
	/* What is compared must be what is used, in 64 bits: Linux 6.1 gives a 32-bit copy no share of a bound. */
	asm volatile("" : "+r"(length));
	if (length < sizeof(*ip) + 8)
		return false;
	if (bpf_skb_load_bytes(skb, sizeof(came), quote, length) || !deserves_complaint(&came, quote, length))
		return false;
	if (!may_complain(what)) {
		count(COUNT_ICMP_LIMITED);
		return false;
	}

	if (skb->len > sizeof(came) + length && bpf_skb_change_tail(skb, sizeof(came) + length, 0))
		return false;
	if (bpf_skb_adjust_room(skb, ICMP_HEAD_GROWTH, BPF_ADJ_ROOM_MAC, 0))
		return false;

	__builtin_memcpy(head.ethernet.h_dest, came.h_source, ETH_ALEN);
	__builtin_memcpy(head.ethernet.h_source, came.h_dest, ETH_ALEN);
	head.ethernet.h_proto = bpf_htons(ETH_P_IP);
	head.ip.version = 4;
	head.ip.ihl = 5;
	head.ip.tos = ICMP_TOS;
	head.ip.tot_len = bpf_htons(ICMP_HEAD_GROWTH + length);
	head.ip.ttl = 64;
	head.ip.protocol = IPPROTO_ICMP;
	head.ip.saddr = what->source;
	head.ip.daddr = ip->saddr;
	head.ip.check = ~folded(bpf_csum_diff(NULL, 0, (__be32 *)&head.ip, sizeof(head.ip), 0));
	head.icmp.type = what->kind >> 8;
	head.icmp.code = what->kind;
	if (what->kind == COMPLAINT_TOO_BIG)
		head.icmp.mtu = bpf_htons(what->mtu);
	if (bpf_skb_store_bytes(skb, 0, &head.ethernet, sizeof(head) - sizeof(head.zero),
				BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH))
		return false;

	sum = quote_sum(skb, quote);
	if (sum < 0)
		return false;
	sum += bpf_csum_diff(NULL, 0, (__be32 *)&head.icmp, sizeof(head.icmp), 0);
	icmp_sum = ~folded(sum);
	if (bpf_skb_store_bytes(skb, ICMP_SUM_AT, &icmp_sum, sizeof(icmp_sum), BPF_F_RECOMPUTE_CSUM))
		return false;
	count(COUNT_ICMP_SENT);
	return true;
}

/* The address from which a subnet's errors come: its gateway's; 0 if it has none. */
static __always_inline __be32 gateway_of(__u32 subnet)
{
	struct subnet *its = bpf_map_lookup_elem(&subnets, &subnet);

	return its ? last_word(its->gateway) : 0;
}

/* Sends what `complain` made back by the device that the packet came in by. */
static __always_inline int send_back(struct __sk_buff *skb)
{
	skb->mark = 0;
	return bpf_redirect(skb->ifindex, 0);
}

/* The same to a port: a packet that was routed already has the gateway's MAC for its sender's. */
static __always_inline int send_back_to_port(struct __sk_buff *skb, const struct port *port)
{
	__u8 macs[2 * ETH_ALEN];

	__builtin_memcpy(macs, port->mac, ETH_ALEN);
	__builtin_memcpy(macs + ETH_ALEN, port->virtual_mac, ETH_ALEN);
	if (bpf_skb_store_bytes(skb, 0, macs, sizeof(macs), 0))
		return TC_ACT_SHOT;
	return send_back(skb);
}

#endif
