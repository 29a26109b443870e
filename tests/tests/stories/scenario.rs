//! The scenario that must always work: the demo itself, and what it leaves behind.

use anyhow::{Context, Result, ensure};
use havip_lab::{eventually, names::LabName};
use havip_tests::program;
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

#[test]
fn the_demo_shows_everything_on_tcx() -> Result<()> {
    demo_shows_everything("dtcx", "auto")
}

#[test]
fn the_demo_shows_everything_on_clsact() -> Result<()> {
    demo_shows_everything("dcls", "clsact")
}

fn demo_shows_everything(name: &str, attach: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let json = folder.path().join("demo.json");
    let output = Command::new(program())
        .args(["demo", "--plain", "--name", name, "--json"])
        .arg(&json)
        .env("HAVIP_ATTACH", attach)
        .output()?;
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the demo failed:\n{told}");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).context("no report was written")?)?;
    ensure!(report["ok"] == true, "{report:#}");
    for step in [
        "before-association",
        "association",
        "eip",
        "power-off",
        "primary-back",
        "graceful-stop",
        "rogue-vip",
        "rogue-address",
    ] {
        let found = report["steps"]
            .as_array()
            .is_some_and(|steps| steps.iter().any(|row| row["name"] == step && row["ok"] == true));
        ensure!(found, "step {step} is missing or failed: {report:#}");
    }
    for cause in ["power-off", "graceful-stop"] {
        for client in ["subnet", "outside"] {
            let found = report["outages"].as_array().is_some_and(|rows| {
                rows.iter().any(|row| {
                    row["cause"] == cause && row["client"] == client && row["ms"].as_u64().is_some()
                })
            });
            ensure!(found, "no outage of {client} after {cause}: {report:#}");
        }
    }
    ensure!(report["refused"].as_array().is_some_and(|rows| rows.len() == 2), "{report:#}");
    no_trace(name)
}

#[test]
fn an_interrupted_demo_leaves_no_trace() -> Result<()> {
    let name = "dint";
    let mut demo = Command::new(program())
        .args(["demo", "--plain", "--name", name])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // As early as a person could: while the lab is being built.
    eventually(Duration::from_secs(20), || {
        ensure!(Path::new(&format!("/run/netns/hv-{name}-h1")).exists(), "no host yet");
        Ok(())
    })?;
    let pid = nix::unistd::Pid::from_raw(demo.id() as i32);

    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT)?;

    let status = demo.wait()?;
    ensure!(status.code() == Some(130), "{status:?}");
    no_trace(name)
}

#[test]
fn a_killed_demo_is_removed_by_lab_down() -> Result<()> {
    let name = "dkil";
    let mut demo = Command::new(program())
        .args(["demo", "--plain", "--unwatched", "--name", name])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    eventually(Duration::from_secs(30), || {
        ensure!(Path::new(&format!("/run/havip/lab/{name}/client.json")).exists(), "no server yet");
        Ok(())
    })?;
    demo.kill()?;
    demo.wait()?;

    let down = Command::new(program()).args(["lab", "down", "--name", name]).output()?;

    ensure!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    no_trace(name)
}

/// Nothing of the lab is left: namespaces, pins, folders, processes.
fn no_trace(name: &str) -> Result<()> {
    let lab: LabName = name.parse()?;
    for folder in ["/run/netns", "/sys/fs/bpf/havip"] {
        let prefixes = [format!("hv-{name}-"), format!("{name}-")];
        let names: Vec<String> = match std::fs::read_dir(folder) {
            Err(_) => vec![],
            Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
        };
        let left: Vec<_> =
            names.iter().filter(|entry| prefixes.iter().any(|prefix| entry.starts_with(prefix))).collect();
        ensure!(left.is_empty(), "{folder} still has {left:?}");
    }
    for folder in [lab.run_dir(), lab.data_dir()] {
        ensure!(!folder.exists(), "{} is still there", folder.display());
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    ensure!(!mounts.contains(&lab.data_dir().display().to_string()), "a mount of the lab is left");
    Ok(())
}
