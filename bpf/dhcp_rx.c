// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What the agent's DHCP service sends: to the port of this host with the frame's destination MAC. */
#include "deliver.h"

/*
 * What comes in by the agent's end of that pair: the agent has read it by then, from the device itself, and the host's
 * stack is not to have a guest's packet.
 */
SEC("tc")
int agent_rx(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("tc")
int dhcp_rx(struct __sk_buff *skb)
{
	struct ethhdr *ethernet = (void *)(long)skb->data;
	struct mac_key at = {};
	struct mac_value *value;
	struct port *to;

	look_begin(skb);
	if ((void *)(ethernet + 1) > (void *)(long)skb->data_end)
		return drop(skb, 0, REASON_TRUNCATED, 0);
	__builtin_memcpy(at.mac, ethernet->h_dest, ETH_ALEN);
	value = bpf_map_lookup_elem(&macs, &at);
	to = value ? bpf_map_lookup_elem(&ports, &value->port) : NULL;
	if (!to)
		return drop(skb, 0, REASON_NOT_HERE, 0);
	if (to->state == PORT_INACTIVE)
		return drop(skb, 0, REASON_TARGET_INACTIVE, 0);
	count(COUNT_DHCP_DOWN);
	return into_port(skb, to);
}
