/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* DHCP: what a guest asks goes to the agent, and nobody but the agent answers. */
#ifndef HAVIP_DHCP_H
#define HAVIP_DHCP_H

#include "count.h"

#define DHCP_SERVER_PORT bpf_htons(67)
#define DHCP_CLIENT_PORT bpf_htons(68)
#define DHCP6_CLIENT_PORT bpf_htons(546)
#define DHCP_MAC_AT (sizeof(struct udphdr) + 28)

/* What judge_dhcp says besides a reason. */
#define DHCP_ASKS REASON_MAX

/* The packet is UDP, or its first fragment: its ports are there. */
static __always_inline bool begins_udp(const struct iphdr *ip)
{
	return ip->protocol == IPPROTO_UDP && !(ip->frag_off & bpf_htons(0x1fff));
}

/*
 * What a port's UDP, which begins here, is to DHCP: 0, a reason, or DHCP_ASKS.
 * Clients listen at their port whoever sends, and take what carries the number of their question for an answer.
 */
static __noinline __u32 judge_dhcp(struct __sk_buff *skb, const struct port *port, __u32 at)
{
	__u8 mac[ETH_ALEN];
	__be16 ends[2];

	if (bpf_skb_load_bytes(skb, at, ends, sizeof(ends)))
		return 0;
	if (ends[1] == DHCP_CLIENT_PORT)
		return REASON_DHCP_SERVER;
	if (ends[0] != DHCP_CLIENT_PORT || ends[1] != DHCP_SERVER_PORT)
		return 0;
	/* With another's MAC it would ask for, or give back, what another is lent. */
	if (bpf_skb_load_bytes(skb, at + DHCP_MAC_AT, mac, sizeof(mac)) || !same_mac(mac, port->mac))
		return REASON_DHCP_MAC;
	return DHCP_ASKS;
}

/* UDP that begins here is for a client's port. */
static __always_inline bool is_for_client(struct __sk_buff *skb, __u32 at, __be16 client)
{
	__be16 to = 0;

	return !bpf_skb_load_bytes(skb, at + offsetof(struct udphdr, dest), &to, sizeof(to)) && to == client;
}

#endif
