//! How much of the host a guest may use, by cgroup v1 or v2, whichever has the controllers.

use crate::state::absent_is_fine;
use nix::{sys::signal::Signal, unistd::Pid};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Which limits are in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of processor time.
    pub cpu: Limit,
    /// Of memory.
    pub memory: Limit,
    /// Of the number of processes, 4096.
    pub processes: Limit,
}

/// Whether a limit is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// None was asked for.
    NotAsked,
    /// It is.
    InForce,
    /// It was asked for, and this host cannot: why.
    Unavailable(String),
}

/// Makes the cgroups of an instance and says what they limit. What this host lacks is said, not an error.
pub(crate) fn create(instance: &str, cpu_millis: u32, memory_mib: u32) -> (Vec<PathBuf>, Limits) {
    let hierarchies = Hierarchies::read();
    let mut made = Vec::new();
    let mut set = |controller: &str, wanted: bool, v1: &[(&str, String)], v2: &[(&str, String)]| {
        if !wanted {
            return Limit::NotAsked;
        }
        let done = hierarchies.create(controller, instance).and_then(|(path, is_v1)| {
            if !made.contains(&path) {
                made.push(path.clone());
            }
            for (file, value) in if is_v1 { v1 } else { v2 } {
                fs::write(path.join(file), value)
                    .map_err(|error| format!("could not write {value} to {file}: {error}"))?;
            }
            Ok(())
        });
        done.map_or_else(Limit::Unavailable, |()| Limit::InForce)
    };

    // A quota below 1 ms is refused by the kernel; a period of 100 ms lets a burst through at full speed.
    let quota = (u64::from(cpu_millis) * PERIOD_MICROS / 1000).max(1000);
    let cpu = set(
        "cpu",
        cpu_millis > 0,
        &[("cpu.cfs_period_us", PERIOD_MICROS.to_string()), ("cpu.cfs_quota_us", quota.to_string())],
        &[("cpu.max", format!("{quota} {PERIOD_MICROS}"))],
    );
    let bytes = (u64::from(memory_mib) << 20).to_string();
    let memory =
        set("memory", memory_mib > 0, &[("memory.limit_in_bytes", bytes.clone())], &[("memory.max", bytes)]);
    let most = PROCESSES.to_string();
    let processes = set("pids", true, &[("pids.max", most.clone())], &[("pids.max", most)]);
    (made, Limits { cpu, memory, processes })
}

/// Moves the calling process into cgroups.
pub(crate) fn join(cgroups: &[PathBuf]) -> io::Result<()> {
    cgroups.iter().try_for_each(|path| fs::write(path.join("cgroup.procs"), "0"))
}

/// Kills what is left in cgroups and removes them, and their parent if it was the last.
pub(crate) fn remove(cgroups: &[PathBuf]) -> io::Result<()> {
    let deadline = Instant::now() + REMOVAL_TAKES;
    let mut first_failure = None;
    for path in cgroups {
        loop {
            match absent_is_fine(fs::remove_dir(path)) {
                Ok(()) => break,
                Err(error) if Instant::now() > deadline => {
                    first_failure.get_or_insert(error);
                    break;
                }
                // Busy: somebody is still in it, or has ended and is not reaped yet.
                Err(_) => {
                    for pid in fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default().lines() {
                        if let Ok(pid) = pid.parse() {
                            let _ended_already = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
                        }
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        }
        // The parent goes with its last instance; another instance in it makes this fail, as it should.
        let _others_are_in_it = path.parent().map(fs::remove_dir);
    }
    first_failure.map_or(Ok(()), Err)
}

/// Where this host has its controllers.
struct Hierarchies {
    /// Of v1: the controllers of each, its mount point, and where in it this process is.
    v1: Vec<(Vec<String>, PathBuf, PathBuf)>,
    v2: Option<PathBuf>,
}

impl Hierarchies {
    fn read() -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::parse(&mounts, &own)
    }

    fn parse(mounts: &str, own: &str) -> Self {
        let mut found = Self { v1: vec![], v2: None };
        for line in mounts.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let (Some(mount_point), Some(kind)) = (left.split(' ').nth(4), right.split(' ').next()) else {
                continue;
            };
            if kind == "cgroup2" {
                found.v2.get_or_insert(PathBuf::from(mount_point));
            }
            if kind != "cgroup" {
                continue;
            }
            let options: Vec<&str> = right.split(' ').nth(2).unwrap_or_default().split(',').collect();
            for line in own.lines() {
                let mut fields = line.splitn(3, ':').skip(1);
                let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
                let controllers: Vec<String> = controllers.split(',').map(str::to_owned).collect();
                if controllers.iter().all(|controller| options.contains(&controller.as_str())) {
                    let here = Path::new(mount_point).join(path.trim_start_matches('/'));
                    found.v1.push((controllers, mount_point.into(), here));
                }
            }
        }
        found
    }

    /// Makes the instance's cgroup where this controller is, and says whether that is v1.
    fn create(&self, controller: &str, instance: &str) -> Result<(PathBuf, bool), String> {
        if let Some((_, top, here)) =
            self.v1.iter().find(|(controllers, ..)| controllers.iter().any(|name| name == controller))
        {
            // Below our own, so that what limits us limits our guests too.
            let above = if here.is_dir() { here } else { top };
            return make(&above.join(PARENT).join(instance)).map(|path| (path, true));
        }
        let lacking = || format!("this host has no {controller} controller, neither in cgroup v1 nor in v2");
        let top = self.v2.as_ref().ok_or_else(lacking)?;
        let has = |path: &Path| {
            let listed = fs::read_to_string(path.join("cgroup.controllers")).unwrap_or_default();
            listed.split_ascii_whitespace().any(|name| name == controller)
        };
        if !has(top) {
            return Err(lacking());
        }
        let parent = make(&top.join(PARENT))?;
        for above in [top, &parent] {
            fs::write(above.join("cgroup.subtree_control"), format!("+{controller}")).map_err(|error| {
                format!("could not hand {controller} down in {}: {error}", above.display())
            })?;
        }
        make(&parent.join(instance)).map(|path| (path, false))
    }
}

fn make(path: &Path) -> Result<PathBuf, String> {
    // The parent may be removed with another's last instance just now.
    let mut made = Ok(());
    for _ in 0..3 {
        made = fs::create_dir_all(path);
        if made.is_ok() {
            break;
        }
    }
    made.map(|()| path.to_owned()).map_err(|error| format!("could not make {}: {error}", path.display()))
}

const PARENT: &str = "havip";
const PERIOD_MICROS: u64 = 100_000;
const PROCESSES: u32 = 4096;
const REMOVAL_TAKES: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_both_versions_are_found_in_what_the_kernel_says() {
        let mounts = "\
            30 20 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
            31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            32 20 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
            33 20 0:29 / /proc rw - proc proc rw\n";
        let own = "4:memory:/agent/x\n3:cpu,cpuacct:/\n0::/agent\n";
        let found = Hierarchies::parse(mounts, own);
        assert_eq!(found.v2.as_deref(), Some(Path::new("/sys/fs/cgroup/unified")));
        assert_eq!(found.v1.len(), 2);
        assert_eq!(found.v1[0].0, ["cpu", "cpuacct"]);
        assert_eq!(found.v1[1].2, Path::new("/sys/fs/cgroup/memory/agent/x"));
        assert!(found.create("io", "i-none").unwrap_err().contains("no io controller"));
    }

    #[test]
    fn nothing_is_asked_of_an_instance_without_limits_but_its_processes() {
        let name = format!("hvt-{}", std::process::id());
        let (made, limits) = create(&name, 0, 0);
        assert_eq!((limits.cpu, limits.memory), (Limit::NotAsked, Limit::NotAsked));
        remove(&made).unwrap();
        assert!(made.iter().all(|path| !path.exists()));
    }
}
