//! What one port may cause and have remembered: bounded, so that others have their part.

mod hook;

use havip_claim::Order;
use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_wire::{
    Arp, Authentication, Vrrp, VrrpVersion,
    build::{frame, gratuitous_arp},
};
use hook::{DROPPED, Hook, REDIRECTED, VIP, VIRTUAL_MAC, host, mac, own, port, subnet_of, vip, vni};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

/// How many pass of so many sent at once: a burst, and what has come in while they were sent.
fn passes(burst: u64, a_second: u64, began: Instant) -> std::ops::RangeInclusive<u64> {
    burst..=burst + began.elapsed().as_millis() as u64 * a_second / 1000 + 1
}

#[test]
fn a_ports_probes_are_passed_to_holders_at_a_limited_rate_and_anothers_are_not_held_up() {
    let mut hook = Hook::new("probes-limited");
    let holder = Holder { host: host(2), port: port(13) };
    let (incarnation, epoch) = (Incarnation(5), Epoch(10));
    let record = Record { incarnation, epoch, holder, released: false, mac: mac(13), moves: 1 };
    hook.order(Order::Merge { key: vip(), record });
    hook.settle();
    // Each from another MAC that an associated port may have: each would be remembered by itself.
    let probe = |of: MacAddr| frame(of, MacAddr::BROADCAST).arp(Arp::request(of, Ipv4Addr::UNSPECIFIED, VIP));
    let began = Instant::now();
    let passed = (0..=255).filter(|vrid| {
        let ran = hook.sends(11, &probe(MacAddr::vrrp(false, *vrid)));
        assert!([REDIRECTED, DROPPED].contains(&ran.verdict));
        ran.verdict == REDIRECTED
    });
    let passed = passed.count() as u64;
    assert!(passes(16, 10, began).contains(&passed), "{passed}");
    hook.counted(&[("probe_forwarded", passed), ("sent_remote", passed), ("probe_limited", 256 - passed)]);
    assert_eq!(hook.sends(12, &probe(mac(12))).verdict, REDIRECTED);
    hook.counted(&[("probe_forwarded", 1), ("sent_remote", 1)]);
}

#[test]
fn claims_without_an_agent_are_followed_at_once_and_not_without_bound() {
    let mut hook = Hook::new("claims-alone");
    let began = Instant::now();
    let mut last = hook.record();
    let mut followed = 0;
    // Another MAC each time, so that each is a new claim.
    for turn in 0..400u32 {
        let of = if turn % 2 == 0 { mac(11) } else { MacAddr::vrrp(false, 51) };
        hook.sends(11, &gratuitous_arp(of, VIP));
        let now = hook.record();
        followed += u64::from(now != last);
        last = now;
    }
    assert!(passes(128, 32, began).contains(&followed), "{followed}");
    let limited = hook.switch.ledger().unwrap()["claim_limited"];
    // The last one that was followed is refreshed by every second claim that is not.
    let refreshed = hook.switch.ledger().unwrap().get("claim_refreshed").copied().unwrap_or(0);
    assert_eq!(followed + limited + refreshed, 400);

    hook.settle();
    hook.sends(12, &gratuitous_arp(mac(12), VIP));
    assert_eq!(hook.record().unwrap().holder.port, port(12), "another port's claim is followed");
    // And with an agent at work the port has its ordinary bucket, untouched.
    hook.switch.beat().unwrap();
    hook.sends(11, &gratuitous_arp(mac(11), VIP));
    assert_eq!(hook.record().unwrap().holder.port, port(11));
}

#[test]
fn a_port_that_advertises_every_vip_there_is_crowds_nobody_out() {
    let mut hook = Hook::new("advertises");
    let addresses: Vec<IpAddr> = (1..=100).map(|last| Ipv4Addr::new(10, 0, 7, last).into()).collect();
    for address in &addresses {
        let key = VipKey { vni: vni(), address: *address };
        let incarnation = Incarnation(5);
        let entry = Address::Vip { subnet: subnet_of(10), incarnation, subnet_binding: false, hold: false };
        hook.put(EntryKey::Address(key.vni, key.address), Entry::Address(entry));
    }
    hook.settle();
    let version = VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::None };
    let began = Instant::now();
    for named in addresses.chunks(20) {
        let vrrp = Vrrp { vrid: 51, priority: 100, version, addresses: named.to_vec() };
        hook.sends(11, &frame(mac(11), VIRTUAL_MAC).ip(own(11), own(12)).ttl(255).vrrp(&vrrp));
    }
    let forgotten = hook.switch.ledger().unwrap()["advert_forgotten"];
    assert!(passes(32, 1, began).contains(&(100 - forgotten)), "{forgotten} forgotten");
    // Each that is remembered is told once, so the ring is not crowded either.
    assert_eq!(hook.told().len() as u64, 100 - forgotten);

    hook.settle();
    let vrrp = Vrrp { vrid: 51, priority: 100, version, addresses: vec![VIP.into()] };
    hook.sends(12, &frame(mac(12), VIRTUAL_MAC).ip(own(12), own(11)).ttl(255).vrrp(&vrrp));
    assert_eq!(hook.told().len(), 1, "another port's advert is remembered");
}
