//! Failovers on purpose.

use anyhow::{Context, Result, ensure};
use havip_api::{DrillVip, MoveCause};
use havip_lab::{PATIENCE, eventually, names::HostName, probe::Probe};
use havip_tests::{VIP, elect_blue, newest, pair, program, vip_url};

#[test]
fn a_drill_moves_the_vip_tells_the_outage_and_leaves_everything_as_it_was() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let probe = Probe::start(&scene["client"].network_namespace()?, VIP)?;
    let since = probe.now();

    let drill = |words: &[&str]| {
        let mut command = std::process::Command::new(program());
        command
            .env("HAVIP_LAB", scene.lab.name().to_string())
            .args(["vip", "drill", "10.20.1.100"])
            .args(words);
        command.output().context("the program could not be run")
    };
    let done = drill(&["--yes", "--for", "8", "-o", "json"])?;

    let told = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{told}");
    let report: serde_json::Value = serde_json::from_slice(&done.stdout)?;
    ensure!(report["drill"]["holder"]["instance_name"] == "blue", "{report}");
    ensure!(report["took_over"]["to"]["instance_name"] == "green", "{report}");
    ensure!(report["link_is_back"] == true, "{report}");
    let seen = probe.longest_outage_since(since).context("the client saw no outage")?;
    let (figure, seen_ms) = (report["took_over"]["outage_ms"].as_u64(), seen.length.as_millis() as u64);
    ensure!(
        figure.is_some_and(|figure| figure.abs_diff(seen_ms) < 300),
        "the client saw {seen_ms} ms: {report}"
    );
    ensure!(newest(&scene, MoveCause::PortDown)?.to.is_none());

    // Its file says `state MASTER`, so blue takes the VIP back when its link is there again.
    scene.eventually_held_by("blue")?;
    scene["client"].eventually_fetches(&vip_url(), "blue", PATIENCE)?;

    scene.dissociate("green")?;
    let refused = drill(&["--yes"])?;
    let told = String::from_utf8_lossy(&refused.stderr);
    ensure!(refused.status.code() == Some(3) && told.contains("no_other_candidate"), "{told}");
    Ok(())
}

#[test]
fn a_drill_ends_although_the_agent_is_killed_in_the_middle() -> Result<()> {
    let mut scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    scene["blue"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    scene.eventually_held_by("blue")?;
    scene["green"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    scene.lab.api(|client| client.drill_vip(scene.vip_id(), &DrillVip { seconds: 60 }))?;
    scene.eventually_held_by("green")?;

    let host = HostName::Host(1);
    scene.lab.process(&host.to_string())?.kill();
    scene.lab.start_agent(host)?;

    // Long before the minute is over.
    eventually(PATIENCE, || {
        let link = scene["blue"].shell("cat /sys/class/net/eth0/carrier")?;
        ensure!(link.trim() == "1", "the link is {link:?}");
        Ok(())
    })?;
    scene["blue"].announce(VIP)?;
    scene.eventually_held_by("blue")
}
