/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the programs and user space share: the layout of every map, the reasons of drops, the counters.
 *
 * io/switch/src/maps.rs mirrors this file; a test compares both through BTF.
 * Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d. Padding is explicit and zero. Numbers are in host order
 * unless their type says __be.
 */
#ifndef HAVIP_MAPS_H
#define HAVIP_MAPS_H

#include <linux/bpf.h>
#include <linux/types.h>

enum limit {
	MEMBERS_MAX = 64, /* hosts that one host sends an announcement to, as its maker or as a relay */
	HISTORY_LEN = 8,  /* moves kept per VIP */
	CIRCLE_MAX = 32,  /* entitled ports of one VIP that multicast adverts go to */
	TALKERS_MAX = 8,  /* ports of one subnet that sent adverts of one virtual router lately */
	GROUPS_MAX = 5,   /* security groups of one port */
	FLOW_SETS = 1024, /* sets of connections of one port */
	FLOW_WAYS = 8,    /* connections in a set */
};

/* An address that stands alone. */
struct ip16 {
	__u8 address[16];
};

/* An address of one VPC. */
struct address_key {
	__u32 vni;
	__u8 address[16];
};

/* A VIP (or any address) and one port, or one host. */
struct address_port_key {
	__u32 vni;
	__u8 address[16];
	__u32 port;
};

/* A VIP and an address that may send adverts naming it. */
struct advert_source_key {
	__u32 vni;
	__u8 vip[16];
	__u8 source[16];
};

/* An interface's MAC in a subnet; subnet 0 holds the ports of this host. */
struct mac_key {
	__u32 subnet;
	__u8 mac[6];
	__u8 zero[2];
};

/*
 * A custom route: longest match on (VPC, destination), so prefixlen = 32 + 96 + IPv4 length. The range of a subnet is
 * one to the unspecified address, which nobody has: what is in it goes to its own address or nowhere.
 */
struct route_key {
	__u32 prefixlen;
	__be32 vni;
	__u8 address[16];
};

/* A range of public addresses: prefixlen = 96 + IPv4 length, or that of IPv6. */
struct pool_key {
	__u32 prefixlen;
	__u8 address[16];
};

enum address_kind {
	ADDRESS_INTERFACE = 1,
	ADDRESS_GATEWAY = 2,
	ADDRESS_VIP = 3,
	ADDRESS_SEGMENT = 4, /* of an external subnet's network: its record names the edge that joins it to the outside */
};
enum address_flag {
	ADDRESS_PRIMARY = 1,        /* not a secondary one */
	ADDRESS_CHECKED = 2,        /* source/destination check on */
	ADDRESS_SUBNET_BINDING = 4, /* any port of the subnet may claim (C2) */
	ADDRESS_HOLD = 8,           /* a VIP: a port that has just lost it does not just take it back (C9) */
};

/* What an address of a VPC is. Written by the agent, read by every hook. */
struct address {
	__u64 incarnation; /* of a VIP or a segment: the making that claims are made under */
	__u32 subnet;
	__u32 port; /* of an interface */
	__u32 host; /* of an interface; 0: nowhere */
	__u8 mac[6];
	__u8 kind;
	__u8 flags;
	__u32 zero;
};

struct mac_value {
	__u8 address[16]; /* one that stands for the interface; zero if it has none */
	__u32 port;
};

enum port_state { PORT_INACTIVE = 0, PORT_ACTIVE = 1, PORT_MIGRATING_OUT = 2 };
enum port_flag {
	PORT_VETH = 1,    /* the peer is in another namespace: packets are put there directly */
	PORT_CHECKED = 2, /* source/destination check on */
	PORT_AWAITED = 4, /* inactive because its guest is on its way here: its first frame is told */
};

/* A port of this host, by its device in `devices`, by its number in `ports`. */
struct port {
	__u32 ifindex;
	__u32 number;
	__u32 vni;
	__u32 subnet;
	__u8 primary[16]; /* zero: none */
	__u8 primary6[16];
	__u8 mac[6];
	__u8 virtual_mac[6];
	__u16 mtu;
	__u8 state;
	__u8 flags;
	__u32 editions[GROUPS_MAX]; /* of its security groups' rules, then zeros */
	__u32 stamp; /* stands for all of `editions`: flows have it; 0: no groups, everything passes */
};

struct subnet {
	__u8 gateway[16]; /* zero: none */
	__u8 gateway6[16];
	__u32 vni;
	__u8 virtual_mac[6];
	__u8 zero[2];
};

/* Numbers of external subnets have this bit, so that every hook knows them by the number alone. */
#define SUBNET_EXTERNAL (1 << 21)

/* What joins an external subnet to the provider's network outside. */
struct segment {
	__u32 vni;
	__be32 network;
	__be32 mask;
	__u16 vlan; /* 0: not tagged */
	__u8 zero[2];
	__u8 network6[16]; /* of a /64; zero: no IPv6 */
};

/*
 * What an active edge knows of an address of its segment: whether it was asked for outside, and who else has it there.
 * Key: address_key.
 */
struct outsider {
	__u64 whose;     /* the incarnation of the VIP, or the port: who has it next is asked for anew */
	__u64 probed_at; /* boot time in ns of the first probe */
	__u64 heard_at;  /* boot time in ns at which a foreign owner was heard last; 0: none */
	__u8 mac[6];     /* its */
	__u8 zero[2];
};

struct host {
	__u8 underlay[16];
};

/* A host by its underlay address. The times are written by overlay_rx. */
struct peer {
	__u64 heard_at; /* boot time in ns of its last frame that counts as life, exact to 10 ms */
	__u32 host;
	__u32 zero;
	__u64 asked_at; /* boot time in ns at which the last echo was sent that it answered: the latest proof of its life */
	__u64 said_at;  /* its own boot time in ns when it did */
};

/* A key of the fabric. Numbers count up, so two that are valid at once differ in their lowest bit: their slot. */
struct seal_key {
	__u32 id; /* 0: none */
	__u32 zero;
	__u64 first; /* the secret, as SipHash reads it */
	__u64 second;
};

/* How this host seals what it tells others, and what it demands of them. */
struct sealing {
	__u32 key;      /* 0: nothing is sealed yet */
	__u32 required; /* what is not sealed is refused */
};

/* Hosts that this one sends to: claims of its own ports (`members`), or what it passes on of others (`relayed`). */
struct members {
	__u32 count;
	__u32 hosts[MEMBERS_MAX];
};

/* Ports for multicast adverts: the entitled ports of a VIP, or those that share a VIP with a port. */
struct circle {
	__u32 count;
	__u32 ports[CIRCLE_MAX];
};

struct entitled {
	__u8 direct_return; /* may send as the VIP without holding it */
	__u8 zero[3];
};

struct eip {
	__u8 target[16];
	__u32 vni;
	__u32 bandwidth_mbps; /* each way; 0: no limit */
};

enum direction { DIRECTION_OUT = 1, DIRECTION_IN = 2 };

/* What an EIP has used of its bandwidth, kept in a struct meter. */
struct meter_key {
	__u32 direction;
	__u8 address[16];
};
struct meter {
	__u64 free_at; /* boot time in ns at which all that passed would have passed at the EIP's bandwidth */
};

struct nat {
	__u64 incarnation;
	__u8 public_address[16];
};

/* The one entry of `settings`: what this host is. Written when the switch is opened and attached. */
struct settings {
	__u32 host;
	__be32 underlay;
	__u32 overlay_ifindex;
	__u32 dhcp_ifindex; /* 0: no DHCP service */
	__u32 edge_ifindex; /* 0: no edge */
	__u8 edge_mac[6];
	__u8 zero[2];
	__be32 edge_address; /* the edge device's own, sender of ARP requests outside; 0: none */
	__u64 network; /* cookie of the network namespace whose devices these are; not read by programs */
};

/* The one entry of `clock`. */
struct clock {
	__s64 offset_ns; /* boot time + offset = time since 1970 */
	__u64 beat_at;   /* boot time in ns of the agent's last heartbeat */
};

/*
 * Who holds a VIP: plain copies travel, the map keeps struct kept_record.
 * Ordered by (incarnation, epoch, host, port, released), rule C5.
 */
struct record {
	__u64 incarnation;
	__u64 epoch;  /* 0: nobody has claimed yet */
	__u64 holder; /* host << 33 | port << 1 | released: compares as rule C5 says, read without a lock */
	__u64 mac;    /* the port's low 16 bits << 48 | MAC, first byte highest; read without a lock */
	__u32 moves;
	__u32 port_down; /* released because the holder's port went down; no part of the order */
};

enum cause {
	CAUSE_CLAIM = 1,
	CAUSE_ASKED = 2,
	CAUSE_DOUBTED = 3,
	CAUSE_RELEASED = 4,
	CAUSE_TAKEN_BACK = 5,
	CAUSE_REPEATED = 6,
	CAUSE_REPAIRED = 7,
	CAUSE_HOST_LOST = 8,
	CAUSE_PORT_DOWN = 9,
	CAUSE_CONTESTED = 10,
	CAUSE_MIGRATED = 11,
	/* How a record of another host came here. */
	CAUSE_ANNOUNCED = 16,
	CAUSE_CORRECTED = 17,
	CAUSE_MERGED = 18,
	CAUSE_ANNOUNCED_DOWN = 19, /* released there because the port went down */
};

/* One line of a VIP's history. */
struct move {
	__u64 epoch;
	__u64 holder; /* as in struct record */
	__u64 from;   /* the same, before; 0: nobody */
	__u64 at_ms;  /* since 1970, this host's clock */
	__u32 cause;
	__u32 moves;
};

enum record_flag { RECORD_FIRST_REFRESH = 1 /* the next refresh is re-announced at once (C3) */ };

/* The record as the map keeps it. Its size never changes: later fields come out of `reserved`. */
struct kept_record {
	struct bpf_spin_lock lock;
	__u32 flags;
	struct record now;
	__u64 changed_at;   /* boot time in ns of the last change on this host */
	__u64 announced_at; /* boot time in ns of the last re-announced refresh */
	__u32 next_move;    /* moves written here; the next goes to history[next_move % 8] */
	__u32 zero;
	/* What the port that holds the VIP under `sent_epoch` has sent as it, in ns since boot; exact to a ms. */
	__u64 sent_epoch; /* 0: nothing yet */
	__u64 first_sent_at;
	__u64 last_sent_at;
	__u64 before_sent_at; /* the last that a port of this host sent under an earlier epoch; 0: none */
	__u8 reserved[8];
	struct move history[HISTORY_LEN];
};

/* The bucket of one (VIP, port): burst 8, then 2 a second (C4), kept as the instant at which it is full again. */
struct bucket {
	__u64 full_at; /* boot time in ns */
	__u64 postponed_at;    /* boot time in ns of the last report of a claim beyond it */
	__u64 postponed_epoch; /* of the record that claim met */
};

/* Who waits for a port's answer, and until when (C10); boot time in ns. Key: address_port_key. */
struct ask {
	__u64 agent_until; /* the own agent, in its name */
	__u64 doubt_until; /* whoever doubts the holder */
	__u32 agent_told;  /* each ask has one answer: a guest that repeats its own causes nothing more */
	__u32 doubt_told;
};

/* A probe that was passed to the holder's port: where its answer goes. Key: address_key + MAC. */
struct probe_key {
	__u32 vni;
	__u8 address[16];
	__u8 mac[6];
	__u8 zero[2];
};
struct probe {
	__u64 until; /* boot time in ns */
	__u32 port;  /* of this host, or 0 */
	__u32 host;  /* the prober's, if not this one */
};

/* Adverts that a port sent and that named a VIP. Key: address_port_key. */
struct advert_memory {
	__u64 at;          /* boot time in ns of the last */
	__u64 interval_ns; /* as the advert says */
	__u64 stalled_at;  /* boot time in ns of the last report of C10 c */
};

/* The last advert that a port was given by a sender, for one virtual router: what section 6 repeats. */
#define DELIVERED_MAX 192 /* bytes: IPv4 and 20 addresses, or IPv6 and 7 */
struct delivered_key {
	__u32 port;
	__u8 source[16];
	__u32 router;
};
struct delivered {
	__u64 at;     /* boot time in ns */
	__u32 length; /* of the frame; 0 while it is being written */
	__u32 offset; /* of the VRRP header in it */
	__u32 repeated; /* the port was given it once more, with priority 0 */
	__u32 sender; /* the port it came from */
	__u8 frame[DELIVERED_MAX];
};

/* Ports of a subnet that sent multicast adverts lately. Key: subnet. */
struct talkers {
	__u32 ports[TALKERS_MAX];
	__u64 at[TALKERS_MAX]; /* boot time in ns */
};

/*
 * The rules of a security group: one edition of them never changes, so a port has the old ones or the new ones, and
 * never a mixture. A table is an edition and a direction: edition << 1 | 1 for what the port sends.
 */
struct rule_bits {
	__u64 words[4]; /* a bit for each rule, in the order in which they count */
};

/* The other end's address: longest match on (table, address), so prefixlen = 32 + its length. */
struct net_key {
	__u32 prefixlen;
	__be32 table;
	__u8 address[16];
};

/* The other end's groups. */
struct peer_key {
	__u32 table;
	__u32 group; /* 0: whoever has an address of the VPC */
};

/* The destination's port: longest match on (table, protocol, port), so prefixlen = 32, or 40 + its length. */
struct service_key {
	__u32 prefixlen;
	__be32 table;
	__u8 protocol;
	__u8 port[2];
	__u8 zero;
};

/* A rule by its place in the bits. */
struct rule_key {
	__u32 edition;
	__u32 place;
};
struct rule {
	__u32 rank;   /* the least counts; odd: it allows */
	__u32 number; /* its name in `rule_hits` */
};

/* The groups of any port of the VPC, by its number. */
struct membership {
	__u32 groups[GROUPS_MAX]; /* numbers, then zeros */
};

/* Both ends of a connection, as one port sees them; compared as five words. */
struct tuple {
	__u8 own[16];
	__u8 peer[16];
	__be16 own_port;  /* of a ping its identifier */
	__be16 peer_port; /* of a ping 1 if the port asks, 2 if it is asked */
	__u8 protocol;
	__u8 zero[3];
} __attribute__((aligned(8)));

enum flow_state { FLOW_FREE = 0, FLOW_NEW = 1, FLOW_ANSWERED = 2, FLOW_CLOSING = 3, FLOW_CUT = 4 };

/* A connection of one port. Instants are boot time in 2^24 ns (16.8 ms), and go round after two years. */
struct flow {
	struct tuple who;
	__u32 seen_at;
	__u32 judged_at;
	__u32 stamp; /* the port's, when it was judged */
	__u8 state;
	__u8 opened;    /* 1: by the port */
	__u8 closed_by; /* 1: the port has sent a FIN, 2: the other end */
	__u8 zero;
};

/* Where connections lie: the set of one is found by its hash. So no port takes room from another. */
struct flow_key {
	__u32 port;
	__u32 set;
};
struct flow_set {
	struct bpf_spin_lock lock; /* of whoever writes a connection anew */
	__u32 zero;
	struct flow ways[FLOW_WAYS];
};
struct empty_flow_set {
	__u64 words[57];
};

/* The first fragments that passed lately: 64 of one port, by a hash. */
struct fragment_key {
	__u32 port;
	__u32 slot;
};
struct fragment {
	__u8 own[16];
	__u8 peer[16];
	__be32 identification;
	__u32 at; /* as in struct flow */
	__u8 protocol;
	__u8 is_out;
	__u8 zero[2];
};

/* What the drops of one port (0: the underlay) for one reason were. */
struct drop_key {
	__u32 port;
	__u32 reason;
};
struct drop_value {
	__u64 count;
	__u64 reported_at; /* boot time in ns of the last report in the ring */
	__u64 reported;    /* how many of `count` were in reports */
};

/* Which program sits on which device: what a restarted agent finds again. Not read by programs. */
enum attachment {
	ATTACHED_PORT = 1,
	ATTACHED_OVERLAY = 2,
	ATTACHED_EDGE = 3,
	ATTACHED_DHCP = 4,
	ATTACHED_AGENT = 5, /* the agent's end of the DHCP pair */
};

/* The moves ring. */
enum event_kind {
	EVENT_MOVED = 1,     /* the record changed from `before` to `now`; host: who sent it */
	EVENT_ANSWERED = 2,  /* port answered an ask for the VIP; nonce 1: it advertised within three intervals */
	EVENT_ALIVE = 3,     /* the holder named by `now` answered a doubt of this host */
	EVENT_POSTPONED = 4, /* port claimed beyond its bucket, which is ready at `nonce`; `now` is the record it met */
	EVENT_STALLED = 5,   /* the adverts of the holder named by `now` stopped while another's go on (C10 c) */
	EVENT_ADVERT_SEEN = 6, /* port sent its first advert naming the VIP */
	EVENT_ECHO = 7,      /* host's kernel returned the echo `nonce`; at - nonce is the round trip */
	EVENT_SERVES = 8,    /* the holder named by `now` sent its first packet as the VIP; nonce: the last before, here */
	EVENT_CONTESTED = 9, /* port, which has just lost the VIP, claimed it with `mac`; `now` is the record it met (C9) */
	EVENT_ARRIVED = 10, /* the guest that port waits for has sent a frame */
};
struct event {
	__u32 kind;
	__u32 vni;
	__u8 address[16];
	__u32 port;
	__u32 host;
	__u64 at; /* boot time in ns */
	__u64 nonce;
	__u32 cause;
	__u8 mac[6];
	__u8 zero[2];
	__u32 zero2;
	struct record now;
	struct record before;
};

/* The refusals ring. */
struct refusal {
	__u64 at; /* boot time in ns */
	__u64 count;
	__u32 reason;
	__u32 port; /* 0: came over the underlay */
	__u8 mac[6];
	__u8 zero[2];
	__u8 address[16];
	__be32 outer; /* the underlay sender, if port is 0 */
	__u32 zero2;
};

/* What the agent orders through agent_op; the packet that it hands in begins with this. */
enum order_kind {
	ORDER_PREPARE = 1,  /* make the empty record under `record.incarnation`; merge what waited for it */
	ORDER_MERGE = 2,    /* apply `record` if it is greater */
	ORDER_RELEASE = 3,  /* set released if the record names (this host, port) */
	ORDER_RELEASE_EXACT = 4, /* set released if the record is exactly `record`: for lost hosts */
	ORDER_TAKE = 5,     /* make port the holder, with a new epoch and `mac`, if the record is exactly `record` */
	ORDER_ASK = 6,      /* ask port whether it has the address */
	ORDER_DOUBT = 7,    /* ask the holder named by `record`, through its host */
	ORDER_ANNOUNCE = 8, /* announce the record to the VPC's members */
	ORDER_ECHO = 9,     /* send an echo with `nonce` to `host` */
	ORDER_HOLD_OFF = 12, /* the claims of `port` are contested until `nonce`, boot time in ns (C9); its lowest bit:
	                      * whatever the VIP's contention says */
	ORDER_PROBE = 13,   /* what is behind the order, `nonce` bytes of a frame, is sent as if port's guest had */
	ORDER_FORGET = 10,  /* delete the record if its incarnation is at most `record.incarnation` */
	ORDER_SPEAK = 11,   /* give port the last advert of `sender` and `router` once more, with priority 0, if the record
	                     * is exactly `record` and `heir` may claim the VIP; with `nonce` 1 the advert itself, to take
	                     * that back */
	ORDER_SHOW = 14,    /* tell the outside who has an address of a segment that this host is the active edge of; ask
	                     * first who else has it there */
};
struct order {
	__u32 kind;
	__u32 vni;
	__u8 address[16];
	__u32 port;
	__u32 host;
	__u32 cause;
	__u8 mac[6];
	__u8 zero[6];
	__u64 nonce;
	struct record record;
	__u8 sender[16];
	__u32 router;
	__u32 heir; /* the port itself, or another one of its instance */
};
#define PROBE_MAX 96 /* bytes of the longest frame of ORDER_PROBE */

/* What agent_op returns. */
enum outcome {
	OUTCOME_DONE = 1,      /* applied, sent */
	OUTCOME_UNCHANGED = 2, /* the record is as great already, or other than named */
	OUTCOME_ABSENT = 3,    /* no such record, port, host or address */
	OUTCOME_REFUSED = 4,   /* not entitled, inactive, wrong incarnation or epoch limit */
	OUTCOME_FULL = 5,      /* the map took no more */
	OUTCOME_UNSENT = 6,    /* the packet could not be sent */
	OUTCOME_MALFORMED = 7, /* not an order */
};

/*
 * Why a packet was dropped. Numbers are never reused; reasons.rs has the words for people.
 * 1–15 no port or no frame, 16–39 who it says it is, 40–63 where it goes, 64–79 the underlay, 80–89 the edge,
 * 90 who it says it is, once more, 91–94 security groups, 95 the edge, once more.
 */
enum reason {
	REASON_NONE = 0,
	REASON_PORT_UNKNOWN = 1,
	REASON_PORT_INACTIVE = 2,
	REASON_TRUNCATED = 3,
	REASON_TAGGED = 4,
	REASON_QINQ = 5,
	REASON_SNAP = 6,
	REASON_RARP = 7,
	REASON_ETHERTYPE = 8,
	REASON_IPV6 = 9,
	REASON_ARP_MALFORMED = 10,
	REASON_IP_MALFORMED = 11,
	REASON_UNCHANGEABLE = 12,
	REASON_ND_MALFORMED = 13,
	REASON_ND_HIDDEN = 14,
	REASON_IPV6_HEADERS = 15,

	REASON_SOURCE_MAC = 16,
	REASON_ARP_MAC = 17,
	REASON_ARP_SENDER = 18,
	REASON_CLAIM_NOT_ASSOCIATED = 19,
	REASON_CLAIM_OTHER_SUBNET = 20,
	REASON_CLAIM_OF_ADDRESS = 21,
	REASON_CLAIM_OF_GATEWAY = 22,
	REASON_CLAIM_UNKNOWN = 23,
	REASON_CLAIM_INCARNATION = 24,
	REASON_EPOCH_LIMIT = 25,
	REASON_VIP_UNPREPARED = 26,
	REASON_VIP_NOT_HELD = 27,
	REASON_SOURCE_ADDRESS = 28,
	REASON_SOURCE_ODD = 29,
	REASON_ND_MAC = 30,
	REASON_ARP_UNKNOWN = 31,
	REASON_ADVERT_STRANGER = 32,
	REASON_ADVERT_MALFORMED = 33,
	REASON_ADVERT_LIMITED = 34,
	REASON_CLAIM_LIMITED = 35,
	REASON_ND_SENDER = 36,
	REASON_ND_UNKNOWN = 37,
	REASON_DHCP_SERVER = 38,
	REASON_DHCP_MAC = 39,

	REASON_MULTICAST = 40,
	REASON_BROADCAST = 41,
	REASON_NO_ROUTE = 42,
	REASON_NO_EIP = 43,
	REASON_NO_HOLDER = 44,
	REASON_HOLDER_NOT_ENTITLED = 45,
	REASON_TARGET_INACTIVE = 46,
	REASON_TARGET_NOWHERE = 47,
	REASON_TARGET_ODD = 48,
	REASON_HOST_UNKNOWN = 49,
	REASON_TO_SELF = 50,
	REASON_TTL = 51,
	REASON_TOO_BIG = 52,
	REASON_NO_DHCP = 53,
	REASON_NO_OVERLAY = 54,
	REASON_DHCP_LIMITED = 55,
	REASON_PROBE_LIMITED = 56,
	REASON_MLD = 57,
	REASON_ROUTER_ADVERTISEMENT = 58,
	REASON_REDIRECT = 59,
	REASON_ROUTER_SOLICITATION = 60,
	REASON_SCOPE = 61,
	REASON_NEXT_HOP_CHECKED = 62,

	REASON_OUTER_UNKNOWN = 64,
	REASON_VNI_RESERVED = 65,
	REASON_VNI_MARKED = 66,
	REASON_VNI_UNKNOWN = 67,
	REASON_ANNOUNCEMENT_MALFORMED = 68,
	REASON_ANNOUNCEMENT_HOST = 69,
	REASON_NOT_HOLDER = 70,
	REASON_NOT_HERE = 71,
	REASON_INNER_ODD = 72,
	REASON_ANNOUNCEMENT_FORGED = 73,
	REASON_ANNOUNCEMENT_STALE = 74,
	REASON_DOUBT_LIMITED = 75,
	REASON_ANNOUNCEMENT_BY_PORT = 76,

	REASON_EIP_UNKNOWN = 80,
	REASON_EDGE_OFF = 81,
	REASON_EDGE_INACTIVE = 82,
	REASON_EDGE_NEIGHBOUR = 83,
	REASON_EDGE_OTHER = 84,
	REASON_EIP_BANDWIDTH = 85,
	REASON_TO_UNDERLAY = 86,
	REASON_OUTSIDE_SOURCE = 87,
	REASON_FOREIGN_OWNER = 88,
	REASON_SEGMENT_LIMITED = 89,

	REASON_MAPPED = 90,
	REASON_GROUP_INGRESS = 91,
	REASON_GROUP_EGRESS = 92,
	REASON_GROUP_FRAGMENT = 93,
	REASON_FLOW_TABLE_FULL = 94,
	REASON_OUTSIDE_MAC = 95,
	REASON_MAX = 96,
};

/* What happened besides drops; in `ledger` behind the reasons. */
enum counter {
	COUNT_ARP_ANSWERED = REASON_MAX,
	COUNT_ARP_CONSUMED,
	COUNT_PROBE_FORWARDED,
	COUNT_PROBE_RETURNED,
	COUNT_CLAIM_MADE,
	COUNT_CLAIM_REFRESHED,
	COUNT_CLAIM_POSTPONED,
	COUNT_ANNOUNCED,
	COUNT_ANNOUNCE_FAILED,
	COUNT_APPLIED,
	COUNT_AS_GREAT,
	COUNT_CORRECTED,
	COUNT_WAITING,
	COUNT_ASKED,
	COUNT_ANSWERED,
	COUNT_ALIVE_SENT,
	COUNT_DOUBT_HEARD,
	COUNT_ECHO_REFLECTED,
	COUNT_ECHO_RETURNED,
	COUNT_DELIVERED,
	COUNT_SENT_REMOTE,
	COUNT_ROUTED,
	COUNT_TAG_STRIPPED,
	COUNT_DHCP_UP,
	COUNT_DHCP_DOWN,
	COUNT_ADVERT_FLOODED,
	COUNT_LEFT_VPC,
	COUNT_EDGE_OUT,
	COUNT_EDGE_IN,
	COUNT_EDGE_ARP_ANSWERED,
	COUNT_HAIRPIN,
	COUNT_ICMP_SENT,
	COUNT_ICMP_LIMITED,
	COUNT_GATEWAY_ANSWERED,
	COUNT_EVENTS_LOST,
	COUNT_REFUSALS_LOST,
	COUNT_PASSED_ON,
	COUNT_SENDER_TOLD,
	COUNT_RELAYED,
	COUNT_SPOKEN,
	COUNT_CLAIM_CONTESTED,
	COUNT_ADVERT_FORGOTTEN,
	COUNT_ND_ANSWERED,
	COUNT_ND_CONSUMED,
	COUNT_FLOW_BEGUN,
	COUNT_FLOW_CUT,
	COUNT_FLOW_GIVEN_UP,
	COUNT_SEGMENT_OUT,
	COUNT_SEGMENT_IN,
	COUNT_SEGMENT_ARP_ANSWERED,
	COUNT_PROBED_OUTSIDE,
	COUNT_SHOWN_OUTSIDE,
	COUNT_EDGE_ND_ANSWERED,
	COUNT_SEGMENT_ND_ANSWERED,
	COUNT_END,
};
#define LEDGER_LEN 160

/* Our announcement inside VXLAN (VNI 0xFFFFFF), big-endian; core/wire has the same. */
#define ANNOUNCEMENT_VNI 0xFFFFFF
/* In a tunnel id: a packet that was passed on (C8), an advert that a relay had, a frame from a segment's outside. */
#define VNI_MARK (1 << 23)
#define ANNOUNCEMENT_ETHERTYPE 0x88B5
#define ANNOUNCEMENT_MAGIC 0x4856
#define ANNOUNCEMENT_VERSION 2
/* Version 1 ended behind the nonce; hosts without keys may still send it. */
#define ANNOUNCEMENT_UNSEALED 1
enum announcement_kind {
	ANNOUNCE = 1,
	CORRECTION = 2,
	ECHO_REQUEST = 3,
	ECHO_REPLY = 4,
	DOUBT = 5,
	ALIVE = 6,
	ADVERT_STALLED = 7,
};
#define ANNOUNCEMENT_RELEASED 1
#define ANNOUNCEMENT_PORT_DOWN 2 /* of an ANNOUNCE: released because the holder's port went down */
struct announcement {
	__be16 magic;
	__u8 version;
	__u8 length; /* of this part; longer tails are ignored */
	__u8 kind;
	__u8 hops; /* 0: a relay passes it on, with 1 */
	__be16 flags;
	__be32 vni;
	__be32 from_host;
	__u8 address[16];
	__be64 incarnation;
	__be64 epoch;
	__be32 host;
	__be32 port;
	__u8 mac[6];
	__u8 zero[2];
	__be32 moves;
	__be64 nonce;
	__be32 key;     /* the seal's; 0: not sealed */
	__be64 sent_at; /* the sender's boot time in ns */
	__be64 seal;    /* SipHash-2-4 of all before it, hops taken for 0 */
} __attribute__((packed));
#define ANNOUNCEMENT_UNSEALED_LEN 76

_Static_assert(sizeof(struct address_key) == 20, "keep in step with AddressKey");
_Static_assert(sizeof(struct address_port_key) == 24, "keep in step with AddressPortKey");
_Static_assert(sizeof(struct address) == 32, "keep in step with Address");
_Static_assert(sizeof(struct port) == 88, "keep in step with Port");
_Static_assert(sizeof(struct subnet) == 44, "keep in step with Subnet");
_Static_assert(sizeof(struct segment) == 32, "keep in step with Segment");
_Static_assert(sizeof(struct outsider) == 32, "keep in step with Outsider");
_Static_assert(sizeof(struct record) == 40, "keep in step with Record");
_Static_assert(sizeof(struct move) == 40, "keep in step with Move");
_Static_assert(sizeof(struct kept_record) == 432, "records never change size");
_Static_assert(sizeof(struct event) == 144, "keep in step with Event");
_Static_assert(sizeof(struct refusal) == 56, "keep in step with Refusal");
_Static_assert(sizeof(struct order) == 120, "keep in step with Order");
_Static_assert(sizeof(struct delivered) == 216, "keep in step with Delivered");
_Static_assert(sizeof(struct announcement) == 96, "keep in step with core/wire");
_Static_assert(sizeof(struct peer) == 32, "keep in step with Peer");
_Static_assert(sizeof(struct tuple) == 40, "keep in step with core/groups");
_Static_assert(sizeof(struct flow) == 56, "keep in step with Flow");
_Static_assert(sizeof(struct flow_set) == sizeof(struct empty_flow_set), "all of it begins as zero");
_Static_assert(sizeof(struct seal_key) == 24, "keep in step with SealKey");

#endif
