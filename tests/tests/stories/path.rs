//! Where a packet would go, told before it is sent.

use anyhow::{Context, Result, ensure};
use havip_lab::{PATIENCE, Scene, eventually, names::HostName};
use havip_tests::{VIP, elect_blue, pair, program};
use serde_json::Value;
use std::process::Command;

/// What `havip net path` says.
fn path(scene: &Scene, words: &[&str]) -> Result<Value> {
    let mut havip = Command::new(program());
    let name = scene.lab.name().to_string();
    let done = havip.env("HAVIP_LAB", name).args(["net", "path", "-o", "json"]).args(words).output()?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).context("no JSON")
}

/// The hosts on the way, the outcome, and who has it then.
fn way(found: &Value) -> (usize, &str, &str) {
    let hops = found["hops"].as_array().map_or(&[][..], Vec::as_slice);
    let last = hops.last().and_then(|hop| hop["to"].as_str());
    (hops.len(), found["outcome"].as_str().unwrap_or_default(), last.unwrap_or_default())
}

#[test]
fn the_path_of_a_packet_is_told_from_the_kernels_maps_and_is_the_one_that_it_takes() -> Result<()> {
    let scene = pair().edges(1).start(program())?;
    let (vip, green) = (VIP.to_string(), scene["green"].address.to_string());

    let found = path(&scene, &["client", &vip])?;
    ensure!((way(&found), &found["reason"]) == ((1, "dropped", ""), &"no_holder".into()), "{found}");

    elect_blue(&scene)?;
    let eip = scene.bind_eip(scene.vip_id())?.to_string();
    let found = path(&scene, &["client", &vip, "--proto", "tcp", "--port", "80"])?;
    ensure!(way(&found) == (2, "delivered", "blue"), "{found}");
    scene["client"].eventually_fetches(&havip_tests::vip_url(), "blue", PATIENCE)?;

    // From outside by the edge, and from inside to the outside only as the VIP.
    eventually(PATIENCE, || {
        let found = path(&scene, &["outside", &eip, "--proto", "tcp", "--port", "80"])?;
        ensure!(way(&found) == (2, "delivered", "blue"), "{found}");
        Ok(())
    })?;
    let found = path(&scene, &["blue", "198.51.100.99", "--source", &vip])?;
    ensure!(way(&found) == (2, "outside", "outside"), "{found}");
    let found = path(&scene, &["blue", "198.51.100.99"])?;
    ensure!(found["reason"] == "no_eip", "{found}");

    // Who lies is found out where it lies.
    let found = path(&scene, &["client", &green, "--source", &vip])?;
    ensure!((way(&found).0, &found["reason"]) == (1, &"source_address".into()), "{found}");
    let drops = scene.drops(HostName::Host(3))?;
    ensure!(drops.iter().all(|(reason, _)| reason != "source_address"), "something was sent: {drops:?}");

    scene["blue"].power_off()?;
    scene["client"].eventually_fetches(&havip_tests::vip_url(), "green", PATIENCE)?;
    let found = path(&scene, &["client", &vip, "--proto", "tcp", "--port", "80"])?;
    ensure!(way(&found) == (2, "delivered", "green"), "{found}");
    Ok(())
}
