//! A public address in front of the VIP.

use anyhow::{Result, ensure};
use havip_lab::{
    PATIENCE, eventually,
    names::{HostName, OUTSIDE_CLIENT},
};
use havip_tests::{VIP, elect_blue, pair, program};
use std::time::Duration;

#[test]
fn a_machine_outside_reaches_the_holder_through_the_eip_and_follows_it() -> Result<()> {
    let scene = pair().edges(2).start(program())?;
    elect_blue(&scene)?;
    let eip = scene.bind_eip(scene.vip_id())?;
    let outside = scene.outside()?;
    outside.eventually_fetches(&format!("http://{eip}/"), "blue", Duration::from_secs(5))?;

    scene["blue"].power_off()?;

    outside.eventually_fetches(&format!("http://{eip}/"), "green", PATIENCE).map(drop)
}

#[test]
fn only_what_is_sent_as_the_vip_leaves_through_its_eip() -> Result<()> {
    let scene = pair().edges(1).start(program())?;
    elect_blue(&scene)?;
    let eip = scene.bind_eip(scene.vip_id())?;
    let outside = scene.outside()?;
    outside.eventually_fetches(&format!("http://{eip}/"), "blue", Duration::from_secs(5))?;
    outside.serve_peer_address()?;
    let url = format!("http://{OUTSIDE_CLIENT}:8080/");

    let as_vip = scene["blue"].run(&["curl", "-s", "-m", "3", "--interface", &VIP.to_string(), &url])?;
    let as_itself = scene["blue"].run(&["curl", "-s", "-m", "3", &url])?;

    ensure!(as_vip.stdout.trim() == eip.to_string(), "the outside saw {:?}, not {eip}", as_vip.stdout);
    ensure!(as_itself.code != 0, "an address without an EIP went out: {}", as_itself.stdout);
    eventually(Duration::from_secs(5), || {
        let drops = scene.drops(HostName::Host(1))?;
        ensure!(drops.iter().any(|(reason, count)| reason == "no_eip" && *count > 0), "{drops:?}");
        Ok(())
    })
}

#[test]
fn what_an_instance_sends_leaves_by_the_eip_of_the_address_that_it_is_sent_from() -> Result<()> {
    let scene = pair().edges(1).start(program())?;
    scene.associate(["blue", "green"])?;
    scene.follow_every_claim()?;
    // One for the VIP, one for an instance, one for an interface.
    let of_vip = scene.bind_eip(scene.vip_id())?;
    let of_blue = scene.bind_eip(&scene["blue"].id)?;
    let of_green = scene.bind_eip(&scene.interface_of("green")?.meta.id)?;
    let outside = scene.outside()?;
    outside.serve_peer_address()?;
    for guest in ["blue", "green"] {
        scene[guest].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
        scene[guest].serve(guest)?;
    }
    let seen = |guest: &str, options: &[&str]| -> Result<String> {
        let url = format!("http://{OUTSIDE_CLIENT}:8080/");
        let words = [&["curl", "-s", "-m", "3"], options, &[&url]].concat();
        Ok(scene[guest].run(&words)?.stdout.trim().to_owned())
    };
    let as_vip = ["--interface", &VIP.to_string()].map(str::to_owned);
    let as_vip = as_vip.each_ref().map(String::as_str);
    let take = |guest: &str| -> Result<()> {
        scene[guest].announce(VIP)?;
        scene.eventually_held_by(guest)
    };

    for (holder, other) in [("blue", "green"), ("green", "blue")] {
        take(holder)?;
        eventually(PATIENCE, || {
            let found = [seen("blue", &[])?, seen("green", &[])?, seen(holder, &as_vip)?];
            let wanted = [of_blue, of_green, of_vip].map(|eip| eip.to_string());
            ensure!(found == wanted, "the outside saw {found:?}, not {wanted:?}");
            Ok(())
        })?;
        ensure!(seen(other, &as_vip)?.is_empty(), "{other} left as a VIP that it does not hold");
        for (eip, guest) in [(of_vip, holder), (of_blue, "blue"), (of_green, "green")] {
            outside.eventually_fetches(&format!("http://{eip}/"), guest, PATIENCE)?;
        }
    }
    Ok(())
}

#[test]
fn an_eip_passes_to_the_other_edge_when_its_own_is_lost() -> Result<()> {
    let scene = pair().edges(2).start(program())?;
    elect_blue(&scene)?;
    let eip = scene.bind_eip(scene.vip_id())?;
    let outside = scene.outside()?;
    let url = format!("http://{eip}/");
    outside.eventually_fetches(&url, "blue", Duration::from_secs(5))?;

    scene.lab.set_underlay_cable(HostName::Edge(1), false)?;
    scene.lab.set_outside_cable(HostName::Edge(1), false)?;

    outside.eventually_fetches(&url, "blue", Duration::from_secs(5)).map(drop)
}
