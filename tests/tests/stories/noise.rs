//! An instance that floods its host leaves other tenants' failovers alone.

use anyhow::{Result, ensure};
use havip_api::{Associate, CreateSubnet, CreateVip, CreateVpc};
use havip_lab::{Flood, Noisy, Takeover, names::HostName};
use havip_tests::{VIP, pair, program};
use std::{net::Ipv4Addr, time::Duration};

const NOISY_VIP: Ipv4Addr = Ipv4Addr::new(10, 99, 1, 100);

/// The middle of so many trials.
const TRIALS: usize = 9;

#[test]
fn a_flood_by_one_tenant_leaves_anothers_failover_alone_and_is_limited_by_reason() -> Result<()> {
    let mut scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    // Both have the address all the time, and take the VIP whenever they announce it.
    scene.follow_every_claim()?;
    let vpc = CreateVpc { name: "loud".into(), cidr: "10.99.0.0/16".into(), ..CreateVpc::default() };
    let vpc = scene.lab.api(|client| client.create_vpc(&vpc))?.meta.id;
    let subnet =
        CreateSubnet { vpc, name: "loud".into(), cidr: "10.99.1.0/24".into(), ..CreateSubnet::default() };
    let subnet = scene.lab.api(|client| client.create_subnet(&subnet))?;
    // On the host of one of the claimants, and its peer on the other's.
    for (name, host) in [("loud", 1), ("peer", 2)] {
        scene.add_guest_in(&subnet.meta.id, name, HostName::Host(host), "")?;
    }
    let vip = CreateVip {
        subnet: subnet.meta.id.clone(),
        address: Some(NOISY_VIP.to_string()),
        associations: ["loud", "peer"].map(|guest| Associate::claim(&scene[guest].id)).into(),
        ..CreateVip::default()
    };
    scene.settled(|client| client.create_vip(&vip))?;
    // Somebody else holds it, so that probes have somewhere to go.
    scene["peer"]
        .shell(&format!("ip address add {NOISY_VIP}/32 dev eth0 && arping -U -c 1 -I eth0 {NOISY_VIP}"))?;
    let noisy = Noisy {
        own: scene["loud"].address,
        vip: NOISY_VIP,
        peer: scene["peer"].address,
        gateway: Ipv4Addr::new(10, 99, 1, 1),
    };

    let mut takeover = Takeover::new(VIP, [&scene["blue"], &scene["green"]], &scene["client"])?;
    let mut middle = || -> Result<Duration> {
        let mut times = (0..TRIALS).map(|_| takeover.trial()).collect::<Result<Vec<_>>>()?;
        times.sort();
        Ok(times[TRIALS / 2])
    };
    let idle = middle()?;
    let loud = Flood::start(&scene["loud"].network_namespace()?, |mac| noisy.everything(mac))?;
    let flooded = middle()?;
    let (sent, lasted) = (loud.sent(), TRIALS as u32 * Duration::from_millis(600));
    drop(loud);
    println!("takeover: {idle:?} idle, {flooded:?} beside {sent} frames in {lasted:?}");

    // The aim is twice the idle figure, which the bench measures. Here: on two busy processors one of which the
    // flood has to itself, and against a floor below which a scheduler's turn is all that is measured.
    ensure!(flooded <= 4 * idle + Duration::from_millis(20), "{idle:?} idle, {flooded:?} flooded");
    ensure!(sent > 20_000, "that was no flood: {sent} frames");
    let drops = scene.drops(HostName::Host(1))?;
    for reason in ["probe_limited", "dhcp_limited", "advert_limited", "claim_of_address"] {
        ensure!(drops.iter().any(|(name, count)| name == reason && *count > 0), "{reason}: {drops:?}");
    }
    Ok(())
}
