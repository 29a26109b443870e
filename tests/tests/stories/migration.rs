//! Guests that go on at another host while they run: what they hold goes along, and nobody takes them for dead.

use crate::assist::machine::{Elected, elect_machine};
use anyhow::{Context, Result, ensure};
use havip_api::{Interface, MoveCause, Plug};
use havip_lab::{Destination, PATIENCE, Scene, eventually, names::HostName, probe::Probe, steadily};
use havip_tests::{VIP, program};
use std::{
    process::{Command, Output},
    time::Duration,
};

/// Prepares a host for the machine; nothing changes by that.
fn prepare(scene: &Scene, interface: &str, host: HostName) -> Result<Destination> {
    let to = scene.destination(host)?;
    let plug = Plug { host: scene.host_id(host)?, device: to.device.clone() };
    let shown = scene.settled(|client| client.migrate_interface(interface, &plug))?;
    ensure!(shown.migration.as_ref().is_some_and(|to| to.device == Some(plug.device)), "{shown:?}");
    held_at(scene, interface, HostName::Host(1))?;
    Ok(to)
}

/// `havip port migrate --interface I ...` of this lab.
fn migrate(scene: &Scene, interface: &str, words: &[&str]) -> Result<Output> {
    let mut command = Command::new(program());
    command.env("HAVIP_LAB", scene.lab.name().to_string());
    command.args(["port", "migrate", "--interface", interface]).args(words);
    command.output().context("the program could not be run")
}

/// The machine holds the VIP, and its port is on this host.
fn held_at(scene: &Scene, interface: &str, host: HostName) -> Result<()> {
    let host = scene.host_id(host)?;
    eventually(PATIENCE, || {
        let holder = scene.vip_now()?.holder.context("nobody holds the VIP")?;
        let found = (holder.interface.as_deref(), holder.host.as_deref());
        ensure!(found == (Some(interface), Some(&host)), "{holder:?}");
        Ok(())
    })
}

fn is_at(scene: &Scene, interface: &str, host: HostName) -> Result<Interface> {
    let host = scene.host_id(host)?;
    eventually(PATIENCE, || {
        let shown = scene.lab.api(|client| client.interface(interface))?;
        let is_there = shown.host.as_ref() == Some(&host) && shown.migration.is_none();
        ensure!(is_there && shown.port_up == Some(true), "{shown:?}");
        Ok(shown)
    })
}

/// Nobody took the machine for dead, and green did not become master.
fn nobody_was_spoken_for(scene: &Scene) -> Result<()> {
    for host in 1..=3 {
        let spoken = scene.spoken(HostName::Host(host))?;
        ensure!(spoken == 0, "host {host} has spoken for the dead {spoken} times");
    }
    let has = scene["green"].shell("ip -4 -o address show dev eth0")?.contains(&format!(" {VIP}/"));
    ensure!(!has, "green became master");
    Ok(())
}

#[test]
fn a_guest_that_migrates_takes_its_vip_along_and_is_not_taken_for_dead() -> Result<()> {
    let (mut elected, scene) = elect_machine()?;
    let machine = &mut elected.machine;
    let interface = machine.interface.clone();
    let before = scene.causes()?;
    let to = prepare(&scene, &interface, HostName::Host(3))?;
    let probe = Probe::start(&scene["client"].network_namespace()?, VIP)?;
    eventually(PATIENCE, || {
        ensure!(probe.answered_since(Duration::ZERO), "the VIP is not answered");
        Ok(())
    })?;
    let since = probe.now();

    machine.migrate(to)?;

    let said = migrate(&scene, &interface, &["--follow", "--within", "30", "-o", "json"])?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let shown: Interface = serde_json::from_slice(&said.stdout)?;
    let outage = shown.migrated.and_then(|migrated| migrated.outage_ms).context("no outage is told")?;
    eventually(PATIENCE, || {
        ensure!(probe.answered_since(probe.now() - Duration::from_millis(50)), "the VIP is not answered");
        Ok(())
    })?;
    let seen = probe.longest_outage_since(since).map_or(0, |outage| outage.length.as_millis());
    println!("nobody heard from the guest for {outage} ms; the client of its VIP missed {seen} ms");
    // A second QEMU starts in 0.1 s; the rest is for a busy machine, and less than keepalived waits.
    ensure!(outage < 2500 && seen < 2500, "{outage} ms, {seen} ms");
    held_at(&scene, &interface, HostName::Host(3))?;
    is_at(&scene, &interface, HostName::Host(3))?;
    let moved = scene.causes()?.split_off(before.len());
    ensure!(moved == [MoveCause::Migrated], "{moved:?}");
    nobody_was_spoken_for(&scene)?;

    // Back again, and this time its tap is gone before anybody hears that it is there: somebody has to say so.
    let back = scene.destination(HostName::Host(1))?;
    let plug = Plug { host: scene.host_id(HostName::Host(1))?, device: back.device.clone() };
    scene.settled(|client| client.migrate_interface(&interface, &plug))?;
    machine.migrate_silently(back)?;
    let said = migrate(&scene, &interface, &["--finish"])?;
    let error = String::from_utf8_lossy(&said.stderr);
    // Its keepalived's next advert may have said it first.
    ensure!(said.status.success() || error.contains("not_migrating"), "{error}");
    held_at(&scene, &interface, HostName::Host(1))?;
    is_at(&scene, &interface, HostName::Host(1))?;
    let moved = scene.causes()?.split_off(before.len());
    ensure!(moved == [MoveCause::Migrated; 2], "{moved:?}");
    nobody_was_spoken_for(&scene)?;

    // Now its process dies, and that is a port that is down.
    machine.kill_qemu()?;
    eventually(PATIENCE, || {
        let causes = scene.causes()?;
        ensure!(causes.contains(&MoveCause::PortDown), "{causes:?}");
        Ok(())
    })
}

#[test]
fn what_a_migrated_guest_announces_takes_no_vip_from_a_live_holder() -> Result<()> {
    let (Elected { mut machine, keepalived, .. }, scene) = elect_machine()?;
    let to = prepare(&scene, &machine.interface, HostName::Host(3))?;
    // The machine's keepalived dies and leaves the address behind; green takes over by its own timers.
    keepalived.kill()?;
    scene.eventually_held_by("green")?;
    let held = scene.vip_now()?.holder.map(|holder| holder.epoch);

    machine.migrate(to)?;

    is_at(&scene, &machine.interface, HostName::Host(3))?;
    // It announces every address that it has; its host asks both, and green has it.
    for _ in 0..3 {
        machine.announce(VIP)?;
    }
    steadily(Duration::from_secs(2), || {
        let now = scene.vip_now()?.holder.map(|holder| holder.epoch);
        ensure!(now == held, "the VIP moved");
        Ok(())
    })
}
