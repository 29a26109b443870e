/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Asks and their answers (rule C10): the kernel only reflects, the agent decides. */
#ifndef HAVIP_ASK_H
#define HAVIP_ASK_H

#include "claims.h"

#define ANSWER_WITHIN_NS 200000000ULL

enum asker { ASKER_AGENT, ASKER_DOUBT };

/* Remembers that the port was asked. */
static __always_inline void expect_answer(const struct address_key *key, __u32 port, enum asker asker)
{
	struct address_port_key both = with_port(key, port);
	__u64 until = bpf_ktime_get_boot_ns() + ANSWER_WITHIN_NS;
	struct ask *ask = bpf_map_lookup_elem(&asks, &both), fresh = {};

	if (!ask) {
		bpf_map_update_elem(&asks, &both, &fresh, BPF_NOEXIST);
		ask = bpf_map_lookup_elem(&asks, &both);
		if (!ask)
			return;
	}
	if (asker == ASKER_AGENT) {
		ask->agent_told = 0;
		ask->agent_until = until;
	} else {
		ask->doubt_told = 0;
		ask->doubt_until = until;
	}
}

/* Makes the packet the gateway's ARP request for the address, and sends it to the port; true if it left. */
__noinline int ask_guest(struct __sk_buff *skb, struct address_key *key, __u32 number, __u32 asker)
{
	struct port *port = bpf_map_lookup_elem(&ports, &number);
	struct arp_frame *frame;
	struct subnet *subnet;
	__be32 gateway;
	__u32 ifindex;

	if (!key || !port || port->state == PORT_INACTIVE)
		return 0;
	subnet = bpf_map_lookup_elem(&subnets, &port->subnet);
	gateway = subnet ? last_word(subnet->gateway) : 0;
	ifindex = port->ifindex;
	expect_answer(key, number, asker);
	if (bpf_skb_change_tail(skb, ETH_ZLEN, 0) || bpf_skb_pull_data(skb, sizeof(*frame)))
		return 0;
	frame = arp_frame(skb);
	if (!frame)
		return 0;
	__builtin_memset(frame->ethernet.h_dest, 0xff, ETH_ALEN);
	__builtin_memcpy(frame->ethernet.h_source, port->virtual_mac, ETH_ALEN);
	frame->ethernet.h_proto = bpf_htons(ETH_P_ARP);
	frame->arp.hardware = bpf_htons(1);
	frame->arp.protocol = bpf_htons(ETH_P_IP);
	frame->arp.hardware_len = ETH_ALEN;
	frame->arp.protocol_len = 4;
	frame->arp.operation = bpf_htons(1);
	__builtin_memcpy(frame->arp.sender_mac, port->virtual_mac, ETH_ALEN);
	frame->arp.sender = gateway;
	__builtin_memset(frame->arp.target_mac, 0, ETH_ALEN);
	frame->arp.target = last_word(key->address);
	if (bpf_clone_redirect(skb, ifindex, 0))
		return 0;
	count(COUNT_ASKED);
	return 1;
}

/* The port advertised the VIP within its last three intervals. */
static __always_inline bool advertised_lately(const struct address_key *key, __u32 port, __u64 now)
{
	struct address_port_key both = with_port(key, port);
	struct advert_memory *memory = bpf_map_lookup_elem(&adverts, &both);

	return memory && now - memory->at <= 3 * memory->interval_ns;
}

/*
 * A candidate's ordinary ARP reply with the VIP as sender: an answer if it was asked, in itself never a claim (C1).
 * Returns the reason if it was neither asked nor holds the VIP, else 0. May use the packet up.
 */
__noinline int hear_answer(struct __sk_buff *skb, struct claim *claim)
{
	const struct settings *own = the_settings();
	struct address_port_key both;
	struct record record = {};
	struct kept_record *kept;
	struct address_key key;
	bool held, exempt = false, asked = false, doubted = false;
	struct ask *ask;
	__u64 now;

	if (!claim || !own)
		return REASON_VIP_NOT_HELD;
	now = bpf_ktime_get_boot_ns();
	both = with_port(&claim->key, claim->port);
	ask = bpf_map_lookup_elem(&asks, &both);
	if (ask) {
		exempt = now < ask->agent_until;
		asked = exempt && !__sync_lock_test_and_set(&ask->agent_told, 1);
	}
	key = claim->key;
	kept = bpf_map_lookup_elem(&records, &key);
	if (kept) {
		bpf_spin_lock(&kept->lock);
		record = kept->now;
		bpf_spin_unlock(&kept->lock);
	}
	held = record.holder == holder_word(own->host, claim->port);
	if (ask && held && now < ask->doubt_until)
		doubted = !__sync_lock_test_and_set(&ask->doubt_told, 1);
	if (asked) {
		struct event *event;

		count(COUNT_ANSWERED);
		event = new_event(EVENT_ANSWERED, &key);
		if (event) {
			event->port = claim->port;
			event->nonce = advertised_lately(&key, claim->port, now);
			mac_of_word(claim->mac, event->mac);
			bpf_ringbuf_submit(event, 0);
		}
	}
	if (doubted) {
		tell_record(EVENT_ALIVE, &claim->key, &record, 0);
		count(COUNT_ALIVE_SENT);
		announce(skb, &claim->key, &record, ALIVE);
	}
	return exempt || held ? 0 : REASON_VIP_NOT_HELD;
}

#endif
