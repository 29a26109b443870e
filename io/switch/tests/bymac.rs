//! Frames that a guest sends to the MAC of another interface, which may take what is not for its own addresses.

mod hook;

use havip_model::{MacAddr, PortState};
use havip_reconcile::table::{Entry, EntryKey};
use havip_wire::build::frame;
use hook::{Hook, REDIRECTED, VIP, VIRTUAL_MAC, mac, own, port, six, underlay, vip, vni};
use std::net::{Ipv4Addr, Ipv6Addr};

fn ping(from: u32, to_mac: MacAddr, destination: Ipv4Addr) -> Vec<u8> {
    frame(mac(from), to_mac).ip(own(from), destination).ping(1, 1)
}
fn ping6(from: u32, to_mac: MacAddr, destination: Ipv6Addr) -> Vec<u8> {
    six::ping(mac(from), to_mac, six::own(from), destination, 64)
}

/// Somewhere outside the VPC.
const FAR: Ipv4Addr = Ipv4Addr::new(172, 16, 5, 5);
const FAR6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, 0, 5);

impl Hook {
    /// The interface passes on what is not its own.
    fn router(&self, number: u32, on: u32) {
        self.interface(number, Some(on), false);
        if on == 1 {
            self.plug(number, PortState::Active, false);
        }
    }
    /// The frame goes on as it is.
    #[track_caller]
    fn passes(&mut self, from: u32, frame: &[u8], how: &'static str) {
        let ran = self.sends(from, frame);
        assert_eq!((ran.verdict, ran.frame.as_slice()), (REDIRECTED, frame));
        self.counted(&[(how, 1)]);
    }
    #[track_caller]
    fn comes_in(&mut self, frame: &[u8]) {
        let ran = self.arrives(underlay(2), 100, frame);
        assert_eq!((ran.verdict, ran.frame.as_slice()), (REDIRECTED, frame));
        self.counted(&[("delivered", 1)]);
    }
}

#[test]
fn a_frame_to_a_real_servers_mac_reaches_it_under_the_vip_for_direct_return() {
    let mut hook = Hook::new("direct");
    hook.holds(11);
    hook.plug(11, PortState::Active, false); // a balancer passes on what is from others
    let to_server = |number| frame(mac(11), mac(number)).ip(own(21), VIP).ping(1, 1);
    hook.sends(11, &to_server(12));
    hook.counted(&[("to_self", 1)]); // by IP: back to the balancer

    for number in [12, 13] {
        hook.put(EntryKey::Entitled(vip(), port(number)), Entry::Entitled { direct_return: true });
    }
    hook.passes(11, &to_server(12), "delivered");
    hook.passes(11, &to_server(13), "sent_remote");
    let arrived = ping(13, mac(12), VIP);
    let ran = hook.arrives(underlay(2), 100, &arrived);
    assert_eq!(ran.frame, ping(13, mac(11), VIP), "the holder is here: by IP");
    hook.counted(&[("delivered", 1)]);
    hook.released(11);
    hook.comes_in(&arrived);
    // That is for the VIP alone: nothing else is brought to a server by its MAC.
    hook.sends(11, &ping(11, mac(12), FAR));
    hook.counted(&[("no_route", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_frame_to_a_real_servers_mac_reaches_it_under_the_vip_of_ipv6_for_direct_return() {
    let mut hook = Hook::six("direct6");
    hook.holds6(11);
    hook.plug(11, PortState::Active, false);
    let to_server = |number| six::ping(mac(11), mac(number), six::own(21), six::VIP, 64);
    hook.refuses(11, "to_self", &to_server(12));

    for number in [12, 13] {
        hook.put(EntryKey::Entitled(six::vip(), port(number)), Entry::Entitled { direct_return: true });
    }
    hook.passes(11, &to_server(12), "delivered");
    hook.passes(11, &to_server(13), "sent_remote");
    let arrived = ping6(13, mac(12), six::VIP);
    let ran = hook.arrives(underlay(2), 100, &arrived);
    assert_eq!(ran.frame, ping6(13, mac(11), six::VIP), "the holder is here: by IP");
    hook.counted(&[("delivered", 1)]);
    hook.released6(11);
    hook.comes_in(&arrived);
    hook.sends(11, &ping6(11, mac(12), FAR6));
    hook.counted(&[("no_eip", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_guest_may_choose_a_router_of_its_own_subnet_by_mac() {
    let mut hook = Hook::six("bymac");
    let route = |next_hop: Ipv4Addr| Entry::Route { next_hop: Some(next_hop.into()) };
    hook.sends(11, &ping(11, mac(12), FAR));
    hook.counted(&[("no_route", 1), ("icmp_sent", 1)]); // its source/destination check is on

    hook.router(12, 1);
    hook.router(13, 2);
    for (frame, how) in [
        (ping(11, mac(12), FAR), "delivered"),
        (ping(11, mac(13), FAR), "sent_remote"),
        (ping6(11, mac(12), FAR6), "delivered"),
        (ping6(11, mac(13), FAR6), "sent_remote"),
    ] {
        hook.passes(11, &frame, how); // no step of routing: the router is a neighbour
    }
    hook.comes_in(&ping(13, mac(12), FAR));
    hook.comes_in(&ping6(13, mac(12), FAR6));

    // The route that the guest chose wins over one of the VPC, on both hosts.
    hook.router(21, 1);
    hook.put(EntryKey::Route(vni(), "172.16.0.0/12".parse().unwrap()), route(own(21)));
    hook.passes(11, &ping(11, mac(12), FAR), "delivered");
    hook.comes_in(&ping(13, mac(12), FAR));
    assert_eq!(hook.sends(11, &ping(11, VIRTUAL_MAC, FAR)).verdict, REDIRECTED);
    hook.counted(&[("routed", 1), ("delivered", 1)]);

    // An ordinary address goes by IP, whatever the MAC says: a neighbour entry for it may be stale.
    let ran = hook.sends(12, &ping(12, mac(13), own(11)));
    assert_eq!(ran.frame, ping(12, mac(11), own(11)));
    hook.counted(&[("delivered", 1)]);
    let ran = hook.arrives(underlay(2), 100, &ping(13, mac(12), own(11)));
    assert_eq!(ran.frame, ping(13, mac(11), own(11)));
    hook.counted(&[("delivered", 1)]);
}

#[test]
fn by_mac_nobody_is_reached_in_another_subnet_nor_who_checks_nor_what_is_link_local() {
    let mut hook = Hook::six("bymacnot");
    hook.router(12, 1);
    hook.sends(21, &ping(21, mac(12), FAR));
    hook.counted(&[("no_route", 1), ("icmp_sent", 1)]);
    hook.sends(21, &ping6(21, mac(12), FAR6));
    hook.counted(&[("no_eip", 1), ("icmp_sent", 1)]);
    // Another host's word for it is not enough.
    hook.arrives(underlay(2), 100, &ping(13, mac(11), FAR));
    hook.counted(&[("no_route", 1)]);
    hook.arrives(underlay(2), 100, &ping6(13, mac(11), FAR6));
    hook.counted(&[("no_route", 1)]);
    hook.sends(11, &ping6(11, mac(12), six::link_local(mac(21))));
    hook.counted(&[("no_route", 1), ("icmp_sent", 1)]);
    hook.sends(11, &six::ping(mac(11), mac(12), six::link_local(mac(11)), six::own(21), 64));
    hook.counted(&[("scope", 1), ("icmp_sent", 1)]);
    // A port of another VPC with the same MAC is not this one's.
    hook.arrives(underlay(2), 101, &ping(13, mac(12), FAR));
    hook.counted(&[("vni_unknown", 1)]);
}
