//! The whole switch at work: real guests, two hosts, a VIP that moves.

mod fabric;

use fabric::{Fabric, VIP, eventually, own, run};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_vip_follows_arping_from_host_to_host() {
    let mut fabric = Fabric::new("smoke");
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
