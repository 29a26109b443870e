/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What a port is told when its packet goes no further. */
#ifndef HAVIP_ICMP_H
#define HAVIP_ICMP_H

#include "complain.h"

/* The error that fits the reason; 0: the sender is told nothing. */
static __always_inline __u16 complaint_about(__u32 reason)
{
	switch (reason) {
	case REASON_NO_EIP:
		return COMPLAINT_PROHIBITED;
	case REASON_TTL:
		return COMPLAINT_TTL;
	case REASON_TOO_BIG:
		return COMPLAINT_TOO_BIG;
	case REASON_NO_ROUTE:
	case REASON_NO_HOLDER:
	case REASON_NEXT_HOP_CHECKED:
	case REASON_HOLDER_NOT_ENTITLED:
	case REASON_TARGET_INACTIVE:
	case REASON_TARGET_NOWHERE:
	case REASON_HOST_UNKNOWN:
	case REASON_EDGE_OFF:
		return COMPLAINT_HOST_UNREACHABLE;
	}
	return 0;
}

/* Drops a packet of this port for this reason; the sender learns why, and how large it may be, from its gateway. */
static __always_inline int refuse_ip_mtu(struct __sk_buff *skb, const struct port *port, __u32 reason,
					 __be32 destination, __u32 mtu)
{
	int verdict = drop(skb, port->number, reason, destination);
	__u32 kind = complaint_about(reason);

	if (!kind)
		return verdict;
	skb->cb[0] = port->number;
	skb->cb[1] = kind;
	skb->cb[2] = mtu;
	return jump(skb, STAGE_REFUSE, verdict);
}

static __always_inline int refuse_ip(struct __sk_buff *skb, const struct port *port, __u32 reason, __be32 destination)
{
	return refuse_ip_mtu(skb, port, reason, destination, port->mtu);
}

SEC("tc")
int refuse_stage(struct __sk_buff *skb)
{
	__u32 number = skb->cb[0];
	struct port *port = bpf_map_lookup_elem(&ports, &number);
	struct complaint what = { .kind = skb->cb[1], .port = number };

	if (!port)
		return TC_ACT_SHOT;
	what.vni = port->vni;
	what.mtu = skb->cb[2];
	what.source = gateway_of(port->subnet);
	return what.source && complain(skb, &what) ? send_back_to_port(skb, port) : TC_ACT_SHOT;
}

#endif
