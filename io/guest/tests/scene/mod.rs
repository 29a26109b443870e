//! Sandboxes of a test's own, removed also when the test panics.
#![allow(dead_code)]

use havip_guest::{Executed, Outcome, Program, Sandbox, Sandboxes, Spec};
use havip_model::{InitSystem, InstanceId};
use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

pub struct Scene {
    pub sandboxes: Sandboxes,
    /// The instances, and what only the test looks at.
    pub directory: tempfile::TempDir,
    /// What guests see unless it is hidden: outside of `/tmp`, and of homes, below which this checkout may lie.
    pub seen: tempfile::TempDir,
}

impl Scene {
    pub fn new() -> Self {
        let made_in = |place| tempfile::Builder::new().prefix("havip-guests").tempdir_in(place).unwrap();
        let (directory, seen) = (made_in(env!("CARGO_TARGET_TMPDIR")), made_in("/var/tmp"));
        let sandboxes = Sandboxes::open(&directory.path().join("instances"), program()).unwrap();
        Self { sandboxes, directory, seen }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("instances")
    }

    pub fn starts(&self, spec: &Spec) -> Sandbox {
        self.sandboxes.prepare(spec).unwrap().run().unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let cleaned = self.sandboxes.clean();
        if !std::thread::panicking() {
            cleaned.unwrap();
        }
    }
}

pub fn program() -> Program {
    Program { path: env!("CARGO_BIN_EXE_havip-guest-init").into(), arguments: vec![] }
}

pub fn spec(user_data: &str) -> Spec {
    let mut entropy = [0; 16];
    std::io::Read::read_exact(&mut fs::File::open("/dev/urandom").unwrap(), &mut entropy).unwrap();
    Spec {
        instance: InstanceId::new(havip_model::Body::from_entropy(entropy)),
        host_name: "web-1".into(),
        init: InitSystem::Minimal,
        user_data: user_data.into(),
        cpu_millis: 1000,
        memory_mib: 512,
        hidden: vec![],
    }
}

/// The same with systemd as its first process.
pub fn systemd(user_data: &str) -> Spec {
    Spec { init: InitSystem::Systemd, ..spec(user_data) }
}

/// Waits until systemd has started what it starts at boot: some 2 s, more where a test waits for a processor.
pub fn boots(sandbox: &Sandbox) {
    within(40, "multi-user.target", || {
        assert!(!sandbox.has_ended(), "systemd has ended: {}", console(sandbox));
        let asked = exec(sandbox, "systemctl is-active multi-user.target");
        (asked.outcome == Outcome::Exited(0), (text(&asked.stderr), console(sandbox)))
    });
}

/// What is left of an instance in the host's cgroups, in any hierarchy.
pub fn cgroups_left(spec: &Spec) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name() == spec.instance.to_string().as_str() {
                    found.push(entry.path());
                }
                open.push(entry.path());
            }
        }
    }
    found
}

pub fn exec(sandbox: &Sandbox, script: &str) -> Executed {
    let argv: Vec<OsString> = ["/bin/sh", "-c", script].map(OsString::from).into();
    sandbox.exec(&argv, b"", Duration::from_secs(20)).unwrap()
}

/// Runs a script in the sandbox that must succeed and gives what it printed.
pub fn shows(sandbox: &Sandbox, script: &str) -> String {
    let done = exec(sandbox, script);
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    assert_eq!(done.outcome, Outcome::Exited(0), "{script}: {out}{err}");
    out
}

/// Runs a script in the sandbox that must fail and gives what it complained.
pub fn refuses(sandbox: &Sandbox, script: &str) -> String {
    let done = exec(sandbox, script);
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    assert!(
        matches!(done.outcome, Outcome::Exited(code) if code != 0),
        "{script}: {:?} {out}{err}",
        done.outcome
    );
    out + &err
}

pub fn console(sandbox: &Sandbox) -> String {
    text(&sandbox.console(1 << 20).unwrap())
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Looks every 5 ms until it holds, at most so many seconds; says what it saw last if not.
pub fn within<T: std::fmt::Debug>(seconds: u64, what: &str, mut look: impl FnMut() -> (bool, T)) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        let (holds, seen) = look();
        if holds {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: not within {seconds} s; last seen: {seen:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every process of the host whose network namespace is that of this one, itself included.
pub fn in_network_of(pid: u32) -> Vec<u32> {
    let link = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let wanted = link(&pid.to_string());
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    pids.filter(|name| name.parse::<u32>().is_ok() && wanted.is_some() && link(name) == wanted)
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// What nobody in a guest has the power to do.
pub const POWER: [&str; 14] = [
    "mount -t tmpfs none /mnt",
    "mount -o remount,rw /sys",
    "umount /proc/sys",
    "umount /proc/kcore",
    "unshare --user --map-root-user true",
    "unshare --mount true",
    "nsenter --target 1 --mount true",
    "nsenter --target 1 --all true",
    "chroot /proc/1/root umount /dev",
    "date --set 2001-01-01",
    "dmesg",
    "swapon /etc/passwd",
    "losetup /dev/loop0 /etc/passwd",
    "modprobe dummy",
];
