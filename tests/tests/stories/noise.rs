//! An instance that floods its host leaves other tenants' failovers alone.

use anyhow::{Result, ensure};
use havip_lab::{Flood, Takeover, names::HostName};
use havip_tests::{VIP, pair, program};
use std::time::Duration;

/// The middle of so many trials.
const TRIALS: usize = 9;

#[test]
fn a_flood_by_one_tenant_leaves_anothers_failover_alone_and_is_limited_by_reason() -> Result<()> {
    let mut scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    // Both have the address all the time, and take the VIP whenever they announce it.
    scene.follow_every_claim()?;
    let noisy = scene.add_noisy_vpc()?;

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
    for reason in ["probe_limited", "dhcp_limited", "advert_limited", "claim_of_address", "redirect"] {
        ensure!(drops.iter().any(|(name, count)| name == reason && *count > 0), "{reason}: {drops:?}");
    }
    Ok(())
}
