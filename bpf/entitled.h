/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Who may claim, hold and send as a VIP (rule C2). */
#ifndef HAVIP_ENTITLED_H
#define HAVIP_ENTITLED_H

#include "record.h"

/* The port may claim the VIP now, its state left aside. */
static __always_inline bool is_candidate(const struct address *vip, const struct address_key *key,
					 const struct port *port)
{
	struct address_port_key both;
	struct entitled *entry;

	if ((vip->flags & ADDRESS_SUBNET_BINDING) && vip->subnet == port->subnet)
		return true;
	both = with_port(key, port->number);
	entry = bpf_map_lookup_elem(&entitled, &both);
	return entry && !entry->direct_return;
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

/* The record names this port of this host, and is not released. Reads one word, without the lock. */
static __always_inline bool holds(const struct address_key *key, __u32 host, __u32 port)
{
	struct kept_record *kept = bpf_map_lookup_elem(&records, key);

	return kept && READ_ONCE(kept->now.holder) == holder_word(host, port);
}

#endif
