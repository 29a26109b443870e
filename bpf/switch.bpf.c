// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The switch: one translation unit, one file per hook. */
#include "maps.h"
#include "state.h"

#include "port_rx.c"
#include "overlay_rx.c"
#include "edge_rx.c"
#include "dhcp_rx.c"
#include "agent_op.c"

/* Types that only user space names, kept in BTF for the layout test. */
struct announcement unused_announcement __attribute__((used));
enum reason unused_reason __attribute__((used));
enum counter unused_counter __attribute__((used));

char LICENSE[] SEC("license") = "Dual MIT/GPL";
