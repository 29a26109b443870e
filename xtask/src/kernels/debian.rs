//! Debian's kernel images: found by the name of the package that follows the newest, unpacked, never installed.

use super::plan::Kernel;
use crate::prepare;
use crate::process::{is_installed, output_of, run_quietly};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An unpacked kernel.
pub struct Image {
    /// What it boots.
    pub kernel: PathBuf,
    /// Its modules; the last part is its release.
    pub modules: PathBuf,
}

impl Image {
    /// `uname -r`.
    pub fn release(&self) -> String {
        self.modules.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Why this machine cannot get such kernels, if it cannot.
pub fn objection() -> Option<String> {
    if std::env::consts::ARCH != "x86_64" {
        return Some(format!(
            "the emulated machine is an x86_64, and this one is {}",
            std::env::consts::ARCH
        ));
    }
    (!is_installed("apt-get")).then(|| "Debian's kernel packages need apt-get".to_owned())
}

/// The newest image of a kernel, below the folder; fetched only if it is not there.
pub fn unpacked(kernel: &Kernel, folder: &Path) -> Result<Image> {
    if let Some(why) = objection() {
        bail!("{why}");
    }
    let missing = || {
        format!(
            "apt's lists have no package {}: Linux {} needs Debian 12 with its security updates in the sources",
            kernel.package, kernel.name
        )
    };
    let package = listed(kernel)?.with_context(missing)?;
    let prefix = format!("linux-image-{}.", kernel.name);
    ensure!(
        package.starts_with(&prefix),
        "{} stands for {package} here; Linux {} is what Debian 12 has by this name",
        kernel.package,
        kernel.name
    );
    let place = folder.join(&package);
    if !place.exists() {
        fetch(&package, folder)?;
    }
    let modules = fs::read_dir(place.join("lib/modules"))?.next().context("the package has no modules")??;
    let release = modules.file_name().to_string_lossy().into_owned();
    Ok(Image { kernel: place.join(format!("boot/vmlinuz-{release}")), modules: modules.path() })
}

/// The newest image of a kernel by its name, after a look at Debian's mirror if the lists here do not know it.
pub fn listed(kernel: &Kernel) -> Result<Option<String>> {
    match newest(kernel)? {
        Some(package) => Ok(Some(package)),
        None => {
            prepare::update()?;
            newest(kernel)
        }
    }
}

/// The package that the one of the plan depends on now.
fn newest(kernel: &Kernel) -> Result<Option<String>> {
    let listed = output_of(Command::new("apt-cache").args(["depends", "--no-recommends", kernel.package]));
    let Ok(listed) = listed else { return Ok(None) };
    let mut depends = listed.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    Ok(depends.find(|name| name.starts_with("linux-image-")).map(str::to_owned))
}

/// Downloads and unpacks; what is half done is never taken for whole.
fn fetch(package: &str, folder: &Path) -> Result<()> {
    let scratch = folder.join(format!("{package}.part"));
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(scratch.join("root"))?;
    // Without the sandbox: its user may not write here.
    let options = ["-o", "APT::Sandbox::User=root", "download", package];
    run_quietly(
        &format!("apt-get download {package}"),
        Command::new("apt-get").args(options).current_dir(&scratch),
    )?;
    let files = fs::read_dir(&scratch)?.map(|entry| entry.map(|entry| entry.path()));
    let files: Vec<PathBuf> = files.collect::<std::io::Result<_>>()?;
    let archive = files.iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let archive = archive.context("apt-get download left no package")?;
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--extract").arg(archive).arg(scratch.join("root"));
    run_quietly(&format!("unpacking {package}"), &mut unpack)?;
    fs::rename(scratch.join("root"), folder.join(package))?;
    fs::remove_dir_all(&scratch)?;
    Ok(())
}
