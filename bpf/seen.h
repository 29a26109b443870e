/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What is seen of a frame while somebody looks on (look.h), and what became of it. */
#ifndef HAVIP_SEEN_H
#define HAVIP_SEEN_H

#include "parse.h"

/* Zero: nobody does. */
const volatile __u32 looked_at SEC(".rodata.look") = 0;
enum looked_at {
	LOOKED_AT_FRAMES = 1, /* each is told, if it is wanted */
	LOOKED_AT_FLOWS = 2,  /* they are counted: flow_log.h */
};

enum look_flag {
	LOOK_MESSAGES = 1, /* also what hosts tell each other */
};
/* What became of a frame, as a bit. */
enum look_verdict { LOOK_SENT = 1, LOOK_ANSWERED = 2, LOOK_USED = 4, LOOK_DROPPED = 8, LOOK_REFUSED = 16 };
/* Only what is all of this; zero is anything. Frames that are not wanted take no room in the ring. */
struct look_wanted {
	__u32 ifindex; /* comes in or leaves by this device */
	__u32 flags;
	__u32 vni;
	__u32 verdicts;   /* one of these bits */
	__u8 address[16]; /* is from or for it: IP, ARP, neighbour discovery */
	__be16 service;   /* from or to this port of TCP or UDP */
	__u8 protocol;    /* of IP; 1 is both families' ICMP */
	__u8 zero;
};

#define LOOK_UNSEEN 0xffffffff
#define LOOK_SNAP 512 /* bytes of a frame */
#define FLOW_SNAP 128 /* the same where only flows are looked at */
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
	__u32 port;     /* of this host, that sent it; 0: none */
	__u32 vni;      /* of that port, or of the tunnel that it came in; 0: not known yet */
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

/* The network of the frame: where it came from says it, else where it went. */
static __always_inline __u32 look_vni(const struct seen *seen)
{
	struct port *to;

	/* What hosts tell each other names the network that it is about. */
	if (seen->came.tunnel_id == ANNOUNCEMENT_VNI)
		return seen->captured < ETH_HLEN + sizeof(struct announcement) ?
			       0 :
			       bpf_ntohl(*(__be32 *)&seen->frame[ETH_HLEN + offsetof(struct announcement, vni)]);
	if (seen->vni)
		return seen->vni;
	to = bpf_map_lookup_elem(&devices, &seen->left_by);
	return to ? to->vni : seen->tunnel & ~VNI_MARK;
}

static __always_inline __u32 look_verdict(const struct seen *seen)
{
	bool has_left = seen->left_by && seen->left_by != LOOK_UNSEEN;

	if (seen->reason)
		return has_left ? LOOK_REFUSED : LOOK_DROPPED;
	if (!has_left)
		return LOOK_USED;
	return seen->port && seen->ifindex == seen->left_by ? LOOK_ANSWERED : LOOK_SENT;
}

#endif
