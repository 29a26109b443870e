// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* VRRP adverts in IPv6, of a port and of another host's: stages, as what follows them needs the stack. */
#include "advert6.h"

/* ff02::12 */
static __always_inline bool is_vrrp_group(const __u8 *address)
{
	return word_of(address, 0) == bpf_htonl(0xff020000) && !(word_of(address, 1) | word_of(address, 2)) &&
	       word_of(address, 3) == bpf_htonl(0x12);
}

/*
 * Between hosts a multicast advert says its sender's subnet where its destination MAC was, which the address says
 * too: a link-local sender is known in its subnet only.
 */
static __always_inline bool write_subnet(struct __sk_buff *skb, __u32 subnet)
{
	__be32 place = bpf_htonl(subnet);

	return !bpf_skb_store_bytes(skb, 2, &place, sizeof(place), 0);
}

/* Notes that the port sends multicast adverts; false if it sends too many. Apart, to spare the stack. */
static __noinline bool may_flood(const struct port *port)
{
	if (!may_cause(LIMITED_ADVERTS, port, ADVERT_TOKEN_NS, ADVERT_BURST))
		return false;
	remember_talker(port->subnet, port->number);
	return true;
}

/* A multicast advert of a port: to this host's ports that should hear it, and to the VPC's other hosts. */
static __noinline int flood_from_port(struct __sk_buff *skb, const struct port *port, struct advert6 *advert)
{
	int reason;

	if (!may_flood(port))
		return drop(skb, port->number, REASON_ADVERT_LIMITED, 0);
	reason = flood_advert6(skb, advert, port->number);
	if (reason)
		return drop(skb, port->number, reason, 0);
	if (write_subnet(skb, port->subnet))
		send_to_members(skb, port->vni, port->vni);
	return TC_ACT_SHOT;
}

/*
 * Gives the advert to a port of this host, if it may have it. Says ADVERT_STALLED_AT + index if the port got a copy
 * and is the VIP's silent holder.
 */
static __noinline int deliver_advert6(struct __sk_buff *skb, const struct way *way, struct advert6 *advert,
				      __u32 from)
{
	struct port *to = bpf_map_lookup_elem(&ports, &way->port);
	__u32 reason = judge_target6(skb, way, to);
	int verdict;

	if (reason || !to)
		return from ? REFUSED + reason : drop(skb, 0, reason & 0xff, 0);
	if (to->stamp) {
		reason = guard(skb, to->number, to->stamp, false);
		if (reason)
			return drop(skb, to->number, reason, 0);
	}
	advert->to = to->number;
	advert->subnet = to->subnet;
	verdict = judge_advert6(skb, advert);
	if (verdict && verdict < ADVERT_STALLED_AT)
		return drop_about(skb, verdict, from, (struct ip16 *)advert->source);
	if (!address_to(skb, way, to))
		return drop(skb, from, REASON_TRUNCATED, 0);
	if (advert->sender)
		keep_delivered6(skb, advert);
	if (!verdict)
		return into_port(skb, to);
	if (!bpf_clone_redirect(skb, to->ifindex, 0))
		count(COUNT_DELIVERED);
	return verdict;
}

/* What becomes of a port's advert: as deliver_advert6, or a verdict. */
static __noinline int advert6_from_port(struct __sk_buff *skb, const struct settings *own, const struct port *port,
					struct advert6 *advert)
{
	struct parcel6 parcel = { .source.vni = port->vni, .destination.vni = port->vni };
	struct way way = {};
	__u32 reason;
	int verdict;

	if (bpf_skb_load_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, saddr), parcel.source.address, 16) ||
	    bpf_skb_load_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, daddr), parcel.destination.address, 16))
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	advert->vni = port->vni;
	advert->subnet = port->subnet;
	advert->to = port->number;
	__builtin_memcpy(advert->source, parcel.source.address, 16);
	reason = remember_advert6(skb, advert);
	if (reason)
		return drop6(skb, port, reason, &parcel.source);
	if (is_vrrp_group(parcel.destination.address))
		return ADVERT_TO_ALL;
	verdict = forward6(skb, own, port, &parcel, &way);
	return verdict == DELIVERS ? deliver_advert6(skb, &way, advert, port->number) : verdict;
}

SEC("tc")
int advert6_stage(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	__u32 ifindex = skb->ifindex;
	struct port *port = bpf_map_lookup_elem(&devices, &ifindex);
	struct advert6 advert = {};
	int verdict;

	if (!port || !own)
		return TC_ACT_SHOT;
	verdict = advert6_from_port(skb, own, port, &advert);
	if (verdict == ADVERT_TO_ALL)
		return flood_from_port(skb, port, &advert);
	if (verdict == OUTWARDS)
		return outwards6(skb, port, false);
	if (verdict >= REFUSED)
		return refuse6(skb, port, verdict & 0xff, verdict >> 8 & 0xffff);
	if (verdict < ADVERT_STALLED_AT)
		return verdict;
	report_stalled6(skb, &advert, verdict - ADVERT_STALLED_AT);
	return TC_ACT_SHOT;
}

/* A multicast advert of another host's port: for those who hear by this host first, as it came. */
static __noinline int flood6_from_host(struct __sk_buff *skb, struct outer *from, struct advert6 *advert)
{
	__be32 group = bpf_htonl(0x12), subnet;
	__u32 reason;

	if (!from->is_passed_on) /* the mark says here that a relay had it */
		send_to_relayed(skb, from->vni, from->vni | VNI_MARK, from->host);
	if (bpf_skb_load_bytes(skb, 2, &subnet, sizeof(subnet)) ||
	    bpf_skb_store_bytes(skb, 2, &group, sizeof(group), 0))
		return drop_outer(skb, REASON_TRUNCATED, from->address, 0);
	advert->subnet = bpf_ntohl(subnet);
	reason = flood_advert6(skb, advert, 0);
	return reason ? drop_outer(skb, reason, from->address, 0) : TC_ACT_SHOT;
}

/* What becomes of another host's advert: ADVERT_TO_ALL, or as advert6_from_port. */
static __noinline int advert6_from_host(struct __sk_buff *skb, const struct settings *own, struct outer *from,
					struct advert6 *advert)
{
	struct way way = { .key.vni = from->vni };
	int verdict;

	if (bpf_skb_load_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, saddr), advert->source, 16) ||
	    bpf_skb_load_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, daddr), way.key.address, 16))
		return drop_outer(skb, REASON_TRUNCATED, from->address, 0);
	advert->vni = from->vni;
	if (is_vrrp_group(way.key.address))
		return ADVERT_TO_ALL;
	verdict = find_way_from_host(skb, own, from, &way);
	return verdict == DELIVERS ? deliver_advert6(skb, &way, advert, 0) : verdict;
}

SEC("tc")
int advert6_from_host_stage(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	struct outer outer = outer_of(skb);
	struct advert6 advert = {};
	int verdict;

	if (!own)
		return TC_ACT_SHOT;
	verdict = advert6_from_host(skb, own, &outer, &advert);
	if (verdict == ADVERT_TO_ALL)
		return flood6_from_host(skb, &outer, &advert);
	if (verdict == PASSES_ON)
		return pass_on(skb, own, &outer);
	if (verdict < ADVERT_STALLED_AT)
		return verdict;
	report_stalled6(skb, &advert, verdict - ADVERT_STALLED_AT);
	return TC_ACT_SHOT;
}
