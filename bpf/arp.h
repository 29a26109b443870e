/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ARP from guests: answered by the switch, never flooded; the announcement of a VIP is a claim (section 4, C1). */
#ifndef HAVIP_ARP_H
#define HAVIP_ARP_H

#include "deliver.h"

#define ARP_REQUEST 1
#define ARP_REPLY 2
#define PROBE_LASTS_NS 3000000000ULL
/* What one port may have passed to holders: 16 at once, then 10 a second; a probing system sends three. */
#define PROBE_TOKEN_NS 100000000ULL
#define PROBE_BURST 16

/* What an ARP packet says, copied out of the frame. */
struct arp_saying {
	__be32 sender;
	__be32 target;
	__u8 sender_mac[ETH_ALEN];
	__u8 target_mac[ETH_ALEN];
	__u16 operation;
};

/* Turns the request around: this MAC has the address. */
static __always_inline int answer_arp(struct __sk_buff *skb, const struct port *port, const __u8 *mac,
				      const struct arp_saying *saying)
{
	struct arp_frame *frame = arp_frame(skb);

	if (!frame)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	__builtin_memcpy(frame->ethernet.h_dest, saying->sender_mac, ETH_ALEN);
	__builtin_memcpy(frame->ethernet.h_source, mac, ETH_ALEN);
	frame->arp.operation = bpf_htons(ARP_REPLY);
	__builtin_memcpy(frame->arp.target_mac, saying->sender_mac, ETH_ALEN);
	frame->arp.target = saying->sender;
	__builtin_memcpy(frame->arp.sender_mac, mac, ETH_ALEN);
	frame->arp.sender = saying->target;
	count(COUNT_ARP_ANSWERED);
	skb->mark = 0;
	return bpf_redirect(port->ifindex, 0);
}

static __always_inline int consume(void)
{
	count(COUNT_ARP_CONSUMED);
	return TC_ACT_SHOT;
}

static __always_inline struct probe_key probe_key(const struct address_key *key, const __u8 *prober)
{
	struct probe_key both = { .vni = key->vni };

	__builtin_memcpy(both.address, key->address, 16);
	__builtin_memcpy(both.mac, prober, ETH_ALEN);
	return both;
}

/* Passes an entitled port's probe to the holder's port, here or on its host, and remembers who asked. */
static __always_inline int pass_probe(struct __sk_buff *skb, const struct settings *own, const struct port *port,
				      const struct address_key *key, const struct address *vip, __u64 holder,
				      const struct arp_saying *saying)
{
	struct probe_key prober = probe_key(key, saying->sender_mac);
	struct probe probe = {};
	__u32 number = holder_port(holder);
	struct port *to;

	if (!may_cause(LIMITED_PROBES, port, PROBE_TOKEN_NS, PROBE_BURST))
		return drop(skb, port->number, REASON_PROBE_LIMITED, saying->target);
	probe.until = bpf_ktime_get_boot_ns() + PROBE_LASTS_NS;
	probe.port = port->number;
	bpf_map_update_elem(&probes, &prober, &probe, BPF_ANY);
	if (holder_host(holder) != own->host) {
		count(COUNT_PROBE_FORWARDED);
		return to_host(skb, own, port->vni, holder_host(holder), port->number, saying->target);
	}
	to = bpf_map_lookup_elem(&ports, &number);
	if (!to || to->state == PORT_INACTIVE || !is_candidate(vip, key, to))
		return consume(); /* a port that is down is not asked */
	count(COUNT_PROBE_FORWARDED);
	skb->mark = 0;
	return bpf_redirect(to->ifindex, 0);
}

/* Returns a holder's answer to the probe that was passed to it. */
static __always_inline int return_probe(struct __sk_buff *skb, const struct settings *own, __u32 vni,
					const struct address_key *key, const struct arp_saying *saying, __u32 from)
{
	struct probe_key prober = probe_key(key, saying->target_mac);
	struct probe *probe = bpf_map_lookup_elem(&probes, &prober);
	__u32 number, host;
	struct port *to;

	if (!probe || bpf_ktime_get_boot_ns() > probe->until)
		return consume();
	number = probe->port;
	host = probe->host;
	/* Another host's answer is for a port of this one: nothing goes to and fro between hosts. */
	if (host && !from)
		return consume();
	count(COUNT_PROBE_RETURNED);
	if (host)
		return to_host(skb, own, vni, host, from, saying->sender);
	to = bpf_map_lookup_elem(&ports, &number);
	if (!to || to->state == PORT_INACTIVE)
		return consume();
	skb->mark = 0;
	return bpf_redirect(to->ifindex, 0);
}

/*
 * Sender address = target address: an announcement, and of a VIP a claim. Reads the frame anew, and is called from
 * the hook itself: what follows a claim needs the stack.
 */
static __noinline int arp_announcement(struct __sk_buff *skb, const struct port *port)
{
	struct arp_frame *frame = arp_frame(skb);
	struct claim claim = {};
	struct address *of;
	__be32 address;
	int reason;

	if (!frame)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	address = frame->arp.sender;
	claim.port = port->number;
	claim.mac = mac_word(frame->arp.sender_mac, port->number);
	claim.key = vip_key(port->vni, address);
	of = bpf_map_lookup_elem(&addresses, &claim.key);
	if (!of) {
		reason = REASON_CLAIM_UNKNOWN;
	} else if (of->kind == ADDRESS_GATEWAY) {
		reason = REASON_CLAIM_OF_GATEWAY;
	} else if (of->kind == ADDRESS_INTERFACE) {
		if (of->port == port->number)
			return consume();
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
	return drop(skb, port->number, reason, address);
}

/* A reply with a VIP as sender, by a candidate: perhaps the answer to an ask (C10). Called like arp_announcement. */
static __noinline int arp_answer(struct __sk_buff *skb, const struct port *port)
{
	struct arp_frame *frame = arp_frame(skb);
	struct claim claim = {};
	__be32 address;
	int reason;

	if (!frame)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	address = frame->arp.sender;
	claim.port = port->number;
	claim.mac = mac_word(frame->arp.sender_mac, port->number);
	claim.key = vip_key(port->vni, address);
	reason = hear_answer(skb, &claim);
	return reason ? drop(skb, port->number, reason, address) : consume();
}

/* A probe: somebody wants to know whether an address is in use before it takes it. */
static __noinline int arp_probe(struct __sk_buff *skb, const struct settings *own, const struct port *port,
				     const struct arp_saying *saying)
{
	struct address_key key = vip_key(port->vni, saying->target);
	struct address *of = bpf_map_lookup_elem(&addresses, &key);
	struct kept_record *kept;
	__u64 holder;

	if (!of || of->subnet != port->subnet)
		return drop(skb, port->number, REASON_ARP_UNKNOWN, saying->target);
	if (of->kind == ADDRESS_GATEWAY)
		return answer_arp(skb, port, port->virtual_mac, saying);
	if (of->kind == ADDRESS_INTERFACE)
		return of->port == port->number ? consume() : answer_arp(skb, port, of->mac, saying);
	if (!is_candidate(of, &key, port))
		return answer_arp(skb, port, port->virtual_mac, saying);
	kept = bpf_map_lookup_elem(&records, &key);
	holder = kept ? READ_ONCE(kept->now.holder) : 0;
	if (!holder || is_released(holder) || holder == holder_word(own->host, port->number))
		return consume(); /* nobody else has it */
	return pass_probe(skb, own, port, &key, of, holder, saying);
}

/* A request: who has this address? */
static __noinline int arp_request(struct __sk_buff *skb, const struct settings *own, const struct port *port,
				       const struct arp_saying *saying)
{
	struct address_key key = vip_key(port->vni, saying->target);
	struct address *of = bpf_map_lookup_elem(&addresses, &key);

	if ((!of || of->subnet != port->subnet) && is_external(port->subnet))
		return OUTWARDS;
	if (!of || of->subnet != port->subnet)
		return drop(skb, port->number, REASON_ARP_UNKNOWN, saying->target);
	if (of->kind == ADDRESS_INTERFACE)
		return of->port == port->number ? consume() : answer_arp(skb, port, of->mac, saying);
	if (of->kind == ADDRESS_VIP && holds(&key, own->host, port->number))
		return consume(); /* its own address */
	return answer_arp(skb, port, port->virtual_mac, saying);
}

/* What a guest says by ARP: who it is, then what it asks. Returns a verdict, ARP_ANNOUNCEMENT, ARP_ANSWER or OUTWARDS. */
static __noinline int arp_from_port(struct __sk_buff *skb, const struct settings *own, const struct port *port)
{
	struct arp_saying saying = {};
	struct arp_frame *frame;
	struct address_key key;
	struct address *of;

	if (!pull(skb, sizeof(*frame)))
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	frame = arp_frame(skb);
	if (!frame)
		return drop(skb, port->number, REASON_TRUNCATED, 0);
	saying.operation = bpf_ntohs(frame->arp.operation);
	if (frame->arp.hardware != bpf_htons(1) || frame->arp.protocol != bpf_htons(ETH_P_IP) ||
	    frame->arp.hardware_len != ETH_ALEN || frame->arp.protocol_len != 4 ||
	    (saying.operation != ARP_REQUEST && saying.operation != ARP_REPLY))
		return drop(skb, port->number, REASON_ARP_MALFORMED, 0);
	saying.sender = frame->arp.sender;
	saying.target = frame->arp.target;
	__builtin_memcpy(saying.sender_mac, frame->arp.sender_mac, ETH_ALEN);
	__builtin_memcpy(saying.target_mac, frame->arp.target_mac, ETH_ALEN);
	if (!same_mac(frame->arp.sender_mac, frame->ethernet.h_source))
		return drop(skb, port->number, REASON_ARP_MAC, saying.sender);

	if (!saying.sender) {
		if (saying.operation == ARP_REQUEST)
			return arp_probe(skb, own, port, &saying);
		return drop(skb, port->number, REASON_ARP_MALFORMED, 0);
	}
	if (saying.sender == saying.target)
		return ARP_ANNOUNCEMENT;

	if (saying.sender == last_word(port->primary))
		return saying.operation == ARP_REQUEST ? arp_request(skb, own, port, &saying) : consume();
	key = vip_key(port->vni, saying.sender);
	of = bpf_map_lookup_elem(&addresses, &key);
	if (of && of->kind == ADDRESS_INTERFACE && of->port == port->number)
		return saying.operation == ARP_REQUEST ? arp_request(skb, own, port, &saying) : consume();
	if (!of || of->kind != ADDRESS_VIP || !is_candidate(of, &key, port))
		return drop(skb, port->number, REASON_ARP_SENDER, saying.sender);

	if (saying.operation == ARP_REQUEST) {
		if (!holds(&key, own->host, port->number))
			return drop(skb, port->number, REASON_VIP_NOT_HELD, saying.sender);
		return arp_request(skb, own, port, &saying);
	}
	if (!saying.target && holds(&key, own->host, port->number))
		return return_probe(skb, own, port->vni, &key, &saying, port->number);
	return ARP_ANSWER;
}

/* A probe, or its answer, that another host passed on. */
static __noinline int arp_from_host(struct __sk_buff *skb, const struct settings *own, __u32 vni, __u32 host)
{
	struct arp_saying saying = {};
	struct probe_key prober;
	struct probe probe = {};
	struct arp_frame *frame;
	struct kept_record *kept;
	struct address_key key;
	struct address *vip;
	struct port *to;
	__u32 number;
	__u64 holder;

	if (!pull(skb, sizeof(*frame)))
		return drop(skb, 0, REASON_TRUNCATED, 0);
	frame = arp_frame(skb);
	if (!frame)
		return drop(skb, 0, REASON_TRUNCATED, 0);
	saying.sender = frame->arp.sender;
	saying.target = frame->arp.target;
	__builtin_memcpy(saying.sender_mac, frame->arp.sender_mac, ETH_ALEN);
	__builtin_memcpy(saying.target_mac, frame->arp.target_mac, ETH_ALEN);
	if (frame->arp.operation == bpf_htons(ARP_REPLY) && saying.sender && !saying.target) {
		key = vip_key(vni, saying.sender);
		return return_probe(skb, own, vni, &key, &saying, 0);
	}
	if (frame->arp.operation != bpf_htons(ARP_REQUEST) || saying.sender)
		return drop(skb, 0, REASON_INNER_ODD, saying.sender);

	key = vip_key(vni, saying.target);
	vip = bpf_map_lookup_elem(&addresses, &key);
	kept = bpf_map_lookup_elem(&records, &key);
	holder = kept ? READ_ONCE(kept->now.holder) : 0;
	if (!vip || vip->kind != ADDRESS_VIP || holder_host(holder) != own->host || is_released(holder))
		return drop(skb, 0, REASON_NOT_HOLDER, saying.target);
	number = holder_port(holder);
	to = bpf_map_lookup_elem(&ports, &number);
	if (!to || to->state == PORT_INACTIVE || !is_candidate(vip, &key, to))
		return drop(skb, 0, REASON_TARGET_INACTIVE, saying.target);
	prober = probe_key(&key, saying.sender_mac);
	probe.until = bpf_ktime_get_boot_ns() + PROBE_LASTS_NS;
	probe.host = host;
	bpf_map_update_elem(&probes, &prober, &probe, BPF_ANY);
	count(COUNT_PROBE_FORWARDED);
	skb->mark = 0;
	return bpf_redirect(to->ifindex, 0);
}

#endif
