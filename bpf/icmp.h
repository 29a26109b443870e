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
	case REASON_HOLDER_NOT_ENTITLED:
	case REASON_TARGET_INACTIVE:
	case REASON_TARGET_NOWHERE:
	case REASON_HOST_UNKNOWN:
	case REASON_EDGE_OFF:
		return COMPLAINT_HOST_UNREACHABLE;
	}
	return 0;
}

/* Drops a packet of this port for this reason; the sender learns why from its gateway. */
static __always_inline int refuse_ip_mtu(struct __sk_buff *skb, const struct port *port, __u32 reason,
					 __be32 destination, __u32 mtu)
{
	struct complaint what = { .vni = port->vni, .port = port->number, .mtu = mtu };
	int verdict = drop(skb, port->number, reason, destination);

	what.kind = complaint_about(reason);
	what.source = gateway_of(port->subnet);
	if (!what.kind || !what.source || !complain(skb, &what))
		return verdict;
	return send_back(skb);
}

static __always_inline int refuse_ip(struct __sk_buff *skb, const struct port *port, __u32 reason, __be32 destination)
{
	return refuse_ip_mtu(skb, port, reason, destination, port->mtu);
}

#endif
