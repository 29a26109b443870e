//! Installs what the machine lacks, once, without starting any service.

use crate::machine;
use crate::packages::{self, Package, Purpose};
use crate::process::{is_installed, run_quietly};
use anyhow::{Result, bail};
use std::process::Command;

/// Installs what is missing for a purpose; silent if nothing is.
pub fn run(purpose: Purpose) -> Result<()> {
    machine::refuse_unfit()?;
    let missing = packages::missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("== this machine lacks:");
    for package in &missing {
        eprintln!("   {:<16} {}", package.name, package.why);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    if !is_installed("apt-get") || !is_installed("dpkg") {
        bail!(
            "this is not a Debian-like system (no apt-get); please install by hand what Debian calls: {}",
            names.join(" ")
        );
    }
    install(&names)?;
    keep_disabled(&missing);

    let still: Vec<&str> =
        missing.iter().filter(|package| !package.is_present()).map(|package| package.name).collect();
    match still.is_empty() {
        true => Ok(()),
        false => bail!("apt-get succeeded, but these still do not work: {}", still.join(" ")),
    }
}

/// Fetches the lists of what there is.
pub fn update() -> Result<()> {
    run_quietly("apt-get update", &mut apt_get(&["update"]))
}

fn install(names: &[&str]) -> Result<()> {
    update()?;
    let options = ["install", "--yes", "--no-install-recommends", "--"];
    let arguments: Vec<&str> = options.iter().chain(names).copied().collect();
    run_quietly(&format!("apt-get install {}", names.join(" ")), &mut apt_get(&arguments))
}

/// apt-get that asks nothing and starts nothing.
fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("install.sh"), "install.sh"]);
    command.args(["-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("NEEDRESTART_MODE", "l");
    command
}

/// Takes services that came in just now out of the next boot; the lab starts its own copies.
fn keep_disabled(installed: &[Package]) {
    for (package, unit) in SERVICES {
        if !is_installed("systemctl") || !installed.iter().any(|installed| installed.name == package) {
            continue;
        }
        match run_quietly(
            &format!("systemctl disable {unit}"),
            Command::new("systemctl").args(["disable", unit]),
        ) {
            Ok(()) => eprintln!("   {unit} does not start at boot; `systemctl enable {unit}` changes that"),
            Err(error) => eprintln!("   {unit} will start at the next boot: {error:#}"),
        }
    }
}

/// What Debian enables when it is installed, by package.
const SERVICES: [(&str, &str); 7] = [
    ("nginx-light", "nginx.service"),
    ("keepalived", "keepalived.service"),
    ("haproxy", "haproxy.service"),
    ("heartbeat", "heartbeat.service"),
    ("corosync", "corosync.service"),
    ("pacemaker", "pacemaker.service"),
    ("postgresql-15", "postgresql.service"),
];
