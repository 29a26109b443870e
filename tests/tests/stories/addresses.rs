//! Secondary addresses that the API moves: the other way to switch an address, as in clouds without VIPs that guests claim.

use anyhow::{Context, Result, ensure};
use havip_api::AddAddresses;
use havip_lab::{PATIENCE, Setting, eventually, probe::Probe};
use havip_tests::{SUBNET, program, url};
use std::{net::IpAddr, time::Duration};

#[test]
fn secondary_addresses_of_both_families_move_by_one_call_and_nobody_can_shout_them_over() -> Result<()> {
    let scene = Setting::subnet(SUBNET).dual().guests(["blue", "green", "client"]).start(program())?;
    let addresses: [IpAddr; 2] = ["10.20.1.50".parse()?, "fd00:20:0:1::50".parse()?];
    let (blue, green, client) = (&scene["blue"], &scene["green"], &scene["client"]);
    // Both guests are configured for both addresses, as the guides for such pairs say; the network decides.
    for guest in [blue, green] {
        guest.serve(&guest.name)?;
        guest.shell(&format!(
            "ip address add {}/32 dev eth0; ip address add {}/128 dev eth0 nodad",
            addresses[0], addresses[1]
        ))?;
    }
    // Who is active says so; it need not know who was before.
    let give = |guest: &str| -> Result<()> {
        let interface = scene.interface_of(guest)?.meta.id;
        let body = AddAddresses {
            addresses: addresses.map(|address| address.to_string()).into(),
            reassign: true,
            ..AddAddresses::default()
        };
        let given = scene.settled(|client| client.add_addresses(&interface, &body))?;
        ensure!(given.secondary_addresses == body.addresses, "{given:?}");
        Ok(())
    };
    let served_by =
        |guest: &str| addresses.iter().try_for_each(|address| client.fetches(&url(*address), guest));

    give("blue")?;
    served_by("blue")?;
    green.announce(addresses[0])?;
    let event = scene.eventually_refused("green", "claim_of_address")?;
    ensure!(event.address.as_deref() == Some("10.20.1.50"), "{event:?}");
    served_by("blue")?;

    let probe = Probe::start(&client.network_namespace()?, addresses[0])?;
    eventually(PATIENCE, || {
        ensure!(probe.answered_since(Duration::ZERO), "nothing answers the client's pings");
        Ok(())
    })?;
    let moved_at = probe.now();
    give("green")?;

    // The client's neighbour entries still say blue's MAC; packets go by IP.
    served_by("green")?;
    ensure!(scene.interface_of("blue")?.secondary_addresses.is_empty(), "blue has them too");
    let outage = probe.longest_outage_since(moved_at).map(|outage| outage.length).unwrap_or_default();
    println!("outage of a secondary address that moves: {} ms", outage.as_millis());
    // Where it was it may be used no more.
    let source = addresses[0].to_string();
    let ping = blue.run(&["ping", "-c", "1", "-W", "1", "-I", &source, &client.address.to_string()])?;
    ensure!(ping.code != 0, "blue still sends as {source}");
    let event = scene.eventually_refused("blue", "source_address").context("and nobody is told")?;
    ensure!(event.address.as_deref() == Some("10.20.1.50"), "{event:?}");
    served_by("green")
}
