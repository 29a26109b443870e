//! Custom routes: where they lead, what wins over what, and what the sender of a packet that goes nowhere is told.

mod edge_scene;
mod hook;

use edge_scene::{CLIENT, complaint, edge, packets};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, PortState, Record};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::Order;
use havip_wire::{IcmpError, Icmpv6, Icmpv6Error, build::frame};
use hook::{GATEWAY, Hook, REDIRECTED, VIP, VIRTUAL_MAC, host, mac, own, port, six, underlay, vip, vni};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn ping(from: MacAddr, to: MacAddr, source: Ipv4Addr, destination: Ipv4Addr, ttl: u8) -> Vec<u8> {
    frame(from, to).ip(source, destination).ttl(ttl).ping(1, 1)
}
/// What a port sends by its gateway.
fn sent(number: u32, destination: Ipv4Addr) -> Vec<u8> {
    ping(mac(number), VIRTUAL_MAC, own(number), destination, 64)
}
/// The same a step of routing later.
fn routed(number: u32, to: MacAddr, destination: Ipv4Addr) -> Vec<u8> {
    ping(VIRTUAL_MAC, to, own(number), destination, 63)
}
fn sent6(number: u32, destination: Ipv6Addr) -> Vec<u8> {
    six::ping(mac(number), VIRTUAL_MAC, six::own(number), destination, 64)
}
fn routed6(number: u32, to: MacAddr, destination: Ipv6Addr) -> Vec<u8> {
    six::ping(VIRTUAL_MAC, to, six::own(number), destination, 63)
}

impl Hook {
    fn route(&self, destination: &str, next_hop: impl Into<Option<IpAddr>>) {
        let key = EntryKey::Route(vni(), destination.parse().unwrap());
        self.put(key, Entry::Route { next_hop: next_hop.into() });
    }
    /// A port of this host that passes on what is not its own.
    fn router(&self, number: u32) {
        self.interface(number, Some(1), false);
        self.plug(number, PortState::Active, false);
    }
    #[track_caller]
    fn passes(&mut self, from: u32, frame: &[u8], expected: Vec<u8>, counted: &[(&'static str, u64)]) {
        let ran = self.sends(from, frame);
        assert_eq!((ran.verdict, ran.frame), (REDIRECTED, expected));
        self.counted(counted);
    }
    /// Port 13 of host 2 holds the VIP.
    fn held_elsewhere(&mut self) {
        let last = self.record().map_or(1 << 20, |record| record.epoch.0);
        let holder = Holder { host: host(2), port: port(13) };
        let (epoch, incarnation) = (Epoch(last + 1), Incarnation(5));
        let record = Record { incarnation, epoch, holder, released: false, mac: mac(13), moves: 9 };
        self.order(Order::Merge { key: vip(), record });
        self.settle();
    }
}

const DELIVERED: &[(&str, u64)] = &[("routed", 1), ("delivered", 1)];
const FAR: Ipv4Addr = Ipv4Addr::new(172, 16, 5, 5);
const FAR6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, 0, 5);
/// The gateway of port 21.
const GATEWAY_2: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const GATEWAY6_2: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 0, 1);

#[test]
fn a_custom_route_leads_to_an_interface_that_may_pass_on_what_is_not_its_own() {
    let mut hook = Hook::new("routes");
    hook.route("172.16.0.0/12", IpAddr::from(own(12)));
    hook.passes(
        21,
        &sent(21, FAR),
        complaint(&sent(21, FAR), GATEWAY_2, IcmpError::HOST_UNREACHABLE),
        &[("next_hop_checked", 1), ("icmp_sent", 1)],
    );

    hook.router(12);
    hook.passes(21, &sent(21, FAR), routed(21, mac(12), FAR), DELIVERED);
    // From another host, which has taken the step already.
    let arrived = ping(VIRTUAL_MAC, VIRTUAL_MAC, own(13), FAR, 60);
    let ran = hook.arrives(underlay(2), 100, &arrived);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, ping(VIRTUAL_MAC, mac(12), own(13), FAR, 60)));
    hook.counted(&[("delivered", 1)]);
    // In its own subnet it is routed all the same: the router is no neighbour by which the destination is reached.
    hook.passes(11, &sent(11, FAR), routed(11, mac(12), FAR), DELIVERED);

    hook.interface(13, Some(2), false);
    hook.route("172.16.0.0/12", IpAddr::from(own(13)));
    hook.passes(21, &sent(21, FAR), routed(21, VIRTUAL_MAC, FAR), &[("routed", 1), ("sent_remote", 1)]);
    let last = ping(mac(21), VIRTUAL_MAC, own(21), FAR, 1);
    let told = complaint(&last, GATEWAY_2, IcmpError::TTL_EXCEEDED);
    hook.passes(21, &last, told, &[("ttl", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_custom_route_to_a_vip_follows_its_holder_at_once() {
    let mut hook = Hook::new("routevip");
    hook.route("172.16.0.0/12", IpAddr::from(VIP));
    let nobody = complaint(&sent(21, FAR), GATEWAY_2, IcmpError::HOST_UNREACHABLE);
    hook.passes(21, &sent(21, FAR), nobody.clone(), &[("no_holder", 1), ("icmp_sent", 1)]);

    hook.holds(11);
    let checked = [("routed", 1), ("next_hop_checked", 1), ("icmp_sent", 1)];
    assert_eq!(hook.sends(21, &sent(21, FAR)).verdict, REDIRECTED);
    hook.counted(&checked);
    let arrived = ping(VIRTUAL_MAC, VIRTUAL_MAC, own(13), FAR, 60);
    hook.arrives(underlay(2), 100, &arrived);
    hook.counted(&[("next_hop_checked", 1)]);

    hook.router(11);
    hook.router(12);
    hook.passes(21, &sent(21, FAR), routed(21, mac(11), FAR), DELIVERED);
    assert_eq!(hook.arrives(underlay(2), 100, &arrived).frame, ping(VIRTUAL_MAC, mac(11), own(13), FAR, 60));
    hook.counted(&[("delivered", 1)]);
    hook.holds(12);
    hook.passes(21, &sent(21, FAR), routed(21, mac(12), FAR), DELIVERED);
    hook.held_elsewhere();
    hook.passes(21, &sent(21, FAR), routed(21, VIRTUAL_MAC, FAR), &[("routed", 1), ("sent_remote", 1)]);
    // It came here as the holder's host; its sender learns who is, and what was passed on once is not again (C8).
    assert_eq!(hook.arrives(underlay(3), 100, &arrived).verdict, 2);
    hook.counted(&[("passed_on", 1), ("sender_told", 1)]);
    hook.arrives(underlay(3), 100 | 1 << 23, &arrived);
    hook.counted(&[("not_holder", 1)]);
    hook.holds(11);
    hook.released(11);
    hook.passes(21, &sent(21, FAR), nobody, &[("no_holder", 1), ("icmp_sent", 1)]);
}

#[test]
fn the_longest_prefix_wins_and_a_subnet_over_every_route() {
    let mut hook = Hook::new("longest");
    hook.router(11);
    hook.router(12);
    hook.router(21);
    hook.route("0.0.0.0/0", IpAddr::from(own(11)));
    hook.route("172.16.0.0/12", IpAddr::from(own(12)));
    hook.route("172.16.5.5/32", IpAddr::from(own(21)));
    hook.route("10.0.0.0/24", None);
    let at = |a, b, c, d| Ipv4Addr::new(a, b, c, d);
    for (destination, router) in [
        (at(8, 8, 8, 8), 11),
        (at(172, 15, 255, 255), 11),
        (at(172, 16, 0, 0), 12),
        (at(172, 16, 5, 4), 12),
        (at(172, 31, 255, 255), 12),
        (at(172, 32, 0, 0), 11),
    ] {
        hook.passes(21, &sent(21, destination), routed(21, mac(router), destination), DELIVERED);
    }
    hook.passes(11, &sent(11, FAR), routed(11, mac(21), FAR), DELIVERED);
    // Who has an address in a subnet is reached there, and what nobody has there leaves by no route.
    let inside = sent(21, own(12));
    hook.passes(21, &inside, routed(21, mac(12), own(12)), DELIVERED);
    let nobody = sent(21, at(10, 0, 0, 200));
    let told = complaint(&nobody, GATEWAY_2, IcmpError::HOST_UNREACHABLE);
    hook.passes(21, &nobody, told, &[("no_route", 1), ("icmp_sent", 1)]);
    // Another VPC has none of them.
    hook.remove(EntryKey::Route(vni(), "0.0.0.0/0".parse().unwrap()));
    let elsewhere = EntryKey::Route(havip_model::Vni::new(101).unwrap(), "0.0.0.0/0".parse().unwrap());
    hook.put(elsewhere, Entry::Route { next_hop: Some(own(11).into()) });
    hook.sends(21, &sent(21, at(8, 8, 8, 8)));
    hook.counted(&[("no_eip", 1), ("icmp_sent", 1)]);
}

#[test]
fn a_route_is_no_way_for_the_router_that_it_leads_to() {
    let mut hook = edge("own-route");
    hook.router(11);
    hook.route("0.0.0.0/0", IpAddr::from(own(11)));
    hook.settle();
    // Others reach the outside by the router, and the router by its own EIP.
    hook.passes(12, &sent(12, CLIENT), routed(12, mac(11), CLIENT), DELIVERED);
    for (what, before, after) in packets((own(11), CLIENT), (edge_scene::EIP_OF_11, CLIENT)) {
        let ran = hook.sends(11, &before(frame(mac(11), VIRTUAL_MAC), 64));
        assert_eq!(ran.frame, after(frame(VIRTUAL_MAC, VIRTUAL_MAC), 63), "{what}");
        hook.counted(&[("routed", 1), ("left_vpc", 1), ("edge_out", 1)]);
    }
    // What is private goes nowhere, and who sent it learns that: a router that knows no way causes no circle.
    let lost = ping(mac(11), VIRTUAL_MAC, own(12), FAR, 62);
    let told = complaint(&lost, GATEWAY, IcmpError::HOST_UNREACHABLE);
    hook.passes(11, &lost, told, &[("no_route", 1), ("icmp_sent", 1)]);

    // The same of a VIP that the router holds.
    hook.holds(11);
    hook.route("0.0.0.0/0", IpAddr::from(VIP));
    let as_vip = ping(mac(11), VIRTUAL_MAC, VIP, CLIENT, 64);
    let ran = hook.sends(11, &as_vip);
    assert_eq!(ran.frame, ping(VIRTUAL_MAC, VIRTUAL_MAC, edge_scene::EIP, CLIENT, 63));
    hook.counted(&[("routed", 1), ("left_vpc", 1), ("edge_out", 1)]);
    hook.passes(12, &sent(12, CLIENT), routed(12, mac(11), CLIENT), DELIVERED);
}

#[test]
fn what_a_router_of_another_host_sends_to_the_outside_leaves_by_the_edge_although_a_route_leads_to_it() {
    let mut hook = edge("far-route");
    let from_13 = |source, ttl| ping(VIRTUAL_MAC, VIRTUAL_MAC, source, CLIENT, ttl);
    hook.interface(13, Some(2), false);
    hook.route("0.0.0.0/0", IpAddr::from(own(13)));
    let ran = hook.arrives(underlay(2), 100, &from_13(own(13), 63));
    assert_eq!(ran.frame, from_13(edge_scene::EIP_OF_13, 63));
    hook.counted(&[("edge_out", 1)]);

    // The same of a VIP that it holds, and sends as.
    hook.route("0.0.0.0/0", IpAddr::from(VIP));
    hook.held_elsewhere();
    let ran = hook.arrives(underlay(2), 100, &from_13(VIP, 63));
    assert_eq!(ran.frame, from_13(edge_scene::EIP, 63));
    hook.counted(&[("edge_out", 1)]);
    // What others send is for the router, wherever they took it to be, even if they have an EIP.
    hook.arrives(underlay(3), 100, &from_13(own(11), 63));
    hook.counted(&[("passed_on", 1), ("sender_told", 1)]);
    hook.router(11);
    hook.holds(11);
    let ran = hook.arrives(underlay(2), 100, &from_13(own(13), 63));
    assert_eq!(ran.frame, ping(VIRTUAL_MAC, mac(11), own(13), CLIENT, 63));
    hook.counted(&[("delivered", 1)]);
}

#[test]
fn an_eip_is_no_way_to_an_address_of_a_subnet_that_nobody_has() {
    let mut hook = edge("nobody");
    let gone = Ipv4Addr::new(10, 0, 1, 200);
    hook.sends(11, &sent(11, gone));
    hook.counted(&[("routed", 1), ("left_vpc", 1), ("edge_out", 1)]); // without the subnet's range

    hook.route("10.0.1.0/24", None);
    let told = complaint(&sent(11, gone), GATEWAY, IcmpError::HOST_UNREACHABLE);
    hook.passes(11, &sent(11, gone), told, &[("no_route", 1), ("icmp_sent", 1)]);
    hook.arrives(underlay(2), 100, &ping(VIRTUAL_MAC, VIRTUAL_MAC, own(13), gone, 63));
    hook.counted(&[("no_route", 1)]);
}

/// The error that port 21 is told about what it sent over IPv6.
fn told6(code: u8, about: &[u8]) -> Vec<u8> {
    let error = Icmpv6Error::Unreachable { code };
    let quoted = &about[14..about.len().min(14 + 96)];
    frame(VIRTUAL_MAC, mac(21)).ip6(GATEWAY6_2, six::own(21)).icmp(&Icmpv6::Error { error, quoted })
}

#[test]
fn custom_routes_of_ipv6_are_like_those_of_ipv4_and_have_none_of_it_under_them() {
    let mut hook = Hook::six("routes6");
    hook.route("::/0", IpAddr::from(six::own(12)));
    let told = told6(3, &sent6(21, FAR6));
    hook.passes(21, &sent6(21, FAR6), told, &[("next_hop_checked", 1), ("icmp_sent", 1)]);
    hook.router(12);
    hook.passes(21, &sent6(21, FAR6), routed6(21, mac(12), FAR6), DELIVERED);
    hook.sends(21, &sent(21, Ipv4Addr::new(10, 77, 0, 1)));
    hook.counted(&[("no_route", 1), ("icmp_sent", 1)]);
    // From a link-local address nothing is routed.
    hook.sends(21, &six::ping(mac(21), VIRTUAL_MAC, six::link_local(mac(21)), FAR6, 64));
    hook.counted(&[("scope", 1), ("icmp_sent", 1)]);

    // A longer prefix, to a VIP: it follows the holder at once.
    hook.route("2001:db8:5::/48", IpAddr::from(six::VIP));
    let nobody = told6(3, &sent6(21, FAR6));
    hook.passes(21, &sent6(21, FAR6), nobody, &[("no_holder", 1), ("icmp_sent", 1)]);
    hook.holds6(11);
    hook.sends(21, &sent6(21, FAR6));
    hook.counted(&[("routed", 1), ("next_hop_checked", 1), ("icmp_sent", 1)]);
    hook.router(11);
    hook.passes(21, &sent6(21, FAR6), routed6(21, mac(11), FAR6), DELIVERED);
    let arrived = six::ping(VIRTUAL_MAC, VIRTUAL_MAC, six::own(13), FAR6, 60);
    let ran = hook.arrives(underlay(2), 100, &arrived);
    assert_eq!(ran.frame, six::ping(VIRTUAL_MAC, mac(11), six::own(13), FAR6, 60));
    hook.counted(&[("delivered", 1)]);
    hook.holds6(12);
    hook.passes(21, &sent6(21, FAR6), routed6(21, mac(12), FAR6), DELIVERED);
    hook.held6_elsewhere();
    hook.passes(21, &sent6(21, FAR6), routed6(21, VIRTUAL_MAC, FAR6), &[("routed", 1), ("sent_remote", 1)]);
    let other: Ipv6Addr = "2001:db8:6::1".parse().unwrap();
    hook.passes(21, &sent6(21, other), routed6(21, mac(12), other), DELIVERED);

    // A subnet wins over the default route, and a route is no way for the router that it leads to.
    hook.route("fd00::/64", None);
    let gone: Ipv6Addr = "fd00::9999".parse().unwrap();
    let told = told6(0, &sent6(21, gone));
    hook.passes(21, &sent6(21, gone), told, &[("no_route", 1), ("icmp_sent", 1)]);
    hook.sends(12, &sent6(12, other));
    hook.counted(&[("no_eip", 1), ("icmp_sent", 1)]);
}
