//! What a guest says about itself that is not true.

use anyhow::{Context, Result, ensure};
use havip_api::{Event, EventFilter};
use havip_lab::{eventually, names::HostName};
use havip_tests::{VIP, elect_blue, pair, program, vip_url};
use std::time::Duration;

#[test]
fn a_false_mac_address_is_dropped_and_counted() -> Result<()> {
    let scene = pair().start(program())?;
    let client = scene["client"].address.to_string();
    scene["blue"].shell("ip link set eth0 address 02:de:ad:be:ef:01")?;

    let ping = scene["blue"].run(&["ping", "-c", "1", "-W", "1", &client])?;

    ensure!(ping.code != 0, "a frame with a false MAC was answered");
    scene.eventually_refused("blue", "source_mac")?;
    Ok(())
}

#[test]
fn a_false_ip_address_is_dropped_and_counted() -> Result<()> {
    let scene = pair().start(program())?;
    let client = scene["client"].address.to_string();
    scene["blue"].shell("ip address add 10.20.1.77/24 dev eth0")?;

    let ping = scene["blue"].run(&["ping", "-c", "1", "-W", "1", "-I", "10.20.1.77", &client])?;

    ensure!(ping.code != 0, "a false source was answered");
    // The false sender shows in the first ARP request already, or in the packet.
    eventually(Duration::from_secs(5), || {
        let reasons: Vec<_> = scene.refused("blue")?.into_iter().filter_map(|event| event.reason).collect();
        ensure!(
            reasons
                .iter()
                .any(|reason| ["arp_sender", "source_address", "claim_unknown"].contains(&reason.as_str())),
            "{reasons:?}"
        );
        Ok(())
    })
}

#[test]
fn an_advert_from_a_stranger_deposes_nobody() -> Result<()> {
    let mut scene = pair().start(program())?;
    elect_blue(&scene)?;
    scene.add_guest("stranger", HostName::Host(2))?;
    let before = scene.vip_now()?.holder;

    // One advert of priority 0 for router 51 and the VIP, PASS 1111: what makes a backup take over (measured).
    let green = scene["green"].address;
    scene["stranger"].send_advert(green, 51, 0, VIP)?;

    scene.eventually_refused("stranger", "advert_stranger")?;
    ensure!(
        !scene["green"].shell("ip -4 -o address show dev eth0")?.contains("10.20.1.100"),
        "green took over"
    );
    ensure!(scene.vip_now()?.holder == before, "the holder has changed");
    scene["client"].fetches(&vip_url(), "blue")
}

#[test]
fn a_forged_packet_on_the_underlay_from_an_unknown_address_changes_nothing() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let before = scene.vip_now()?.holder;

    scene.forge_announcement_from_unknown_host()?;

    eventually(Duration::from_secs(5), || {
        let drops = scene.drops(HostName::Host(3))?;
        ensure!(drops.iter().any(|(reason, count)| reason == "outer_unknown" && *count > 0), "{drops:?}");
        Ok(())
    })?;
    ensure!(scene.vip_now()?.holder == before, "the holder has changed");
    scene["client"].fetches(&vip_url(), "blue")
}

#[test]
fn a_forged_announcement_from_a_known_hosts_address_changes_nothing_and_is_reported() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let before = scene.vip_now()?.holder;

    // Whole, of a host that exists, from its very address: only the key is not known to a forger.
    scene.forge_announcement_from_known_host()?;

    let sender = HostName::Host(2).underlay().to_string();
    eventually(Duration::from_secs(5), || {
        let filter = EventFilter { kind: Some("refused".into()), ..EventFilter::default() };
        let refused = scene.lab.api(|client| client.all_events(&filter))?;
        let is_it = |event: &&Event| event.reason.as_deref() == Some("announcement_forged");
        let reported = refused.iter().find(is_it).context("the forgery is not reported")?;
        ensure!(reported.address.as_deref() == Some(&sender), "reported as of {:?}", reported.address);
        Ok(())
    })?;
    let drops = scene.drops(HostName::Host(3))?;
    ensure!(drops.contains(&("announcement_forged".into(), 1)), "{drops:?}");
    ensure!(scene.vip_now()?.holder == before, "the holder has changed");
    scene["client"].fetches(&vip_url(), "blue")
}

#[test]
fn any_process_of_a_host_can_send_into_a_vpc_until_the_host_keeps_the_port_to_its_kernel() -> Result<()> {
    let scene = pair().start(program())?;
    let (client, green) = (&scene["client"], &scene["green"]);
    client.pings(green.address)?;
    let forge = || scene.forge_ping_by_host_process(HostName::Host(1), "client", "green", HostName::Host(2));
    let before = green.pings_heard()?;

    forge()?;
    eventually(Duration::from_secs(5), || {
        ensure!(green.pings_heard()? == before + 1, "a packet from a host's address is a guest's");
        Ok(())
    })?;

    // The remedy of docs/security.md.
    let mut nft = scene.lab.host_namespace(HostName::Host(1))?.command("nft");
    let rules = "table inet havip { chain out { type filter hook output priority 0; \
                 udp dport 7402 meta skuid >= 0 drop; }; }";
    ensure!(nft.arg(rules).status()?.success(), "nft refused {rules}");

    ensure!(forge().is_err(), "it was sent all the same");
    client.pings(green.address)?;
    ensure!(green.pings_heard()? == before + 2, "what the kernel itself sends goes on");
    elect_blue(&scene)
}
