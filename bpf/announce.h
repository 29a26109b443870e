/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Announcements: a packet at hand is made into one, and sent to one host or to all of a VPC. */
#ifndef HAVIP_ANNOUNCE_H
#define HAVIP_ANNOUNCE_H

#include "record.h"
#include "seal.h"

/* The most that is left of a guest's packet behind an announcement: a TCP checksum behind any IPv4 header. */
#define LEFTOVER_MAX (60 + 18)

/*
 * Writes an announcement about this record over the packet's first bytes, in place, to spare the stack, and seals it
 * once for all its copies. No VIP and no record make an echo.
 */
static __always_inline bool write_announcement(struct __sk_buff *skb, __u8 kind, __u32 from_host,
					       const struct address_key *key, const struct record *record,
					       __u64 nonce)
{
	struct announcement_frame *frame;
	struct announcement *body;

	if (bpf_skb_pull_data(skb, sizeof(*frame)))
		return false;
	frame = (void *)(long)skb->data;
	if ((void *)(frame + 1) > (void *)(long)skb->data_end)
		return false;
	__builtin_memset(frame, 0, sizeof(*frame));
	__builtin_memset(frame->ethernet.h_dest, 0xff, ETH_ALEN);
	frame->ethernet.h_source[0] = 0x02;
	frame->ethernet.h_source[1] = 0x68;
	frame->ethernet.h_source[2] = 0x76;
	frame->ethernet.h_proto = bpf_htons(ANNOUNCEMENT_ETHERTYPE);
	body = &frame->body;
	body->magic = bpf_htons(ANNOUNCEMENT_MAGIC);
	body->version = ANNOUNCEMENT_VERSION;
	body->length = sizeof(*body);
	body->kind = kind;
	body->from_host = bpf_htonl(from_host);
	body->nonce = bpf_cpu_to_be64(nonce);
	if (!key || !record)
		return seal(skb);
	body->vni = bpf_htonl(key->vni);
	__builtin_memcpy(body->address, key->address, 16);
	if (is_released(record->holder))
		body->flags = bpf_htons(kind == ANNOUNCE && record->port_down ?
						ANNOUNCEMENT_RELEASED | ANNOUNCEMENT_PORT_DOWN :
						ANNOUNCEMENT_RELEASED);
	body->incarnation = bpf_cpu_to_be64(record->incarnation);
	body->epoch = bpf_cpu_to_be64(record->epoch);
	body->host = bpf_htonl(holder_host(record->holder));
	body->port = bpf_htonl(holder_port(record->holder));
	mac_of_word(record->mac, body->mac);
	body->moves = bpf_htonl(record->moves);
	return seal(skb);
}

/* Makes the packet, one of ours or a guest's ARP, an announcement; what it was is lost. */
static __always_inline bool become_announcement(struct __sk_buff *skb, __u8 kind, __u32 from_host,
						const struct address_key *key, const struct record *record,
						__u64 nonce)
{
	return !bpf_skb_change_tail(skb, sizeof(struct announcement_frame), 0) &&
	       write_announcement(skb, kind, from_host, key, record, nonce);
}

/* Counts a hop, so that no relay passes the announcement on (C4). */
static __always_inline bool may_not_be_relayed(struct __sk_buff *skb)
{
	static const __u8 hops = 1; /* not on the stack, of which tell_host's callers have none left */

	return !bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct announcement, hops), &hops, sizeof(hops), 0);
}

/*
 * The same of any IPv4 packet. A device may still fill a TCP or UDP checksum in where it was (CHECKSUM_PARTIAL), so
 * what is left of the packet goes behind the announcement, as a tail that its reader ignores.
 */
static __always_inline bool replace_by_announcement(struct __sk_buff *skb, __u8 kind, __u32 from_host,
						    const struct address_key *key, const struct record *record)
{
	__u32 length = skb->len;

	if (length > ETH_HLEN + LEFTOVER_MAX)
		length = ETH_HLEN + LEFTOVER_MAX;
	return !bpf_skb_change_tail(skb, length, 0) &&
	       !bpf_skb_adjust_room(skb, sizeof(struct announcement), BPF_ADJ_ROOM_MAC, 0) &&
	       write_announcement(skb, kind, from_host, key, record, 0) && may_not_be_relayed(skb);
}

/* Addresses the packet to another host's underlay address. */
static __always_inline bool aim(struct __sk_buff *skb, __u32 tunnel_id, __be32 underlay)
{
	struct bpf_tunnel_key key = {};

	key.tunnel_id = tunnel_id;
	key.remote_ipv4 = bpf_ntohl(underlay);
	key.tunnel_ttl = 64;
	look_aimed(underlay, tunnel_id);
	return !bpf_skb_set_tunnel_key(skb, &key, TUNNEL_KEY_SIZE, BPF_F_ZERO_CSUM_TX);
}

/* The same by the host's number. */
static __always_inline bool aim_at_host(struct __sk_buff *skb, __u32 tunnel_id, __u32 number)
{
	struct host *host = bpf_map_lookup_elem(&hosts, &number);

	return host && aim(skb, tunnel_id, last_word(host->underlay));
}

/* Sends a copy of the packet to one host; 1 if it left. A global function, so that the loop over hosts stays cheap. */
__noinline int send_copy(struct __sk_buff *skb, __u32 host, __u32 tunnel_id)
{
	const struct settings *own = the_settings();

	if (!own || !own->overlay_ifindex || host == own->host)
		return 0;
	if (aim_at_host(skb, tunnel_id, host) && !bpf_clone_redirect(skb, own->overlay_ifindex, 0))
		return 1;
	count(COUNT_ANNOUNCE_FAILED);
	return 0;
}

/*
 * Sends copies of the packet to the VPC's other hosts, or to relays of theirs, under this tunnel id. Returns how many.
 * At most 64: 1.9 µs each, within the guest's own send.
 */
__noinline int send_to_members(struct __sk_buff *skb, __u32 vni, __u32 tunnel_id)
{
	struct members *list = bpf_map_lookup_elem(&members, &vni);
	int sent = 0;
	__u32 i;

	if (!list)
		return 0;
	for (i = 0; i < MEMBERS_MAX; i++) {
		if (i >= list->count)
			break;
		sent += send_copy(skb, list->hosts[i], tunnel_id);
	}
	return sent;
}

/* Sends copies of what this host is a relay for to its part of the VPC's hosts, but its maker. Returns how many. */
__noinline int send_to_relayed(struct __sk_buff *skb, __u32 vni, __u32 tunnel_id, __u32 maker)
{
	struct members *list = bpf_map_lookup_elem(&relayed, &vni);
	int sent = 0;
	__u32 i;

	if (!list)
		return 0;
	for (i = 0; i < MEMBERS_MAX; i++) {
		if (i >= list->count)
			break;
		if (list->hosts[i] != maker)
			sent += send_copy(skb, list->hosts[i], tunnel_id);
	}
	if (sent)
		count_many(COUNT_RELAYED, sent);
	return sent;
}

/* Passes another host's announcement on, as its relay. */
__noinline int relay(struct __sk_buff *skb, __u32 vni, __u32 maker)
{
	if (!bpf_map_lookup_elem(&relayed, &vni) || !may_not_be_relayed(skb))
		return 0;
	return send_to_relayed(skb, vni, ANNOUNCEMENT_VNI, maker);
}

/* Makes the packet an announcement of this record and sends it to the VPC's other hosts. */
__noinline int announce(struct __sk_buff *skb, struct address_key *key, struct record *record, __u32 kind)
{
	const struct settings *own = the_settings();
	int sent;

	if (!key || !record || !own || !become_announcement(skb, kind, own->host, key, record, 0))
		return 0;
	sent = send_to_members(skb, key->vni, ANNOUNCEMENT_VNI);
	if (sent)
		count_many(COUNT_ANNOUNCED, sent);
	return sent;
}

/* Makes the packet a message about this record and sends it to one host, and no further; true if it left. */
__noinline int tell_host(struct __sk_buff *skb, struct address_key *key, struct record *record, __u32 kind,
			 __u32 host)
{
	const struct settings *own = the_settings();

	if (!key || !record || !own || !own->overlay_ifindex)
		return 0;
	return become_announcement(skb, kind, own->host, key, record, 0) &&
	       (kind != ANNOUNCE || may_not_be_relayed(skb)) && aim_at_host(skb, ANNOUNCEMENT_VNI, host) &&
	       !bpf_clone_redirect(skb, own->overlay_ifindex, 0);
}

#endif
