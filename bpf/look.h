/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Looking on: every frame that a hook is given, and what became of it.
 *
 * `looked_at` is a constant, and zero in the programs that usually run: the verifier then throws all of this away.
 * While somebody looks the agent loads the programs once more with it set, and swaps them.
 *
 * What is seen of a frame is gathered per processor and told when the next frame comes, for no place in the
 * programs is the last of every frame; the reader takes what has waited for some time itself. Every redirect is
 * noted, because the helpers' names below stand for functions that do so.
 */
#ifndef HAVIP_LOOK_H
#define HAVIP_LOOK_H

#include <linux/in6.h>
#include "flow_log.h"

/* The 16 bytes at this place of the frame are the address. */
static __always_inline bool look_is_at(const struct seen *seen, __u32 at, const struct look_wanted *wanted)
{
	const __u64 *address = (const void *)wanted->address;
	__u64 found[2];

	if (at > LOOK_SNAP - 16)
		return false;
	__builtin_memcpy(found, &seen->frame[at], 16);
	return found[0] == address[0] && found[1] == address[1];
}

/* The same of an IPv4 address, which is the last of the four words; the others say so. */
static __always_inline bool look_is_at4(const struct seen *seen, __u32 at, const struct look_wanted *wanted)
{
	__be32 found;

	if (at > LOOK_SNAP - 4)
		return false;
	__builtin_memcpy(&found, &seen->frame[at], 4);
	return is_mapped(wanted->address) && found == last_word(wanted->address);
}

/*
 * Whether the frame is about the address, protocol and port that are wanted; `is_about` of trace/wanted.rs is the
 * same in Rust. Ports are looked for right behind the IP header: not behind extension headers, nor in later fragments.
 */
static __noinline bool look_is_about(const struct look_wanted *wanted, const struct seen *seen)
{
	__u32 at = ETH_HLEN, behind, protocol, captured = seen->captured;
	bool is_later = false;
	__be16 type, ports[2];

	__builtin_memcpy(&type, &seen->frame[12], 2);
	if (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)) {
		at += 4;
		__builtin_memcpy(&type, &seen->frame[16], 2);
	}
	if (type == bpf_htons(ETH_P_ARP)) {
		if (captured < at + sizeof(struct arp) || wanted->protocol || wanted->service)
			return false;
		return look_is_at4(seen, at + offsetof(struct arp, sender), wanted) ||
		       look_is_at4(seen, at + offsetof(struct arp, target), wanted);
	}
	if (type == bpf_htons(ETH_P_IP)) {
		if (captured < at + sizeof(struct iphdr))
			return false;
		if (*(__u64 *)wanted->address | *(__u64 *)(wanted->address + 8)) {
			if (!look_is_at4(seen, at + offsetof(struct iphdr, saddr), wanted) &&
			    !look_is_at4(seen, at + offsetof(struct iphdr, daddr), wanted))
				return false;
		}
		protocol = seen->frame[at + offsetof(struct iphdr, protocol)];
		is_later = seen->frame[at + 6] & 0x1f || seen->frame[at + 7];
		behind = at + (seen->frame[at] & 0x0f) * 4;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		behind = at + 40;
		if (captured < behind)
			return false;
		protocol = seen->frame[at + 6];
		if (*(__u64 *)wanted->address | *(__u64 *)(wanted->address + 8)) {
			if (!look_is_at(seen, at + 8, wanted) && !look_is_at(seen, at + 24, wanted) &&
			    /* What a solicitation (135) or an advertisement (136) of a neighbour is about. */
			    (protocol != IPPROTO_ICMPV6 || captured < behind + 24 ||
			     (seen->frame[behind] != 135 && seen->frame[behind] != 136) ||
			     !look_is_at(seen, behind + 8, wanted)))
				return false;
		}
		if (protocol == IPPROTO_ICMPV6)
			protocol = IPPROTO_ICMP;
	} else {
		return type == bpf_htons(ANNOUNCEMENT_ETHERTYPE) && !wanted->protocol && !wanted->service &&
		       captured >= at + offsetof(struct announcement, incarnation) &&
		       look_is_at(seen, at + offsetof(struct announcement, address), wanted);
	}
	if (wanted->protocol && wanted->protocol != protocol)
		return false;
	if (!wanted->service)
		return true;
	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || is_later || captured < behind + 4 ||
	    behind > LOOK_SNAP - 4)
		return false;
	__builtin_memcpy(ports, &seen->frame[behind], 4);
	return ports[0] == wanted->service || ports[1] == wanted->service;
}

static __always_inline void look_tell(struct seen *seen)
{
	struct look_wanted *wanted;
	__u64 *lost;

	if (!seen)
		return;
	if (looked_at & LOOKED_AT_FLOWS)
		log_flow(seen);
	if (!(looked_at & LOOKED_AT_FRAMES))
		return;
	wanted = LOOK_UP(look_wanted);
	if (!wanted)
		return;
	if (wanted->ifindex && wanted->ifindex != seen->ifindex && wanted->ifindex != seen->left_by)
		return;
	if (wanted->verdicts && !(wanted->verdicts & look_verdict(seen)))
		return;
	if (seen->left_by == LOOK_UNSEEN && !seen->reason)
		return;
	if (seen->came.tunnel_id == ANNOUNCEMENT_VNI && !(wanted->flags & LOOK_MESSAGES))
		return;
	if (wanted->vni && wanted->vni != look_vni(seen))
		return;
	if ((*(__u64 *)wanted->address | *(__u64 *)(wanted->address + 8) | wanted->protocol | wanted->service) &&
	    !look_is_about(wanted, seen))
		return;
	if (!bpf_ringbuf_output(&look_ring, seen, sizeof(*seen), 0))
		return;
	lost = LOOK_UP(look_lost);
	if (lost)
		__sync_fetch_and_add(lost, 1);
}

/* Reads the frame, which came in by this device. */
static __always_inline void look_read(struct __sk_buff *skb, struct seen *seen, __u32 ifindex)
{
	__u64 length = skb->len;
	struct port *from;

	if (!seen)
		return;
	seen->sequence_behind = seen->sequence + 1;
	seen->ifindex = ifindex;
	seen->cpu = bpf_get_smp_processor_id();
	seen->length = length;
	seen->reason = 0;
	seen->left_by = 0;
	seen->to = 0;
	seen->tunnel = 0;
	seen->zero = 0;
	if (!ifindex || bpf_skb_get_tunnel_key(skb, &seen->came, TUNNEL_KEY_SIZE, 0))
		seen->came.tunnel_id = seen->came.remote_ipv4 = 0;
	from = ifindex ? bpf_map_lookup_elem(&devices, &seen->ifindex) : NULL;
	seen->port = from ? from->number : 0;
	seen->vni = from ? from->vni : seen->came.tunnel_id & ~VNI_MARK;
	/* A VPC that nobody follows pays for no more than the question. */
	if (!(looked_at & LOOKED_AT_FRAMES) && seen->vni && !bpf_map_lookup_elem(&look_log_followed, &seen->vni)) {
		seen->at = 0;
		return;
	}
	if (length > (looked_at & LOOKED_AT_FRAMES ? LOOK_SNAP : FLOW_SNAP))
		length = looked_at & LOOKED_AT_FRAMES ? LOOK_SNAP : FLOW_SNAP;
	asm volatile("" : "+r"(length));
	if (length < ETH_HLEN || bpf_skb_load_bytes(skb, 0, seen->frame, length))
		length = 0;
	seen->captured = length;
	seen->sequence++;
	seen->at = bpf_ktime_get_boot_ns();
}

/* Not inlined, as the hooks have no stack to spare. */
static __noinline void look_at_next(struct __sk_buff *skb)
{
	struct seen *seen = LOOK_UP(look_seen);

	if (!seen)
		return;
	if (seen->at)
		look_tell(seen);
	look_read(skb, seen, skb->ifindex);
}

/* What became of the frame before is known when this one comes. */
static __always_inline void look_begin(struct __sk_buff *skb)
{
	if (looked_at)
		look_at_next(skb);
}

/* What follows is no frame: it is not to be taken for the end of the frame before. */
static __always_inline void look_away(void)
{
	struct seen *seen;

	if (!looked_at)
		return;
	seen = LOOK_UP(look_seen);
	if (!seen)
		return;
	if (seen->at)
		look_tell(seen);
	seen->at = 0;
}

static __always_inline void look_dropped(__u32 reason)
{
	struct seen *seen;

	if (!looked_at)
		return;
	seen = LOOK_UP(look_seen);
	if (seen && !seen->reason)
		seen->reason = reason;
}

static __always_inline void look_aimed(__be32 underlay, __u32 tunnel)
{
	struct seen *seen;

	if (!looked_at)
		return;
	seen = LOOK_UP(look_seen);
	if (!seen)
		return;
	seen->to = underlay;
	seen->tunnel = tunnel;
}

static __always_inline void look_left(__u32 ifindex)
{
	struct seen *seen;

	if (!looked_at)
		return;
	seen = LOOK_UP(look_seen);
	if (seen)
		seen->left_by = ifindex;
}

/*
 * A copy, or a frame that the switch made: told at once, as the frame of the hook goes on. There are few of them, and
 * no stack is left where they are made: the reader sorts out those that are about something else.
 */
static __always_inline void look_copied(struct __sk_buff *skb, __u32 ifindex)
{
	struct look_wanted *wanted = LOOK_UP(look_wanted);
	struct seen *copy, *seen = LOOK_UP(look_seen);

	if (!wanted || !seen || (wanted->ifindex && wanted->ifindex != ifindex) ||
	    (wanted->verdicts && !(wanted->verdicts & LOOK_SENT)))
		return;
	copy = bpf_ringbuf_reserve(&look_ring, sizeof(*copy), 0);
	if (!copy)
		return;
	copy->sequence = 0;
	look_read(skb, copy, 0);
	copy->sequence = copy->sequence_behind = 0;
	copy->left_by = ifindex;
	copy->to = seen->to;
	copy->tunnel = seen->tunnel;
	if (*(__be16 *)(copy->frame + 2 * ETH_ALEN) == bpf_htons(ANNOUNCEMENT_ETHERTYPE) &&
	    !(wanted->flags & LOOK_MESSAGES))
		bpf_ringbuf_discard(copy, 0);
	else
		bpf_ringbuf_submit(copy, 0);
}

/* Gives a device a frame as if it had come in there: it is seen when its hook is given it. */
static __always_inline long put_in(struct __sk_buff *skb, __u32 ifindex)
{
	return bpf_clone_redirect(skb, ifindex, BPF_F_INGRESS);
}

static __always_inline long look_redirect(__u32 ifindex, __u64 flags)
{
	look_left(ifindex);
	return bpf_redirect(ifindex, flags);
}
static __always_inline long look_redirect_peer(__u32 ifindex, __u64 flags)
{
	look_left(ifindex);
	return bpf_redirect_peer(ifindex, flags);
}
static __always_inline long look_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *next, int length, __u64 flags)
{
	look_left(ifindex);
	return bpf_redirect_neigh(ifindex, next, length, flags);
}
static __always_inline long look_clone_redirect(struct __sk_buff *skb, __u32 ifindex, __u64 flags)
{
	if (looked_at & LOOKED_AT_FRAMES)
		look_copied(skb, ifindex);
	return bpf_clone_redirect(skb, ifindex, flags);
}
#define bpf_redirect look_redirect
#define bpf_redirect_peer look_redirect_peer
#define bpf_redirect_neigh look_redirect_neigh
#define bpf_clone_redirect look_clone_redirect

#endif
