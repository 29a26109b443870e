//! A whole host is lost, and comes back.

use anyhow::{Result, ensure};
use havip_lab::{PATIENCE, eventually, names::HostName, probe::Probe};
use havip_tests::{OWN_TIMERS, VIP, elect_blue_for_good, pair, primary, program, vip_url};
use std::time::Duration;

#[test]
fn a_lost_host_s_vip_and_eip_are_served_by_another_host_and_its_return_moves_nothing() -> Result<()> {
    let mut scene = pair().edges(1).start(program())?;
    elect_blue_for_good(&scene)?;
    let eip_url = format!("http://{}/", scene.bind_eip(scene.vip_id())?);
    let outside = scene.outside()?;
    outside.eventually_fetches(&eip_url, "blue", PATIENCE)?;

    scene.lab.lose_host(HostName::Host(1))?;

    scene["client"].eventually_fetches(&vip_url(), "green", OWN_TIMERS)?;
    // Both lead to the same holder: the EIP waits for nothing more.
    outside.eventually_fetches(&eip_url, "green", Duration::from_secs(3))?;
    scene.eventually_held_by("green")?;

    let before = scene.vip_now()?.holder;
    let probe = Probe::start(&scene["client"].network_namespace()?, VIP)?;
    let since = probe.now();
    scene.lab.boot_host(HostName::Host(1))?;
    scene.lab.wait_for_hosts(PATIENCE)?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    blue.wait_until_running()?;
    blue.serve("blue")?;
    blue.start_keepalived(&primary(blue, green).staying())?;

    // A backup that hears nobody is master after 3.6 s: beyond that, blue has heard green and let it be.
    let started = probe.now();
    eventually(PATIENCE, || {
        ensure!(blue.log_of("keepalived")?.contains("Entering BACKUP STATE"), "blue is no backup yet");
        ensure!(probe.now() - started > Duration::from_secs(5), "too early to say what blue has heard");
        ensure!(probe.answered_since(probe.now() - Duration::from_millis(50)), "the VIP is not answered");
        Ok(())
    })?;
    // A busy machine may answer one too late for the probe; whoever had taken the VIP would show below, too.
    let outage = probe.longest_outage_since(since);
    ensure!(
        outage.is_none_or(|outage| outage.length < Duration::from_millis(500)),
        "packets were lost: {outage:?}"
    );
    ensure!(scene.vip_now()?.holder == before, "the VIP moved, or its epoch: {:?}", scene.vip_now()?.holder);
    scene["client"].fetches(&vip_url(), "green")?;
    outside.fetches(&eip_url, "green")
}
