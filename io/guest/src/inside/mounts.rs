//! The guest's own `/dev`, `/proc`, `/sys`, `/run` and `/tmp`.

use super::{Attempt, INIT_PROGRAM, Trouble, USER_DATA};
use crate::state::absent_is_fine;
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sys::stat::{Mode, SFlag, makedev, mknod, umask},
};
use std::{
    ffi::CString,
    fs, io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink},
        },
    },
    path::Path,
};

/// Mounts what shows nothing of any namespace.
pub(super) fn mount_own() -> Result<(), Trouble> {
    umask(Mode::empty());
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    for path in ["/dev", "/proc", "/sys", "/run", "/tmp"] {
        if !Path::new(path).is_dir() {
            fs::create_dir(path).attempting(format_args!("make {path}"))?;
        }
    }
    // Only here do device nodes work, and only these exist; nobody inside can make one.
    attach("tmpfs", "/dev", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, "mode=755,size=1m")?;
    for (name, major, minor) in DEVICES {
        let path = Path::new("/dev").join(name);
        mknod(&path, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(major, minor))
            .attempting(format_args!("make {}", path.display()))?;
    }
    for (name, target) in LINKS {
        symlink(target, Path::new("/dev").join(name)).attempting(format_args!("link /dev/{name}"))?;
    }
    for name in ["pts", "shm", "mqueue"] {
        fs::create_dir(Path::new("/dev").join(name)).attempting(format_args!("make /dev/{name}"))?;
    }
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    attach("devpts", "/dev/pts", quiet, "newinstance,ptmxmode=0666,mode=0620,gid=5")?;
    attach("tmpfs", "/dev/shm", safe, "mode=1777,size=64m")?;
    attach("tmpfs", "/run", safe, "mode=755,size=64m")?;
    attach("tmpfs", "/tmp", safe, "mode=1777,size=256m")?;
    fs::create_dir("/run/lock").attempting("make /run/lock")?;
    fs::set_permissions("/run/lock", fs::Permissions::from_mode(0o1777)).attempting("open /run/lock")?;
    umask(Mode::from_bits_truncate(0o022));
    Ok(())
}

/// Mounts what shows the network namespace and the message queues of this process: the guest's, at this time.
pub(super) fn mount_sys() -> Result<(), Trouble> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV;
    attach("mqueue", "/dev/mqueue", quiet, "")?;
    // A mount of its own has none of the host's mounts below it: neither BPF pins, cgroups nor debugfs.
    attach("sysfs", "/sys", quiet | MsFlags::MS_RDONLY, "")?;
    SYS_COVERED.iter().try_for_each(|path| cover(Path::new(path)))
}

/// Mounts the cgroups of version 2 that this process's namespace shows: those below the guest's own, at this time. They
/// are the guest's to divide; what limits it is above them.
pub(super) fn mount_cgroups() -> Result<(), Trouble> {
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV;
    attach("cgroup2", "/sys/fs/cgroup", quiet, "")
}

/// Mounts what shows the processes of this process's namespace: the guest's, at this time.
pub(super) fn mount_proc() -> Result<(), Trouble> {
    attach("proc", "/proc", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV, "")?;
    for path in PROC_READ_ONLY {
        bind(path, true)?;
    }
    // The switches of the guest's own network are its own; the first bind made them read-only with the rest.
    bind("/proc/sys/net", false)?;
    PROC_COVERED.iter().try_for_each(|path| cover(Path::new(path)))
}

/// Covers a file with nothing, a directory with an empty one. What does not exist needs no cover.
pub(super) fn cover(path: &Path) -> Result<(), Trouble> {
    let step = format!("cover {}", path.display());
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    let none = None::<&str>;
    if metadata.is_dir() {
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some("mode=0,size=4k")).attempting(step)
    } else {
        mount(Some("/dev/null"), path, none, MsFlags::MS_BIND, none).attempting(step)
    }
}

/// A mount of this very program's file that is nowhere yet; to be taken before the mount namespace is left.
///
/// A file that was replaced since the agent was started has no name that could be mounted: then of a copy.
pub(super) fn detached_program(copy: &Path) -> Result<OwnedFd, Trouble> {
    let step = "find this program's file";
    let itself = Path::new("/proc/self/exe");
    let path = if fs::metadata(itself).attempting(step)?.nlink() > 0 {
        itself
    } else {
        // An earlier copy may be running.
        absent_is_fine(fs::remove_file(copy)).attempting("remove the program's last copy")?;
        fs::copy(itself, copy).attempting("copy this program")?;
        copy
    };
    detached(path).attempting(step)
}

/// The same of a terminal: its device works wherever it is mounted.
pub(super) fn detached_terminal(terminal: &OwnedFd) -> Result<OwnedFd, Trouble> {
    detached(Path::new(&format!("/proc/self/fd/{}", terminal.as_raw_fd()))).attempting("find the console")
}

fn detached(path: &Path) -> Result<OwnedFd, Errno> {
    const OPEN_TREE_CLONE: libc::c_uint = 1;
    let path = CString::new(path.as_os_str().as_bytes()).expect("a path has no zero byte");
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC.cast_unsigned();
    // SAFETY: the path lives through the call; the descriptor it returns is ours alone.
    let answer = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    let fd = Errno::result(answer)?;
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Puts this program where the guest's first process is started from: read-only, so that root inside cannot
/// change what the host runs.
pub(super) fn place_program(detached: &OwnedFd) -> Result<(), Trouble> {
    place(detached, INIT_PROGRAM, 0o555).attempting("place the first process")?;
    let protected = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | protected;
    mount(None::<&str>, INIT_PROGRAM, None::<&str>, flags, None::<&str>)
        .attempting("protect the first process")
}

/// Mounts what Debian's systemd would mount itself, and ends if it cannot.
pub(super) fn mount_lock() -> Result<(), Trouble> {
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    attach("tmpfs", "/run/lock", safe, "mode=1777,size=5m")
}

/// Puts the terminal where systemd looks for a console.
pub(super) fn place_console(detached: &OwnedFd) -> Result<(), Trouble> {
    place(detached, "/dev/console", 0o600).attempting("place the console")
}

/// Puts what is mounted nowhere yet over a new file.
fn place(detached: &OwnedFd, target: &str, mode: u32) -> io::Result<()> {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(target)?;
    let target = CString::new(target).expect("a constant");
    // SAFETY: both paths live through the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            detached.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    Ok(Errno::result(answer).map(drop)?)
}

pub(super) fn place_user_data(script: &str) -> Result<(), Trouble> {
    if script.is_empty() {
        return Ok(());
    }
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(USER_DATA);
    file.and_then(|mut file| io::Write::write_all(&mut file, script.as_bytes()))
        .attempting("write the user data")
}

fn attach(kind: &str, path: &str, flags: MsFlags, options: &str) -> Result<(), Trouble> {
    let options = (!options.is_empty()).then_some(options);
    mount(Some(kind), path, Some(kind), flags, options).attempting(format_args!("mount {path}"))
}

/// Mounts a directory over itself, so that it can have flags of its own.
fn bind(path: &str, is_read_only: bool) -> Result<(), Trouble> {
    let step = format!("mount {path} over itself");
    if !Path::new(path).exists() {
        return Ok(());
    }
    let none = None::<&str>;
    mount(Some(path), path, none, MsFlags::MS_BIND, none).attempting(&step)?;
    let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
    flags |= MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV;
    if is_read_only {
        flags |= MsFlags::MS_RDONLY;
    }
    mount(none, path, none, flags, none).attempting(&step)
}

const DEVICES: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Written through by their owner's number alone, without any capability.
const PROC_READ_ONLY: [&str; 5] = ["/proc/sys", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/driver"];
/// Shows or changes the host's kernel.
const PROC_COVERED: [&str; 15] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/key-users",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/modules",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/sys/fs/binfmt_misc",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/vmallocinfo",
];
const SYS_COVERED: [&str; 9] = [
    "/sys/block",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/bpf",
    "/sys/fs/cgroup",
    "/sys/kernel/debug",
    "/sys/kernel/security",
    "/sys/kernel/tracing",
];
