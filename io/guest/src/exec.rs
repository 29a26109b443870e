//! Running a command in a sandbox: the agent's side.

use crate::{Program, state::Files};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A command was run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// How it ended.
    pub outcome: Outcome,
    /// What it wrote to its standard output, at most 1 MiB.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error, at most 1 MiB.
    pub stderr: Vec<u8>,
    /// Whether more was written than is here.
    pub is_truncated: bool,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// It took too long and was killed, with its process group.
    TimedOut,
}

/// A command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The sandbox does not run.
    #[error("the instance does not run")]
    NotRunning,
    /// A machine is closed to its host.
    #[error(
        "an instance of the driver qemu is a machine of its own: nothing can be run in it from outside; use its \
         user data, its console, or ssh"
    )]
    Machine,
    /// There is nothing to run.
    #[error("no command was given")]
    Empty,
    /// The sandbox could not be entered, or has no such command.
    #[error("could not run the command: {0}")]
    Start(String),
    /// The process that enters the sandbox failed.
    #[error("could not {0}")]
    Io(&'static str, #[source] io::Error),
}

/// What the process that enters the sandbox reports, once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    Ended(Outcome),
    NotRunning,
    Failed(String),
}

pub(crate) fn run(
    program: &Program,
    files: &Files,
    argv: &[OsString],
    stdin: &[u8],
    at_most: Duration,
) -> Result<Executed, ExecError> {
    if argv.first().is_none_or(|command| command.is_empty()) {
        return Err(ExecError::Empty);
    }
    let (report, their_report) = io::pipe().map_err(|error| ExecError::Io("make a pipe", error))?;
    let their_end = their_report.as_raw_fd();
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .arg("enter")
        .arg(files.state())
        .arg(at_most.as_millis().to_string())
        .args(argv)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // SAFETY: dup2 and fcntl are system calls on descriptors that are open; nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            let answer = if their_end == REPORT_FD {
                libc::fcntl(REPORT_FD, libc::F_SETFD, 0)
            } else {
                libc::dup2(their_end, REPORT_FD)
            };
            if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        });
    }
    let mut child = command.spawn().map_err(|error| ExecError::Io("start the process that enters", error))?;
    drop(their_report);
    let talked = talk(&mut child, report, stdin, at_most + ENTERING_TAKES);
    if talked.is_err() {
        // Killing it kills the command, too.
        let _ended_already = child.kill();
    }
    child.wait().map_err(|error| ExecError::Io("wait for the process that enters", error))?;
    let (report, stdout, stderr) = talked.map_err(|error| ExecError::Io("talk to the command", error))?;
    match serde_json::from_slice(&report) {
        Ok(Report::Ended(outcome)) => {
            let is_truncated = stdout.is_truncated || stderr.is_truncated;
            Ok(Executed { outcome, stdout: stdout.bytes, stderr: stderr.bytes, is_truncated })
        }
        Ok(Report::NotRunning) => Err(ExecError::NotRunning),
        Ok(Report::Failed(why)) => Err(ExecError::Start(why)),
        Err(_) => Err(ExecError::Start(String::from_utf8_lossy(&stderr.bytes).trim().to_owned())),
    }
}

/// Output of which only so much is kept.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    is_truncated: bool,
    is_over: bool,
}

/// Feeds the input and takes the output until the report is closed: the command has ended then, though what it
/// left running may still hold its output open.
fn talk(
    child: &mut Child,
    mut report: io::PipeReader,
    mut input: &[u8],
    at_most: Duration,
) -> io::Result<(Vec<u8>, Kept, Kept)> {
    let mut stdin = child.stdin.take();
    let mut stdout = child.stdout.take().expect("piped");
    let mut stderr = child.stderr.take().expect("piped");
    for fd in [stdin.as_ref().expect("piped").as_fd(), stdout.as_fd(), stderr.as_fd(), report.as_fd()] {
        fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    let (mut said, mut out, mut err) = (Kept::default(), Kept::default(), Kept::default());
    let deadline = Instant::now() + at_most;
    while !said.is_over {
        if input.is_empty() {
            stdin = None;
        }
        {
            let mut waiting = vec![PollFd::new(report.as_fd(), PollFlags::POLLIN)];
            if !out.is_over {
                waiting.push(PollFd::new(stdout.as_fd(), PollFlags::POLLIN));
            }
            if !err.is_over {
                waiting.push(PollFd::new(stderr.as_fd(), PollFlags::POLLIN));
            }
            if let Some(stdin) = &stdin {
                waiting.push(PollFd::new(stdin.as_fd(), PollFlags::POLLOUT));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
            match poll(&mut waiting, timeout) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, "it neither ends nor reports")),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        out.take(&mut stdout)?;
        err.take(&mut stderr)?;
        if let Some(pipe) = &mut stdin {
            match pipe.write(input) {
                Ok(written) => input = &input[written..],
                Err(error) if is_not_now(&error) => {}
                // It reads no more.
                Err(_) => input = &[],
            }
        }
        said.take(&mut report)?;
    }
    // What was written before the end is in the pipes now.
    out.take(&mut stdout)?;
    err.take(&mut stderr)?;
    Ok((said.bytes, out, err))
}

impl Kept {
    fn take(&mut self, from: &mut impl Read) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        // Bounded, for the writer may be faster than we are; a pipe holds four chunks.
        for _ in 0..16 {
            if self.is_over {
                break;
            }
            match from.read(&mut chunk) {
                Ok(0) => self.is_over = true,
                Ok(read) => {
                    let room = OUTPUT_AT_MOST - self.bytes.len();
                    self.bytes.extend_from_slice(&chunk[..read.min(room)]);
                    self.is_truncated |= read > room;
                }
                Err(error) if is_not_now(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Where the process that enters writes its report.
pub(crate) const REPORT_FD: i32 = 3;
const OUTPUT_AT_MOST: usize = 1 << 20;
/// Entering takes milliseconds; the command's own time is counted inside.
const ENTERING_TAKES: Duration = Duration::from_secs(10);
