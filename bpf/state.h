/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Every map, pinned by user space; sizes are set there too, these are the least. */
#ifndef HAVIP_STATE_H
#define HAVIP_STATE_H

#include "maps.h"
#include <bpf/bpf_helpers.h>

#define HASH(NAME, KEY, VALUE, ENTRIES)                   \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_HASH);          \
		__uint(map_flags, BPF_F_NO_PREALLOC);     \
		__uint(max_entries, ENTRIES);             \
		__type(key, KEY);                         \
		__type(value, VALUE);                     \
	} NAME SEC(".maps")

/* Bounded memories that guests and other hosts fill: the least recently used goes first. */
#define MEMORY(NAME, KEY, VALUE, ENTRIES)                 \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_LRU_HASH);      \
		__uint(max_entries, ENTRIES);             \
		__type(key, KEY);                         \
		__type(value, VALUE);                     \
	} NAME SEC(".maps")

#define LPM(NAME, KEY, VALUE, ENTRIES)                    \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);      \
		__uint(map_flags, BPF_F_NO_PREALLOC);     \
		__uint(max_entries, ENTRIES);             \
		__type(key, KEY);                         \
		__type(value, VALUE);                     \
	} NAME SEC(".maps")

#define SINGLE(NAME, VALUE)                               \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_ARRAY);         \
		__uint(max_entries, 1);                   \
		__type(key, __u32);                       \
		__type(value, VALUE);                     \
	} NAME SEC(".maps")

/* What the agent configures. */
SINGLE(settings, struct settings);
SINGLE(clock, struct clock);
SINGLE(sealing, struct sealing);

/* By the lowest bit of the key's number, so that a new key never takes the place of the one in use. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct seal_key);
} seal_keys SEC(".maps");

HASH(devices, __u32, struct port, 1024);
HASH(ports, __u32, struct port, 1024);
HASH(hosts, __u32, struct host, 1024);
HASH(peers, struct ip16, struct peer, 1024);
HASH(members, __u32, struct members, 1024);
HASH(relayed, __u32, struct members, 1024);
HASH(subnets, __u32, struct subnet, 1024);
HASH(addresses, struct address_key, struct address, 16384);
HASH(macs, struct mac_key, struct mac_value, 16384);
HASH(entitled, struct address_port_key, struct entitled, 16384);
HASH(associated, __u32, struct circle, 16384); /* port -> the ports that share a VIP with it, itself included */
HASH(circles, struct address_key, struct circle, 16384);
HASH(advert_sources, struct advert_source_key, __u32, 4096);
LPM(routes, struct route_key, struct ip16, 4096);
HASH(eips, struct ip16, struct eip, 4096);
HASH(nats, struct address_key, struct nat, 4096);
LPM(pools, struct pool_key, struct ip16, 64); /* value: the outside router; zero: none */
LPM(group_nets, struct net_key, struct rule_bits, 65536);
LPM(group_services, struct service_key, struct rule_bits, 65536);
HASH(group_peers, struct peer_key, struct rule_bits, 65536);
HASH(group_rules, struct rule_key, struct rule, 65536);
HASH(memberships, __u32, struct membership, 16384); /* by port */
HASH(segments, __u32, struct segment, 1024); /* by the number of the subnet */
HASH(vlans, __u32, __u32, 1024); /* VLAN -> the number of the subnet; 0: what is not tagged */
HASH(attachments, __u32, __u32, 2048);

/* Who holds what: written by these programs only. */
HASH(records, struct address_key, struct kept_record, 16384);

/* Memories. */
MEMORY(waiting, struct address_key, struct record, 4096);
MEMORY(buckets, struct address_port_key, struct bucket, 8192);
MEMORY(losses, struct address_port_key, __u64, 8192); /* until when the port's claims are contested, boot time in ns */
MEMORY(corrections, struct address_port_key, __u64, 4096); /* (VIP, host) -> boot ms of the last answer */
MEMORY(asks, struct address_port_key, struct ask, 4096);
MEMORY(probes, struct probe_key, struct probe, 1024);
MEMORY(adverts, struct address_port_key, struct advert_memory, 8192);
MEMORY(talkers, __u32, struct talkers, 1024);
MEMORY(delivered, struct delivered_key, struct delivered, 4096);
SINGLE(no_advert, struct delivered); /* never written: what a new one begins as */
MEMORY(departures, __u32, __u64, 1024); /* port -> boot time in ns of its guest's last frame before it left */
MEMORY(outsiders, struct address_key, struct outsider, 8192);
MEMORY(meters, struct meter_key, struct meter, 8192);
HASH(flows, struct flow_key, struct flow_set, 131072);
SINGLE(no_flows, struct empty_flow_set); /* never written: what a set begins as */
SINGLE(flow_seed, __u64); /* drawn once, so that nobody outside knows where a connection lies */
MEMORY(fragments, struct fragment_key, struct fragment, 8192);
MEMORY(rule_hits, __u32, __u64, 8192); /* first packets, by the number of the rule that decided */
MEMORY(drops, struct drop_key, struct drop_value, 4096);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LEDGER_LEN);
	__type(key, __u32);
	__type(value, __u64);
} ledger SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} moves_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} refusals_ring SEC(".maps");

static __always_inline const struct settings *the_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

#endif
