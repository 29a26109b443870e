/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Guests that go on at another host while they run: the first frame here, the last frame there. */
#ifndef HAVIP_MIGRATION_H
#define HAVIP_MIGRATION_H

#include "announce.h"
#include "claims.h"

/* What one port may tell of its guest's arrival: 16 at once, then 2 a second. */
#define ARRIVAL_TOKEN_NS 500000000ULL
#define ARRIVAL_BURST 16

/*
 * The guest that the port waits for is here: it sent a frame with its own MAC, be it the reverse ARP of QEMU. That one is
 * lost, as the agent makes the port active first.
 */
static __noinline void tell_arrived(struct __sk_buff *skb, const struct port *port)
{
	__u8 source[ETH_ALEN] = {};
	struct event *event;

	if (bpf_skb_load_bytes(skb, ETH_ALEN, source, ETH_ALEN) || !same_mac(source, port->mac) ||
	    !may_cause(LIMITED_ARRIVALS, port, ARRIVAL_TOKEN_NS, ARRIVAL_BURST))
		return;
	event = new_event(EVENT_ARRIVED, NULL);
	if (!event)
		return;
	event->port = port->number;
	bpf_ringbuf_submit(event, 0);
}

/* The guest is leaving: each frame may be its last one here, from which its outage is counted. */
static __noinline void note_departure(const struct port *port)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 number = port->number;

	bpf_map_update_elem(&departures, &number, &now, BPF_ANY);
}

/* Whether a port takes the guest's frame: not while it is inactive. */
static __always_inline bool takes_frames(struct __sk_buff *skb, const struct port *port)
{
	if (port->state == PORT_ACTIVE)
		return true;
	if (port->state == PORT_MIGRATING_OUT) {
		note_departure(port);
		return true;
	}
	if (port->flags & PORT_AWAITED)
		tell_arrived(skb, port);
	return false;
}

#endif
