/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The exception from forwarding by IP: a frame that a guest sent to the MAC of another interface of its subnet.
 *
 * If that interface may take what is not for its own addresses it gets the frame as it is: a direct-return server
 * what is for its VIP, a router (source/destination check off) what is for a VIP or for no address of the VPC.
 * What is for an ordinary address goes by IP, whatever the MAC says: no neighbour entry can be stale for it.
 */
#ifndef HAVIP_BYMAC_H
#define HAVIP_BYMAC_H

#include "forward.h"

static __always_inline bool may_go_by_mac(const struct way *way)
{
	return !way->target || way->by_route || way->target->kind == ADDRESS_VIP;
}

/* The port may take what leads this way by IP, if it is sent to its MAC. */
static __always_inline bool takes_by_mac(const struct way *way, bool is_checked, __u32 port)
{
	if (!is_checked)
		return true;
	return way->target && !way->by_route && may_return_directly(&way->key, port);
}

static __always_inline void lead_to(struct way *way, struct address *of, __u32 host, __u32 port)
{
	way->target = of;
	way->host = host;
	way->port = port;
	way->mac = 0;
	way->by_route = false;
}

/* What a port sends: leads to the interface with this MAC in its subnet, on whatever host. */
static __noinline bool goes_by_mac(const struct port *port, const __u8 *mac, struct way *way)
{
	struct mac_key at = { .subnet = port->subnet };
	struct address_key key;
	struct mac_value *value;
	struct address *of;

	__builtin_memcpy(at.mac, mac, ETH_ALEN);
	value = bpf_map_lookup_elem(&macs, &at);
	if (!value || value->port == port->number)
		return false;
	key.vni = port->vni;
	__builtin_memcpy(key.address, value->address, 16);
	of = bpf_map_lookup_elem(&addresses, &key);
	if (!of || of->kind != ADDRESS_INTERFACE || !of->host ||
	    !takes_by_mac(way, of->flags & ADDRESS_CHECKED, of->port))
		return false;
	lead_to(way, of, of->host, of->port);
	return true;
}

/* What another host sends: leads to the port of this host with the frame's MAC, although it would go elsewhere by IP. */
static __noinline bool goes_by_mac_here(struct __sk_buff *skb, const struct settings *own, struct way *way)
{
	struct mac_key at = {};
	struct address_key key;
	struct mac_value *here;
	struct address *of;
	struct port *to;

	if (!may_go_by_mac(way) || bpf_skb_load_bytes(skb, 0, at.mac, ETH_ALEN))
		return false;
	here = bpf_map_lookup_elem(&macs, &at);
	to = here ? bpf_map_lookup_elem(&ports, &here->port) : NULL;
	if (!to || to->vni != way->key.vni || !takes_by_mac(way, to->flags & PORT_CHECKED, to->number))
		return false;
	key.vni = to->vni;
	__builtin_memcpy(key.address, here->address, 16);
	of = bpf_map_lookup_elem(&addresses, &key);
	if (!of || of->kind != ADDRESS_INTERFACE)
		return false;
	lead_to(way, of, own->host, to->number);
	return true;
}

#endif
