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

/// The hosts that saw the packet, the outcome, and whether it went as the maps say.
fn went(found: &Value) -> (usize, &str, bool) {
    let live = &found["live"];
    let hops = live["hops"].as_array().map_or(0, Vec::len);
    (hops, live["outcome"].as_str().unwrap_or_default(), live["is_as_told"] == true)
}

#[test]
fn a_probe_is_delivered_once_and_shows_where_packets_really_go_and_where_they_are_lost() -> Result<()> {
    let scene = pair().edges(1).start(program())?;
    let (green, vip) = (&scene["green"], VIP.to_string());
    let address = green.address.to_string();
    green.pings(scene["client"].address)?;
    let before = green.pings_heard()?;

    let found = path(&scene, &["client", &address, "--live"])?;
    ensure!(went(&found) == (2, "delivered", true), "{found}");
    ensure!(found["live"]["hops"][1]["to"] == "green", "{found}");
    ensure!(green.pings_heard()? == before + 1, "one probe is one ping");

    // A SYN and a datagram go the same way; what lies is dropped where it comes out, and reported.
    for proto in ["tcp", "udp"] {
        let found = path(&scene, &["client", &address, "--proto", proto, "--port", "8443", "--live"])?;
        ensure!(went(&found) == (2, "delivered", true), "{found}");
    }
    let found = path(&scene, &["client", &address, "--source", &vip, "--live"])?;
    ensure!(went(&found) == (1, "dropped", true), "{found}");
    ensure!(found["live"]["reason"] == "source_address", "{found}");
    scene.eventually_refused("client", "source_address")?;

    // Outside by the edge.
    scene.bind_eip(&scene["client"].id)?;
    eventually(PATIENCE, || {
        let found = path(&scene, &["client", "198.51.100.99", "--live"])?;
        let (hops, outcome, is_as_told) = went(&found);
        ensure!((outcome, is_as_told) == ("outside", true) && hops > 0, "{found}");
        Ok(())
    })?;

    // The maps do not know that a cable is broken.
    scene.cut(2, 3)?;
    let before = green.pings_heard()?;
    let found = path(&scene, &["client", &address, "--live"])?;
    ensure!((way(&found).1, went(&found)) == ("delivered", (1, "lost", false)), "{found}");
    let summary = found["live"]["summary"].as_str().unwrap_or_default();
    ensure!(summary.contains("h3 sent it to") && summary.contains("lost it"), "{summary}");
    ensure!(green.pings_heard()? == before, "it is lost");
    Ok(())
}
