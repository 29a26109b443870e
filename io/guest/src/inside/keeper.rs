//! The keeper: on the host, one per sandbox, without power over anything but it.
//!
//! It starts the sandbox, writes its console log, and tidies up at its end, whether the agent lives or not.

use super::{Attempt, Trouble, builder, fence, give_up, systemd};
use crate::{
    Spec,
    cgroup::{self, Groups},
    console::{ConsoleWriter, FILE_AT_MOST},
    prepared::Word,
    process::{HeldProcess, Process, boot_id},
    state::{Files, Kind, State},
};
use havip_model::InitSystem;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    pty::openpty,
    sys::{
        signal::Signal,
        termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr},
        wait::waitpid,
    },
    unistd::{ForkResult, Pid, dup2_stdout, fork, setsid},
};
use std::{
    ffi::OsString,
    fs,
    io::{self, PipeWriter, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
};

/// A guest that was built and waits.
struct Built {
    state: State,
    init: HeldProcess,
    console: Console,
    go: PipeWriter,
}

/// The keeper's end of a guest's console.
struct Console {
    reads: fs::File,
    /// A terminal's other end, held so that it does not hang up while nobody inside has it open.
    _terminal: Option<OwnedFd>,
}

pub(super) fn keep(directory: PathBuf, leading: Vec<OsString>) -> ! {
    // SAFETY: this process has one thread.
    match unsafe { fork() } {
        // The agent waits for us; the keeper is nobody's child that could be left unreaped.
        Ok(ForkResult::Parent { .. }) => std::process::exit(0),
        Ok(ForkResult::Child) => {}
        Err(errno) => give_up(&format!("could not fork: {errno}")),
    }
    let files = Files(directory);
    let built = prepare(&files, &leading);
    let word = match &built {
        Ok(built) => Word::Ready(built.state.clone()),
        Err(trouble) => Word::Failed(trouble.to_string()),
    };
    let said = say(&word);
    let Ok(built) = built else { std::process::exit(1) };
    if said.is_err() {
        let _ended_already = built.init.signal(Signal::SIGKILL);
    }
    watch(&files, built);
    std::process::exit(0)
}

fn prepare(files: &Files, leading: &[OsString]) -> Result<Built, Trouble> {
    setsid().attempting("leave the agent's session")?;
    fence::ignore_signals();
    fence::close_from(3);
    let text = fs::read(files.spec()).attempting("read the spec")?;
    let spec: Spec = serde_json::from_slice(&text).attempting("read the spec")?;
    let has_systemd = spec.init == InitSystem::Systemd;
    if has_systemd {
        systemd::must_be_here()?;
    }
    let made = cgroup::create(&spec.instance.to_string(), spec.cpu_millis, spec.memory_mib, has_systemd);
    let (cgroups, limits) = made.attempting("make the cgroups")?;
    let built = start(files, &spec, leading, &cgroups).and_then(|(init_pid, console, go)| {
        let written = (|| {
            let init = Process::of(init_pid)?;
            let state = State {
                boot: boot_id()?,
                init,
                keeper: Process::of(std::process::id().cast_signed())?,
                cgroups: cgroups.clone(),
                limits,
                kind: if has_systemd { Kind::Systemd } else { Kind::Sandbox },
            };
            state.write(&files.state())?;
            let held = init.hold()?.ok_or_else(|| io::Error::other("it died"))?;
            Ok::<_, io::Error>((state, held))
        })();
        if written.is_err() {
            end(init_pid);
        }
        let (state, init) = written.attempting("note the first process")?;
        Ok(Built { state, init, console, go })
    });
    if built.is_err() {
        let _reported_by_the_next_start = cgroup::remove(&cgroups);
    }
    built
}

/// Lets a builder make the guest, and gives its first process, its console, and how to let it go on.
fn start(
    files: &Files,
    spec: &Spec,
    leading: &[OsString],
    cgroups: &Groups,
) -> Result<(i32, Console, PipeWriter), Trouble> {
    let pipe = || io::pipe().attempting("make a pipe");
    let (console, console_writer) = match spec.init {
        InitSystem::Minimal => {
            let (reads, writes) = pipe()?;
            (Console { reads: OwnedFd::from(reads).into(), _terminal: None }, writes.into())
        }
        InitSystem::Systemd => terminal().attempting("make a terminal")?,
    };
    let (go_reader, go) = pipe()?;
    let (mut news, news_writer) = pipe()?;
    // SAFETY: this process has one thread.
    let builder = match unsafe { fork() }.attempting("fork")? {
        ForkResult::Child => {
            drop((console, go, news));
            let pipes = builder::Pipes { console: console_writer, go: go_reader, news: news_writer };
            builder::build(files, spec, leading, cgroups, pipes)
        }
        ForkResult::Parent { child } => child,
    };
    drop((console_writer, go_reader, news_writer));
    // Over when the builder has ended and the first process has begun.
    let mut text = String::new();
    let heard = news.read_to_string(&mut text);
    let _reaped = waitpid(builder, None);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let init = first.strip_prefix("pid ").and_then(|pid| pid.parse::<i32>().ok());
    let trouble = if init.is_some() { rest } else { text.as_str() };
    match (heard, init) {
        (Ok(_), Some(init)) if trouble.is_empty() => Ok((init, console, go)),
        (heard, init) => {
            if let Some(init) = init {
                end(init);
            }
            heard.attempting("hear from the builder")?;
            Err(Trouble(if trouble.is_empty() { "the builder died".into() } else { trouble.trim().into() }))
        }
    }
}

/// A terminal for who wants one as its console; nothing is changed of what is written to it.
fn terminal() -> Result<(Console, OwnedFd), Errno> {
    let pair = openpty(None, None)?;
    let mut settings = tcgetattr(&pair.slave)?;
    cfmakeraw(&mut settings);
    tcsetattr(&pair.slave, SetArg::TCSANOW, &settings)?;
    let held = pair.slave.try_clone().map_err(|_| Errno::EMFILE)?;
    Ok((Console { reads: pair.master.into(), _terminal: Some(held) }, pair.slave))
}

/// Waits for the word to go on, then keeps the console until the end.
fn watch(files: &Files, mut built: Built) {
    if waits_for_go(&built.init) {
        let _it_died = built.go.write_all(b"g");
        // The agent waits for this.
        if let Err(error) = close_stdout() {
            eprintln!("could not close the standard output: {error}");
        }
    } else {
        let _ended_already = built.init.signal(Signal::SIGKILL);
    }
    drop(built.go);
    keep_console(files, &built.init, built.console.reads);
    let _reaped = waitpid(Pid::from_raw(built.state.init.pid), None);
    tidy_up(files, &built.state);
}

/// Takes away what the end of a guest leaves.
pub(super) fn tidy_up(files: &Files, state: &State) {
    if let Err(error) = files.tidy(state) {
        eprintln!("could not tidy up: {error}");
    }
}

/// Writes down what comes out of a pipe, until the guest's first process has ended.
pub(super) fn keep_console(files: &Files, init: &HeldProcess, mut console: fs::File) {
    let mut log = ConsoleWriter::open(&files.console(), FILE_AT_MOST);
    let mut keep = |bytes: &[u8]| match &mut log {
        Ok(log) => {
            if let Err(error) = log.write(bytes) {
                eprintln!("could not write the console log: {error}");
            }
        }
        Err(error) => eprintln!("could not open the console log: {error}"),
    };
    if let Err(errno) = fcntl(&console, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)) {
        eprintln!("could not read the console: {errno}");
    }
    let mut chunk = [0; 4096];
    let mut has_ended = false;
    loop {
        match console.read(&mut chunk) {
            Ok(0) => {}
            Ok(read) => {
                keep(&chunk[..read]);
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => {}
        }
        // Read once more after the end: what was written before it is in the pipe.
        if has_ended {
            break;
        }
        let mut waiting =
            [PollFd::new(init.as_fd(), PollFlags::POLLIN), PollFd::new(console.as_fd(), PollFlags::POLLIN)];
        let polled = poll(&mut waiting, PollTimeout::NONE);
        has_ended = polled != Err(Errno::EINTR) && waiting[0].any() == Some(true);
    }
}

/// Whether the agent says "go", rather than nothing for ever, before the guest dies.
fn waits_for_go(init: &HeldProcess) -> bool {
    let stdin = io::stdin();
    let mut waiting =
        [PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(init.as_fd(), PollFlags::POLLIN)];
    while let Err(Errno::EINTR) = poll(&mut waiting, PollTimeout::NONE) {}
    waiting[0].any() == Some(true) && {
        let mut word = [0; 3];
        stdin.lock().read_exact(&mut word).is_ok() && &word == b"go\n"
    }
}

pub(super) fn end(pid: i32) {
    let _ended_already = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
    let _reaped = waitpid(Pid::from_raw(pid), None);
}

pub(super) fn say(word: &Word) -> io::Result<()> {
    let mut line = serde_json::to_vec(word)?;
    line.push(b'\n');
    io::stdout().write_all(&line)?;
    io::stdout().flush()
}

pub(super) fn close_stdout() -> io::Result<()> {
    Ok(dup2_stdout(fs::OpenOptions::new().write(true).open("/dev/null")?)?)
}
