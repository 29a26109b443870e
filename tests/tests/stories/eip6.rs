//! A public address of IPv6 in front of a VIP of IPv6.

use anyhow::{Result, ensure};
use havip_lab::{OUTSIDE_CLIENT6, PATIENCE, Scene, eventually, names::HostName};
use havip_tests::{VIP6, elect_blue, pair6, program, url};
use std::{net::Ipv6Addr, time::Duration};

/// What the machine outside sees as the source of what blue sends, from this address of its own or from any.
fn seen(scene: &Scene, source: Option<Ipv6Addr>) -> Result<String> {
    let url = format!("http://[{OUTSIDE_CLIENT6}]:8080/");
    let source = source.map(|source| source.to_string());
    let options = source.iter().flat_map(|source| ["--interface", source.as_str()]);
    let words: Vec<&str> =
        ["curl", "-s", "-m", "3"].into_iter().chain(options).chain([url.as_str()]).collect();
    Ok(scene["blue"].run(&words)?.stdout.trim().to_owned())
}

#[test]
fn a_machine_outside_reaches_the_holder_through_an_eip_of_ipv6_by_either_edge_and_follows_it() -> Result<()> {
    let scene = pair6().edges(2).start(program())?;
    scene.open_outside6(2)?;
    elect_blue(&scene)?;
    let eip = scene.bind_eip6(scene.vip_id())?;
    let outside = scene.outside()?;
    outside.eventually_fetches(&url(eip), "blue", PATIENCE)?;

    outside.serve_peer_address()?;
    let as_vip = seen(&scene, Some(VIP6))?;
    ensure!(as_vip == eip.to_string(), "the outside saw {as_vip:?}, not {eip}");
    let as_itself = seen(&scene, None)?;
    ensure!(as_itself.is_empty(), "an address without an EIP went out as {as_itself}");
    eventually(Duration::from_secs(5), || {
        let drops = scene.drops(HostName::Host(1))?;
        ensure!(drops.iter().any(|(reason, count)| reason == "no_eip" && *count > 0), "{drops:?}");
        Ok(())
    })?;

    scene.lab.set_underlay_cable(HostName::Edge(1), false)?;
    scene.lab.set_outside_cable(HostName::Edge(1), false)?;
    outside.eventually_fetches(&url(eip), "blue", Duration::from_secs(5))?;

    scene["blue"].power_off()?;
    outside.eventually_fetches(&url(eip), "green", PATIENCE).map(drop)
}

#[test]
fn a_machine_of_both_families_has_an_eip_of_each() -> Result<()> {
    let scene = pair6().edges(1).start(program())?;
    scene.open_outside6(1)?;
    scene["blue"].serve("blue")?;
    let four = scene.bind_eip(&scene["blue"].id)?;
    let six = scene.bind_eip6(&scene["blue"].id)?;
    let outside = scene.outside()?;

    for url in [format!("http://{four}/"), url(six)] {
        outside.eventually_fetches(&url, "blue", PATIENCE)?;
    }
    outside.serve_peer_address()?;
    let seen = seen(&scene, None)?;
    ensure!(seen == six.to_string(), "the outside saw {seen:?}, not {six}");
    // Larger than the fabric takes in one packet, so in fragments that are translated too.
    let ping = outside.run(&["ping", "-6", "-c", "2", "-W", "2", "-s", "3000", &six.to_string()])?;
    ensure!(ping.code == 0, "large packets do not come through: {}", ping.stdout);
    Ok(())
}
