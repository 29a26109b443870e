/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Out of a VPC: where port_rx and overlay_rx hand over what leaves.
 *
 * Translation is stateless and the same on every edge; only who answers ARP outside, and whom the other hosts
 * send to, is one edge at a time.
 */
#ifndef HAVIP_EDGE_H
#define HAVIP_EDGE_H

#include "enter.h"

#define AF_INET 2

/* The edge that serves an EIP of this VPC: the one that answers for it outside. 0: none. */
static __always_inline __u32 active_edge(__u32 vni, const __u8 *public_address)
{
	struct address_key key = { .vni = vni };
	struct kept_record *kept;
	__u64 holder;

	__builtin_memcpy(key.address, public_address, 16);
	kept = bpf_map_lookup_elem(&records, &key);
	holder = kept ? READ_ONCE(kept->now.holder) : 0;
	return holder && !is_released(holder) ? holder_host(holder) : 0;
}

/* A packet on its way out of a VPC. */
struct departure {
	__u32 vni;
	__u32 port; /* the sender's; 0: it came over the underlay */
	__be32 source;
	__be32 public_address;
	__be32 destination;
};

/* Words of skb->cb for STAGE_LEAVE: struct departure but for the source, which is in the packet. */
enum departure_word { DEPARTURE_VNI, DEPARTURE_PORT, DEPARTURE_PUBLIC, DEPARTURE_DESTINATION };

/* Drops what was about to leave; its sender learns why from its gateway, also on another host. */
static __always_inline int refuse_departure(struct __sk_buff *skb, const struct departure *leaving, __u32 reason,
					    __u32 mtu)
{
	struct address_key sender = vip_key(leaving->vni, leaving->source);
	int verdict = drop(skb, leaving->port, reason, leaving->destination);
	struct address *its = bpf_map_lookup_elem(&addresses, &sender);
	struct arrival back = { .vni = leaving->vni, .destination = leaving->source, .target = leaving->source };
	struct complaint what = {
		.kind = complaint_about(reason),
		.mtu = mtu,
		.vni = leaving->vni,
		.port = leaving->port,
		.sender = leaving->port ? 0 : leaving->source,
	};
	struct port *from;

	from = leaving->port ? bpf_map_lookup_elem(&ports, &leaving->port) : NULL;
	what.source = its ? gateway_of(its->subnet) : 0;
	if (!what.kind || !what.source || !complain(skb, &what))
		return verdict;
	if (from)
		return send_back_to_port(skb, from);
	back.source = what.source;
	return enter_vpc(skb, &back);
}

/* On the edge: the source becomes the EIP; then out by the edge device, or back in if the destination is an EIP. */
static __always_inline int go_outside(struct __sk_buff *skb, const struct departure *leaving)
{
	skb->cb[DEPARTURE_VNI] = leaving->vni;
	skb->cb[DEPARTURE_PORT] = leaving->port;
	skb->cb[DEPARTURE_PUBLIC] = leaving->public_address;
	skb->cb[DEPARTURE_DESTINATION] = leaving->destination;
	return jump(skb, STAGE_LEAVE, TC_ACT_SHOT);
}

/* To another EIP: translated twice, without going out. */
static __always_inline int turn_back(struct __sk_buff *skb, const struct departure *leaving,
				     struct translation *outwards, const struct eip *eip)
{
	struct way way = { .key.vni = eip->vni };
	struct arrival back = {
		.vni = eip->vni,
		.source = leaving->public_address,
		.destination = leaving->destination,
		.target = last_word(eip->target),
	};
	__u32 reason;

	__builtin_memcpy(way.key.address, eip->target, 16);
	reason = find_address(&way);
	if (reason)
		return refuse_departure(skb, leaving, reason, 0);
	if (!translate(skb, outwards))
		return drop(skb, leaving->port, REASON_UNCHANGEABLE, leaving->destination);
	count(COUNT_HAIRPIN);
	return enter_vpc(skb, &back);
}

SEC("tc")
int leave_stage(struct __sk_buff *skb)
{
	struct departure leaving = {
		.vni = skb->cb[DEPARTURE_VNI],
		.port = skb->cb[DEPARTURE_PORT],
		.public_address = skb->cb[DEPARTURE_PUBLIC],
		.destination = skb->cb[DEPARTURE_DESTINATION],
	};
	struct translation outwards = { .side = SIDE_SOURCE, .vni = leaving.vni, .to = leaving.public_address };
	struct bpf_redir_neigh next = { .nh_family = AF_INET };
	const struct settings *own = the_settings();
	struct pool_key pool_key = { .prefixlen = 128 };
	struct iphdr *ip;
	struct ip16 key, *pool;
	struct eip *eip;
	__u32 mtu = 0;
	long fits;

	if (!own || !pull(skb, ETH_HLEN + sizeof(*ip)))
		return TC_ACT_SHOT;
	ip = ip_header(skb);
	if (!ip)
		return drop(skb, leaving.port, REASON_TRUNCATED, 0);
	leaving.source = ip->saddr;
	outwards.from = leaving.source;
	if (!own->edge_ifindex)
		return refuse_departure(skb, &leaving, REASON_EDGE_OFF, 0);

	key = mapped(leaving.destination);
	eip = bpf_map_lookup_elem(&eips, &key);
	if (eip)
		return turn_back(skb, &leaving, &outwards, eip);

	/* Hosts of the fabric are nobody's business, whatever lies between the outside and the underlay. */
	if (leaving.destination == own->underlay || bpf_map_lookup_elem(&peers, &key))
		return drop(skb, leaving.port, REASON_TO_UNDERLAY, leaving.destination);

	key = mapped(leaving.public_address);
	__builtin_memcpy(pool_key.address, key.address, 16);
	pool = bpf_map_lookup_elem(&pools, &pool_key);
	if (!pool)
		return refuse_departure(skb, &leaving, REASON_EDGE_OFF, 0);
	/* Without a router outside, only the edge's own network is reached. */
	next.ipv4_nh = last_word(pool->address) ?: leaving.destination;
	fits = bpf_check_mtu(skb, own->edge_ifindex, &mtu, 0, BPF_MTU_CHK_SEGS);
	if (fits > 0)
		return refuse_departure(skb, &leaving, REASON_TOO_BIG, mtu);
	if (fits < 0)
		return refuse_departure(skb, &leaving, REASON_EDGE_OFF, 0);
	eip = bpf_map_lookup_elem(&eips, &key);
	if (eip && !is_within_bandwidth(skb, &key, eip->bandwidth_mbps, DIRECTION_OUT))
		return drop(skb, leaving.port, REASON_EIP_BANDWIDTH, leaving.destination);
	if (!clamp(skb, own) || !translate(skb, &outwards))
		return drop(skb, leaving.port, REASON_UNCHANGEABLE, leaving.destination);
	count(COUNT_EDGE_OUT);
	skb->mark = 0;
	return bpf_redirect_neigh(own->edge_ifindex, &next, sizeof(next), 0);
}

/*
 * A packet whose source has an EIP and whose destination nobody in the VPC has: to the EIP's active edge, which may
 * be this host. `port` is the sender's; the TTL is lowered already.
 */
static __always_inline int leave_vpc(struct __sk_buff *skb, const struct settings *own, __u32 vni, __u32 port,
				     const struct nat *nat, __be32 destination)
{
	struct departure leaving = { .vni = vni, .port = port, .destination = destination };
	__u32 edge = active_edge(vni, nat->public_address);

	leaving.public_address = last_word(nat->public_address);
	if (!edge) {
		struct port *from = bpf_map_lookup_elem(&ports, &port);

		return from ? refuse_ip(skb, from, REASON_EDGE_OFF, destination) : TC_ACT_SHOT;
	}
	count(COUNT_LEFT_VPC);
	if (edge == own->host)
		return go_outside(skb, &leaving);
	return to_host(skb, own, vni, edge, port, destination);
}

/*
 * A packet that another host sent here because this is an edge of its source's EIP. Whether it is the active one
 * does not matter: while that changes, the hosts do not all know the same, and every edge translates alike.
 */
static __always_inline int edge_out(struct __sk_buff *skb, const struct settings *own, __u32 vni,
				    const struct nat *nat, __be32 destination)
{
	struct departure leaving = { .vni = vni, .destination = destination };

	leaving.public_address = last_word(nat->public_address);
	return go_outside(skb, &leaving);
}

#endif
