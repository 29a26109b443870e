/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Asks about addresses of either family (rule C10). */
#ifndef HAVIP_ASK6_H
#define HAVIP_ASK6_H

#include "nd_frame.h"

/* Remembers that the port was asked; false if it is not active. Apart from the ask itself, to spare the stack. */
__noinline int expect_answer6(struct address_key *key, __u32 number, __u32 asker)
{
	struct port *port = bpf_map_lookup_elem(&ports, &number);

	if (!key || !port || port->state == PORT_INACTIVE)
		return 0;
	expect_answer(key, number, asker);
	return 1;
}

/* Makes the packet the gateway's solicitation of the address, and sends it to the port; true if it left. */
__noinline int ask_guest6(struct __sk_buff *skb, struct address_key *key, __u32 number)
{
	struct port *port = bpf_map_lookup_elem(&ports, &number);
	struct nd_frame frame = {};
	__u32 ifindex;

	if (!key || !port)
		return 0;
	ifindex = port->ifindex;
	gateway6_of(port, (__u8 *)&frame.ip.saddr);
	frame.ip.daddr.in6_u.u6_addr32[0] = bpf_htonl(0xff020000);
	frame.ip.daddr.in6_u.u6_addr32[2] = bpf_htonl(1);
	frame.ip.daddr.in6_u.u6_addr32[3] = bpf_htonl(0xff000000) | (word_of(key->address, 3) & bpf_htonl(0xffffff));
	multicast_mac((const __u8 *)&frame.ip.daddr, frame.ethernet.h_dest);
	__builtin_memcpy(frame.ethernet.h_source, port->virtual_mac, ETH_ALEN);
	frame.nd.icmp.type = ND_SOLICITATION;
	__builtin_memcpy(frame.nd.target, key->address, 16);
	frame.nd.option = ND_OPTION_SOURCE_MAC;
	if (!become_nd(skb, &frame) || bpf_clone_redirect(skb, ifindex, 0))
		return 0;
	count(COUNT_ASKED);
	return 1;
}

/* Asks the port whether it has the address: by ARP, or by neighbour discovery. */
static __always_inline int ask_port(struct __sk_buff *skb, struct address_key *key, __u32 number, __u32 asker)
{
	if (is_mapped(key->address))
		return ask_guest(skb, key, number, asker);
	return expect_answer6(key, number, asker) && ask_guest6(skb, key, number);
}

#endif
