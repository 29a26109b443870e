/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Looking on: every frame that a hook is given, and what became of it.
 *
 * `looked_at` is a constant, and false in the programs that usually run: the verifier then throws all of this away.
 * While somebody looks the agent loads the programs once more with it true, and swaps them.
 *
 * What is seen of a frame is gathered per processor and told when the next frame comes, for no place in the
 * programs is the last of every frame; the reader takes what has waited for some time itself. Every redirect is
 * noted, because the helpers' names below stand for functions that do so.
 */
#ifndef HAVIP_LOOK_H
#define HAVIP_LOOK_H

#include "parse.h"

const volatile __u32 looked_at SEC(".rodata.look") = 0;

enum look_flag {
	LOOK_DROPPED_ONLY = 1,
	LOOK_MESSAGES = 2, /* also what hosts tell each other */
};
struct look_wanted {
	__u32 ifindex; /* only what comes in or leaves by this device; 0: all */
	__u32 flags;
};

#define LOOK_UNSEEN 0xffffffff
#define LOOK_SNAP 512 /* bytes of a frame */
struct seen {
	__u64 sequence; /* counts this processor's frames */
	__u64 at;       /* boot time in ns; 0: told already */
	__u32 cpu;
	__u32 ifindex; /* that it came in by; 0: the switch made it, and gave it a port */
	__u32 length;
	__u32 captured; /* bytes of `frame` */
	__u32 reason;   /* of the first drop */
	__u32 left_by;  /* the device that it was sent to; 0: it ended here; LOOK_UNSEEN: as if it had not come */
	__be32 to;      /* the underlay address that it was last aimed at */
	__u32 tunnel;   /* and the tunnel's number */
	__u32 zero;
	struct bpf_tunnel_key came; /* with it, from an overlay */
	__u8 frame[LOOK_SNAP];
	__u64 sequence_behind; /* written first: a reader that finds another number read both halves of two frames */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct look_wanted);
} look_wanted SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen);
} look_seen SEC(".maps");
/* What did not fit into the ring because nobody took it out. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} look_lost SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} look_ring SEC(".maps");

/* A key that takes no stack. */
static const volatile __u32 LOOK_KEY;
#define LOOK_UP(map) bpf_map_lookup_elem(&map, (const void *)&LOOK_KEY)

static __always_inline void look_tell(struct seen *seen)
{
	struct look_wanted *wanted = LOOK_UP(look_wanted);
	__u64 *lost;

	if (!wanted || !seen)
		return;
	if (wanted->ifindex && wanted->ifindex != seen->ifindex && wanted->ifindex != seen->left_by)
		return;
	if ((wanted->flags & LOOK_DROPPED_ONLY) && !seen->reason)
		return;
	if (seen->left_by == LOOK_UNSEEN && !seen->reason)
		return;
	if (seen->came.tunnel_id == ANNOUNCEMENT_VNI && !(wanted->flags & LOOK_MESSAGES))
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
	if (length > LOOK_SNAP)
		length = LOOK_SNAP;
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

/* A copy, or a frame that the switch made: told at once, as the frame of the hook goes on. */
static __always_inline void look_copied(struct __sk_buff *skb, __u32 ifindex)
{
	struct look_wanted *wanted = LOOK_UP(look_wanted);
	struct seen *copy, *seen = LOOK_UP(look_seen);

	if (!wanted || !seen || (wanted->ifindex && wanted->ifindex != ifindex) || (wanted->flags & LOOK_DROPPED_ONLY))
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
	if (looked_at)
		look_copied(skb, ifindex);
	return bpf_clone_redirect(skb, ifindex, flags);
}
#define bpf_redirect look_redirect
#define bpf_redirect_peer look_redirect_peer
#define bpf_redirect_neigh look_redirect_neigh
#define bpf_clone_redirect look_clone_redirect

#endif
