// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* What other hosts send: announcements and packets, accepted from known hosts only, delivered here or dropped. */
#include "arp.h"
#include "ask6.h"
#include "bymac.h"
#include "fresh.h"
#include "show.h"

#define VNI_MAX ((1 << 22) - 1)
/* What doubts of all hosts together may have one port asked: 32 at once, then 200 a second. */
#define DOUBT_TOKEN_NS 5000000ULL
#define DOUBT_BURST 32

/* A drop of something that came over the underlay. */
static __always_inline int drop_outer(struct __sk_buff *skb, __u32 reason, __be32 outer, __be32 address)
{
	struct culprit who = { .outer = outer, .address = address };

	return drop_culprit(skb, reason, &who);
}

/* One of ours, and from whom it says it is. */
struct message {
	struct address_key key;
	__u32 from;
	struct record record;
	__u64 nonce;
	__u64 sent_at; /* the sender's boot time in ns; 0: it does not say */
	__u32 cause; /* for the history, should the record be applied */
	__u16 kind;
	__u16 hops;
};

/* Reads an announcement; 0 or a reason. */
static __noinline __u32 read_message(struct __sk_buff *skb, struct message *message)
{
	struct announcement_frame *frame;
	const struct announcement *body;
	__u32 host, port;
	__u16 flags;

	/* A message of version 1 is shorter; one that says it is later and is as short is cut. */
	if (!pull(skb, sizeof(*frame)) && !pull(skb, ETH_HLEN + ANNOUNCEMENT_UNSEALED_LEN))
		return REASON_ANNOUNCEMENT_MALFORMED;
	frame = (void *)(long)skb->data;
	if ((void *)frame + ETH_HLEN + ANNOUNCEMENT_UNSEALED_LEN > (void *)(long)skb->data_end)
		return REASON_ANNOUNCEMENT_MALFORMED;
	body = &frame->body;
	if (frame->ethernet.h_proto != bpf_htons(ANNOUNCEMENT_ETHERTYPE) ||
	    body->magic != bpf_htons(ANNOUNCEMENT_MAGIC) || body->version < ANNOUNCEMENT_UNSEALED ||
	    body->length < ANNOUNCEMENT_UNSEALED_LEN || skb->len < ETH_HLEN + body->length)
		return REASON_ANNOUNCEMENT_MALFORMED;
	if (body->version >= ANNOUNCEMENT_VERSION) {
		if (body->length < sizeof(*body) || (void *)(frame + 1) > (void *)(long)skb->data_end)
			return REASON_ANNOUNCEMENT_MALFORMED;
		message->sent_at = bpf_be64_to_cpu(body->sent_at);
	}
	message->kind = body->kind;
	message->hops = body->hops;
	message->from = bpf_ntohl(body->from_host);
	message->nonce = bpf_be64_to_cpu(body->nonce);
	message->key.vni = bpf_ntohl(body->vni);
	__builtin_memcpy(message->key.address, body->address, 16);
	host = bpf_ntohl(body->host);
	port = bpf_ntohl(body->port);
	message->record.incarnation = bpf_be64_to_cpu(body->incarnation);
	message->record.epoch = bpf_be64_to_cpu(body->epoch);
	flags = bpf_ntohs(body->flags);
	message->record.holder = holder_word(host, port) | (flags & ANNOUNCEMENT_RELEASED);
	message->record.port_down = message->kind == ANNOUNCE && (flags & ANNOUNCEMENT_RELEASED) &&
				    (flags & ANNOUNCEMENT_PORT_DOWN);
	message->cause = message->kind == CORRECTION	? CAUSE_CORRECTED :
			 message->record.port_down ? CAUSE_ANNOUNCED_DOWN :
						     CAUSE_ANNOUNCED;
	message->record.mac = mac_word(body->mac, port);
	message->record.moves = bpf_ntohl(body->moves);
	if (message->kind == ECHO_REQUEST || message->kind == ECHO_REPLY)
		return 0;
	if (message->kind < ANNOUNCE || message->kind > ADVERT_STALLED || !host || host >> 31 || !port ||
	    !message->key.vni || message->key.vni > VNI_MAX)
		return REASON_ANNOUNCEMENT_MALFORMED;
	return 0;
}

/* Returns an echo to its sender, without any help of user space. */
static __noinline int reflect(struct __sk_buff *skb, const struct settings *own, __be32 outer)
{
	struct announcement_frame *frame = (void *)(long)skb->data;

	if ((void *)frame + ETH_HLEN + ANNOUNCEMENT_UNSEALED_LEN > (void *)(long)skb->data_end)
		return drop_outer(skb, REASON_ANNOUNCEMENT_MALFORMED, outer, 0);
	frame->body.kind = ECHO_REPLY;
	frame->body.hops = 0;
	/* The answer is to this host's echo, and to no other's. */
	frame->body.host = frame->body.from_host;
	frame->body.from_host = bpf_htonl(own->host);
	if (frame->body.version >= ANNOUNCEMENT_VERSION)
		seal(skb);
	if (!own->overlay_ifindex || !aim(skb, ANNOUNCEMENT_VNI, outer))
		return drop_outer(skb, REASON_NO_OVERLAY, outer, 0);
	count(COUNT_ECHO_REFLECTED);
	return bpf_redirect(own->overlay_ifindex, 0);
}

static __noinline int echo_returned(struct __sk_buff *skb, const struct settings *own,
					 const struct message *message, __be32 outer)
{
	struct event *event;

	/* An echo's answer names who asked where a record names its holder's host. */
	if (!proves_life(own, message->from, holder_host(message->record.holder), message->nonce, message->sent_at))
		return drop_outer(skb, REASON_ANNOUNCEMENT_STALE, outer, 0);
	count(COUNT_ECHO_RETURNED);
	event = new_event(EVENT_ECHO, NULL);
	if (!event)
		return TC_ACT_SHOT;
	event->host = message->from;
	event->nonce = message->nonce;
	bpf_ringbuf_submit(event, 0);
	return TC_ACT_SHOT;
}

/* The (VIP, host) was not corrected within this millisecond. */
static __always_inline bool may_correct(const struct address_key *key, __u32 host, __u64 boot_ns)
{
	struct address_port_key both = with_port(key, host);
	__u64 *last = bpf_map_lookup_elem(&corrections, &both), ms = boot_ns / 1000000;

	if (last && *last == ms)
		return false;
	bpf_map_update_elem(&corrections, &both, &ms, BPF_ANY);
	return true;
}

/*
 * A doubted holder of this host is asked. A doubt may be a repeated one, so nobody's freshness is relied on, only
 * their number is limited: several hosts' doubts share an ask, as its answer goes to all.
 */
static __always_inline int ask_holder(struct __sk_buff *skb, struct message *message, struct address_key *key,
				      __be32 outer)
{
	const struct settings *own = the_settings();
	__u32 number = holder_port(message->record.holder);
	struct address *vip;
	struct port *port;

	count(COUNT_DOUBT_HEARD);
	if (!own || is_released(message->record.holder) || holder_host(message->record.holder) != own->host)
		return TC_ACT_SHOT;
	vip = bpf_map_lookup_elem(&addresses, key);
	port = bpf_map_lookup_elem(&ports, &number);
	if (!vip || vip->kind != ADDRESS_VIP || !port || !is_candidate(vip, key, port))
		return TC_ACT_SHOT;
	if (!may_cause(LIMITED_DOUBTS, port, DOUBT_TOKEN_NS, DOUBT_BURST))
		return drop_outer(skb, REASON_DOUBT_LIMITED, outer, shown(key->address));
	ask_port(skb, key, number, ASKER_DOUBT);
	return TC_ACT_SHOT;
}

/* What goes to all of a VPC, by relays where there are more than 64. */
static __always_inline bool is_relayed_kind(__u32 kind)
{
	return kind == ANNOUNCE || kind == ALIVE;
}

/*
 * How a smaller record is answered (C5). One that was this host's own until a greater one came was displaced, as the
 * greater one's maker may have meant: its claimant learns what holds, and does not claim again. A change under the
 * reader's hands only chooses the other answer.
 */
static __always_inline __u32 answer_to(const struct kept_record *kept, const struct record *smaller)
{
	const struct move *displaced = &kept->history[(kept->next_move - 2) & (HISTORY_LEN - 1)];

	return displaced->epoch == smaller->epoch && displaced->holder == smaller->holder ? ANNOUNCE : CORRECTION;
}

/*
 * Another host's message: its record first (C5), then what it is for. A global function: verified once.
 * Says RELAYS if the packet is still what it was, and may be passed on to those that hear by relays.
 */
__noinline int hear_message(struct __sk_buff *skb, struct message *message, __u32 outer)
{
	struct record before = {};
	struct kept_record *kept;
	struct address_key key;

	if (!message)
		return TC_ACT_SHOT;
	/* Before 6.2 the verifier takes no key for a map from where an argument of a global function points. */
	key = message->key;
	if (!bpf_map_lookup_elem(&members, &key.vni))
		return drop_outer(skb, REASON_VNI_UNKNOWN, outer, 0);
	if (message->record.epoch >= EPOCH_LIMIT)
		return drop_outer(skb, REASON_EPOCH_LIMIT, outer, shown(key.address));
	kept = bpf_map_lookup_elem(&records, &key);
	if (!kept) {
		keep_waiting(&key, &message->record);
		kept = bpf_map_lookup_elem(&records, &key);
		if (!kept)
			return RELAYS;
		/* It was prepared at this moment: nobody may have looked for what waits. */
	}
	if (apply(kept, &message->record, &before, now_instant(), message->cause)) {
		count(COUNT_APPLIED);
		note_loss(&key, &before, &message->record);
		tell_moved(&key, &before, &message->record, message->cause, message->from);
	} else if (!is_exactly(&before, &message->record)) {
		if (!before.holder || !may_correct(&key, message->from, bpf_ktime_get_boot_ns())) {
			count(COUNT_AS_GREAT);
			return TC_ACT_SHOT;
		}
		if (tell_host(skb, &key, &before, answer_to(kept, &message->record), message->from))
			count(COUNT_CORRECTED);
		return TC_ACT_SHOT;
	} else {
		count(COUNT_AS_GREAT);
	}
	if (message->kind == DOUBT)
		return ask_holder(skb, message, &key, outer);
	if ((message->kind == ALIVE || message->kind == ADVERT_STALLED) && !is_fresh(message->from, message->sent_at))
		return drop_outer(skb, REASON_ANNOUNCEMENT_STALE, outer, shown(key.address));
	switch (message->kind) {
	case ALIVE:
		tell_record(EVENT_ALIVE, &key, &message->record, message->from);
		break;
	case ADVERT_STALLED:
		tell_record(EVENT_STALLED, &key, &message->record, message->from);
		break;
	}
	return RELAYS;
}

static __noinline int message_from_host(struct __sk_buff *skb, const struct settings *own, __u32 host, __be32 outer)
{
	struct message message = {};
	__u32 reason = read_message(skb, &message);

	/* What a relay passed on is its maker's, who gets the answers. */
	if (!reason && message.from != host && !(message.hops == 1 && is_relayed_kind(message.kind)))
		reason = REASON_ANNOUNCEMENT_HOST;
	if (!reason)
		reason = judge_seal(skb);
	if (reason)
		return drop_outer(skb, reason, outer, 0);
	if (message.from == own->host) {
		count(COUNT_AS_GREAT); /* its own, come back from a relay */
		return TC_ACT_SHOT;
	}
	if (message.kind == ECHO_REQUEST)
		return reflect(skb, own, outer);
	if (message.kind == ECHO_REPLY)
		return echo_returned(skb, own, &message, outer);
	if (hear_message(skb, &message, outer) != RELAYS)
		return TC_ACT_SHOT;
	if (!message.hops && is_relayed_kind(message.kind))
		relay(skb, message.key.vni, message.from);
	if (!own->edge_ifindex || message.kind == ALIVE)
		return TC_ACT_SHOT;
	/* On an edge: the outside of an external subnet may have to hear of it, too. */
	note_for_show(skb, &message.key);
	return SHOWS;
}

/* Why nobody in the VPC has an address: nobody has, or the VPC is none that this host needs. */
static __always_inline __u32 judge_vpc(__u32 vni)
{
	return bpf_map_lookup_elem(&members, &vni) ? REASON_NO_ROUTE : REASON_VNI_UNKNOWN;
}

/* On an edge: a packet that nobody in the VPC has the destination of. Called by the hook, for the stack. */
static __noinline int leave_from_host(struct __sk_buff *skb, const struct settings *own, __u32 vni, __be32 outer)
{
	struct iphdr *ip = ip_header(skb);
	struct address_key key;
	__be32 destination;
	struct nat *nat;

	if (!ip)
		return drop_outer(skb, REASON_TRUNCATED, outer, 0);
	destination = ip->daddr;
	key = vip_key(vni, ip->saddr);
	nat = bpf_map_lookup_elem(&nats, &key);
	if (!nat)
		return drop_outer(skb, judge_vpc(vni), outer, destination);
	return edge_out(skb, own, vni, nat, destination);
}

/* Whom a frame comes from, and in which tunnel. */
struct outer {
	__u32 vni;
	__u32 host;
	__be32 address;
	bool is_passed_on; /* by the host that its sender took for the VIP's holder's (C8) */
	/* What PASSES_ON is about: the VIP and its holder's host. */
	struct address_key vip;
	__u32 holder;
};

/* Words of skb->cb for STAGE_HOST6: struct outer but for what PASSES_ON is about. */
enum outer_word { OUTER_VNI, OUTER_HOST, OUTER_ADDRESS, OUTER_PASSED_ON };

/* Tells the packet's sender who holds the VIP. The packet is used up. */
static __noinline int tell_sender(struct __sk_buff *skb, const struct settings *own, struct address_key *key,
				  __u32 sender)
{
	struct kept_record *kept = bpf_map_lookup_elem(&records, key);
	struct record record;

	if (!kept)
		return TC_ACT_SHOT;
	bpf_spin_lock(&kept->lock);
	record = kept->now;
	bpf_spin_unlock(&kept->lock);
	/* No answer to a claim, hence no correction: its guest's claim, if there was one, is not to be repeated. */
	if (replace_by_announcement(skb, ANNOUNCE, own->host, key, &record) &&
	    aim_at_host(skb, ANNOUNCEMENT_VNI, sender) && !bpf_clone_redirect(skb, own->overlay_ifindex, 0))
		count(COUNT_SENDER_TOLD);
	return TC_ACT_SHOT;
}

/*
 * C8: the packet is for a VIP whose holder is on another host by now, or for an interface that is. It is passed on there,
 * once: the mark in the tunnel id says so. Its sender is told of the VIP, at most once per millisecond; of interfaces
 * everybody hears by configuration. Called by the hook, for the stack.
 */
static __noinline int pass_on(struct __sk_buff *skb, const struct settings *own, struct outer *outer)
{
	__be32 address = shown(outer->vip.address);

	if (!own->overlay_ifindex)
		return drop_outer(skb, REASON_NO_OVERLAY, outer->address, address);
	if (!aim_at_host(skb, outer->vni | VNI_MARK, outer->holder))
		return drop_outer(skb, REASON_HOST_UNKNOWN, outer->address, address);
	count(COUNT_PASSED_ON);
	skb->mark = 0;
	if (!may_correct(&outer->vip, outer->host, bpf_ktime_get_boot_ns()))
		return bpf_redirect(own->overlay_ifindex, 0);
	bpf_clone_redirect(skb, own->overlay_ifindex, 0);
	return tell_sender(skb, own, &outer->vip, outer->host);
}

/*
 * A multicast advert of another host's port. Called by the hook, for the stack: Linux 6.1 counts each of the six
 * functions down to the judge of one address in steps of 32 bytes.
 */
static __noinline int flood_from_host(struct __sk_buff *skb, struct outer *outer)
{
	struct advert advert = { .vni = outer->vni, .offset = advert_offset(skb) };
	struct iphdr *ip = ip_header(skb);
	__u32 reason = REASON_ADVERT_MALFORMED;

	if (!ip)
		return drop_outer(skb, REASON_TRUNCATED, outer->address, 0);
	advert.source = ip->saddr;
	if (advert.offset)
		reason = flood_advert(skb, &advert, 0);
	if (reason)
		return drop_outer(skb, reason, outer->address, advert.source);
	if (!outer->is_passed_on) /* the mark says here that a relay had it */
		send_to_relayed(skb, outer->vni, outer->vni | VNI_MARK, outer->host);
	return TC_ACT_SHOT;
}

/*
 * The packet is from the port that the route leads to. Its host found that the route leads back to it, and has sent
 * the packet here to leave by an EIP.
 */
static __noinline bool is_from_next_hop(const struct way *way, __be32 source)
{
	struct way its = { .key = vip_key(way->key.vni, source) };

	return !find_address(&its) && its.host == way->host && its.port == way->port;
}

static __noinline int ip_from_host(struct __sk_buff *skb, const struct settings *own, struct outer *from)
{
	__be32 outer = from->address;
	__u32 vni = from->vni;
	struct parcel parcel = {};
	struct iphdr *ip;
	struct way way = {};
	__u32 reason;

	if (!pull(skb, ETH_HLEN + sizeof(*ip)))
		return drop_outer(skb, REASON_TRUNCATED, outer, 0);
	ip = ip_header(skb);
	if (!ip)
		return drop_outer(skb, REASON_TRUNCATED, outer, 0);
	if (!is_whole_ip(skb, ip))
		return drop_outer(skb, REASON_IP_MALFORMED, outer, 0);
	parcel.source = ip->saddr;
	parcel.destination = ip->daddr;
	parcel.is_advert = is_advert(skb, ip);

	if (parcel.is_advert && parcel.destination == VRRP_GROUP)
		return ADVERT_TO_ALL;
	if (!is_unicast(parcel.source) || !is_unicast(parcel.destination))
		return drop_outer(skb, REASON_INNER_ODD, outer, parcel.source);
	reason = find_way(vni, parcel.destination, &way);
	if ((reason || way.by_route || way.host != own->host) && goes_by_mac_here(skb, own, &way))
		return deliver(skb, &way, &parcel);
	if (way.by_route && own->edge_ifindex && !from->is_passed_on && is_from_next_hop(&way, parcel.source))
		return LEAVES;
	if (reason == REASON_NO_ROUTE && leads_nowhere(&way)) {
		if (own->edge_ifindex && !from->is_passed_on)
			return parcel.is_advert ? drop_outer(skb, REASON_ADVERT_STRANGER, outer, parcel.destination) :
						  LEAVES;
		return drop_outer(skb, judge_vpc(vni), outer, parcel.destination);
	}
	if (reason)
		return drop_outer(skb, reason, outer, parcel.destination);
	if (way.host != own->host && !from->is_passed_on &&
	    (way.target->kind == ADDRESS_VIP || way.host != from->host)) {
		from->vip = way.key;
		from->holder = way.host;
		return PASSES_ON;
	}
	if (way.host != own->host)
		return drop_outer(skb, way.target->kind == ADDRESS_VIP ? REASON_NOT_HOLDER : REASON_NOT_HERE, outer,
				  parcel.destination);
	return deliver(skb, &way, &parcel);
}

/* Reads the tunnel's head; false if the sender is no known host. Notes that the host seems to be alive. */
static __noinline bool read_outer(struct __sk_buff *skb, struct outer *outer)
{
	struct bpf_tunnel_key tunnel = {};
	struct ip16 key;
	struct peer *peer;

	if (bpf_skb_get_tunnel_key(skb, &tunnel, TUNNEL_KEY_SIZE, 0))
		return false;
	outer->vni = tunnel.tunnel_id;
	outer->address = bpf_htonl(tunnel.remote_ipv4);
	key = mapped(outer->address);
	peer = bpf_map_lookup_elem(&peers, &key);
	if (!peer)
		return false;
	outer->host = peer->host;
	heard(peer);
	return true;
}

SEC("tc")
int overlay_rx(struct __sk_buff *skb)
{
	const struct settings *own = the_settings();
	struct outer outer = {};
	struct ethhdr *ethernet;
	bool is_packet;
	int verdict;

	look_begin(skb);
	if (!own || !read_outer(skb, &outer) || outer.host == own->host)
		return drop_outer(skb, REASON_OUTER_UNKNOWN, outer.address, 0);
	if (outer.vni == ANNOUNCEMENT_VNI) {
		verdict = message_from_host(skb, own, outer.host, outer.address);
		return verdict == SHOWS ? jump(skb, STAGE_SHOW, TC_ACT_SHOT) : verdict;
	}
	outer.is_passed_on = outer.vni & VNI_MARK;
	outer.vni &= ~VNI_MARK;
	if (outer.vni & TUNNEL_SEGMENT) {
		if (skb->vlan_present)
			return drop_outer(skb, REASON_INNER_ODD, outer.address, 0);
		skb->cb[SEGMENT_SUBNET] = outer.vni & ~TUNNEL_SEGMENT;
		skb->cb[SEGMENT_OUTER] = outer.address;
		skb->cb[SEGMENT_FROM_OUTSIDE] = outer.is_passed_on;
		return jump(skb, STAGE_SEGMENT_HOST, TC_ACT_SHOT);
	}
	if (!outer.vni || outer.vni > VNI_MAX)
		return drop_outer(skb, REASON_VNI_RESERVED, outer.address, 0);
	ethernet = (void *)(long)skb->data;
	if ((void *)(ethernet + 1) > (void *)(long)skb->data_end)
		return drop_outer(skb, REASON_TRUNCATED, outer.address, 0);
	if (skb->vlan_present)
		return drop_outer(skb, REASON_INNER_ODD, outer.address, 0);
	is_packet = ethernet->h_proto == bpf_htons(ETH_P_IP) || ethernet->h_proto == bpf_htons(ETH_P_IPV6);
	if (outer.is_passed_on && !is_packet)
		return drop_outer(skb, REASON_VNI_MARKED, outer.address, 0);
	/* Of ordinary packets it is asked when nobody has their destination. */
	if ((outer.is_passed_on || !is_packet) && !bpf_map_lookup_elem(&members, &outer.vni))
		return drop_outer(skb, REASON_VNI_UNKNOWN, outer.address, 0);
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		verdict = ip_from_host(skb, own, &outer);
		if (verdict == PASSES_ON)
			return pass_on(skb, own, &outer);
		if (verdict == ADVERT_TO_ALL)
			return flood_from_host(skb, &outer);
		return verdict == LEAVES ? leave_from_host(skb, own, outer.vni, outer.address) : verdict;
	}
	if (ethernet->h_proto == bpf_htons(ETH_P_ARP))
		return arp_from_host(skb, own, outer.vni, outer.host);
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		skb->cb[OUTER_VNI] = outer.vni;
		skb->cb[OUTER_HOST] = outer.host;
		skb->cb[OUTER_ADDRESS] = outer.address;
		skb->cb[OUTER_PASSED_ON] = outer.is_passed_on;
		return jump(skb, STAGE_HOST6, TC_ACT_SHOT);
	}
	return drop_outer(skb, REASON_INNER_ODD, outer.address, 0);
}
