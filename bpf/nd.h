/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Neighbour discovery of guests: what arp.h is for IPv4. Answered by the switch, never flooded; the unsolicited
 * advertisement of a VIP is a claim (section 4, C1).
 */
#ifndef HAVIP_ND_H
#define HAVIP_ND_H

#include "arp.h"
#include "icmp6.h"
#include "show.h"

#define ND_OPTIONS_MAX 16

/* What a message says, copied out of the frame. */
struct nd_saying {
	struct address_key source;
	struct address_key target;
	__u8 mac[ETH_ALEN]; /* the frame's sender's */
	__u8 type;
	__u8 flags;
	__u8 has_mac;      /* an option says the MAC */
	__u8 is_multicast; /* sent to more than one */
	__u8 zero[2];
};

/*
 * Turns the solicitation around: this MAC has the target. A probe's sender has no address: the answer is to all. False
 * if the packet cannot be changed.
 */
static __noinline bool become_answer(struct __sk_buff *skb, const __u8 *mac, __u32 flags,
				     const struct nd_saying *saying)
{
	struct nd_frame frame = {};

	__builtin_memcpy(frame.ethernet.h_source, mac, ETH_ALEN);
	__builtin_memcpy(&frame.ip.saddr, saying->target.address, 16);
	if (is_unspecified(saying->source.address)) {
		frame.ip.daddr.in6_u.u6_addr32[0] = bpf_htonl(0xff020000);
		frame.ip.daddr.in6_u.u6_addr32[3] = bpf_htonl(1);
		multicast_mac((const __u8 *)&frame.ip.daddr, frame.ethernet.h_dest);
	} else {
		__builtin_memcpy(&frame.ip.daddr, saying->source.address, 16);
		__builtin_memcpy(frame.ethernet.h_dest, saying->mac, ETH_ALEN);
		flags |= ND_SOLICITED;
	}
	frame.nd.icmp.type = ND_ADVERTISEMENT;
	frame.nd.icmp.mtu = bpf_htonl((flags | ND_OVERRIDE) << 24);
	__builtin_memcpy(frame.nd.target, saying->target.address, 16);
	frame.nd.option = ND_OPTION_TARGET_MAC;
	return become_nd(skb, &frame);
}

/* Answers a port. */
static __always_inline int answer_nd(struct __sk_buff *skb, const struct port *port, const __u8 *mac, __u32 flags,
				     const struct nd_saying *saying)
{
	if (!become_answer(skb, mac, flags, saying))
		return drop(skb, port->number, REASON_UNCHANGEABLE, 0);
	count(COUNT_ND_ANSWERED);
	skb->mark = 0;
	return bpf_redirect(port->ifindex, 0);
}

static __always_inline int consume_nd(void)
{
	count(COUNT_ND_CONSUMED);
	return TC_ACT_SHOT;
}

/*
 * Every MAC that an option of the message says must be the frame's; 0 or a reason. Notes whether the one that fits
 * the message is there. A global function: the loop is verified once.
 */
__noinline int read_nd_options(struct __sk_buff *skb, struct nd_saying *saying)
{
	__u32 at = ND_PLAIN_LEN, end, i;
	__u8 option[8];
	__be16 length;

	if (!saying || bpf_skb_load_bytes(skb, IP6_AT + offsetof(struct ipv6hdr, payload_len), &length, 2))
		return REASON_ND_MALFORMED;
	end = UPPER_AT + bpf_ntohs(length);
	for (i = 0; i < ND_OPTIONS_MAX; i++) {
		if (at >= end)
			return at == end ? 0 : REASON_ND_MALFORMED;
		if (bpf_skb_load_bytes(skb, at, option, sizeof(option)) || !option[1])
			return REASON_ND_MALFORMED;
		if (option[0] == ND_OPTION_SOURCE_MAC || option[0] == ND_OPTION_TARGET_MAC) {
			if (option[1] != 1)
				return REASON_ND_MALFORMED;
			if (!same_mac(option + 2, saying->mac))
				return REASON_ND_MAC;
			if ((option[0] == ND_OPTION_SOURCE_MAC) == (saying->type == ND_SOLICITATION))
				saying->has_mac = 1;
		}
		at += option[1] * 8;
	}
	return REASON_ND_MALFORMED;
}

/* Reads a message; 0 or a reason. */
static __noinline __u32 read_nd(struct __sk_buff *skb, __u32 vni, struct nd_saying *saying)
{
	struct ipv6hdr *ip;
	struct nd_message *nd;

	if (!pull(skb, ND_PLAIN_LEN))
		return REASON_ND_MALFORMED;
	ip = ip6_header(skb);
	if (!ip)
		return REASON_ND_MALFORMED;
	nd = (void *)(ip + 1);
	if ((void *)nd + offsetof(struct nd_message, option) > (void *)(long)skb->data_end ||
	    bpf_ntohs(ip->payload_len) < offsetof(struct nd_message, option) || ip->hop_limit != ND_HOPS ||
	    nd->icmp.code)
		return REASON_ND_MALFORMED;
	saying->source.vni = vni;
	saying->target.vni = vni;
	__builtin_memcpy(saying->source.address, &ip->saddr, 16);
	__builtin_memcpy(saying->target.address, nd->target, 16);
	__builtin_memcpy(saying->mac, ETHERNET(ip)->h_source, ETH_ALEN);
	saying->is_multicast = is_multicast((const __u8 *)&ip->daddr);
	saying->type = nd->icmp.type;
	saying->flags = bpf_ntohl(nd->icmp.mtu) >> 24;
	if (is_multicast(saying->source.address))
		return REASON_SOURCE_ODD;
	if (is_odd(saying->source.address) &&
	    (saying->type != ND_SOLICITATION || !is_unspecified(saying->source.address)))
		return judge_odd(saying->source.address, REASON_SOURCE_ODD);
	if (is_odd(saying->target.address))
		return judge_odd(saying->target.address,
				 saying->type == ND_SOLICITATION ? REASON_TARGET_ODD : REASON_SOURCE_ODD);
	/* A probe goes to those who may have the address, and to nobody by name (RFC 4861 section 7.1.1). */
	if (is_unspecified(saying->source.address) && !saying->is_multicast)
		return REASON_ND_MALFORMED;
	return is_multicast(saying->target.address) ? REASON_ND_MALFORMED : 0;
}

/* One probe of a VIP is remembered: the answer to one goes to all of the link and names no prober. */
static __always_inline struct probe_key probe_key6(const struct address_key *key)
{
	struct probe_key of = { .vni = key->vni };

	__builtin_memcpy(of.address, key->address, 16);
	return of;
}

/* Passes an entitled port's probe to the holder's port, here or on its host, and remembers who asked. */
static __noinline int pass_probe6(struct __sk_buff *skb, const struct settings *own, const struct port *port,
				  const struct address_key *key, const struct address *vip)
{
	struct kept_record *kept = bpf_map_lookup_elem(&records, key);
	__u64 holder = kept ? READ_ONCE(kept->now.holder) : 0;
	struct probe_key of = probe_key6(key);
	__u32 number = holder_port(holder);
	struct probe probe = {};
	struct port *to;

	if (!holder || is_released(holder) || holder == holder_word(own->host, port->number))
		return consume_nd(); /* nobody else has it */
	if (!may_cause(LIMITED_PROBES, port, PROBE_TOKEN_NS, PROBE_BURST))
		return drop(skb, port->number, REASON_PROBE_LIMITED, 0);
	probe.until = bpf_ktime_get_boot_ns() + PROBE_LASTS_NS;
	probe.port = port->number;
	bpf_map_update_elem(&probes, &of, &probe, BPF_ANY);
	if (holder_host(holder) != own->host) {
		count(COUNT_PROBE_FORWARDED);
		return to_host(skb, own, port->vni, holder_host(holder), port->number, 0);
	}
	to = bpf_map_lookup_elem(&ports, &number);
	if (!to || to->state == PORT_INACTIVE || !is_candidate(vip, key, to))
		return consume_nd(); /* a port that is down is not asked */
	count(COUNT_PROBE_FORWARDED);
	skb->mark = 0;
	return bpf_redirect(to->ifindex, 0);
}

/* Gives the holder's answer to whoever probed; 0: nobody did. The probe has one answer. */
static __noinline int return_probe6(struct __sk_buff *skb, const struct settings *own,
				    const struct address_key *key, __u32 from)
{
	struct probe_key of = probe_key6(key);
	struct probe *probe = bpf_map_lookup_elem(&probes, &of);
	__u32 number, host;
	struct port *to;

	if (!probe || bpf_ktime_get_boot_ns() > probe->until)
		return 0;
	number = probe->port;
	host = probe->host;
	/* Another host's answer is for a port of this one: nothing goes to and fro between hosts. */
	if (host && !from)
		return consume_nd();
	bpf_map_delete_elem(&probes, &of);
	if (host) {
		count(COUNT_PROBE_RETURNED);
		return to_host(skb, own, key->vni, host, from, 0);
	}
	to = bpf_map_lookup_elem(&ports, &number);
	if (!to || to->state == PORT_INACTIVE)
		return consume_nd();
	count(COUNT_PROBE_RETURNED);
	skb->mark = 0;
	return bpf_redirect(to->ifindex, 0);
}

/*
 * Who has this address, or, without a source: may I take it? As arp_request and arp_probe: nobody is told of an
 * address that is the own one or that nobody has, but for OUTWARDS, where somebody outside may have it.
 */
static __noinline int nd_solicitation(struct __sk_buff *skb, const struct settings *own, const struct port *port,
				      const struct nd_saying *saying)
{
	bool is_probe = is_unspecified(saying->source.address);
	/* In a provider's network the router is outside. */
	__u32 router = is_external(port->subnet) ? 0 : ND_ROUTER;
	struct address_key key = saying->target;
	struct address *of;

	if (is_link_local(key.address)) {
		if (is_link_local_of(key.address, port->mac))
			return consume_nd();
		if (is_link_local_of(key.address, port->virtual_mac))
			return answer_nd(skb, port, port->virtual_mac, router, saying);
		of = neighbour(port->vni, port->subnet, saying->target.address, &key);
	} else {
		of = bpf_map_lookup_elem(&addresses, &key);
	}
	if ((!of || of->subnet != port->subnet) && is_external(port->subnet) && !is_probe)
		return OUTWARDS;
	if (!of || of->subnet != port->subnet)
		return drop(skb, port->number, REASON_ND_UNKNOWN, 0);
	if (of->kind == ADDRESS_INTERFACE)
		return of->port == port->number ? consume_nd() : answer_nd(skb, port, of->mac, 0, saying);
	if (of->kind == ADDRESS_GATEWAY)
		return answer_nd(skb, port, port->virtual_mac, router, saying);
	if (is_probe && is_candidate(of, &key, port))
		return pass_probe6(skb, own, port, &key, of);
	if (!is_probe && holds(&key, own->host, port->number))
		return consume_nd(); /* its own address */
	return answer_nd(skb, port, port->virtual_mac, 0, saying);
}

/* Why a link-local address may not be announced: nobody can take one over. */
static __always_inline int judge_link_local_claim(const struct port *port, const struct address_key *key)
{
	struct address_key stands_for = {};

	if (is_link_local_of(key->address, port->virtual_mac))
		return REASON_CLAIM_OF_GATEWAY;
	return neighbour(port->vni, port->subnet, key->address, &stands_for) ? REASON_CLAIM_OF_ADDRESS :
									       REASON_CLAIM_UNKNOWN;
}

/* What a port says it has. Returns a verdict, ND_ANNOUNCEMENT or ND_ANSWER. */
static __noinline int nd_advertisement(struct __sk_buff *skb, const struct settings *own, const struct port *port,
				       const struct nd_saying *saying)
{
	bool announces = !(saying->flags & ND_SOLICITED) && (saying->flags & ND_OVERRIDE) && saying->has_mac;
	struct address_key key = saying->target;
	struct address *of;
	int returned;
	bool is_held;

	if (!same_address(key.address, saying->source.address) && !is_own6(port, &saying->source))
		return drop6(skb, port, REASON_ND_SENDER, &saying->source);
	if (is_own6(port, &key))
		return consume_nd();
	if (announces && is_link_local(key.address))
		return drop6(skb, port, judge_link_local_claim(port, &key), &key);
	of = bpf_map_lookup_elem(&addresses, &key);
	if (!of || of->kind != ADDRESS_VIP || !is_candidate(of, &key, port))
		return announces ? ND_ANNOUNCEMENT : drop6(skb, port, REASON_ND_SENDER, &saying->target);
	is_held = holds(&key, own->host, port->number);
	if (saying->flags & ND_SOLICITED)
		return ND_ANSWER;
	if (is_held && saying->is_multicast) {
		returned = return_probe6(skb, own, &key, port->number);
		if (returned)
			return returned;
	}
	if (announces)
		return ND_ANNOUNCEMENT;
	return is_held ? consume_nd() : drop6(skb, port, REASON_VIP_NOT_HELD, &key);
}

/* Who a port says it is, then what it asks or says. Returns a verdict, ND_ANNOUNCEMENT, ND_ANSWER or OUTWARDS. */
static __noinline int nd_from_port(struct __sk_buff *skb, const struct settings *own, const struct port *port)
{
	struct nd_saying what = {}, *saying = &what;
	__u32 reason = read_nd(skb, port->vni, saying);
	struct address *of;

	if (!reason)
		reason = read_nd_options(skb, saying);
	if (reason == REASON_ND_MAC)
		return drop6(skb, port, reason, &saying->target);
	if (reason)
		return drop(skb, port->number, reason, 0);
	if (saying->type == ND_ADVERTISEMENT)
		return nd_advertisement(skb, own, port, saying);
	if (is_unspecified(saying->source.address)) {
		if (saying->has_mac)
			return drop(skb, port->number, REASON_ND_MALFORMED, 0);
	} else if (!is_own6(port, &saying->source)) {
		of = bpf_map_lookup_elem(&addresses, &saying->source);
		if (!of || of->kind != ADDRESS_VIP || !is_candidate(of, &saying->source, port))
			return drop6(skb, port, REASON_ND_SENDER, &saying->source);
		if (!holds(&saying->source, own->host, port->number))
			return drop6(skb, port, REASON_VIP_NOT_HELD, &saying->source);
	}
	return nd_solicitation(skb, own, port, saying);
}

/* What a port says of the target, read anew to spare the stack; false: the frame is not what it was. */
static __always_inline bool read_claim(struct __sk_buff *skb, const struct port *port, struct claim *claim)
{
	__u8 mac[ETH_ALEN];

	if (bpf_skb_load_bytes(skb, ETH_ALEN, mac, sizeof(mac)) ||
	    bpf_skb_load_bytes(skb, UPPER_AT + offsetof(struct nd_message, target), claim->key.address, 16))
		return false;
	claim->key.vni = port->vni;
	claim->port = port->number;
	claim->mac = mac_word(mac, port->number);
	return true;
}

/*
 * An announcement: of a VIP a claim. Called from the stage itself: what follows a claim needs the stack. Says SHOWS if
 * the outside of an external subnet may have to hear of it.
 */
static __noinline int nd_announcement(struct __sk_buff *skb, const struct port *port)
{
	struct claim claim = {};
	struct address *of;
	int reason;

	if (!read_claim(skb, port, &claim))
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	of = bpf_map_lookup_elem(&addresses, &claim.key);
	if (!of) {
		reason = REASON_CLAIM_UNKNOWN;
	} else if (of->kind == ADDRESS_GATEWAY) {
		reason = REASON_CLAIM_OF_GATEWAY;
	} else if (of->kind == ADDRESS_INTERFACE) {
		reason = REASON_CLAIM_OF_ADDRESS;
	} else if (!is_candidate(of, &claim.key, port)) {
		reason = of->subnet == port->subnet ? REASON_CLAIM_NOT_ASSOCIATED : REASON_CLAIM_OTHER_SUBNET;
	} else {
		claim.incarnation = of->incarnation;
		claim.is_held = of->flags & ADDRESS_HOLD;
		note_for_show(skb, &claim.key);
		reason = follow_claim(skb, &claim);
		if (!reason)
			return is_external(port->subnet) ? SHOWS : TC_ACT_SHOT;
	}
	return drop6(skb, port, reason, &claim.key);
}

/* A solicited advertisement of a VIP, by a candidate: perhaps the answer to an ask (C10). */
static __noinline int nd_answer(struct __sk_buff *skb, const struct port *port)
{
	struct claim claim = {};
	int reason;

	if (!read_claim(skb, port, &claim))
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	reason = hear_answer(skb, &claim);
	return reason ? drop6(skb, port, reason, &claim.key) : consume_nd();
}

/* A solicitation or advertisement of a port, without anything before it. */
SEC("tc")
int nd_stage(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	__u32 ifindex = skb->ifindex;
	struct port *port = bpf_map_lookup_elem(&devices, &ifindex);
	int verdict;

	if (!port || !own)
		return TC_ACT_SHOT;
	verdict = nd_from_port(skb, own, port);
	if (verdict == OUTWARDS)
		return outwards6(skb, port, true);
	if (verdict == ND_ANNOUNCEMENT) {
		verdict = nd_announcement(skb, port);
		return verdict == SHOWS ? jump(skb, STAGE_SHOW, TC_ACT_SHOT) : verdict;
	}
	return verdict == ND_ANSWER ? nd_answer(skb, port) : verdict;
}

/* A probe, or its answer, that another host passed on. */
static __noinline int nd_from_host(struct __sk_buff *skb, const struct settings *own, __u32 vni, __u32 host)
{
	struct nd_saying saying = {};
	struct kept_record *kept;
	struct probe probe = {};
	struct probe_key of;
	struct address *vip;
	struct port *to;
	__u32 number;
	__u64 holder;
	int returned;

	if (read_nd(skb, vni, &saying))
		return drop(skb, 0, REASON_INNER_ODD, 0);
	if (saying.type == ND_ADVERTISEMENT && saying.is_multicast) {
		returned = return_probe6(skb, own, &saying.target, 0);
		return returned ?: consume_nd();
	}
	if (saying.type != ND_SOLICITATION || !is_unspecified(saying.source.address))
		return drop(skb, 0, REASON_INNER_ODD, 0);

	vip = bpf_map_lookup_elem(&addresses, &saying.target);
	kept = bpf_map_lookup_elem(&records, &saying.target);
	holder = kept ? READ_ONCE(kept->now.holder) : 0;
	if (!vip || vip->kind != ADDRESS_VIP || holder_host(holder) != own->host || is_released(holder))
		return drop(skb, 0, REASON_NOT_HOLDER, 0);
	number = holder_port(holder);
	to = bpf_map_lookup_elem(&ports, &number);
	if (!to || to->state == PORT_INACTIVE || !is_candidate(vip, &saying.target, to))
		return drop(skb, 0, REASON_TARGET_INACTIVE, 0);
	of = probe_key6(&saying.target);
	probe.until = bpf_ktime_get_boot_ns() + PROBE_LASTS_NS;
	probe.host = host;
	bpf_map_update_elem(&probes, &of, &probe, BPF_ANY);
	count(COUNT_PROBE_FORWARDED);
	skb->mark = 0;
	return bpf_redirect(to->ifindex, 0);
}

#endif
