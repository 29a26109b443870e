//! A guest that exists already: its veth is plugged into a host's switch, and DHCP gives it its address.

use anyhow::{Context, Result, ensure};
use havip_api::{CreateInterface, Plug};
use havip_lab::{eventually, names::HostName};
use havip_tests::{pair, program};
use std::{fs, time::Duration};

#[test]
fn an_existing_guest_is_plugged_gets_its_address_by_dhcp_and_is_unplugged() -> Result<()> {
    let scene = pair().start(program())?;
    let body = CreateInterface { subnet: scene.subnet.clone(), ..CreateInterface::default() };
    let interface = scene.lab.api(|client| client.create_interface(&body))?;
    let address = interface.address.clone().context("the interface has no address")?;
    let guest = scene.external_guest(HostName::Host(1), &interface.mac)?;

    let plug = Plug { host: scene.host_id(HostName::Host(1))?, device: guest.device.clone() };
    scene.settled(|client| client.plug_interface(&interface.meta.id, &plug))?;

    let folder = tempfile::tempdir()?;
    let [leases, pid] = ["leases", "pid"].map(|name| folder.path().join(name).display().to_string());
    fs::write(&leases, "")?;
    // Without its script dhclient changes nothing, of the machine's name servers least of all.
    let words = ["-4", "-1", "-sf", "/bin/true", "-lf", &leases, "-pf", &pid, "eth0"];
    guest.run("dhclient", words)?.succeeded()?;
    let lease = fs::read_to_string(&leases)?;
    ensure!(lease.contains(&format!("fixed-address {address};")), "{lease}");
    ensure!(lease.contains("option routers 10.20.1.1;"), "{lease}");
    ensure!(
        lease.contains("option dhcp-lease-time 86400;"),
        "a day, so that no agent is needed meanwhile: {lease}"
    );
    guest.run("ip", ["address", "add", &format!("{address}/24"), "dev", "eth0"])?.succeeded()?;
    let client = scene["client"].address.to_string();
    let ping = || guest.run("ping", ["-c", "1", "-W", "1", &client])?.succeeded();
    eventually(Duration::from_secs(5), ping)?;

    scene.settled(|client| client.unplug_interface(&interface.meta.id))?;

    ensure!(ping().is_err(), "an unplugged guest still reaches others");
    // A device that is not ours is left where it was.
    guest.run_on_host("ip", ["-o", "link", "show", "dev", &guest.device])?.succeeded()?;
    Ok(())
}
