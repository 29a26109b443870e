/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Into a VPC: from outside to what an EIP leads to, or back from the edge. */
#ifndef HAVIP_ENTER_H
#define HAVIP_ENTER_H

#include "forward.h"
#include "meter.h"
#include "mss.h"

/* A packet on its way to an address of a VPC. */
struct arrival {
	__u32 vni;
	__be32 source;
	__be32 destination; /* as it is in the packet */
	__be32 target;      /* where it leads to; another one than `destination` is translated */
	__u32 from_outside; /* it came in by the edge device: it is routed, and its sender is told of errors */
};

/* Words of skb->cb for STAGE_ENTER: struct arrival. */
enum arrival_word { ARRIVAL_VNI, ARRIVAL_SOURCE, ARRIVAL_DESTINATION, ARRIVAL_TARGET, ARRIVAL_FROM_OUTSIDE };

/* The MTU of the way between this edge and guests: of the device to other hosts; 0: none. */
static __always_inline __u32 inner_mtu(struct __sk_buff *skb, const struct settings *own)
{
	__u32 mtu = 0;

	if (own->overlay_ifindex)
		bpf_check_mtu(skb, own->overlay_ifindex, &mtu, 0, 0);
	return mtu;
}

/* What fits both the outside and the fabric, less these headers; 0: that is not known. */
static __always_inline __u32 room_behind(struct __sk_buff *skb, const struct settings *own, __u32 headers)
{
	__u32 inner = inner_mtu(skb, own), outer = 0;

	bpf_check_mtu(skb, own->edge_ifindex, &outer, 0, 0);
	if (!inner || (outer && outer < inner))
		inner = outer;
	return inner > headers ? inner - headers : 0;
}

/* Lowers the MSS of a SYN to that. */
static __always_inline bool clamp(struct __sk_buff *skb, const struct settings *own)
{
	struct iphdr *ip = ip_header(skb);
	__u32 at = ip ? ETH_HLEN + ip->ihl * 4 : 0;

	return !is_syn(skb) || clamp_mss(skb, at, room_behind(skb, own, sizeof(*ip) + sizeof(struct tcphdr)));
}

/* Drops what came from outside; the sender learns why from the edge, or, if that has no address, from the EIP. */
static __always_inline int refuse_outside(struct __sk_buff *skb, const struct settings *own,
					  const struct arrival *coming, __u32 reason, __u32 mtu)
{
	int verdict = drop(skb, 0, reason, coming->destination);
	struct complaint what = { .mtu = mtu, .kind = complaint_about(reason) };

	if (!coming->from_outside || !what.kind)
		return verdict;
	/* One bucket per kind for all the outside: a flood for one VIP takes no path MTU from another. */
	what.port = what.kind;
	what.source = own->edge_address ?: coming->destination;
	return complain(skb, &what) ? send_back(skb) : verdict;
}

/* The largest packet that the way takes, if this one is larger; else 0. */
static __always_inline __u32 exceeded_mtu(struct __sk_buff *skb, const struct settings *own, const struct way *way)
{
	struct port *to;
	__u32 mtu = 0;

	if (way->host != own->host)
		return bpf_check_mtu(skb, own->overlay_ifindex, &mtu, 0, BPF_MTU_CHK_SEGS) > 0 ? mtu : 0;
	to = bpf_map_lookup_elem(&ports, &way->port);
	return to && skb->len - ETH_HLEN > to->mtu && travel_size(skb) > to->mtu ? to->mtu : 0;
}

/* Brings a packet to its address in the VPC, translating its destination if that is another. */
static __always_inline int enter_vpc(struct __sk_buff *skb, struct arrival *coming)
{
	skb->cb[ARRIVAL_VNI] = coming->vni;
	skb->cb[ARRIVAL_SOURCE] = coming->source;
	skb->cb[ARRIVAL_DESTINATION] = coming->destination;
	skb->cb[ARRIVAL_TARGET] = coming->target;
	skb->cb[ARRIVAL_FROM_OUTSIDE] = coming->from_outside;
	return jump(skb, STAGE_ENTER, TC_ACT_SHOT);
}

SEC("tc")
int enter_stage(struct __sk_buff *skb)
{
	struct arrival coming = {
		.vni = skb->cb[ARRIVAL_VNI],
		.source = skb->cb[ARRIVAL_SOURCE],
		.destination = skb->cb[ARRIVAL_DESTINATION],
		.target = skb->cb[ARRIVAL_TARGET],
		.from_outside = skb->cb[ARRIVAL_FROM_OUTSIDE],
	};
	struct translation inwards = { .side = SIDE_DESTINATION, .vni = coming.vni };
	const struct settings *own = the_settings();
	struct ip16 public_address;
	struct parcel parcel = {};
	struct subnet *subnet;
	struct way way = {};
	struct eip *eip;
	struct iphdr *ip;
	__u32 reason, mtu;

	if (!own || !pull(skb, ETH_HLEN + sizeof(*ip)))
		return TC_ACT_SHOT;
	way.key = vip_key(coming.vni, coming.target);
	reason = find_address(&way);
	if (reason || !way.target)
		return refuse_outside(skb, own, &coming, reason, 0);
	subnet = bpf_map_lookup_elem(&subnets, &way.target->subnet);
	if (!subnet)
		return drop(skb, 0, REASON_NO_ROUTE, coming.destination);
	mtu = exceeded_mtu(skb, own, &way);
	if (mtu)
		return refuse_outside(skb, own, &coming, REASON_TOO_BIG, mtu);
	if (coming.from_outside) {
		public_address = mapped(coming.destination);
		eip = bpf_map_lookup_elem(&eips, &public_address);
		if (eip && !is_within_bandwidth(skb, &public_address, eip->bandwidth_mbps, DIRECTION_IN))
			return drop(skb, 0, REASON_EIP_BANDWIDTH, coming.destination);
		if (!step(skb, subnet->virtual_mac))
			return refuse_outside(skb, own, &coming, REASON_TTL, 0);
		if (!clamp(skb, own))
			return drop(skb, 0, REASON_UNCHANGEABLE, coming.destination);
		count(COUNT_EDGE_IN);
	}
	if (coming.target != coming.destination) {
		inwards.from = coming.destination;
		inwards.to = coming.target;
		if (!translate(skb, &inwards))
			return drop(skb, 0, REASON_UNCHANGEABLE, coming.destination);
	}
	if (!pull(skb, ETH_HLEN + sizeof(*ip)))
		return drop(skb, 0, REASON_TRUNCATED, coming.destination);
	ip = ip_header(skb);
	if (!ip)
		return drop(skb, 0, REASON_TRUNCATED, coming.destination);
	__builtin_memcpy(ETHERNET(ip)->h_source, subnet->virtual_mac, ETH_ALEN);
	if (way.host != own->host)
		return to_host(skb, own, coming.vni, way.host, 0, coming.target);
	parcel.source = coming.source;
	parcel.destination = coming.target;
	parcel.is_advert = is_advert(skb, ip);
	return deliver(skb, &way, &parcel);
}

#endif
