//! Removing every trace of an agent from a host.

use crate::args::Config;
use crate::disk;
use crate::engine::guests_directory;
use anyhow::Context;
use havip_guest::{GuestError, Program, Sandbox, Sandboxes};
use havip_netlink::Links;
use std::path::Path;

/// Ends the instances, takes the switch apart, removes the agent's devices and, last, its data directory.
///
/// Everything is attempted; the error names all that failed.
/// With `keep_data` certificate, last state and the instances' files stay, as after a reboot.
///
/// # Errors
/// The agent runs: then nothing was done. Or something could not be removed.
pub async fn detach(config: &Config, keep_data: bool) -> anyhow::Result<()> {
    let _lock = match config.data.exists() {
        true => Some(disk::lock(&config.data).await?),
        false => None,
    };
    let mut failures: Vec<String> = Vec::new();
    let mut note = |what: &str, result: anyhow::Result<()>| {
        if let Err(error) = result {
            failures.push(format!("{what}: {error:#}"));
        }
    };
    let directory = guests_directory(config);
    if directory.exists() {
        let sandboxes = Sandboxes::open(&directory, Program::itself());
        let ended =
            sandboxes.and_then(|sandboxes| if keep_data { end_all(&sandboxes) } else { sandboxes.clean() });
        note("the instances", ended.map_err(Into::into));
    }
    if let Err(errors) = havip_switch::detach_all(&config.name) {
        for error in errors {
            note("the switch", Err(error.into()));
        }
    }
    note("the devices", remove_devices(config).await);
    if !keep_data {
        note("the data directory", remove_directory(&config.data));
    }
    anyhow::ensure!(failures.is_empty(), "not all of the agent could be removed: {}", failures.join("; "));
    Ok(())
}

/// Ends every instance and keeps its files, as a power failure of the host would.
fn end_all(sandboxes: &Sandboxes) -> Result<(), GuestError> {
    sandboxes.list()?.into_iter().filter_map(|found| found.running).try_for_each(Sandbox::power_off)
}

async fn remove_devices(config: &Config) -> anyhow::Result<()> {
    let links = Links::open()?;
    let (near, _) = config.dhcp_devices();
    for link in links.list().await? {
        if link.name == config.overlay_device() || link.name == near || config.is_port_device(&link.name) {
            links.delete(link.index).await?;
        }
    }
    Ok(())
}

fn remove_directory(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
