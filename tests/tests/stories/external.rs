//! A guest that exists already: its veth is plugged into a host's switch, and DHCP gives it its address.

use anyhow::{Context, Result, ensure};
use havip_api::{CreateInterface, Plug};
use havip_lab::{eventually, names::HostName};
use havip_netlink::Namespace;
use havip_tests::{pair, program};
use std::{fs, process::Command, time::Duration};

#[test]
fn an_existing_guest_is_plugged_gets_its_address_by_dhcp_and_is_unplugged() -> Result<()> {
    let scene = pair().start(program())?;
    let body = CreateInterface { subnet: scene.subnet.clone(), ..CreateInterface::default() };
    let interface = scene.lab.api(|client| client.create_interface(&body))?;
    let address = interface.address.clone().context("the interface has no address")?;
    let host = scene.lab.host_namespace(HostName::Host(1))?;
    // The lab's name in front: the lab removes the namespace with the others.
    let name = format!("hv-{}-guest", scene.lab.name());
    let guest = Namespace::create(&name)?;
    let veth = format!("link add tap0 type veth peer name eth0 address {} netns {name}", interface.mac);
    run(host.command("ip").args(veth.split(' ')))?;
    run(guest.command("ip").args(["link", "set", "eth0", "up"]))?;

    let plug = Plug { host: scene.host_id(HostName::Host(1))?, device: "tap0".into() };
    scene.settled(|client| client.plug_interface(&interface.meta.id, &plug))?;

    let folder = tempfile::tempdir()?;
    let leases = folder.path().join("leases");
    fs::write(&leases, "")?;
    // Without its script dhclient changes nothing, of the machine's name servers least of all.
    let mut dhclient = guest.command("dhclient");
    dhclient
        .args(["-4", "-1", "-sf", "/bin/true", "-lf"])
        .arg(&leases)
        .arg("-pf")
        .arg(folder.path().join("pid"));
    run(dhclient.arg("eth0"))?;
    let lease = fs::read_to_string(&leases)?;
    ensure!(lease.contains(&format!("fixed-address {address};")), "{lease}");
    ensure!(lease.contains("option routers 10.20.1.1;"), "{lease}");
    ensure!(
        lease.contains("option dhcp-lease-time 86400;"),
        "a day, so that no agent is needed meanwhile: {lease}"
    );
    run(guest.command("ip").args(["address", "add", &format!("{address}/24"), "dev", "eth0"]))?;
    let client = scene["client"].address.to_string();
    let ping = || run(guest.command("ping").args(["-c", "1", "-W", "1", &client]));
    eventually(Duration::from_secs(5), ping)?;

    scene.settled(|client| client.unplug_interface(&interface.meta.id))?;

    ensure!(ping().is_err(), "an unplugged guest still reaches others");
    let links = host.command("ip").args(["-o", "link", "show", "dev", "tap0"]).output()?;
    ensure!(links.status.success(), "a device that is not ours was removed");
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let told =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{:?} failed: {told}", command.get_program());
    Ok(())
}
