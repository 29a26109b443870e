/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The bandwidth of an EIP: what is beyond it is dropped, each direction by itself. */
#ifndef HAVIP_METER_H
#define HAVIP_METER_H

#include "count.h"

/* What may pass at once after a pause. One packet more always passes, however large. */
#define METER_BURST_NS 100000000ULL

/* Whether the packet is within the EIP's bandwidth. Headers of segments that are cut later are not counted. */
static __always_inline bool is_within_bandwidth(struct __sk_buff *skb, const struct ip16 *public_address,
						__u32 bandwidth_mbps, enum direction direction)
{
	__u64 now, free_at, takes_ns = (__u64)(skb->len - ETH_HLEN) * 8000;
	struct meter_key key = { .direction = direction };
	struct meter *meter, fresh = {};

	if (!bandwidth_mbps)
		return true;
	takes_ns /= bandwidth_mbps;
	__builtin_memcpy(key.address, public_address->address, 16);
	now = bpf_ktime_get_boot_ns();
	meter = bpf_map_lookup_elem(&meters, &key);
	if (!meter) {
		bpf_map_update_elem(&meters, &key, &fresh, BPF_NOEXIST);
		meter = bpf_map_lookup_elem(&meters, &key);
		if (!meter)
			return true;
	}
	free_at = READ_ONCE(meter->free_at);
	if (free_at < now) {
		/* Whoever loses this race adds to what the winner wrote. */
		__sync_val_compare_and_swap(&meter->free_at, free_at, now);
	} else if (free_at - now > METER_BURST_NS) {
		return false;
	}
	__sync_fetch_and_add(&meter->free_at, takes_ns);
	return true;
}

#endif
