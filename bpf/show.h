/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the outside of a segment is told: who has an address, once nobody else has it there.
 *
 * The kernel does it by itself, on a claim and on a record of another host, so a failover waits for no process. The
 * agent has it done for whatever nobody claims, and again from time to time (ORDER_SHOW).
 */
#ifndef HAVIP_SHOW_H
#define HAVIP_SHOW_H

#include "nd_frame.h"
#include "segment.h"

/* A foreign owner outside has so long to answer a probe before the address is announced. */
#define FOREIGN_ANSWERS_NS 200000000ULL
/* Until a foreign owner that is not heard any more is asked for anew. */
#define FOREIGN_LASTS_NS 30000000000ULL

enum showing {
	SHOWING_NOTHING,
	SHOWING_PROBE,
	SHOWING_ADDRESS,
};

/* Whether the outside may be told of the address; it is probed first, and never fought for. */
static __noinline enum showing may_show(const struct address_key *key, __u64 whose)
{
	struct outsider *known = bpf_map_lookup_elem(&outsiders, key), fresh = { .whose = whose };
	__u64 now = bpf_ktime_get_boot_ns();

	if (known && known->whose == whose && !known->heard_at)
		return now - known->probed_at < FOREIGN_ANSWERS_NS ? SHOWING_PROBE : SHOWING_ADDRESS;
	if (known && known->heard_at && now - known->heard_at < FOREIGN_LASTS_NS)
		return SHOWING_NOTHING;
	fresh.probed_at = now;
	bpf_map_update_elem(&outsiders, key, &fresh, BPF_ANY);
	return SHOWING_PROBE;
}

/* Who an address of a segment belongs to, as struct outsider has it. */
static __always_inline __u64 whose_is(const struct address *of)
{
	return of->kind == ADDRESS_VIP ? of->incarnation : of->port;
}

/* The MAC that the outside is to know an address of a segment by; false: nobody has it now. */
static __always_inline bool shown_mac(const struct address_key *key, const struct address *of, __u8 *mac)
{
	struct kept_record *kept;
	__u64 holder;

	if (of->kind == ADDRESS_INTERFACE) {
		__builtin_memcpy(mac, of->mac, ETH_ALEN);
		return of->host;
	}
	if (of->kind != ADDRESS_VIP)
		return false;
	kept = bpf_map_lookup_elem(&records, key);
	holder = kept ? READ_ONCE(kept->now.holder) : 0;
	if (!holder || is_released(holder))
		return false;
	mac_of_word(READ_ONCE(kept->now.mac), mac);
	return true;
}

/* Makes the packet the announcement of the IPv4 address by this MAC, or the probe for it. */
static __always_inline bool write_showing4(struct __sk_buff *skb, enum showing what, const __u8 *mac, __be32 address)
{
	struct arp_frame *frame;

	if (bpf_skb_change_tail(skb, ETH_ZLEN, 0) || bpf_skb_pull_data(skb, ETH_ZLEN))
		return false;
	frame = (void *)(long)skb->data;
	if ((void *)frame + ETH_ZLEN > (void *)(long)skb->data_end)
		return false;
	__builtin_memset(frame, 0, ETH_ZLEN);
	__builtin_memset(frame->ethernet.h_dest, 0xff, ETH_ALEN);
	__builtin_memcpy(frame->ethernet.h_source, mac, ETH_ALEN);
	frame->ethernet.h_proto = bpf_htons(ETH_P_ARP);
	frame->arp.hardware = bpf_htons(1);
	frame->arp.protocol = bpf_htons(ETH_P_IP);
	frame->arp.hardware_len = ETH_ALEN;
	frame->arp.protocol_len = 4;
	frame->arp.operation = bpf_htons(1);
	__builtin_memcpy(frame->arp.sender_mac, mac, ETH_ALEN);
	frame->arp.sender = what == SHOWING_ADDRESS ? address : 0;
	frame->arp.target = address;
	return true;
}

/* The same of IPv6: an unsolicited advertisement to all nodes, or the probe of DAD, which names no MAC. */
static __noinline bool write_showing6(struct __sk_buff *skb, enum showing what, const __u8 *mac, const __u8 *address)
{
	struct nd_frame frame = {};

	__builtin_memcpy(frame.ethernet.h_source, mac, ETH_ALEN);
	frame.ip.daddr.in6_u.u6_addr32[0] = bpf_htonl(0xff020000);
	frame.ip.daddr.in6_u.u6_addr32[3] = bpf_htonl(1);
	if (what == SHOWING_ADDRESS) {
		__builtin_memcpy(&frame.ip.saddr, address, 16);
		frame.nd.icmp.type = ND_ADVERTISEMENT;
		frame.nd.icmp.mtu = bpf_htonl(ND_OVERRIDE << 24);
		frame.nd.option = ND_OPTION_TARGET_MAC;
	} else {
		/* To the address's solicited-node group (RFC 4291 section 2.7.1). */
		frame.ip.daddr.in6_u.u6_addr32[2] = bpf_htonl(1);
		frame.ip.daddr.in6_u.u6_addr32[3] = word_of(address, 3) | bpf_htonl(0xff000000);
		frame.nd.icmp.type = ND_SOLICITATION;
	}
	multicast_mac((const __u8 *)&frame.ip.daddr, frame.ethernet.h_dest);
	__builtin_memcpy(frame.nd.target, address, 16);
	return become_nd(skb, &frame);
}

static __always_inline bool write_showing(struct __sk_buff *skb, enum showing what, const __u8 *mac,
					  const struct address_key *key)
{
	return is_mapped(key->address) ? write_showing4(skb, what, mac, last_word(key->address)) :
					 write_showing6(skb, what, mac, key->address);
}

/* Sends such a frame out; the packet at hand is used up. True if it left. */
static __always_inline bool send_showing(struct __sk_buff *skb, const struct settings *own,
					 const struct segment *segment, enum showing what, const __u8 *mac,
					 const struct address_key *key)
{
	if (!write_showing(skb, what, mac, key))
		return false;
	if (segment->vlan && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), segment->vlan))
		return false;
	if (bpf_clone_redirect(skb, own->edge_ifindex, 0))
		return false;
	count(what == SHOWING_ADDRESS ? COUNT_SHOWN_OUTSIDE : COUNT_PROBED_OUTSIDE);
	return true;
}

/*
 * Tells the outside who has this address, if this host is the active edge of its segment, and its bucket allows. The
 * packet at hand is used up. True if something left.
 */
__noinline int show_outside(struct __sk_buff *skb, struct address_key *about)
{
	const struct settings *own = the_settings();
	struct address_port_key whose;
	struct segment *segment;
	struct address_key key;
	struct address *of;
	__u8 mac[ETH_ALEN] = {};
	enum showing what;
	__u32 subnet;

	if (!about || !own || !own->edge_ifindex)
		return false;
	/* Before 6.2 the verifier takes no key for a map from where an argument of a global function points. */
	key = *about;
	of = bpf_map_lookup_elem(&addresses, &key);
	if (!of || !is_external(of->subnet))
		return false;
	subnet = of->subnet;
	segment = bpf_map_lookup_elem(&segments, &subnet);
	if (!segment || edge_of(segment) != own->host || !shown_mac(&key, of, mac))
		return false;
	/* Bit 28 keeps these apart from the buckets of claims. */
	whose = with_port(&key, 0);
	whose.vni |= 1U << 28;
	if (spend(&whose, bpf_ktime_get_boot_ns(), CLAIM_TOKEN_NS, CLAIM_BURST))
		return false;
	what = may_show(&key, whose_is(of));
	return what != SHOWING_NOTHING && send_showing(skb, own, segment, what, mac, &key);
}

SEC("tc")
int show_stage(struct __sk_buff *skb)
{
	struct address_key about = { .vni = skb->cb[SHOW_VNI] };
	__be32 *words = (__be32 *)about.address;

	words[0] = skb->cb[SHOW_ADDRESS];
	words[1] = skb->cb[SHOW_ADDRESS + 1];
	words[2] = skb->cb[SHOW_ADDRESS + 2];
	words[3] = skb->cb[SHOW_ADDRESS + 3];
	show_outside(skb, &about);
	return TC_ACT_SHOT;
}

#endif
