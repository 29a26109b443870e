/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The seal of an announcement: a keyed digest that only hosts of the fabric can make (SipHash-2-4, 64 bits).
 *
 * It says that a host wrote these bytes, not which one, and not when: all hosts share the key, and what was sealed
 * once stays sealed. Against repetition there is the order of records (C5) and, for what says that somebody lives,
 * the time of sending (is_fresh).
 */
#ifndef HAVIP_SEAL_H
#define HAVIP_SEAL_H

#include "count.h"

struct announcement_frame {
	struct ethhdr ethernet;
	struct announcement body;
} __attribute__((packed));

#define SEALED_LEN offsetof(struct announcement, seal)
_Static_assert(SEALED_LEN % 8 == 0, "the seal is over whole words");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "SipHash reads little-endian words");

static __always_inline __u64 rotated(__u64 word, __u32 bits)
{
	return word << bits | word >> (64 - bits);
}

struct sip {
	__u64 a, b, c, d;
};

static __always_inline void sip_round(struct sip *state)
{
	state->a += state->b;
	state->c += state->d;
	state->b = rotated(state->b, 13) ^ state->a;
	state->d = rotated(state->d, 16) ^ state->c;
	state->a = rotated(state->a, 32);
	state->c += state->b;
	state->a += state->d;
	state->b = rotated(state->b, 17) ^ state->c;
	state->d = rotated(state->d, 21) ^ state->a;
	state->c = rotated(state->c, 32);
}

static __always_inline void sip_word(struct sip *state, __u64 word)
{
	state->d ^= word;
	sip_round(state);
	sip_round(state);
	state->a ^= word;
}

/* The seal that this key makes over the announcement. */
static __always_inline __u64 seal_over(const struct announcement *body, const struct seal_key *key)
{
	struct sip state = {
		.a = key->first ^ 0x736f6d6570736575ULL,
		.b = key->second ^ 0x646f72616e646f6dULL,
		.c = key->first ^ 0x6c7967656e657261ULL,
		.d = key->second ^ 0x7465646279746573ULL,
	};
	/* Packets may be read at any address: whole words, where a packed struct would be read byte by byte. */
	const __u64 *words = (const void *)body;
	__u32 i;

	/* Relays change the hops, and cannot be told from others: the seal does not cover them. */
	sip_word(&state, words[0] & ~(0xffULL << 8 * offsetof(struct announcement, hops)));
#pragma unroll
	for (i = 1; i < SEALED_LEN / 8; i++)
		sip_word(&state, words[i]);
	sip_word(&state, (__u64)SEALED_LEN << 56);
	state.c ^= 0xff;
	sip_round(&state);
	sip_round(&state);
	sip_round(&state);
	sip_round(&state);
	return state.a ^ state.b ^ state.c ^ state.d;
}

static __always_inline const struct sealing *the_sealing(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sealing, &zero);
}

/* The key with this number; NULL if this host does not have it. */
static __always_inline const struct seal_key *seal_key(__u32 number)
{
	__u32 slot = number & 1;
	const struct seal_key *key = bpf_map_lookup_elem(&seal_keys, &slot);

	return key && number && key->id == number ? key : NULL;
}

/* Stamps and seals the announcement that the packet is. A global function: verified once. */
__noinline int seal(struct __sk_buff *skb)
{
	struct announcement_frame *frame = (void *)(long)skb->data;
	const struct sealing *how = the_sealing();
	const struct seal_key *key;

	if ((void *)(frame + 1) > (void *)(long)skb->data_end)
		return 0;
	frame->body.sent_at = bpf_cpu_to_be64(bpf_ktime_get_boot_ns());
	key = how ? seal_key(READ_ONCE(how->key)) : NULL;
	frame->body.key = bpf_htonl(key ? key->id : 0);
	frame->body.seal = key ? bpf_cpu_to_be64(seal_over(&frame->body, key)) : 0;
	return 1;
}

/*
 * Whether the announcement that the packet is was sealed by a host of the fabric: 0 or a reason.
 * Until every host has the first key, what is not sealed is believed as before.
 */
__noinline int judge_seal(struct __sk_buff *skb)
{
	struct announcement_frame *frame = (void *)(long)skb->data;
	const struct sealing *how = the_sealing();
	__u32 otherwise = how && READ_ONCE(how->required) ? REASON_ANNOUNCEMENT_FORGED : 0;
	const struct seal_key *key;

	if ((void *)(frame + 1) > (void *)(long)skb->data_end || frame->body.version < ANNOUNCEMENT_VERSION)
		return otherwise;
	key = seal_key(bpf_ntohl(frame->body.key));
	if (!key)
		return otherwise;
	return bpf_be64_to_cpu(frame->body.seal) == seal_over(&frame->body, key) ? 0 : REASON_ANNOUNCEMENT_FORGED;
}

#endif
