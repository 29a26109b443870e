// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* IPv6 of a guest: who it says it is, then where it goes. Stages of port_rx, so that IPv4's stack has no part in it. */
#include "dhcp.h"
#include "nd.h"

/* Whether the port may send from this address; 0 or a reason. The primary address was compared already. */
static __noinline __u32 judge_source6(const struct settings *own, const struct port *port,
				      const struct address_key *key)
{
	struct kept_record *held;
	struct address *of;

	if (is_odd(key->address))
		return judge_odd(key->address, REASON_SOURCE_ODD);
	if (is_multicast(key->address))
		return REASON_SOURCE_ODD;
	if (is_link_local(key->address))
		return is_link_local_of(key->address, port->mac) ? 0 : REASON_SOURCE_ADDRESS;
	of = bpf_map_lookup_elem(&addresses, key);
	if (of && of->kind == ADDRESS_VIP) {
		held = held_record(key, own->host, port->number);
		if (held && is_candidate(of, key, port)) {
			note_sent(held, key);
			return 0;
		}
		if (may_return_directly(key, port->number))
			return 0;
		return is_candidate(of, key, port) ? REASON_VIP_NOT_HELD : REASON_SOURCE_ADDRESS;
	}
	if (of && of->kind == ADDRESS_GATEWAY)
		return REASON_SOURCE_ADDRESS;
	if (of && of->port == port->number)
		return 0;
	return port->flags & PORT_CHECKED ? REASON_SOURCE_ADDRESS : 0;
}

/* What a port sends of ICMPv6 that concerns its link alone: ND_MESSAGE, a reason, or 0 for anything else. */
static __always_inline __u32 judge_link_message(const struct upper *upper, __u8 type)
{
	bool is_nd = (type >= ND_ROUTER_SOLICITATION && type <= ND_REDIRECT) || type == ND_INVERSE_SOLICITATION ||
		     type == ND_INVERSE_ADVERTISEMENT;

	if ((type >= MLD_QUERY && type <= MLD_DONE) || type == MLD_REPORT_2)
		return REASON_MLD;
	if (!is_nd)
		return 0;
	if (upper->extensions)
		return REASON_ND_HIDDEN;
	switch (type) {
	case ND_SOLICITATION:
	case ND_ADVERTISEMENT:
		return ND_MESSAGE;
	case ND_ROUTER_SOLICITATION:
		return REASON_ROUTER_SOLICITATION;
	case ND_ROUTER_ADVERTISEMENT:
		return REASON_ROUTER_ADVERTISEMENT;
	case ND_REDIRECT:
		return REASON_REDIRECT;
	}
	return REASON_ND_MALFORMED;
}

/* What a packet is besides its addresses: ND_MESSAGE, IS_ADVERT, IS_PING, IS_ERROR, a reason, or 0. */
static __noinline __u32 judge_upper(struct __sk_buff *skb, struct upper *upper)
{
	__u32 reason = find_upper(skb, upper);
	__u8 type = 0;

	if (reason)
		return reason;
	if (upper->protocol == IPPROTO_VRRP)
		return upper->extensions ? REASON_ADVERT_MALFORMED : IS_ADVERT;
	if (upper->protocol != IPPROTO_ICMPV6 || upper->is_later)
		return 0;
	if (upper->at >= upper->end || bpf_skb_load_bytes(skb, upper->at, &type, sizeof(type)))
		return REASON_IPV6_HEADERS;
	if (type == ICMP6_ECHO_REQUEST)
		return IS_PING;
	if (type < 128)
		return IS_ERROR;
	return judge_link_message(upper, type);
}

/* The way to the destination, which may be a link-local address of the port's subnet; 0 or a reason. */
static __noinline __u32 find_way6(const struct port *port, const struct parcel6 *parcel, struct way *way)
{
	__u32 reason;

	if (is_link_local(parcel->destination.address)) {
		if (is_link_local_of(parcel->destination.address, port->virtual_mac))
			return REASON_TARGET_ODD;
		way->target = neighbour(port->vni, port->subnet, parcel->destination.address, &way->key);
		if (!way->target)
			return REASON_NO_ROUTE;
		way->host = way->target->host;
		way->port = way->target->port;
		return way->host ? 0 : REASON_TARGET_NOWHERE;
	}
	way->key = parcel->destination;
	reason = find_way_to_key(way);
	/* No router passes on what is from a link-local address (RFC 4291 section 2.5.6). */
	if (!reason && is_link_local(parcel->source.address) &&
	    (way->by_route || way->target->subnet != port->subnet))
		return REASON_SCOPE;
	return reason;
}

/*
 * Finds where a packet goes whose sender is who it says, and takes a step of routing. Says DELIVERS if that is a port
 * of this host, LEAVES or OUTWARDS if it is outside, and REFUSED if the sender is to be told.
 */
static __noinline int forward6(struct __sk_buff *skb, const struct settings *own, const struct port *port,
			       const struct parcel6 *parcel, struct way *way)
{
	__u8 to_mac[ETH_ALEN];
	__u32 reason;

	if (bpf_skb_load_bytes(skb, 0, to_mac, sizeof(to_mac)))
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	if (is_multicast(parcel->destination.address))
		return drop(skb, port->number, REASON_MULTICAST, 0);
	if (to_mac[0] & 1)
		return drop(skb, port->number, REASON_BROADCAST, 0);
	if (is_odd(parcel->destination.address))
		return drop6(skb, port, judge_odd(parcel->destination.address, REASON_TARGET_ODD),
			     &parcel->destination);
	if (skb->len - ETH_HLEN > port->mtu && travel_size6(skb) > port->mtu)
		return REFUSED + REASON_TOO_BIG + (port->mtu << 8);

	if (port->stamp) {
		reason = guard(skb, port->number, port->stamp, true);
		if (reason)
			return drop(skb, port->number, reason, 0);
	}
	reason = find_way6(port, parcel, way);
	/* What may not leave its link, or is of it alone, goes nowhere else by its MAC either. */
	if (may_go_by_mac(way) && reason != REASON_SCOPE && !is_link_local(parcel->destination.address) &&
	    !same_mac(to_mac, port->virtual_mac) && goes_by_mac(port, to_mac, way))
		reason = 0;
	if (leads_back(way, own, port->number))
		reason = REASON_NO_ROUTE;
	if (is_external(port->subnet)) {
		/* As of IPv4: all that is not its own segment's is outside; the switch itself is of it. */
		if ((!way->target && reason != REASON_TARGET_ODD) || way->by_route ||
		    (way->target && way->target->subnet != port->subnet))
			return OUTWARDS;
	} else if (way->target && is_external(way->target->subnet)) {
		return REFUSED + REASON_NO_ROUTE;
	}
	if (reason == REASON_TARGET_ODD && parcel->ping_at)
		return answer_ping6(skb, port, parcel->ping_at);
	if (reason == REASON_NO_ROUTE && leads_nowhere(way) && !is_link_local(parcel->destination.address)) {
		if (is_link_local(parcel->source.address))
			return REFUSED + REASON_SCOPE;
		if (!bpf_map_lookup_elem(&nats, &parcel->source))
			return REFUSED +
			       (is_unique_local(parcel->destination.address) ? REASON_NO_ROUTE : REASON_NO_EIP);
		return step6(skb, port->virtual_mac) ? LEAVES : REFUSED + REASON_TTL;
	}
	if (reason)
		return REFUSED + reason;
	if (way->host == own->host && way->port == port->number)
		return drop(skb, port->number, REASON_TO_SELF, 0);
	if ((way->by_route || way->target->subnet != port->subnet) && !step6(skb, port->virtual_mac))
		return REFUSED + REASON_TTL;
	if (way->host != own->host)
		return to_host(skb, own, port->vni, way->host, port->number, 0);
	return DELIVERS;
}

/* IPv6 is on for the port: it has an address of it, or its subnet does. */
static __always_inline bool has_ipv6(const struct port *port)
{
	struct subnet *its;

	if (!is_unspecified(port->primary6))
		return true;
	its = bpf_map_lookup_elem(&subnets, &port->subnet);
	return its && !is_unspecified(its->gateway6);
}

SEC("tc")
int port6_stage(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	__u32 ifindex = skb->ifindex, reason, kind = 0, udp_at = 0;
	struct port *port = bpf_map_lookup_elem(&devices, &ifindex);
	struct parcel6 parcel = {};
	struct upper upper = {};
	struct way way = {};
	struct ipv6hdr *ip;
	int verdict;

	if (!port || !own)
		return TC_ACT_SHOT;
	if (!has_ipv6(port))
		return drop(skb, port->number, REASON_IPV6, 0);
	if (!pull(skb, UPPER_AT))
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	ip = ip6_header(skb);
	if (!ip)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	if (!is_whole_ip6(skb, ip))
		return drop(skb, port->number, REASON_IP_MALFORMED, 0);
	parcel.source.vni = port->vni;
	parcel.destination.vni = port->vni;
	__builtin_memcpy(parcel.source.address, &ip->saddr, 16);
	__builtin_memcpy(parcel.destination.address, &ip->daddr, 16);
	if (ip->nexthdr != IPPROTO_TCP && ip->nexthdr != IPPROTO_UDP) {
		kind = judge_upper(skb, &upper);
		if (kind == ND_MESSAGE)
			return jump(skb, STAGE_ND, TC_ACT_SHOT);
		if (kind && kind < REASON_MAX)
			return drop6(skb, port, kind, &parcel.source);
		if (upper.protocol == IPPROTO_UDP && !upper.is_later)
			udp_at = upper.at;
	} else if (ip->nexthdr == IPPROTO_UDP) {
		udp_at = UPPER_AT;
	}
	if (udp_at && is_for_client(skb, udp_at, DHCP6_CLIENT_PORT))
		return drop6(skb, port, REASON_DHCP_SERVER, &parcel.destination);
	if (!same_address(parcel.source.address, port->primary6)) {
		reason = judge_source6(own, port, &parcel.source);
		if (reason && !(reason == REASON_SOURCE_ADDRESS && kind == IS_ERROR && !(port->flags & PORT_CHECKED) &&
				!is_link_local(parcel.source.address)))
			return drop6(skb, port, reason, &parcel.source);
	}
	if (kind == IS_ADVERT)
		return jump(skb, STAGE_ADVERT6, TC_ACT_SHOT);
	if (kind == IS_PING)
		parcel.ping_at = upper.at;
	verdict = forward6(skb, own, port, &parcel, &way);
	if (verdict == LEAVES)
		return leave6(skb, port->vni, port->number, 0);
	if (verdict == OUTWARDS)
		return outwards6(skb, port, false);
	if (verdict == DELIVERS)
		verdict = deliver6(skb, &way, port->number);
	if (verdict < REFUSED)
		return verdict;
	return refuse6(skb, port, verdict & 0xff, verdict >> 8 & 0xffff);
}
