//! The main stories once more over IPv6: neighbour discovery in the place of ARP, VRRPv3 over link-local addresses.

use super::assist::{outage, was_assisted};
use anyhow::{Result, ensure};
use havip_api::MoveCause;
use havip_lab::{PATIENCE, Setting, eventually, keepalived::Keepalived, names::HostName, steadily};
use havip_tests::{OWN_TIMERS, SUBNET, VIP6, elect_blue, guides, pair6, program, url};
use std::{
    net::Ipv6Addr,
    time::{Duration, Instant},
};

fn six(guest: &havip_lab::Guest) -> Result<Ipv6Addr> {
    guest.address6.ok_or_else(|| anyhow::anyhow!("{} has no IPv6 address", guest.name))
}

#[test]
fn guests_of_both_families_reach_each_other_over_ipv6_wherever_they_are() -> Result<()> {
    let mut scene =
        Setting::subnet(SUBNET).hosts(2).dual().guests(["blue", "green", "beside"]).start(program())?;
    let other = scene.make_dual_subnet("other", "10.20.2.0/24", "fd00:20:0:2::/64")?;
    scene.add_guest_in(&other, "routed", HostName::Host(2), "")?;
    let blue = &scene["blue"];
    ensure!(six(blue)?.to_string() == "fd00:20:0:1::3", "blue has {:?}", blue.address6);

    // Across hosts, on the same host, and into another subnet by its gateway.
    for name in ["green", "beside", "routed"] {
        let guest = &scene[name];
        guest.serve(name)?;
        blue.pings(six(guest)?)?;
        blue.eventually_fetches(&url(six(guest)?), name, PATIENCE)?;
        guest.pings(six(blue)?)?;
    }
    blue.pings("fd00:20:0:1::1".parse::<Ipv6Addr>()?)?;

    let nobody = blue.run(&["ping", "-c", "1", "-W", "2", "fd00:20:0:2::dead"])?;
    ensure!(nobody.stdout.contains("nreachable"), "an address that nobody has: {}", nobody.stdout);
    Ok(())
}

#[test]
fn keepalived_moves_an_ipv6_vip_by_multicast_and_is_spoken_for() -> Result<()> {
    let scene = pair6().start(program())?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    // From link-local address to ff02::12, as keepalived does without unicast peers.
    let (first, second) = guides(&scene)?;
    blue.start_keepalived(&first.by_multicast())?;
    scene["client"].eventually_fetches(&url(VIP6), "blue", PATIENCE)?;
    green.start_keepalived(&second.by_multicast())?;
    // It hears the primary, or it would be master after 3.96 s.
    let started_at = Instant::now();
    eventually(PATIENCE, || {
        ensure!(started_at.elapsed() > Duration::from_secs(5), "too early to say what green hears");
        let log = green.log_of("keepalived")?;
        ensure!(log.contains("Entering BACKUP STATE"), "green is no backup yet");
        ensure!(!log.contains("Entering MASTER STATE"), "green did not hear blue");
        Ok(())
    })?;

    let outage = outage(&scene, "green", || blue.power_off())?;

    println!("outage at power-off over IPv6: {} ms", outage.as_millis());
    was_assisted(&scene, outage)
}

#[test]
fn adverts_and_an_ipv6_vip_of_a_virtual_mac_work_like_others() -> Result<()> {
    let scene = pair6().start(program())?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    let (first, second) = guides(&scene)?;
    let virtual_mac = |keepalived| Keepalived { peers: vec![], use_vmac: true, ..keepalived };
    blue.start_keepalived(&virtual_mac(first))?;
    scene["client"].eventually_fetches(&url(VIP6), "blue", PATIENCE)?;
    green.start_keepalived(&virtual_mac(second))?;
    eventually(PATIENCE, || {
        ensure!(green.log_of("keepalived")?.contains("Entering BACKUP STATE"), "green is no backup yet");
        Ok(())
    })?;
    let holder = scene.vip_now()?.holder.map(|holder| holder.mac);
    ensure!(holder.as_deref() == Some("00:00:5e:00:02:33"), "it was claimed with {holder:?}");

    let outage = outage(&scene, "green", || blue.power_off())?;

    was_assisted(&scene, outage)
}

#[test]
fn a_graceful_stop_over_ipv6_costs_only_the_skew() -> Result<()> {
    let scene = pair6().start(program())?;
    elect_blue(&scene)?;

    let outage = outage(&scene, "green", || scene["blue"].stop())?;

    // The skew of priority 10 is 0.96 s; without the resignation it would be at least 2.96 s.
    ensure!(outage < Duration::from_millis(2900), "{outage:?}");
    Ok(())
}

#[test]
fn a_lost_hosts_ipv6_vip_is_spoken_for_and_released() -> Result<()> {
    let scene = pair6().start(program())?;
    elect_blue(&scene)?;

    let outage = outage(&scene, "green", || scene.lab.lose_host(HostName::Host(1)))?;

    println!("outage at the loss of a host over IPv6: {} ms", outage.as_millis());
    was_assisted(&scene, outage)?;
    let evidence = scene.evidence()?;
    ensure!(evidence.iter().any(|text| text.contains("was silent for")), "{evidence:?}");
    let causes = scene.causes()?;
    ensure!(causes.contains(&MoveCause::HostLost), "nobody released what the lost host held: {causes:?}");
    Ok(())
}

#[test]
fn two_instances_with_one_ipv6_vip_are_reported_and_the_later_announcement_holds() -> Result<()> {
    let scene = pair6().start(program())?;
    scene.associate(["blue", "green"])?;
    for guest in ["blue", "green"] {
        scene[guest].shell(&format!("ip address add {VIP6}/128 dev eth0 nodad"))?;
        scene[guest].announce(VIP6)?;
        scene.eventually_held_by(guest)?;
    }

    // Blue lost the VIP and is asked, together with green, by neighbour solicitation: both have the address.
    let event = scene.eventually_told("both-answer")?;

    ensure!(event.text.contains("nothing was moved"), "{event:?}");
    ensure!(event.advice.contains("remove the address from blue"), "{event:?}");
    scene.eventually_held_by("green")?;
    scene["client"].pings(VIP6)
}

#[test]
fn a_failover_over_ipv6_needs_none_of_our_processes_and_demotes_the_old_master() -> Result<()> {
    let scene = pair6().start(program())?;
    elect_blue(&scene)?;
    for role in ["server", "h1", "h2", "h3"] {
        scene.lab.process(role)?.kill();
    }

    // Parent and child at once: the child must not resign.
    scene["blue"].shell("kill -9 $(pidof keepalived)")?;

    scene["client"].eventually_fetches(&url(VIP6), "green", OWN_TIMERS)?;
    // The demoted instance still has the address, and may not use it.
    let shown = scene["blue"].shell("ip -6 -o address show dev eth0")?;
    ensure!(shown.contains(&VIP6.to_string()), "blue has lost the address: {shown}");
    let (vip, client) = (VIP6.to_string(), six(&scene["client"])?.to_string());
    let ping = scene["blue"].run(&["ping", "-c", "2", "-W", "1", "-I", &vip, &client])?;
    ensure!(ping.code != 0, "the demoted instance was answered as the VIP");
    scene["client"].fetches(&url(VIP6), "green")
}

#[test]
fn an_ipv6_vip_is_reachable_at_once_when_keepalived_was_there_before_the_association() -> Result<()> {
    let scene = pair6().start(program())?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    blue.serve("blue")?;
    green.serve("green")?;
    // Without a refresh nothing announces the VIP again: the fabric must ask (rule C10), by neighbour solicitation.
    let silent = |keepalived| Keepalived { garp_refresh: 0, ..keepalived };
    let (first, second) = guides(&scene)?;
    blue.start_keepalived(&silent(first))?;
    green.start_keepalived(&silent(second))?;
    blue.eventually_has_address(VIP6)?;
    scene.eventually_refused("blue", "claim_not_associated")?;
    // The second burst comes a second after the first; then keepalived is silent for good.
    eventually(PATIENCE, || {
        let drops = scene.drops(HostName::Host(1))?;
        let announced =
            drops.iter().find(|(reason, _)| reason == "claim_not_associated").map_or(0, |(_, count)| *count);
        ensure!(announced >= 10, "keepalived has announced {announced} times");
        Ok(())
    })?;
    ensure!(scene.holder()?.is_none(), "somebody holds the VIP before the association");

    scene.associate(["blue", "green"])?;

    // Asked at once, after 0.1 and 0.3 s; an advertising port takes it with its first answer.
    scene["client"].eventually_fetches(&url(VIP6), "blue", Duration::from_secs(2))?;
    scene.eventually_held_by("blue")
}

#[test]
fn false_advertisements_and_sources_of_ipv6_change_nothing_and_are_reported() -> Result<()> {
    let scene = pair6().start(program())?;
    scene.associate(["blue"])?;
    let (blue, green, client) = (&scene["blue"], &scene["green"], &scene["client"]);
    blue.shell(&format!("ip address add {VIP6}/128 dev eth0 nodad"))?;
    blue.announce(VIP6)?;
    scene.eventually_held_by("blue")?;
    let before = scene.vip_now()?.holder;

    // Not associated; somebody's ordinary address; the gateway's.
    green.announce(VIP6)?;
    let event = scene.eventually_refused("green", "claim_not_associated")?;
    ensure!(event.address.as_deref() == Some("fd00:20:0:1::100"), "{event:?}");
    ensure!(event.advice.contains("associate"), "the report must say what to do: {event:?}");
    green.announce(six(client)?)?;
    scene.eventually_refused("green", "claim_of_address")?;
    green.announce("fd00:20:0:1::1".parse::<Ipv6Addr>()?)?;
    scene.eventually_refused("green", "claim_of_gateway")?;

    // A source that is nobody's, and one that is the VIP's.
    let target = six(client)?.to_string();
    for false_source in ["fd00:20:0:1::77", "fd00:20:0:1::100"] {
        green.shell(&format!("ip address add {false_source}/64 dev eth0 nodad"))?;
        let ping = green.run(&["ping", "-c", "1", "-W", "1", "-I", false_source, &target])?;
        ensure!(ping.code != 0, "{false_source} of green was answered");
        green.shell(&format!("ip address del {false_source}/64 dev eth0"))?;
    }
    eventually(Duration::from_secs(5), || {
        let reasons: Vec<_> = scene.refused("green")?.into_iter().filter_map(|event| event.reason).collect();
        ensure!(
            reasons.iter().any(|reason| ["nd_sender", "source_address"].contains(&reason.as_str())),
            "{reasons:?}"
        );
        Ok(())
    })?;
    ensure!(scene.vip_now()?.holder == before, "the holder or its epoch has changed");
    client.pings(VIP6)
}

#[test]
fn duplicate_address_detection_finds_others_and_nobody_for_the_own_address() -> Result<()> {
    let scene = pair6().start(program())?;
    scene.associate(["blue", "green"])?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    let state = |address: &str| -> Result<String> {
        let shown = green.shell("ip -6 -o address show dev eth0")?;
        let line = shown.lines().find(|line| line.contains(&format!(" {address}/"))).unwrap_or_default();
        Ok(line.to_owned())
    };
    let settles = |address: &str, is_free: bool| {
        // One probe after up to a second, another second of listening.
        eventually(Duration::from_secs(8), || {
            let line = state(address)?;
            ensure!(!line.is_empty() && line.contains("dadfailed") != is_free, "{address}: {line}");
            ensure!(line.contains("tentative") != is_free, "{address}: {line}");
            Ok(())
        })
    };
    let (own, others, vip) = (six(green)?.to_string(), six(blue)?.to_string(), VIP6.to_string());

    green.shell(&format!("ip address del {own}/64 dev eth0; ip address add {own}/64 dev eth0"))?;
    settles(&own, true)?;
    green.shell(&format!("ip address add {others}/64 dev eth0"))?;
    settles(&others, false)?;

    // A living holder answers for itself.
    blue.shell(&format!("ip address add {vip}/128 dev eth0 nodad"))?;
    blue.announce(VIP6)?;
    scene.eventually_held_by("blue")?;
    green.shell(&format!("ip address add {vip}/128 dev eth0"))?;
    settles(&vip, false)?;
    green.shell(&format!("ip address del {vip}/128 dev eth0"))?;

    // A dead one blocks nobody, and the kernel that found nobody announces the address by itself, which is a claim.
    green.shell("sysctl -w net.ipv6.conf.eth0.ndisc_notify=1")?;
    blue.power_off()?;
    green.shell(&format!("ip address add {vip}/128 dev eth0"))?;
    settles(&vip, true)?;
    scene.eventually_held_by("green")?;
    steadily(Duration::from_secs(1), || scene["client"].pings(VIP6))
}

#[test]
fn a_route_to_an_ipv6_vip_follows_its_holder_and_who_is_lost_is_told() -> Result<()> {
    let scene = pair6().start(program())?;
    let client = &scene["client"];
    for router in ["blue", "green"] {
        scene[router]
            .shell("ip address add fd99:7::7/128 dev lo; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")?;
        scene[router].serve(router)?;
        scene.make_router(router)?;
    }
    scene.associate(["blue", "green"])?;
    scene.follow_every_claim()?;
    scene.add_route("fd99:7::/32", scene.vip_id())?;
    let says = |arguments: &str, what: &str| {
        eventually(PATIENCE, || {
            let ping = client.run(&["sh", "-c", &format!("ping -6 -c 1 -W 1 {arguments}")])?;
            ensure!(ping.stdout.contains(what), "ping {arguments}: {}", ping.stdout);
            Ok(())
        })
    };
    says("fd99:7::7", "Address unreachable")?; // nobody holds the VIP
    says("fd98::1", "No route")?;

    for holder in ["blue", "green", "blue"] {
        scene[holder].announce(VIP6)?;
        scene.eventually_held_by(holder)?;
        client.eventually_fetches("http://[fd99:7::7]/", holder, PATIENCE)?;
    }
    says("-t 1 fd99:7::7", "Time exceeded")?;

    // A router without a way of its own sends it back, and causes no circle.
    scene["blue"].shell("ip -6 address del fd99:7::7/128 dev lo")?;
    says("fd99:7::7", "No route")
}
