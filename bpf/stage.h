/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Programs that the hooks jump to: each has a stack of its own, and is verified by itself.
 *
 * What they must know travels in skb->cb. If a jump fails the hook goes on behind it, and drops.
 */
#ifndef HAVIP_STAGE_H
#define HAVIP_STAGE_H

#include "count.h"

enum stage {
	STAGE_REFUSE, /* tell a port by ICMP why its packet goes no further: icmp.h */
	STAGE_LEAVE,  /* out of a VPC, on the edge: edge.h */
	STAGE_ENTER,  /* into a VPC, from outside or back from the edge: enter.h */
	STAGE_PORT6,   /* IPv6 of a port: port6_rx.c */
	STAGE_ND,      /* neighbour discovery of a port: nd.h */
	STAGE_REFUSE6, /* tell a port by ICMPv6 why its packet goes no further: icmp6.h */
	STAGE_HOST6,   /* IPv6 of another host: overlay6_rx.c */
	STAGE_ADVERT6, /* a port's VRRP in IPv6: advert6_rx.c */
	STAGE_ADVERT6_FROM_HOST, /* another host's: the same */
	STAGE_SEGMENT_OUT,  /* from a port of an external subnet to the outside: segment.h */
	STAGE_SEGMENT_HOST, /* the same from another host, or from the edge to a port of this host */
	STAGE_SEGMENT_ARP,  /* ARP from outside: segment_rx.c */
	STAGE_SEGMENT_IP,   /* IPv4 from outside: the same */
	STAGE_SHOW,         /* tell the outside who has an address: show.h */
	STAGE_LEAVE6,       /* IPv6 out of a VPC, on the edge: edge6.h */
	STAGE_ENTER6,       /* IPv6 into a VPC, from outside or back from the edge: enter6.h */
	STAGE_OUTSIDE6,     /* IPv6 from outside: edge6_rx.c */
	STAGE_SEGMENT_OUT6,  /* IPv6 from a port of an external subnet to the outside: segment6.h */
	STAGE_SEGMENT_HOST6, /* the same from another host, or from the edge to a port of this host */
	STAGE_SEGMENT_IP6,   /* IPv6 from outside for an external subnet: segment6_rx.c */
	STAGE_SEGMENT_ND,    /* neighbour discovery from there: the same */
	STAGES,
};

int refuse_stage(struct __sk_buff *skb);
int leave_stage(struct __sk_buff *skb);
int enter_stage(struct __sk_buff *skb);
int port6_stage(struct __sk_buff *skb);
int nd_stage(struct __sk_buff *skb);
int refuse6_stage(struct __sk_buff *skb);
int host6_stage(struct __sk_buff *skb);
int advert6_stage(struct __sk_buff *skb);
int advert6_from_host_stage(struct __sk_buff *skb);
int segment_out_stage(struct __sk_buff *skb);
int segment_host_stage(struct __sk_buff *skb);
int segment_arp_stage(struct __sk_buff *skb);
int segment_ip_stage(struct __sk_buff *skb);
int show_stage(struct __sk_buff *skb);
int leave6_stage(struct __sk_buff *skb);
int enter6_stage(struct __sk_buff *skb);
int outside6_stage(struct __sk_buff *skb);
int segment_out6_stage(struct __sk_buff *skb);
int segment_host6_stage(struct __sk_buff *skb);
int segment_ip6_stage(struct __sk_buff *skb);
int segment_nd_stage(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STAGES);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} stages SEC(".maps") = {
	.values = {
		[STAGE_REFUSE] = (void *)&refuse_stage,
		[STAGE_LEAVE] = (void *)&leave_stage,
		[STAGE_ENTER] = (void *)&enter_stage,
		[STAGE_PORT6] = (void *)&port6_stage,
		[STAGE_ND] = (void *)&nd_stage,
		[STAGE_REFUSE6] = (void *)&refuse6_stage,
		[STAGE_HOST6] = (void *)&host6_stage,
		[STAGE_ADVERT6] = (void *)&advert6_stage,
		[STAGE_ADVERT6_FROM_HOST] = (void *)&advert6_from_host_stage,
		[STAGE_SEGMENT_OUT] = (void *)&segment_out_stage,
		[STAGE_SEGMENT_HOST] = (void *)&segment_host_stage,
		[STAGE_SEGMENT_ARP] = (void *)&segment_arp_stage,
		[STAGE_SEGMENT_IP] = (void *)&segment_ip_stage,
		[STAGE_SHOW] = (void *)&show_stage,
		[STAGE_LEAVE6] = (void *)&leave6_stage,
		[STAGE_ENTER6] = (void *)&enter6_stage,
		[STAGE_OUTSIDE6] = (void *)&outside6_stage,
		[STAGE_SEGMENT_OUT6] = (void *)&segment_out6_stage,
		[STAGE_SEGMENT_HOST6] = (void *)&segment_host6_stage,
		[STAGE_SEGMENT_IP6] = (void *)&segment_ip6_stage,
		[STAGE_SEGMENT_ND] = (void *)&segment_nd_stage,
	},
};

/*
 * Jumps; comes back only if that failed, with the verdict given.
 *
 * The compiler does not know that a jump returns for us: where every path behind one gave the same verdict it
 * would let the caller assume that one, whatever the stage decides.
 */
static __always_inline int jump(struct __sk_buff *skb, enum stage stage, int verdict)
{
	bpf_tail_call(skb, &stages, stage);
	asm volatile("" : "+r"(verdict));
	return verdict;
}

#endif
