//! What runs in processes of its own: keeper, builder, the guest's first process, and who enters later.

mod builder;
mod enter;
mod fence;
mod init;
mod keeper;
mod machine;
mod mounts;
mod systemd;
mod tree;

use std::{ffi::OsString, fmt, fs, path::PathBuf};

/// The hidden subcommand `havip guest-init`: becomes one of a sandbox's processes.
///
/// Must be called before this process starts a thread, with the arguments after `guest-init`: `main` looks for
/// the word and calls this first of all.
pub fn guest_init(arguments: Vec<OsString>) -> ! {
    // What leads here, to be given again to the guest's first process.
    let all: Vec<OsString> = std::env::args_os().collect();
    let leading = all[1..].strip_suffix(arguments.as_slice()).unwrap_or_default().to_vec();
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    let text: Vec<_> = arguments.iter().map(|argument| argument.to_str()).collect();
    match text.as_slice() {
        _ if threads != 1 => give_up("guest-init must be called before any thread is started"),
        [Some("keep"), Some(directory)] => keeper::keep(PathBuf::from(directory), leading),
        [Some("keep-machine"), Some(directory), Some(taps), Some(emulated)]
            if taps.parse::<usize>().is_ok() =>
        {
            machine::keep(PathBuf::from(directory), taps.parse().expect("just parsed"), emulated)
        }
        [Some("init")] => init::init(),
        [Some("init"), Some("systemd")] => init::systemd(),
        [Some("enter"), Some(state), Some(millis), ..]
            if arguments.len() > 3 && millis.parse::<u64>().is_ok() =>
        {
            let at_most = std::time::Duration::from_millis(millis.parse().expect("just parsed"));
            enter::enter(&PathBuf::from(state), at_most, &arguments[3..])
        }
        _ => give_up("guest-init is run by the agent, not by hand"),
    }
}

fn give_up(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(125)
}

/// A step that failed, and why: it crosses processes as text.
#[derive(Debug)]
struct Trouble(String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says which step failed.
trait Attempt<T> {
    fn attempting(self, step: impl fmt::Display) -> Result<T, Trouble>;
}

impl<T, E: fmt::Display> Attempt<T> for Result<T, E> {
    fn attempting(self, step: impl fmt::Display) -> Result<T, Trouble> {
        self.map_err(|error| Trouble(format!("could not {step}: {error}")))
    }
}

/// Where the guest finds the program of its first process.
const INIT_PROGRAM: &str = "/run/havip-init";
/// Where the guest finds its user data.
const USER_DATA: &str = "/run/havip-user-data";
/// Where the guest's first process waits to be told to go on.
const GO_FD: i32 = 3;

pub(crate) use machine::ORDERS;
