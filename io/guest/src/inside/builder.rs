//! The builder: makes a guest's file tree and its first process, and ends.
//!
//! The mount namespace is the host's (its owner is the host's user namespace), everything else the guest's own:
//! so nobody in the guest can undo a mount, whatever power it has over its own namespaces.

use super::{Attempt, GO_FD, INIT_PROGRAM, Trouble, fence, mounts, systemd, tree};
use crate::{
    Spec,
    cgroup::{self, Groups, Member},
    process::HeldProcess,
    state::Files,
};
use havip_model::InitSystem;
use nix::{
    errno::Errno,
    sched::{CloneFlags, setns, unshare},
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, Pid, dup2_raw, dup2_stderr, dup2_stdin, dup2_stdout, execve, fork, sethostname},
};
use std::{
    ffi::{CString, OsString},
    fs,
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
};

/// What ties the guest to its keeper. `news` carries the first process's number and then any trouble.
pub(super) struct Pipes {
    /// A pipe, or the terminal that systemd takes for the console.
    pub console: OwnedFd,
    pub go: PipeReader,
    pub news: PipeWriter,
}

pub(super) fn build(
    files: &Files,
    spec: &Spec,
    leading: &[OsString],
    cgroups: &Groups,
    mut pipes: Pipes,
) -> ! {
    let built = try_build(files, spec, leading, cgroups, &mut pipes);
    tell(&mut pipes.news, &built);
    std::process::exit(i32::from(built.is_err()))
}

fn try_build(
    files: &Files,
    spec: &Spec,
    leading: &[OsString],
    cgroups: &Groups,
    pipes: &mut Pipes,
) -> Result<(), Trouble> {
    cgroup::join(cgroups, Member::Guest).attempting("join the cgroups")?;
    let host_proc = fs::File::open("/proc").attempting("open /proc")?;
    let program = mounts::detached_program(&files.program_copy())?;
    let has_systemd = spec.init == InitSystem::Systemd;
    let console = has_systemd.then(|| mounts::detached_terminal(&pipes.console)).transpose()?;
    let hidden_already = tree::prepare_upper(files, spec)?;
    let others = tree::prepare_others(files, spec)?;
    let to_cover = tree::not_hidden_yet(files, spec, &hidden_already, &others);

    unshare(CloneFlags::CLONE_NEWNS).attempting("make a mount namespace")?;
    tree::mount_and_enter(files, &others)?;
    mounts::mount_own()?;
    to_cover.iter().try_for_each(|path| mounts::cover(path))?;
    mounts::place_program(&program)?;
    mounts::place_user_data(&spec.user_data)?;
    if let Some(console) = &console {
        mounts::mount_lock()?;
        mounts::place_console(console)?;
        systemd::furnish(&spec.user_data)?;
    }
    fence::set_limits()?;

    let (mut ready, mut make_ready) = io::pipe().attempting("make a pipe")?;
    let pid = match clone_guest().attempting("make the guest's namespaces")? {
        None => {
            drop(make_ready);
            let begun = begin(spec, leading, &mut ready, pipes);
            tell(&mut pipes.news, &begun);
            std::process::exit(125)
        }
        Some(pid) => pid,
    };
    drop(ready);
    writeln!(pipes.news, "pid {pid}").attempting("tell the keeper")?;
    map_users(&host_proc, pid)?;
    mount_as_guest(pid, has_systemd)?;
    make_ready.write_all(b"r").attempting("let the first process begin")
}

/// Root inside is root outside, but with power over its own namespaces only.
///
/// The same numbers inside and outside mean that files need no shifting; power over the host comes from
/// capabilities in the host's user namespace, and the guest has none there.
fn map_users(host_proc: &fs::File, pid: i32) -> Result<(), Trouble> {
    use nix::{
        fcntl::{OFlag, openat},
        sys::stat::Mode,
    };
    for map in ["uid_map", "gid_map"] {
        let path = format!("{pid}/{map}");
        let file = openat(host_proc, path.as_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty());
        let mut file = fs::File::from(file.attempting(format_args!("open {path}"))?);
        file.write_all(b"0 0 4294967295").attempting(format_args!("write {path}"))?;
    }
    Ok(())
}

/// Mounts what shows the guest's own namespaces, from outside of its user namespace.
fn mount_as_guest(pid: i32, has_systemd: bool) -> Result<(), Trouble> {
    let guest = HeldProcess::of_child(Pid::from_raw(pid)).attempting("hold the first process")?;
    let shown = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWCGROUP;
    setns(&guest, shown).attempting("enter the guest")?;
    mounts::mount_sys()?;
    if has_systemd {
        mounts::mount_cgroups()?;
    }
    setns(&guest, CloneFlags::CLONE_NEWPID).attempting("enter the guest's processes")?;
    // Only a process born there sees the guest's processes.
    let (mut trouble, mut trouble_writer) = io::pipe().attempting("make a pipe")?;
    // SAFETY: this process has one thread.
    let child = match unsafe { fork() }.attempting("fork")? {
        ForkResult::Child => {
            let mounted = mounts::mount_proc();
            tell(&mut trouble_writer, &mounted);
            std::process::exit(i32::from(mounted.is_err()))
        }
        ForkResult::Parent { child } => child,
    };
    drop(trouble_writer);
    let mut text = String::new();
    trouble.read_to_string(&mut text).attempting("hear how /proc was mounted")?;
    match waitpid(child, None) {
        Ok(WaitStatus::Exited(_, 0)) => Ok(()),
        _ => Err(Trouble(if text.is_empty() { "could not mount /proc".into() } else { text })),
    }
}

/// In the guest's first process: fences itself in and becomes init.
fn begin(spec: &Spec, leading: &[OsString], ready: &mut PipeReader, pipes: &Pipes) -> Result<(), Trouble> {
    if ready.read_exact(&mut [0]).is_err() {
        // The builder has told why.
        return Ok(());
    }
    sethostname(&spec.host_name).attempting("set the host name")?;
    set_loopback_up().attempting("set the loopback up")?;
    let nothing = fs::File::open("/dev/null").attempting("open /dev/null")?;
    dup2_stdin(&nothing).attempting("set the standard input")?;
    dup2_stdout(&pipes.console).attempting("set the standard output")?;
    dup2_stderr(&pipes.console).attempting("set the standard error")?;
    if pipes.go.as_raw_fd() != GO_FD {
        // Whatever has this number is one of ours that the first process does not need, but not the news.
        // SAFETY: the descriptor that dup2 makes is left to the program that is executed.
        let copied = unsafe { dup2_raw(&pipes.go, GO_FD) }.attempting("hand on the pipe")?;
        std::mem::forget(copied);
    } else {
        use nix::fcntl::{FcntlArg, FdFlag, fcntl};
        fcntl(&pipes.go, FcntlArg::F_SETFD(FdFlag::empty())).attempting("hand on the pipe")?;
    }
    fence::close_on_exec_from(GO_FD + 1);
    let arguments: Vec<CString> = [OsString::from("init")]
        .iter()
        .chain(leading)
        .chain([&OsString::from("init")])
        .chain((spec.init == InitSystem::Systemd).then_some(&OsString::from("systemd")))
        .map(|argument| CString::new(argument.as_bytes()).expect("an argument has no zero byte"))
        .collect();
    let program = CString::new(INIT_PROGRAM).expect("a constant");
    let environment = super::fence::environment().map(|(name, value)| format!("{name}={value}"));
    let environment = environment.map(|text| CString::new(text).expect("constants"));
    fence::restore_signals();
    fence::drop_power()?;
    execve(&program, &arguments, &environment)
        .attempting("start the first process")
        .map(|never| match never {})
}

/// As every system does at its start; the other devices are the agent's business.
fn set_loopback_up() -> io::Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let control = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all-zero bytes are a valid ifreq, a plain C struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l'.cast_signed();
    request.ifr_name[1] = b'o'.cast_signed();
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: the request lives through the call and has the kernel's layout.
    let answer = unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Like fork, but the child is the first process of namespaces of its own, and our parent's child.
fn clone_guest() -> Result<Option<i32>, Errno> {
    let flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWCGROUP
        | CloneFlags::CLONE_PARENT;
    let flags = flags.bits() as libc::c_ulong | libc::SIGCHLD as libc::c_ulong;
    // SAFETY: without a stack of its own the child goes on with a copy of ours, as after fork; there is one
    // thread.
    let answer = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    match Errno::result(answer)? {
        0 => Ok(None),
        pid => Ok(Some(pid as i32)),
    }
}

fn tell(to: &mut PipeWriter, outcome: &Result<(), Trouble>) {
    if let Err(trouble) = outcome {
        let _nobody_listens = write!(to, "{trouble}");
    }
}
