//! What a VIP's history says: why each move was, and how long nobody sent as the VIP.

use anyhow::{Context, Result, ensure};
use havip_api::{Contention, HistoryFilter, Move, MoveCause, UpdateVip};
use havip_lab::{PATIENCE, eventually, names::HostName, probe::Probe};
use havip_tests::{VIP, newest, pair, program};
use std::time::Duration;

#[test]
fn the_history_says_why_the_vip_moved_and_how_long_nobody_sent_as_it() -> Result<()> {
    let mut scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    scene["blue"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    scene.eventually_held_by("blue")?;
    scene["green"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    let probe = Probe::start(&scene["client"].network_namespace()?, VIP)?;
    eventually(PATIENCE, || {
        ensure!(probe.answered_since(Duration::ZERO), "not answered yet");
        Ok(())
    })?;
    let since = probe.now();

    scene["blue"].power_off()?;

    // Green has the address, is asked, and holds the VIP; the figure comes with its first packet.
    let row = eventually(PATIENCE, || {
        let row = newest(&scene, MoveCause::Asked)?;
        ensure!(row.to.as_ref().is_some_and(|to| to.instance_name == "green"), "{row:?}");
        ensure!(row.outage_ms.is_some(), "{row:?}");
        Ok(row)
    })?;
    ensure!(newest(&scene, MoveCause::PortDown)?.to.is_none());
    let seen = eventually(PATIENCE, || {
        let recently = probe.now().saturating_sub(Duration::from_millis(50));
        ensure!(probe.answered_since(recently), "not answered yet");
        probe.longest_outage_since(since).context("the client saw no outage")
    })?;
    // The client asks each millisecond, on a machine that may be busy; the fabric looks at the answers themselves.
    let figure = row.outage_ms.unwrap_or_default();
    let seen_ms = seen.length.as_millis() as u64;
    ensure!(figure > 0 && figure.abs_diff(seen_ms) < 200, "the client saw {seen_ms} ms: {row:?}");
    let served = scene.eventually_told("vip-served")?;
    ensure!(served.outage_ms == Some(figure), "{served:?}");

    scene.dissociate("green")?;
    eventually(PATIENCE, || {
        ensure!(newest(&scene, MoveCause::Disassociated)?.outage_unknown.is_none());
        Ok(())
    })?;

    scene.associate(["green"])?;
    scene.eventually_held_by("green")?;
    let green = scene["green"].id.clone();
    scene.settled(|client| client.delete_instance(&green))?;
    scene.forget("green");
    eventually(PATIENCE, || newest(&scene, MoveCause::Deleted).map(drop))
}

#[test]
fn moves_that_an_agent_missed_are_told_by_its_next_life_wherever_the_vip_is_by_then() -> Result<()> {
    let mut scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    let follow = UpdateVip { contention: Some(Contention::Follow), ..UpdateVip::default() };
    scene.settled(|client| client.update_vip(scene.vip_id(), &follow))?;
    let (blue, green) = (scene["blue"].herald()?, scene["green"].herald()?);
    scene.lab.process("h1")?.kill();

    for herald in [&blue, &green, &blue, &green] {
        herald.announce(VIP)?;
    }
    scene.eventually_held_by("green")?;
    scene.lab.start_agent(HostName::Host(1))?;

    eventually(PATIENCE, || {
        let history =
            scene.lab.api(|client| client.vip_history(scene.vip_id(), &HistoryFilter::default()))?.items;
        let name = |row: &Move| row.to.as_ref().map(|to| to.instance_name.clone()).unwrap_or_default();
        let mut moves: Vec<_> = history.iter().map(|row| (row.epoch, name(row), row.cause)).collect();
        moves.sort_by_key(|(epoch, _, _)| *epoch);
        let names: Vec<_> = moves.iter().map(|(_, name, _)| name.as_str()).collect();
        ensure!(names == ["blue", "green", "blue", "green"], "{moves:?}");
        ensure!(moves.iter().all(|(_, _, cause)| *cause == MoveCause::Claim), "{moves:?}");
        Ok(())
    })
}

#[test]
fn why_nobody_holds_the_vip_names_who_was_asked_and_who_was_refused() -> Result<()> {
    let scene = pair().start(program())?;
    let why = || scene.lab.api(|client| client.why_vip(scene.vip_id()));
    ensure!(why()?.situation == "no-candidate", "{:?}", why()?);

    scene["client"].announce(VIP)?;
    scene.eventually_refused("client", "claim_not_associated")?;
    let told = why()?;
    ensure!(told.situation == "refused", "{told:?}");
    ensure!(told.reasons.iter().any(|reason| reason.advice.contains("associate this instance")), "{told:?}");

    // Blue may claim it and is asked: its host has seen that it is silent, as it does not have the address.
    scene.associate(["blue"])?;
    eventually(PATIENCE, || {
        let told = why()?;
        let blue = told.candidates.first().context("blue is no candidate")?;
        ensure!(blue.asked_ago_ms.is_some() && blue.answered_ago_ms.is_none(), "{told:?}");
        ensure!(told.reasons.iter().any(|reason| reason.text.contains("it did not answer")), "{told:?}");
        Ok(())
    })?;

    scene["blue"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    scene.eventually_held_by("blue")?;
    let told = why()?;
    ensure!(told.situation == "held" && told.reasons[0].text.contains("it has the address"), "{told:?}");
    Ok(())
}
