/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Forwarding by (VPC, destination address); delivery rewrites the MAC, so no guest's ARP cache can be stale. */
#ifndef HAVIP_FORWARD_H
#define HAVIP_FORWARD_H

#include "advert.h"
#include "guard.h"

/* Where a destination is now. */
struct way {
	struct address_key key; /* the address that decides: the destination or a route's next hop */
	struct address *target; /* what it is */
	__u64 mac;              /* a VIP's, as its record has it */
	__u32 host;
	__u32 port;
	bool by_route;
};

/* Finds the way to the address itself; 0 or a reason. */
static __always_inline __u32 find_address(struct way *way)
{
	struct kept_record *kept;
	__u64 holder;

	way->target = bpf_map_lookup_elem(&addresses, &way->key);
	if (!way->target)
		return REASON_NO_ROUTE;
	if (way->target->kind == ADDRESS_INTERFACE) {
		if (way->by_route && (way->target->flags & ADDRESS_CHECKED))
			return REASON_NEXT_HOP_CHECKED;
		way->host = way->target->host;
		way->port = way->target->port;
		way->mac = 0;
		return way->host ? 0 : REASON_TARGET_NOWHERE;
	}
	if (way->target->kind != ADDRESS_VIP)
		return REASON_TARGET_ODD;
	kept = bpf_map_lookup_elem(&records, &way->key);
	if (!kept)
		return REASON_VIP_UNPREPARED;
	holder = READ_ONCE(kept->now.holder);
	if (!holder || is_released(holder))
		return REASON_NO_HOLDER;
	way->mac = READ_ONCE(kept->now.mac);
	way->host = holder_host(holder);
	way->port = holder_port(holder);
	return 0;
}

/* Finds the way to the destination in way->key: its address, or a custom route's next hop. 0 or a reason. */
static __always_inline __u32 find_way_to_key(struct way *way)
{
	struct route_key route;
	struct ip16 *next_hop;
	__u32 reason;

	way->by_route = false;
	reason = find_address(way);
	if (way->target)
		return reason;
	route.prefixlen = 32 + 128;
	route.vni = bpf_htonl(way->key.vni);
	__builtin_memcpy(route.address, way->key.address, 16);
	next_hop = bpf_map_lookup_elem(&routes, &route);
	/* A route of IPv6 for everything has IPv4 under it too, where that is written as IPv6. */
	if (!next_hop || is_mapped(next_hop->address) != is_mapped(route.address))
		return REASON_NO_ROUTE;
	__builtin_memcpy(way->key.address, next_hop->address, 16);
	way->by_route = true;
	return find_address(way);
}

/*
 * A custom route leads back to the port that sent the packet: a router asks for what is behind itself. It is no way
 * for it, or nobody could be the next hop of a default route and reach the outside; and nothing goes in circles.
 */
static __always_inline bool leads_back(struct way *way, const struct settings *own, __u32 port)
{
	if (!way->by_route || way->host != own->host || way->port != port)
		return false;
	way->target = NULL;
	way->by_route = false;
	return true;
}

/* Neither an address nor a route: what has an EIP may leave. The range of a subnet is a route to no address. */
static __always_inline bool leads_nowhere(const struct way *way)
{
	return !way->target && !way->by_route;
}

/* The way to an IPv4 address. */
static __always_inline __u32 find_way(__u32 vni, __be32 destination, struct way *way)
{
	way->key = vip_key(vni, destination);
	return find_way_to_key(way);
}

/* A step of routing: TTL less one, from the gateway's MAC. False: the TTL has ended. */
static __always_inline bool step(struct __sk_buff *skb, const __u8 *virtual_mac)
{
	struct iphdr *ip = ip_header(skb);
	__u32 check;

	if (!ip || ip->ttl <= 1)
		return false;
	check = ip->check;
	check += bpf_htons(0x0100);
	ip->check = check + (check >= 0xffff);
	ip->ttl--;
	__builtin_memcpy(ETHERNET(ip)->h_source, virtual_mac, ETH_ALEN);
	count(COUNT_ROUTED);
	return true;
}

/* What delivery to a port of this host needs to know of the packet. */
struct parcel {
	__u32 from; /* the sender's port; 0: the underlay or the outside */
	__be32 source;
	__be32 destination;
	bool is_advert;
};

/*
 * Puts the packet into a port of this host. The port must be here, active, and entitled now if a VIP leads to it.
 * The caller has found the way. Says REFUSED for what a port of this host sent, so that the hook can tell it.
 */
static __always_inline int deliver(struct __sk_buff *skb, const struct way *way, const struct parcel *parcel)
{
	struct port *to = bpf_map_lookup_elem(&ports, &way->port);
	struct advert advert = {};
	__u32 reason = 0, mtu = 0;
	int verdict = 0;
	struct iphdr *ip;

	if (!to)
		reason = REASON_NOT_HERE;
	else if (to->state == PORT_INACTIVE)
		reason = REASON_TARGET_INACTIVE;
	else if (way->target->kind == ADDRESS_VIP && !is_candidate(way->target, &way->key, to))
		reason = REASON_HOLDER_NOT_ENTITLED;
	else if (way->by_route && (to->flags & PORT_CHECKED))
		reason = REASON_NEXT_HOP_CHECKED;
	else if (skb->len - ETH_HLEN > to->mtu && travel_size(skb) > to->mtu) {
		reason = REASON_TOO_BIG;
		mtu = to->mtu;
	}
	if (reason || !to)
		return parcel->from ? REFUSED + reason + (mtu << 8) :
				      drop(skb, 0, reason, parcel->destination);
	if (to->stamp) {
		reason = guard(skb, to->number, to->stamp, false);
		if (reason)
			return drop(skb, to->number, reason, parcel->source);
	}
	if (parcel->is_advert) {
		advert.vni = to->vni;
		advert.to = to->number;
		advert.source = parcel->source;
		advert.offset = advert_offset(skb);
		verdict = advert.offset ? judge_advert(skb, &advert) : REASON_ADVERT_MALFORMED;
		if (verdict && verdict < ADVERT_STALLED_AT)
			return drop(skb, parcel->from, verdict, parcel->source);
	}
	ip = ip_header(skb);
	if (!ip)
		return drop(skb, parcel->from, REASON_TRUNCATED, 0);
	if (way->mac && way->mac >> 48 == (to->number & 0xffff))
		mac_of_word(way->mac, ETHERNET(ip)->h_dest);
	else
		__builtin_memcpy(ETHERNET(ip)->h_dest, to->mac, ETH_ALEN);
	if (parcel->is_advert)
		remember_delivered(skb, &advert);
	if (verdict) {
		if (!bpf_clone_redirect(skb, to->ifindex, 0))
			count(COUNT_DELIVERED);
		report_stalled(skb, &advert, verdict - ADVERT_STALLED_AT);
		return TC_ACT_SHOT;
	}
	return into_port(skb, to);
}

#endif
