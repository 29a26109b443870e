//! The keys by which hosts know each other's messages.

use anyhow::{Result, ensure};
use havip_lab::{Scene, eventually, names::HostName};
use havip_tests::{VIP, pair, program, vip_url};
use std::time::{Duration, Instant};

/// A claim is followed within a millisecond; a request on a busy machine takes longer.
const FOLLOWED: Duration = Duration::from_secs(3);

#[test]
fn the_key_is_changed_while_a_vip_moves_and_no_move_is_lost() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    // Both have the address all the time, and take the VIP whenever they announce it.
    scene.follow_every_claim()?;
    for name in ["blue", "green"] {
        scene[name].serve(name)?;
        scene[name].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    }
    let keys = scene.lab.api(|client| client.host_keys())?;
    ensure!((keys.sealing, keys.required) == (Some(1), true), "a new fabric has a key: {keys:?}");

    let mut names = ["blue", "green"].into_iter().cycle();
    let mut move_once = || -> Result<()> {
        let name = names.next().expect("they take turns for ever");
        scene[name].shell(&format!("arping -U -c 1 -I eth0 {VIP}"))?;
        scene["client"].eventually_fetches(&vip_url(), name, FOLLOWED)?;
        Ok(())
    };
    for rotation in 2..=3 {
        scene.lab.api(|client| client.rotate_host_keys())?;
        // Each of its three steps needs half a second at most; a host that does not follow is lost after three.
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            move_once()?;
            let keys = scene.lab.api(|client| client.host_keys())?;
            if !keys.is_changing {
                ensure!((keys.sealing, &keys.accepted[..]) == (Some(rotation), &[rotation][..]), "{keys:?}");
                break;
            }
            ensure!(Instant::now() < deadline, "the rotation does not end: {keys:?}");
        }
        move_once()?;
    }
    for host in 1..=3 {
        let drops = scene.drops(HostName::Host(host))?;
        ensure!(!drops.iter().any(|(reason, _)| reason == "announcement_forged"), "host {host}: {drops:?}");
    }
    Ok(())
}

#[test]
fn a_host_that_boots_without_the_server_has_the_last_key() -> Result<()> {
    let mut scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    scene.lab.api(|client| client.rotate_host_keys())?;
    eventually(Duration::from_secs(30), || {
        let keys = scene.lab.api(|client| client.host_keys())?;
        ensure!(!keys.is_changing && keys.sealing == Some(2), "{keys:?}");
        Ok(())
    })?;
    let claim = |scene: &Scene, name: &str| -> Result<()> {
        scene[name].serve(name)?;
        scene[name].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
        scene[name].shell(&format!("arping -U -c 1 -I eth0 {VIP}"))?;
        scene["client"].eventually_fetches(&vip_url(), name, FOLLOWED)?;
        Ok(())
    };
    claim(&scene, "green")?;
    scene.lab.process("server")?.kill();
    scene.lab.reboot(HostName::Host(1))?;

    // What its guest claims is believed by hosts that refuse whatever is not sealed with the new key.
    scene["blue"].wait_until_running()?;
    claim(&scene, "blue")
}
