/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* VRRP adverts: remembered where they are sent, judged where they are delivered (section 4, rule C10). */
#ifndef HAVIP_ADVERT_H
#define HAVIP_ADVERT_H

#include "deliver.h"

#define ADVERT_ADDRESSES_MAX 20
#define CARP_WORDS 7
#define TALKER_LASTS_NS 60000000000ULL
#define VRRP_PASSWORD 1
/* What adverts of one sender may newly be remembered, of how many routers and for how many ports: 64, then 2 a second. */
#define MEMORY_TOKEN_NS 500000000ULL
#define MEMORY_BURST 64
/* VIPs that one port newly advertises are remembered 32 at once, then 1 a second: others' are not crowded out. */
#define ADVERTISED_TOKEN_NS 1000000000ULL
#define ADVERTISED_BURST 32

struct vrrp {
	__u8 version_type;
	__u8 router;
	__u8 priority;
	__u8 count;
	__be16 interval; /* v2: auth type, seconds; v3: 12 bits of centiseconds */
	__be16 check;
};

/* An advert and, where it is judged, the port it would reach. */
struct advert {
	__u32 vni;
	__u32 to;      /* the port's number */
	__be32 source;
	__u32 offset;  /* of the VRRP header in the frame */
	/* Once judged: */
	__u32 sender; /* the sender's port; 0 if it is none, or the advert names no VIP */
	__u32 router;
};

/* The advert's interval in ns; 0 if it is none that can be read. */
static __always_inline __u64 advert_interval(const struct vrrp *vrrp)
{
	__u16 field = bpf_ntohs(vrrp->interval);

	if (vrrp->version_type == 0x21)
		return (field & 0xff) * 1000000000ULL;
	if (vrrp->version_type == 0x31)
		return (field & 0xfff) * 10000000ULL;
	return 0;
}

/* Where the VRRP header is: behind IP, or behind an authentication header. 0: it is no whole advert. */
static __always_inline __u32 advert_offset(struct __sk_buff *skb)
{
	struct iphdr *ip = ip_header(skb);
	__u8 ah[2];
	__u32 offset;

	if (!ip || (ip->frag_off & bpf_htons(0x3fff)))
		return 0;
	offset = ETH_HLEN + ip->ihl * 4;
	if (ip->protocol == IPPROTO_VRRP)
		return offset;
	if (bpf_skb_load_bytes(skb, offset, ah, 2))
		return 0;
	return offset + (ah[1] + 2) * 4;
}

/* The packet is VRRP, or an authentication header before VRRP. */
static __always_inline bool is_advert(struct __sk_buff *skb, const struct iphdr *ip)
{
	__u8 next = 0;

	if (ip->protocol == IPPROTO_VRRP)
		return true;
	if (ip->protocol != IPPROTO_AH)
		return false;
	return !bpf_skb_load_bytes(skb, ETH_HLEN + ip->ihl * 4, &next, 1) && next == IPPROTO_VRRP;
}

/* Reads the advert's head; false if it is cut, or names too many addresses to be looked at. */
static __always_inline bool read_advert(struct __sk_buff *skb, const struct advert *advert, struct vrrp *vrrp)
{
	return !bpf_skb_load_bytes(skb, advert->offset, vrrp, sizeof(*vrrp)) &&
	       vrrp->count <= ADVERT_ADDRESSES_MAX &&
	       skb->len >= advert->offset + sizeof(*vrrp) + vrrp->count * 4;
}

/* The address with this index, as a key; what it names is a VIP or nothing. */
static __always_inline struct address *named_vip(struct __sk_buff *skb, const struct advert *advert, __u32 index,
						 struct address_key *key)
{
	struct address *vip;
	__be32 named;

	if (bpf_skb_load_bytes(skb, advert->offset + sizeof(struct vrrp) + index * 4, &named, 4))
		return NULL;
	*key = vip_key(advert->vni, named);
	vip = bpf_map_lookup_elem(&addresses, key);
	return vip && vip->kind == ADDRESS_VIP ? vip : NULL;
}

/* Remembers that the port advertises the VIP. */
static __always_inline void remember_vip(const struct address_key *key, __u32 port, __u64 interval)
{
	struct advert_memory fresh = {}, *memory;
	struct address_port_key both;
	struct event *event;

	fresh.at = bpf_ktime_get_boot_ns();
	fresh.interval_ns = interval;
	both = with_port(key, port);
	memory = bpf_map_lookup_elem(&adverts, &both);
	if (memory) {
		memory->at = fresh.at;
		memory->interval_ns = interval;
		return;
	}
	if (!may_number_cause(LIMITED_ADVERTISED, key->vni, port, ADVERTISED_TOKEN_NS, ADVERTISED_BURST)) {
		count(COUNT_ADVERT_FORGOTTEN);
		return;
	}
	bpf_map_update_elem(&adverts, &both, &fresh, BPF_ANY);
	event = new_event(EVENT_ADVERT_SEEN, key);
	if (!event)
		return;
	event->port = port;
	bpf_ringbuf_submit(event, 0);
}

/* The same of the VIP with this index. A global function, so that loops stay cheap. */
__noinline int remember_named(struct __sk_buff *skb, struct advert *advert, __u32 index, __u64 interval)
{
	struct address_key key;

	if (!advert || index >= ADVERT_ADDRESSES_MAX || !named_vip(skb, advert, index, &key))
		return 0;
	remember_vip(&key, advert->to, interval);
	return 0;
}

/* Remembers what a port advertises: what C10 asks later. Returns the reason if the advert cannot be read. */
__noinline int remember_advert(struct __sk_buff *skb, struct advert *advert)
{
	struct vrrp vrrp;
	__u64 interval;
	__u32 i;

	if (!advert || !read_advert(skb, advert, &vrrp))
		return REASON_ADVERT_MALFORMED;
	interval = advert_interval(&vrrp);
	if (!interval || !vrrp.priority)
		return 0; /* a resignation says nothing about who is alive */
	for (i = 0; i < ADVERT_ADDRESSES_MAX; i++) {
		if (i >= vrrp.count)
			break;
		remember_named(skb, advert, i, interval);
	}
	return 0;
}

/* The port that sent the advert, by its source address; 0 if that is no interface's. */
static __always_inline struct address *advert_sender(const struct advert *advert)
{
	struct address_key key = vip_key(advert->vni, advert->source);
	struct address *sender = bpf_map_lookup_elem(&addresses, &key);

	return sender && sender->kind == ADDRESS_INTERFACE ? sender : NULL;
}

/* C10 c: the holder's adverts stopped two intervals ago, and have not been reported within one. */
static __always_inline bool has_stalled(const struct address_key *key, __u32 holder)
{
	struct address_port_key both = with_port(key, holder);
	struct advert_memory *memory = bpf_map_lookup_elem(&adverts, &both);
	__u64 now = bpf_ktime_get_boot_ns();

	if (!memory || now - memory->at <= 2 * memory->interval_ns)
		return false;
	if (now - memory->stalled_at <= memory->interval_ns)
		return false;
	memory->stalled_at = now;
	return true;
}

/* The address is one of the VIP's further advert sources. */
static __always_inline bool is_advert_source(const struct address_key *vip, __be32 address)
{
	struct advert_source_key permitted = { .vni = vip->vni };
	struct ip16 source = mapped(address);

	__builtin_memcpy(permitted.vip, vip->address, 16);
	__builtin_memcpy(permitted.source, source.address, 16);
	return bpf_map_lookup_elem(&advert_sources, &permitted);
}

/* What judge_advert says besides a reason: deliver it, and report the VIP with this index (C10 c). */
#define ADVERT_STALLED_AT 0x1000

/* The same for the VIP with one index: 0, a reason, or ADVERT_STALLED_AT. */
__noinline int judge_named(struct __sk_buff *skb, struct advert *advert, __u32 index)
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
	vip = named_vip(skb, advert, index, &key);
	if (!to || !vip)
		return 0;
	sender = advert_sender(advert);
	if (sender)
		advert->sender = sender->port;
	if (!is_candidate(vip, &key, to))
		return 0;
	if (sender && may_claim(vip, &key, sender->subnet, sender->port)) {
		if (sender->port != advert->to && holds(&key, own->host, advert->to) && has_stalled(&key, advert->to))
			return ADVERT_STALLED_AT;
		return 0;
	}
	return is_advert_source(&key, advert->source) ? 0 : REASON_ADVERT_STRANGER;
}

/*
 * Whether the advert may reach the port: a port associated with a VIP it names hears of that VIP only from
 * ports associated too, and from its advert sources. Returns 0, a reason, or ADVERT_STALLED_AT + index.
 */
__noinline int judge_advert(struct __sk_buff *skb, struct advert *advert)
{
	struct vrrp vrrp;
	int verdict = 0;
	__u32 i;

	if (!advert || !read_advert(skb, advert, &vrrp))
		return REASON_ADVERT_MALFORMED;
	advert->sender = 0;
	advert->router = vrrp.router;
	for (i = 0; i < ADVERT_ADDRESSES_MAX; i++) {
		int about;

		if (i >= vrrp.count)
			break;
		about = judge_named(skb, advert, i);
		if (about && about < ADVERT_STALLED_AT)
			return about;
		if (about && !verdict)
			verdict = ADVERT_STALLED_AT + i;
	}
	return verdict;
}

/* The port holds the VIP and is silent: tells the host of the port that goes on advertising. */
static __always_inline int tell_stalled(struct __sk_buff *skb, struct address_key *key, __u32 holder, __u32 host)
{
	struct kept_record *kept = bpf_map_lookup_elem(&records, key);
	const struct settings *own = the_settings();
	struct record record = {};

	if (!kept || !own)
		return 0;
	bpf_spin_lock(&kept->lock);
	record = kept->now;
	bpf_spin_unlock(&kept->lock);
	if (record.holder != holder_word(own->host, holder))
		return 0;
	if (host == own->host)
		tell_record(EVENT_STALLED, key, &record, 0);
	else
		tell_host(skb, key, &record, ADVERT_STALLED, host);
	return 0;
}

/* The advert, about the VIP with this index, was delivered to the silent holder. The packet is used up. */
__noinline int report_stalled(struct __sk_buff *skb, struct advert *advert, __u32 index)
{
	struct address_key key;
	struct address *sender;

	if (!advert || index >= ADVERT_ADDRESSES_MAX || !named_vip(skb, advert, index, &key))
		return 0;
	sender = advert_sender(advert);
	return sender ? tell_stalled(skb, &key, advert->to, sender->host) : 0;
}

/* Where the memory of what the port is given by this sender is. */
static __always_inline struct delivered_key memory_key(const struct advert *advert)
{
	struct ip16 source = mapped(advert->source);
	struct delivered_key key = { .port = advert->to, .router = advert->router };

	__builtin_memcpy(key.source, source.address, 16);
	return key;
}

/* Makes room for the last advert of this sender to the port, at a limited rate. */
static __always_inline void make_room(const struct delivered_key *key, __u32 vni, __u32 sender)
{
	struct delivered *none;
	__u32 zero = 0;

	none = bpf_map_lookup_elem(&no_advert, &zero);
	if (!none || bpf_map_lookup_elem(&delivered, key))
		return;
	if (may_number_cause(LIMITED_MEMORIES, vni, sender, MEMORY_TOKEN_NS, MEMORY_BURST))
		bpf_map_update_elem(&delivered, key, none, BPF_NOEXIST);
}

__noinline int make_memory(struct advert *advert)
{
	struct delivered_key key;

	if (!advert)
		return 0;
	key = memory_key(advert);
	make_room(&key, advert->vni, advert->sender);
	return 0;
}

/* Keeps the frame, which has so many bytes, in the room made for it. */
static __always_inline void keep_frame(struct __sk_buff *skb, const struct delivered_key *key, __u32 length,
				       __u32 offset, __u32 sender)
{
	struct delivered *last = bpf_map_lookup_elem(&delivered, key);

	if (!last)
		return;
	last->length = 0;
	last->offset = offset;
	last->sender = sender;
	/* The compiler must not compare another value than the one that is used: the verifier would not see the bound. */
	asm volatile("" : "+r"(length));
	if (length > DELIVERED_MAX || length < ETH_HLEN || bpf_skb_load_bytes(skb, 0, last->frame, length))
		return;
	last->at = bpf_ktime_get_boot_ns();
	last->repeated = 0;
	last->length = length;
}

__noinline int keep_delivered(struct __sk_buff *skb, struct advert *advert)
{
	struct delivered_key key;
	struct iphdr *ip;
	__u32 length;

	if (!advert)
		return 0;
	key = memory_key(advert);
	ip = ip_header(skb);
	if (!ip)
		return 0;
	length = ETH_HLEN + bpf_ntohs(ip->tot_len);
	if (ip->protocol == IPPROTO_VRRP && length >= ETH_HLEN + sizeof(*ip) && length <= DELIVERED_MAX)
		keep_frame(skb, &key, length, advert->offset, advert->sender);
	else
		/* Nobody else can make one behind an authentication header, and the last one is what counts. */
		bpf_map_delete_elem(&delivered, &key);
	return 0;
}

/*
 * Remembers an advert that names a VIP as the port is given it: should its sender die, the port hears it once more
 * with priority 0 (section 6), if both are associated with the VIP then. Called where the frame leaves for the
 * port; in two steps, to spare the stack.
 */
static __always_inline void remember_delivered(struct __sk_buff *skb, struct advert *advert)
{
	if (!advert->sender)
		return;
	make_memory(advert);
	keep_delivered(skb, advert);
}

/* Remembers that the port sends multicast adverts in its subnet. */
static __always_inline void remember_talker(__u32 subnet, __u32 port)
{
	struct talkers *list = bpf_map_lookup_elem(&talkers, &subnet), fresh = {};
	__u64 now = bpf_ktime_get_boot_ns(), oldest_at = ~0ULL;
	__u32 i, oldest = 0;

	if (!list) {
		fresh.ports[0] = port;
		fresh.at[0] = now;
		bpf_map_update_elem(&talkers, &subnet, &fresh, BPF_ANY);
		return;
	}
	for (i = 0; i < TALKERS_MAX; i++) {
		if (list->ports[i] == port) {
			list->at[i] = now;
			return;
		}
		if (list->at[i] < oldest_at) {
			oldest_at = list->at[i];
			oldest = i;
		}
	}
	list->ports[oldest & (TALKERS_MAX - 1)] = port;
	list->at[oldest & (TALKERS_MAX - 1)] = now;
}

/* Gives one port of this host a copy of a multicast advert, if it may have it. */
__noinline int copy_advert(struct __sk_buff *skb, struct advert *advert, __u32 from_port)
{
	struct address *sender;
	struct port *to;
	__u32 number;
	int verdict;

	if (!advert)
		return 0;
	advert->sender = 0;
	if (!advert->to || advert->to == from_port)
		return 0;
	number = advert->to;
	to = bpf_map_lookup_elem(&ports, &number);
	sender = advert_sender(advert);
	if (!to || !sender || to->state == PORT_INACTIVE || to->vni != advert->vni || to->subnet != sender->subnet)
		return 0;
	verdict = judge_advert(skb, advert);
	if (verdict && verdict < ADVERT_STALLED_AT) {
		advert->sender = 0;
		return drop(skb, from_port, verdict, advert->source);
	}
	if (!bpf_clone_redirect(skb, to->ifindex, 0))
		count(COUNT_DELIVERED);
	return 0;
}

/*
 * A CARP advert: it looks like one of VRRPv2 with seven addresses, but it has 36 bytes where VRRP's password makes
 * them 44, and it names no address: there are a counter and a hash, which match a VIP once in 2^32.
 */
static __noinline bool is_carp(struct __sk_buff *skb, __u32 offset, const struct vrrp *vrrp)
{
	__be16 total = 0;

	if (vrrp->version_type != 0x21 || vrrp->count != CARP_WORDS ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, tot_len), &total, sizeof(total)))
		return false;
	return ETH_HLEN + bpf_ntohs(total) == offset + sizeof(*vrrp) + CARP_WORDS * 4;
}

/*
 * Gives a multicast advert to the ports of this host that should hear it: those associated with the VIP it names
 * first, and those that sent such adverts in the last minute. CARP names none: to those that share a VIP with its
 * sender, and nobody else.
 */
__noinline int flood_advert(struct __sk_buff *skb, struct advert *advert, __u32 from_port)
{
	struct circle *circle = NULL;
	struct talkers *list;
	struct address_key key;
	struct address *sender;
	struct vrrp vrrp;
	__u64 now;
	bool carp;
	__u32 i;

	if (!advert || !read_advert(skb, advert, &vrrp))
		return REASON_ADVERT_MALFORMED;
	sender = advert_sender(advert);
	if (!sender)
		return REASON_ADVERT_STRANGER;
	count(COUNT_ADVERT_FLOODED);
	carp = is_carp(skb, advert->offset, &vrrp);
	if (carp)
		circle = bpf_map_lookup_elem(&associated, &sender->port);
	else if (vrrp.count && named_vip(skb, advert, 0, &key))
		circle = bpf_map_lookup_elem(&circles, &key);
	if (circle) {
		for (i = 0; i < CIRCLE_MAX; i++) {
			if (i >= circle->count)
				break;
			advert->to = circle->ports[i];
			copy_advert(skb, advert, from_port);
			remember_delivered(skb, advert);
		}
	}
	if (carp)
		return 0;
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
		copy_advert(skb, advert, from_port);
		remember_delivered(skb, advert);
	}
	return 0;
}

#endif
