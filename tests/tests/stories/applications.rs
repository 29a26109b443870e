//! What people run behind a VIP: a proxy that keepalived checks, a database that it promotes.

use anyhow::{Result, ensure};
use havip_lab::{PATIENCE, Scene, eventually, keepalived::Keepalived, postgres};
use havip_tests::{OWN_TIMERS, VIP, pair, primary, program, secondary};
use std::time::Duration;

/// The proxy's port; nginx behind it answers on another.
const PROXY: &str = "http://10.20.1.100:8080/";

/// Two failed checks a second apart, then the skew after the resignation; twice that on a busy machine.
const CHECKED: Duration = Duration::from_secs(8);

#[test]
fn a_killed_haproxy_moves_the_vip_and_haproxy_s_return_brings_it_back() -> Result<()> {
    let scene = pair().start(program())?;
    proxies(&scene, |keepalived| keepalived)?;

    scene["blue"].shell("kill -9 $(pidof haproxy)")?;

    scene["client"].eventually_fetches(PROXY, "green", CHECKED)?;
    scene.eventually_held_by("green")?;

    // `state MASTER` clears `nopreempt`: blue's priority counts as soon as its check succeeds again.
    scene["blue"].start_haproxy()?;
    scene["client"].eventually_fetches(PROXY, "blue", PATIENCE)?;
    scene.eventually_held_by("blue")
}

#[test]
fn with_nopreempt_on_two_backups_the_vip_stays_when_haproxy_returns() -> Result<()> {
    let scene = pair().start(program())?;
    proxies(&scene, Keepalived::staying)?;
    scene["blue"].shell("kill -9 $(pidof haproxy)")?;
    scene["client"].eventually_fetches(PROXY, "green", CHECKED)?;
    let before = scene.vip_now()?.holder;

    scene["blue"].start_haproxy()?;

    // Blue is a candidate again, and has had the time in which it would have taken over.
    let blue = &scene["blue"];
    let back_at = eventually(PATIENCE, || {
        let log = blue.log_of("keepalived")?;
        ensure!(log.matches("Entering BACKUP STATE").count() == 2, "blue is not back in BACKUP");
        Ok(std::time::Instant::now())
    })?;
    eventually(PATIENCE, || {
        scene["client"].fetches(PROXY, "green")?;
        ensure!(back_at.elapsed() > Duration::from_secs(4), "its master-down interval is 3.6 s");
        Ok(())
    })?;
    ensure!(scene.vip_now()?.holder == before, "the VIP moved: {:?}", scene.vip_now()?.holder);
    Ok(())
}

/// HAProxy, nginx and a keepalived that watches HAProxy on blue and green; blue holds the VIP.
fn proxies(scene: &Scene, change: fn(Keepalived) -> Keepalived) -> Result<()> {
    let (blue, green) = (&scene["blue"], &scene["green"]);
    scene.associate(["blue", "green"])?;
    for guest in [blue, green] {
        guest.serve(&guest.name)?;
        guest.start_haproxy()?;
    }
    let watching = |keepalived: Keepalived| change(keepalived.checked_by("pidof haproxy"));
    blue.start_keepalived(&watching(primary(blue, green)))?;
    scene["client"].eventually_fetches(PROXY, "blue", PATIENCE)?;
    green.start_keepalived(&watching(secondary(green, blue)))
}

#[test]
fn a_promoted_postgres_has_every_row_that_was_acknowledged_through_the_vip() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green, client) = (&scene["blue"], &scene["green"], &scene["client"]);
    scene.associate(["blue", "green"])?;
    // A database that was passed over has not what was written since: it must not take the VIP back.
    let promoting = |keepalived: Keepalived| keepalived.staying().when_master(postgres::PROMOTE);
    blue.start_keepalived(&promoting(primary(blue, green)))?;
    blue.start_postgres()?;
    green.follow_postgres(blue)?;
    scene.eventually_held_by("blue")?;
    green.start_keepalived(&promoting(secondary(green, blue)))?;
    client.start_writing(VIP)?;
    let before = eventually(PATIENCE, || {
        let before = client.acknowledged()?;
        ensure!(before.len() >= 10, "only {} rows are acknowledged", before.len());
        Ok(before)
    })?;

    blue.power_off()?;

    // keepalived's timers, the promotion, and ten connections.
    let acknowledged = eventually(OWN_TIMERS + PATIENCE, || {
        let acknowledged = client.acknowledged()?;
        ensure!(acknowledged.len() >= before.len() + 10, "only {} rows are acknowledged", acknowledged.len());
        ensure!(green.query("select pg_is_in_recovery()")? == "f", "green is no primary yet");
        Ok(acknowledged)
    })?;
    let stored = green.stored()?;
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    ensure!(lost.is_empty(), "acknowledged and lost: {lost:?} of {}", acknowledged.len());
    scene.eventually_held_by("green")
}
