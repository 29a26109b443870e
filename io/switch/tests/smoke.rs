//! The whole switch at work: real guests, two hosts, a VIP that moves.

mod fabric;

use fabric::{Fabric, VIP, eventually, own, run};
use havip_switch::Attach;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_vip_follows_arping_from_host_to_host() {
    follows_arping(Fabric::new("smoke"));
}

#[test]
fn a_vip_follows_arping_on_kernels_without_tcx_too() {
    follows_arping(Fabric::attached("smokecls", Attach::Clsact));
}

fn follows_arping(mut fabric: Fabric) {
    let blue = fabric.guest(1, 11);
    let green = fabric.guest(2, 12);
    let near = fabric.guest(1, 13);
    let far = fabric.guest(2, 14);
    fabric.vip(1, &[11, 12]);

    assert!(fabric.pings(&near, own(11)), "same host");
    assert!(fabric.pings(&near, own(12)), "other host");
    assert!(!fabric.pings(&near, VIP), "nobody holds the VIP yet");

    run(&format!("ip -n {blue} addr add {VIP}/32 dev eth0"));
    run(&format!("ip netns exec {blue} arping -U -c1 -w1 -I eth0 {VIP}"));
    eventually(SECOND, "both hosts name blue", || fabric.held_by(1, 11));
    assert!(fabric.pings(&near, VIP));
    assert!(fabric.pings(&far, VIP));

    run(&format!("ip -n {blue} addr del {VIP}/32 dev eth0"));
    run(&format!("ip -n {green} addr add {VIP}/32 dev eth0"));
    run(&format!("ip netns exec {green} arping -A -c1 -w1 -I eth0 {VIP}"));
    eventually(SECOND, "both hosts name green", || fabric.held_by(2, 12));
    assert!(fabric.pings(&near, VIP));
    assert!(fabric.pings(&far, VIP));
}

#[test]
fn keepalived_moves_a_vip_when_its_master_stops_and_takes_it_back() {
    let mut fabric = Fabric::new("kalive");
    let blue = fabric.guest(1, 11);
    let green = fabric.guest(2, 12);
    let near = fabric.guest(1, 13);
    fabric.vip(1, &[11, 12]);

    let primary = fabric.keepalived(&blue, 11, 12, 100);
    fabric.keepalived(&green, 12, 11, 10);
    // The down interval of priority 10 is 3.96 s, and garp_master_delay adds nothing to the first announcement.
    eventually(10 * SECOND, "blue holds the VIP", || fabric.held_by(1, 11));
    assert!(fabric.pings(&near, VIP));

    fabric.stop(primary);
    eventually(5 * SECOND, "green holds the VIP", || fabric.held_by(2, 12));
    assert!(fabric.pings(&near, VIP));

    fabric.keepalived(&blue, 11, 12, 100);
    eventually(10 * SECOND, "blue has taken the VIP back", || fabric.held_by(1, 11));
    assert!(fabric.pings(&near, VIP));
    run(&format!("ip -n {blue} link set eth0 down"));
    eventually(10 * SECOND, "green took over from a dead link", || fabric.held_by(2, 12));
    assert!(fabric.pings(&near, VIP));
}
