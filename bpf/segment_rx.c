// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What comes in from outside for a segment: the active edge answers ARP with the MAC of whoever has the address, and
 * brings what is sent there to it.
 *
 * The device belongs to the host: what is for nobody of the segment goes on to the host's own stack, with its tag.
 */
#include "dhcp.h"
#include "show.h"

/* The MAC is that of an interface of the segment, or the one that a VIP's holder uses. */
static __always_inline bool is_inside(__u32 subnet, const struct address_key *key, const struct address *of,
				      const __u8 *mac)
{
	__u8 shown[ETH_ALEN] = {};

	if (inside_mac(subnet, mac))
		return true;
	return of && of->kind == ADDRESS_VIP && shown_mac(key, of, shown) && same_mac(shown, mac);
}

/* Another edge has announced the address: it has been probed for. */
static __always_inline void note_shown(const struct address_key *key, const struct address *of)
{
	struct outsider *known = bpf_map_lookup_elem(&outsiders, key), fresh = {};

	fresh.whose = whose_is(of);
	fresh.probed_at = 1;
	if (!known || known->whose != fresh.whose)
		bpf_map_update_elem(&outsiders, key, &fresh, BPF_ANY);
}

/* Somebody outside says that an address of the segment is its own. */
static __always_inline void note_foreign_owner(const struct address_key *key, const struct address *of,
					       const __u8 *mac)
{
	struct outsider fresh = { .whose = whose_is(of), .heard_at = bpf_ktime_get_boot_ns() };

	__builtin_memcpy(fresh.mac, mac, ETH_ALEN);
	bpf_map_update_elem(&outsiders, key, &fresh, BPF_ANY);
}

/* Who asks for an address of the segment is told the MAC of whoever has it. */
static __always_inline int answer_outside(struct __sk_buff *skb, const struct settings *own,
					  const struct segment *segment, const struct address_key *key,
					  const struct address *of)
{
	__be32 asked = last_word(key->address);
	struct arp_frame *frame;
	__u8 mac[ETH_ALEN] = {};

	if (!shown_mac(key, of, mac))
		return drop(skb, 0, of->kind == ADDRESS_VIP ? REASON_NO_HOLDER : REASON_TARGET_NOWHERE, asked);
	switch (may_show(key, whose_is(of))) {
	case SHOWING_NOTHING:
		return drop(skb, 0, REASON_FOREIGN_OWNER, asked);
	case SHOWING_PROBE:
		/* Whoever asks will ask again; by then it is known whether somebody outside has the address. */
		if (skb->vlan_present)
			bpf_skb_vlan_pop(skb);
		look_left(0); /* it is used up, and so no longer the host's own */
		send_showing(skb, own, segment, SHOWING_PROBE, mac, key);
		return TC_ACT_SHOT;
	case SHOWING_ADDRESS:
		break;
	}
	frame = arp_frame(skb);
	if (!frame)
		return drop(skb, 0, REASON_TRUNCATED, asked);
	__builtin_memcpy(frame->ethernet.h_dest, frame->arp.sender_mac, ETH_ALEN);
	__builtin_memcpy(frame->ethernet.h_source, mac, ETH_ALEN);
	__builtin_memcpy(frame->arp.target_mac, frame->arp.sender_mac, ETH_ALEN);
	__builtin_memcpy(frame->arp.sender_mac, mac, ETH_ALEN);
	frame->arp.target = frame->arp.sender;
	frame->arp.sender = asked;
	frame->arp.operation = bpf_htons(2);
	count(COUNT_SEGMENT_ARP_ANSWERED);
	return send_back(skb); /* under the tag that it came with, which the device keeps beside the frame */
}

/* The answer to a question of a port: to the host of whoever has the address that asked. */
static __always_inline int bring_answer(struct __sk_buff *skb, const struct settings *own,
					const struct segment *segment, __u32 subnet, __be32 asker)
{
	struct way way = { .key = vip_key(segment->vni, asker) };
	__u32 reason = find_address(&way);

	if (reason || way.target->subnet != subnet)
		return TO_THE_HOST;
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return drop(skb, 0, REASON_UNCHANGEABLE, asker);
	count(COUNT_SEGMENT_IN);
	if (way.host == own->host)
		return into_segment(skb, own, segment, subnet);
	return to_host(skb, own, TUNNEL_SEGMENT | VNI_MARK | subnet, way.host, 0, asker);
}

SEC("tc")
int segment_arp_stage(struct __sk_buff *skb)
{
	__u32 subnet = skb->cb[SEGMENT_SUBNET];
	struct segment *segment = bpf_map_lookup_elem(&segments, &subnet);
	const struct settings *own = the_settings();
	struct address_key sender, target;
	struct arp_frame *frame;
	__u8 from[ETH_ALEN];
	struct address *of;
	__be32 who, asked;
	bool is_active;

	if (!own || !segment || !pull(skb, sizeof(*frame)))
		return TO_THE_HOST;
	frame = arp_frame(skb);
	if (!frame || frame->arp.hardware != bpf_htons(1) || frame->arp.protocol != bpf_htons(ETH_P_IP) ||
	    frame->arp.hardware_len != ETH_ALEN || frame->arp.protocol_len != 4)
		return TO_THE_HOST;
	who = frame->arp.sender;
	asked = frame->arp.target;
	__builtin_memcpy(from, frame->arp.sender_mac, ETH_ALEN);
	is_active = edge_of(segment) == own->host;
	sender = vip_key(segment->vni, who);
	of = who ? bpf_map_lookup_elem(&addresses, &sender) : NULL;
	if (of && of->subnet != subnet)
		of = NULL;
	if (is_inside(subnet, &sender, of, from)) {
		/* Another edge speaks; none does while this one is active, so somebody outside takes a guest's MAC. */
		if (is_active)
			return drop(skb, 0, REASON_OUTSIDE_MAC, who);
		if (of && who == asked)
			note_shown(&sender, of);
		return TO_THE_HOST;
	}
	if (!is_active)
		return TO_THE_HOST;
	if (of) {
		note_foreign_owner(&sender, of, from);
		return drop(skb, 0, REASON_FOREIGN_OWNER, who);
	}
	target = vip_key(segment->vni, asked);
	of = bpf_map_lookup_elem(&addresses, &target);
	if (!of || of->subnet != subnet || (of->kind != ADDRESS_INTERFACE && of->kind != ADDRESS_VIP))
		return TO_THE_HOST;
	if (frame->arp.operation == bpf_htons(1))
		return answer_outside(skb, own, segment, &target, of);
	if (frame->arp.operation == bpf_htons(2) && !(frame->ethernet.h_dest[0] & 1))
		return bring_answer(skb, own, segment, subnet, asked);
	return TO_THE_HOST;
}

/* To a port that routes, by its MAC, which no address says: the destination is nobody's of the segment. */
static __always_inline int bring_to_router(struct __sk_buff *skb, const struct settings *own,
					   const struct segment *segment, __u32 subnet, const struct mac_value *value,
					   struct ip16 *destination)
{
	struct address_key key = { .vni = segment->vni };
	struct address *of = NULL;

	if (value) {
		__builtin_memcpy(key.address, value->address, 16);
		of = bpf_map_lookup_elem(&addresses, &key);
	}
	if (!of || of->kind != ADDRESS_INTERFACE || (of->flags & ADDRESS_CHECKED))
		return drop_about(skb, REASON_EDGE_OTHER, 0, destination);
	if (!of->host)
		return drop_about(skb, REASON_TARGET_NOWHERE, 0, destination);
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return drop_about(skb, REASON_UNCHANGEABLE, 0, destination);
	count(COUNT_SEGMENT_IN);
	if (of->host == own->host)
		return into_router(skb, subnet);
	return to_host(skb, own, TUNNEL_SEGMENT | VNI_MARK | subnet, of->host, 0, 0);
}

/* Drops what cannot come in; its sender learns why from the address that it is for, under the tag that it came with. */
static __always_inline int refuse_incoming(struct __sk_buff *skb, const struct arrival *coming, __u32 reason,
					   __u32 mtu)
{
	int verdict = drop(skb, 0, reason, coming->destination);
	struct complaint what = { .mtu = mtu, .kind = complaint_about(reason), .source = coming->destination };

	what.port = what.kind;
	return what.kind && complain(skb, &what) ? send_back(skb) : verdict;
}

SEC("tc")
int segment_ip_stage(struct __sk_buff *skb)
{
	__u32 subnet = skb->cb[SEGMENT_SUBNET], reason, mtu;
	struct segment *segment = bpf_map_lookup_elem(&segments, &subnet);
	const struct settings *own = the_settings();
	struct arrival coming = {};
	struct parcel parcel = {};
	struct mac_value *router;
	struct address_key key;
	struct address *of;
	struct way way = {};
	struct ip16 about;
	struct iphdr *ip;

	if (!own || !segment || !pull(skb, ETH_HLEN + sizeof(*ip)))
		return TO_THE_HOST;
	ip = ip_header(skb);
	if (!ip || (ETHERNET(ip)->h_dest[0] & 1) || same_mac(ETHERNET(ip)->h_dest, own->edge_mac))
		return TO_THE_HOST;
	coming.source = ip->saddr;
	coming.destination = ip->daddr;
	way.key = vip_key(segment->vni, coming.destination);
	of = bpf_map_lookup_elem(&addresses, &way.key);
	if (of && (of->subnet != subnet || (of->kind != ADDRESS_INTERFACE && of->kind != ADDRESS_VIP)))
		of = NULL;
	router = inside_mac(subnet, ETHERNET(ip)->h_dest);
	if (!router && !is_inside(subnet, &way.key, of, ETHERNET(ip)->h_dest))
		return TO_THE_HOST;
	if (edge_of(segment) != own->host)
		return drop(skb, 0, REASON_EDGE_INACTIVE, coming.destination);
	if (!is_whole_ip(skb, ip))
		return drop(skb, 0, REASON_IP_MALFORMED, coming.destination);
	if (!is_unicast(coming.source))
		return drop(skb, 0, REASON_SOURCE_ODD, coming.source);
	if (inside_mac(subnet, ETHERNET(ip)->h_source))
		return drop(skb, 0, REASON_OUTSIDE_MAC, coming.source);
	/* Nobody outside has an address of the VPC: the guest would take it for a neighbour. */
	key = vip_key(segment->vni, coming.source);
	if (bpf_map_lookup_elem(&addresses, &key))
		return drop(skb, 0, REASON_OUTSIDE_SOURCE, coming.source);
	if (begins_udp(ip) && is_for_client(skb, ETH_HLEN + ip->ihl * 4, DHCP_CLIENT_PORT))
		return drop(skb, 0, REASON_DHCP_SERVER, coming.source);
	if (!of) {
		about = mapped(coming.destination);
		return bring_to_router(skb, own, segment, subnet, router, &about);
	}

	reason = find_address(&way);
	if (reason || !way.target)
		return refuse_incoming(skb, &coming, reason, 0);
	mtu = exceeded_mtu(skb, own, &way);
	if (mtu)
		return refuse_incoming(skb, &coming, REASON_TOO_BIG, mtu);
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return drop(skb, 0, REASON_UNCHANGEABLE, coming.destination);
	if (!clamp(skb, own))
		return drop(skb, 0, REASON_UNCHANGEABLE, coming.destination);
	count(COUNT_SEGMENT_IN);
	if (way.host != own->host)
		return to_host(skb, own, segment->vni, way.host, 0, coming.destination);
	if (!pull(skb, ETH_HLEN + sizeof(*ip)))
		return drop(skb, 0, REASON_TRUNCATED, coming.destination);
	ip = ip_header(skb);
	if (!ip)
		return drop(skb, 0, REASON_TRUNCATED, coming.destination);
	parcel.source = coming.source;
	parcel.destination = coming.destination;
	parcel.is_advert = is_advert(skb, ip);
	return deliver(skb, &way, &parcel);
}
