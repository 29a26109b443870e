// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * What comes in by an edge's outside device.
 *
 * The device belongs to the host: whatever is for no EIP and no external subnet goes on to the host's own stack.
 */
#include "dhcp.h"
#include "segment.h"

/* Who asks for an EIP is told the edge device's MAC, by the active edge only. */
static __always_inline int arp_from_outside(struct __sk_buff *skb, const struct settings *own)
{
	struct arp_frame *frame;
	struct ip16 target;
	struct eip *eip;
	__be32 asked;

	if (!pull(skb, sizeof(*frame)))
		return TO_THE_HOST;
	frame = arp_frame(skb);
	if (!frame || frame->arp.hardware != bpf_htons(1) || frame->arp.protocol != bpf_htons(ETH_P_IP) ||
	    frame->arp.hardware_len != ETH_ALEN || frame->arp.protocol_len != 4 ||
	    frame->arp.operation != bpf_htons(1))
		return TO_THE_HOST;
	asked = frame->arp.target;
	/* An announcement, of the EIP by another edge as a rule, asks nothing. */
	if (frame->arp.sender == asked)
		return TO_THE_HOST;
	target = mapped(asked);
	eip = bpf_map_lookup_elem(&eips, &target);
	if (!eip)
		return TO_THE_HOST;
	if (active_edge(eip->vni, target.address) != own->host)
		return drop(skb, 0, REASON_EDGE_INACTIVE, asked);

	__builtin_memcpy(frame->ethernet.h_dest, frame->arp.sender_mac, ETH_ALEN);
	__builtin_memcpy(frame->ethernet.h_source, own->edge_mac, ETH_ALEN);
	__builtin_memcpy(frame->arp.target_mac, frame->arp.sender_mac, ETH_ALEN);
	__builtin_memcpy(frame->arp.sender_mac, own->edge_mac, ETH_ALEN);
	frame->arp.target = frame->arp.sender;
	frame->arp.sender = asked;
	frame->arp.operation = bpf_htons(2);
	count(COUNT_EDGE_ARP_ANSWERED);
	return send_back(skb);
}

static __always_inline int ip_from_outside(struct __sk_buff *skb, const struct settings *own)
{
	struct arrival coming = { .from_outside = true };
	struct address_key source;
	struct iphdr *ip;
	struct ip16 key;
	struct eip *eip;

	if (!pull(skb, ETH_HLEN + sizeof(*ip)))
		return TO_THE_HOST;
	ip = ip_header(skb);
	if (!ip || !same_mac(ETHERNET(ip)->h_dest, own->edge_mac))
		return TO_THE_HOST;
	key = mapped(ip->daddr);
	eip = bpf_map_lookup_elem(&eips, &key);
	if (!eip)
		return TO_THE_HOST;
	coming.vni = eip->vni;
	coming.source = ip->saddr;
	coming.destination = ip->daddr;
	coming.target = last_word(eip->target);
	if (!is_whole_ip(skb, ip))
		return drop(skb, 0, REASON_IP_MALFORMED, coming.destination);
	if (!is_unicast(coming.source))
		return drop(skb, 0, REASON_SOURCE_ODD, coming.source);
	/* Nobody outside has an address of the VPC: the guest would take it for a neighbour. */
	source = vip_key(eip->vni, coming.source);
	if (bpf_map_lookup_elem(&addresses, &source))
		return drop(skb, 0, REASON_OUTSIDE_SOURCE, coming.source);
	if (begins_udp(ip) && is_for_client(skb, ETH_HLEN + ip->ihl * 4, DHCP_CLIENT_PORT))
		return drop(skb, 0, REASON_DHCP_SERVER, coming.source);
	return enter_vpc(skb, &coming);
}

/* Of an external subnet, perhaps: its tag says of which, if it has one. The others are other networks'. */
static __always_inline int of_a_segment(struct __sk_buff *skb)
{
	__u32 vlan = skb->vlan_present ? skb->vlan_tci & 0x0fff : 0, *subnet;

	if (skb->vlan_present && (skb->vlan_proto != bpf_htons(ETH_P_8021Q) || !vlan))
		return TO_THE_HOST;
	subnet = bpf_map_lookup_elem(&vlans, &vlan);
	if (!subnet)
		return TO_THE_HOST;
	skb->cb[SEGMENT_SUBNET] = *subnet;
	switch (skb->protocol) {
	case bpf_htons(ETH_P_IP):
		return jump(skb, STAGE_SEGMENT_IP, TO_THE_HOST);
	case bpf_htons(ETH_P_ARP):
		return jump(skb, STAGE_SEGMENT_ARP, TO_THE_HOST);
	case bpf_htons(ETH_P_IPV6):
		return jump(skb, STAGE_SEGMENT_IP6, TO_THE_HOST);
	}
	return TO_THE_HOST;
}

SEC("tc")
int edge_rx(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	int verdict = TO_THE_HOST;

	if (!own || skb->ifindex != own->edge_ifindex)
		return TO_THE_HOST;
	look_begin(skb);
	look_left(LOOK_UNSEEN); /* unless it is for an EIP or a segment, it is the host's own */
	if (!skb->vlan_present && skb->protocol == bpf_htons(ETH_P_IP))
		verdict = ip_from_outside(skb, own);
	else if (!skb->vlan_present && skb->protocol == bpf_htons(ETH_P_ARP))
		verdict = arp_from_outside(skb, own);
	else if (!skb->vlan_present && skb->protocol == bpf_htons(ETH_P_IPV6))
		return jump(skb, STAGE_OUTSIDE6, TO_THE_HOST);
	return verdict == TO_THE_HOST ? of_a_segment(skb) : verdict;
}
