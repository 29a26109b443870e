//! A machine on a tap that Havip does not run holds the VIP by keepalived, and its port goes down in every way there is.

use super::{outage, was_assisted};
use anyhow::{Context, Result, ensure};
use havip_api::{Associate, MoveCause};
use havip_lab::{Running, Scene, Setting, TapGuest, eventually, keepalived::Keepalived, names::HostName};
use havip_tests::{OWN_TIMERS, SUBNET, VIP, program};
use tempfile::TempDir;

/// The machine, and what must live as long as it.
pub struct Elected {
    pub machine: TapGuest,
    pub keepalived: Running,
    _folder: TempDir,
}

/// A machine on host 1 and green on host 2, elected as the guides say; the machine is the primary.
pub fn elect_machine() -> Result<(Elected, Scene)> {
    let scene = Setting::subnet(SUBNET)
        .vip("10.20.1.100")
        .guest_on("green", 2)
        .guest_on("client", 3)
        .start(program())?;
    let machine = scene.tap_guest(HostName::Host(1))?;
    let green = &scene["green"];
    // A VIP has either instances or interfaces, and the machine is no instance.
    let shown = scene.lab.api(|client| client.instance(&green.id))?;
    let of_green = &shown.interfaces.first().context("green has no interface")?.id;
    for interface in [&machine.interface, of_green] {
        scene.settled(|client| client.associate(scene.vip_id(), &Associate::claim(interface)))?;
    }
    green.serve("green")?;
    green.start_keepalived(&Keepalived::secondary(green.address, machine.address, VIP))?;
    let folder = tempfile::tempdir()?;
    let primary = Keepalived::primary(machine.address, green.address, VIP);
    let keepalived = machine.start_keepalived(&primary, folder.path())?;
    eventually(2 * OWN_TIMERS, || {
        let holder = scene.vip_now()?.holder.context("nobody holds the VIP")?;
        ensure!(holder.interface.as_ref() == Some(&machine.interface), "{holder:?}");
        Ok(())
    })?;
    Ok((Elected { machine, keepalived, _folder: folder }, scene))
}

/// The VIP goes to green by the switch's word, and the history says on what that rests.
fn is_spoken_for(act: impl FnOnce(&Scene, &mut TapGuest) -> Result<()>) -> Result<()> {
    let (mut elected, scene) = elect_machine()?;

    let outage = outage(&scene, "green", || act(&scene, &mut elected.machine))?;

    was_assisted(&scene, outage)?;
    let (causes, evidence) = (scene.causes()?, scene.evidence()?);
    ensure!(causes.contains(&MoveCause::PortDown), "{causes:?}");
    ensure!(evidence.len() == 1 && evidence[0].contains("went down"), "{evidence:?}");
    Ok(())
}

#[test]
fn a_machine_whose_process_is_killed_is_spoken_for() -> Result<()> {
    is_spoken_for(|_, machine| {
        machine.kill_qemu()?;
        // The tap is there, as others made it, and has lost its carrier.
        machine.run_on_host("ip", ["link", "show", "dev", &machine.device])?.succeeded().map(drop)
    })
}

#[test]
fn a_machine_whose_tap_is_unplugged_is_spoken_for() -> Result<()> {
    is_spoken_for(|scene, machine| {
        scene.lab.api(|client| client.unplug_interface(&machine.interface)).map(drop)
    })
}

#[test]
fn a_machine_whose_tap_is_deleted_is_spoken_for() -> Result<()> {
    is_spoken_for(|_, machine| {
        machine.run_on_host("ip", ["link", "delete", "dev", &machine.device])?.succeeded().map(drop)
    })
}
