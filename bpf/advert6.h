/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * VRRPv3 in IPv6: as advert.h for IPv4. Adverts come from link-local addresses as a rule, so their sender is known by
 * its subnet too; the VRRP header is right behind that of IPv6, or the packet was dropped before.
 */
#ifndef HAVIP_ADVERT6_H
#define HAVIP_ADVERT6_H

#include "forward6.h"

#define ADVERT6_AT UPPER_AT

/* An advert and, where it is judged, the port it would reach. */
struct advert6 {
	__u32 vni;
	__u32 subnet; /* the sender's, if its address is link-local */
	__u8 source[16];
	__u32 to; /* the port's number */
	/* Once judged: */
	__u32 sender; /* the sender's port; 0 if it is none, or the advert names no VIP */
	__u32 router;
};

/* Reads the advert's head; false if it is cut, or names too many addresses to be looked at. */
static __always_inline bool read_advert6(struct __sk_buff *skb, struct vrrp *vrrp)
{
	return !bpf_skb_load_bytes(skb, ADVERT6_AT, vrrp, sizeof(*vrrp)) && vrrp->count <= ADVERT_ADDRESSES_MAX &&
	       skb->len >= ADVERT6_AT + sizeof(*vrrp) + vrrp->count * 16;
}

/* The address with this index, as a key; what it names is a VIP or nothing. */
static __always_inline struct address *named_vip6(struct __sk_buff *skb, const struct advert6 *advert, __u32 index,
						  struct address_key *key)
{
	struct address *vip;

	key->vni = advert->vni;
	if (bpf_skb_load_bytes(skb, ADVERT6_AT + sizeof(struct vrrp) + index * 16, key->address, 16) ||
	    is_odd(key->address))
		return NULL;
	vip = bpf_map_lookup_elem(&addresses, key);
	return vip && vip->kind == ADDRESS_VIP ? vip : NULL;
}

/* Remembers that the port advertises the VIP with this index. A global function, so that loops stay cheap. */
__noinline int remember_named6(struct __sk_buff *skb, struct advert6 *advert, __u32 index, __u64 interval)
{
	struct address_key key;

	if (!advert || index >= ADVERT_ADDRESSES_MAX || !named_vip6(skb, advert, index, &key))
		return 0;
	remember_vip(&key, advert->to, interval);
	return 0;
}

/* Remembers what a port advertises: what C10 asks later. Returns the reason if the advert cannot be read. */
__noinline int remember_advert6(struct __sk_buff *skb, struct advert6 *advert)
{
	struct vrrp vrrp;
	__u64 interval;
	__u32 i;

	if (!advert || !read_advert6(skb, &vrrp))
		return REASON_ADVERT_MALFORMED;
	interval = advert_interval(&vrrp);
	if (!interval || !vrrp.priority)
		return 0; /* a resignation says nothing about who is alive */
	for (i = 0; i < ADVERT_ADDRESSES_MAX; i++) {
		if (i >= vrrp.count)
			break;
		remember_named6(skb, advert, i, interval);
	}
	return 0;
}

/* The port that sent the advert, by its source address; 0 if that is no interface's. */
static __always_inline struct address *advert_sender6(const struct advert6 *advert)
{
	struct address_key key = { .vni = advert->vni };
	struct address *sender;

	if (is_link_local(advert->source))
		return neighbour(advert->vni, advert->subnet, advert->source, &key);
	__builtin_memcpy(key.address, advert->source, 16);
	sender = bpf_map_lookup_elem(&addresses, &key);
	return sender && sender->kind == ADDRESS_INTERFACE ? sender : NULL;
}

/* The address is one of the VIP's further advert sources. */
static __always_inline bool is_advert_source6(const struct address_key *vip, const __u8 *address)
{
	struct advert_source_key permitted = { .vni = vip->vni };

	__builtin_memcpy(permitted.vip, vip->address, 16);
	__builtin_memcpy(permitted.source, address, 16);
	return bpf_map_lookup_elem(&advert_sources, &permitted);
}

/* Judges the advert by the VIP with one index: 0, a reason, or ADVERT_STALLED_AT. */
__noinline int judge_named6(struct __sk_buff *skb, struct advert6 *advert, __u32 index)
{
	const struct settings *own = the_settings();
	struct port *to;
	struct address *sender, *vip;
	struct address_key key;
	__u32 number;

	if (!advert || !own || index >= ADVERT_ADDRESSES_MAX)
		return REASON_ADVERT_MALFORMED;
	number = advert->to;
	to = bpf_map_lookup_elem(&ports, &number);
	vip = named_vip6(skb, advert, index, &key);
	if (!to || !vip)
		return 0;
	sender = advert_sender6(advert);
	if (sender)
		advert->sender = sender->port;
	if (!is_candidate(vip, &key, to))
		return 0;
	if (sender && may_claim(vip, &key, sender->subnet, sender->port)) {
		if (sender->port != advert->to && holds(&key, own->host, advert->to) && has_stalled(&key, advert->to))
			return ADVERT_STALLED_AT;
		return 0;
	}
	return is_advert_source6(&key, advert->source) ? 0 : REASON_ADVERT_STRANGER;
}

/* Whether the advert may reach the port, as judge_advert: 0, a reason, or ADVERT_STALLED_AT + index. */
__noinline int judge_advert6(struct __sk_buff *skb, struct advert6 *advert)
{
	struct vrrp vrrp;
	int verdict = 0;
	__u32 i;

	if (!advert || !read_advert6(skb, &vrrp))
		return REASON_ADVERT_MALFORMED;
	advert->sender = 0;
	advert->router = vrrp.router;
	for (i = 0; i < ADVERT_ADDRESSES_MAX; i++) {
		int about;

		if (i >= vrrp.count)
			break;
		about = judge_named6(skb, advert, i);
		if (about && about < ADVERT_STALLED_AT)
			return about;
		if (about && !verdict)
			verdict = ADVERT_STALLED_AT + i;
	}
	return verdict;
}

/* The advert was delivered to the silent holder: as report_stalled. The packet is used up. */
__noinline int report_stalled6(struct __sk_buff *skb, struct advert6 *advert, __u32 index)
{
	struct address_key key;
	struct address *sender;

	if (!advert || index >= ADVERT_ADDRESSES_MAX || !named_vip6(skb, advert, index, &key))
		return 0;
	sender = advert_sender6(advert);
	return sender ? tell_stalled(skb, &key, advert->to, sender->host) : 0;
}

static __always_inline struct delivered_key memory_key6(const struct advert6 *advert)
{
	struct delivered_key key = { .port = advert->to, .router = advert->router };

	__builtin_memcpy(key.source, advert->source, 16);
	return key;
}

/* Keeps the frame in the room made for it. */
__noinline int keep_delivered6(struct __sk_buff *skb, struct advert6 *advert)
{
	struct delivered_key key;
	struct ipv6hdr *ip;
	__u32 length;

	if (!advert)
		return 0;
	key = memory_key6(advert);
	ip = ip6_header(skb);
	if (!ip)
		return 0;
	length = UPPER_AT + bpf_ntohs(ip->payload_len);
	if (length > DELIVERED_MAX) {
		/* The last one is what counts. */
		bpf_map_delete_elem(&delivered, &key);
		return 0;
	}
	make_room(&key, advert->vni, advert->sender);
	keep_frame(skb, &key, length, ADVERT6_AT, advert->sender);
	return 0;
}

/* A port is not given its copy of a multicast advert. Apart, to spare the stack. */
static __noinline int drop_copy6(struct __sk_buff *skb, __u32 from_port, __u32 reason, struct advert6 *advert)
{
	return drop_about(skb, reason, from_port, (struct ip16 *)advert->source);
}

/* Gives one port of this host a copy of a multicast advert, if it may have it, and remembers that. */
__noinline int copy_advert6(struct __sk_buff *skb, struct advert6 *advert, __u32 from_port)
{
	struct address *sender;
	struct port *to;
	__u32 number;
	int verdict;

	if (!advert || !advert->to || advert->to == from_port)
		return 0;
	number = advert->to;
	to = bpf_map_lookup_elem(&ports, &number);
	sender = advert_sender6(advert);
	if (!to || !sender || to->state == PORT_INACTIVE || to->vni != advert->vni || to->subnet != sender->subnet)
		return 0;
	verdict = judge_advert6(skb, advert);
	if (verdict && verdict < ADVERT_STALLED_AT)
		return drop_copy6(skb, from_port, verdict, advert);
	if (!bpf_clone_redirect(skb, to->ifindex, 0))
		count(COUNT_DELIVERED);
	return advert->sender ? COPIED_ADVERT : 0;
}

/*
 * Gives a multicast advert to the ports of this host that should hear it: those associated with the VIP it names
 * first, and those of the subnet that sent such adverts in the last minute.
 */
__noinline int flood_advert6(struct __sk_buff *skb, struct advert6 *advert, __u32 from_port)
{
	struct circle *circle = NULL;
	struct address *sender;
	struct talkers *list;
	struct address_key key;
	struct vrrp vrrp;
	__u64 now;
	__u32 i;

	if (!advert || !read_advert6(skb, &vrrp))
		return REASON_ADVERT_MALFORMED;
	sender = advert_sender6(advert);
	if (!sender)
		return REASON_ADVERT_STRANGER;
	count(COUNT_ADVERT_FLOODED);
	if (vrrp.count && named_vip6(skb, advert, 0, &key))
		circle = bpf_map_lookup_elem(&circles, &key);
	if (circle) {
		for (i = 0; i < CIRCLE_MAX; i++) {
			if (i >= circle->count)
				break;
			advert->to = circle->ports[i];
			if (copy_advert6(skb, advert, from_port) == COPIED_ADVERT)
				keep_delivered6(skb, advert);
		}
	}
	list = bpf_map_lookup_elem(&talkers, &sender->subnet);
	if (!list)
		return 0;
	now = bpf_ktime_get_boot_ns();
	for (i = 0; i < TALKERS_MAX; i++) {
		struct address_port_key both;

		if (!list->ports[i] || now - list->at[i] > TALKER_LASTS_NS)
			continue;
		if (circle) {
			both = with_port(&key, list->ports[i]);
			if (bpf_map_lookup_elem(&entitled, &both))
				continue; /* had it above */
		}
		advert->to = list->ports[i];
		if (copy_advert6(skb, advert, from_port) == COPIED_ADVERT)
			keep_delivered6(skb, advert);
	}
	return 0;
}

#endif
