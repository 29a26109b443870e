//! What programs and their maps take.

use anyhow::{Context, Result, ensure};
use std::{collections::BTreeMap, time::Duration};

/// The memory of all BPF maps that a process has open, as the kernel counts it.
pub fn maps_mib(pid: i32) -> Result<f64> {
    let mut maps = BTreeMap::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // A descriptor may be closed between the list and the look.
        let Ok(text) = std::fs::read_to_string(entry?.path()) else { continue };
        let field = |name: &str| -> Option<u64> {
            text.lines().find_map(|line| line.strip_prefix(name)).and_then(|value| value.trim().parse().ok())
        };
        if let (Some(id), Some(bytes)) = (field("map_id:"), field("memlock:")) {
            maps.insert(id, bytes);
        }
    }
    ensure!(!maps.is_empty(), "the agent has no BPF map open");
    Ok(maps.values().sum::<u64>() as f64 / f64::from(1 << 20))
}

/// The resident memory of a process.
pub fn resident_mib(pid: i32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// The processor time of a process so far, all its threads together.
pub fn processor_time(pid: i32) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold anything.
    let fields: Vec<&str> = text[text.rfind(')').context("no name")? + 2..].split(' ').collect();
    let ticks: u64 = [11, 12].iter().map(|at| fields[*at].parse::<u64>()).sum::<Result<u64, _>>()?;
    // A tick is 10 ms on every Linux (USER_HZ).
    Ok(Duration::from_millis(10 * ticks))
}
