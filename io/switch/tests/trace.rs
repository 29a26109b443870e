//! Looking on: what hooks are given, and what becomes of it.

mod hook;

use havip_model::MacAddr;
use havip_switch::{Seen, Trace, Wanted};
use havip_wire::{Arp, build::frame, build::gratuitous_arp};
use hook::{GATEWAY, Hook, VIP, VIRTUAL_MAC, eventually, mac, own, underlay};
use std::{net::Ipv4Addr, time::Duration};

fn ping(from: u32, to_mac: MacAddr, source: Ipv4Addr, destination: Ipv4Addr, ttl: u8) -> Vec<u8> {
    frame(mac(from), to_mac).ip(source, destination).ttl(ttl).ping(1, 1)
}

fn look_on(hook: &Hook, wanted: &Wanted) -> Trace {
    hook.switch.look_on(hook.switch.looker().load(true).unwrap(), wanted).unwrap()
}

/// A guest sends this frame to the programs that are at work now; the scene's own runs are of those before.
fn sends(hook: &Hook, number: u32, frame: &[u8]) {
    let mut context = hook.context(&format!("p{number}"));
    hook.switch.run("port_rx", frame, Some(&mut context)).unwrap();
}

/// The last frame of each processor is told after some milliseconds.
fn takes(trace: &mut Trace, count: usize) -> Vec<Seen> {
    let mut all = vec![];
    eventually(Duration::from_secs(2), "all frames are told", || {
        all.extend(trace.take().unwrap().0);
        all.len() >= count
    });
    assert_eq!(all.len(), count);
    all.sort_by_key(|seen| seen.at);
    all
}

fn reason(seen: &Seen) -> Option<&'static str> {
    seen.reason.map(havip_switch::reason_name)
}

#[test]
fn every_frame_is_told_with_what_became_of_it() {
    let hook = Hook::new("trace");
    let mut trace = look_on(&hook, &Wanted::default());
    let device = |name: &str| Some(hook.ifindex(name));
    let asked = frame(mac(11), MacAddr::BROADCAST).arp(Arp::request(mac(11), own(11), GATEWAY));
    // What was sent, the device that it left by, why it did not go where it was to go.
    let rows: [(Vec<u8>, Option<u32>, Option<&str>); 6] = [
        (ping(11, mac(12), own(11), own(12), 64), device("p12"), None),
        (ping(11, mac(13), own(11), own(13), 64), device("ov"), None),
        (ping(11, mac(12), own(12), own(12), 64), None, Some("source_address")),
        (ping(11, VIRTUAL_MAC, own(11), own(21), 1), device("p11"), Some("ttl")),
        (asked, device("p11"), None),
        (gratuitous_arp(mac(11), VIP), None, None),
    ];
    for (frame, ..) in &rows {
        sends(&hook, 11, frame);
    }
    let seen = takes(&mut trace, rows.len());
    for ((frame, left_by, why), seen) in rows.iter().zip(&seen) {
        assert_eq!((seen.left_by, reason(seen)), (*left_by, *why));
        assert_eq!((&seen.frame, seen.length as usize), (frame, frame.len()));
        assert_eq!((seen.came_by, seen.tunnel), (device("p11"), None));
    }
    assert_eq!(seen[1].aimed_at, Some((underlay(2), 100)));

    let mut trace = look_on(&hook, &Wanted { messages: true, ..Wanted::default() });
    sends(&hook, 12, &gratuitous_arp(mac(12), VIP));
    let seen = takes(&mut trace, 3);
    let told = |seen: &Seen| (seen.came_by, seen.left_by, seen.aimed_at);
    let mut told: Vec<_> = seen.iter().map(told).collect();
    told.sort();
    let announced = |host| (None, device("ov"), Some((underlay(host), 0xff_ffff)));
    assert_eq!(told, [announced(2), announced(3), (device("p12"), None, Some((underlay(3), 0xff_ffff)))]);
}

#[test]
fn only_what_a_device_sends_or_is_given_and_only_what_is_dropped_if_so_wanted() {
    let hook = Hook::new("tracefew");
    let frames = [
        (11, ping(11, mac(12), own(11), own(12), 64)),
        (11, ping(11, mac(13), own(11), own(13), 64)),
        (12, ping(12, mac(11), own(12), own(11), 64)),
        (12, ping(12, mac(11), own(11), own(11), 64)),
    ];
    let told = |wanted: Wanted, count: usize| -> Vec<usize> {
        let mut trace = look_on(&hook, &wanted);
        for (from, frame) in &frames {
            sends(&hook, *from, frame);
        }
        let which = |seen: &Seen| frames.iter().position(|(_, frame)| *frame == seen.frame).unwrap();
        takes(&mut trace, count).iter().map(which).collect()
    };
    let twelve = Some(hook.ifindex("p12"));
    assert_eq!(told(Wanted { ifindex: twelve, ..Wanted::default() }, 3), [0, 2, 3]);
    assert_eq!(told(Wanted { dropped_only: true, ..Wanted::default() }, 1), [3]);
    assert_eq!(told(Wanted::default(), 4), [0, 1, 2, 3]);
}

#[test]
fn what_nobody_takes_is_counted_and_the_end_leaves_nothing_that_looks() {
    let hook = Hook::new("traceend");
    let mut trace = look_on(&hook, &Wanted::default());
    // Longer than what is kept of it.
    let long = frame(mac(11), mac(12)).ip(own(11), own(12)).udp(1, 2, &[7; 1200]);
    sends(&hook, 11, &long);
    let seen = &takes(&mut trace, 1)[0];
    assert_eq!((seen.length as usize, &seen.frame[..]), (long.len(), &long[..512]));

    let sent = 3000; // the ring holds some 1700
    for _ in 0..sent {
        sends(&hook, 11, &long);
    }
    let mut told = 0;
    eventually(Duration::from_secs(2), "every frame is told or counted", || {
        let (seen, lost) = trace.take().unwrap();
        told += seen.len();
        lost > 0 && told + lost as usize == sent
    });

    hook.switch.look_away(hook.switch.looker().load(false).unwrap()).unwrap();
    // Many more than processors: of each the last frame is told with the next.
    for _ in 0..200 {
        sends(&hook, 11, &long);
    }
    assert_eq!(trace.take().unwrap().0, []);
}
