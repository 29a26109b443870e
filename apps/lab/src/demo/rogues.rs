//! Two announcements that must change nothing, and be reported.

use super::{
    cast,
    scenario::{Play, Scenes, row},
};
use crate::{eventually, probe::Probe};
use anyhow::{Context, Result, ensure};
use std::{net::Ipv4Addr, time::Duration};

/// The rogue announces the VIP, then the client's address.
pub fn enter(scenes: &Scenes, play: &mut Play, probes: &[(&'static str, &Probe); 2]) -> Result<()> {
    announce(scenes, play, probes, "rogue-vip", cast::VIP, "the VIP, without being associated")?;
    announce(scenes, play, probes, "rogue-address", cast::CLIENT, "the client's ordinary address")
}

fn announce(
    scenes: &Scenes,
    play: &mut Play,
    probes: &[(&'static str, &Probe); 2],
    name: &'static str,
    address: Ipv4Addr,
    what: &str,
) -> Result<()> {
    let rogue = &scenes.cast.rogue;
    let refused = play.step(name, &format!("a rogue announces {what}"), || {
        let before = scenes.holder()?;
        let last = scenes.refused_of(rogue, 0)?.last().map_or(0, |event| event.sequence);
        let since = probes.map(|(_, probe)| probe.now());
        rogue.announce_times(address, 3)?;
        let event = eventually(Duration::from_secs(5), || {
            let events = scenes.refused_of(rogue, last)?;
            let found =
                events.into_iter().find(|event| event.address.as_deref() == Some(&address.to_string()));
            found.context("the announcement was not reported")
        })?;
        ensure!(scenes.holder()? == before, "the VIP has moved");
        for ((client, probe), since) in probes.iter().zip(since) {
            ensure!(!probe.silent_since(since), "the {client} client was not answered meanwhile");
        }
        let mut row = row(&event);
        if row.address.is_empty() {
            row.address = address.to_string();
        }
        let seen = format!("{address} announced by {}: {}; nothing changed", row.mac, row.reason);
        Ok((row, seen))
    })?;
    play.report.refused.push(refused);
    Ok(())
}
