//! A process that is meant for certain: by number and start time, held by a descriptor.

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::Signal,
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    time::{Duration, Instant},
};

/// Which process: a number alone may be another's by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its number on the host.
    pub pid: i32,
    /// When it was started, in clock ticks since the host's start.
    pub started: u64,
}

/// A process held: its number cannot become another's.
#[derive(Debug)]
pub(crate) struct HeldProcess {
    fd: OwnedFd,
}

impl Process {
    /// The process that has this number now.
    pub fn of(pid: i32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let started = start_time(&stat).ok_or_else(|| io::Error::other("unreadable /proc/PID/stat"))?;
        Ok(Self { pid, started })
    }

    /// Holds this process, if it still runs.
    pub fn hold(self) -> io::Result<Option<HeldProcess>> {
        let held = match HeldProcess::of_child(Pid::from_raw(self.pid)) {
            Ok(held) => held,
            Err(Errno::ESRCH) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        // Held first, then compared: the number is this process's from here on.
        let same = Self::of(self.pid).is_ok_and(|now| now == self);
        Ok((same && !held.has_ended()).then_some(held))
    }
}

impl HeldProcess {
    /// Holds a child that was not reaped yet: nobody else can have its number.
    pub fn of_child(pid: Pid) -> Result<Self, Errno> {
        // SAFETY: a system call without pointers; the descriptor it returns is ours alone.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
        // SAFETY: as above.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd as i32) } })
    }

    /// Sends a signal; a process that has ended needs none.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.signal_number(signal as i32)
    }

    /// The same for a signal that has a number only.
    pub fn signal_number(&self, signal: i32) -> io::Result<()> {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: a null siginfo is allowed and means the same as kill.
        let answer =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.fd.as_raw_fd(), signal, no_info, 0) };
        match Errno::result(answer) {
            Ok(_) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether it has ended, its parent having noticed or not.
    pub fn has_ended(&self) -> bool {
        self.wait(Duration::ZERO)
    }

    /// Waits for its end, at most so long, and says whether it came.
    ///
    /// The end of a guest's first process comes after that of every other process of the guest.
    pub fn wait(&self, at_most: Duration) -> bool {
        let deadline = Instant::now() + at_most;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) | Err(Errno::EINTR) if Instant::now() < deadline => {}
                Ok(ready) => return ready > 0,
                Err(_) => return false,
            }
        }
    }
}

impl AsFd for HeldProcess {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Names this start of the host; process numbers and start times mean nothing after the next.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim_end().to_owned())
}

/// Field 22 of `/proc/PID/stat`. The second is the name in brackets and may itself hold blanks and brackets.
fn start_time(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_time_is_read_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        assert_eq!(start_time(stat), Some(4711));
        assert_eq!(start_time("7 (a"), None);
    }

    #[test]
    fn a_process_is_held_only_by_its_own_start_time() {
        let own = Process::of(std::process::id() as i32).unwrap();
        assert!(own.hold().unwrap().is_some());
        assert!(Process { started: own.started + 1, ..own }.hold().unwrap().is_none());
    }

    #[test]
    fn an_ended_process_cannot_be_held_and_is_waited_for() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let process = Process::of(child.id() as i32).unwrap();
        let held = process.hold().unwrap().unwrap();
        assert!(!held.wait(Duration::from_millis(5)));
        held.signal(Signal::SIGKILL).unwrap();
        assert!(held.wait(Duration::from_secs(2)));
        child.wait().unwrap();
        assert!(process.hold().unwrap().is_none());
        held.signal(Signal::SIGKILL).unwrap();
    }
}
