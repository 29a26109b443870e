// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The switch: one translation unit, one file per hook. */
#include "maps.h"
#include "state.h"

#include "port_rx.c"
#include "port6_rx.c"
#include "overlay_rx.c"
#include "overlay6_rx.c"
#include "advert6_rx.c"
#include "edge_rx.c"
#include "edge6_rx.c"
#include "segment_rx.c"
#include "segment6_rx.c"
#include "dhcp_rx.c"
#include "agent_op.c"

/* What only user space names, kept in BTF for the test that compares layouts. */
union {
	struct announcement announcement;
	struct event event;
	struct refusal refusal;
	struct order order;
	struct seen seen;
	struct look_wanted look_wanted;
	struct logged_key logged_key;
	struct logged logged;
	struct followed followed;
	struct followed_so_far followed_so_far;
	enum reason reason;
	enum counter counter;
} layouts __attribute__((used));

char LICENSE[] SEC("license") = "Dual MIT/GPL";
