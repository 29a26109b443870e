/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Solicitations and advertisements as the switch itself makes them. */
#ifndef HAVIP_ND_FRAME_H
#define HAVIP_ND_FRAME_H

#include "complain.h"
#include "ipv6.h"

#define ND_HOPS 255 /* of a packet that nobody has routed (RFC 4861 section 7.1) */
#define ND_OPTION_SOURCE_MAC 1
#define ND_OPTION_TARGET_MAC 2


enum nd_flag { ND_ROUTER = 0x80, ND_SOLICITED = 0x40, ND_OVERRIDE = 0x20 };

/* A solicitation or an advertisement, and the option that says a MAC. */
struct nd_message {
	struct icmp6_head icmp; /* `mtu` is the flags, in its first byte */
	__u8 target[16];
	__u8 option;
	__u8 option_words;
	__u8 mac[ETH_ALEN];
};

struct nd_frame {
	__u8 zero[2]; /* aligns what follows Ethernet */
	struct ethhdr ethernet;
	struct ipv6hdr ip;
	struct nd_message nd;
};

#define ND_FRAME_LEN (sizeof(struct nd_frame) - 2)
#define ND_PLAIN_LEN (UPPER_AT + offsetof(struct nd_message, option))

_Static_assert(ND_FRAME_LEN == 86, "as RFC 4861 has it");

/* An address of multicast in Ethernet (RFC 2464 section 7). */
static __always_inline void multicast_mac(const __u8 *group, __u8 *mac)
{
	mac[0] = 0x33;
	mac[1] = 0x33;
	__builtin_memcpy(mac + 2, group + 12, 4);
}

/*
 * Makes the packet the message in `frame`, whose Ethernet header, addresses, type, flags and target are there; the
 * option, if there is one, says its sender's MAC. False if the packet cannot be changed.
 */
static __always_inline bool become_nd(struct __sk_buff *skb, struct nd_frame *frame)
{
	__u32 length = sizeof(frame->nd);

	if (frame->nd.option) {
		frame->nd.option_words = 1;
		__builtin_memcpy(frame->nd.mac, frame->ethernet.h_source, ETH_ALEN);
	} else {
		length = offsetof(struct nd_message, option);
	}
	frame->ethernet.h_proto = bpf_htons(ETH_P_IPV6);
	frame->ip.version = 6;
	frame->ip.payload_len = bpf_htons(length);
	frame->ip.nexthdr = IPPROTO_ICMPV6;
	frame->ip.hop_limit = ND_HOPS;
	frame->nd.icmp.checksum = ~folded(icmp6_sum(&frame->ip, &frame->nd, sizeof(frame->nd), length));
	/* The device's sum of all bytes begins behind Ethernet. */
	return !bpf_skb_change_tail(skb, UPPER_AT + length, 0) &&
	       !bpf_skb_store_bytes(skb, 0, &frame->ethernet, sizeof(frame->ethernet), 0) &&
	       !bpf_skb_store_bytes(skb, IP6_AT, &frame->ip, sizeof(frame->ip) + length,
				    BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH);
}

#endif
