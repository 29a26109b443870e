//! Other HA software than keepalived, unmodified; what moves the VIP is always an announcement.

use anyhow::{Result, ensure};
use havip_lab::{Heartbeat, Online, PATIENCE, Pacemaker, Ucarp, eventually};
use havip_tests::{VIP, pair, program, vip_url};
use std::time::{Duration, Instant};

#[test]
fn heartbeat_moves_the_vip_when_its_holder_is_powered_off() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    for guest in [blue, green] {
        guest.serve(&guest.name)?;
        guest.start_heartbeat(&Heartbeat::of(guest, blue, green, VIP))?;
    }
    // Both are up after 2 s; then Heartbeat waits for 10 s more before it takes anything.
    scene["client"].eventually_fetches(&vip_url(), "blue", Duration::from_secs(30))?;

    blue.power_off()?;

    // `deadtime` is 2 s, and the resource agents are a dozen shell scripts.
    scene["client"].eventually_fetches(&vip_url(), "green", Duration::from_secs(12))?;
    scene.eventually_held_by("green")
}

#[test]
fn pacemaker_moves_the_vip_when_its_holder_is_powered_off() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    for guest in [blue, green] {
        guest.serve(&guest.name)?;
        guest.start_pacemaker(&Pacemaker::of(blue, green, VIP))?;
    }
    // A membership after 2 s, a coordinator 2 s later, then the resource; thrice that on a busy machine.
    scene["client"].eventually_fetches(&vip_url(), "blue", Duration::from_secs(25))?;

    blue.power_off()?;

    // The token is lost after 2 s, the new membership is agreed 2.4 s later, the rest is shell scripts.
    scene["client"].eventually_fetches(&vip_url(), "green", Duration::from_secs(15))?;
    scene.eventually_held_by("green")
}

#[test]
fn ucarp_elects_by_its_adverts_and_the_vip_follows_it() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    let (blue, green, client) = (&scene["blue"], &scene["green"], &scene["client"]);
    let strangers = client.capture("ip proto 112")?;
    for (guest, skew) in [(blue, 0), (green, 100)] {
        guest.serve(&guest.name)?;
        guest.start_ucarp(&Ucarp { own: guest.address, vip: VIP, skew })?;
    }
    client.eventually_fetches(&vip_url(), "blue", PATIENCE)?;
    // It hears blue, or it would be master after 3.4 s.
    let started_at = Instant::now();
    eventually(PATIENCE, || {
        ensure!(started_at.elapsed() > Duration::from_secs(5), "too early to say what green hears");
        Ok(())
    })?;
    let log = green.log_of("ucarp")?;
    ensure!(
        log.contains("state: BACKUP") && !log.contains("state: MASTER"),
        "green did not hear blue: {log}"
    );

    blue.power_off()?;

    client.eventually_fetches(&vip_url(), "green", PATIENCE)?;
    scene.eventually_held_by("green")?;
    ensure!(scene.refused("blue")?.is_empty() && scene.refused("green")?.is_empty(), "something was refused");
    let heard = strangers.lines_with("VRRP")?;
    ensure!(heard.is_empty(), "adverts reached an instance that is not associated: {heard:#?}");
    Ok(())
}

#[test]
fn the_replayed_sequence_of_a_windows_cluster_moves_the_vip_but_not_from_a_live_holder() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    for guest in [blue, green] {
        guest.serve(&guest.name)?;
    }
    let seen = green.capture("arp")?;

    // Nobody holds it: nobody answers the probes.
    let online = blue.bring_online_like_windows(VIP)?;
    ensure!(online == Online::Announced, "{online:?}");
    scene["client"].eventually_fetches(&vip_url(), "blue", Duration::from_secs(2))?;
    let heard = seen.lines_with("who-has 10.20.1.100 tell 0.0.0.0")?;
    ensure!(heard.is_empty(), "probes reach nobody but a holder: {heard:#?}");

    // The holder has the address: the probe goes to it, and it answers for itself.
    let before = scene.vip_now()?.holder;
    let online = green.bring_online_like_windows(VIP)?;
    ensure!(matches!(online, Online::Conflict(_)), "nobody answered for the address: {online:?}");
    ensure!(scene.vip_now()?.holder == before, "the VIP moved");
    scene["client"].fetches(&vip_url(), "blue")?;

    // The cluster moves the group: offline on blue, online on green.
    blue.shell("ip address del 10.20.1.100/32 dev eth0")?;
    let online = green.bring_online_like_windows(VIP)?;
    ensure!(online == Online::Announced, "a holder without the address stays silent: {online:?}");
    scene["client"].eventually_fetches(&vip_url(), "green", Duration::from_secs(2))?;

    // A node that has lost its power cannot answer.
    green.power_off()?;
    let online = blue.bring_online_like_windows(VIP)?;
    ensure!(online == Online::Announced, "somebody answered for a dead holder: {online:?}");
    scene["client"].eventually_fetches(&vip_url(), "blue", Duration::from_secs(2))?;
    scene.eventually_held_by("blue")
}
