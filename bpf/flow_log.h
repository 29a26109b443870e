/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The flow log: which connections packets of a VPC belonged to, how many there were, and what became of them.
 *
 * Only while somebody follows a VPC's; the agent takes the entries out each second. Of a VPC with a great deal of them
 * one of so many is kept, chosen by its addresses and ports, the same one on every host and in both directions.
 * No VPC takes the room of another: the agent says how many entries may be begun for each until it takes them again.
 */
#ifndef HAVIP_FLOW_LOG_H
#define HAVIP_FLOW_LOG_H

#include <linux/in6.h>
#include "seen.h"

struct logged_key {
	__u32 vni;
	__u32 from; /* the port of this host that sent it; 0: it came from elsewhere */
	__u32 to;   /* the port of this host that was given it; 0: it went elsewhere, or ended here */
	__u8 source[16];
	__u8 destination[16];
	__be16 source_port; /* of TCP and UDP; 0: none, or in a later fragment */
	__be16 destination_port;
	__u16 reason; /* why packets ended here; 0: they did not */
	__u8 protocol;
	__u8 zero;
};
struct logged {
	__u64 packets;
	__u64 bytes;
	__u64 first_at; /* boot time in ns */
	__u64 last_at;
};

/* Of a VPC that is followed, written by the agent alone. */
struct followed {
	__u32 one_of; /* one connection of so many is kept */
	__u32 zero;
	__u64 room; /* `begun` may get so far */
};
/* Since it is followed; written by the programs alone. */
struct followed_so_far {
	__u64 begun; /* entries */
	__u64 lost;  /* packets that found no room */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct followed);
} look_log_followed SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct followed_so_far);
} look_log_so_far SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct logged_key);
	__type(value, struct logged);
} look_log SEC(".maps");

/* One of `one_of` connections; both directions have the same sum. */
static __always_inline bool is_kept(const struct logged_key *key, __u32 one_of)
{
	const __u32 *a = (const void *)key->source, *b = (const void *)key->destination;
	__u32 sum = (a[0] ^ b[0]) + (a[1] ^ b[1]) * 3 + (a[2] ^ b[2]) * 5 + (a[3] ^ b[3]) * 7;

	sum ^= (__u32)(key->source_port ^ key->destination_port) << 8 | key->protocol;
	sum *= 0x9e3779b1;
	return !((sum >> 16) % one_of);
}

/* Frames are told when the next one comes to their processor, so of two processors not always in their order. */
static __always_inline void log_more(struct logged *logged, const struct seen *seen)
{
	__sync_fetch_and_add(&logged->packets, 1);
	__sync_fetch_and_add(&logged->bytes, seen->length);
	if (seen->at < logged->first_at)
		logged->first_at = seen->at;
	if (seen->at > logged->last_at)
		logged->last_at = seen->at;
}

static __noinline void log_flow(struct seen *seen)
{
	__u32 behind, captured = seen->captured;
	struct logged *logged, fresh = { .packets = 1 };
	struct followed_so_far *so_far;
	struct logged_key key = {};
	struct followed *followed;
	struct port *to;
	bool is_later = false;
	__be16 type;

	/* What hosts tell each other, and what an edge leaves to its host, is nobody's. */
	if (seen->came.tunnel_id == ANNOUNCEMENT_VNI || (seen->left_by == LOOK_UNSEEN && !seen->reason))
		return;
	key.vni = look_vni(seen);
	followed = bpf_map_lookup_elem(&look_log_followed, &key.vni);
	if (!followed)
		return;
	__builtin_memcpy(&type, &seen->frame[12], 2);
	if (type == bpf_htons(ETH_P_IP) && captured >= ETH_HLEN + sizeof(struct iphdr)) {
		key.source[10] = key.source[11] = key.destination[10] = key.destination[11] = 0xff;
		__builtin_memcpy(key.source + 12, &seen->frame[ETH_HLEN + 12], 4);
		__builtin_memcpy(key.destination + 12, &seen->frame[ETH_HLEN + 16], 4);
		key.protocol = seen->frame[ETH_HLEN + 9];
		is_later = seen->frame[ETH_HLEN + 6] & 0x1f || seen->frame[ETH_HLEN + 7];
		behind = ETH_HLEN + (seen->frame[ETH_HLEN] & 0x0f) * 4;
	} else if (type == bpf_htons(ETH_P_IPV6) && captured >= ETH_HLEN + 40) {
		__builtin_memcpy(key.source, &seen->frame[ETH_HLEN + 8], 16);
		__builtin_memcpy(key.destination, &seen->frame[ETH_HLEN + 24], 16);
		key.protocol = seen->frame[ETH_HLEN + 6];
		behind = ETH_HLEN + 40;
	} else {
		return;
	}
	if ((key.protocol == IPPROTO_TCP || key.protocol == IPPROTO_UDP) && !is_later && captured >= behind + 4) {
		__builtin_memcpy(&key.source_port, &seen->frame[behind], 2);
		__builtin_memcpy(&key.destination_port, &seen->frame[behind + 2], 2);
	}
	if (followed->one_of > 1 && !is_kept(&key, followed->one_of))
		return;
	key.reason = seen->reason;
	key.from = seen->port;
	to = bpf_map_lookup_elem(&devices, &seen->left_by);
	/* An error that goes back to the sender is no packet of the connection. */
	if (to && !key.reason && seen->left_by != seen->ifindex)
		key.to = to->number;
	logged = bpf_map_lookup_elem(&look_log, &key);
	if (logged) {
		log_more(logged, seen);
		return;
	}
	so_far = bpf_map_lookup_elem(&look_log_so_far, &key.vni);
	if (!so_far)
		return;
	if (so_far->begun < followed->room) {
		fresh.bytes = seen->length;
		fresh.first_at = fresh.last_at = seen->at;
		if (!bpf_map_update_elem(&look_log, &key, &fresh, BPF_NOEXIST)) {
			__sync_fetch_and_add(&so_far->begun, 1);
			return;
		}
		/* Another processor may have begun it meanwhile. */
		logged = bpf_map_lookup_elem(&look_log, &key);
		if (logged) {
			log_more(logged, seen);
			return;
		}
	}
	__sync_fetch_and_add(&so_far->lost, 1);
}

#endif
