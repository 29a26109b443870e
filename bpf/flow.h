/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The memory of connections: what was allowed once passes, both ways, at the cost of one look-up.
 *
 * core/groups has the same as a machine; tests hold both against each other. A connection is the port's: what becomes
 * of one when a VIP moves is that its packets go elsewhere. Whoever holds the VIP then has not seen its beginning, and
 * judges whatever comes like a first packet.
 */
#ifndef HAVIP_FLOW_H
#define HAVIP_FLOW_H

#include "groups.h"

#define FLOW_TICKS(seconds) ((__u32)(((seconds) * 1000000000ULL) >> 24))
/* As core/groups has them, which says why. */
#define FLOW_NEW_TCP FLOW_TICKS(120)
#define FLOW_ANSWERED_TCP FLOW_TICKS(7440)
#define FLOW_CUT_TCP FLOW_TICKS(240)
#define FLOW_LASTS_NEW FLOW_TICKS(30)
#define FLOW_LASTS_ANSWERED FLOW_TICKS(180)
#define FLOW_LASTS_CLOSING FLOW_TICKS(10)
#define FLOW_IDLE FLOW_TICKS(300)
#define FLOW_JUDGED FLOW_TICKS(10)

static __always_inline __u32 flow_now(void)
{
	return bpf_ktime_get_boot_ns() >> 24;
}

static __always_inline bool same_tuple(const struct tuple *a, const struct tuple *b)
{
	const __u64 *one = (const void *)a, *other = (const void *)b;

	return one[4] == other[4] && one[3] == other[3] && one[1] == other[1] && one[2] == other[2] &&
	       one[0] == other[0];
}

/* The set in which the connection lies. */
static __always_inline __u32 set_of(const struct tuple *who, __u64 hash)
{
	const __u64 *words = (const void *)who;
	__u32 i;

	for (i = 0; i < sizeof(*who) / sizeof(*words); i++) {
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return (hash >> 40) & (FLOW_SETS - 1);
}

static __always_inline bool is_over(const struct flow *flow, __u32 now)
{
	bool tcp = flow->who.protocol == IPPROTO_TCP;
	__u32 lasts = FLOW_LASTS_CLOSING;

	if (flow->state == FLOW_ANSWERED)
		lasts = tcp ? FLOW_ANSWERED_TCP : FLOW_LASTS_ANSWERED;
	else if (flow->state == FLOW_NEW)
		lasts = tcp ? FLOW_NEW_TCP : FLOW_LASTS_NEW;
	else if (flow->state == FLOW_CUT)
		lasts = tcp ? FLOW_CUT_TCP : FLOW_LASTS_NEW;
	return now - flow->seen_at > lasts;
}

/* The least of a full set goes first, and of these the one that was silent longest; FLOW_KEPT: it stays. */
#define FLOW_KEPT (~0ULL)
static __always_inline __u64 worth(const struct flow *flow, __u32 now)
{
	__u32 age = now - flow->seen_at;
	__u64 rank = 4;

	if (flow->state == FLOW_FREE)
		return 0;
	if (is_over(flow, now))
		rank = 0;
	else if (flow->state == FLOW_CLOSING)
		rank = 1;
	else if (flow->state == FLOW_NEW)
		rank = 2;
	else if (flow->state == FLOW_CUT)
		rank = 3;
	else if (age <= FLOW_IDLE)
		return FLOW_KEPT;
	return rank << 32 | (__u32)~age;
}

/* What a packet changes in its connection. Nothing is written that is so already: other processors have it, too. */
static __always_inline void follow(struct flow *flow, __u32 is_out, __u32 kind)
{
	if (kind == PACKET_RESET) {
		flow->state = FLOW_CLOSING;
	} else if (kind == PACKET_FIN) {
		flow->closed_by |= is_out ? 1 : 2;
		if (flow->state == FLOW_NEW && flow->opened != is_out)
			flow->state = FLOW_ANSWERED;
		if (flow->closed_by == 3)
			flow->state = FLOW_CLOSING;
	} else if (flow->state == FLOW_NEW && flow->opened != is_out) {
		flow->state = FLOW_ANSWERED;
	}
}

/*
 * What the connections of a set are worth, and where the one in question is if it is there. The results go through the
 * map: the verifier knows nothing of what is in there, and so does not follow every place by itself.
 */
static __noinline void weigh(struct guarding *at, const struct flow_set *set, __u32 now)
{
	__u32 i;

	at->place = FLOW_WAYS;
	for (i = 0; i < FLOW_WAYS; i++) {
		at->worths[i] = worth(&set->ways[i], now);
		if (set->ways[i].state != FLOW_FREE && same_tuple(&set->ways[i].who, &at->who))
			at->place = i;
	}
}

/* Where in its set a connection has room: its own place, or that of the one that is worth the least. */
static __noinline void find_room(struct guarding *at)
{
	__u64 best = FLOW_KEPT;
	__u32 i;

	if (READ_ONCE(at->place) < FLOW_WAYS)
		return;
	for (i = 0; i < FLOW_WAYS; i++) {
		if (READ_ONCE(at->worths[i]) >= best)
			continue;
		best = READ_ONCE(at->worths[i]);
		at->place = i;
	}
	if (best != FLOW_KEPT && best >> 32)
		count(COUNT_FLOW_GIVEN_UP);
}

/*
 * Remembers a connection that may begin; 0 or a reason. Two processors may choose the same place for two connections,
 * or two places for one: the first then begins once more, the second has one too many until it is over.
 */
static __noinline __u32 begin_flow(struct guarding *at, struct flow_key *key, __u32 stamp)
{
	struct flow_set *set = bpf_map_lookup_elem(&flows, key);
	struct empty_flow_set *none;
	__u32 now = flow_now(), place;
	struct flow *flow;

	if (!set) {
		none = LOOK_UP(no_flows);
		if (!none)
			return REASON_FLOW_TABLE_FULL;
		bpf_map_update_elem(&flows, key, none, BPF_NOEXIST);
		set = bpf_map_lookup_elem(&flows, key);
		if (!set)
			return REASON_FLOW_TABLE_FULL;
	}
	weigh(at, set, now);
	find_room(at);
	place = READ_ONCE(at->place);
	if (place >= FLOW_WAYS)
		return REASON_FLOW_TABLE_FULL;
	flow = &set->ways[place & (FLOW_WAYS - 1)];
	bpf_spin_lock(&set->lock);
	/* Nobody finds it before all of it is there. */
	*(volatile __u8 *)&flow->state = FLOW_FREE;
	flow->who = at->who;
	flow->seen_at = now;
	flow->judged_at = now;
	flow->stamp = stamp;
	flow->opened = at->is_out;
	flow->closed_by = 0;
	*(volatile __u8 *)&flow->state = FLOW_NEW;
	bpf_spin_unlock(&set->lock);
	follow(flow, at->is_out, at->kind);
	count(COUNT_FLOW_BEGUN);
	return 0;
}

/* The connection, if it is remembered and not over. */
static __always_inline struct flow *find_flow(struct guarding *at, const struct tuple *who, struct flow_key *key,
					      __u32 now)
{
	struct flow_set *set = bpf_map_lookup_elem(&flows, key);
	struct flow *flow;
	__u32 i;

	if (!set)
		return NULL;
	at->place = FLOW_WAYS;
	for (i = 0; i < FLOW_WAYS; i++) {
		if (same_tuple(&set->ways[i].who, who) && set->ways[i].state != FLOW_FREE) {
			at->place = i; /* as above: not kept in a register */
			break;
		}
	}
	i = READ_ONCE(at->place);
	if (i >= FLOW_WAYS)
		return NULL;
	flow = &set->ways[i & (FLOW_WAYS - 1)];
	return is_over(flow, now) ? NULL : flow;
}

/* Asks the rules once more about a connection that began under others, or long ago. */
static __noinline void judge_again(struct flow *flow, __u32 port, __u32 stamp, __u32 now)
{
	bool is_forbidden;

	flow->judged_at = now;
	flow->stamp = stamp;
	is_forbidden = judge_first(port, flow->opened);
	if (is_forbidden && flow->state != FLOW_CUT) {
		flow->state = FLOW_CUT;
		count(COUNT_FLOW_CUT);
	} else if (!is_forbidden && flow->state == FLOW_CUT) {
		flow->state = FLOW_ANSWERED;
	}
}

/* Whether a packet of a connection may pass; 0 or a reason. */
static __noinline __u32 judge_packet(struct guarding *at, __u32 stamp)
{
	__u64 *seed = LOOK_UP(flow_seed);
	struct flow_key key = { .port = at->port };
	__u32 now = flow_now(), reason;
	struct flow *flow;

	if (!seed)
		return REASON_FLOW_TABLE_FULL;
	if (at->kind == PACKET_ERROR) {
		key.set = set_of(&at->about, *seed);
		flow = find_flow(at, &at->about, &key, now);
		return flow && flow->state != FLOW_CUT ? 0 : judge_first(at->port, at->is_out);
	}
	if (at->kind == PACKET_ALONE)
		return judge_first(at->port, at->is_out);
	key.set = set_of(&at->who, *seed);
	flow = find_flow(at, &at->who, &key, now);
	if (flow) {
		if (flow->stamp != stamp || now - flow->judged_at > FLOW_JUDGED)
			judge_again(flow, at->port, stamp, now);
		if (at->kind != PACKET_SYN || (flow->state != FLOW_CUT && flow->state != FLOW_CLOSING)) {
			if (flow->seen_at != now)
				flow->seen_at = now;
			if (flow->state == FLOW_CUT)
				return flow->opened ? REASON_GROUP_EGRESS : REASON_GROUP_INGRESS;
			follow(flow, at->is_out, at->kind);
			return 0;
		}
	}
	reason = judge_first(at->port, at->is_out);
	if (reason || at->kind == PACKET_RESET)
		return reason;
	return begin_flow(at, &key, stamp);
}

#endif
