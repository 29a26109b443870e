//! Custom routes to guests that are routers, with the kernel's own forwarding, NAT and ICMP.

use anyhow::{Context, Result, ensure};
use havip_api::ClientError;
use havip_lab::{
    PATIENCE, Setting, eventually,
    names::{HostName, OUTSIDE_CLIENT},
    probe::Probe,
};
use havip_tests::{OWN_TIMERS, SUBNET, VIP, elect_blue, pair, program, url};
use std::time::Duration;

/// A NAT instance as every guide has it: what comes from the private subnet leaves as the VIP.
const NAT: &str = "table ip nat { chain out { type nat hook postrouting priority 100; \
                   ip saddr 10.20.2.0/24 ip daddr != 10.20.0.0/16 counter snat to 10.20.1.100; }; }";

#[test]
fn a_nat_pair_behind_a_default_route_to_a_vip_keeps_its_public_address_when_one_dies() -> Result<()> {
    let mut scene = pair().edges(1).start(program())?;
    let private = scene.make_subnet("private", "10.20.2.0/24")?;
    scene.add_guest_in(&private, "inner", HostName::Host(3), "")?;
    for router in ["blue", "green"] {
        scene.make_router(router)?;
        scene[router].shell(&format!("nft '{NAT}'"))?;
    }
    elect_blue(&scene)?;
    let eip = scene.bind_eip(scene.vip_id())?.to_string();
    let outside = scene.outside()?;
    outside.serve_peer_address()?;
    let there = format!("http://{OUTSIDE_CLIENT}:8080/");
    let inner = &scene["inner"];
    ensure!(inner.fetch(&there).is_err(), "inner reached the outside without a route and without an EIP");

    scene.add_route("0.0.0.0/0", scene.vip_id())?;

    // inner's default gateway is the VPC's; the VPC leads on to the holder, which the same route leads outside.
    inner.eventually_fetches(&there, &eip, PATIENCE)?;
    let translated = |router: &str| -> Result<u64> {
        let shown = scene[router].shell("nft list table ip nat")?;
        let count = shown.split("packets ").nth(1).and_then(|rest| rest.split(' ').next());
        Ok(count.context("the rule counts nothing")?.parse()?)
    };
    ensure!(translated("blue")? > 0 && translated("green")? == 0, "it did not go by blue alone");
    let probe = Probe::start(&inner.network_namespace()?, OUTSIDE_CLIENT)?;
    eventually(PATIENCE, || {
        ensure!(probe.answered_since(Duration::ZERO), "nothing answers inner's pings");
        Ok(())
    })?;

    let died_at = probe.now();
    scene["blue"].power_off()?;
    eventually(PATIENCE, || {
        ensure!(translated("green")? > 0, "green translates nothing");
        Ok(())
    })?;

    inner.eventually_fetches(&there, &eip, PATIENCE)?;
    let outage = eventually(PATIENCE, || {
        let outage = probe.longest_outage_since(died_at).context("nobody noticed that blue has died")?;
        ensure!(!outage.unfinished, "inner's pings are not answered yet");
        Ok(outage)
    })?;
    println!("outage of the way by the route: {} ms", outage.length.as_millis());
    ensure!(outage.length < OWN_TIMERS, "{outage:?}");
    Ok(())
}

#[test]
fn the_longest_prefix_wins_a_route_to_a_vip_follows_its_holder_and_who_is_lost_is_told() -> Result<()> {
    let scene = Setting::subnet(SUBNET)
        .dual()
        .vip("10.20.1.100")
        .guests(["blue", "green", "client", "red"])
        .start(program())?;
    let (blue, client) = (&scene["blue"], &scene["client"]);
    // The same network is behind each of them; ARP is sent from what is their own.
    for router in ["blue", "green", "red"] {
        scene[router].shell(
            "echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce; \
             for a in 192.168.7.7/32 192.168.8.8/32 fd99:7::7/128 fd99:8::8/128; do ip address add $a dev lo; done",
        )?;
        scene[router].serve(router)?;
    }
    let red = scene.interface_of("red")?.meta.id;
    let refused = scene.add_route("192.168.0.0/16", &red);
    ensure!(code(&refused) == Some("source_dest_check_on"), "{refused:?}");
    scene.make_router("red")?;
    let wide = scene.add_route("192.168.0.0/16", &red)?;
    scene.add_route("fd99::/16", &red)?;
    for address in ["192.168.7.7", "192.168.8.8", "fd99:7::7"] {
        client.eventually_fetches(&url(address.parse::<std::net::IpAddr>()?), "red", PATIENCE)?;
    }

    scene.add_route("192.168.7.0/24", scene.vip_id())?;
    let says = |arguments: &str, what: &str| {
        eventually(PATIENCE, || {
            let ping = client.run(&["sh", "-c", &format!("ping -c 1 -W 1 {arguments}")])?;
            ensure!(ping.stdout.contains(what), "ping {arguments}: {}", ping.stdout);
            Ok(())
        })
    };
    says("192.168.7.7", "Destination Host Unreachable")?; // nobody holds the VIP
    says("-t 1 192.168.8.8", "Time to live exceeded")?;
    says("192.169.0.1", "Packet filtered")?; // no route and no EIP: administratively prohibited
    scene.associate(["blue", "green"])?;
    scene.follow_every_claim()?;
    let take = |guest: &str| -> Result<()> {
        scene[guest].announce(VIP)?;
        scene.eventually_held_by(guest)
    };
    take("blue")?;
    ensure!(client.fetch("http://192.168.7.7/").is_err(), "blue may pass on only what is its own");
    eventually(PATIENCE, || {
        let drops = scene.drops(HostName::Host(1))?;
        ensure!(drops.iter().any(|(reason, count)| reason == "next_hop_checked" && *count > 0), "{drops:?}");
        Ok(())
    })?;
    scene.make_router("blue")?;
    scene.make_router("green")?;
    client.eventually_fetches("http://192.168.7.7/", "blue", PATIENCE)?;
    client.fetches("http://192.168.8.8/", "red")?;
    take("green")?;
    client.fetches("http://192.168.7.7/", "green")?;
    scene.add_route("fd99:7::/32", &scene.interface_of("blue")?.meta.id)?;
    client.eventually_fetches("http://[fd99:7::7]/", "blue", PATIENCE)?;
    client.fetches("http://[fd99:8::8]/", "red")?;

    // What a route leads to stays, until the route is gone.
    let refused = scene.settled(|client| client.delete_instance(&scene["red"].id));
    ensure!(code(&refused) == Some("interface_has_route"), "{refused:?}");
    let refused = scene.set_source_dest_check("red", true);
    ensure!(code(&refused) == Some("interface_has_route"), "{refused:?}");
    scene.settled(|client| client.delete_route(&wide))?;
    client.fetches("http://192.168.7.7/", "green")?;
    says("192.168.8.8", "Destination Host Unreachable")?;
    // Back to back, a router without a way of its own causes no circle.
    blue.shell("ip address del 192.168.7.7/32 dev lo")?;
    take("blue")?;
    says("192.168.7.7", "Destination Host Unreachable")
}

/// Why the server refused.
fn code<T>(outcome: &Result<T>) -> Option<&str> {
    outcome.as_ref().err()?.downcast_ref::<ClientError>()?.code()
}
