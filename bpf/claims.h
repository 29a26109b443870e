/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* A guest's claim, and records of other hosts (rules C1 to C5). */
#ifndef HAVIP_CLAIMS_H
#define HAVIP_CLAIMS_H

#include "announce.h"
#include "entitled.h"

#define CLAIM_TOKEN_NS 500000000ULL
#define CLAIM_BURST 8
#define POSTPONED_AGAIN_NS 100000000ULL
#define CONTESTED_FOR_NS 30000000000ULL
/* `losses` under this bit of the VNI: whatever the VIP's contention is, as the port's guest has just come. */
#define CONTESTED_ALWAYS (1U << 30)
/*
 * Without an agent nobody could follow a postponed claim, so claims are followed at once; beyond 128 at once and
 * then 32 a second they are dropped, as each may become 64 packets. keepalived claims once per transition.
 */
#define ALONE_TOKEN_NS 31250000ULL
#define ALONE_BURST 128

/* Takes a token of this bucket; 0, or when there will be one (boot time in ns). */
static __noinline __u64 spend(const struct address_port_key *whose, __u64 now, __u64 token_ns, __u32 burst)
{
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, whose), fresh = { .full_at = now };

	if (bucket && bucket->full_at > now)
		fresh.full_at = bucket->full_at;
	if (fresh.full_at - now > token_ns * (burst - 1))
		return fresh.full_at - token_ns * (burst - 1);
	fresh.full_at += token_ns;
	if (bucket)
		bucket->full_at = fresh.full_at;
	else
		bpf_map_update_elem(&buckets, whose, &fresh, BPF_ANY);
	return 0;
}

/* The buckets that limit what one port may cause besides claims. */
enum limited {
	LIMITED_DHCP = 1,
	LIMITED_ADVERTS = 2,
	LIMITED_MEMORIES = 4,
	LIMITED_DOUBTS = 5,
	LIMITED_PROBES = 6,
	LIMITED_ADVERTISED = 7,
	LIMITED_ARRIVALS = 8,
	LIMITED_OUTWARDS = 9,
};

/* The same by the port's number, which may be one of another host. */
static __always_inline bool may_number_cause(enum limited what, __u32 vni, __u32 number, __u64 token_ns, __u32 burst)
{
	/* Bit 30 keeps these apart from the buckets of claims. */
	struct address_port_key whose = { .vni = vni | 1U << 30, .port = number };

	whose.address[0] = what;
	return !spend(&whose, bpf_ktime_get_boot_ns(), token_ns, burst);
}

static __always_inline bool may_cause(enum limited what, const struct port *port, __u64 token_ns, __u32 burst)
{
	return may_number_cause(what, port->vni, port->number, token_ns, burst);
}

/*
 * A claim that is contested or beyond the bucket is the agent's to follow. The ring is told at once, then once in
 * 100 ms, and whenever the record is another one: a guest that shouts must not crowd other news out.
 */
static __noinline void leave_to_agent(__u32 kind, const struct address_port_key *whose, const struct record *met,
				      __u64 mac, __u64 ready_at)
{
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, whose), fresh = {};
	struct address_key key = { .vni = whose->vni };
	__u64 now = bpf_ktime_get_boot_ns();
	struct event *event;

	count(kind == EVENT_CONTESTED ? COUNT_CLAIM_CONTESTED : COUNT_CLAIM_POSTPONED);
	if (!bucket) {
		fresh.postponed_epoch = met->epoch;
		fresh.postponed_at = now;
		bpf_map_update_elem(&buckets, whose, &fresh, BPF_ANY);
	} else {
		if (bucket->postponed_epoch == met->epoch && now - bucket->postponed_at < POSTPONED_AGAIN_NS)
			return;
		bucket->postponed_epoch = met->epoch;
		bucket->postponed_at = now;
	}
	__builtin_memcpy(key.address, whose->address, 16);
	event = new_event(kind, &key);
	if (!event)
		return;
	event->port = whose->port;
	event->nonce = ready_at;
	mac_of_word(mac, event->mac);
	event->now = *met;
	bpf_ringbuf_submit(event, 0);
}

/*
 * The record was replaced: if a port of this host lost the VIP to another port by it, its next claims are contested
 * (C9). A release is no loss: whoever resigned may come back at once. Nor is it one if the same port holds it on
 * another host: its guest has migrated.
 */
__noinline int note_loss(struct address_key *key, struct record *before, struct record *made)
{
	__u64 until = bpf_ktime_get_boot_ns() + CONTESTED_FOR_NS;
	const struct settings *own = the_settings();
	struct address_port_key loser;

	if (!key || !before || !made || !own)
		return 0;
	if (!before->holder || is_released(before->holder) || before->incarnation != made->incarnation ||
	    holder_host(before->holder) != own->host || holder_port(before->holder) == holder_port(made->holder))
		return 0;
	loser = with_port(key, holder_port(before->holder));
	bpf_map_update_elem(&losses, &loser, &until, BPF_ANY);
	return 0;
}

/* The claim goes against a present holder, by a port that lost the VIP a short while ago, or has just come here. */
static __always_inline bool is_contested(struct address_port_key *whose, const struct wish *wish,
					 const struct record *met, __u64 boot_ns, bool is_held)
{
	__u64 *until;

	if (!met->holder || is_released(met->holder) || holder_port(met->holder) == whose->port ||
	    met->incarnation != wish->incarnation)
		return false;
	until = is_held ? bpf_map_lookup_elem(&losses, whose) : NULL;
	if (until && boot_ns < *until)
		return true;
	whose->vni |= CONTESTED_ALWAYS;
	until = bpf_map_lookup_elem(&losses, whose);
	whose->vni &= ~CONTESTED_ALWAYS;
	return until && boot_ns < *until;
}

/* A claim of this VIP by this port, with this MAC. */
struct claim {
	struct address_key key;
	__u32 port;
	__u64 mac;         /* as struct record has it */
	__u64 incarnation; /* the configured one */
	__u32 is_held;     /* the VIP's contention is `hold` (C9) */
	__u32 zero;
};

/*
 * Follows a claim of an entitled port (C3, C4), unless it is contested (C9), and announces it; the packet is used up.
 * Returns the reason if it was refused, else 0. A global function: verified once.
 */
__noinline int follow_claim(struct __sk_buff *skb, struct claim *claim)
{
	struct record before = {}, made = {};
	const struct settings *own = the_settings();
	struct address_port_key whose;
	struct kept_record *kept;
	struct address_key key;
	enum hold_result result;
	struct wish wish = {};
	struct instant now;
	__u64 ready_at;

	if (!claim || !own)
		return REASON_VIP_UNPREPARED;
	key = claim->key;
	kept = bpf_map_lookup_elem(&records, &key);
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

	whose = with_port(&claim->key, claim->port);
	if (agent_is_alive(now.boot_ns)) {
		if (is_contested(&whose, &wish, &before, now.boot_ns, claim->is_held)) {
			leave_to_agent(EVENT_CONTESTED, &whose, &before, claim->mac, 0);
			return 0;
		}
		ready_at = spend(&whose, now.boot_ns, CLAIM_TOKEN_NS, CLAIM_BURST);
		if (ready_at) {
			leave_to_agent(EVENT_POSTPONED, &whose, &before, claim->mac, ready_at);
			return 0;
		}
	} else {
		/* Bit 29 keeps these buckets apart: what was claimed without an agent is not held against the port later. */
		whose.vni |= 1U << 29;
		if (spend(&whose, now.boot_ns, ALONE_TOKEN_NS, ALONE_BURST))
			return REASON_CLAIM_LIMITED;
	}
	result = hold(kept, &wish, NULL, now, &before, &made);
	if (result == HOLD_REMADE)
		return REASON_CLAIM_INCARNATION;
	if (result == HOLD_LIMIT)
		return REASON_EPOCH_LIMIT;
	count(COUNT_CLAIM_MADE);
	note_loss(&claim->key, &before, &made);
	announce(skb, &claim->key, &made, ANNOUNCE);
	tell_moved(&claim->key, &before, &made, CAUSE_CLAIM, 0);
	return 0;
}

/* Keeps a record of a VIP that is not configured here, unless a greater one waits already. */
static __noinline void keep_waiting(const struct address_key *key, const struct record *record)
{
	struct record *own = bpf_map_lookup_elem(&waiting, key), copy = *record;

	if (own && !outranks(record, own)) {
		count(COUNT_AS_GREAT);
		return;
	}
	copy.port_down = 0; /* said too late to be acted on */
	bpf_map_update_elem(&waiting, key, &copy, BPF_ANY);
	count(COUNT_WAITING);
}

#endif
