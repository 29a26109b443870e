/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Who may claim, hold and send as a VIP (rule C2). */
#ifndef HAVIP_ENTITLED_H
#define HAVIP_ENTITLED_H

#include "record.h"

/* A line is written at most once a ms, however many processors send. */
#define SENT_EXACT_NS 1000000ULL

/* The port with this number, in this subnet, may claim the VIP now. */
static __always_inline bool may_claim(const struct address *vip, const struct address_key *key, __u32 subnet,
				      __u32 number)
{
	struct address_port_key both;
	struct entitled *entry;

	if ((vip->flags & ADDRESS_SUBNET_BINDING) && vip->subnet == subnet)
		return true;
	both = with_port(key, number);
	entry = bpf_map_lookup_elem(&entitled, &both);
	return entry && !entry->direct_return;
}

/* The same of a port of this host, its state left aside. */
static __always_inline bool is_candidate(const struct address *vip, const struct address_key *key,
					 const struct port *port)
{
	return may_claim(vip, key, port->subnet, port->number);
}

/* The port may send from the VIP without holding it. */
static __always_inline bool may_return_directly(const struct address_key *key, __u32 port)
{
	struct address_port_key both = with_port(key, port);
	struct entitled *entry = bpf_map_lookup_elem(&entitled, &both);

	return entry && entry->direct_return;
}

/* The port has an association of any kind with any VIP. */
static __always_inline bool is_associated(__u32 port)
{
	return bpf_map_lookup_elem(&associated, &port);
}

/* The record, if it names this port of this host and is not released. Reads one word, without the lock. */
static __always_inline struct kept_record *held_record(const struct address_key *key, __u32 host, __u32 port)
{
	struct kept_record *kept = bpf_map_lookup_elem(&records, key);

	return kept && READ_ONCE(kept->now.holder) == holder_word(host, port) ? kept : NULL;
}

static __always_inline bool holds(const struct address_key *key, __u32 host, __u32 port)
{
	return held_record(key, host, port);
}

/*
 * The holder sends as the VIP: what an outage is measured by. Without the lock: of two first packets at the same
 * moment either may be the first, and both are told.
 */
static __always_inline void note_sent(struct kept_record *kept, const struct address_key *key)
{
	__u64 now = bpf_ktime_get_boot_ns(), epoch = READ_ONCE(kept->now.epoch);
	struct event *event;

	if (kept->sent_epoch == epoch) {
		if (now - kept->last_sent_at >= SENT_EXACT_NS)
			kept->last_sent_at = now;
		return;
	}
	kept->before_sent_at = kept->last_sent_at;
	kept->first_sent_at = now;
	kept->last_sent_at = now;
	kept->sent_epoch = epoch;
	event = new_event(EVENT_SERVES, key);
	if (!event)
		return;
	event->at = now;
	event->nonce = kept->before_sent_at;
	event->now.incarnation = kept->now.incarnation;
	event->now.epoch = epoch;
	event->now.holder = kept->now.holder;
	bpf_ringbuf_submit(event, 0);
}

#endif
