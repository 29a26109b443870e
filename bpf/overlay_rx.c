// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include <linux/pkt_cls.h>
SEC("tc")
int overlay_rx(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}
