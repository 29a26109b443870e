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

/// The cgroups of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(crate) struct Groups {
    /// Those that limit it; what is below them is its own, too.
    limiting: Vec<PathBuf>,
    /// The one of version 2 that is divided: below it the guest's systemd has the root of its own cgroups.
    divided: Option<PathBuf>,
}

/// As earlier versions wrote and read them, where they need not know more.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    List(Vec<PathBuf>),
    Groups { limiting: Vec<PathBuf>, divided: Option<PathBuf> },
}

impl From<Written> for Groups {
    fn from(written: Written) -> Self {
        match written {
            Written::List(limiting) => Self { limiting, divided: None },
            Written::Groups { limiting, divided } => Self { limiting, divided },
        }
    }
}

impl From<Groups> for Written {
    fn from(groups: Groups) -> Self {
        match groups {
            Groups { limiting, divided: None } => Self::List(limiting),
            Groups { limiting, divided } => Self::Groups { limiting, divided },
        }
    }
}

/// Who joins an instance's cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    /// Its first process.
    Guest,
    /// A command that is run in it from outside: version 2 wants no processes beside a division.
    Command,
}

/// Makes the cgroups of an instance and says what they limit. What this host lacks is said, not an error.
///
/// # Errors
/// They are to be divided for a systemd, and this host cannot.
pub(crate) fn create(
    instance: &str,
    cpu_millis: u32,
    memory_mib: u32,
    divides: bool,
) -> Result<(Groups, Limits), String> {
    let hierarchies = Hierarchies::read();
    let mut made: Vec<PathBuf> = Vec::new();
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
    let mut groups = Groups { limiting: made, divided: None };
    if divides && let Err(error) = hierarchies.divide(instance, &mut groups) {
        let _the_first_failure_counts = remove(&groups);
        return Err(error);
    }
    Ok((groups, Limits { cpu, memory, processes }))
}

/// Moves the calling process into an instance's cgroups.
pub(crate) fn join(groups: &Groups, member: Member) -> io::Result<()> {
    groups.limiting.iter().try_for_each(|path| match &groups.divided {
        Some(divided) if divided == path => {
            let part = if member == Member::Guest { GUEST } else { COMMANDS };
            fs::write(path.join(part).join("cgroup.procs"), "0")
        }
        _ => fs::write(path.join("cgroup.procs"), "0"),
    })
}

/// Kills what is left in an instance's cgroups and removes them, and their parent if it was the last.
pub(crate) fn remove(groups: &Groups) -> io::Result<()> {
    let deadline = Instant::now() + REMOVAL_TAKES;
    let mut first_failure = None;
    for path in &groups.limiting {
        loop {
            // Deepest first; a guest makes as many below its own as it likes.
            let below = below(path);
            below.iter().rev().for_each(|path| _ = fs::remove_dir(path));
            match absent_is_fine(fs::remove_dir(path)) {
                Ok(()) => break,
                Err(error) if Instant::now() > deadline => {
                    first_failure.get_or_insert(error);
                    break;
                }
                // Busy: somebody is still in it, or has ended and is not reaped yet.
                Err(_) => {
                    [path].into_iter().chain(&below).for_each(|path| kill_all(path));
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        }
        // The parent goes with its last instance; another instance in it makes this fail, as it should.
        let _others_are_in_it = path.parent().map(fs::remove_dir);
    }
    first_failure.map_or(Ok(()), Err)
}

/// Every cgroup below one, outer before inner.
fn below(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = vec![path.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next) {
        let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
        let inner: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        found.extend(inner);
        next += 1;
    }
    found.split_off(1)
}

fn kill_all(path: &Path) {
    for pid in fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default().lines() {
        if let Ok(pid) = pid.parse() {
            let _ended_already = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
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

    /// Divides the instance's cgroup of version 2, which is made if no limit needed it: one part is the root of all
    /// cgroups for the guest, whose limits it may change itself; the other is for commands from outside.
    fn divide(&self, instance: &str, groups: &mut Groups) -> Result<(), String> {
        let top = self.v2.as_ref().ok_or("systemd needs cgroup2, which is mounted nowhere on this host")?;
        let own = top.join(PARENT).join(instance);
        if !groups.limiting.contains(&own) {
            make(&own)?;
            groups.limiting.push(own.clone());
        }
        for part in [GUEST, COMMANDS] {
            make(&own.join(part))?;
        }
        fs::write(own.join("cgroup.max.descendants"), MOST_BELOW.to_string())
            .map_err(|error| format!("could not limit the cgroups below {}: {error}", own.display()))?;
        groups.divided = Some(own);
        Ok(())
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
const GUEST: &str = "guest";
const COMMANDS: &str = "commands";
/// systemd makes one for each unit that runs.
const MOST_BELOW: u32 = 1024;
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
        let (made, limits) = create(&name, 0, 0, false).unwrap();
        assert_eq!((limits.cpu, limits.memory), (Limit::NotAsked, Limit::NotAsked));
        remove(&made).unwrap();
        assert!(made.limiting.iter().all(|path| !path.exists()));
    }

    #[test]
    fn groups_that_an_earlier_version_wrote_are_read() {
        let earlier: Groups = serde_json::from_str(r#"["/sys/fs/cgroup/pids/havip/i-1"]"#).unwrap();
        assert_eq!(earlier.limiting, [Path::new("/sys/fs/cgroup/pids/havip/i-1")]);
        assert_eq!(serde_json::to_string(&earlier).unwrap(), r#"["/sys/fs/cgroup/pids/havip/i-1"]"#);
        let divided = Groups { divided: earlier.limiting.first().cloned(), ..earlier };
        let text = serde_json::to_string(&divided).unwrap();
        assert_eq!(serde_json::from_str::<Groups>(&text).unwrap(), divided);
    }

    #[test]
    fn what_is_below_a_cgroup_comes_outer_before_inner() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join("guest/system.slice/nginx.service")).unwrap();
        fs::write(top.path().join("cgroup.procs"), "").unwrap();
        let expected = ["guest", "guest/system.slice", "guest/system.slice/nginx.service"];
        assert_eq!(below(top.path()), expected.map(|path| top.path().join(path)));
    }
}
