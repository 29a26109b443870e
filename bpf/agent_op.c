// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * The agent's orders, run by BPF_PROG_TEST_RUN: the packet begins with a struct order.
 *
 * Only this and the hooks write records, so that every write is compared under the same lock.
 */
#include "advert.h"
#include "ask6.h"
#include "show.h"

/* A record that nobody has claimed; its value never changes, and its size is the records'. */
struct blank_record {
	__u8 bytes[sizeof(struct kept_record)];
};
SINGLE(blank, struct blank_record);

static __noinline enum outcome merge(struct kept_record *kept, struct address_key *key, struct record *record)
{
	struct record before = {};

	if (!apply(kept, record, &before, now_instant(), CAUSE_MERGED))
		return OUTCOME_UNCHANGED;
	count(COUNT_APPLIED);
	note_loss(key, &before, record);
	tell_moved(key, &before, record, CAUSE_MERGED, 0);
	return OUTCOME_DONE;
}

/* Makes room before the VIP is configured, and merges what waited (C5). */
static __noinline enum outcome prepare(struct address_key *key, __u64 incarnation)
{
	struct record waited, *waits;
	struct kept_record *kept;
	__u32 zero = 0;
	void *empty;

	kept = bpf_map_lookup_elem(&records, key);
	if (!kept) {
		empty = bpf_map_lookup_elem(&blank, &zero);
		if (!empty)
			return OUTCOME_FULL;
		bpf_map_update_elem(&records, key, empty, BPF_NOEXIST);
		kept = bpf_map_lookup_elem(&records, key);
		if (!kept)
			return OUTCOME_FULL;
	}
	bpf_spin_lock(&kept->lock);
	if (kept->now.incarnation < incarnation) {
		kept->now.incarnation = incarnation;
		kept->now.epoch = 0;
		kept->now.holder = 0;
		kept->now.mac = 0;
		kept->now.moves = 0;
		kept->now.port_down = 0;
		kept->flags = 0;
		kept->announced_at = 0;
	}
	bpf_spin_unlock(&kept->lock);
	waits = bpf_map_lookup_elem(&waiting, key);
	if (!waits)
		return OUTCOME_DONE;
	waited = *waits;
	bpf_map_delete_elem(&waiting, key);
	merge(kept, key, &waited);
	return OUTCOME_DONE;
}

/* The VIP is gone. Its successor's record, if that came first, waits for the successor's configuration. */
static __noinline enum outcome forget(const struct address_key *key, __u64 incarnation)
{
	struct kept_record *kept = bpf_map_lookup_elem(&records, key);
	struct record last;

	if (!kept)
		return OUTCOME_ABSENT;
	bpf_spin_lock(&kept->lock);
	last = kept->now;
	bpf_spin_unlock(&kept->lock);
	bpf_map_delete_elem(&records, key);
	if (last.holder && last.incarnation > incarnation)
		keep_waiting(key, &last);
	return OUTCOME_DONE;
}

/* The incarnation under which this port of this host may hold the address now; 0: it may not. */
static __noinline __u64 permitted(const struct address_key *key, __u32 number)
{
	struct address *vip = bpf_map_lookup_elem(&addresses, key);
	struct address_key target;
	struct ip16 public_address;
	struct port *port;
	struct eip *eip;
	struct nat *nat;

	/* Edges have no port; the records of segments and EIPs name port 1. */
	if (vip && vip->kind == ADDRESS_SEGMENT)
		return number == 1 ? vip->incarnation : 0;
	if (vip) {
		port = bpf_map_lookup_elem(&ports, &number);
		if (vip->kind != ADDRESS_VIP || !port || port->state == PORT_INACTIVE || port->vni != key->vni ||
		    !is_candidate(vip, key, port))
			return 0;
		return vip->incarnation;
	}
	__builtin_memcpy(public_address.address, key->address, 16);
	eip = bpf_map_lookup_elem(&eips, &public_address);
	if (!eip || eip->vni != key->vni || number != 1)
		return 0;
	target.vni = eip->vni;
	__builtin_memcpy(target.address, eip->target, 16);
	nat = bpf_map_lookup_elem(&nats, &target);
	return nat ? nat->incarnation : 0;
}

static __noinline enum outcome take(struct __sk_buff *skb, struct kept_record *kept, struct order *order,
					 struct address_key *key, const struct settings *own)
{
	struct record before = {}, made = {};
	struct wish wish = {};
	struct instant now = now_instant();

	wish.incarnation = permitted(key, order->port);
	if (!wish.incarnation)
		return OUTCOME_REFUSED;
	wish.holder = holder_word(own->host, order->port);
	wish.mac = mac_word(order->mac, order->port);
	wish.cause = order->cause;
	/* A postponed claim spends a token like the claim that it is (C4). */
	if (order->cause == CAUSE_CLAIM && agent_is_alive(now.boot_ns)) {
		struct address_port_key whose;
		__u64 ready_at;

		bpf_spin_lock(&kept->lock);
		before = kept->now;
		bpf_spin_unlock(&kept->lock);
		if (before.incarnation > wish.incarnation)
			return OUTCOME_REFUSED;
		if (!is_exactly(&before, &order->record))
			return OUTCOME_UNCHANGED;
		whose = with_port(key, order->port);
		ready_at = spend(&whose, now.boot_ns, CLAIM_TOKEN_NS, CLAIM_BURST);
		if (ready_at) {
			leave_to_agent(EVENT_POSTPONED, &whose, &before, wish.mac, ready_at);
			return OUTCOME_REFUSED;
		}
	}
	switch (hold(kept, &wish, &order->record, now, &before, &made)) {
	case HOLD_MADE:
		break;
	case HOLD_UNEXPECTED:
		return OUTCOME_UNCHANGED;
	default:
		return OUTCOME_REFUSED;
	}
	count(COUNT_CLAIM_MADE);
	note_loss(key, &before, &made);
	announce(skb, key, &made, ANNOUNCE);
	tell_moved(key, &before, &made, order->cause, 0);
	return OUTCOME_DONE;
}

static __noinline enum outcome release_by_order(struct __sk_buff *skb, struct kept_record *kept,
						     struct order *order, struct address_key *key,
						     const struct settings *own)
{
	struct record before = {}, made = {};
	__u64 holder = order->kind == ORDER_RELEASE ? holder_word(own->host, order->port) : 0;
	__u32 cause = !holder ? CAUSE_HOST_LOST : order->cause == CAUSE_PORT_DOWN ? CAUSE_PORT_DOWN : CAUSE_RELEASED;

	if (!release(kept, holder, &order->record, cause, now_instant(), &before, &made))
		return OUTCOME_UNCHANGED;
	announce(skb, key, &made, ANNOUNCE);
	tell_moved(key, &before, &made, cause, 0);
	return OUTCOME_DONE;
}

/* Doubts the holder that the record names, on another host or on this one (C10 b). */
static __noinline enum outcome doubt(struct __sk_buff *skb, struct kept_record *kept, struct order *order,
					  struct address_key *key, const struct settings *own)
{
	__u32 number = holder_port(order->record.holder), host = holder_host(order->record.holder);
	struct record now;

	bpf_spin_lock(&kept->lock);
	now = kept->now;
	bpf_spin_unlock(&kept->lock);
	if (!now.holder || !is_exactly(&now, &order->record))
		return OUTCOME_UNCHANGED;
	if (host != own->host)
		return tell_host(skb, key, &order->record, DOUBT, host) ? OUTCOME_DONE : OUTCOME_UNSENT;
	if (is_released(now.holder) || !permitted(key, number))
		return OUTCOME_REFUSED;
	return ask_port(skb, key, number, ASKER_DOUBT) ? OUTCOME_DONE : OUTCOME_UNSENT;
}

/*
 * The agent knows that both have the address: the holder keeps it for a while, whatever the port says (C9). The same for
 * a port whose guest has just come from another host, and announces every address that it has.
 */
static __noinline enum outcome hold_off(const struct address_key *key, __u32 port, __u64 until)
{
	struct address_port_key loser = with_port(key, port);
	__u64 *kept;

	if (until & 1)
		loser.vni |= CONTESTED_ALWAYS;
	kept = bpf_map_lookup_elem(&losses, &loser);
	if (kept && *kept >= until)
		return OUTCOME_UNCHANGED;
	return bpf_map_update_elem(&losses, &loser, &until, BPF_ANY) ? OUTCOME_FULL : OUTCOME_DONE;
}

static __noinline enum outcome echo(struct __sk_buff *skb, const struct order *order, const struct settings *own)
{
	if (!own->overlay_ifindex || !bpf_map_lookup_elem(&hosts, &order->host))
		return OUTCOME_ABSENT;
	if (!become_announcement(skb, ECHO_REQUEST, own->host, NULL, NULL, order->nonce) ||
	    !aim_at_host(skb, ANNOUNCEMENT_VNI, order->host) ||
	    bpf_clone_redirect(skb, own->overlay_ifindex, 0))
		return OUTCOME_UNSENT;
	return OUTCOME_DONE;
}

/* Puts priority 0 into the advert at this offset, whose checksum follows (RFC 1624), whatever header it covers. */
static __always_inline bool resign(struct __sk_buff *skb, __u32 offset)
{
	struct vrrp vrrp;
	__u16 before, after;
	__u32 sum;

	if (bpf_skb_load_bytes(skb, offset, &vrrp, sizeof(vrrp)) || !vrrp.priority)
		return false;
	/* Version 2, and an authentication that only its sender can make. */
	if (vrrp.version_type == 0x21 && bpf_ntohs(vrrp.interval) >> 8 > VRRP_PASSWORD)
		return false;
	before = bpf_htons(vrrp.priority << 8 | vrrp.count);
	after = bpf_htons(vrrp.count);
	sum = (__u16)~vrrp.check + (__u16)~before + after;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	vrrp.check = ~sum;
	vrrp.priority = 0;
	return !bpf_skb_store_bytes(skb, offset, &vrrp, sizeof(vrrp), 0);
}

/*
 * Says to the port what a dead sender would have said had it stopped gracefully (section 6): once for each advert.
 * Should the sender live after all, the advert itself takes that back, as long as nobody has followed it.
 */
static __noinline enum outcome speak(struct __sk_buff *skb, struct kept_record *kept, struct order *order,
					  struct address_key *key)
{
	struct delivered_key whose = { .port = order->port, .router = order->router };
	struct port *port = bpf_map_lookup_elem(&ports, &order->port);
	bool takes_back = order->nonce;
	struct delivered *last;
	struct record now;
	__u32 length, offset;

	if (!port || port->state == PORT_INACTIVE || !permitted(key, order->heir))
		return OUTCOME_REFUSED;
	bpf_spin_lock(&kept->lock);
	now = kept->now;
	bpf_spin_unlock(&kept->lock);
	if (!now.holder || !is_exactly(&now, &order->record))
		return OUTCOME_UNCHANGED;
	__builtin_memcpy(whose.source, order->sender, 16);
	last = bpf_map_lookup_elem(&delivered, &whose);
	if (!last)
		return OUTCOME_ABSENT;
	length = last->length;
	offset = last->offset;
	if (length < ETH_HLEN || length > DELIVERED_MAX || offset > DELIVERED_MAX)
		return OUTCOME_ABSENT;
	if (__sync_lock_test_and_set(&last->repeated, !takes_back) != takes_back)
		return OUTCOME_UNCHANGED;
	if (bpf_skb_change_tail(skb, length, 0) || bpf_skb_store_bytes(skb, 0, last->frame, length, 0))
		return OUTCOME_UNSENT;
	if (!takes_back && !resign(skb, offset))
		return OUTCOME_REFUSED;
	if (bpf_clone_redirect(skb, port->ifindex, 0))
		return OUTCOME_UNSENT;
	count(COUNT_SPOKEN);
	return OUTCOME_DONE;
}

/* Sends a frame as if the port's guest had, once: its hook judges it as it judges all that comes from there. */
static __noinline enum outcome probe(struct __sk_buff *skb, const struct order *order)
{
	struct port *port = bpf_map_lookup_elem(&ports, &order->port);
	__u32 length = order->nonce;
	__u8 frame[PROBE_MAX];

	if (!port)
		return OUTCOME_ABSENT;
	if (length < ETH_HLEN || length > PROBE_MAX)
		return OUTCOME_MALFORMED;
	if (bpf_skb_load_bytes(skb, sizeof(*order), frame, sizeof(frame)) ||
	    bpf_skb_store_bytes(skb, 0, frame, sizeof(frame), 0) || bpf_skb_change_tail(skb, length, 0) ||
	    put_in(skb, port->ifindex))
		return OUTCOME_UNSENT;
	return OUTCOME_DONE;
}

SEC("tc")
int agent_op(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	struct kept_record *kept;
	struct address_key key;
	struct order order;

	look_away();
	if (!own || bpf_skb_load_bytes(skb, 0, &order, sizeof(order)))
		return OUTCOME_MALFORMED;
	key.vni = order.vni;
	__builtin_memcpy(key.address, order.address, 16);
	switch (order.kind) {
	case ORDER_PREPARE:
		return prepare(&key, order.record.incarnation);
	case ORDER_FORGET:
		return forget(&key, order.record.incarnation);
	case ORDER_ECHO:
		return echo(skb, &order, own);
	case ORDER_SHOW:
		return show_outside(skb, &key) ? OUTCOME_DONE : OUTCOME_UNCHANGED;
	case ORDER_HOLD_OFF:
		return hold_off(&key, order.port, order.nonce);
	case ORDER_PROBE:
		return probe(skb, &order);
	case ORDER_ASK:
		if (!permitted(&key, order.port))
			return OUTCOME_REFUSED;
		return ask_port(skb, &key, order.port, ASKER_AGENT) ? OUTCOME_DONE : OUTCOME_UNSENT;
	}

	if (order.kind == ORDER_MERGE && order.record.epoch >= EPOCH_LIMIT)
		return OUTCOME_REFUSED;
	kept = bpf_map_lookup_elem(&records, &key);
	if (!kept) {
		if (order.kind == ORDER_MERGE)
			keep_waiting(&key, &order.record);
		return OUTCOME_ABSENT;
	}
	switch (order.kind) {
	case ORDER_MERGE:
		return merge(kept, &key, &order.record);
	case ORDER_TAKE:
		return take(skb, kept, &order, &key, own);
	case ORDER_RELEASE:
	case ORDER_RELEASE_EXACT:
		return release_by_order(skb, kept, &order, &key, own);
	case ORDER_SPEAK:
		return speak(skb, kept, &order, &key);
	case ORDER_DOUBT:
		return doubt(skb, kept, &order, &key, own);
	case ORDER_ANNOUNCE:
		bpf_spin_lock(&kept->lock);
		order.record = kept->now;
		bpf_spin_unlock(&kept->lock);
		if (!order.record.holder)
			return OUTCOME_ABSENT;
		announce(skb, &key, &order.record, ANNOUNCE);
		return OUTCOME_DONE;
	}
	return OUTCOME_MALFORMED;
}
