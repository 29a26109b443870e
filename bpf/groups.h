/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the rules of a port's security groups say of the first packet of a connection.
 *
 * Nothing here walks over rules: the other end's address, its groups, and the destination's port each lead to the set
 * of rules that are about them, and the first rule in all sets decides. core/groups makes the tables.
 * What is worked on lies in a map, per processor, for the hooks have no stack to spare.
 */
#ifndef HAVIP_GROUPS_H
#define HAVIP_GROUPS_H

#include "ipv6.h"

enum packet_kind { PACKET_DATA, PACKET_SYN, PACKET_FIN, PACKET_RESET, PACKET_ALONE, PACKET_ERROR };

/* One packet of one port. */
struct guarding {
	struct tuple who;
	struct tuple about; /* what an ICMP error is about */
	struct address_key peer; /* or an address that stands for it */
	__u32 port;
	__u32 vni;
	__u32 subnet;
	__u32 is_out; /* the port sends it */
	__u32 kind;
	__u32 at; /* the header behind IP's, in the frame */
	__u32 is_fragment;
	__be32 identification;
	__u32 editions[GROUPS_MAX];
	/* Of the other end: */
	__u32 is_of_vpc;
	__u32 peer_port; /* its number; 0: none */
	__u32 groups[GROUPS_MAX];
	/* Where its connection is, and what those of the set are worth that could make room for it: flow.h */
	__u32 place;
	__u64 worths[FLOW_WAYS];
	/* The rule that decides, as far as is known: */
	__u32 rank;
	__u32 number;
	struct net_key net;
	struct service_key service;
	struct peer_key member;
	struct rule_key rule;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guarding);
} guardings SEC(".maps");

/* No rule. */
#define RANK_NONE 0x10000

static __always_inline struct guarding *the_guarding(void)
{
	return LOOK_UP(guardings);
}

/* The place of the lowest bit of a word that has one. */
static __always_inline __u32 lowest_bit(__u64 word)
{
	__u32 place = 0;

	if (!(word & 0xffffffff)) {
		place += 32;
		word >>= 32;
	}
	if (!(word & 0xffff)) {
		place += 16;
		word >>= 16;
	}
	if (!(word & 0xff)) {
		place += 8;
		word >>= 8;
	}
	if (!(word & 0xf)) {
		place += 4;
		word >>= 4;
	}
	if (!(word & 3)) {
		place += 2;
		word >>= 2;
	}
	return word & 1 ? place : place + 1;
}

/* Looks at the rules of one of the port's groups; notes the deciding one if it counts more than the one noted. */
__noinline int judge_by_group(__u32 nth, __u32 is_out)
{
	struct rule_bits *by_net, *by_service, *by_peer;
	struct guarding *at = the_guarding();
	__u64 a = 0, b = 0, c = 0, d = 0;
	struct rule *rule;
	__u32 table, i;

	if (!at || nth >= GROUPS_MAX)
		return 0;
	table = at->editions[nth] << 1 | (is_out & 1);
	at->net.table = at->service.table = bpf_htonl(table);
	by_service = bpf_map_lookup_elem(&group_services, &at->service);
	if (!by_service)
		return 0;
	by_net = bpf_map_lookup_elem(&group_nets, &at->net);
	if (by_net) {
		a = by_net->words[0];
		b = by_net->words[1];
		c = by_net->words[2];
		d = by_net->words[3];
	}
	at->member.table = table;
	at->member.group = 0;
	for (i = 0; i <= GROUPS_MAX && at->is_of_vpc; i++) {
		by_peer = bpf_map_lookup_elem(&group_peers, &at->member);
		if (by_peer) {
			a |= by_peer->words[0];
			b |= by_peer->words[1];
			c |= by_peer->words[2];
			d |= by_peer->words[3];
		}
		if (i == GROUPS_MAX || !at->groups[i])
			break;
		at->member.group = at->groups[i];
	}
	a &= by_service->words[0];
	b &= by_service->words[1];
	c &= by_service->words[2];
	d &= by_service->words[3];
	if (!(a | b | c | d))
		return 0;
	at->rule.edition = at->editions[nth];
	at->rule.place = a   ? lowest_bit(a) :
			 b   ? 64 + lowest_bit(b) :
			 c   ? 128 + lowest_bit(c) :
			       192 + lowest_bit(d);
	rule = bpf_map_lookup_elem(&group_rules, &at->rule);
	if (!rule) {
		/* Half a group: nobody can say what it would have dropped. */
		at->rank = 0;
		at->number = 0;
	} else if (rule->rank < at->rank) {
		at->rank = rule->rank;
		at->number = rule->number;
	}
	return 0;
}

/* Finds out who the other end is. */
static __noinline void learn_peer(struct guarding *at)
{
	struct kept_record *kept;
	struct address *of;
	__u64 holder;

	at->peer_port = 0;
	at->peer.vni = at->vni;
	__builtin_memcpy(at->peer.address, at->who.peer, 16);
	if (is_link_local(at->who.peer))
		of = neighbour(at->vni, at->subnet, at->who.peer, &at->peer);
	else
		of = bpf_map_lookup_elem(&addresses, &at->peer);
	at->is_of_vpc = of != NULL;
	if (!of)
		return;
	if (of->kind == ADDRESS_INTERFACE)
		at->peer_port = of->port;
	if (of->kind != ADDRESS_VIP)
		return;
	kept = bpf_map_lookup_elem(&records, &at->peer);
	holder = kept ? READ_ONCE(kept->now.holder) : 0;
	if (holder && !is_released(holder))
		at->peer_port = holder_port(holder);
}

/* Counts what a rule decided. */
static __always_inline void count_hit(__u32 *number)
{
	__u64 *hits = bpf_map_lookup_elem(&rule_hits, number), one = 1;

	if (hits)
		__sync_fetch_and_add(hits, 1);
	else
		bpf_map_update_elem(&rule_hits, number, &one, BPF_NOEXIST);
}

/* What the rules of the port say of a first packet of the connection in this direction: 0 or a reason. */
__noinline int judge_first(__u32 number, __u32 is_out)
{
	struct port *port = bpf_map_lookup_elem(&ports, &number);
	struct guarding *at = the_guarding();
	struct membership *its;
	__be16 service = 0;
	__u32 i, who;

	if (!at || !port)
		return is_out ? REASON_GROUP_EGRESS : REASON_GROUP_INGRESS;
	at->vni = port->vni;
	at->subnet = port->subnet;
	__builtin_memcpy(at->editions, port->editions, sizeof(at->editions));
	learn_peer(at);
	__builtin_memset(at->groups, 0, sizeof(at->groups));
	who = at->peer_port;
	its = who ? bpf_map_lookup_elem(&memberships, &who) : NULL;
	if (its)
		__builtin_memcpy(at->groups, its->groups, sizeof(at->groups));

	at->net.prefixlen = 32 + 128;
	__builtin_memcpy(at->net.address, at->who.peer, 16);
	if (at->who.protocol == IPPROTO_TCP || at->who.protocol == IPPROTO_UDP)
		service = is_out ? at->who.peer_port : at->who.own_port;
	at->service.prefixlen = 32 + 8 + 16;
	at->service.protocol = at->who.protocol;
	__builtin_memcpy(at->service.port, &service, sizeof(service));
	at->rank = RANK_NONE;
	for (i = 0; i < GROUPS_MAX; i++) {
		if (!at->editions[i])
			break;
		judge_by_group(i, is_out);
	}
	if (at->rank != RANK_NONE && at->number)
		count_hit(&at->number);
	if (at->rank != RANK_NONE && (at->rank & 1))
		return 0;
	return is_out ? REASON_GROUP_EGRESS : REASON_GROUP_INGRESS;
}

#endif
