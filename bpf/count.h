/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Every drop has a reason and a counter; what guests should not have done is reported, at a limited rate. */
#ifndef HAVIP_COUNT_H
#define HAVIP_COUNT_H

#include "look.h"

#define REPORT_INTERVAL_NS 1000000000ULL

static __always_inline void count_many(__u32 what, __u64 times)
{
	__u64 *counter = bpf_map_lookup_elem(&ledger, &what);

	if (counter)
		*counter += times;
}

static __always_inline void count(__u32 what)
{
	count_many(what, 1);
}

/* Reasons that an operator should see as events: somebody lies, or something is set up wrongly. */
static __always_inline bool is_reported(__u32 reason)
{
	switch (reason) {
	case REASON_SOURCE_MAC:
	case REASON_ARP_MAC:
	case REASON_ARP_SENDER:
	case REASON_ND_HIDDEN:
	case REASON_ND_MAC:
	case REASON_ND_SENDER:
	case REASON_ROUTER_ADVERTISEMENT:
	case REASON_REDIRECT:
	case REASON_CLAIM_NOT_ASSOCIATED:
	case REASON_CLAIM_OTHER_SUBNET:
	case REASON_CLAIM_OF_ADDRESS:
	case REASON_CLAIM_OF_GATEWAY:
	case REASON_CLAIM_UNKNOWN:
	case REASON_CLAIM_INCARNATION:
	case REASON_EPOCH_LIMIT:
	case REASON_VIP_UNPREPARED:
	case REASON_SOURCE_ADDRESS:
	case REASON_ADVERT_STRANGER:
	case REASON_MAPPED:
	case REASON_DHCP_SERVER:
	case REASON_DHCP_MAC:
	case REASON_ANNOUNCEMENT_BY_PORT:
	case REASON_TO_UNDERLAY:
	case REASON_OUTSIDE_SOURCE:
	case REASON_OUTSIDE_MAC:
	case REASON_FOREIGN_OWNER:
	case REASON_OUTER_UNKNOWN:
	case REASON_ANNOUNCEMENT_HOST:
	case REASON_ANNOUNCEMENT_FORGED:
		return true;
	}
	return false;
}

/* What a report says besides the reason. */
struct culprit {
	__u32 port;  /* 0: the underlay or the outside */
	__be32 outer;
	__u32 address; /* IPv4, as in the packet; 0: none */
};

/* Counts a drop and reports it: at once, then once a second per (port, reason) with how many it stands for. */
static __always_inline int count_drop(struct __sk_buff *skb, __u32 reason, __u32 port, __be32 outer,
				      const struct ip16 *address)
{
	struct drop_value *value, fresh = { .count = 1 };
	struct drop_key key = {};
	struct refusal *refusal;
	__u64 now, unreported;

	count(reason);
	look_dropped(reason);
	key.port = port;
	key.reason = reason;
	value = bpf_map_lookup_elem(&drops, &key);
	if (!value) {
		bpf_map_update_elem(&drops, &key, &fresh, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&drops, &key);
		if (!value)
			return TC_ACT_SHOT;
	} else {
		__sync_fetch_and_add(&value->count, 1);
	}
	if (!is_reported(reason))
		return TC_ACT_SHOT;

	now = bpf_ktime_get_boot_ns();
	if (value->reported_at && now - value->reported_at < REPORT_INTERVAL_NS)
		return TC_ACT_SHOT;
	refusal = bpf_ringbuf_reserve(&refusals_ring, sizeof(*refusal), 0);
	if (!refusal) {
		count(COUNT_REFUSALS_LOST);
		return TC_ACT_SHOT;
	}
	unreported = value->count - value->reported;
	value->reported_at = now;
	value->reported += unreported;

	__builtin_memset(refusal, 0, sizeof(*refusal));
	refusal->at = now;
	refusal->count = unreported;
	refusal->reason = reason;
	refusal->port = port;
	refusal->outer = outer;
	__builtin_memcpy(refusal->address, address->address, 16);
	if (bpf_skb_load_bytes(skb, ETH_ALEN, refusal->mac, ETH_ALEN))
		__builtin_memset(refusal->mac, 0, ETH_ALEN);
	bpf_ringbuf_submit(refusal, 0);
	return TC_ACT_SHOT;
}

/* Drops a packet about an IPv4 address. A global function: verified once, called from everywhere. */
__noinline int drop_culprit(struct __sk_buff *skb, __u32 reason, struct culprit *who)
{
	struct ip16 full = {};

	if (reason >= REASON_MAX || !who)
		return TC_ACT_SHOT;
	if (who->address)
		full = mapped(who->address);
	return count_drop(skb, reason, who->port, who->outer, &full);
}

/* The same about any address; zero: none. */
__noinline int drop_about(struct __sk_buff *skb, __u32 reason, __u32 port, struct ip16 *address)
{
	struct ip16 about;

	if (reason >= REASON_MAX || !address)
		return TC_ACT_SHOT;
	about = *address;
	return count_drop(skb, reason, port, 0, &about);
}

/* Drops what a port sent. */
static __always_inline int drop(struct __sk_buff *skb, __u32 port, __u32 reason, __be32 address)
{
	struct culprit who = { .port = port, .address = address };

	return drop_culprit(skb, reason, &who);
}

#endif
