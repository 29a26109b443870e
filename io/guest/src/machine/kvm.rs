//! Whether KVM works here: not by its device being there, but by QEMU running a program on it.

use super::PROGRAM;
use nix::unistd::{Gid, Uid};
use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    process::{Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Why machines of this host are emulated, if they are; looked at once per life of the agent.
pub(super) fn objection() -> Option<String> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    FOUND.get_or_init(|| look().err()).clone()
}

/// The group that may use KVM.
pub(crate) fn group() -> Option<u32> {
    fs::metadata(DEVICE).map(|found| found.gid()).ok()
}

/// Lets QEMU boot a disk whose only instruction is to end QEMU with a number that nothing else ends with.
///
/// Here and there KVM is offered and a machine on it aborts, or never gets to its first instruction.
fn look() -> Result<(), String> {
    let group = group().ok_or_else(|| format!("this host has no {DEVICE}"))?;
    let folder = std::env::temp_dir().join(format!("havip-kvm-{}", std::process::id()));
    let disk = folder.join("disk");
    // QEMU runs as nobody, whatever files of ours are for.
    let open_to_all = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let made = fs::create_dir(&folder)
        .and_then(|()| fs::write(&disk, boot_sector()))
        .and_then(|()| open_to_all(&folder, 0o755))
        .and_then(|()| open_to_all(&disk, 0o644));
    let ended = made.and_then(|()| run(group, &disk));
    // Two files of ours in a directory for such.
    let _left_to_the_next_boot = fs::remove_dir_all(&folder);
    match ended {
        Ok(Some(status)) if status.code() == Some(EXPECTED) => Ok(()),
        Ok(Some(status)) => Err(format!("QEMU on {DEVICE} ended with {status}")),
        Ok(None) => {
            Err(format!("QEMU on {DEVICE} did not run its first instructions in {} s", PATIENCE.as_secs()))
        }
        Err(error) => Err(format!("could not try {DEVICE}: {error}")),
    }
}

fn run(group: u32, disk: &std::path::Path) -> io::Result<Option<ExitStatus>> {
    let mut qemu = Command::new(PROGRAM);
    qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-m", "16"])
        .args(["-accel", "kvm", "-cpu", "host", "-device", "isa-debug-exit"])
        .arg("-drive")
        .arg(format!("file={},format=raw,read-only=on,if=none,id=disk", disk.display()))
        .args(["-device", "virtio-blk-pci,drive=disk"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // SAFETY: system calls only; nothing is allocated.
    unsafe {
        qemu.pre_exec(move || {
            nix::unistd::setgroups(&[Gid::from_raw(group)])?;
            nix::unistd::setgid(Gid::from_raw(NOBODY))?;
            Ok(nix::unistd::setuid(Uid::from_raw(NOBODY))?)
        });
    }
    let mut child = qemu.spawn()?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    // One that cannot even be killed is left to the system.
    let _stuck_in_the_kernel = child.try_wait();
    Ok(None)
}

/// `mov dx, 0x501; mov al, 0x20; out dx, al; hlt`, and the mark that makes it a boot sector.
fn boot_sector() -> [u8; 512] {
    let mut sector = [0; 512];
    sector[..7].copy_from_slice(&[0xba, 0x01, 0x05, 0xb0, 0x20, 0xee, 0xf4]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

const DEVICE: &str = "/dev/kvm";
const NOBODY: u32 = 65_534;
/// The device ends QEMU with twice what was written, and one.
const EXPECTED: i32 = 0x41;
/// A firmware on working KVM needs some 0.3 s up to its first disk.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_about_kvm_comes_in_time_and_an_objection_says_why() {
        let began = Instant::now();
        let found = look();
        // Twice the patience: a machine that is busy starts QEMU late.
        assert!(began.elapsed() < 2 * PATIENCE);
        if let Err(why) = found {
            assert!(why.contains("/dev/kvm"), "{why}");
        }
    }
}
