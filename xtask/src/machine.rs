//! What machine this is, and one sentence for each reason why it will not do.

use anyhow::{Result, bail};
use std::path::Path;

/// Refuses machines on which the switch cannot run, or nothing can be installed.
pub fn refuse_unfit() -> Result<()> {
    judge(&Machine::look())
}

/// What matters of a machine.
#[derive(Debug, Clone)]
struct Machine {
    is_linux: bool,
    /// `uname -r`.
    kernel: String,
    has_btf: bool,
    is_root: bool,
}

impl Machine {
    fn look() -> Self {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            is_linux: cfg!(target_os = "linux"),
            kernel: kernel.trim().to_owned(),
            has_btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            is_root: nix::unistd::geteuid().is_root(),
        }
    }
}

fn judge(machine: &Machine) -> Result<()> {
    if !machine.is_linux {
        bail!(
            "Havip needs Linux: its switch is BPF in the Linux kernel, and its lab is made of network namespaces"
        );
    }
    match release(&machine.kernel) {
        Some(release) if release < KERNEL_FLOOR => bail!(
            "Havip needs Linux {}.{} or newer; this is {}",
            KERNEL_FLOOR.0,
            KERNEL_FLOOR.1,
            machine.kernel
        ),
        Some(_) => {}
        None => {
            bail!("could not read the kernel's version from /proc/sys/kernel/osrelease: is /proc mounted?")
        }
    }
    if !machine.has_btf {
        bail!(
            "this kernel does not show its types: /sys/kernel/btf/vmlinux is missing (mount /sys, or boot a kernel \
             built with CONFIG_DEBUG_INFO_BTF=y, as Debian's are)"
        );
    }
    if !machine.is_root {
        bail!("run this as root (sudo -E cargo xtask …): it makes network namespaces and loads BPF programs");
    }
    Ok(())
}

/// Major and minor number of a release such as `6.1.0-37-amd64`.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-', '+']).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// The oldest kernel with all BPF helpers that the switch calls.
const KERNEL_FLOOR: (u32, u32) = (5, 15);

#[cfg(test)]
mod tests {
    use super::*;

    fn fit() -> Machine {
        Machine { is_linux: true, kernel: "6.1.0-37-amd64".into(), has_btf: true, is_root: true }
    }

    #[test]
    fn a_debian_12_machine_with_root_is_fit() {
        assert!(judge(&fit()).is_ok());
    }

    #[test]
    fn each_unfit_machine_is_refused_with_its_own_sentence() {
        let rows = [
            (Machine { is_linux: false, ..fit() }, "needs Linux:"),
            (
                Machine { kernel: "5.10.0-28-amd64".into(), ..fit() },
                "needs Linux 5.15 or newer; this is 5.10.0-28-amd64",
            ),
            (Machine { kernel: String::new(), ..fit() }, "is /proc mounted?"),
            (Machine { has_btf: false, ..fit() }, "/sys/kernel/btf/vmlinux is missing"),
            (Machine { is_root: false, ..fit() }, "run this as root"),
        ];
        for (machine, expected) in rows {
            let sentence = judge(&machine).unwrap_err().to_string();
            assert!(sentence.contains(expected), "{sentence}");
            assert!(!sentence.contains('\n'));
        }
    }

    #[test]
    fn the_floor_itself_is_new_enough() {
        assert_eq!(release("5.15.0"), Some(KERNEL_FLOOR));
        assert_eq!(release("6.18+deb"), Some((6, 18)));
    }
}
