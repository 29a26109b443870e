/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What proves that a host is alive, and that what it says is new: nobody can repeat it.
 *
 * A seal can be repeated by whoever saw it once. So the answer to an echo counts only if this host asked just now,
 * and asked nothing later that was answered. It also says the other's time since boot, by which the age of everything
 * else that the other says is known: without clocks that agree, and anew after each of its boots.
 */
#ifndef HAVIP_FRESH_H
#define HAVIP_FRESH_H

#include "seal.h"

/* How long an answer, or a message whose freshness counts, may be under way. Ten echoes. */
#define FRESH_NS 500000000ULL
/*
 * Frames that are not sealed prolong a proven life by so much: a network that loses every echo but carries packets
 * is no dead host at once. Whoever forges packets delays the discovery of a dead host by as much, and no more.
 */
#define LIFE_BY_PACKETS_NS 1000000000ULL
#define HEARD_EXACT_NS 10000000ULL

static __always_inline bool seals_are_required(void)
{
	const struct sealing *how = the_sealing();

	return how && READ_ONCE(how->required);
}

/* Any frame from the host's address came. */
static __always_inline void heard(struct peer *peer)
{
	__u64 now = bpf_ktime_get_boot_ns();

	if (now - READ_ONCE(peer->heard_at) <= HEARD_EXACT_NS)
		return;
	if (seals_are_required() && now - READ_ONCE(peer->asked_at) > LIFE_BY_PACKETS_NS)
		return;
	peer->heard_at = now;
}

static __always_inline struct peer *peer_of(__u32 number)
{
	struct host *host = bpf_map_lookup_elem(&hosts, &number);
	struct ip16 underlay;

	if (!host)
		return NULL;
	__builtin_memcpy(underlay.address, host->underlay, 16);
	return bpf_map_lookup_elem(&peers, &underlay);
}

/* The host answered the echo that was sent at `asked_at`; false if that says nothing about now. */
static __always_inline bool proves_life(const struct settings *own, __u32 number, __u32 to, __u64 asked_at,
					__u64 said_at)
{
	struct peer *peer = peer_of(number);
	__u64 now = bpf_ktime_get_boot_ns();

	if (!peer)
		return false;
	if (!seals_are_required()) {
		peer->heard_at = now;
		return true;
	}
	if (to != own->host || asked_at > now || now - asked_at > FRESH_NS || asked_at <= peer->asked_at)
		return false;
	peer->heard_at = now;
	peer->said_at = said_at;
	peer->asked_at = asked_at;
	return true;
}

/* What the host sent at this time of its own is not older than FRESH_NS now. */
static __always_inline bool is_fresh(__u32 number, __u64 sent_at)
{
	struct peer *peer = peer_of(number);

	if (!seals_are_required())
		return true;
	if (!peer || !peer->asked_at)
		return false;
	/* Its clock shows at most this now: it showed said_at at some time after asked_at. */
	return peer->said_at + (bpf_ktime_get_boot_ns() - peer->asked_at) <= sent_at + FRESH_NS;
}

#endif
