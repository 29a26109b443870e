/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Holder records: compared and set under their lock, copied out before any helper call (rules C3 to C5, C7).
 *
 * core/claim's switch model says the same in Rust; random operations hold one against the other.
 */
#ifndef HAVIP_RECORD_H
#define HAVIP_RECORD_H

#include "count.h"

#define EPOCH_LIMIT (1ULL << 63)
#define REFRESH_INTERVAL_NS 1000000000ULL
#define HEARTBEAT_LASTS_NS 1000000000ULL

/* Time as the rules need it, read before the lock. */
struct instant {
	__u64 boot_ns;
	__u64 ms; /* since 1970 */
};

static __always_inline struct instant now_instant(void)
{
	struct instant now = { .boot_ns = bpf_ktime_get_boot_ns() };
	__u32 zero = 0;
	struct clock *its = bpf_map_lookup_elem(&clock, &zero);
	__s64 since_1970;

	since_1970 = (__s64)now.boot_ns + (its ? its->offset_ns : 0);
	now.ms = since_1970 > 0 ? (__u64)since_1970 / 1000000 : 0;
	return now;
}

static __always_inline bool agent_is_alive(__u64 boot_ns)
{
	__u32 zero = 0;
	struct clock *its = bpf_map_lookup_elem(&clock, &zero);
	__u64 beat = its ? READ_ONCE(its->beat_at) : 0;

	return beat && (boot_ns <= beat || boot_ns - beat <= HEARTBEAT_LASTS_NS);
}

static __always_inline __u64 holder_word(__u32 host, __u32 port)
{
	return (__u64)host << 33 | (__u64)port << 1;
}
static __always_inline __u32 holder_host(__u64 word)
{
	return word >> 33;
}
static __always_inline __u32 holder_port(__u64 word)
{
	return word >> 1;
}
static __always_inline bool is_released(__u64 word)
{
	return word & 1;
}

/* The order of records: (incarnation, epoch, host, port, released). */
static __always_inline bool outranks(const struct record *a, const struct record *b)
{
	if (a->incarnation != b->incarnation)
		return a->incarnation > b->incarnation;
	if (a->epoch != b->epoch)
		return a->epoch > b->epoch;
	return a->holder > b->holder;
}

/* Equal ranks are one and the same record; a blank one is exactly no record. */
static __always_inline bool is_exactly(const struct record *own, const struct record *expected)
{
	if (!own->holder || !expected->holder)
		return own->holder == expected->holder;
	return own->incarnation == expected->incarnation && own->epoch == expected->epoch &&
	       own->holder == expected->holder;
}

/* Replaces the record and writes its history; the caller has the lock. */
static __always_inline void set_locked(struct kept_record *kept, const struct record *next, struct instant now,
				       __u32 cause)
{
	struct move *line = &kept->history[kept->next_move & (HISTORY_LEN - 1)];

	line->epoch = next->epoch;
	line->holder = next->holder;
	line->from = kept->now.holder;
	line->at_ms = now.ms;
	line->cause = cause;
	line->moves = next->moves;
	kept->next_move++;
	kept->changed_at = now.boot_ns;
	kept->now.incarnation = next->incarnation;
	kept->now.epoch = next->epoch;
	kept->now.moves = next->moves;
	kept->now.port_down = next->port_down;
	kept->now.mac = next->mac;
	kept->now.holder = next->holder;
}

/* C5: the record is replaced exactly if `next` is greater. `before` becomes what was there. */
static __always_inline bool apply(struct kept_record *kept, const struct record *next, struct record *before,
				  struct instant now, __u32 cause)
{
	bool greater;

	bpf_spin_lock(&kept->lock);
	*before = kept->now;
	greater = outranks(next, before);
	if (greater) {
		set_locked(kept, next, now, cause);
		kept->flags &= ~RECORD_FIRST_REFRESH;
	}
	bpf_spin_unlock(&kept->lock);
	return greater;
}

enum hold_result { HOLD_MADE, HOLD_REFRESHED, HOLD_QUIET, HOLD_UNEXPECTED, HOLD_REMADE, HOLD_LIMIT };

/* What somebody wants to make of a record. */
struct wish {
	__u64 incarnation; /* the configured one */
	__u64 holder;
	__u64 mac;
	__u32 cause;
	__u32 zero;
};

/*
 * A new epoch for the wish's holder (C4), if the record is exactly the expected one;
 * a claim (expected: NULL) goes over any.
 * `before` becomes what was there, `made` the new record.
 */
static __always_inline enum hold_result hold(struct kept_record *kept, const struct wish *wish,
					     const struct record *expected, struct instant now, struct record *before, struct record *made)
{
	enum hold_result result = HOLD_MADE;
	__u64 epoch, clock_epoch = now.ms << 16;
	__u32 moves = 0;
	__u64 last = 0;

	if (now.ms >= 1ULL << 48)
		clock_epoch = ~0ULL;
	bpf_spin_lock(&kept->lock);
	*before = kept->now;
	if (before->incarnation > wish->incarnation) {
		result = HOLD_REMADE;
	} else if (expected && !is_exactly(before, expected)) {
		result = HOLD_UNEXPECTED;
	} else {
		epoch = 0;
		/* Of this incarnation only: `renew` ends what a bad clock began. */
		if (before->incarnation == wish->incarnation && before->holder) {
			epoch = before->epoch;
			moves = before->moves;
			last = before->holder;
		}
		epoch++;
		if (epoch < clock_epoch)
			epoch = clock_epoch;
		if (epoch >= EPOCH_LIMIT) {
			result = HOLD_LIMIT;
		} else {
			if (last != wish->holder && moves != ~0U)
				moves++;
			made->incarnation = wish->incarnation;
			made->epoch = epoch;
			made->holder = wish->holder;
			made->mac = wish->mac;
			made->moves = moves;
			made->port_down = 0;
			set_locked(kept, made, now, wish->cause);
			kept->announced_at = now.boot_ns;
			kept->flags |= RECORD_FIRST_REFRESH;
		}
	}
	bpf_spin_unlock(&kept->lock);
	return result;
}

/*
 * C3: the present holder again, with the same MAC, keeps its epoch. Re-announced at most once a second,
 * and once more right after a new epoch. HOLD_UNEXPECTED: it is not the present holder.
 */
static __always_inline enum hold_result refresh(struct kept_record *kept, const struct wish *wish,
						struct instant now, struct record *own)
{
	enum hold_result result = HOLD_QUIET;

	bpf_spin_lock(&kept->lock);
	*own = kept->now;
	if (own->incarnation > wish->incarnation) {
		result = HOLD_REMADE;
	} else if (own->holder != wish->holder || own->mac != wish->mac) {
		result = HOLD_UNEXPECTED;
	} else if (kept->flags & RECORD_FIRST_REFRESH) {
		kept->flags &= ~RECORD_FIRST_REFRESH;
		result = HOLD_REFRESHED;
	} else if (now.boot_ns - kept->announced_at >= REFRESH_INTERVAL_NS) {
		kept->announced_at = now.boot_ns;
		result = HOLD_REFRESHED;
	}
	bpf_spin_unlock(&kept->lock);
	return result;
}

/* C7: the same record with `released` set, if it is held by this holder, or is exactly the expected one. */
static __always_inline bool release(struct kept_record *kept, __u64 holder, const struct record *expected,
				    __u32 cause, struct instant now, struct record *before, struct record *made)
{
	bool allowed;

	bpf_spin_lock(&kept->lock);
	*before = kept->now;
	allowed = before->holder && !is_released(before->holder) &&
		  (holder ? before->holder == holder : is_exactly(before, expected));
	if (allowed) {
		*made = *before;
		made->holder |= 1;
		made->port_down = cause == CAUSE_PORT_DOWN;
		set_locked(kept, made, now, cause);
	}
	bpf_spin_unlock(&kept->lock);
	return allowed;
}

/*
 * Tells the agent.
 *
 * What comes of it must be checked at once: to Linux 6.1 a second check of the same event, which the compiler
 * makes of one behind a count(), has two outcomes, and the impossible one loses the event.
 */
static __always_inline struct event *new_event(__u32 kind, const struct address_key *key)
{
	struct event *event = bpf_ringbuf_reserve(&moves_ring, sizeof(*event), 0);

	if (!event) {
		count(COUNT_EVENTS_LOST);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->at = bpf_ktime_get_boot_ns();
	if (key) {
		event->vni = key->vni;
		__builtin_memcpy(event->address, key->address, 16);
	}
	return event;
}

static __always_inline void tell_moved(const struct address_key *key, const struct record *before,
				       const struct record *made, __u32 cause, __u32 from_host)
{
	struct event *event = new_event(EVENT_MOVED, key);

	if (!event)
		return;
	event->host = from_host;
	event->cause = cause;
	event->now = *made;
	event->before = *before;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void tell_record(__u32 kind, const struct address_key *key, const struct record *record,
					__u32 from_host)
{
	struct event *event = new_event(kind, key);

	if (!event)
		return;
	event->host = from_host;
	event->now = *record;
	bpf_ringbuf_submit(event, 0);
}

#endif
