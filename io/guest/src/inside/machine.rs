//! The keeper of a machine: starts QEMU as a user without power, keeps its console, sees its end.

use super::{Attempt, Trouble, fence, give_up, keeper};
use crate::{
    MachineSpec,
    cgroup::{self, Groups, Member},
    machine::{Descriptors, FIRST_TAP, PROGRAM, arguments, group, wait_until_made},
    prepared::Word,
    process::{Process, boot_id},
    state::{Files, Kind, State},
};
use nix::{
    sys::stat::{Mode, umask},
    unistd::{
        ForkResult, Gid, Uid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, execve, fork, setgid, setgroups,
        setsid, setuid,
    },
};
use std::{
    ffi::CString,
    fs,
    io::{self, PipeReader, PipeWriter},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::{fs::MetadataExt, net::UnixListener},
    },
    path::{Path, PathBuf},
    time::Duration,
};

pub(super) fn keep(directory: PathBuf, taps: usize, emulated: &str) -> ! {
    // SAFETY: this process has one thread.
    match unsafe { fork() } {
        // The agent waits for us; the keeper is nobody's child that could be left unreaped.
        Ok(ForkResult::Parent { .. }) => std::process::exit(0),
        Ok(ForkResult::Child) => {}
        Err(errno) => give_up(&format!("could not fork: {errno}")),
    }
    let files = Files(directory);
    match start(&files, taps, emulated) {
        Err(trouble) => {
            // The agent is told; it may have died.
            let _nobody_listens = keeper::say(&Word::Failed(trouble.to_string()));
            std::process::exit(1)
        }
        Ok((state, console)) => {
            // A machine runs whether the agent heard of it or not.
            let _nobody_listens = keeper::say(&Word::Ready(state.clone()));
            if let Err(error) = keeper::close_stdout() {
                eprintln!("could not close the standard output: {error}");
            }
            match state.init.hold() {
                Ok(Some(held)) => keeper::keep_console(&files, &held, OwnedFd::from(console).into()),
                Ok(None) => {}
                Err(error) => eprintln!("could not hold QEMU: {error}"),
            }
            keeper::tidy_up(&files, &state);
            std::process::exit(0)
        }
    }
}

fn start(files: &Files, taps: usize, emulated: &str) -> Result<(State, PipeReader), Trouble> {
    setsid().attempting("leave the agent's session")?;
    fence::ignore_signals();
    let taps: Vec<RawFd> = (FIRST_TAP..).take(taps).collect();
    fence::close_from(FIRST_TAP + taps.len() as RawFd);
    let text = fs::read(files.machine()).attempting("read the machine's file")?;
    let spec: MachineSpec = serde_json::from_slice(&text).attempting("read the machine's file")?;
    // Relative from here on: QEMU may enter the machine's directory, but none above it.
    chdir(&files.0).attempting("enter the machine's directory")?;
    let orders = listen()?;
    let disk =
        spec.image.disk.as_ref().map(fs::File::open).transpose().attempting("open the image's disk")?;
    let (console, console_writer) = io::pipe().attempting("make a pipe")?;
    let log = fs::File::create("qemu.log").attempting("make QEMU's log")?;
    // QEMU needs memory of its own.
    let memory_mib = spec.memory_mib + QEMU_MIB;
    // Two of an instance run while it goes from host to host, and in a lab both hosts are of this kernel.
    let folder = fs::metadata(".").attempting("look at the machine's directory")?.ino();
    let name = format!("{}-{folder}", spec.instance);
    let made = cgroup::create(&name, spec.cpu_millis, memory_mib, false);
    let (cgroups, limits) = made.attempting("make the cgroups")?;

    let descriptors = Descriptors {
        taps: taps.clone(),
        orders: orders.as_raw_fd(),
        disk: disk.as_ref().map(AsRawFd::as_raw_fd),
    };
    // SAFETY: this process has one thread.
    let pid = match unsafe { fork() }.attempting("fork")? {
        ForkResult::Child => {
            drop(console);
            let trouble =
                become_qemu(&spec, &descriptors, emulated.is_empty(), &cgroups, &console_writer, &log);
            eprintln!("{trouble}");
            let _to_the_same_place = io::Write::write_all(&mut (&log), trouble.to_string().as_bytes());
            std::process::exit(125)
        }
        ForkResult::Parent { child } => child.as_raw(),
    };
    drop((console_writer, orders, disk));
    for tap in taps {
        // SAFETY: ours, and handed on: the machine's end shall be the tap's.
        drop(unsafe { OwnedFd::from_raw_fd(tap) });
    }
    let begun = wait_until_made(Path::new(ORDERS), START_TAKES).and_then(|()| {
        let state = State {
            boot: boot_id()?,
            init: Process::of(pid)?,
            keeper: Process::of(std::process::id().cast_signed())?,
            cgroups: cgroups.clone(),
            limits,
            kind: Kind::Machine { emulated: (!emulated.is_empty()).then(|| emulated.to_owned()) },
        };
        state.write(&files.state())?;
        Ok(state)
    });
    begun.map(|state| (state, console)).map_err(|error| {
        keeper::end(pid);
        let _reported_by_the_next_start = cgroup::remove(&cgroups);
        let said = fs::read_to_string("qemu.log").unwrap_or_default();
        Trouble(format!(
            "QEMU did not start: {}",
            if said.is_empty() { error.to_string() } else { said.trim().into() }
        ))
    })
}

/// Where QEMU takes orders, for root alone.
fn listen() -> Result<UnixListener, Trouble> {
    crate::state::absent_is_fine(fs::remove_file(ORDERS)).attempting("remove the old socket")?;
    let before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(ORDERS).attempting("make the socket for orders");
    umask(before);
    listener
}

/// In the child: gives up everything and becomes QEMU.
fn become_qemu(
    spec: &MachineSpec,
    descriptors: &Descriptors,
    with_kvm: bool,
    cgroups: &Groups,
    console: &PipeWriter,
    log: &fs::File,
) -> Trouble {
    let turn = || -> Result<(), Trouble> {
        cgroup::join(cgroups, Member::Guest).attempting("join the cgroups")?;
        let nothing = fs::File::open("/dev/null").attempting("open /dev/null")?;
        dup2_stdin(&nothing).attempting("set the standard input")?;
        dup2_stdout(console).attempting("set the standard output")?;
        dup2_stderr(log).attempting("set the standard error")?;
        fence::close_on_exec_from(FIRST_TAP);
        let kept = descriptors.taps.iter().chain([&descriptors.orders]).chain(&descriptors.disk);
        kept.copied().try_for_each(fence::keep_at_exec).attempting("hand descriptors on")?;
        let groups: Vec<Gid> = group().filter(|_| with_kvm).map(Gid::from_raw).into_iter().collect();
        setgroups(&groups).attempting("leave all groups")?;
        setgid(Gid::from_raw(spec.user)).attempting("become the machine's group")?;
        setuid(Uid::from_raw(spec.user)).attempting("become the machine's user")?;
        nix::sys::prctl::set_no_new_privs().attempting("give up setuid programs")?;
        fence::restore_signals();
        let words = [PROGRAM.to_owned()].into_iter().chain(arguments(spec, descriptors, with_kvm));
        let words: Vec<CString> = words
            .map(|word| CString::new(word).expect("a host name and numbers have no zero byte"))
            .collect();
        let path = CString::new(PROGRAM).expect("a constant");
        execve(&path, &words, &[] as &[CString])
            .attempting(format_args!("run {PROGRAM}"))
            .map(|never| match never {})
    };
    match turn() {
        Err(trouble) => trouble,
        Ok(()) => Trouble("execve came back".into()),
    }
}

/// Relative to the machine's directory.
pub(crate) const ORDERS: &str = "orders";
/// QEMU is ready in 0.2 s; a host that is short of everything may need seconds.
const START_TAKES: Duration = Duration::from_secs(15);
/// Code, device models, translated code, and the guest's page tables.
const QEMU_MIB: u32 = 320;
