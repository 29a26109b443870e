/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Frames as the hooks see them, and addresses as the maps hold them. */
#ifndef HAVIP_PARSE_H
#define HAVIP_PARSE_H

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stddef.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include "state.h"

#define READ_ONCE(x) (*(volatile typeof(x) *)&(x))

/*
 * What a function that judged a packet says instead of a verdict: the hook goes on itself. A program has 512 bytes
 * of stack for all functions under way, so what is deep is called from the top.
 */
enum going_on {
	ARP_ANNOUNCEMENT = 0x10000,
	ARP_ANSWER,
	ND_ANNOUNCEMENT,
	ND_ANSWER,
	ND_MESSAGE,
	IS_ADVERT,     /* of IPv6 */
	IS_PING,       /* the same */
	IS_ERROR,      /* the same: of ICMP */
	COPIED_ADVERT, /* a port was given it, from a sender that is to be remembered */
	DELIVERS,      /* the way leads to a port of this host */
	ADVERT_TO_ALL, /* a multicast advert */
	LEAVES,        /* for the outside, whose sender has an EIP */
	RELAYS,        /* an announcement that relays may pass on */
	PASSES_ON,     /* for a VIP that another host holds (C8) */
	OUTWARDS,      /* for the outside of an external subnet, at layer 2 */
	SHOWS,         /* a claim or a record of another host, that the outside may have to hear of */
	REFUSED = 1 << 30, /* + the reason + the MTU that fits << 8: the sender is told by ICMP */
};

/* Words of skb->cb for STAGE_SHOW, with the verdict SHOWS: the address has four of them. */
enum show_word { SHOW_VNI, SHOW_ADDRESS };

/* What every kernel since 5.15 takes; later fields are for tunnels with a chosen local address. */
#define TUNNEL_KEY_SIZE offsetof(struct bpf_tunnel_key, local_ipv4)

#define IPPROTO_VRRP 112
#define VRRP_GROUP bpf_htonl(0xe0000012) /* 224.0.0.18 */

struct arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender;
	__u8 target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));

struct arp_frame {
	struct ethhdr ethernet;
	struct arp arp;
} __attribute__((packed));

struct ip_frame {
	struct ethhdr ethernet;
	struct iphdr ip;
} __attribute__((packed));

/* The Ethernet header before an IP header. */
#define ETHERNET(ip) ((struct ethhdr *)(ip) - 1)

/* An IPv4 address as every key holds it. */
static __always_inline struct ip16 mapped(__be32 address)
{
	struct ip16 full = {};

	full.address[10] = 0xff;
	full.address[11] = 0xff;
	__builtin_memcpy(&full.address[12], &address, 4);
	return full;
}

static __always_inline struct address_key vip_key(__u32 vni, __be32 address)
{
	struct ip16 full = mapped(address);
	struct address_key key = { .vni = vni };

	__builtin_memcpy(key.address, full.address, 16);
	return key;
}

static __always_inline struct address_port_key with_port(const struct address_key *key, __u32 port)
{
	struct address_port_key both = { .vni = key->vni, .port = port };

	__builtin_memcpy(both.address, key->address, 16);
	return both;
}

/* Notes for STAGE_SHOW what it is about. */
static __always_inline void note_for_show(struct __sk_buff *skb, const struct address_key *key)
{
	const __be32 *words = (const void *)key->address;

	skb->cb[SHOW_VNI] = key->vni;
	skb->cb[SHOW_ADDRESS] = words[0];
	skb->cb[SHOW_ADDRESS + 1] = words[1];
	skb->cb[SHOW_ADDRESS + 2] = words[2];
	skb->cb[SHOW_ADDRESS + 3] = words[3];
}

/* The subnet is a segment of a provider's network: segment.h. */
static __always_inline bool is_external(__u32 subnet)
{
	return subnet & SUBNET_EXTERNAL;
}

/* The 16 bytes are an IPv4 address. */
static __always_inline bool is_mapped(const __u8 *address)
{
	const __be32 *words = (const void *)address;

	return !(words[0] | words[1]) && words[2] == bpf_htonl(0xffff);
}

/* The IPv4 address in a 16-byte one; they lie at multiples of 4 in every struct. */
static __always_inline __be32 last_word(const __u8 *address)
{
	return *(const __be32 *)(address + 12);
}

/* The same for a report, which has no room for IPv6 everywhere; 0: not IPv4. */
static __always_inline __be32 shown(const __u8 *address)
{
	return is_mapped(address) ? last_word(address) : 0;
}

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
	return *(__u16 *)a == *(__u16 *)b && *(__u16 *)(a + 2) == *(__u16 *)(b + 2) &&
	       *(__u16 *)(a + 4) == *(__u16 *)(b + 4);
}

/* 00:00:5e:00:01:VRID or 00:00:5e:00:02:VRID. */
static __always_inline bool is_vrrp_mac(const __u8 *mac)
{
	return mac[0] == 0 && mac[1] == 0 && mac[2] == 0x5e && mac[3] == 0 && (mac[4] == 1 || mac[4] == 2);
}

/*
 * ucarp sends its adverts, and nothing else, from 00:00:5e:00:00:VHID, to a group or to all.
 * The sender's address is checked like any packet's.
 */
static __always_inline bool is_ucarp_advert(struct __sk_buff *skb, const struct ethhdr *ethernet)
{
	const __u8 *mac = ethernet->h_source;
	__u8 protocol = 0;

	if (mac[0] || mac[1] || mac[2] != 0x5e || mac[3] || mac[4] || !(ethernet->h_dest[0] & 1) ||
	    ethernet->h_proto != bpf_htons(ETH_P_IP))
		return false;
	return !bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol, 1) &&
	       protocol == IPPROTO_VRRP;
}

/* A MAC as struct record keeps it: the port's low 16 bits above it say whose it is. */
static __always_inline __u64 mac_word(const __u8 *mac, __u32 port)
{
	return (__u64)(port & 0xffff) << 48 | (__u64)mac[0] << 40 | (__u64)mac[1] << 32 | (__u64)mac[2] << 24 |
	       (__u64)mac[3] << 16 | (__u64)mac[4] << 8 | mac[5];
}

static __always_inline void mac_of_word(__u64 word, __u8 *mac)
{
	mac[0] = word >> 40;
	mac[1] = word >> 32;
	mac[2] = word >> 24;
	mac[3] = word >> 16;
	mac[4] = word >> 8;
	mac[5] = word;
}

/* Makes the first `length` bytes of the frame readable in place. */
static __always_inline bool pull(struct __sk_buff *skb, __u32 length)
{
	if ((void *)(long)skb->data + length <= (void *)(long)skb->data_end)
		return true;
	return skb->len >= length && !bpf_skb_pull_data(skb, length);
}

static __always_inline struct ip_frame *ip_frame(struct __sk_buff *skb)
{
	struct ip_frame *frame = (void *)(long)skb->data;

	return (void *)(frame + 1) <= (void *)(long)skb->data_end ? frame : NULL;
}

/* The IPv4 header, if it is readable in place: its aligned words are read whole. */
static __always_inline struct iphdr *ip_header(struct __sk_buff *skb)
{
	struct ethhdr *ethernet = (void *)(long)skb->data;
	struct iphdr *ip = (void *)(ethernet + 1);

	return (void *)(ip + 1) <= (void *)(long)skb->data_end ? ip : NULL;
}

/* It is what it says, and all of it is in the frame. */
static __always_inline bool is_whole_ip(const struct __sk_buff *skb, const struct iphdr *ip)
{
	__u32 length = bpf_ntohs(ip->tot_len);

	return ip->version == 4 && ip->ihl >= 5 && length >= ip->ihl * 4 && length <= skb->len - ETH_HLEN;
}

static __always_inline struct arp_frame *arp_frame(struct __sk_buff *skb)
{
	struct arp_frame *frame = (void *)(long)skb->data;

	return (void *)(frame + 1) <= (void *)(long)skb->data_end ? frame : NULL;
}

#endif
