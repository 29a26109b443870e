//! `cargo xtask kernels`: the switch on kernels that this machine does not run, booted side by side under emulation.
//!
//! Debian's kernel images are unpacked, never installed. The tests of the switch run in a machine that QEMU
//! emulates (no KVM is needed), from an initial RAM disk made of what this machine has.

mod debian;
mod initramfs;
mod machine;
mod plan;

use crate::packages::Purpose;
use crate::{prepare, workspace};
use anyhow::{Result, bail};
use plan::{KERNELS, Kernel};
use std::thread::{self, ScopedJoinHandle};

/// Which kernels, and which tests on them.
#[derive(clap::Args)]
pub struct Args {
    /// One of the kernels, as 6.1; all of them if none is named
    kernel: Option<String>,
    /// Only tests whose name contains this, also those that are left out otherwise
    filter: Option<String>,
}

/// Prepares, builds the tests of the switch, and runs them on each kernel.
pub fn run(args: &Args) -> Result<()> {
    prepare::run(Purpose::Test)?;
    let chosen: Vec<&Kernel> =
        KERNELS.iter().filter(|kernel| args.kernel.as_ref().is_none_or(|name| name == kernel.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = KERNELS.iter().map(|kernel| kernel.name).collect();
        bail!("there is no kernel {:?} here; there are: {}", args.kernel, names.join(", "));
    }
    examine(&chosen, args.filter.as_deref())
}

fn examine(chosen: &[&Kernel], filter: Option<&str>) -> Result<()> {
    let work = plan::work(filter)?;
    let folder = workspace::target_directory()?.join("xtask/kernels");
    let mut ready = Vec::new();
    for kernel in chosen {
        let image = debian::unpacked(kernel, &folder)?;
        let ramdisk = folder.join(format!("{}.cpio", kernel.name));
        initramfs::write(&ramdisk, &image, &work)?;
        ready.push((kernel, image, ramdisk));
    }
    // Each machine has one processor, so they run beside each other; every one is heard to its end.
    let verdicts: Vec<Result<()>> = thread::scope(|scope| {
        let examined: Vec<_> = ready
            .iter()
            .map(|(kernel, image, ramdisk)| scope.spawn(move || machine::examine(kernel, image, ramdisk)))
            .collect();
        let end = |examined: ScopedJoinHandle<'_, _>| examined.join().expect("no machine panics");
        examined.into_iter().map(end).collect()
    });
    verdicts.into_iter().collect()
}

/// Makes the small machine that tests boot: target/xtask/machine/kernel and initramfs.
pub fn machine() -> Result<()> {
    if let Some(why) = debian::objection() {
        eprintln!("== NOT MADE: the machine that tests boot, as {why}");
        return Ok(());
    }
    let target = workspace::target_directory()?.join("xtask");
    let image = debian::unpacked(&KERNELS[0], &target.join("kernels"))?;
    let folder = target.join("machine");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(&image.kernel, folder.join("kernel"))?;
    initramfs::write_machine(&folder.join("initramfs"), &image)
}

/// The same as a part of all tests; says so loudly where Debian has no such kernels, or apt's lists lack one.
pub fn all() -> Result<()> {
    if let Some(why) = debian::objection() {
        eprintln!("== NOT RUN: the switch on other kernels, as {why}");
        return Ok(());
    }
    prepare::run(Purpose::Test)?;
    let mut listed = Vec::new();
    for kernel in KERNELS {
        match debian::listed(kernel)? {
            Some(_) => listed.push(kernel),
            None => eprintln!(
                "== NOT RUN: the switch on Linux {}, as apt's lists have no package {} (security updates)",
                kernel.name, kernel.package
            ),
        }
    }
    examine(&listed, None)
}
