/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A guest's claim, and records of other hosts (rules C1 to C5). */
#ifndef HAVIP_CLAIMS_H
#define HAVIP_CLAIMS_H

#include "announce.h"
#include "entitled.h"

#define TOKEN_NS 500000000ULL
#define BURST 8

/* Takes a token of (VIP, port); 0, or when there will be one (boot time in ns). */
static __noinline __u64 spend(const struct address_key *key, __u32 port, __u64 now)
{
	struct address_port_key both = with_port(key, port);
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &both), fresh;
	__u64 full_at = now;

	if (bucket && bucket->full_at > now)
		full_at = bucket->full_at;
	if (full_at - now > TOKEN_NS * (BURST - 1))
		return full_at - TOKEN_NS * (BURST - 1);
	fresh.full_at = full_at + TOKEN_NS;
	if (bucket)
		bucket->full_at = fresh.full_at;
	else
		bpf_map_update_elem(&buckets, &both, &fresh, BPF_ANY);
	return 0;
}

/* A claim of this VIP by this port, with this MAC. */
struct claim {
	struct address_key key;
	__u32 port;
	__u64 mac;         /* as struct record has it */
	__u64 incarnation; /* the configured one */
};

/*
 * Follows a claim of an entitled port (C3, C4) and announces it; the packet is used up.
 * Returns the reason if it was refused, else 0. A global function: verified once.
 */
__noinline int follow_claim(struct __sk_buff *skb, struct claim *claim)
{
	struct record before = {}, made = {};
	const struct settings *own = the_settings();
	struct kept_record *kept;
	enum hold_result result;
	struct wish wish = {};
	struct instant now;
	__u64 ready_at;

	if (!claim || !own)
		return REASON_VIP_UNPREPARED;
	kept = bpf_map_lookup_elem(&records, &claim->key);
	if (!kept)
		return REASON_VIP_UNPREPARED;
	now = now_instant();
	wish.incarnation = claim->incarnation;
	wish.holder = holder_word(own->host, claim->port);
	wish.mac = claim->mac;
	wish.cause = CAUSE_CLAIM;

	result = refresh(kept, &wish, now, &before);
	if (result == HOLD_REMADE)
		return REASON_CLAIM_INCARNATION;
	if (result == HOLD_REFRESHED || result == HOLD_QUIET) {
		count(COUNT_CLAIM_REFRESHED);
		if (result == HOLD_REFRESHED)
			announce(skb, &claim->key, &before, ANNOUNCE);
		return 0;
	}

	ready_at = agent_is_alive(now.boot_ns) ? spend(&claim->key, claim->port, now.boot_ns) : 0;
	if (ready_at) {
		struct event *event = new_event(EVENT_POSTPONED, &claim->key);

		count(COUNT_CLAIM_POSTPONED);
		if (!event)
			return 0;
		event->port = claim->port;
		event->nonce = ready_at;
		mac_of_word(claim->mac, event->mac);
		event->now = before;
		bpf_ringbuf_submit(event, 0);
		return 0;
	}
	result = hold(kept, &wish, NULL, now, &before, &made);
	if (result == HOLD_REMADE)
		return REASON_CLAIM_INCARNATION;
	if (result == HOLD_LIMIT)
		return REASON_EPOCH_LIMIT;
	count(COUNT_CLAIM_MADE);
	announce(skb, &claim->key, &made, ANNOUNCE);
	tell_moved(&claim->key, &before, &made, CAUSE_CLAIM, 0);
	return 0;
}

/* Keeps a record of a VIP that is not configured here, unless a greater one waits already. */
static __always_inline void keep_waiting(const struct address_key *key, const struct record *record)
{
	struct record *own = bpf_map_lookup_elem(&waiting, key);

	if (own && !outranks(record, own))
		return;
	bpf_map_update_elem(&waiting, key, record, BPF_ANY);
	count(COUNT_WAITING);
}

#endif
