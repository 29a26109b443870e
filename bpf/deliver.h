/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The last step of a packet: into a port, to another host, or to the DHCP service. */
#ifndef HAVIP_DELIVER_H
#define HAVIP_DELIVER_H

#include "ask.h"

/* Puts the packet, whose headers are right, into the port. */
static __always_inline int into_port(struct __sk_buff *skb, const struct port *port)
{
	count(COUNT_DELIVERED);
	skb->mark = 0;
	if (!(port->flags & PORT_VETH))
		return bpf_redirect(port->ifindex, 0);
	/* Before 6.15 the peer's stack sees type and mark as they are, and drops what is typed for another host. */
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(port->ifindex, 0);
}

/* Sends the packet to another host, in this VPC's tunnel. */
static __always_inline int to_host(struct __sk_buff *skb, const struct settings *own, __u32 vni, __u32 host,
				   __u32 port, __be32 address)
{
	if (!own->overlay_ifindex)
		return drop(skb, port, REASON_NO_OVERLAY, address);
	if (!aim_at_host(skb, vni, host))
		return drop(skb, port, REASON_HOST_UNKNOWN, address);
	count(COUNT_SENT_REMOTE);
	skb->mark = 0;
	return bpf_redirect(own->overlay_ifindex, 0);
}

/* A size at which the packet, or each of its segments, would travel. */
static __always_inline __u32 travel_size(struct __sk_buff *skb)
{
	struct iphdr *ip;
	__u32 headers, size = skb->len - ETH_HLEN;

	if (!skb->gso_size)
		return size;
	ip = ip_header(skb);
	if (!ip)
		return size;
	headers = ip->ihl * 4;
	if (ip->protocol == IPPROTO_TCP) {
		__u8 offset = 0;

		bpf_skb_load_bytes(skb, ETH_HLEN + headers + 12, &offset, 1);
		headers += (offset >> 4) * 4;
	} else {
		headers += sizeof(struct udphdr);
	}
	return headers + skb->gso_size;
}

#endif
