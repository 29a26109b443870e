//! The same with IPv6: host 1 is the active edge of three EIPs, of the VIP, of port 11, of port 13 of host 2.

use super::EDGE_MAC;
use crate::hook::six::{VIP, own};
use crate::hook::{Hook, port, vni};
use havip_model::{Incarnation, MoveCause, VipKey};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::{Edge, Order, Outcome};
use std::net::Ipv6Addr;

pub const EIP: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xe, 0, 0, 0, 0, 9);
pub const EIP_OF_11: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xe, 0, 0, 0, 0, 0x11);
pub const EIP_OF_13: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xe, 0, 0, 0, 0, 0x13);
pub const ROUTER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xe, 0, 0, 0, 0, 1);
pub const CLIENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, 7);

pub fn key(address: Ipv6Addr) -> VipKey {
    VipKey { vni: vni(), address: address.into() }
}

/// The scene; `name` is unique among tests.
pub fn edge(name: &str) -> Hook {
    let mut hook = Hook::six(&format!("edge6-{name}"));
    let device = Edge { ifindex: hook.ifindex("e0"), mac: EDGE_MAC, address: None };
    hook.switch.attach_edge(device).unwrap();
    let pool = EntryKey::Pool("2001:db8:e::/64".parse().unwrap());
    hook.put(pool, Entry::Pool { gateway: Some(ROUTER.into()) });
    for (public, target) in [(EIP, VIP), (EIP_OF_11, own(11)), (EIP_OF_13, own(13))] {
        let incarnation = Incarnation(6);
        limit(&hook, public, target, None);
        hook.put(EntryKey::Nat(vni(), target.into()), Entry::Nat { public: public.into(), incarnation });
        hook.order(Order::Prepare { key: key(public), incarnation });
        let (key, cause) = (key(public), MoveCause::Claim);
        let take = Order::Take { key, port: port(1), mac: EDGE_MAC, expected: None, cause };
        assert_eq!(hook.order(take), Outcome::Done);
    }
    hook.settle();
    hook
}

pub fn limit(hook: &Hook, public: Ipv6Addr, target: Ipv6Addr, bandwidth_mbps: Option<u32>) {
    let entry = Entry::Eip { vni: vni(), target: target.into(), bandwidth_mbps };
    hook.put(EntryKey::Eip(public.into()), entry);
}
