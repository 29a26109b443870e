//! How the VIP moves when its holder ends in all the ways it can.

use anyhow::{Result, ensure};
use havip_lab::{PATIENCE, eventually, names::HostName, probe::Probe};
use havip_tests::{VIP, elect_blue, pair, primary, program, secondary, vip_url};
use std::time::{Duration, Instant};

#[test]
fn the_vip_follows_keepalived_when_the_holder_is_powered_off() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;

    scene["blue"].power_off()?;

    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    scene.eventually_held_by("green")
}

#[test]
fn a_graceful_stop_costs_only_the_skew() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let probe = Probe::start(&scene["client"].network_namespace()?, VIP)?;
    let since = probe.now();

    scene["blue"].stop()?;

    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    let outage = eventually(PATIENCE, || {
        ensure!(
            probe.answered_since(probe.now().saturating_sub(Duration::from_millis(50))),
            "not answered yet"
        );
        Ok(probe.longest_outage_since(since))
    })?;
    // The skew of priority 10 is 0.96 s; without the resignation it would be at least 2.96 s.
    ensure!(outage.is_none_or(|outage| outage.length < Duration::from_millis(2900)), "{outage:?}");
    Ok(())
}

#[test]
fn a_link_that_goes_down_releases_the_vip() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;

    scene["blue"].shell("ip link set eth0 down")?;

    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    scene.eventually_held_by("green")
}

#[test]
fn a_killed_keepalived_leaves_a_demoted_instance_that_neither_receives_nor_sends_as_the_vip() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let blue = &scene["blue"];

    // Parent and child at once: the child must not resign.
    blue.shell("kill -9 $(pidof keepalived)")?;

    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    ensure!(
        blue.shell("ip -4 -o address show dev eth0")?.contains(&VIP.to_string()),
        "blue still has the address"
    );
    // From whatever a client may have cached: the packets go to the holder, not to blue.
    for _ in 0..5 {
        scene["client"].fetches(&vip_url(), "green")?;
    }
    let client = scene["client"].address;
    let sent = blue.run(&["ping", "-c", "2", "-W", "1", "-I", &VIP.to_string(), &client.to_string()])?;
    ensure!(sent.code != 0, "blue was answered as the VIP: {}", sent.stdout);
    let drops = scene.drops(HostName::Host(1))?;
    ensure!(drops.iter().any(|(reason, count)| reason == "vip_not_held" && *count > 0), "{drops:?}");
    scene["client"].fetches(&vip_url(), "green")
}

#[test]
fn the_published_primary_takes_the_vip_back_when_it_returns() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    blue.power_off()?;
    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;

    blue.start()?;
    blue.serve("blue")?;
    blue.start_keepalived(&primary(blue, green))?;

    scene["client"].eventually_fetches(&vip_url(), "blue", PATIENCE)?;
    scene.eventually_held_by("blue")
}

#[test]
fn keepalived_elects_by_multicast_as_well() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green, client) = (&scene["blue"], &scene["green"], &scene["client"]);
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    let strangers = client.capture("ip proto 112")?;
    blue.start_keepalived(&primary(blue, green).by_multicast())?;
    client.eventually_fetches(&vip_url(), "blue", PATIENCE)?;
    green.start_keepalived(&secondary(green, blue).by_multicast())?;
    // It hears the primary, or it would be master after 3.96 s.
    let started_at = Instant::now();
    eventually(PATIENCE, || {
        ensure!(green.log_of("keepalived")?.contains("Entering BACKUP STATE"), "green is no backup yet");
        ensure!(started_at.elapsed() > Duration::from_secs(5), "too early to say what green hears");
        Ok(())
    })?;
    ensure!(!green.log_of("keepalived")?.contains("Entering MASTER STATE"), "green did not hear blue");
    scene.eventually_held_by("blue")?;

    blue.power_off()?;

    client.eventually_fetches(&vip_url(), "green", PATIENCE)?;
    scene.eventually_held_by("green")?;
    let heard = strangers.lines_with("VRRP")?;
    ensure!(heard.is_empty(), "adverts reached an instance that is not associated: {heard:#?}");
    Ok(())
}

#[test]
fn both_instances_on_one_host_work_like_two() -> Result<()> {
    let scene = havip_lab::Setting::subnet(havip_tests::SUBNET)
        .hosts(1)
        .vip("10.20.1.100")
        .guests(["blue", "green", "client"])
        .start(program())?;
    elect_blue(&scene)?;

    scene["blue"].power_off()?;

    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    scene.eventually_held_by("green")
}

#[test]
fn the_vip_is_reachable_at_once_when_keepalived_was_there_before_the_association() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    blue.serve("blue")?;
    green.serve("green")?;
    // Without a refresh nothing announces the VIP again: the fabric must ask (rule C10).
    let silent = |keepalived| havip_lab::keepalived::Keepalived { garp_refresh: 0, ..keepalived };
    blue.start_keepalived(&silent(primary(blue, green)))?;
    green.start_keepalived(&silent(secondary(green, blue)))?;
    blue.eventually_has_address(VIP)?;
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
    scene["client"].eventually_fetches(&vip_url(), "blue", Duration::from_secs(2))?;
    scene.eventually_held_by("blue")
}
