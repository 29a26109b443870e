//! What a host says of itself: its agent's page, its switch's counters and maps, what its programs take.

use crate::{Scene, names::HostName};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::{collections::BTreeMap, fs, process::Command};

/// What a host's switch has counted, and how full its maps are: `havip host switch`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SwitchState {
    /// By name; what has not happened is absent.
    pub counters: BTreeMap<String, u64>,
    /// Maps that grow.
    pub maps: Vec<MapFill>,
}

/// How full a map is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MapFill {
    /// Its name.
    pub map: String,
    /// How many entries it has.
    pub entries: u64,
    /// How many it takes.
    pub most: u64,
    /// The least recently used entry goes when it is full: it fills, in the end.
    pub forgets: bool,
}

#[derive(Deserialize)]
struct Status {
    peers: Vec<Peer>,
    looked_at: LookedAt,
}

/// What the programs at work on a host show, for whoever looks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct LookedAt {
    /// Frames, for a trace.
    pub frames: bool,
    /// Flows, for a flow log.
    pub flows: bool,
}

#[derive(Deserialize)]
struct Peer {
    name: String,
    lost: bool,
}

impl Scene {
    /// What a host's switch has counted since it was made, whether an agent runs there or not.
    pub fn switch_state(&self, host: HostName) -> Result<SwitchState> {
        let mut command = Command::new(self.lab.program());
        command.args(["host", "switch", "-o", "json", "--name", &self.lab.name().agent(&host)]);
        let output = command.output().context("cannot run havip")?;
        ensure!(output.status.success(), "{host}: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Which other hosts a host's agent takes for lost, by name; an error while it does not answer.
    pub fn lost_for(&self, host: HostName) -> Result<BTreeMap<String, bool>> {
        Ok(self.status(host)?.peers.into_iter().map(|peer| (peer.name, peer.lost)).collect())
    }

    /// What the programs at work on a host show; an error while its agent does not answer.
    pub fn looked_at(&self, host: HostName) -> Result<LookedAt> {
        Ok(self.status(host)?.looked_at)
    }

    fn status(&self, host: HostName) -> Result<Status> {
        let mut command = self.lab.host_namespace(host)?.command("curl");
        let page = command.args(["-s", "-m", "2", "http://127.0.0.1:7404/status"]).output()?;
        ensure!(page.status.success(), "the agent of {host} does not answer");
        Ok(serde_json::from_slice(&page.stdout)?)
    }

    /// The memory of the server or of an agent, in KiB; none if it does not run.
    pub fn memory_kib(&self, role: &str) -> Option<u64> {
        let process = self.lab.process(role).ok().filter(|process| process.is_alive())?;
        let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse().ok()
    }
}
