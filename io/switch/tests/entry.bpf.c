// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * For tests: what BPF_PROG_TEST_RUN cannot give a packet is given here, then the hook runs by tail call.
 *
 * cb[0] is the underlay sender (host order), cb[1] the VNI, cb[2] the hook's slot, cb[3] a VLAN tag that a device has
 * taken out of the frame, with bit 16 set.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} entry_hooks SEC(".maps");

SEC("tc")
int entry(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};

	if (skb->cb[0]) {
		key.tunnel_id = skb->cb[1];
		key.local_ipv4 = skb->cb[0]; /* a received packet's sender */
		key.tunnel_ttl = 64;
		if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), 0))
			return -1;
	}
	if (skb->cb[3] && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), skb->cb[3] & 0xffff))
		return -1;
	bpf_tail_call(skb, &entry_hooks, skb->cb[2]);
	return -2;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
