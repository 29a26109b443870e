//! systemd as the guest's first process: what it finds, and what it leaves alone.
//!
//! Nothing here gives it more power than any first process of a guest has: it may neither mount nor reboot, and lives
//! with that as in any container. Its cgroups are those below the guest's own.

use super::{Attempt, Trouble, USER_DATA, fence, give_up, tree};
use nix::unistd::execve;
use std::{ffi::CString, fs, os::unix::fs::symlink, path::Path};

/// Refuses early what could not begin.
pub(super) fn must_be_here() -> Result<(), Trouble> {
    match Path::new(PROGRAM).exists() {
        true => Ok(()),
        false => Err(Trouble(format!("this host has no {PROGRAM}, which its package systemd brings"))),
    }
}

/// In the layer of the guest's own changes, at its first start: what the host enabled is not the guest's, which begins
/// like a machine on which packages are installed and nothing is enabled.
pub(super) fn prepare_layer(layer: &Path) -> Result<(), Trouble> {
    for path in HOSTS_OWN.iter().map(Path::new).filter(|path| path.is_dir()) {
        tree::hide(layer, path)?;
    }
    // The host's disks are no business of a guest, which could not mount them.
    for table in ["/etc/fstab", "/etc/crypttab"] {
        tree::put(layer, table, "")?;
    }
    let link = |unit: &str, target: &str| {
        let path = Path::new(UNITS).join(unit);
        tree::make_parents(layer, &path)?;
        let over = tree::in_layer(layer, Path::new(UNITS));
        fs::create_dir_all(&over).attempting(format_args!("make {UNITS}"))?;
        symlink(target, over.join(unit)).attempting(format_args!("link {}", path.display()))
    };
    link("default.target", "/lib/systemd/system/multi-user.target")?;
    MASKED.iter().try_for_each(|unit| link(unit, "/dev/null"))
}

/// In the guest's `/run`, at each start: the console, and the user data as a service.
pub(super) fn furnish(user_data: &str) -> Result<(), Trouble> {
    let write = |path: &str, text: &str| {
        let path = Path::new(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
        made.attempting(format_args!("write {}", path.display()))
    };
    write("/run/systemd/journald.conf.d/havip.conf", JOURNAL)?;
    if user_data.is_empty() {
        return Ok(());
    }
    let interpreter = if user_data.starts_with("#!") { "" } else { "/bin/sh " };
    write(&format!("/run/systemd/system/{SERVICE}"), &service(interpreter))?;
    let wants = "/run/systemd/system/multi-user.target.wants";
    fs::create_dir_all(wants).attempting(format_args!("make {wants}"))?;
    symlink(format!("../{SERVICE}"), Path::new(wants).join(SERVICE)).attempting("want the user data")
}

/// Becomes systemd.
pub(super) fn become_it() -> ! {
    fence::restore_signals();
    let words = |words: &[&str]| -> Vec<CString> {
        words.iter().map(|word| CString::new(*word).expect("constants")).collect()
    };
    let environment = fence::environment().map(|(name, value)| format!("{name}={value}"));
    let environment: Vec<&str> = environment.iter().map(String::as_str).collect();
    let program = CString::new(PROGRAM).expect("a constant");
    match execve(
        &program,
        &words(&[PROGRAM, "--log-level=notice", "--show-status=true"]),
        &words(&environment),
    ) {
        Ok(never) => match never {},
        Err(errno) => give_up(&format!("could not start {PROGRAM}: {errno}")),
    }
}

/// As the minimal first process does it: in root's home, and what it leaves running goes on.
fn service(interpreter: &str) -> String {
    format!(
        "[Unit]\nDescription=The instance's user data\nAfter=network.target basic.target\n\n\
         [Service]\nType=exec\nExecStart={interpreter}{USER_DATA}\nWorkingDirectory=-/root\nRemainAfterExit=yes\n\
         Environment=HOME=/root USER=root LOGNAME=root SHELL=/bin/sh\n\
         StandardOutput=journal+console\nStandardError=journal+console\n"
    )
}

const PROGRAM: &str = "/lib/systemd/systemd";
const UNITS: &str = "/etc/systemd/system";
const SERVICE: &str = "havip-user-data.service";
/// What services say is the console's, too, and kept in memory for `journalctl`.
const JOURNAL: &str = "[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nReadKMsg=no\nAudit=no\n";
/// What is enabled on the host.
const HOSTS_OWN: [&str; 9] = [
    "/etc/systemd/system",
    "/etc/rc0.d",
    "/etc/rc1.d",
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc4.d",
    "/etc/rc5.d",
    "/etc/rc6.d",
    "/etc/rcS.d",
];
/// Nobody can log in at the console, there is no device to find, no seat, and no format to be added to the kernel.
const MASKED: [&str; 7] = [
    "console-getty.service",
    "getty.target",
    "systemd-binfmt.service",
    "systemd-logind.service",
    "systemd-udevd.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_begins_with_nothing_enabled_but_a_target() {
        let layer = tempfile::tempdir().unwrap();
        prepare_layer(layer.path()).unwrap();
        let units = layer.path().join("etc/systemd/system");
        let mut names: Vec<_> = fs::read_dir(&units)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let mut expected: Vec<_> =
            MASKED.iter().chain(&["default.target"]).map(|name| (*name).to_owned()).collect();
        expected.sort();
        assert_eq!(names, expected);
        assert_eq!(fs::read_link(units.join("systemd-udevd.service")).unwrap(), Path::new("/dev/null"));
        assert_eq!(fs::read_to_string(layer.path().join("etc/fstab")).unwrap(), "");
    }

    #[test]
    fn user_data_is_run_by_what_its_first_line_names() {
        assert!(service("/bin/sh ").contains("\nExecStart=/bin/sh /run/havip-user-data\n"));
        assert!(service("").contains("\nExecStart=/run/havip-user-data\n"));
    }
}
